//! The way back from a deployment: a new one that brings the earlier images and variables back, previewed like any other.

use domain::{
    deploy::StartRollback,
    deployment::{Deployment, DeploymentStatus, Task},
    id::{DeploymentId, ServiceId},
    replicas::{self, ReplicaChange},
    service::{Container, Service},
    sync::{ContainerChange, OnFailure, Preview, PreviewItem, PreviewTarget, Severity, Warning},
};

use super::{
    ended,
    preview::{Asked, finish},
    read::read_now,
    relocate,
    start::start_follow_up,
};
use crate::{Context, Error};

/// Starts the way back from a deployment: what its preview showed, or, without one, what is found now.
pub async fn roll_back(
    ctx: &Context,
    id: DeploymentId,
    how: StartRollback,
    on_failure: OnFailure,
) -> Result<Deployment, Error> {
    let preview = match how.preview_id {
        Some(shown) => shown,
        None => preview_undo(ctx, id).await?.id,
    };
    start_follow_up(ctx, id, preview, on_failure, &how.note, &how.consent).await
}

/// What undoing a deployment would do.
pub async fn preview_undo(ctx: &Context, id: DeploymentId) -> Result<Preview, Error> {
    let undone = ended(ctx, id).await?;
    if undone.status == DeploymentStatus::Complete
        && let Some(back) = relocate::back(&undone)
    {
        return relocate::preview(ctx, &back, |asked| Asked { undo_of: Some(id), ..asked }).await;
    }
    let changed = |task: &&Task| task.accepted && task.original.is_none();
    let tasks: Vec<&Task> = undone.results.iter().filter(changed).collect();
    if tasks.is_empty() {
        return Err(Error::conflict("nothing_to_undo", "It changed nothing, so there is nothing to undo."));
    }
    let ids: Vec<ServiceId> = tasks.iter().map(|task| task.target_service_id).collect();
    let (targets, found) = read_now(ctx, ctx.store().services_by_id(&ids).await?).await?;
    let items = tasks.iter().map(|task| way_back(task, &targets)).collect();
    let carried = ctx.store().carried_by(id).await?.into_iter();
    let asked = Asked {
        undo_of: Some(id),
        variables: carried.map(|(service, carried)| (service, carried.from)).collect(),
        ..Asked::within(undone.target_environment_id, &undone.target_name, ids)
    };
    finish(ctx, asked, items, &found).await
}

fn way_back(task: &Task, targets: &[Service]) -> PreviewItem {
    let target = targets.iter().find(|service| service.id == task.target_service_id);
    let found = target.map_or(&[][..], |service| &service.containers);
    let containers: Vec<ContainerChange> =
        found.iter().map(|container| back(container, &task.containers)).collect();
    let replicas = target.and_then(replicas::of);
    let scale = task.scale.and_then(|scale| ReplicaChange::between(replicas, Some(scale.from)));
    let mut warnings = Vec::new();
    let overtaken = |change: &ContainerChange| {
        found.iter().any(|now| now.name == change.name && now.image != change.to && now.image != change.from)
    };
    if task.containers.iter().any(overtaken) {
        let message = "Changed again since that deployment: undoing takes that change away too.";
        warnings.push(Warning::new("changed_by_other", Severity::Warning, message));
    }
    if target.is_none() {
        warnings.push(Warning::new("no_counterpart", Severity::Blocking, "It is no longer there."));
    } else if scale.is_none() && !containers.iter().any(ContainerChange::moves) {
        let message = "The earlier version runs already: nothing will be changed.";
        warnings.push(Warning::new("already_in_step", Severity::Info, message));
    }
    PreviewItem {
        service_id: task.target_service_id,
        name: task.name.clone(),
        kind: task.kind.clone(),
        application: task.application.clone(),
        source_app_instance_id: None,
        target: target.map(PreviewTarget::of),
        containers,
        variables: Vec::new(),
        scale,
        original: None,
        warnings,
    }
}

fn back(now: &Container, changes: &[ContainerChange]) -> ContainerChange {
    let earlier = changes
        .iter()
        .find(|change| change.name == now.name && change.init == now.init && change.moves())
        .map_or(&now.image, |change| &change.from);
    ContainerChange::to(now, earlier)
}
