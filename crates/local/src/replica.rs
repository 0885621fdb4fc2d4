//! A replica, as a server sees it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};

use crate::{Error, Phase, Spec, State, detached, files, limits, process::sweep};

/// A file that says that a replica is to go.
const TO_GO: &str = "to-go";
/// What a holder says once the replica is its own.
pub(crate) const HELD: &str = "held\n";

/// A replica's directory, whether or not anything runs.
#[derive(Clone, Debug)]
pub struct Replica {
    directory: PathBuf,
}

impl Replica {
    /// Records what a replica is to run. Nothing is started yet, so that whoever comes after a crash knows of it.
    pub fn create(directory: &Path, spec: &Spec) -> Result<Self, Error> {
        fs::create_dir_all(directory).map_err(Error::file(directory, "made"))?;
        files::write(&directory.join("spec.json"), spec)?;
        Self::at(directory)
    }

    /// The replica in a directory, which has the same name for everybody: it marks the service's processes.
    pub fn at(directory: &Path) -> Result<Self, Error> {
        Ok(Self { directory: directory.canonicalize().map_err(Error::file(directory, "found"))? })
    }

    /// The replicas that were recorded under a directory, by name.
    pub fn all(root: &Path) -> Result<Vec<Self>, Error> {
        let mut found = Vec::new();
        if !root.exists() {
            return Ok(found);
        }
        let root = root.canonicalize().map_err(Error::file(root, "found"))?;
        for entry in fs::read_dir(&root).map_err(Error::file(&root, "listed"))? {
            let directory = entry.map_err(Error::file(&root, "listed"))?.path();
            if directory.join("spec.json").exists() {
                found.push(Self { directory });
            }
        }
        found.sort_by(|a, b| a.directory.cmp(&b.directory));
        Ok(found)
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// When it was recorded.
    pub fn made(&self) -> Result<DateTime<Utc>, Error> {
        let spec = self.directory.join("spec.json");
        let made = fs::metadata(&spec).and_then(|spec| spec.modified());
        Ok(made.map_err(Error::file(spec, "read"))?.into())
    }

    /// What it is to run.
    pub fn spec(&self) -> Result<Option<Spec>, Error> {
        files::read(&self.directory.join("spec.json"))
    }

    /// What its holder said last.
    pub fn state(&self) -> Result<Option<State>, Error> {
        files::read(&self.directory.join("state.json"))
    }

    /// What its holder says; none where there is no holder that has begun.
    pub fn held(&self) -> Result<Option<State>, Error> {
        Ok(self.state()?.filter(|state| state.holder.is_alive()))
    }

    /// Starts a holder, by a program that takes `hold DIRECTORY`; done once the replica is held.
    ///
    /// # Errors
    /// [`Error::Launch`] with the holder's words when it could not begin, as where there is one already.
    pub async fn start(&self, program: &Path) -> Result<(), Error> {
        detached::start(program, "hold", &self.directory, HELD).await
    }

    /// Records that it is to be stopped and removed, so that the next server does not take it for one that stays.
    pub(crate) fn mark_to_go(&self) -> Result<(), Error> {
        let mark = self.directory.join(TO_GO);
        fs::write(&mark, "").map_err(Error::file(&mark, "written"))
    }

    /// Whether that was recorded.
    pub(crate) fn is_to_go(&self) -> bool {
        self.directory.join(TO_GO).exists()
    }

    /// Stops the service and its holder; done once both are gone. A replica that nobody holds is stopped already.
    pub async fn stop(&self) -> Result<(), Error> {
        let (holder, groups) = self.state()?.map(|state| (state.holder, state.groups)).unzip();
        let mark = self.directory.display().to_string();
        let stopped = async {
            if let Some(holder) = holder {
                holder.terminate()?;
                holder.ended().await?;
            }
            // One that ended by itself has said so, and has left nothing; what one that was killed has left is looked for.
            let is_clear = self.state().is_ok_and(|state| state.is_some_and(|it| it.phase == Phase::Stopped));
            let clear = move || {
                if !is_clear {
                    sweep(&mark)?;
                }
                limits::remove(&groups.unwrap_or_default())
            };
            tokio::task::spawn_blocking(clear).await.map_err(io::Error::other)?
        };
        stopped.await.map_err(|error| Error::System("a replica cannot be stopped", error))
    }

    /// Removes the directory with all that is in it. The replica must have been stopped.
    ///
    /// # Errors
    /// [`Error::Held`] while it is held.
    pub fn remove(self) -> Result<(), Error> {
        if self.held()?.is_some() {
            return Err(Error::Held(self.directory));
        }
        fs::remove_dir_all(&self.directory).map_err(Error::file(&self.directory, "removed"))
    }
}
