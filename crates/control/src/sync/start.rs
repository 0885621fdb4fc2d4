//! Starting what was previewed: one transaction writes the deployment, its tasks and the target's next revision.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    deployment::{Deployment, DeploymentStatus, Origin, Task, TaskCounts, TaskStatus},
    id::{AppInstanceId, ClusterId, DeploymentId, PreviewId, ServiceId},
    service::Service,
    settings::{Consent, time_limit_fault},
    sync::{Exception, OnFailure, Preview, PreviewItem, PreviewTarget, Severity, StartSync, Warning},
    validate,
};
use store::{CarriedByService, NewDeployment, NewTask, Write};
use uuid::Uuid;

use super::{
    carry::confirmed,
    preview::{preview, reach},
    relocate::check_whole,
    revision::{There, revision_of},
};
use crate::{Context, Error, deployment, settings};

/// The furthest that a deployment can be scheduled ahead.
const FURTHEST: TimeDelta = TimeDelta::days(366);

/// Starts a sync: what its preview showed, or, without one, what is found now.
pub async fn start(ctx: &Context, start: StartSync) -> Result<Deployment, Error> {
    let shown = match start.preview_id {
        Some(id) => previewed(ctx, id).await?,
        None => preview(ctx, start.request.clone()).await?,
    };
    if !is_sync(&shown) || !covers(&shown, &start) {
        return Err(other_request());
    }
    let asked = Asked::of(&shown, &start);
    let how = How {
        on_failure: start.on_failure.clone(),
        otherwise: OnFailure::Stop,
        note: &start.note,
        ticket: &start.ticket,
        consent: &start.consent,
        at: None,
        time_limit: None,
    };
    begin(ctx, &shown, &asked, how).await
}

/// Starts the way back from a deployment, or what is left of it, as its preview showed.
pub async fn start_follow_up(
    ctx: &Context,
    id: DeploymentId,
    preview: PreviewId,
    on_failure: OnFailure,
    note: &str,
    consent: &Consent,
) -> Result<Deployment, Error> {
    let shown = previewed(ctx, preview).await?;
    if shown.undo_of != Some(id) && shown.retry_of != Some(id) {
        return Err(other_request());
    }
    let on_failure = Some(on_failure);
    let how =
        How { on_failure, otherwise: OnFailure::Stop, note, ticket: "", consent, at: None, time_limit: None };
    begin(ctx, &shown, &Asked::AllBut(&[]), how).await
}

pub(super) fn other_request() -> Error {
    Error::conflict("preview_other_request", "This preview is of another request. Preview again.")
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

/// Whether versions come from another environment.
fn is_sync(preview: &Preview) -> bool {
    preview.undo_of.is_none() && preview.retry_of.is_none() && preview.deploy.is_none()
}

/// Whether a request asks for nothing that its preview did not show; services may be left out.
fn covers(preview: &Preview, start: &StartSync) -> bool {
    let (shown, asked) = (&preview.request, &start.request);
    shown.source_environment_id == asked.source_environment_id
        && shown.target_environment_id == asked.target_environment_id
        && asked.service_ids.iter().all(|id| shown.service_ids.contains(id))
        && (asked.matching.is_none() || asked.matching == shown.matching)
}

/// How a deployment is carried out, and why.
pub(super) struct How<'a> {
    pub(super) on_failure: Option<OnFailure>,
    /// What is done on a failed task where neither the request nor the environment says it.
    pub(super) otherwise: OnFailure,
    pub(super) note: &'a str,
    pub(super) ticket: &'a str,
    pub(super) consent: &'a Consent,
    /// Not to begin before.
    pub(super) at: Option<DateTime<Utc>>,
    /// How long it may take, in seconds.
    pub(super) time_limit: Option<u32>,
}

/// Starts what is asked for of a preview.
pub(super) async fn begin(
    ctx: &Context,
    preview: &Preview,
    asked: &Asked<'_>,
    How { on_failure, otherwise, note, ticket, consent, at, time_limit }: How<'_>,
) -> Result<Deployment, Error> {
    let target = preview.request.target_environment_id;
    let defaults = ctx.store().settings(target).await?.settings.defaults;
    let on_failure = match preview.relocates() {
        // Half of an app instance is of no use in either cluster.
        true => OnFailure::PutBack,
        false => on_failure.or(defaults.on_failure).unwrap_or(otherwise),
    };
    // The way back is not cut short by what holds for going forth.
    let time_limit = time_limit.or(defaults.time_limit_seconds.filter(|_| preview.undo_of.is_none()));
    let mut errors = Vec::new();
    let note = validate::text("note", note).map_err(|error| errors.push(error)).unwrap_or_default();
    let ticket = validate::link("ticket", ticket).map_err(|error| errors.push(error)).unwrap_or_default();
    errors.extend(on_failure.fault());
    if at.is_some_and(|at| at <= Utc::now() || at > Utc::now() + FURTHEST) {
        let words = "Give a time within the next year.";
        errors.push(domain::problem::FieldError::new("scheduledFor", words));
    }
    errors.extend(time_limit.and_then(time_limit_fault));
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    check_whole(preview, |item| !asked.has(item))?;
    let items: Vec<&PreviewItem> = preview.changes().filter(|item| asked.has(item)).collect();
    let left_out = left_out(preview, asked);
    if items.is_empty() {
        return Err(nothing_to_do(&left_out));
    }
    let overridden = settings::permit(ctx, preview, &items, consent, at).await?;
    let carried = confirmed(ctx, preview, &items).await?;
    let services = target_services(ctx, &items).await?;
    let mut reached = HashSet::new();
    for target in items.iter().filter_map(|item| item.target.as_ref()) {
        if let Some((service, _)) = services.get(&target.service_id)
            && reached.insert(target.cluster_id)
        {
            reach(ctx, service.site_id, target.cluster_id).await?;
        }
    }
    let head = Deployment {
        scheduled_for: at,
        time_limit_seconds: time_limit,
        ..head(ctx, preview, &items, on_failure, note, ticket)
    };
    let overrides_freeze = consent.overrides_freeze();
    let mut new = NewDeployment { deployment: head, tasks: Vec::new(), overrides_freeze };
    for item in &items {
        new.tasks.extend(task(item, &services, &carried));
    }
    let id = store_all(ctx, &mut new, preview, Said { left_out: &left_out, overridden }).await?;
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

fn nothing_to_do(left_out: &[(&PreviewItem, &Warning)]) -> Error {
    let reasons: Vec<String> =
        left_out.iter().take(5).map(|(item, why)| format!(" {}: {}", item.name, why.message)).collect();
    let detail = match reasons.is_empty() {
        true => "Nothing would be changed: every service is in step.".to_owned(),
        false => format!("Nothing would be changed.{}", reasons.concat()),
    };
    Error::conflict("nothing_to_do", detail)
}

/// What is asked for of a preview's items; all of them where nobody says.
pub(super) enum Asked<'a> {
    /// All but these.
    AllBut(&'a [Exception]),
    These {
        /// Services by id, each with the app instances that it is to go to, where the request says so.
        named: HashMap<ServiceId, Vec<Option<AppInstanceId>>>,
        /// Services that the preview's request named; the others matched its filter.
        shown: HashSet<ServiceId>,
        start: &'a StartSync,
    },
}

impl<'a> Asked<'a> {
    fn of(preview: &Preview, start: &'a StartSync) -> Self {
        let targets = start.request.target_app_instances.iter().copied().chain(std::iter::repeat(None));
        let mut named: HashMap<ServiceId, Vec<_>> = HashMap::new();
        for (service, target) in start.request.service_ids.iter().zip(targets) {
            named.entry(*service).or_default().push(target);
        }
        Asked::These { named, shown: preview.request.service_ids.iter().copied().collect(), start }
    }

    fn has(&self, item: &PreviewItem) -> bool {
        let (named, shown, start) = match self {
            Asked::AllBut(except) => return !except.iter().any(|exception| exception.covers(item)),
            Asked::These { named, shown, start } => (named, shown, start),
        };
        let target = item.target.as_ref().map(|target| target.app_instance_id);
        let asked = match named.get(&item.service_id) {
            Some(chosen) => chosen.iter().any(|chosen| chosen.is_none() || *chosen == target),
            None => start.request.matching.is_some() && !shown.contains(&item.service_id),
        };
        asked && !start.except.iter().any(|exception| exception.covers(item))
    }
}

/// What is told of a deployment at its start.
struct Said<'a> {
    left_out: &'a [(&'a PreviewItem, &'a Warning)],
    overridden: Option<String>,
}

async fn store_all(
    ctx: &Context,
    new: &mut NewDeployment,
    preview: &Preview,
    said: Said<'_>,
) -> Result<DeploymentId, Error> {
    let there = There::now(ctx, new.deployment.target_environment_id).await?;
    let mut write = ctx.store().write().await?;
    new.deployment.revision = revision_of(ctx, &mut write, there, new, preview).await?;
    write.insert_deployment(new).await?;
    supersede(ctx, &mut write, new).await?;
    let (deployment, services) = (&new.deployment, new.tasks.len());
    let what = match deployment.origin {
        Origin::Rollback => "a rollback in",
        Origin::Deploy if preview.relocates() => "a move within",
        Origin::Deploy => "a deployment to",
        _ => "a sync to",
    };
    let noun = if services == 1 { "service" } else { "services" };
    let message = format!("{} started {what} {} of {services} {noun}", ctx.actor(), deployment.target_name);
    let event = ctx.event("deployment.started", message).deployment(deployment.id);
    write.append(event.environment(deployment.target_environment_id)).await?;
    if let Some(words) = said.overridden {
        let event = ctx.event("deployment.changed", words).deployment(deployment.id);
        write.append(event.environment(deployment.target_environment_id)).await?;
    }
    for (item, why) in said.left_out {
        let message = format!("{} {} is left out: {}", item.kind, item.name, why.message);
        let event = ctx.event("deployment.changed", message).deployment(deployment.id);
        write.append(event.environment(deployment.target_environment_id)).await?;
    }
    write.commit().await?;
    Ok(deployment.id)
}

/// Ends deployments that wait for their turn and would bring nothing that this one does not bring in another version.
async fn supersede(ctx: &Context, write: &mut Write, new: &NewDeployment) -> Result<(), Error> {
    let deployment = &new.deployment;
    let relocates = new.tasks.iter().any(|new| new.task.original.is_some());
    if deployment.scheduled_for.is_some() || relocates {
        return Ok(());
    }
    let environment = deployment.target_environment_id;
    let services = new.tasks.iter().map(|new| new.task.target_service_id).collect();
    for id in write.supersede(environment, deployment.id, &services, Utc::now()).await? {
        let message = format!("superseded: {} brings other versions of all its services", deployment.id);
        let event = ctx.event("deployment.ended", message).deployment(id);
        write.append(event.environment(environment)).await?;
    }
    Ok(())
}

async fn target_services(
    ctx: &Context,
    items: &[&PreviewItem],
) -> Result<HashMap<ServiceId, (Service, String)>, Error> {
    let targets = items.iter().filter_map(|item| item.target.as_ref());
    let on: HashMap<ServiceId, ClusterId> =
        targets.map(|target| (target.service_id, target.cluster_id)).collect();
    let ids: Vec<ServiceId> = on.keys().copied().collect();
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
            let external = clusters.get(on.get(&service.id)?)?.clone();
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
        origin: origin(preview),
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
        retry_of: preview.retry_of,
        revision: 0,
        scheduled_for: None,
        time_limit_seconds: None,
        begun_at: None,
        start_time: Utc::now(),
        end_time: None,
        results: Vec::new(),
        counts: TaskCounts::default(),
    }
}

fn origin(preview: &Preview) -> Origin {
    match &preview.deploy {
        Some(deploy) if deploy.rollback => Origin::Rollback,
        Some(_) => Origin::Deploy,
        None if preview.undo_of.is_some() => Origin::Rollback,
        None if preview.retry_of.is_some() => Origin::Deploy,
        None => Origin::Sync,
    }
}

fn task(
    item: &PreviewItem,
    services: &HashMap<ServiceId, (Service, String)>,
    carried: &CarriedByService,
) -> Option<NewTask> {
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
            variables: item.variables.clone(),
            scale: item.scale,
            original: item.original.clone(),
            status: TaskStatus::Pending,
            words: "waiting".into(),
            error: None,
            retries: 0,
            accepted: false,
            available: service.available_replicas,
            replicas: item.replicas_to_come(target),
            started_at: None,
            timestamp: None,
            address: None,
        },
        site_id: service.site_id,
        cluster_external_id: external_id.clone(),
        uid: target.uid.clone(),
        found: target.found.clone(),
        alternatives: target.alternatives.clone(),
        carried: carried.get(&target.service_id).cloned(),
    })
}
