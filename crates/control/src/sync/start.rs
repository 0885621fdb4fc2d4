//! Starting what was previewed: one transaction writes the deployment, its tasks and the target's next revision.

use std::collections::{HashMap, HashSet};

use chrono::Utc;
use domain::{
    deployment::{Deployment, DeploymentStatus, Origin, Task, TaskCounts, TaskStatus},
    id::{AppInstanceId, DeploymentId, PreviewId, ServiceId},
    revision::{ContainerImage, Revision, RevisionEntry},
    service::Service,
    sync::{OnFailure, Preview, PreviewItem, PreviewTarget, Severity, StartSync, Warning},
    validate,
};
use store::{NewDeployment, NewTask, ToCome};
use uuid::Uuid;

use super::preview::{preview, reach};
use crate::{Context, Error, deployment, error::busy};

/// Starts a sync: what its preview showed, or, without one, what is found now.
pub async fn start(ctx: &Context, start: StartSync) -> Result<Deployment, Error> {
    let shown = match start.preview_id {
        Some(id) => previewed(ctx, id).await?,
        None => preview(ctx, start.request.clone()).await?,
    };
    if shown.undo_of.is_some() || !covers(&shown, &start) {
        return Err(Error::conflict(
            "preview_other_request",
            "This preview is of another request. Preview again.",
        ));
    }
    begin(ctx, &shown, Some(&start), start.on_failure.clone(), &start.note, &start.ticket).await
}

/// Starts the way back from a deployment, as its preview showed.
pub async fn start_undo(
    ctx: &Context,
    id: DeploymentId,
    preview: PreviewId,
    on_failure: OnFailure,
    note: String,
) -> Result<Deployment, Error> {
    let shown = previewed(ctx, preview).await?;
    if shown.undo_of != Some(id) {
        return Err(Error::conflict(
            "preview_other_request",
            "This preview is of another deployment. Preview again.",
        ));
    }
    begin(ctx, &shown, None, on_failure, &note, "").await
}

/// What a preview has shown, as long as it can be confirmed.
pub async fn previewed(ctx: &Context, id: PreviewId) -> Result<Preview, Error> {
    ctx.store().preview(id).await.map_err(|error| match error {
        store::Error::NotFound => Error::conflict(
            "preview_expired",
            "This preview is no longer valid. Preview again and confirm that.",
        ),
        other => other.into(),
    })
}

/// Whether a request asks for nothing that its preview did not show; services may be left out.
fn covers(preview: &Preview, start: &StartSync) -> bool {
    let (shown, asked) = (&preview.request, &start.request);
    shown.source_environment_id == asked.source_environment_id
        && shown.target_environment_id == asked.target_environment_id
        && asked.service_ids.iter().all(|id| shown.service_ids.contains(id))
        && (asked.matching.is_none() || asked.matching == shown.matching)
}

async fn begin(
    ctx: &Context,
    preview: &Preview,
    only: Option<&StartSync>,
    on_failure: OnFailure,
    note: &str,
    ticket: &str,
) -> Result<Deployment, Error> {
    let mut errors = Vec::new();
    let note = validate::text("note", note).map_err(|error| errors.push(error)).unwrap_or_default();
    let ticket = validate::link("ticket", ticket).map_err(|error| errors.push(error)).unwrap_or_default();
    if let OnFailure::Unknown(word) = &on_failure {
        errors.push(domain::problem::FieldError::new(
            "onFailure",
            format!("“{word}” is none of: stop, go_on, put_back."),
        ));
    }
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let asked = Asked::of(preview, only);
    let items: Vec<&PreviewItem> = preview.changes().filter(|item| asked.has(item)).collect();
    let left_out = left_out(preview, &asked);
    if items.is_empty() {
        return Err(nothing_to_do(ctx, &left_out).await?);
    }
    let services = target_services(ctx, &items).await?;
    let mut reached = HashSet::new();
    for (service, _) in services.values() {
        if reached.insert(service.cluster_id) {
            reach(ctx, service).await?;
        }
    }
    let mut new =
        NewDeployment { deployment: head(ctx, preview, &items, on_failure, note, ticket), tasks: Vec::new() };
    for item in &items {
        new.tasks.extend(task(item, &services));
    }
    let id = store_all(ctx, &mut new, preview, &left_out).await?;
    ctx.control().observer.wake_engine();
    deployment::get(ctx, id).await
}

/// What was asked for and will not be carried out, with why.
fn left_out<'a>(preview: &'a Preview, asked: &Asked<'_>) -> Vec<(&'a PreviewItem, &'a Warning)> {
    let asked = preview.items.iter().filter(|item| asked.has(item));
    let blocking = |item: &'a PreviewItem| {
        item.warnings.iter().find(|warning| warning.severity == Severity::Blocking).map(|why| (item, why))
    };
    asked.filter_map(blocking).collect()
}

async fn nothing_to_do(ctx: &Context, left_out: &[(&PreviewItem, &Warning)]) -> Result<Error, Error> {
    let occupied = left_out.iter().find(|(_, why)| why.code == "busy");
    if let Some(target) = occupied.and_then(|(item, _)| item.target.as_ref()) {
        return busy_with(ctx, &[target.service_id]).await;
    }
    let reasons: Vec<String> =
        left_out.iter().take(5).map(|(item, why)| format!(" {}: {}", item.name, why.message)).collect();
    let detail = match reasons.is_empty() {
        true => "Nothing would be changed: every service is in step.".to_owned(),
        false => format!("Nothing would be changed.{}", reasons.concat()),
    };
    Ok(Error::conflict("nothing_to_do", detail))
}

/// Says which other deployment works on one of these services.
async fn busy_with(ctx: &Context, services: &[ServiceId]) -> Result<Error, Error> {
    Ok(match ctx.store().busy(services).await?.first() {
        Some((_, id)) => busy(Some(&deployment::get(ctx, *id).await?)),
        None => busy(None),
    })
}

/// What is asked for of a preview's items; all of them where nobody says.
enum Asked<'a> {
    Everything,
    These {
        /// Services by id, each with the app instances that it is to go to, where the request says so.
        named: HashMap<ServiceId, Vec<Option<AppInstanceId>>>,
        /// Services that the preview's request named; the others matched its filter.
        shown: HashSet<ServiceId>,
        start: &'a StartSync,
    },
}

impl<'a> Asked<'a> {
    fn of(preview: &Preview, start: Option<&'a StartSync>) -> Self {
        let Some(start) = start else { return Asked::Everything };
        let targets = start.request.target_app_instances.iter().copied().chain(std::iter::repeat(None));
        let mut named: HashMap<ServiceId, Vec<_>> = HashMap::new();
        for (service, target) in start.request.service_ids.iter().zip(targets) {
            named.entry(*service).or_default().push(target);
        }
        Asked::These { named, shown: preview.request.service_ids.iter().copied().collect(), start }
    }

    fn has(&self, item: &PreviewItem) -> bool {
        let Asked::These { named, shown, start } = self else { return true };
        let target = item.target.as_ref().map(|target| target.app_instance_id);
        let asked = match named.get(&item.service_id) {
            Some(chosen) => chosen.iter().any(|chosen| chosen.is_none() || *chosen == target),
            None => start.request.matching.is_some() && !shown.contains(&item.service_id),
        };
        asked && !start.except.iter().any(|exception| exception.covers(item))
    }
}

async fn store_all(
    ctx: &Context,
    new: &mut NewDeployment,
    preview: &Preview,
    left_out: &[(&PreviewItem, &Warning)],
) -> Result<DeploymentId, Error> {
    let mut revision = next_revision(ctx, new, preview).await?;
    let mut write = ctx.store().write().await?;
    let moving = write.images_to_come(revision.environment_id).await?;
    expect(&mut revision, &moving, new);
    new.deployment.revision = write.insert_revision(&revision).await?;
    match write.insert_deployment(new).await {
        Err(store::Error::Duplicate(_)) => {
            drop(write);
            let ids: Vec<ServiceId> = new.tasks.iter().map(|task| task.task.target_service_id).collect();
            return Err(busy_with(ctx, &ids).await?);
        }
        other => other?,
    }
    let (deployment, services) = (&new.deployment, new.tasks.len());
    let verb = if deployment.origin == Origin::Rollback { "undo in" } else { "sync to" };
    let message =
        format!("{} started a {verb} {} of {services} services", ctx.actor(), deployment.target_name);
    let event = ctx.event("deployment.started", message).deployment(deployment.id);
    write.append(event.environment(deployment.target_environment_id)).await?;
    for (item, why) in left_out {
        let message = format!("{} {} is left out: {}", item.kind, item.name, why.message);
        let event = ctx.event("deployment.changed", message).deployment(deployment.id);
        write.append(event.environment(deployment.target_environment_id)).await?;
    }
    write.commit().await?;
    Ok(deployment.id)
}

/// What other deployments are still bringing is expected too, not what it replaces.
fn expect(revision: &mut Revision, moving: &[ToCome], new: &NewDeployment) {
    let ours = |entry: &RevisionEntry| {
        new.tasks.iter().any(|task| {
            let task = &task.task;
            (task.target_app_instance_id, &task.kind, &task.name)
                == (entry.app_instance_id, &entry.kind, &entry.name)
        })
    };
    for entry in revision.entries.iter_mut().filter(|entry| !ours(entry)) {
        let coming = moving.iter().find(|coming| {
            (coming.app_instance_id, &coming.kind, &coming.name)
                == (entry.app_instance_id, &entry.kind, &entry.name)
        });
        for change in coming.iter().flat_map(|coming| &coming.changes) {
            if let Some(image) = entry.images.iter_mut().find(|image| image.container == change.name) {
                image.image.clone_from(&change.to);
            }
        }
    }
}

async fn target_services(
    ctx: &Context,
    items: &[&PreviewItem],
) -> Result<HashMap<ServiceId, (Service, String)>, Error> {
    let ids: Vec<ServiceId> =
        items.iter().filter_map(|item| item.target.as_ref()).map(|t| t.service_id).collect();
    let clusters: HashMap<_, _> = ctx
        .store()
        .clusters(None)
        .await?
        .into_iter()
        .map(|cluster| (cluster.id, cluster.external_id))
        .collect();
    let services = ctx.store().services_by_id(&ids).await?;
    Ok(services
        .into_iter()
        .filter_map(|service| {
            let external = clusters.get(&service.cluster_id)?.clone();
            Some((service.id, (service, external)))
        })
        .collect())
}

fn head(
    ctx: &Context,
    preview: &Preview,
    items: &[&PreviewItem],
    on_failure: OnFailure,
    note: String,
    ticket: String,
) -> Deployment {
    Deployment {
        id: Uuid::now_v7().into(),
        origin: if preview.undo_of.is_some() { Origin::Rollback } else { Origin::Sync },
        source_environment_id: preview.request.source_environment_id,
        source_name: preview.source_name.clone(),
        target_environment_id: preview.request.target_environment_id,
        target_name: preview.target_name.clone(),
        service_ids: items.iter().map(|item| item.service_id).collect(),
        status: DeploymentStatus::Pending,
        on_failure,
        cancel_requested: false,
        note,
        ticket,
        initiated_by: ctx.actor().to_owned(),
        undo_of: preview.undo_of,
        revision: 0,
        start_time: Utc::now(),
        end_time: None,
        results: Vec::new(),
        counts: TaskCounts::default(),
    }
}

fn task(item: &PreviewItem, services: &HashMap<ServiceId, (Service, String)>) -> Option<NewTask> {
    let target: &PreviewTarget = item.target.as_ref()?;
    let (service, external_id) = services.get(&target.service_id)?;
    Some(NewTask {
        task: Task {
            id: Uuid::now_v7().into(),
            service_id: item.service_id,
            source_app_instance_id: item.source_app_instance_id,
            target_service_id: target.service_id,
            target_app_instance_id: target.app_instance_id,
            cluster_id: target.cluster_id,
            cluster: target.cluster.clone(),
            namespace: target.namespace.clone(),
            application: item.application.clone(),
            kind: item.kind.clone(),
            name: item.name.clone(),
            previous_image_tag: String::new(),
            new_image_tag: String::new(),
            containers: item.containers.clone(),
            status: TaskStatus::Pending,
            words: "waiting".into(),
            error: None,
            retries: 0,
            accepted: false,
            available: service.available_replicas,
            replicas: target.replicas,
            started_at: None,
            timestamp: None,
        },
        site_id: service.site_id,
        cluster_external_id: external_id.clone(),
        uid: target.uid.clone(),
        found: target.found.clone(),
    })
}

/// All that the target environment should run after this: what is observed, with this deployment's images.
async fn next_revision(ctx: &Context, new: &NewDeployment, preview: &Preview) -> Result<Revision, Error> {
    let target = new.deployment.target_environment_id;
    let moving: HashMap<ServiceId, &NewTask> =
        new.tasks.iter().map(|task| (task.task.target_service_id, task)).collect();
    let entry = |service: Service| {
        let task = moving.get(&service.id);
        let image = |container: domain::service::Container| {
            let change = task
                .and_then(|task| task.task.containers.iter().find(|change| change.name == container.name));
            ContainerImage {
                image: change.map_or(container.image, |change| change.to.clone()),
                container: container.name,
            }
        };
        RevisionEntry {
            app_instance_id: service.app_instance_id,
            kind: service.workload_type,
            name: service.name,
            images: service.containers.into_iter().map(image).collect(),
        }
    };
    let entries = ctx.store().services_of(target).await?.into_iter().map(entry).collect();
    let reason = match preview.undo_of {
        Some(id) => format!("undo of {id}"),
        None => format!("sync from {}", preview.source_name),
    };
    Ok(Revision {
        id: Uuid::now_v7().into(),
        environment_id: target,
        number: 0,
        entries,
        deployment_id: Some(new.deployment.id),
        author: ctx.actor().to_owned(),
        reason,
        created_at: Utc::now(),
    })
}
