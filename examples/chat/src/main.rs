use std::{
    error::Error,
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
};

use chat::{Chat, config::Config, store::Store, tls, upstream::Upstream};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    // Each open stream is an open file, and many systems give 1024 to whoever does not ask
    // for more. Whatever it comes to, the server runs with it.
    #[cfg(unix)]
    {
        _ = rlimit::increase_nofile_limit(u64::MAX);
    }
    let config = Config::from_env()?;
    let store = Store::new(config.redis_url.as_deref(), config.replay_events).await?;
    let upstream = Upstream::from_env().await?;
    let listener = bind(config.address, "CHAT_ADDRESS").await?;
    say(&format!("open http://{}", listener.local_addr()?));
    let tls = match config.tls_address {
        Some(address) => {
            let listener = bind(address, "CHAT_TLS_ADDRESS").await?;
            say(&format!("or   https://{}", listener.local_addr()?));
            Some(tls::Listener::new(listener)?)
        }
        None => None,
    };

    let chat = Chat::new(config, store, upstream);
    let stop = chat.stop.clone();
    tokio::spawn(async move {
        asked_to_stop().await;
        stop.cancel();
        say("stopping; again to stop at once");
        asked_to_stop().await;
        std::process::exit(1);
    });
    Ok(chat::serve(chat, listener, tls).await?)
}

async fn bind(address: SocketAddr, setting: &str) -> Result<TcpListener, String> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| format!("{address}: {error}. {setting} may be another address"))
}

/// Whoever read this may be gone, and `println` would panic.
fn say(line: &str) {
    _ = writeln!(io::stdout(), "{line}");
}

/// By Ctrl-C, or by whoever started it.
async fn asked_to_stop() {
    let ctrl_c = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    #[cfg(unix)]
    let terminated = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => _ = signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending();
    tokio::select! {
        () = ctrl_c => {}
        () = terminated => {}
    }
}
