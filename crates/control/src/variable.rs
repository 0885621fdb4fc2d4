//! Use cases of variables: what services are given when they start. They are part of a revision, so an edit makes the next
//! one, and nothing is deployed by it.

pub(crate) mod carry;

use domain::{
    deploy::DeployRequest,
    environment::Environment,
    id::{EnvironmentId, ServiceId},
    revision::{RevisionEntry, carried_on},
    service::Service,
    settings::Manages,
    validate,
    variable::{
        Carried, EffectiveVariables, Reported, ServiceScope, StoredValue, Values, VariableChange,
        VariableEdit, Variables, VariablesEdit, carried, diff,
    },
    workload::WorkloadKey,
};

use crate::{
    Context, Error, Vault, environment,
    revision::{no_base, no_change, row},
    sync::revision::There,
};

/// The environment's variables, or all that one of its services is given, by the latest revision.
pub async fn get(
    ctx: &Context,
    environment: EnvironmentId,
    service: Option<ServiceId>,
) -> Result<EffectiveVariables, Error> {
    let found = environment::get(ctx, environment).await?;
    let service = match service {
        Some(id) => {
            let there = ctx.store().services_by_id(&[id]).await?;
            Some(in_environment(there, id, environment)?)
        }
        None => None,
    };
    let latest = ctx.store().variables(environment, None).await?;
    let latest = latest.as_ref().map(|(number, variables)| (*number, variables));
    Ok(shown(&found, latest, service.as_ref()))
}

/// Replaces the environment's variables, or one service's own, by a new revision.
pub async fn put(
    ctx: &Context,
    environment: EnvironmentId,
    edit: VariablesEdit,
) -> Result<EffectiveVariables, Error> {
    let found = environment::get(ctx, environment).await?;
    let reason = validate::text("reason", &edit.reason).map_err(|error| Error::Invalid(vec![error]))?;
    let there = There::now(ctx, environment).await?;
    let service = match edit.service_id {
        Some(id) => Some(in_environment(there.observed.clone(), id, environment)?),
        None => None,
    };
    let mut write = ctx.store().write().await?;
    write.hold_environment(environment).await?;
    let latest = write.latest_revision(environment).await?;
    if edit.base != latest.as_ref().map_or(0, |latest| latest.number) {
        let Some(latest) = latest else { return Err(no_base()) };
        let stored = Some((latest.number, &latest.variables));
        return Err(Error::stale(&shown(&found, stored, service.as_ref())));
    }
    let (entries, before) = latest.map(|latest| (Some(latest.entries), latest.variables)).unwrap_or_default();
    let scope = service.as_ref().map(scope_of);
    let stored = match &scope {
        Some(scope) => before.own(scope.key()).cloned().unwrap_or_default(),
        None => before.environment.clone(),
    };
    let faults = edit.faults(&stored);
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    let mut after = before.clone();
    after.replace(scope, values(&ctx.control().vault, environment, edit.variables, &stored));
    after.keep_within(&there.bound);
    if diff(&before, &after).is_empty() {
        return Err(no_change(edit.base));
    }
    let entries = carried_on(entries, &there.observed, &there.bound, there.manages);
    let new = store::NewRevision { variables: Some(after), ..row(ctx, environment, entries, reason) };
    let number = write.insert_revision(&new).await?;
    let of = service.as_ref().map(|service| format!(" of {}", service.name)).unwrap_or_default();
    let message =
        format!("{} made revision {number} of {}, with other variables{of}", ctx.actor(), found.name);
    write.append(ctx.event("revision.created", message).environment(environment)).await?;
    write.commit().await?;
    get(ctx, environment, edit.service_id).await
}

/// The variables of an environment's latest revision.
pub(crate) async fn latest(ctx: &Context, environment: EnvironmentId) -> Result<Variables, Error> {
    to_come(ctx, environment, None).await
}

/// The variables of the revision that a deployment leads to: of the one it names, or, as those of the latest go on, of that.
pub(crate) async fn to_come(
    ctx: &Context,
    environment: EnvironmentId,
    deploy: Option<&DeployRequest>,
) -> Result<Variables, Error> {
    let number = deploy.and_then(|deploy| deploy.revision);
    let found = ctx.store().variables(environment, number).await?;
    Ok(found.map(|(_, variables)| variables).unwrap_or_default())
}

/// How the variables that services have been given differ from those that a revision gives them, where deployments bring any.
pub(crate) fn given_otherwise<'a>(
    ctx: &Context,
    environment: EnvironmentId,
    manages: Manages,
    meant: &Variables,
    services: impl Iterator<Item = &'a Service>,
) -> Vec<VariableChange> {
    let control = ctx.control();
    let mut changes = Vec::new();
    for service in services.filter(|service| is_given(ctx, manages, service)) {
        let seen = control.observer.seen(service.cluster_id, &WorkloadKey::of(service));
        let Some(given) = seen.and_then(|seen| seen.workload.variables) else { continue };
        let scope = scope_of(service);
        let mut from = carry::given_to(meant, scope.key());
        carry::leave_alone(&mut from, &given);
        let to = carry::stored(&control.vault, environment, &given, &[&from]);
        let differing = carried(&Carried { from, to, ..Carried::default() }).into_iter();
        changes.extend(differing.map(|difference| VariableChange { scope: Some(scope.clone()), difference }));
    }
    changes
}

/// Whether deployments bring variables to a service.
fn is_given(ctx: &Context, manages: Manages, service: &Service) -> bool {
    manages.variables || Some(service.site_id) == ctx.control().local.id()
}

/// Whether a service may have been given other variables than a revision gives it, as far as the watches know. What is given to
/// those of this machine is found out by reading them.
pub(crate) fn may_be_given_otherwise(
    ctx: &Context,
    manages: Manages,
    meant: &Variables,
    service: &Service,
) -> bool {
    let control = ctx.control();
    let fits = |given: &Reported| {
        let mut wanted = carry::given_to(meant, scope_of(service).key());
        carry::leave_alone(&mut wanted, given);
        carry::fits(&control.vault, &wanted, Some(given))
    };
    match control.observer.seen(service.cluster_id, &WorkloadKey::of(service)) {
        _ if !is_given(ctx, manages, service) => false,
        Some(seen) => match seen.workload.variables {
            Some(given @ Reported::Entries(_)) => !fits(&given),
            _ => true,
        },
        None => true,
    }
}

fn in_environment(there: Vec<Service>, id: ServiceId, environment: EnvironmentId) -> Result<Service, Error> {
    let mut there = there.into_iter();
    let found = there.find(|service| service.id == id && service.environment_id == environment);
    found.ok_or_else(|| Error::invalid("serviceId", "The environment has no such service."))
}

fn scope_of(service: &Service) -> ServiceScope {
    let RevisionEntry { app_instance_id, app_instance, kind, name, .. } = RevisionEntry::of(service);
    ServiceScope { app_instance_id, app_instance, kind, name }
}

fn shown(
    environment: &Environment,
    latest: Option<(i64, &Variables)>,
    service: Option<&Service>,
) -> EffectiveVariables {
    let scope = service.map(scope_of);
    let revision = latest.map_or(0, |(number, _)| number);
    let variables = latest.map(|(_, variables)| variables.shown(scope.as_ref().map(ServiceScope::key)));
    EffectiveVariables {
        environment_id: environment.id,
        service_id: service.map(|service| service.id),
        revision,
        active: revision > 0 && revision == environment.active_revision,
        variables: variables.unwrap_or_default(),
    }
}

/// What an edit makes of the values that there are. A secret that is given again is not sealed again.
fn values(vault: &Vault, environment: EnvironmentId, edits: Vec<VariableEdit>, stored: &Values) -> Values {
    let value = |edit: VariableEdit| {
        let before = stored.get(&edit.name);
        let value = match edit.value {
            Some(value) if !edit.secret => StoredValue::Plain(value.expose().to_owned()),
            Some(value) => {
                let new = carry::seal(vault, environment, &edit.name, &value);
                before.filter(|before| **before == new).cloned().unwrap_or(new)
            }
            None => before?.clone(),
        };
        Some((edit.name, value))
    };
    edits.into_iter().filter_map(value).collect()
}
