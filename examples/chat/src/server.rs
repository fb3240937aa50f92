//! The server, and how it stops.

use std::{io, sync::Arc, time::Duration};

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
    let served = async { tokio::try_join!(http, https).map(drop) };
    let ended = async {
        chat.stop.cancelled().await;
        end_jobs(&chat).await;
    };
    // A body that its client does not read would keep the server from ever stopping.
    let too_long = async {
        chat.stop.cancelled().await;
        tokio::time::sleep(chat.config.grace).await;
    };
    let served = async {
        tokio::select! {
            ended = served => ended,
            () = too_long => Ok(()),
        }
    };
    tokio::try_join!(served, async { Ok(ended.await) }).map(drop)
}

async fn end_jobs(chat: &Chat) {
    chat.jobs.close();
    if timeout(chat.config.grace, chat.jobs.wait()).await.is_err() {
        chat.kill.cancel();
        // To write a last event takes no longer.
        _ = timeout(Duration::from_secs(2), chat.jobs.wait()).await;
    }
}
