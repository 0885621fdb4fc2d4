//! Deploying: an environment's services brought to a revision, or to versions chosen for them.

use std::collections::{HashMap, HashSet};

use domain::{
    deploy::{DeployRequest, StartDeployment},
    deploy_plan,
    deployment::Deployment,
    environment::Environment,
    id::ServiceId,
    image::ImageRef,
    problem::FieldError,
    relocation::Relocation,
    replicas::{self, MAX_REPLICAS, ReplicaChange, ServiceReplicas},
    revision::{ContainerImage, RevisionEntry, ServiceVersion},
    service::Service,
    settings::Manages,
    sync::{MAX_SERVICES, OnFailure, Preview, PreviewItem},
};

use super::{
    preview::{Asked as Subject, finish},
    read::read_now,
    relocate,
    start::{Asked, How, begin, other_request, previewed},
};
use crate::{
    Context, Error, environment,
    revision::{self, older},
    variable::may_be_given_otherwise,
};

/// What a deployment would change. Stored, so that it can be confirmed by its id.
pub async fn preview_deploy(ctx: &Context, request: DeployRequest) -> Result<Preview, Error> {
    let environment = match environment::get(ctx, request.environment_id).await {
        Err(Error::NotFound { .. }) => {
            return Err(Error::invalid("environmentId", "There is no such environment."));
        }
        other => other?,
    };
    if let Some(relocation) = request.relocation.clone() {
        return relocated(ctx, request, &relocation).await;
    }
    let there = ctx.store().services_of(environment.id).await?;
    let (mut wanted, replicas, missing) = match request.revision {
        Some(_) if !request.versions.is_empty() => {
            return Err(Error::invalid("versions", "Choose a revision or versions, not both."));
        }
        Some(_) if !request.replicas.is_empty() => {
            return Err(Error::invalid("replicas", "Choose a revision or replicas, not both."));
        }
        Some(number) => of_revision(ctx, &environment, number, request.rollback, &there).await?,
        None if request.rollback => {
            return Err(Error::invalid("revision", "Say which revision to roll back to."));
        }
        None => chosen(ctx, &request, &environment, &there).await?,
    };
    let targets: Vec<Service> =
        there.into_iter().filter(|service| wanted.contains_key(&service.id)).collect();
    if targets.len() > MAX_SERVICES {
        let message =
            format!("{} services would change, and at most {MAX_SERVICES} can at once.", targets.len());
        return Err(Error::invalid("revision", message));
    }
    let (targets, found) = read_now(ctx, targets).await?;
    let mut items = missing;
    items.extend(targets.iter().map(|target| {
        let images = wanted.remove(&target.id).unwrap_or_default();
        deploy_plan::item(target, &images, replicas.get(&target.id).copied(), request.rollback)
    }));
    let ids = targets.iter().map(|target| target.id).collect();
    let asked = Subject { deploy: Some(request), ..Subject::within(environment.id, &environment.name, ids) };
    finish(ctx, asked, items, &found).await
}

/// Starts a deployment: what its preview showed, or, without one, what is found now.
pub async fn start_deploy(ctx: &Context, start: StartDeployment) -> Result<Deployment, Error> {
    let shown = match start.preview_id {
        Some(id) => previewed(ctx, id).await?,
        None => preview_deploy(ctx, start.request.clone()).await?,
    };
    if shown.deploy.as_ref() != Some(&start.request) {
        return Err(other_request());
    }
    let how = How {
        on_failure: start.on_failure.clone(),
        otherwise: OnFailure::PutBack,
        note: &start.note,
        ticket: &start.ticket,
        consent: &start.consent,
        at: start.scheduled_for,
        time_limit: start.time_limit_seconds,
    };
    begin(ctx, &shown, &Asked::AllBut(&start.except), how).await
}

/// What moving an app instance of the environment would do.
async fn relocated(ctx: &Context, request: DeployRequest, relocation: &Relocation) -> Result<Preview, Error> {
    let alone = DeployRequest::of_relocation(request.environment_id, relocation.clone());
    if request != alone {
        return Err(Error::invalid(
            "move",
            "An app instance is moved by itself: choose versions afterwards.",
        ));
    }
    let there = ctx.store().app_instances(Some(request.environment_id)).await?;
    if there.iter().all(|instance| instance.id != relocation.app_instance_id) {
        return Err(Error::invalid("move.appInstanceId", "The environment has no such app instance."));
    }
    relocate::preview(ctx, relocation, |asked| Subject { deploy: Some(request), ..asked }).await
}

type Wanted = HashMap<ServiceId, Vec<ContainerImage>>;

/// What chosen versions and replicas want.
async fn chosen(
    ctx: &Context,
    request: &DeployRequest,
    environment: &Environment,
    there: &[Service],
) -> Result<(Wanted, HashMap<ServiceId, u32>, Vec<PreviewItem>), Error> {
    let manages = ctx.store().settings(environment.id).await?.settings.manages;
    let replicas = of_replicas(&request.replicas, there, manages)?;
    let mut wanted = match request.versions.is_empty() && !replicas.is_empty() {
        true => Wanted::new(),
        false => of_versions(&request.versions, environment, there)?,
    };
    for id in replicas.keys() {
        wanted.entry(*id).or_default();
    }
    Ok((wanted, replicas, Vec::new()))
}

/// What a revision wants of the services that run something else, and its workloads that are not there.
async fn of_revision(
    ctx: &Context,
    environment: &Environment,
    number: i64,
    rollback: bool,
    there: &[Service],
) -> Result<(Wanted, HashMap<ServiceId, u32>, Vec<PreviewItem>), Error> {
    let revision = match revision::get(ctx, environment.id, number).await {
        Err(Error::NotFound { .. }) => {
            let message =
                format!("{} has revisions up to {}.", environment.name, environment.latest_revision);
            return Err(Error::invalid("revision", message));
        }
        other => other?,
    };
    if !rollback && number < environment.active_revision {
        return Err(older(number, environment.active_revision));
    }
    if rollback && number >= environment.active_revision {
        let message =
            format!("It is not older than revision {}, which is active.", environment.active_revision);
        return Err(Error::invalid("revision", message));
    }
    let manages = ctx.store().settings(environment.id).await?.settings.manages;
    let running: HashMap<_, (ServiceId, RevisionEntry)> = there
        .iter()
        .map(|service| (service.id, RevisionEntry::observed(service, manages)))
        .map(|(id, entry)| ((entry.app_instance_id, entry.kind.clone(), entry.name.clone()), (id, entry)))
        .collect();
    let otherwise = |one: &&Service| may_be_given_otherwise(ctx, manages, &revision.variables, one);
    let given: HashSet<ServiceId> = there.iter().filter(otherwise).map(|one| one.id).collect();
    let ids: Vec<ServiceId> = there.iter().map(|service| service.id).collect();
    let coming = ctx.store().to_come(&ids).await?;
    let (mut wanted, mut replicas, mut missing) = (HashMap::new(), HashMap::new(), Vec::new());
    for entry in revision.entries {
        match running.get(&(entry.app_instance_id, entry.kind.clone(), entry.name.clone())) {
            Some((id, now))
                if now.images == entry.images
                    && ReplicaChange::between(now.replicas, entry.replicas).is_none()
                    && !coming.contains_key(id)
                    && !given.contains(id) => {}
            Some((id, _)) => {
                wanted.insert(*id, entry.images);
                replicas.extend(entry.replicas.filter(|_| manages.replicas).map(|replicas| (*id, replicas)));
            }
            None => missing.push(deploy_plan::gone(&entry)),
        }
    }
    Ok((wanted, replicas, missing))
}

/// What chosen versions want.
pub(crate) fn of_versions(
    versions: &[ServiceVersion],
    environment: &Environment,
    there: &[Service],
) -> Result<Wanted, Error> {
    if versions.len() > MAX_SERVICES {
        return Err(Error::invalid("versions", format!("At most {MAX_SERVICES} at once.")));
    }
    let (mut wanted, mut errors) = (Wanted::new(), Vec::new());
    for (n, version) in versions.iter().enumerate() {
        match image(version, there) {
            Ok(image) => wanted.entry(version.service_id).or_default().push(image),
            Err(words) => errors.push(FieldError::new(&format!("versions[{n}]"), words)),
        }
    }
    if versions.is_empty() {
        let message = format!("Choose a version for at least one service of {}.", environment.name);
        errors.push(FieldError::new("versions", message));
    }
    if errors.is_empty() { Ok(wanted) } else { Err(Error::Invalid(errors)) }
}

/// What chosen replicas want.
pub(crate) fn of_replicas(
    chosen: &[ServiceReplicas],
    there: &[Service],
    manages: Manages,
) -> Result<HashMap<ServiceId, u32>, Error> {
    let mut wanted = HashMap::new();
    for (n, ServiceReplicas { service_id, replicas }) in chosen.iter().enumerate() {
        let service = there.iter().find(|service| service.id == *service_id);
        let fault = match service.map(replicas::of) {
            _ if !manages.replicas => {
                "The environment's settings leave replicas to others: switch that on first.".to_owned()
            }
            _ if *replicas > MAX_REPLICAS => format!("At most {MAX_REPLICAS}."),
            None => "The environment has no such service.".to_owned(),
            Some(None) => "Workloads of this kind are not told how many replicas they have.".to_owned(),
            Some(Some(_)) => {
                wanted.insert(*service_id, *replicas);
                continue;
            }
        };
        return Err(Error::invalid(&format!("replicas[{n}]"), fault));
    }
    Ok(wanted)
}

fn image(version: &ServiceVersion, there: &[Service]) -> Result<ContainerImage, String> {
    let service = there.iter().find(|service| service.id == version.service_id);
    let service = service.ok_or("The environment has no such service.")?;
    let container = match &version.container {
        Some(name) => service.containers.iter().find(|container| container.name == *name),
        None => service.containers.first(),
    };
    let container = container.ok_or_else(|| format!("{} has no such container.", service.name))?;
    let image: Option<ImageRef> = container.image_ref().in_version(&version.version);
    let image = image.ok_or_else(|| {
        let given = &version.version;
        format!("{}: “{given}” is no tag, digest or image reference.", service.name)
    })?;
    Ok(ContainerImage { container: container.name.clone(), image: image.to_string() })
}
