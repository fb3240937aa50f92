//! HTTPS, because browsers speak HTTP/2 over TLS only: with a certificate that is made at
//! start, and that nobody trusts.

use std::{error::Error, sync::Arc};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

/// Where HTTPS is served.
pub struct Listener {
    pub(crate) listener: TcpListener,
    pub(crate) acceptor: TlsAcceptor,
}

impl Listener {
    pub fn new(listener: TcpListener) -> Result<Self, Box<dyn Error>> {
        let acceptor = TlsAcceptor::from(Arc::new(config()?));
        Ok(Self { listener, acceptor })
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
