//! Use cases of environments.

use std::collections::HashSet;

use chrono::Utc;
use domain::{
    environment::{Environment, EnvironmentEdit, EnvironmentQuery, NewEnvironment, PALETTE},
    id::{ClusterId, EnvironmentId},
    site::Dependents,
    validate,
};
use uuid::Uuid;

use crate::{Context, Error, cluster, error::name_taken};

/// Every environment, from left to right.
pub async fn list(ctx: &Context) -> Result<Vec<Environment>, Error> {
    Ok(ctx.store().environments().await?)
}

/// The environments that a query asks for, from left to right unless it says otherwise.
pub async fn matching(ctx: &Context, query: EnvironmentQuery) -> Result<Vec<Environment>, Error> {
    let mut found = list(ctx).await?;
    if let Some(word) = query.cluster.filter(|word| !word.is_empty()) {
        let id = cluster::find(ctx, None, &word).await?.id;
        let here: HashSet<EnvironmentId> =
            ctx.store().app_instances_of(id).await?.into_iter().map(|one| one.environment_id).collect();
        found.retain(|environment| here.contains(&environment.id) || environment.cluster_id == Some(id));
    }
    if let Some(prefix) = query.prefix.map(|prefix| prefix.to_lowercase()) {
        found.retain(|environment| environment.name.to_lowercase().starts_with(&prefix));
    }
    let sort = query.sort.unwrap_or_default();
    match sort.trim_start_matches('-') {
        "" | "position" => {}
        "name" => found.sort_by_cached_key(|environment| environment.name.to_lowercase()),
        "created" => found.sort_by_key(|environment| environment.created_at),
        other => {
            let words = format!("“{other}” is none of: position, name, created.");
            return Err(Error::invalid("sort", words));
        }
    }
    if sort.starts_with('-') {
        found.reverse();
    }
    Ok(found)
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
    let existing = list(ctx).await?;
    let name = validate::name("name", &new.name).map_err(|error| errors.push(error)).unwrap_or_default();
    let description = validate::text("description", &new.description)
        .map_err(|error| errors.push(error))
        .unwrap_or_default();
    let color = new.color.as_deref().unwrap_or(PALETTE[existing.len() % PALETTE.len()]);
    let color = validate::color("color", color).map_err(|error| errors.push(error)).unwrap_or_default();
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let cluster_id = home(ctx, new.cluster_id.as_deref()).await?;
    let now = Utc::now();
    let environment = Environment {
        id: Uuid::now_v7().into(),
        name,
        description,
        color,
        position: existing.len() as i32,
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
    let mut order: Vec<EnvironmentId> = existing.iter().map(|environment| environment.id).collect();
    place(&mut order, environment.id, new.position);
    let mut write = ctx.store().write().await?;
    write.insert_environment(&environment).await.map_err(name_taken(taken(&environment.name)))?;
    write.reorder_environments(&order).await?;
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
    match write.update_environment(&after, version).await {
        Err(store::Error::Stale) => return Err(Error::stale(&before)),
        other => other.map_err(name_taken(taken(&after.name)))?,
    }
    if edit.position.is_some() {
        let mut order: Vec<EnvironmentId> =
            list(ctx).await?.iter().map(|environment| environment.id).collect();
        order.retain(|other| *other != id);
        place(&mut order, id, edit.position);
        write.reorder_environments(&order).await?;
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

fn place(order: &mut Vec<EnvironmentId>, id: EnvironmentId, position: Option<i32>) {
    let end = order.len();
    order.insert(position.map_or(end, |position| (position.max(0) as usize).min(end)), id);
}

fn taken(name: &str) -> String {
    format!("There is an environment named “{name}” already. Choose another name.")
}
