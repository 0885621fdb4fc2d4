//! The local site behind the [`Platform`] trait: a service is a workload, its replicas are pods.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use chrono::SecondsFormat;
use domain::{
    capacity::Capacity,
    cluster::ClusterState,
    local_service::MAX_REPLICAS,
    replicas::ReplicaChange,
    service::{Container, WorkloadKind},
    site::{Check, CheckStatus, SiteTest},
    variable::Reported,
    workload::{PodContainer, PodFacts, WorkloadFacts, WorkloadKey},
};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use platform::{
    Copy, Error, FoundCluster, FoundNamespace, ImageChange, Platform, Scope, SetImages, Snapshot, Told,
    Verdict, WatchEvent, verdict,
};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::timeout,
};

use crate::{Observed, ObservedReplica, Phase, Place, Service, Site};

/// A watch says so often that it is there.
const ALIVE: Duration = Duration::from_secs(30);
/// The only container of a service.
pub const CONTAINER: &str = "app";

/// The driver of a local site.
pub struct Driver(Arc<Site>);

impl Driver {
    /// Of this site.
    pub fn new(site: Arc<Site>) -> Self {
        Self(site)
    }

    fn find(&self, cluster: &str, key: &WorkloadKey) -> Option<(Place, Observed)> {
        // So that it can stand beside the same service on Kubernetes.
        if key.kind != WorkloadKind::Deployment {
            return None;
        }
        let place = Place::new(cluster, &key.namespace, &key.name).ok()?;
        let observed = self.0.service(&place)?;
        Some((place, observed))
    }
}

#[async_trait]
impl Platform for Driver {
    async fn test(&self, told: Told<'_>) -> SiteTest {
        let (status, message) = match self.0.try_to_write() {
            Ok(()) => (CheckStatus::Passed, "Services can be recorded.".to_owned()),
            Err(error) => (CheckStatus::Failed, error.in_full()),
        };
        let title = "Its directory can be written".to_owned();
        let check = Check { name: "directory".to_owned(), title, status, message };
        told(&check);
        SiteTest::from_checks(vec![check])
    }

    async fn clusters(&self) -> Result<Vec<FoundCluster>, Error> {
        let found = |name: String| FoundCluster {
            external_id: name.clone(),
            name,
            state: ClusterState::Active,
            message: None,
            kubernetes_version: None,
        };
        Ok(self.0.clusters().map_err(failed)?.into_iter().map(found).collect())
    }

    async fn capacity(&self, cluster: &str) -> Result<Capacity, Error> {
        self.0.capacity(cluster).await.map_err(failed)
    }

    async fn namespaces(&self, cluster: &str) -> Result<Vec<FoundNamespace>, Error> {
        let names = self.0.namespaces(cluster).map_err(failed)?;
        let names =
            names.ok_or_else(|| Error::NotFound(format!("There is no local cluster “{cluster}”.")))?;
        Ok(names.into_iter().map(|name| FoundNamespace { name, project: None }).collect())
    }

    async fn namespace_uid(&self, cluster: &str, namespace: &str) -> Result<Option<String>, Error> {
        let names = self.0.namespaces(cluster).map_err(failed)?.unwrap_or_default();
        let uid = format!("local/{cluster}/{namespace}");
        Ok(names.iter().any(|name| name == namespace).then_some(uid))
    }

    async fn may_list_everything(&self, _cluster: &str) -> Result<bool, Error> {
        Ok(true)
    }

    fn watch(&self, cluster: &str, scope: Scope) -> BoxStream<'static, WatchEvent> {
        let mut follower = Follower {
            news: self.0.news(),
            site: self.0.clone(),
            cluster: cluster.to_owned(),
            scope,
            pods: BTreeMap::new(),
        };
        let listed = follower.list();
        let next = stream::unfold(follower, async |mut follower| {
            let events = follower.next().await?;
            Some((stream::iter(events), follower))
        });
        stream::iter(listed).chain(next.flatten()).boxed()
    }

    async fn workload(&self, cluster: &str, key: &WorkloadKey) -> Result<Option<Snapshot>, Error> {
        Ok(self.find(cluster, key).map(|(place, observed)| Snapshot {
            workload: workload(&place, &observed),
            pods: pods(&place, &observed),
        }))
    }

    async fn set_images(
        &self,
        cluster: &str,
        key: &WorkloadKey,
        change: &ImageChange,
        dry_run: bool,
    ) -> Result<SetImages, Error> {
        let replicas = change.scale.map(replicas).transpose()?;
        loop {
            let Some((place, observed)) = self.find(cluster, key) else {
                return Ok(SetImages::gone(key));
            };
            match verdict(&workload(&place, &observed), change) {
                Verdict::AlreadyThere => return Ok(SetImages::AlreadyThere),
                Verdict::Changed(words) => return Ok(SetImages::Changed(words)),
                Verdict::Due if dry_run => return Ok(SetImages::Accepted),
                Verdict::Due => {}
            }
            let image = change.to.iter().find(|container| container.name == CONTAINER);
            let Service { mut spec, generation, .. } = observed.service;
            if let Some(image) = image {
                spec.image.clone_from(&image.image);
            }
            if let Some(replicas) = replicas {
                spec.replicas = replicas;
            }
            let variables = change.variables.as_ref().map(|change| change.to.texts());
            match self.0.change(&place, spec, variables, Some(change.deployment.clone()), generation) {
                Ok(_) => return Ok(SetImages::Accepted),
                // It has moved on between the two: it is decided on anew.
                Err(crate::Error::Stale(..)) => {}
                Err(error @ crate::Error::Going(_)) => return Ok(SetImages::Changed(error.to_string())),
                Err(error) => return Err(failed(error)),
            }
        }
    }

    async fn copy(&self, copy: &Copy, dry_run: bool) -> Result<SetImages, Error> {
        let Some((from, original)) =
            self.find(&copy.original.external_id, &copy.key).map(|(place, seen)| (place, seen.service))
        else {
            return Ok(SetImages::gone(&copy.key));
        };
        if original.id != copy.original.uid || original.removed {
            return Ok(SetImages::gone(&copy.key));
        }
        let to = Place { cluster: copy.to.clone(), ..from };
        let wanted = Service {
            id: copy.uid.clone(),
            generation: 1,
            deployment: Some(copy.deployment.clone()),
            ..original
        };
        match self.0.service(&to).map(|observed| observed.service) {
            Some(there) if there == wanted => Ok(SetImages::AlreadyThere),
            Some(there) if there.id == wanted.id => {
                Ok(SetImages::Changed(format!("{to} is no longer like what it was copied from")))
            }
            Some(_) => Ok(SetImages::Changed(format!("There is another {to} already"))),
            None if dry_run => Ok(SetImages::Accepted),
            None => {
                self.0.insert(&to, wanted).map_err(failed)?;
                Ok(SetImages::Accepted)
            }
        }
    }

    async fn remove(&self, cluster: &str, key: &WorkloadKey, uid: &str) -> Result<(), Error> {
        match self.find(cluster, key).filter(|(_, there)| there.service.id == uid) {
            Some((place, _)) => self.0.remove(&place).map_err(failed),
            None => Ok(()),
        }
    }
}

/// The replicas of a change, as far as this machine has places for them.
fn replicas(scale: ReplicaChange) -> Result<u16, Error> {
    let fits = u16::try_from(scale.to).ok().filter(|replicas| *replicas <= MAX_REPLICAS);
    fits.ok_or_else(|| {
        Error::Rejected(format!("A service has at most {MAX_REPLICAS} replicas on this machine."))
    })
}

/// Follows the services of one cluster.
struct Follower {
    site: Arc<Site>,
    news: broadcast::Receiver<Place>,
    cluster: String,
    scope: Scope,
    /// The pods that were told, by service.
    pods: BTreeMap<Place, BTreeSet<String>>,
}

impl Follower {
    /// Everything as it is now, kind by kind, also those of which there are none here.
    fn list(&mut self) -> Vec<WatchEvent> {
        let found = self.site.services(&self.cluster);
        let found: Vec<_> = found.into_iter().filter(|(place, _)| self.is_meant(place)).collect();
        self.pods.clear();
        let mut events = Vec::new();
        for namespace in self.namespaces() {
            let here = found
                .iter()
                .filter(|(place, _)| namespace.as_ref().is_none_or(|name| *name == place.namespace));
            for kind in WorkloadKind::ALL.iter().cloned() {
                let workloads = match kind {
                    WorkloadKind::Deployment => {
                        here.clone().map(|(place, seen)| workload(place, seen)).collect()
                    }
                    _ => Vec::new(),
                };
                events.push(WatchEvent::Listed { kind, namespace: namespace.clone(), workloads });
            }
            let pods = here.flat_map(|(place, seen)| self.told(place, seen)).collect();
            events.push(WatchEvent::ListedPods { namespace, pods });
        }
        events
    }

    /// What happens next.
    async fn next(&mut self) -> Option<Vec<WatchEvent>> {
        match timeout(ALIVE, self.news.recv()).await {
            Err(_) => Some(vec![WatchEvent::Alive]),
            Ok(Ok(place)) if place.cluster == self.cluster && self.is_meant(&place) => {
                Some(self.changed(&place))
            }
            Ok(Ok(_)) => Some(Vec::new()),
            Ok(Err(RecvError::Lagged(_))) => Some(self.list()),
            Ok(Err(RecvError::Closed)) => None,
        }
    }

    /// The pods before the workload: once it says that all are replaced, none of the old ones is known any more.
    fn changed(&mut self, place: &Place) -> Vec<WatchEvent> {
        let before = self.pods.remove(place).unwrap_or_default();
        let (pods, last) = match self.site.service(place) {
            Some(seen) => (self.told(place, &seen), WatchEvent::Changed(workload(place, &seen))),
            None => (Vec::new(), WatchEvent::Gone(key(place))),
        };
        let names: BTreeSet<&String> = pods.iter().map(|pod| &pod.name).collect();
        let gone = before.into_iter().filter(|name| !names.contains(name));
        let gone = gone.map(|name| WatchEvent::PodGone { namespace: place.namespace.clone(), name });
        let mut events: Vec<WatchEvent> = gone.collect();
        events.extend(pods.into_iter().map(WatchEvent::PodChanged));
        events.push(last);
        events
    }

    /// A service's pods, which are remembered.
    fn told(&mut self, place: &Place, seen: &Observed) -> Vec<PodFacts> {
        let pods = pods(place, seen);
        self.pods.insert(place.clone(), pods.iter().map(|pod| pod.name.clone()).collect());
        pods
    }

    fn is_meant(&self, place: &Place) -> bool {
        match &self.scope {
            Scope::Cluster => true,
            Scope::Namespaces(names) => names.contains(&place.namespace),
        }
    }

    /// One list for the whole cluster, or one for each namespace.
    fn namespaces(&self) -> Vec<Option<String>> {
        match &self.scope {
            Scope::Cluster => vec![None],
            Scope::Namespaces(names) => names.iter().cloned().map(Some).collect(),
        }
    }
}

fn key(place: &Place) -> WorkloadKey {
    WorkloadKey {
        namespace: place.namespace.clone(),
        kind: WorkloadKind::Deployment,
        name: place.service.clone(),
    }
}

fn workload(place: &Place, Observed { service, judged, replicas, failure, .. }: &Observed) -> WorkloadFacts {
    let count = |so: fn(&ObservedReplica) -> bool| {
        i32::try_from(replicas.iter().filter(|replica| so(replica)).count()).unwrap_or(i32::MAX)
    };
    WorkloadFacts {
        key: key(place),
        uid: service.id.clone(),
        resource_version: service.generation.to_string(),
        generation: service.generation,
        observed_generation: *judged,
        desired: service.spec.replicas.into(),
        total: count(|_| true),
        updated: count(|replica| replica.current),
        available: count(|replica| replica.ready),
        suspended: false,
        gave_up: failure.clone(),
        revisions_agree: true,
        containers: vec![Container {
            name: CONTAINER.into(),
            init: false,
            image: service.spec.image.clone(),
            running_digest: None,
        }],
        manager: None,
        variables: Some(Reported::Texts(service.variables.clone())),
        deployment: service.deployment.clone(),
        deleting: service.removed,
    }
}

fn pods(place: &Place, observed: &Observed) -> Vec<PodFacts> {
    observed.replicas.iter().map(|replica| pod(place, replica)).collect()
}

fn pod(place: &Place, replica: &ObservedReplica) -> PodFacts {
    let state = replica.state.as_ref();
    let runs = state.is_some_and(|state| matches!(state.phase, Phase::Running { .. }));
    let exit = state.and_then(|state| state.last_exit.as_ref());
    let refused = exit.is_some_and(|exit| exit.refused.is_some());
    let waiting = match state {
        Some(_) if !runs && refused => Some("RunContainerError"),
        Some(state) if !replica.ready && state.is_crash_loop() => Some("CrashLoopBackOff"),
        _ => None,
    };
    PodFacts {
        namespace: place.namespace.clone(),
        name: format!("{}-{}", place.service, replica.port),
        owner: Some(key(place)),
        created: replica.made.to_rfc3339_opts(SecondsFormat::Secs, true),
        phase: if runs { "Running" } else { "Pending" }.into(),
        ready: replica.ready,
        deleting: replica.retiring,
        unschedulable: None,
        containers: vec![PodContainer {
            name: CONTAINER.into(),
            image: replica.image.clone(),
            digest: None,
            ready: replica.ready,
            waiting: waiting.map(Into::into),
            message: waiting.and(exit).map(ToString::to_string).or_else(|| replica.fault.clone()),
            restarts: state.map_or(0, |state| i32::try_from(state.restarts).unwrap_or(i32::MAX)),
        }],
    }
}

fn failed(error: crate::Error) -> Error {
    match error {
        crate::Error::Name(_) => Error::NotFound(error.to_string()),
        crate::Error::NoArtifact(_) | crate::Error::NoProgram { .. } => Error::Rejected(error.to_string()),
        error => Error::Unavailable { message: error.in_full(), retry_after: None },
    }
}
