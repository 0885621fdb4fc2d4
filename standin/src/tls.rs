//! TLS with a certificate that is made at start.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;

use crate::error::Error;
use crate::faults::{Line, LineListener, Reset};
use crate::options::Tls;

/// A certificate, ready to serve with.
pub(crate) struct Identity {
    pub(crate) pem: String,
    acceptor: TlsAcceptor,
}

/// Makes a certificate, and writes it where the options say.
pub(crate) async fn identity(options: &Tls, addr: SocketAddr) -> Result<Identity, Error> {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), addr.ip().to_string()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)?;
    let pem = cert.pem();
    if let Some(path) = &options.ca_file {
        let written = tokio::fs::write(path, &pem).await;
        written.map_err(|source| Error::CaFile { path: path.clone(), source })?;
    }
    Ok(Identity { pem, acceptor: TlsAcceptor::from(Arc::new(config)) })
}

/// Gives out connections whose handshake is done; a slow handshake holds nobody else up.
pub(crate) struct TlsListener {
    addr: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<Line>, SocketAddr)>,
}

impl TlsListener {
    pub(crate) fn new(listener: LineListener, addr: SocketAddr, identity: &Identity) -> Self {
        const WAITING: usize = 64;
        let (sender, ready) = mpsc::channel(WAITING);
        tokio::spawn(accept_all(listener, identity.acceptor.clone(), sender));
        Self { addr, ready }
    }
}

async fn accept_all(
    mut listener: LineListener,
    acceptor: TlsAcceptor,
    ready: mpsc::Sender<(TlsStream<Line>, SocketAddr)>,
) {
    loop {
        let (stream, peer) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = ready.closed() => return,
        };
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        tokio::spawn(async move {
            match acceptor.accept(stream).await {
                // Nobody takes it when the server is stopping.
                Ok(stream) => drop(ready.send((stream, peer)).await),
                Err(error) => tracing::debug!(%error, %peer, "handshake failed"),
            }
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<Line>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.addr)
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Reset {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        stream.io().get_ref().0.reset.clone()
    }
}
