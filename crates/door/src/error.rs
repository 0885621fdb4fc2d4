//! What can go wrong with front doors.

use std::{error, io, iter, path::PathBuf};

/// This crate's error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the directory cannot be read or written.
    #[error("{} cannot be {action}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What was to be done with it, as a participle.
        action: &'static str,
        /// Why it cannot.
        source: io::Error,
    },
    /// The system refused.
    #[error("{0}")]
    System(&'static str, #[source] io::Error),
    /// The process that has the front doors gives them to nobody.
    #[error("the front doors cannot be taken over")]
    Kept(#[source] io::Error),
    /// The process that has the front doors does not answer as it should.
    #[error("the front doors do not answer")]
    Silent(#[source] hyper::Error),
    /// It has answered something else.
    #[error("the front doors have answered {0}")]
    Answer(String),
}

impl Error {
    pub(crate) fn file(path: impl Into<PathBuf>, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, action, source }
    }

    /// The error and what caused it, in one sentence.
    pub fn in_full(&self) -> String {
        let causes = iter::successors(error::Error::source(self), |&cause| cause.source());
        causes.fold(self.to_string(), |words, cause| format!("{words}: {cause}"))
    }
}
