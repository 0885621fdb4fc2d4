//! A site's artifacts, and who uses them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use domain::artifact::Artifact;
use futures::Stream;

use super::{Kept, Site};
use crate::{Error, Place, Replica, service::ARTIFACT};

impl Site {
    /// Stores an artifact, under the name of its file where that is told, and says whether it was not there before. Nothing is left of what is not stored.
    ///
    /// # Errors
    /// [`Error::ArtifactTooLarge`], [`Error::NoProgramIn`] for what is no program, [`Error::DiskFull`].
    pub async fn store_artifact<B, E>(
        &self,
        name: Option<String>,
        body: impl Stream<Item = Result<B, E>>,
    ) -> Result<(Artifact, bool), Error>
    where
        B: AsRef<[u8]>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (artifact, new) = self.shared.artifacts.store(name, body).await?;
        let used_by = self.users(&self.shared.services())?.remove(&artifact.digest).unwrap_or_default();
        Ok((Artifact { used_by, ..artifact }, new))
    }

    /// The artifacts, newest first.
    pub fn artifacts(&self) -> Result<Vec<Artifact>, Error> {
        let mut users = self.users(&self.shared.services())?;
        let with_users = |artifact: Artifact| {
            let used_by = users.remove(&artifact.digest).unwrap_or_default();
            Artifact { used_by, ..artifact }
        };
        Ok(self.shared.artifacts.all()?.into_iter().map(with_users).collect())
    }

    /// Removes an artifact.
    ///
    /// # Errors
    /// [`Error::ArtifactInUse`] while a service runs it or is to run it, [`Error::NoArtifact`] when it is not there.
    pub fn remove_artifact(&self, digest: &str) -> Result<(), Error> {
        // No service comes to use it meanwhile.
        let services = self.shared.services();
        if let Some(used_by) = self.users(&services)?.remove(digest) {
            return Err(Error::ArtifactInUse(used_by));
        }
        match self.shared.artifacts.remove(digest)? {
            true => Ok(()),
            false => Err(Error::NoArtifact(digest.to_owned())),
        }
    }

    /// The services that are to run an artifact, or of which a replica still runs it, by its digest.
    fn users(&self, services: &BTreeMap<Place, Kept>) -> Result<BTreeMap<String, Vec<String>>, Error> {
        let mut users = BTreeMap::<_, Vec<String>>::new();
        for (place, kept) in services {
            let mut used = BTreeSet::new();
            used.extend(kept.wanted.borrow().spec.artifact.clone());
            for replica in Replica::all(&self.shared.directory(place).join("replicas"))? {
                let content = replica.spec()?.and_then(|mut spec| spec.variables.0.remove(ARTIFACT));
                used.extend(content.and_then(|content| self.shared.artifacts.digest_of(Path::new(&content))));
            }
            for digest in used {
                users.entry(digest).or_default().push(place.to_string());
            }
        }
        Ok(users)
    }
}
