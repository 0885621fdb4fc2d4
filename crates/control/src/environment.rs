//! Use cases of environments.

use chrono::Utc;
use domain::{
    environment::{Environment, EnvironmentEdit, EnvironmentQuery, NewEnvironment, PALETTE},
    id::{ClusterId, EnvironmentId},
    list::{Page, Paging},
    site::Dependents,
    validate,
};
use store::{EnvironmentFilter, EnvironmentOrder};
use uuid::Uuid;

use crate::{Context, Error, cluster, error::name_taken};

/// Every environment, from left to right.
pub async fn list(ctx: &Context) -> Result<Vec<Environment>, Error> {
    Ok(ctx.store().environments().await?)
}

/// A page of the environments that a query asks for, from left to right unless it says otherwise.
pub async fn page(
    ctx: &Context,
    query: EnvironmentQuery,
    paging: Paging,
) -> Result<Page<Environment>, Error> {
    let cluster = match query.cluster.filter(|word| !word.is_empty()) {
        Some(word) => Some(cluster::find(ctx, None, &word).await?.id),
        None => None,
    };
    let sort = query.sort.unwrap_or_default();
    let order = match sort.trim_start_matches('-') {
        "" | "position" => EnvironmentOrder::Position,
        "name" => EnvironmentOrder::Name,
        "created" => EnvironmentOrder::Created,
        other => {
            let words = format!("“{other}” is none of: position, name, created.");
            return Err(Error::invalid("sort", words));
        }
    };
    let filter = EnvironmentFilter { cluster, prefix: query.prefix, order, backwards: sort.starts_with('-') };
    Ok(ctx.store().environment_page(&filter, paging).await?)
}

/// One environment.
pub async fn get(ctx: &Context, id: EnvironmentId) -> Result<Environment, Error> {
    ctx.store().environment(id).await.map_err(|error| match error {
        store::Error::NotFound => Error::NotFound { noun: "environment", name: id.to_string() },
        other => other.into(),
    })
}

/// Makes an environment, at the end unless a place is given.
pub async fn create(ctx: &Context, new: NewEnvironment) -> Result<Environment, Error> {
    let mut errors = Vec::new();
    let existing = ctx.store().environment_count().await? as usize;
    let name = validate::name("name", &new.name).map_err(|error| errors.push(error)).unwrap_or_default();
    let description = validate::text("description", &new.description)
        .map_err(|error| errors.push(error))
        .unwrap_or_default();
    let color = new.color.as_deref().unwrap_or(PALETTE[existing % PALETTE.len()]);
    let color = validate::color("color", color).map_err(|error| errors.push(error)).unwrap_or_default();
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let cluster_id = home(ctx, new.cluster_id.as_deref()).await?;
    let now = Utc::now();
    let mut environment = Environment {
        id: Uuid::now_v7().into(),
        name,
        description,
        color,
        position: 0,
        cluster_id,
        app_instances: 0,
        services: 0,
        unhealthy: 0,
        latest_revision: 0,
        active_revision: 0,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let mut write = ctx.store().write().await?;
    environment.position = write.make_room(environment.id, new.position).await?;
    write.insert_environment(&environment).await.map_err(name_taken(taken(&environment.name)))?;
    let event = ctx.event("environment.created", format!("made environment {}", environment.name));
    write.append(event.environment(environment.id)).await?;
    write.commit().await?;
    get(ctx, environment.id).await
}

/// Edits an environment.
pub async fn edit(ctx: &Context, id: EnvironmentId, edit: EnvironmentEdit) -> Result<Environment, Error> {
    let before = get(ctx, id).await?;
    let mut after = before.clone();
    let mut errors = Vec::new();
    let mut set = |field: &mut String, checked: Option<Result<String, _>>| match checked {
        Some(Ok(value)) => *field = value,
        Some(Err(error)) => errors.push(error),
        None => {}
    };
    set(&mut after.name, edit.name.as_deref().map(|name| validate::name("name", name)));
    set(&mut after.description, edit.description.as_deref().map(|text| validate::text("description", text)));
    set(&mut after.color, edit.color.as_deref().map(|color| validate::color("color", color)));
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    if edit.cluster_id.is_some() {
        after.cluster_id = home(ctx, edit.cluster_id.as_deref()).await?;
    }
    let version = edit.version.unwrap_or(before.version);
    after.version = version + 1;
    after.updated_at = Utc::now();
    let mut write = ctx.store().write().await?;
    if edit.position.is_some() {
        after.position = write.make_room(id, edit.position).await?;
    }
    match write.update_environment(&after, version).await {
        Err(store::Error::Stale) => return Err(Error::stale(&before)),
        other => other.map_err(name_taken(taken(&after.name)))?,
    }
    let event = ctx.event("environment.changed", format!("edited environment {}", after.name));
    write.append(event.environment(id)).await?;
    write.commit().await?;
    get(ctx, id).await
}

/// What would go with an environment.
pub async fn dependents(ctx: &Context, id: EnvironmentId) -> Result<Dependents, Error> {
    get(ctx, id).await?;
    Ok(ctx.store().environment_dependents(id).await?)
}

/// Removes an environment; refused while a deployment works on it and, unless `force`, while app instances belong to
/// it, which go with it. Nothing that runs is touched.
pub async fn delete(ctx: &Context, id: EnvironmentId, force: bool) -> Result<(), Error> {
    let environment = get(ctx, id).await?;
    let dependents = dependents(ctx, id).await?;
    if !force && !dependents.app_instances.is_empty() {
        return Err(Error::in_use("environment_in_use", &environment.name, &dependents));
    }
    if dependents.running_deployments > 0 {
        let detail =
            "A sync from or to this environment is under way. Wait until it has ended, or cancel it.";
        return Err(Error::conflict("environment_in_use", detail));
    }
    let mut write = ctx.store().write().await?;
    write.delete_environment(id).await?;
    let event = ctx.event("environment.deleted", format!("removed environment {}", environment.name));
    write.append(event.environment(id)).await?;
    write.commit().await?;
    ctx.control().observer.refresh();
    Ok(())
}

/// The cluster that a request wants an environment to be at home in.
async fn home(ctx: &Context, word: Option<&str>) -> Result<Option<ClusterId>, Error> {
    let Some(word) = word.map(str::trim).filter(|word| !word.is_empty()) else { return Ok(None) };
    match cluster::find(ctx, None, word).await {
        Ok(cluster) => Ok(Some(cluster.id)),
        Err(Error::Invalid(mut errors)) => {
            errors.iter_mut().for_each(|error| "clusterId".clone_into(&mut error.field));
            Err(Error::Invalid(errors))
        }
        Err(other) => Err(other),
    }
}

fn taken(name: &str) -> String {
    format!("There is an environment named “{name}” already. Choose another name.")
}
