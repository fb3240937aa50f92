//! The server, and how it stops.

use std::{io, pin::pin, sync::Arc, time::Duration};

use tokio::{net::TcpListener, time::timeout};

use crate::{Chat, app, tls};

/// Serves until `chat.stop` is cancelled. Then it accepts nobody any more, bodies end and
/// say when to come back, and jobs have some time to be done.
pub async fn serve(
    chat: Arc<Chat>,
    listener: TcpListener,
    tls: Option<tls::Listener>,
) -> io::Result<()> {
    let app = app(Arc::clone(&chat));
    let stopped = || chat.stop.clone().cancelled_owned();
    let http = axum::serve(listener, app.clone()).with_graceful_shutdown(stopped()).into_future();
    let https = async {
        match tls {
            Some(tls) => axum::serve(tls, app).with_graceful_shutdown(stopped()).await,
            None => Ok(()),
        }
    };
    let mut served = pin!(async { tokio::try_join!(http, https).map(drop) });
    tokio::select! {
        biased;
        () = chat.stop.cancelled() => {}
        ended = &mut served => return ended,
    }
    // A body that its client does not read would keep the server from ever stopping.
    let served = timeout(chat.config.grace, served);
    let (served, ()) = tokio::join!(served, end_jobs(&chat));
    served.unwrap_or(Ok(()))
}

async fn end_jobs(chat: &Chat) {
    chat.jobs.close();
    if timeout(chat.config.grace, chat.jobs.wait()).await.is_err() {
        chat.kill.cancel();
        // To write a last event takes no longer.
        _ = timeout(Duration::from_secs(2), chat.jobs.wait()).await;
    }
}
