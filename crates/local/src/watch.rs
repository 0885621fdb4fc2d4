//! News of replicas' states.

use std::path::PathBuf;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::{Error, Replica};

/// How many news may wait to be read; whoever reads one looks at the state as it is then.
const WAITING: usize = 1024;

/// Tells when the holders of replicas have said something new.
pub struct Watch {
    files: RecommendedWatcher,
    news: mpsc::Receiver<PathBuf>,
}

impl Watch {
    /// One that watches nothing yet.
    pub fn new() -> Result<Self, Error> {
        let (tell, news) = mpsc::channel(WAITING);
        let files = notify::recommended_watcher(move |event: Result<Event, notify::Error>| {
            let paths = event.map(|event| event.paths).unwrap_or_default();
            for path in paths.into_iter().filter(|path| path.ends_with("state.json")) {
                // Nobody listens any more.
                let _ = tell.blocking_send(path);
            }
        })?;
        Ok(Self { files, news })
    }

    /// Watches one more.
    pub fn add(&mut self, replica: &Replica) -> Result<(), Error> {
        Ok(self.files.watch(replica.directory(), RecursiveMode::NonRecursive)?)
    }

    /// Watches one no longer.
    pub fn remove(&mut self, replica: &Replica) -> Result<(), Error> {
        Ok(self.files.unwatch(replica.directory())?)
    }

    /// The directory of the next replica with a new state.
    pub async fn next(&mut self) -> Option<PathBuf> {
        Some(self.news.recv().await?.parent()?.to_owned())
    }
}
