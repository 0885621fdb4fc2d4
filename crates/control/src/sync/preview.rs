//! What a sync would do, found out now: the targets are read from their clusters, and each change is tried there.

use std::collections::{HashMap, HashSet};

use chrono::{TimeDelta, Utc};
use domain::{
    cluster::Cluster,
    deploy::DeployRequest,
    environment::Environment,
    id::{ClusterId, DeploymentId, EnvironmentId, ServiceId, SiteId},
    list::Paging,
    problem::FieldError,
    service::{Container, Service, ServiceQuery},
    sync::{
        ContainerChange, MAX_SERVICES, Matching, Preview, PreviewItem, PreviewTarget, Severity, SyncRequest,
        Warning, with_images,
    },
    sync_plan::{self, Wanted},
    variable::{Carried, Values},
    workload::WorkloadKey,
};
use futures::{StreamExt, stream};
use platform::{Copy, ImageChange, SetImages, VariableChange};
use uuid::Uuid;

use super::{
    carry::carry,
    read::{Found, read_now},
};
use crate::{Context, Error, VaultError, cluster, environment, service, variable, variable::carry::opened};

/// How long a preview can be confirmed.
const VALID: TimeDelta = TimeDelta::minutes(30);
/// Clusters are asked about this many services at once.
pub(super) const PARALLEL: usize = 16;
/// The code of the note that another deployment comes before.
const WAITS: &str = "waits";

/// What a sync would do. Stored, so that it can be confirmed by its id.
pub async fn preview(ctx: &Context, request: SyncRequest) -> Result<Preview, Error> {
    let (source, target) = environments(ctx, &request).await?;
    let sources = sources(ctx, &request, &source).await?;
    check_targets(ctx, &request).await?;
    let names: Vec<String> = sources.iter().map(|service| service.name.clone()).collect();
    let mut targets = ctx.store().services_named(Some(target.id), &names).await?;
    let wanted: Vec<Wanted<'_>> = sources
        .iter()
        .enumerate()
        .map(|(n, source)| Wanted { source, target: request.target_app_instances.get(n).copied().flatten() })
        .collect();
    let chosen: HashSet<ServiceId> = targets_of(&sync_plan::pair(&wanted, &targets));
    targets.retain(|target| chosen.contains(&target.id));
    let (targets, found) = read_now(ctx, targets).await?;
    let items = sync_plan::pair(&wanted, &targets);
    let asked = Asked { source_name: source.name, target_name: target.name, ..Asked::of(request) };
    finish(ctx, asked, items, &found).await
}

/// App instances that were chosen by hand are the target's.
async fn check_targets(ctx: &Context, request: &SyncRequest) -> Result<(), Error> {
    let chosen: Vec<_> = request.target_app_instances.iter().flatten().collect();
    if chosen.is_empty() {
        return Ok(());
    }
    let there = ctx.store().app_instances(Some(request.target_environment_id)).await?;
    match chosen.into_iter().find(|id| there.iter().all(|instance| instance.id != **id)) {
        Some(id) => {
            Err(Error::invalid("targetAppInstances", format!("The target has no app instance {id}.")))
        }
        None => Ok(()),
    }
}

/// A target's cluster; refused where its site is switched off, or it is cordoned or not managed.
pub(super) async fn reach(ctx: &Context, site: SiteId, cluster: ClusterId) -> Result<Cluster, Error> {
    let cluster = cluster::find(ctx, Some(site), &cluster.to_string()).await?;
    let site = ctx.store().site(site).await?;
    if !site.active {
        return Err(Error::conflict("site_off", format!("Site {} is switched off.", site.name)));
    }
    if !cluster.managed {
        let detail = format!("Cluster {} is not among the managed ones.", cluster.name);
        return Err(Error::conflict("cluster_unmanaged", detail));
    }
    if cluster.cordoned {
        let detail = format!("Cluster {} is cordoned: nothing new is deployed to it.", cluster.name);
        return Err(Error::conflict("cluster_cordoned", detail));
    }
    Ok(cluster)
}

/// What a preview is of.
pub(super) struct Asked {
    pub(super) request: SyncRequest,
    pub(super) source_name: String,
    pub(super) target_name: String,
    pub(super) undo_of: Option<DeploymentId>,
    pub(super) retry_of: Option<DeploymentId>,
    pub(super) deploy: Option<DeployRequest>,
    /// The variables that its targets are to have, where the revision does not say that.
    pub(super) variables: HashMap<ServiceId, Values>,
}

impl Asked {
    fn of(request: SyncRequest) -> Self {
        let (source_name, target_name) = (String::new(), String::new());
        let variables = HashMap::new();
        Self { request, source_name, target_name, undo_of: None, retry_of: None, deploy: None, variables }
    }

    /// Of services of one environment, into which nothing comes from another.
    pub(super) fn within(id: EnvironmentId, name: &str, service_ids: Vec<ServiceId>) -> Self {
        let request = SyncRequest {
            source_environment_id: id,
            target_environment_id: id,
            service_ids,
            target_app_instances: Vec::new(),
            matching: None,
        };
        Self { source_name: name.to_owned(), target_name: name.to_owned(), ..Self::of(request) }
    }
}

/// Completes a preview's items with what the clusters say, and stores it.
pub(super) async fn finish(
    ctx: &Context,
    asked: Asked,
    mut items: Vec<PreviewItem>,
    found: &Found,
) -> Result<Preview, Error> {
    items.sort_by(|a, b| (&a.name, &a.application, &a.kind).cmp(&(&b.name, &b.application, &b.kind)));
    for item in &mut items {
        let Some(target) = &mut item.target else { continue };
        match found.get(&target.service_id) {
            Some(Ok(object)) => {
                target.uid.clone_from(&object.uid);
                target.alternatives.clone_from(&object.alternatives);
            }
            Some(Err(words)) => {
                item.warnings.push(Warning::new("target_unreadable", Severity::Blocking, words.clone()));
            }
            None => {}
        }
    }
    let target = asked.request.target_environment_id;
    let next = variable::to_come(ctx, target, asked.deploy.as_ref()).await?;
    let settings = ctx.store().settings(target).await?.settings;
    let carried = carry(ctx, &asked, &next, settings.manages, &mut items, found).await?;
    warn_of_others(ctx, &mut items).await?;
    let tried = stream::iter(items.into_iter().map(|item| {
        let ctx = ctx.clone();
        let carried = item.target.as_ref().and_then(|target| carried.get(&target.service_id)).cloned();
        async move { try_out(&ctx, target, item, carried).await }
    }));
    let items = tried.buffered(PARALLEL).collect().await;
    let now = Utc::now();
    let mut preview = Preview {
        id: Uuid::now_v7().into(),
        request: asked.request,
        source_name: asked.source_name,
        target_name: asked.target_name,
        undo_of: asked.undo_of,
        retry_of: asked.retry_of,
        deploy: asked.deploy,
        guard: settings.guard(now),
        defaults: settings.defaults.clone(),
        items,
        created_at: now,
        expires_at: now + VALID,
    };
    if preview.undo_of.is_none() {
        for item in &mut preview.items {
            let broken = settings.broken_by(item, &next);
            item.warnings.extend(broken);
        }
    }
    let mut write = ctx.store().write().await?;
    write.insert_preview(&preview, &carried).await?;
    write.commit().await?;
    Ok(preview)
}

fn targets_of(items: &[PreviewItem]) -> HashSet<ServiceId> {
    items.iter().filter_map(|item| item.target.as_ref()).map(|target| target.service_id).collect()
}

async fn environments(ctx: &Context, request: &SyncRequest) -> Result<(Environment, Environment), Error> {
    let named = async |field: &str, id| match environment::get(ctx, id).await {
        Err(Error::NotFound { .. }) => Err(Error::invalid(field, "There is no such environment.")),
        other => other,
    };
    let source = named("sourceEnvironmentId", request.source_environment_id).await?;
    let target = named("targetEnvironmentId", request.target_environment_id).await?;
    if source.id == target.id {
        return Err(Error::invalid("targetEnvironmentId", "Choose another environment than the source."));
    }
    Ok((source, target))
}

/// The services asked for: those that are named, in their order, and then those that match.
async fn sources(
    ctx: &Context,
    request: &SyncRequest,
    environment: &Environment,
) -> Result<Vec<Service>, Error> {
    let mut sources = named(ctx, &request.service_ids, environment).await?;
    if let Some(matching) = &request.matching {
        let are_named: HashSet<ServiceId> = request.service_ids.iter().copied().collect();
        let (found, total) = matched(ctx, matching, environment).await?;
        if total > MAX_SERVICES as u64 {
            let message =
                format!("{total} services match, and at most {MAX_SERVICES} can be brought at once.");
            return Err(Error::invalid("matching", message));
        }
        sources.extend(found.into_iter().filter(|service| !are_named.contains(&service.id)));
    }
    if sources.is_empty() {
        return Err(match request.matching {
            Some(_) => Error::invalid("matching", format!("Nothing in {} matches.", environment.name)),
            None => Error::invalid("serviceIds", "Choose at least one service."),
        });
    }
    Ok(sources)
}

/// The services of an environment that a filter matches now, and how many there are.
async fn matched(
    ctx: &Context,
    matching: &Matching,
    environment: &Environment,
) -> Result<(Vec<Service>, u64), Error> {
    match matching {
        Matching::Matrix(query) if query.at.is_some() => {
            Err(Error::invalid("matching", "What ran at another time cannot be brought from there."))
        }
        Matching::Matrix(query) => {
            Ok(ctx.store().services_of_rows(environment.id, query, MAX_SERVICES as u64).await?)
        }
        Matching::Services(query) if query.env.is_some_and(|env| env != environment.id) => {
            Ok((Vec::new(), 0))
        }
        Matching::Services(query) => {
            let query = ServiceQuery { env: Some(environment.id), sort: None, ..query.clone() };
            let paging = Paging { page: 1, page_size: MAX_SERVICES as u32 };
            let found = service::page(ctx, &query, paging).await?;
            Ok((found.items, found.total))
        }
    }
}

async fn named(ctx: &Context, ids: &[ServiceId], environment: &Environment) -> Result<Vec<Service>, Error> {
    let refuse = |message: String| Err(Error::Invalid(vec![FieldError::new("serviceIds", message)]));
    if ids.len() > MAX_SERVICES {
        return refuse(format!("At most {MAX_SERVICES} services at once."));
    }
    if ids.iter().collect::<HashSet<_>>().len() != ids.len() {
        return refuse("A service is named twice.".into());
    }
    let mut found: HashMap<ServiceId, Service> =
        ctx.store().services_by_id(ids).await?.into_iter().map(|service| (service.id, service)).collect();
    let mut sources = Vec::with_capacity(ids.len());
    for id in ids {
        match found.remove(id) {
            Some(service) if service.environment_id == environment.id => sources.push(service),
            Some(service) => return refuse(format!("{} is not in {}.", service.name, environment.name)),
            None => return refuse(format!("Service {id} is no longer there.")),
        }
    }
    Ok(sources)
}

/// Warns where a service was changed past Lockstep since its last deployment; says where another one comes before.
async fn warn_of_others(ctx: &Context, items: &mut [PreviewItem]) -> Result<(), Error> {
    let ids: Vec<ServiceId> = targets_of(items).into_iter().collect();
    let last: HashMap<_, _> = ctx
        .store()
        .last_deployed(&ids)
        .await?
        .into_iter()
        .map(|(id, at, changes)| (id, (at, changes)))
        .collect();
    let coming = ctx.store().to_come(&ids).await?;
    for item in items {
        let Some(target) = &item.target else { continue };
        if coming.contains_key(&target.service_id) {
            let message = "Another deployment comes before it: what that one brings is shown as what runs.";
            item.warnings.push(Warning::new(WAITS, Severity::Info, message));
            continue;
        }
        if let Some((at, changes)) = last.get(&target.service_id)
            && changes.iter().any(|change| moved_since(change, &target.found))
        {
            let at = at.format("%Y-%m-%d %H:%M");
            let message = format!("Changed by someone else since Lockstep's last sync ({at} UTC).");
            item.warnings.push(Warning::new("changed_by_other", Severity::Warning, message));
        }
    }
    Ok(())
}

fn moved_since(change: &ContainerChange, found: &[Container]) -> bool {
    found.iter().any(|now| now.name == change.name && now.init == change.init && now.image != change.to)
}

/// Has the cluster try the change without making it, so that what admission would refuse is seen before.
async fn try_out(
    ctx: &Context,
    environment: EnvironmentId,
    mut item: PreviewItem,
    carried: Option<Carried>,
) -> PreviewItem {
    // What another deployment is still to bring cannot be tried on.
    let waits = item.warnings.iter().any(|warning| warning.code == WAITS);
    let Some(target) = item.target.clone().filter(|_| item.will_change() && !waits) else { return item };
    let variables =
        carried.map(|carried| opened(&ctx.control().vault, environment, &carried.from, &carried.to));
    let refused = match dry_run(ctx, &item, &target, variables).await {
        Ok(SetImages::Accepted | SetImages::AlreadyThere) => return item,
        Ok(SetImages::Changed(words)) => Warning::new("target_changed", Severity::Blocking, words),
        Err(Error::Platform(error)) if error.is_transient() => {
            let message = format!("The cluster could not be asked whether it would accept this: {error}");
            Warning::new("not_tried", Severity::Warning, message)
        }
        Err(error) => Warning::new("refused_by_cluster", Severity::Blocking, error.problem().detail),
    };
    item.warnings.push(refused);
    item
}

async fn dry_run(
    ctx: &Context,
    item: &PreviewItem,
    target: &PreviewTarget,
    variables: Option<Result<VariableChange, VaultError>>,
) -> Result<SetImages, Error> {
    let service = crate::service::get(ctx, target.service_id).await?;
    let key =
        WorkloadKey { namespace: target.namespace.clone(), kind: item.kind.clone(), name: item.name.clone() };
    let external =
        cluster::find(ctx, Some(service.site_id), &target.cluster_id.to_string()).await?.external_id;
    let platform = ctx.control().platform(service.site_id).await?;
    if let Some(original) = &item.original {
        let (original, uid) = (original.clone(), target.uid.clone());
        let copy = Copy { key, original, to: external, uid, deployment: "preview".into() };
        return Ok(platform.copy(&copy, true).await?);
    }
    let change = ImageChange {
        uid: target.uid.clone(),
        from: target.found.clone(),
        to: with_images(&target.found, &item.containers),
        variables: variables.transpose()?,
        scale: item.scale,
        deployment: "preview".into(),
        seen: None,
        back: false,
    };
    Ok(platform.set_images(&external, &key, &change, true).await?)
}
