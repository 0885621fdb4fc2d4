//! Why the stand-in cannot start.

use std::net::SocketAddr;
use std::path::PathBuf;

/// A fault that keeps the stand-in from starting.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// `--cluster` is not of the form `NAME=KUBECONFIG`.
    #[error("{0:?} is not of the form NAME=KUBECONFIG")]
    RealClusterForm(String),
    /// A kubeconfig cannot be read.
    #[error("cannot use the kubeconfig {path} of cluster {name:?}")]
    Kubeconfig {
        /// The name of the cluster.
        name: String,
        /// The kubeconfig.
        path: PathBuf,
        /// What is wrong with it.
        source: kube::config::KubeconfigError,
    },
    /// A real cluster does not answer.
    #[error("cluster {name:?} does not answer")]
    Unreachable {
        /// The name of the cluster.
        name: String,
        /// What went wrong.
        source: Box<kube::Error>,
    },
    /// The certificate cannot be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// TLS cannot be set up.
    #[error("cannot set TLS up")]
    Tls(#[from] tokio_rustls::rustls::Error),
    /// The certificate cannot be written.
    #[error("cannot write the certificate to {path}")]
    CaFile {
        /// Where it was to go.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}
