//! The last words of replicas that are gone: what did a version print that failed?

use std::{fs, io::ErrorKind, path::Path};

use uuid::Uuid;

use super::{KEPT, file_name};
use crate::Error;

/// Where they are, in a service's directory: `<time>-<port>/`, in the order of their ends.
pub(crate) const ENDED: &str = "ended";
/// So many replicas' are kept for each service.
const REPLICAS: usize = 3;
/// So many files of each are, the newest ones.
const FILES: usize = 2;

/// Keeps what a replica has written, of which nothing runs any more.
///
/// # Errors
/// When its directory cannot be moved.
pub(crate) fn keep(service: &Path, replica: &Path, port: u16) -> Result<(), Error> {
    let ended = service.join(ENDED);
    fs::create_dir_all(&ended).map_err(Error::file(&ended, "made"))?;
    let to = ended.join(format!("{}-{port}", Uuid::now_v7().simple()));
    match fs::rename(replica.join("output"), &to) {
        // It has never begun.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        moved => moved.map_err(Error::file(&to, "made"))?,
    }
    for number in FILES..=KEPT {
        // It is not there, or goes with the others.
        let _ = fs::remove_file(to.join(file_name(number)));
    }
    let mut all: Vec<_> = fs::read_dir(&ended).map_err(Error::file(&ended, "listed"))?.flatten().collect();
    all.sort_unstable_by_key(fs::DirEntry::file_name);
    for entry in all.iter().rev().skip(REPLICAS) {
        fs::remove_dir_all(entry.path()).map_err(Error::file(entry.path(), "removed"))?;
    }
    Ok(())
}
