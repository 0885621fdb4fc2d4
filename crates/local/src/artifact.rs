//! Uploaded programs, each in a directory that is named by its content.
//!
//! ```text
//! <artifacts>/sha256/<digits>/
//!   artifact.json   what it is
//!   content/        the program, or what an archive held
//! ```

mod unpack;

use std::{
    fs::{self, File, Permissions},
    io::{self, ErrorKind},
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

use chrono::Utc;
use domain::artifact::{Artifact, ArtifactKind, digest, digits};
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, task::spawn_blocking};

use self::unpack::{Bounds, Form, unpack};
use crate::{Error, files};

/// The largest artifact, in bytes.
pub(crate) const LARGEST: u64 = 512 << 20;
/// What an archive may hold.
const BOUNDS: Bounds = Bounds { bytes: 2 << 30, entries: 100_000 };
/// What an artifact that is one program is called in its directory, and what it need not be called in a service.
const PROGRAM: &str = "program";
/// What the directories of uploads under way begin with.
const UPLOAD: &str = ".upload-";

/// The artifacts of a site.
pub(crate) struct Artifacts {
    directory: PathBuf,
    largest: u64,
}

impl Artifacts {
    /// Those in a directory, which is made where it is not there. What a crash has left of uploads is removed: no other
    /// server may have it open.
    pub(crate) fn open(directory: &Path, largest: u64) -> Result<Self, Error> {
        let directory = directory.join("sha256");
        fs::create_dir_all(&directory).map_err(Error::file(&directory, "made"))?;
        let directory = directory.canonicalize().map_err(Error::file(&directory, "found"))?;
        for entry in fs::read_dir(&directory).map_err(Error::file(&directory, "listed"))?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(UPLOAD) {
                fs::remove_dir_all(entry.path()).map_err(Error::file(entry.path(), "removed"))?;
            }
        }
        Ok(Self { directory, largest })
    }

    /// Stores what comes, and says whether it was not there before. Nothing is left of what is not stored.
    ///
    /// # Errors
    /// [`Error::ArtifactTooLarge`], [`Error::NoProgramIn`] for what is no program, [`Error::DiskFull`].
    pub(crate) async fn store<B, E>(
        &self,
        name: Option<String>,
        body: impl Stream<Item = Result<B, E>>,
    ) -> Result<(Artifact, bool), Error>
    where
        B: AsRef<[u8]>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let upload = tempfile::Builder::new().prefix(UPLOAD).tempdir_in(&self.directory);
        let upload = upload.map_err(full(&self.directory))?;
        let (size, digits) = self.receive(&upload.path().join(PROGRAM), body).await?;
        let directory = self.directory.join(&digits);
        let made = spawn_blocking(move || match known(&directory)? {
            Some(artifact) => Ok((artifact, false)),
            None => make(&upload, name, size, &digits, &directory),
        });
        made.await.map_err(|error| Error::System("the artifact cannot be made", error.into()))?
    }

    /// Writes what comes to a file. Its size, and the digits of its digest.
    async fn receive<B, E>(
        &self,
        path: &Path,
        body: impl Stream<Item = Result<B, E>>,
    ) -> Result<(u64, String), Error>
    where
        B: AsRef<[u8]>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut body = std::pin::pin!(body);
        let mut file = tokio::fs::File::create(path).await.map_err(full(path))?;
        let (mut size, mut hash) = (0, Sha256::new());
        while let Some(part) = body.next().await {
            let part =
                part.map_err(|error| Error::System("the upload was cut off", io::Error::other(error)))?;
            let part = part.as_ref();
            size += part.len() as u64;
            if size > self.largest {
                return Err(Error::ArtifactTooLarge(self.largest));
            }
            hash.update(part);
            file.write_all(part).await.map_err(full(path))?;
        }
        file.flush().await.map_err(full(path))?;
        file.sync_all().await.map_err(full(path))?;
        Ok((size, format!("{:x}", hash.finalize())))
    }

    /// All that are there, newest first. Nobody is said to use them.
    pub(crate) fn all(&self) -> Result<Vec<Artifact>, Error> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(Error::file(&self.directory, "listed"))? {
            let directory = entry.map_err(Error::file(&self.directory, "listed"))?.path();
            match known(&directory) {
                Ok(artifact) => found.extend(artifact),
                Err(error) => tracing::error!(error = error.in_full(), "an artifact is left as it is"),
            }
        }
        found.sort_unstable_by(|a, b| (b.created_at, &b.digest).cmp(&(a.created_at, &a.digest)));
        Ok(found)
    }

    /// Removes one; whether it was there. It must not be in use.
    pub(crate) fn remove(&self, digest: &str) -> Result<bool, Error> {
        let Some(directory) = self.path(digest) else { return Ok(false) };
        let upload = tempfile::Builder::new().prefix(UPLOAD).tempdir_in(&self.directory);
        let upload = upload.map_err(full(&self.directory))?;
        // It is there as a whole or not at all; what is moved goes with the directory that it is moved to.
        match fs::rename(&directory, upload.path().join("removed")) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            moved => moved.map_err(Error::file(&directory, "removed"))?,
        }
        upload.close().map(|()| true).map_err(Error::file(&directory, "removed"))
    }

    /// What a service's replicas find of an artifact; none where it is no digest.
    pub(crate) fn content(&self, digest: &str) -> Option<PathBuf> {
        Some(self.path(digest)?.join("content"))
    }

    /// The digest of the artifact that has this content.
    pub(crate) fn digest_of(&self, content: &Path) -> Option<String> {
        let below = content.strip_prefix(&self.directory).ok()?;
        Some(digest(below.parent()?.to_str()?))
    }

    /// Where a program of an artifact is, whether or not it is there.
    pub(crate) fn program(&self, digest: &str, program: &str) -> Option<PathBuf> {
        Some(self.content(digest)?.join(if program.is_empty() { PROGRAM } else { program }))
    }

    /// Refuses an artifact that is not there, and a program that it does not have.
    pub(crate) fn check(&self, digest: &str, program: &str) -> Result<(), Error> {
        let unknown = || Error::NoArtifact(digest.to_owned());
        let directory = self.path(digest).ok_or_else(unknown)?;
        let Artifact { kind, .. } = known(&directory)?.ok_or_else(unknown)?;
        let inside = Path::new(program).components().all(|part| matches!(part, Component::Normal(_)));
        let path = self.program(digest, program).ok_or_else(unknown)?;
        let is_program = |path: &Path| {
            fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        };
        if inside && is_program(&path) {
            return Ok(());
        }
        Err(Error::NoProgram { program: program.to_owned(), single: kind == ArtifactKind::Executable })
    }

    fn path(&self, digest: &str) -> Option<PathBuf> {
        digits(digest).map(|digits| self.directory.join(digits))
    }
}

fn known(directory: &Path) -> Result<Option<Artifact>, Error> {
    files::read(&directory.join("artifact.json"))
}

/// Makes an artifact of what was uploaded, and puts it in its place as a whole.
fn make(
    upload: &TempDir,
    name: Option<String>,
    size: u64,
    digits: &str,
    directory: &Path,
) -> Result<(Artifact, bool), Error> {
    let (uploaded, made) = (upload.path().join(PROGRAM), upload.path().join("artifact"));
    let content = made.join("content");
    fs::create_dir_all(&content).map_err(full(&content))?;
    let form = Form::of(&uploaded).map_err(Error::file(&uploaded, "read"))?;
    let kind = match form {
        None => return Err(Error::NoProgramIn("it is no executable and no archive".to_owned())),
        Some(Form::Program) => {
            let program = content.join(PROGRAM);
            let moved = fs::rename(&uploaded, &program)
                .and_then(|()| fs::set_permissions(&program, Permissions::from_mode(0o755)));
            moved.map_err(full(&program))?;
            ArtifactKind::Executable
        }
        Some(form) => {
            unpack(&uploaded, form, &content, BOUNDS)?;
            ArtifactKind::Archive
        }
    };
    let artifact =
        Artifact { digest: digest(digits), name, size, kind, created_at: Utc::now(), used_by: Vec::new() };
    files::write(&made.join("artifact.json"), &artifact)?;
    let place = || {
        let above = File::open(upload.path())?;
        // All of it, before it has its name.
        rustix::fs::syncfs(&above)?;
        fs::rename(&made, directory)?;
        File::open(directory.parent().unwrap_or(directory))?.sync_all()
    };
    match place() {
        Ok(()) => Ok((artifact, true)),
        // Somebody else has uploaded the same meanwhile.
        Err(error) => match known(directory)? {
            Some(artifact) => Ok((artifact, false)),
            None => Err(full(directory)(error)),
        },
    }
}

/// What cannot be written, told apart from what cannot be written because there is no room.
fn full(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |error| match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::DiskFull,
        _ => Error::file(path, "written")(error),
    }
}

#[cfg(test)]
mod tests;
