//! Use cases of this machine's services.

mod definition;

use domain::{
    cluster::Cluster,
    local_service::{LocalReplica, LocalService, LocalServiceEdit},
    output::{MAX_LINES, OutputLine},
    site::SiteKind,
};
use futures::{StreamExt, stream::BoxStream};
use local::{Observed, ObservedReplica, Phase, Place, ServiceOutput};

pub(crate) use definition::{Definitions, definitions};
use definition::{revise, words};

use crate::{Context, Error, cluster};

/// The services of a local cluster, or of one namespace of it, by name.
pub async fn list(ctx: &Context, cluster: &str, namespace: Option<&str>) -> Result<Vec<LocalService>, Error> {
    let cluster = local_cluster(ctx, cluster).await?;
    let found = ctx.control().local.site()?.services(&cluster.external_id);
    let wanted = found.into_iter().filter(|(place, _)| namespace.is_none_or(|it| it == place.namespace));
    Ok(wanted.map(|(place, observed)| shown(place, observed)).collect())
}

/// One service.
pub async fn get(ctx: &Context, cluster: &str, namespace: &str, name: &str) -> Result<LocalService, Error> {
    let (place, observed) = found(ctx, cluster, namespace, name).await?;
    Ok(shown(place, observed))
}

/// A service and where it is.
pub(crate) async fn found(
    ctx: &Context,
    cluster: &str,
    namespace: &str,
    name: &str,
) -> Result<(Place, Observed), Error> {
    let cluster = local_cluster(ctx, cluster).await?;
    let found = Place::new(&cluster.external_id, namespace, name)
        .ok()
        .and_then(|place| Some((place.clone(), ctx.control().local.site().ok()?.service(&place)?)));
    found.ok_or_else(|| not_found(name))
}

/// Makes a service, or changes the one that has the edit's generation, and writes that down as a revision of the environment
/// that its namespace is bound to. What is as it is to be changes nothing.
pub async fn put(
    ctx: &Context,
    cluster: &str,
    namespace: &str,
    name: &str,
    edit: LocalServiceEdit,
) -> Result<LocalService, Error> {
    let faults = edit.faults(namespace, name);
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    let cluster = local_cluster(ctx, cluster).await?;
    let site = ctx.control().local.site()?;
    let place = Place::new(&cluster.external_id, namespace, name).map_err(failed)?;
    let before = site.service(&place).map(|observed| observed.service).filter(|service| !service.removed);
    let same = |stored: &local::Service| stored.spec == edit.spec && stored.generation == edit.generation;
    if before.as_ref().is_some_and(same) {
        return get(ctx, &cluster.id.to_string(), namespace, name).await;
    }
    match site.put(&place, edit.spec.clone(), None, edit.generation) {
        Err(local::Error::Stale(..)) => {
            return Err(match site.service(&place) {
                Some(stored) => Error::stale(&shown(place, stored)),
                None => not_found(name),
            });
        }
        put => drop(put.map_err(failed)?),
    }
    let message = format!("set {name} in {namespace} on {} to {}", cluster.name, edit.spec.image);
    let mut write = ctx.store().write().await?;
    write.append(ctx.event("service.changed", message)).await?;
    write.commit().await?;
    let reason = words(name, before.as_ref().map(|service| &service.spec), &edit.spec);
    revise(ctx, cluster.id, namespace, name, Some(&edit.spec), reason).await?;
    get(ctx, &cluster.id.to_string(), namespace, name).await
}

/// Removes a service with all that it runs. It is gone once its processes are.
pub async fn delete(ctx: &Context, cluster: &str, namespace: &str, name: &str) -> Result<(), Error> {
    let service = get(ctx, cluster, namespace, name).await?;
    let id = local_cluster(ctx, cluster).await?.id;
    if ctx.store().is_deployed_to(id, namespace, name).await? {
        let words = "A deployment is working on it. Wait until it has ended, or cancel it.";
        return Err(Error::conflict("service_in_use", words));
    }
    let place = Place::new(&service.cluster, namespace, name).map_err(failed)?;
    ctx.control().local.site()?.remove(&place).map_err(failed)?;
    let mut write = ctx.store().write().await?;
    write
        .append(ctx.event("service.deleted", format!("removed {name} in {namespace} on {}", service.cluster)))
        .await?;
    write.commit().await?;
    let cluster = cluster::find(ctx, None, cluster).await?.id;
    revise(ctx, cluster, namespace, name, None, format!("{name} is removed")).await
}

/// The last lines that a service's replicas, or those at one port, have written; [`follow`] gives those that come.
pub async fn output(
    ctx: &Context,
    cluster: &str,
    namespace: &str,
    name: &str,
    port: Option<u16>,
    lines: usize,
) -> Result<(ServiceOutput, Vec<OutputLine>), Error> {
    if !(1..=MAX_LINES).contains(&lines) {
        return Err(Error::invalid("lines", format!("From 1 to {MAX_LINES}.")));
    }
    let service = get(ctx, cluster, namespace, name).await?;
    let place = Place::new(&service.cluster, namespace, name).map_err(failed)?;
    ctx.control().local.site()?.output(&place, port).last(lines).await.map_err(failed)
}

/// The lines that come after the last ones, until the service is gone or the server stops.
pub fn follow(ctx: &Context, output: ServiceOutput) -> BoxStream<'static, OutputLine> {
    output.follow().take_until(ctx.control().stopping().cancelled_owned()).boxed()
}

/// A cluster of this machine.
async fn local_cluster(ctx: &Context, word: &str) -> Result<Cluster, Error> {
    let cluster = cluster::find(ctx, None, word).await?;
    let site = ctx.store().site(cluster.site_id).await?;
    if site.kind != SiteKind::Local {
        let words = format!(
            "{} is no cluster of a local site: its services are made with its own tools.",
            cluster.name
        );
        return Err(Error::conflict("not_local", words));
    }
    // That it is this machine's.
    ctx.control().platform(site.id).await?;
    Ok(cluster)
}

pub(crate) fn failed(error: local::Error) -> Error {
    match error {
        local::Error::NoCluster(name) => Error::NotFound { noun: "local cluster", name },
        local::Error::Going(_) => Error::conflict("service_going", format!("{error}.")),
        local::Error::Name(_) => Error::invalid("name", format!("{error}.")),
        local::Error::NoArtifact(_) => Error::invalid("artifact", format!("{error}.")),
        local::Error::NoProgram { .. } => Error::invalid("program", format!("{error}.")),
        local::Error::ArtifactTooLarge(_) | local::Error::NoProgramIn(_) => {
            Error::invalid("body", format!("{error}."))
        }
        local::Error::ArtifactInUse(_) => Error::conflict("artifact_in_use", format!("{error}.")),
        local::Error::DiskFull => {
            Error::conflict("disk_full", "The disk of Lockstep's data directory is full.")
        }
        error => platform::Error::Unavailable { message: error.in_full(), retry_after: None }.into(),
    }
}

fn not_found(name: &str) -> Error {
    Error::NotFound { noun: "service", name: name.to_owned() }
}

fn shown(
    place: Place,
    Observed { service, address, replicas, problem, failure, .. }: Observed,
) -> LocalService {
    LocalService {
        cluster: place.cluster,
        namespace: place.namespace,
        name: place.service,
        generation: service.generation,
        spec: service.spec,
        address,
        running: replicas.into_iter().map(replica).collect(),
        removed: service.removed,
        problem: problem.or(failure),
    }
}

fn replica(replica: ObservedReplica) -> LocalReplica {
    let state = replica.state.as_ref();
    let pid = state.and_then(|state| match state.phase {
        Phase::Running { process } => Some(process.pid),
        _ => None,
    });
    LocalReplica {
        port: replica.port,
        image: replica.image,
        ready: replica.ready,
        fault: replica.fault,
        pid,
        restarts: state.map_or(0, |state| state.restarts),
        last_exit: state.and_then(|state| state.last_exit.as_ref()).map(ToString::to_string),
        limits: replica.state.map(|state| state.limits).unwrap_or_default(),
        created_at: replica.made,
    }
}
