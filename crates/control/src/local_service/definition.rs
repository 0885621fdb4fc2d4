//! What services of this machine are, as a part of the revisions of the environments that their namespaces are bound to.

use std::collections::HashMap;

use domain::{
    app_instance::AppInstance,
    cluster::Cluster,
    id::{AppInstanceId, ClusterId, SiteId},
    local_service::LocalServiceSpec,
    revision::{ContainerImage, Definition, RevisionEntry, diff},
    service::WorkloadKind,
    settings::Manages,
};
use local::CONTAINER;

use crate::{Context, Error, revision::row, sync::revision::There};

/// Definitions by place and service.
pub(crate) type Definitions = HashMap<(AppInstanceId, String), Definition>;

/// The definitions of the services in app instances, as far as they are this machine's.
pub(crate) async fn definitions(ctx: &Context, instances: &[AppInstance]) -> Result<Definitions, Error> {
    let Ok(site) = ctx.control().local.site() else { return Ok(Definitions::new()) };
    let id = SiteId::from(site.id());
    if instances.iter().all(|instance| instance.rancher_site_id != id) {
        return Ok(Definitions::new());
    }
    let clusters = ctx.store().clusters(Some(id)).await?;
    let clusters: HashMap<ClusterId, Cluster> =
        clusters.into_iter().map(|cluster| (cluster.id, cluster)).collect();
    let mut definitions = Definitions::new();
    for instance in instances {
        let Some(cluster) = clusters.get(&instance.cluster_id) else { continue };
        for (place, observed) in site.services(&cluster.external_id) {
            if place.namespace == instance.namespace && !observed.service.removed {
                let definition = Definition::of(&observed.service.spec);
                definitions.insert((instance.id, place.service), definition);
            }
        }
    }
    Ok(definitions)
}

/// Writes down what a service has become, or that it is gone: it holds already, so the revision is active at once, as one of
/// what was captured is. Nothing is written where its namespace is not bound, or the active revision says so already.
pub(super) async fn revise(
    ctx: &Context,
    cluster: ClusterId,
    namespace: &str,
    name: &str,
    spec: Option<&LocalServiceSpec>,
    reason: String,
) -> Result<(), Error> {
    let bound = ctx.store().app_instances_of(cluster).await?;
    let Some(instance) = bound.into_iter().find(|instance| instance.namespace == namespace) else {
        return Ok(());
    };
    let environment = instance.environment_id;
    let there = There::now(ctx, environment).await?;
    let mut write = ctx.store().write().await?;
    write.hold_environment(environment).await?;
    let before = write.active_revision(environment).await?.map(|active| active.entries);
    let mut entries = there.carried_on(before.clone());
    let key = (instance.id, &WorkloadKind::Deployment, name);
    let at = entries.iter().position(|entry| entry.key() == key);
    match (spec.map(|spec| entry(&instance, name, spec, there.manages)), at) {
        (Some(entry), Some(at)) => entries[at] = entry,
        (Some(entry), None) => entries.push(entry),
        (None, Some(at)) => drop(entries.remove(at)),
        (None, None) => {}
    }
    if before.is_some_and(|before| diff(&before, &entries).is_empty()) {
        return Ok(());
    }
    let number = write.insert_revision(&row(ctx, environment, entries, reason)).await?;
    write.activate_revision(environment, number).await?;
    let message = format!("{} made revision {number} of {}", ctx.actor(), instance.environment_name);
    write.append(ctx.event("revision.created", message).environment(environment)).await?;
    Ok(write.commit().await?)
}

fn entry(instance: &AppInstance, name: &str, spec: &LocalServiceSpec, manages: Manages) -> RevisionEntry {
    RevisionEntry {
        app_instance_id: instance.id,
        app_instance: instance.name.clone(),
        kind: WorkloadKind::Deployment,
        name: name.to_owned(),
        images: vec![ContainerImage { container: CONTAINER.to_owned(), image: spec.image.clone() }],
        definition: Some(Definition::of(spec)),
        replicas: manages.replicas.then(|| spec.replicas.into()),
    }
}

/// What an edit changes, in a few words.
pub(super) fn words(name: &str, before: Option<&LocalServiceSpec>, after: &LocalServiceSpec) -> String {
    let Some(before) = before else { return format!("{name} is new") };
    let image = (before.image != after.image).then(|| format!("image: {} → {}", before.image, after.image));
    let fields = Definition::diff(&Definition::of(before), &Definition::of(after));
    let changes: Vec<String> = image.into_iter().chain(fields.iter().map(ToString::to_string)).collect();
    let words = format!("{name}: {}", crate::error::first_of(&changes));
    words.chars().take(LONGEST).collect()
}

/// Characters of a reason that is made of what changed: arguments may be long.
const LONGEST: usize = 300;
