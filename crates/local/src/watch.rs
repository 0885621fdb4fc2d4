//! News of replicas' states.

use std::{path::PathBuf, sync::Mutex};

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::{Error, Replica, mutex::lock};

/// How many news may wait to be read; whoever reads one looks at the state as it is then.
const WAITING: usize = 1024;

/// Whose replicas' news are told.
pub struct Watch(Mutex<RecommendedWatcher>);

/// What the holders of watched replicas have said.
pub struct News(mpsc::Receiver<PathBuf>);

impl Watch {
    /// One that watches nothing yet, and the news of it.
    pub fn new() -> Result<(Self, News), Error> {
        let (tell, news) = mpsc::channel(WAITING);
        let files = notify::recommended_watcher(move |event: Result<Event, notify::Error>| {
            // Whoever looks at a state because of this would cause the next one by reading.
            let written = event.ok().filter(|event| !event.kind.is_access());
            let paths = written.map(|event| event.paths).unwrap_or_default();
            for path in paths.into_iter().filter(|path| path.ends_with("state.json")) {
                // Where too many wait, or nobody listens, all are looked at before long.
                let _ = tell.try_send(path);
            }
        })?;
        Ok((Self(Mutex::new(files)), News(news)))
    }

    /// Watches one more.
    pub fn add(&self, replica: &Replica) -> Result<(), Error> {
        Ok(lock(&self.0).watch(replica.directory(), RecursiveMode::NonRecursive)?)
    }
}

impl News {
    /// The directory of the next replica with a new state; none once its [`Watch`] is gone.
    pub async fn next(&mut self) -> Option<PathBuf> {
        Some(self.0.recv().await?.parent()?.to_owned())
    }
}
