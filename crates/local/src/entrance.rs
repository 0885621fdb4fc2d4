//! The port of a service's front door, which it keeps for as long as it has one.

use std::{fs, io::ErrorKind, path::Path};

use serde::{Deserialize, Serialize};

use crate::{Error, files};

const FILE: &str = "front-door.json";

#[derive(Serialize, Deserialize)]
struct Entrance {
    port: u16,
}

/// The port of the service in a directory; none where it has no front door.
pub(crate) fn port(directory: &Path) -> Result<Option<u16>, Error> {
    Ok(files::read::<Entrance>(&directory.join(FILE))?.map(|entrance| entrance.port))
}

/// Records its port.
pub(crate) fn keep(directory: &Path, port: u16) -> Result<(), Error> {
    files::write(&directory.join(FILE), &Entrance { port })
}

/// Records that it has none.
pub(crate) fn give_up(directory: &Path) -> Result<(), Error> {
    let path = directory.join(FILE);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::file(path, "removed")(error)),
        _ => Ok(()),
    }
}

/// Where requests are taken.
pub(crate) fn address(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
