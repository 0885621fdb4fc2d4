//! A site's artifacts, and who uses them.

use std::collections::BTreeMap;

use domain::artifact::Artifact;
use futures::Stream;

use super::{Kept, Site};
use crate::{Error, Place, Replica, service::ARTIFACT};

impl Site {
    /// Stores an artifact, and says whether it was not there before. Nothing is left of what is not stored.
    ///
    /// # Errors
    /// [`Error::ArtifactTooLarge`], [`Error::NoProgramIn`] for what is no program, [`Error::DiskFull`].
    pub async fn store_artifact<B, E>(
        &self,
        body: impl Stream<Item = Result<B, E>>,
    ) -> Result<(Artifact, bool), Error>
    where
        B: AsRef<[u8]>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (artifact, new) = self.shared.artifacts.store(body).await?;
        let used_by = self.users(&self.shared.services(), &artifact.digest)?;
        Ok((Artifact { used_by, ..artifact }, new))
    }

    /// The artifacts, newest first.
    pub fn artifacts(&self) -> Result<Vec<Artifact>, Error> {
        let services = self.shared.services();
        let with_users = |artifact: Artifact| {
            let used_by = self.users(&services, &artifact.digest)?;
            Ok(Artifact { used_by, ..artifact })
        };
        self.shared.artifacts.all()?.into_iter().map(with_users).collect()
    }

    /// Removes an artifact.
    ///
    /// # Errors
    /// [`Error::ArtifactInUse`] while a service runs it or is to run it, [`Error::NoArtifact`] when it is not there.
    pub fn remove_artifact(&self, digest: &str) -> Result<(), Error> {
        // No service comes to use it meanwhile.
        let services = self.shared.services();
        let used_by = self.users(&services, digest)?;
        if !used_by.is_empty() {
            return Err(Error::ArtifactInUse(used_by));
        }
        match self.shared.artifacts.remove(digest)? {
            true => Ok(()),
            false => Err(Error::NoArtifact(digest.to_owned())),
        }
    }

    /// The services that are to run an artifact, or of which a replica still runs it.
    fn users(&self, services: &BTreeMap<Place, Kept>, digest: &str) -> Result<Vec<String>, Error> {
        let Some(content) = self.shared.artifacts.content(digest) else { return Ok(Vec::new()) };
        let content = content.display().to_string();
        let mut users = Vec::new();
        for (place, kept) in services {
            let mut uses = kept.wanted.borrow().spec.artifact.as_deref() == Some(digest);
            if !uses {
                for replica in Replica::all(&self.shared.directory(place).join("replicas"))? {
                    let spec = replica.spec()?;
                    uses |= spec.is_some_and(|spec| spec.variables.get(ARTIFACT) == Some(&content));
                }
            }
            if uses {
                users.push(place.to_string());
            }
        }
        Ok(users)
    }
}
