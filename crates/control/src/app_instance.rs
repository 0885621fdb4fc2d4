//! Use cases of app instances.

use chrono::Utc;
use domain::{
    app_instance::{AppInstance, AppInstanceEdit, BindResult, NewAppInstance},
    id::{AppInstanceId, ClusterId, EnvironmentId, SiteId},
    pattern, validate,
};
use uuid::Uuid;

use crate::{Context, Error, cluster, environment};

/// App instances, of one environment or of all.
pub async fn list(ctx: &Context, environment: Option<EnvironmentId>) -> Result<Vec<AppInstance>, Error> {
    if let Some(id) = environment {
        environment::get(ctx, id).await?;
    }
    Ok(ctx.store().app_instances(environment).await?)
}

/// One app instance.
pub async fn get(ctx: &Context, id: AppInstanceId) -> Result<AppInstance, Error> {
    ctx.store().app_instance(id).await.map_err(|error| match error {
        store::Error::NotFound => Error::NotFound { noun: "app instance", name: id.to_string() },
        other => other.into(),
    })
}

/// Binds a namespace to an environment; its cluster becomes a managed one.
pub async fn create(ctx: &Context, new: NewAppInstance) -> Result<AppInstance, Error> {
    let instance = bind(ctx, new).await?;
    ctx.control().observer.refresh();
    Ok(instance)
}

/// Binds many namespaces; each stands for itself.
pub async fn create_many(ctx: &Context, many: Vec<NewAppInstance>) -> Result<Vec<BindResult>, Error> {
    let mut results = Vec::with_capacity(many.len());
    for new in many {
        let (cluster, namespace) = (new.cluster.clone(), new.namespace.clone());
        let (app_instance, error) = match bind(ctx, new).await {
            Ok(instance) => (Some(instance), None),
            Err(Error::Store(error)) => return Err(Error::Store(error)),
            Err(error) => (None, Some(error.problem().detail)),
        };
        results.push(BindResult { cluster, namespace, app_instance, error });
    }
    ctx.control().observer.refresh();
    Ok(results)
}

async fn bind(ctx: &Context, new: NewAppInstance) -> Result<AppInstance, Error> {
    let invalid = |error| Error::Invalid(vec![error]);
    let namespace = validate::namespace("namespace", new.namespace.trim()).map_err(invalid)?;
    let application = new.application.filter(|name| !name.trim().is_empty());
    let application = application.unwrap_or_else(|| pattern::suggest_application(&namespace));
    let name = new.name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| namespace.clone());
    let environment = match environment::get(ctx, new.environment_id).await {
        Err(Error::NotFound { .. }) => {
            return Err(Error::invalid("environmentId", "There is no such environment."));
        }
        other => other?,
    };
    let cluster = cluster::find(ctx, new.rancher_site_id, new.cluster.trim()).await?;
    let now = Utc::now();
    let instance = AppInstance {
        id: Uuid::now_v7().into(),
        name: validate::name("name", &name).map_err(invalid)?,
        rancher_site_id: cluster.site_id,
        site_name: cluster.site_name.clone(),
        cluster: cluster.name.clone(),
        cluster_id: cluster.id,
        namespace,
        environment_id: environment.id,
        environment_name: environment.name.clone(),
        application: validate::name("application", &application).map_err(invalid)?,
        services: 0,
        stale_since: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    refuse_twin(ctx, &instance, &cluster.external_id).await?;
    let mut write = ctx.store().write().await?;
    match write.insert_app_instance(&instance).await {
        Err(store::Error::Duplicate(_)) => {
            drop(write);
            return Err(bound_already(ctx, &instance).await?);
        }
        other => other?,
    }
    if !cluster.managed {
        let mut managed = managed_of(ctx, &cluster).await?;
        managed.push(cluster.id);
        write.set_managed(cluster.site_id, &managed).await?;
    }
    let message = format!("bound {} on {} to {}", instance.namespace, instance.cluster, environment.name);
    write.append(ctx.event("app_instance.created", message).environment(environment.id)).await?;
    write.commit().await?;
    Ok(instance)
}

async fn managed_of(ctx: &Context, cluster: &domain::cluster::Cluster) -> Result<Vec<ClusterId>, Error> {
    let clusters = ctx.store().clusters(Some(cluster.site_id)).await?;
    Ok(clusters.into_iter().filter(|cluster| cluster.managed).map(|cluster| cluster.id).collect())
}

/// A cluster may be connected by two sites: what is bound through the other one is known by its UID. Where that cannot
/// be read, it is not held against anyone.
async fn refuse_twin(ctx: &Context, wanted: &AppInstance, cluster: &str) -> Result<(), Error> {
    let twins = ctx.store().app_instances_elsewhere(wanted.rancher_site_id, &wanted.namespace).await?;
    if twins.is_empty() {
        return Ok(());
    }
    let own = namespace_uid(ctx, wanted.rancher_site_id, cluster, &wanted.namespace).await;
    for other in twins {
        let there = cluster::find(ctx, Some(other.rancher_site_id), &other.cluster_id.to_string()).await?;
        let uid = namespace_uid(ctx, other.rancher_site_id, &there.external_id, &other.namespace).await;
        if own.is_some() && own == uid {
            return Err(Error::conflict(
                "namespace_bound",
                format!(
                    "Namespace {} belongs to {} already, through site {}: it is the same one.",
                    wanted.namespace, other.environment_name, other.site_name
                ),
            ));
        }
    }
    Ok(())
}

async fn namespace_uid(ctx: &Context, site: SiteId, cluster: &str, namespace: &str) -> Option<String> {
    let platform = ctx.control().platform(site).await.ok()?;
    platform.namespace_uid(cluster, namespace).await.ok()?.filter(|uid| !uid.is_empty())
}

async fn bound_already(ctx: &Context, wanted: &AppInstance) -> Result<Error, Error> {
    let bound = list(ctx, None).await?;
    let owner = bound
        .iter()
        .find(|bound| bound.cluster_id == wanted.cluster_id && bound.namespace == wanted.namespace)
        .map_or("another environment", |bound| bound.environment_name.as_str());
    Ok(Error::conflict(
        "namespace_bound",
        format!(
            "Namespace {} on {} belongs to {owner} already. Remove it there first, or move that app instance.",
            wanted.namespace, wanted.cluster
        ),
    ))
}

/// Edits an app instance: its name, its application, its environment.
pub async fn edit(ctx: &Context, id: AppInstanceId, edit: AppInstanceEdit) -> Result<AppInstance, Error> {
    let before = get(ctx, id).await?;
    let mut after = before.clone();
    let invalid = |error| Error::Invalid(vec![error]);
    if let Some(name) = &edit.name {
        after.name = validate::name("name", name).map_err(invalid)?;
    }
    if let Some(application) = &edit.application {
        after.application = validate::name("application", application).map_err(invalid)?;
    }
    if let Some(environment) = edit.environment_id {
        after.environment_id = environment::get(ctx, environment).await?.id;
    }
    let moved = "It cannot be moved: remove this app instance, and bind the other place anew.";
    if edit.namespace.as_ref().is_some_and(|namespace| *namespace != before.namespace) {
        return Err(Error::invalid("namespace", moved));
    }
    if let Some(word) = &edit.cluster
        && cluster::find(ctx, Some(before.rancher_site_id), word).await?.id != before.cluster_id
    {
        return Err(Error::invalid("cluster", moved));
    }
    let version = edit.version.unwrap_or(before.version);
    after.version = version + 1;
    after.updated_at = Utc::now();
    let mut write = ctx.store().write().await?;
    match write.update_app_instance(&after, version).await {
        Err(store::Error::Stale) => return Err(Error::stale(&before)),
        other => other?,
    }
    let event = ctx.event("app_instance.changed", format!("edited app instance {}", after.name));
    write.append(event.environment(after.environment_id)).await?;
    write.commit().await?;
    ctx.control().observer.refresh();
    get(ctx, id).await
}

/// Removes a binding. Nothing that runs is touched.
pub async fn delete(ctx: &Context, id: AppInstanceId) -> Result<(), Error> {
    let instance = get(ctx, id).await?;
    let services = ctx.store().services_of(instance.environment_id).await?;
    let ids: Vec<_> = services.iter().filter(|s| s.app_instance_id == id).map(|s| s.id).collect();
    if !ctx.store().to_come(&ids).await?.is_empty() {
        return Err(Error::conflict(
            "app_instance_in_use",
            "A sync is working on it. Wait until it has ended, or cancel it.",
        ));
    }
    let mut write = ctx.store().write().await?;
    write.delete_app_instance(id).await?;
    let event = ctx.event("app_instance.deleted", format!("removed app instance {}", instance.name));
    write.append(event.environment(instance.environment_id)).await?;
    write.commit().await?;
    ctx.control().observer.refresh();
    Ok(())
}
