//! Moving an app instance to another cluster of this machine: what it would do, there and back.

use std::collections::HashMap;

use domain::{
    app_instance::AppInstance,
    cluster::Cluster,
    deployment::Deployment,
    id::AppInstanceId,
    relocation::{self, Original, Relocation},
    service::Service,
    sync::{Preview, PreviewItem, Severity},
    workload::WorkloadKey,
};
use uuid::Uuid;

use super::{
    preview::{Asked, finish, reach},
    read::read_now,
};
use crate::{Context, Error, app_instance, cluster};

/// What moving an app instance would do; completed by what the caller knows of why it is asked.
pub(super) async fn preview(
    ctx: &Context,
    request: &Relocation,
    complete: impl FnOnce(Asked) -> Asked,
) -> Result<Preview, Error> {
    let instance = match app_instance::get(ctx, request.app_instance_id).await {
        Err(Error::NotFound { .. }) => {
            return Err(Error::invalid("move.appInstanceId", "There is no such app instance."));
        }
        other => other?,
    };
    let (from, to) = ways(ctx, &instance, &request.cluster).await?;
    let services = ctx.store().services_of(instance.environment_id).await?;
    let services: Vec<Service> =
        services.into_iter().filter(|service| service.app_instance_id == instance.id).collect();
    let ids = services.iter().map(|service| service.id).collect();
    let (services, found) = read_now(ctx, services).await?;
    let platform = ctx.control().platform(to.site_id).await?;
    let mut items = Vec::with_capacity(services.len());
    for service in &services {
        let there = platform.workload(&to.external_id, &WorkloadKey::of(service)).await?;
        let (uid, unreadable) = match found.get(&service.id) {
            Some(Ok(object)) => (object.uid.clone(), None),
            Some(Err(words)) => (String::new(), Some(words.clone())),
            None => (String::new(), None),
        };
        let original = Original {
            cluster_id: from.id,
            cluster: from.name.clone(),
            external_id: from.external_id.clone(),
            uid,
        };
        let copy = Uuid::now_v7().to_string();
        let mut item = relocation::item(service, original, &to, copy, there.is_some());
        item.warnings.extend(
            unreadable
                .map(|words| domain::sync::Warning::new("target_unreadable", Severity::Blocking, words)),
        );
        items.push(item);
    }
    if items.is_empty() {
        let words = format!(
            "{} has no services, so there is nothing to move. Remove it, and bind it anew.",
            instance.name
        );
        return Err(Error::conflict("nothing_to_do", words));
    }
    let asked = complete(Asked::within(instance.environment_id, &instance.environment_name, ids));
    finish(ctx, asked, items, &HashMap::new()).await
}

/// Where an app instance is, and where it is to go.
async fn ways(ctx: &Context, instance: &AppInstance, word: &str) -> Result<(Cluster, Cluster), Error> {
    let from = cluster::find(ctx, None, &instance.cluster_id.to_string()).await?;
    if ctx.control().local.id() != Some(from.site_id) {
        let words = format!(
            "{} is not on this server's own machine. Lockstep makes workloads nowhere else, so it moves none.",
            instance.name
        );
        return Err(Error::conflict("not_local", words));
    }
    let to = cluster::find(ctx, Some(from.site_id), word.trim()).await?;
    if to.id == from.id {
        return Err(Error::invalid("move.cluster", format!("{} is there already.", instance.name)));
    }
    reach(ctx, to.site_id, to.id).await?;
    let bound = ctx.store().app_instances_of(to.id).await?;
    match bound.into_iter().find(|bound| bound.namespace == instance.namespace) {
        Some(owner) => Err(Error::conflict(
            "namespace_bound",
            format!("{} on {} belongs to {} already.", instance.namespace, to.name, owner.environment_name),
        )),
        None => Ok((from, to)),
    }
}

/// Where a deployment moved an app instance, as it would be asked for again.
pub(super) fn of(deployment: &Deployment) -> Option<Relocation> {
    moved(deployment).map(|(app_instance_id, _, to)| Relocation { app_instance_id, cluster: to })
}

/// The way back from where a deployment moved an app instance.
pub(super) fn back(deployment: &Deployment) -> Option<Relocation> {
    moved(deployment).map(|(app_instance_id, from, _)| Relocation { app_instance_id, cluster: from })
}

/// What a deployment moved, from and to which cluster.
fn moved(deployment: &Deployment) -> Option<(AppInstanceId, String, String)> {
    let task = deployment.results.first()?;
    let from = task.original.as_ref()?.cluster_id.to_string();
    Some((task.target_app_instance_id, from, task.cluster_id.to_string()))
}

/// Refuses to move a part only.
pub(super) fn check_whole(
    preview: &Preview,
    is_left_out: impl Fn(&PreviewItem) -> bool,
) -> Result<(), Error> {
    if !preview.relocates() {
        return Ok(());
    }
    let blocked = |item: &PreviewItem| {
        let why = item.warnings.iter().find(|warning| warning.severity == Severity::Blocking);
        why.map(|why| format!("{}: {}", item.name, why.message))
    };
    if let Some(why) = preview.items.iter().find_map(blocked) {
        return Err(Error::conflict(
            "move_blocked",
            format!("Nothing is moved, since not all of it can be. {why}"),
        ));
    }
    if preview.items.iter().any(is_left_out) {
        return Err(Error::invalid("except", "An app instance is moved with all its services."));
    }
    Ok(())
}
