//! What a site's services are to be: made, changed, copied, weighed, removed.

use std::collections::BTreeMap;

use domain::{local_service::LocalServiceSpec, variable::Given};
use uuid::Uuid;

use super::Site;
use crate::{Error, Place, Service, service::program};

impl Site {
    /// Makes a service, or changes the one that has this generation, for a deployment or by itself.
    ///
    /// # Errors
    /// [`Error::Stale`] when it has another generation by now: none, where 0 is given. [`Error::NoCluster`] where it
    /// would be the first of a cluster that was not made. [`Error::NoArtifact`] and [`Error::NoProgram`] where what it is to
    /// run is not there.
    pub fn put(
        &self,
        place: &Place,
        spec: LocalServiceSpec,
        deployment: Option<String>,
        generation: i64,
    ) -> Result<Service, Error> {
        self.change(place, spec, None, deployment, generation)
    }

    /// The same, and its replicas are given these variables; none for those that they have.
    pub(crate) fn change(
        &self,
        place: &Place,
        spec: LocalServiceSpec,
        variables: Option<Given>,
        deployment: Option<String>,
        generation: i64,
    ) -> Result<Service, Error> {
        let shared = &self.shared;
        let mut services = shared.services();
        let before = services.get(place).map(|kept| kept.wanted.borrow().clone());
        let found = before.as_ref().map_or(0, |service| service.generation);
        if found != generation {
            return Err(Error::Stale(place.clone(), found));
        }
        let had = || before.as_ref().map(|service| service.variables.clone());
        let variables = variables.or_else(had).unwrap_or_default();
        let service = match before {
            Some(before) if before.removed => return Err(Error::Going(place.clone())),
            Some(before)
                if before.spec == spec
                    && before.variables == variables
                    && before.deployment == deployment =>
            {
                return Ok(before);
            }
            Some(before) => {
                Service { generation: before.generation + 1, spec, variables, deployment, ..before }
            }
            None => {
                let (id, weights) = (Uuid::now_v7().to_string(), BTreeMap::new());
                Service { id, generation: 1, spec, variables, deployment, weights, removed: false }
            }
        };
        if let Some(artifact) = &service.spec.artifact {
            shared.artifacts.check(artifact, &program(&service.spec))?;
        }
        shared.set(&mut services, place, &service)?;
        Ok(service)
    }

    /// Makes a service as it is given.
    ///
    /// # Errors
    /// [`Error::Stale`] where there is one already, [`Error::NoCluster`] where its cluster was not made.
    pub(crate) fn insert(&self, place: &Place, service: Service) -> Result<(), Error> {
        let shared = &self.shared;
        let mut services = shared.services();
        if let Some(there) = services.get(place) {
            return Err(Error::Stale(place.clone(), there.wanted.borrow().generation));
        }
        shared.set(&mut services, place, &service)
    }

    /// Shares a service's requests between its versions, by image: none for 0, and by the number of ready replicas for what is
    /// not named. It holds for the versions that there are and for those to come, until it is changed.
    ///
    /// # Errors
    /// [`Error::Stale`] where there is no such service.
    pub fn weigh(&self, place: &Place, weights: BTreeMap<String, u32>) -> Result<(), Error> {
        let mut services = self.shared.services();
        let kept = services.get(place).ok_or_else(|| Error::Stale(place.clone(), 0))?;
        let service = Service { weights, ..kept.wanted.borrow().clone() };
        self.shared.set(&mut services, place, &service)
    }

    /// Removes a service, with all that it runs; done once it is gone for [`Site::service`] too.
    pub fn remove(&self, place: &Place) -> Result<(), Error> {
        let services = self.shared.services();
        let Some(kept) = services.get(place).filter(|kept| !kept.wanted.borrow().removed) else {
            return Ok(());
        };
        let service = Service { removed: true, ..kept.wanted.borrow().clone() };
        self.shared.record(place, &service)?;
        kept.wanted.send_replace(service);
        Ok(())
    }
}
