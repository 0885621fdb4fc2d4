//! How a connection is opened: which addresses may be connected to, and which certificates are trusted.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use domain::validate::is_forbidden_address;
use futures::{FutureExt, future::BoxFuture};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::{HttpConnector, dns::Name};
use rustls::{
    ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer, pki_types::pem::PemObject,
};
use tower::Service;
use url::{Host, Url};

use crate::Error;

/// How long opening a connection may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// After how long without traffic the other side is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Opens guarded connections, plain or with TLS.
pub(crate) type Connector = HttpsConnector<HttpConnector<GuardedResolver>>;

/// A name that resolves to an address that must not be connected to.
#[derive(Debug, thiserror::Error)]
#[error("{name} leads to {ip}, which must not be connected to: it is a link-local or metadata address.")]
pub(crate) struct ForbiddenAddress {
    name: String,
    ip: IpAddr,
}

/// A name that does not resolve.
#[derive(Debug, thiserror::Error)]
#[error("The name {name} cannot be resolved ({source}): check its spelling.")]
pub(crate) struct UnresolvedName {
    name: String,
    source: io::Error,
}

/// Resolves names as the machine does, and refuses forbidden addresses anew on every connect.
#[derive(Clone)]
pub(crate) struct GuardedResolver;

impl Service<Name> for GuardedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        resolve(name.as_str().to_owned()).boxed()
    }
}

async fn resolve(
    name: String,
) -> Result<std::vec::IntoIter<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
    let looked_up = tokio::net::lookup_host((name.as_str(), 0)).await.map(Vec::from_iter);
    let found = match looked_up {
        Ok(found) => found,
        Err(source) => return Err(UnresolvedName { name, source }.into()),
    };
    match found.iter().map(SocketAddr::ip).find(|ip| is_forbidden_address(*ip)) {
        Some(ip) => Err(ForbiddenAddress { name, ip }.into()),
        None => Ok(found.into_iter()),
    }
}

/// Reads a site's address: `http` or `https`, a host that may be connected to, and no user or query.
pub(crate) fn parse_address(address: &str) -> Result<Url, Error> {
    let refuse = |words: &str| Err(Error::Address(words.to_owned()));
    let Ok(url) = Url::parse(address.trim()) else {
        return refuse("This is no address: give one such as https://rancher.example.com.");
    };
    if !matches!(url.scheme(), "http" | "https") {
        return refuse("Give an address that begins with https:// or http://.");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("Leave user and password out of the address: the token signs in.");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("Give the server's address only, without anything after ? or #.");
    }
    let ip = match url.host() {
        Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
        _ => None,
    };
    match ip.filter(|ip| is_forbidden_address(*ip)) {
        Some(ip) => {
            refuse(&format!("{ip} must not be connected to: it is a link-local or metadata address."))
        }
        None => Ok(url),
    }
}

/// A connector that trusts `ca` only, or the public certificate authorities where none is given.
pub(crate) fn connector(ca: Option<&str>) -> Result<Connector, Error> {
    let mut http = HttpConnector::new_with_resolver(GuardedResolver);
    http.enforce_http(false);
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    http.set_keepalive(Some(KEEPALIVE));
    http.set_nodelay(true);
    let roots = match ca.filter(|pem| !pem.trim().is_empty()) {
        Some(pem) => private_roots(pem)?,
        None => public_roots(),
    };
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Tls(format!("TLS cannot be set up: {error}.")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(HttpsConnector::from((http, tls)))
}

fn private_roots(pem: &str) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate
            .map_err(|error| Error::Tls(format!("The CA certificate is no valid PEM: {error}.")))?;
        roots
            .add(certificate)
            .map_err(|error| Error::Tls(format!("The CA certificate cannot be used: {error}.")))?;
    }
    if roots.is_empty() {
        let words =
            "The CA certificate holds no certificate: give it as PEM, from -----BEGIN CERTIFICATE----- on.";
        return Err(Error::Tls(words.to_owned()));
    }
    Ok(roots)
}

/// The machine's own authorities and Mozilla's, so that it works on a machine that has none.
fn public_roots() -> RootCertStore {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_must_not_be_used_are_refused() {
        for address in [
            "ftp://example.com",
            "rancher.example.com",
            "https://user:secret@example.com",
            "https://example.com/?x=1",
            "http://169.254.169.254",
            "http://[::ffff:169.254.169.254]:6443",
            "http://0xa9fea9fe",
            "http://[fd00:ec2::254]/",
        ] {
            assert!(matches!(parse_address(address), Err(Error::Address(_))), "{address}");
        }
        assert!(parse_address("https://10.0.0.1:6443/rancher").is_ok());
    }

    #[tokio::test]
    async fn names_are_resolved_before_they_are_trusted() {
        assert!(resolve("127.0.0.1".into()).await.is_ok());
        let forbidden = resolve("169.254.169.254".into()).await.unwrap_err();
        assert!(forbidden.is::<ForbiddenAddress>());
        assert!(resolve("no-such-host.invalid".into()).await.unwrap_err().is::<UnresolvedName>());
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        assert!(matches!(connector(Some("not a certificate")), Err(Error::Tls(_))));
        assert!(connector(Some(" ")).is_ok(), "an empty text is no CA");
    }
}
