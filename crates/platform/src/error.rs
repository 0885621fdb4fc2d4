//! What can go wrong with a platform, in words that say what to do.

use std::time::Duration;

/// A platform's error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is no address, is forbidden, or nothing answers there.
    #[error("{0}")]
    Address(String),
    /// The server's certificate is not trusted, or it speaks no TLS.
    #[error("{0}")]
    Tls(String),
    /// The token is wrong, expired, or not for this.
    #[error("{0}")]
    SignIn(String),
    /// The token lacks a right.
    #[error("{0}")]
    Forbidden(String),
    /// There is no such cluster, namespace or object.
    #[error("{0}")]
    NotFound(String),
    /// The platform rejected a change, for good.
    #[error("{0}")]
    Rejected(String),
    /// The cluster cannot be reached through its site.
    #[error("{message}")]
    Unavailable {
        /// In words.
        message: String,
        /// How long the server asked to wait.
        retry_after: Option<Duration>,
    },
    /// A list or a watch that was to be gone on with is too old by now: it begins anew.
    #[error("{0}")]
    Expired(String),
    /// The answer is not what such a server gives: HTML, a redirect, cut in the middle.
    #[error("{0}")]
    Answer(String),
}

impl Error {
    /// Whether trying again later may help without anyone doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Error::Unavailable { .. } | Error::Address(_) | Error::Expired(_) | Error::Answer(_))
    }

    /// How long the server asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
