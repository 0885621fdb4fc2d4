//! The directory of the front doors: its lock, its routes, and its sockets.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::{
        fd::AsRawFd,
        unix::fs::{DirBuilderExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use domain::front_door::Routes;
use rustix::fs::{FlockOperation, OFlags, flock};
use tempfile::NamedTempFile;
use tokio::net::UnixListener;

use crate::Error;

/// Answers those who set routes and ask for counts.
pub(crate) const CONTROL: &str = "control.sock";
/// Hands the listening sockets over.
pub(crate) const HANDOVER: &str = "handover.sock";

/// What the front doors pass requests to, in the file that they come back from by themselves.
const ROUTES: &str = "routes.json";

/// The directory, which is open as long as this lives.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    handle: Arc<File>,
}

/// For as long as this lives no other process has the front doors. The system lets it go when this one ends.
pub(crate) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

impl Directory {
    /// Opens it.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let open = File::options().read(true).custom_flags(OFlags::DIRECTORY.bits().cast_signed()).open(path);
        Ok(Self { path: path.into(), handle: Arc::new(open.map_err(Error::file(path, "opened"))?) })
    }

    /// Makes it where it is not there, for its owner alone: whoever reaches the sockets sets routes.
    pub(crate) fn make(path: &Path) -> Result<Self, Error> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(Error::file(path, "made"))?;
        Self::open(path)
    }

    /// A socket's path that is short enough for its address, which has room for 108 bytes, wherever the directory is.
    pub(crate) fn socket(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.handle.as_raw_fd()))
    }

    /// Has a socket of this name listen from now on, in place of the one that did.
    pub(crate) fn listen(&self, name: &str) -> Result<UnixListener, Error> {
        let new = format!("{name}.new");
        let bound = || -> io::Result<UnixListener> {
            let _ = fs::remove_file(self.path.join(&new));
            let socket = UnixListener::bind(self.socket(&new))?;
            fs::rename(self.path.join(&new), self.path.join(name))?;
            Ok(socket)
        };
        bound().map_err(Error::file(self.path.join(name), "listened at"))
    }

    /// Takes the lock; `None` where another process has it.
    pub(crate) fn try_lock(&self) -> Result<Option<Lock>, Error> {
        self.lock_by(FlockOperation::NonBlockingLockExclusive)
    }

    /// Takes the lock once nobody has it.
    pub(crate) fn lock(&self) -> Result<Option<Lock>, Error> {
        self.lock_by(FlockOperation::LockExclusive)
    }

    fn lock_by(&self, how: FlockOperation) -> Result<Option<Lock>, Error> {
        let path = self.path.join("lock");
        let open = File::options().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(Error::file(&path, "opened"))?;
        match rustix::io::retry_on_intr(|| flock(&file, how)) {
            Ok(()) => Ok(Some(Lock(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(Error::file(path, "locked")(error.into())),
        }
    }

    /// The routes that were set last. Those of a file that is damaged, as after a power cut, are none: nothing that they
    /// led to runs any more.
    pub(crate) fn routes(&self) -> Result<Routes, Error> {
        let path = self.path.join(ROUTES);
        match fs::read(&path) {
            Ok(text) => Ok(serde_json::from_slice(&text).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Routes::default()),
            Err(error) => Err(Error::file(path, "read")(error)),
        }
    }

    /// Keeps routes. They are for whoever comes after this process, not after this machine's.
    pub(crate) fn keep(&self, routes: &Routes) -> Result<(), Error> {
        let path = self.path.join(ROUTES);
        let put = || {
            let mut file = NamedTempFile::new_in(&self.path)?;
            serde_json::to_writer(&mut file, routes)?;
            file.flush()?;
            file.persist(&path).map_err(|error| error.error)
        };
        put().map(|_| ()).map_err(Error::file(&path, "written"))
    }
}

/// Whether a process has the front doors of a directory; one that does need not be heard yet, as while it takes them over.
///
/// # Errors
/// [`Error::File`] where that cannot be told.
pub fn is_kept(directory: &Path) -> Result<bool, Error> {
    Ok(directory.exists() && Directory::open(directory)?.try_lock()?.is_none())
}

/// The routes that the front doors of a directory were set last, whether or not they are open.
///
/// # Errors
/// [`Error::File`] where they cannot be read.
pub fn routes(directory: &Path) -> Result<Routes, Error> {
    if directory.exists() { Directory::open(directory)?.routes() } else { Ok(Routes::default()) }
}
