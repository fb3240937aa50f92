//! The server, and how it stops.
//!
//! `axum::serve` would do, but for clients that vanish or never say anything: each holds an
//! open file, and a stream that is counted, and the server has to notice.

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::{Router, serve::Listener};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown, graceful::Watcher},
    service::TowerToHyperService,
};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::{Chat, app, tls};

const HANDSHAKE: Duration = Duration::from_secs(10);
/// For a request to come, from when the connection is open, or the one before is done. A
/// proxy keeps connections for the next request: nginx for 60 seconds, and this is longer,
/// or it could send one just when we hang up.
const REQUEST: Duration = Duration::from_secs(75);
/// Whoever has acknowledged nothing for so long is gone.
const GONE: Duration = Duration::from_secs(30);

/// Serves until `chat.stop` is cancelled. Then it accepts nobody any more, bodies end and
/// say when to come back, and jobs have some time to be done.
pub async fn serve(
    chat: Arc<Chat>,
    listener: TcpListener,
    tls: Option<tls::Listener>,
) -> io::Result<()> {
    let app = app(Arc::clone(&chat));
    let http = accept(app.clone(), listener, None, chat.stop.clone());
    let https = async {
        if let Some(tls::Listener { listener, acceptor }) = tls {
            accept(app, listener, Some(acceptor), chat.stop.clone()).await;
        }
    };
    let mut served = pin!(async { tokio::join!(http, https) });
    tokio::select! {
        biased;
        () = chat.stop.cancelled() => {}
        _ = &mut served => return Ok(()),
    }
    // A body that its client does not read would keep the server from ever stopping.
    let served = timeout(chat.config.grace, served);
    _ = tokio::join!(served, end_jobs(&chat));
    Ok(())
}

async fn accept(
    app: Router,
    mut listener: TcpListener,
    tls: Option<TlsAcceptor>,
    stop: CancellationToken,
) {
    let connections = GracefulShutdown::new();
    // That of axum waits a moment if there are too many open files.
    while let Some((socket, _)) = stop.run_until_cancelled(Listener::accept(&mut listener)).await {
        let (app, tls) = (app.clone(), tls.clone());
        let (stop, watcher) = (stop.clone(), connections.watcher());
        notice_if_gone(&socket);
        tokio::spawn(async move {
            // Until there is a request, to stop is to hang up.
            let mut byte = [0];
            let first_byte = timeout(REQUEST, socket.peek(&mut byte));
            let Some(Ok(Ok(1..))) = stop.run_until_cancelled(first_byte).await else { return };
            let Some(tls) = tls else { return serve_one(app, socket, watcher).await };
            let handshake = timeout(HANDSHAKE, tls.accept(socket));
            // One that fails is that client's problem: most do not trust the certificate.
            if let Some(Ok(Ok(socket))) = stop.run_until_cancelled(handshake).await {
                serve_one(app, socket, watcher).await;
            }
        });
    }
    drop(listener);
    connections.shutdown().await;
}

async fn serve_one(
    app: Router,
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    watcher: Watcher,
) {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(REQUEST);
    let connection = http.serve_connection(TokioIo::new(socket), TowerToHyperService::new(app));
    // That a client breaks off is no error of ours.
    _ = watcher.watch(connection).await;
}

/// A client whose cable is pulled does not say so. The comments that an event stream keeps
/// alive with are never acknowledged then, and after at most 45 seconds the stream ends.
/// Without this, Linux would try for 15 minutes. So it goes for one that reads nothing for
/// so long; it may come back.
fn notice_if_gone(socket: &TcpStream) {
    // Each event at once. If an option cannot be set, all works without.
    _ = socket.set_nodelay(true);
    let socket = SockRef::from(socket);
    _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(GONE / 2));
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        _ = socket.set_tcp_user_timeout(Some(GONE));
    }
}

async fn end_jobs(chat: &Chat) {
    chat.jobs.close();
    if timeout(chat.config.grace, chat.jobs.wait()).await.is_err() {
        chat.kill.cancel();
        // To write a last event takes no longer.
        _ = timeout(Duration::from_secs(2), chat.jobs.wait()).await;
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_that_is_gone_is_noticed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        notice_if_gone(&socket);
        assert!(socket.nodelay().unwrap());
        let socket = SockRef::from(&socket);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(GONE));
    }
}
