//! What can go wrong with a replica.

use std::{io, path::PathBuf};

/// This crate's error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the replica's directory cannot be read or written.
    #[error("{} cannot be {action}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What was to be done with it, as a participle.
        action: &'static str,
        /// Why it cannot.
        source: io::Error,
    },
    /// A file of the replica's directory is not what a holder or a server writes.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Where.
        source: serde_json::Error,
    },
    /// The replica has a holder already.
    #[error("{} has a holder already", .0.display())]
    Held(PathBuf),
    /// The holder has ended before it held anything, with its words.
    #[error("the holder could not start: {0}")]
    Holder(String),
    /// The system refused.
    #[error("{0}")]
    System(&'static str, #[source] io::Error),
    /// Directories cannot be watched.
    #[error("the replicas' directories cannot be watched")]
    Watch(#[from] notify::Error),
    /// Every port of the range is in use.
    #[error("all ports from {0} to {1} are in use: give the local site a wider range")]
    NoPort(u16, u16),
}

impl Error {
    pub(crate) fn file(path: impl Into<PathBuf>, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, action, source }
    }
}
