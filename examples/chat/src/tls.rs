//! HTTPS, because browsers speak HTTP/2 over TLS only: with a certificate that is made at
//! start, and that nobody trusts.

use std::{error::Error, io, net::SocketAddr, sync::Arc, time::Duration};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
    server::TlsStream,
};

const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at once.
const MAX_HANDSHAKES: usize = 100;

/// Gives connections whose handshake is done. One that takes long keeps no other waiting.
#[derive(Debug)]
pub struct Listener {
    accepted: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
    /// Ends with this.
    _accepting: JoinSet<()>,
}

impl Listener {
    pub fn new(listener: TcpListener) -> Result<Self, Box<dyn Error>> {
        let acceptor = TlsAcceptor::from(Arc::new(config()?));
        let address = listener.local_addr()?;
        let (done, accepted) = mpsc::channel(1);
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, acceptor, done));
        Ok(Self { accepted, address, _accepting: accepting })
    }
}

impl axum::serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            // Only if accepting has panicked.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn accept(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    done: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let mut handshakes = JoinSet::new();
    loop {
        // That of axum waits a moment if there are too many open files.
        let (socket, address) = axum::serve::Listener::accept(&mut listener).await;
        while handshakes.try_join_next().is_some() {}
        if handshakes.len() == MAX_HANDSHAKES {
            handshakes.join_next().await;
        }
        let (acceptor, done) = (acceptor.clone(), done.clone());
        handshakes.spawn(async move {
            // One that fails is that client's problem: most do not trust the certificate.
            if let Ok(Ok(socket)) = timeout(HANDSHAKE, acceptor.accept(socket)).await {
                _ = done.send((socket, address)).await;
            }
        });
    }
}

fn config() -> Result<ServerConfig, Box<dyn Error>> {
    let names = ["localhost", "127.0.0.1", "::1"].map(String::from);
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names)?;
    let key = PrivateKeyDer::try_from(signing_key.serialize_der())?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
