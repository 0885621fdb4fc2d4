//! Documents that are there as a whole or not at all, and the lock.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::Path,
};

use rustix::fs::{FlockOperation, flock};
use serde::{Serialize, de::DeserializeOwned};
use tempfile::NamedTempFile;

use crate::Error;

/// Reads a document; `None` where there is none.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|source| Error::Damaged { path: path.into(), source }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file(path, "read")(error)),
    }
}

/// Writes a document, so that a reader, also one after a power cut, finds the old one or the new one.
pub(crate) fn write<T: Serialize>(path: &Path, document: &T) -> Result<(), Error> {
    let put = || {
        let mut file = NamedTempFile::new_in(path.parent().unwrap_or(path))?;
        serde_json::to_writer(&mut file, document)?;
        file.flush()?;
        file.as_file().sync_data()?;
        file.persist(path).map_err(|error| error.error)
    };
    put().map(|_| ()).map_err(Error::file(path, "written"))
}

/// A lock on a file, for as long as this lives. The system lets it go when its process ends, however that happens.
pub(crate) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // A process that is just being started has the file too, until it runs its own program.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

impl Lock {
    /// Takes the lock; `None` where another process has it.
    pub(crate) fn take(path: &Path) -> Result<Option<Self>, Error> {
        let open = File::options().create(true).truncate(false).write(true).open(path);
        let file = open.map_err(Error::file(path, "opened"))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(Error::file(path, "locked")(error.into())),
        }
    }
}
