//! How a local site lies in its directory.
//!
//! ```text
//! <root>/site.json        which site it is
//! <root>/artifacts/      programs that were uploaded
//! <root>/door/            the front doors' own; see the crate `door`
//! <root>/clusters/<cluster>/<namespace>/<service>/
//!   service.json        what is to run
//!   front-door.json     the port of its front door
//!   replicas/<port>/    a replica
//!   ended/              what the last of its replicas that are gone have written
//! ```

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Error, Place, Service, files, service::check_name};

/// Which site a directory is, for as long as the directory is there.
#[derive(Serialize, Deserialize)]
struct Identity {
    id: Uuid,
}

/// Removes an empty directory, if it is there.
pub(crate) fn remove(directory: &Path) -> Result<(), Error> {
    match fs::remove_dir(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::file(directory, "removed")(error)),
        _ => Ok(()),
    }
}

/// Which site this is; a new one where it was never opened.
pub(crate) fn identity(path: &Path) -> Result<Uuid, Error> {
    if let Some(Identity { id }) = files::read(path)? {
        return Ok(id);
    }
    let id = Uuid::now_v7();
    files::write(path, &Identity { id })?;
    Ok(id)
}

/// `…/clusters/CLUSTER/NAMESPACE/SERVICE/…`
pub(crate) fn place_of(clusters: &Path, path: &Path) -> Option<Place> {
    let mut names = path.strip_prefix(clusters).ok()?.iter().map(|name| name.to_str());
    Place::new(names.next()??, names.next()??, names.next()??).ok()
}

/// All services that are recorded. One whose record is damaged is left as it is, and said.
pub(crate) fn services(clusters: &Path) -> Result<Vec<(Place, PathBuf, Service)>, Error> {
    let mut found = Vec::new();
    for cluster in names(clusters)? {
        for namespace in names(&clusters.join(&cluster))? {
            for service in names(&clusters.join(&cluster).join(&namespace))? {
                let directory = clusters.join(&cluster).join(&namespace).join(&service);
                let place = Place::new(&cluster, &namespace, &service)?;
                match files::read(&directory.join("service.json")) {
                    Ok(Some(service)) => found.push((place, directory, service)),
                    Ok(None) => {}
                    Err(error) => {
                        tracing::error!(%place, error = error.in_full(), "a local service is left as it is")
                    }
                }
            }
        }
    }
    Ok(found)
}

/// The directories in a directory whose names are those of clusters, namespaces and services, in order.
pub(crate) fn names(directory: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(Error::file(directory, "listed"))? {
        let entry = entry.map_err(Error::file(directory, "listed"))?;
        if let Some(name) = entry.file_name().to_str()
            && check_name(name).is_ok()
            && entry.path().is_dir()
        {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}
