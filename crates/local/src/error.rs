//! What can go wrong with a replica.

use std::{error, io, iter, path::PathBuf};

use domain::limits::memory_in_words;

use crate::Place;

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
    /// A process of the site has ended before it had begun, with its words.
    #[error("“{0}” could not start: {1}")]
    Launch(&'static str, String),
    /// The process that has the front doors.
    #[error("the front doors are not reached")]
    Door(#[from] door::Error),
    /// A front door is not open.
    #[error("the front door cannot listen at port {0}: {1}")]
    Shut(u16, String),
    /// The system refused.
    #[error("{0}")]
    System(&'static str, #[source] io::Error),
    /// Directories cannot be watched.
    #[error("the replicas' directories cannot be watched")]
    Watch(#[from] notify::Error),
    /// Every port of the range is in use.
    #[error("all ports from {0} to {1} are in use: give the local site a wider range")]
    NoPort(u16, u16),
    /// No name for a cluster, a namespace or a service.
    #[error("“{0}” is no name: lower-case letters, digits and hyphens within, 63 at most")]
    Name(String),
    /// Another server has the site.
    #[error("{} belongs to another server that is running: stop that one, or give this one a directory of its own", .0.display())]
    InUse(PathBuf),
    /// The service has changed meanwhile. Its generation now; 0 where there is none.
    #[error("{0} has changed meanwhile")]
    Stale(Place, i64),
    /// There is no such cluster.
    #[error("there is no local cluster “{0}”")]
    NoCluster(String),
    /// An artifact is larger than one may be, in bytes.
    #[error("an artifact may have up to {}", memory_in_words(*.0))]
    ArtifactTooLarge(u64),
    /// What was uploaded is no program and has none in it; why.
    #[error("this is no artifact: {0}")]
    NoProgramIn(String),
    /// There is no such artifact.
    #[error("there is no artifact {0}")]
    NoArtifact(String),
    /// The artifact does not have this program.
    #[error("{}", no_program(program, *single))]
    NoProgram {
        /// Which was asked for.
        program: String,
        /// The artifact is one program.
        single: bool,
    },
    /// The artifact is in use by these.
    #[error("the artifact is in use by {}", .0.join(", "))]
    ArtifactInUse(Vec<String>),
    /// There is no room.
    #[error("the disk is full")]
    DiskFull,
    /// The service is being removed.
    #[error("{0} is being removed: make it anew once it is gone")]
    Going(Place),
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

fn no_program(program: &str, single: bool) -> String {
    match (single, program.is_empty()) {
        (true, _) => format!("the artifact is one program: leave “{program}” out"),
        (false, true) => "the artifact is an archive: say which file of it is the program".to_owned(),
        (false, false) => format!("the artifact has no executable file “{program}”"),
    }
}
