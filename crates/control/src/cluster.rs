//! Use cases of clusters.

use std::collections::HashMap;

use chrono::Utc;
use domain::{
    cluster::{Cluster, Namespace, NewCluster, WatchState},
    id::{ClusterId, SiteId},
    pattern,
    site::SiteKind,
    validate,
};
use uuid::Uuid;

use crate::{Context, Error, error::first_of, local_service, site};

/// A site's clusters as stored.
pub async fn list(ctx: &Context, site: SiteId) -> Result<Vec<Cluster>, Error> {
    site::get(ctx, site).await?;
    Ok(ctx.store().clusters(Some(site)).await?)
}

/// The managed clusters of every site that is not switched off.
pub async fn all_managed(ctx: &Context) -> Result<Vec<Cluster>, Error> {
    let active: Vec<SiteId> =
        ctx.store().sites().await?.into_iter().filter(|site| site.active).map(|site| site.id).collect();
    let clusters = ctx.store().clusters(None).await?;
    Ok(clusters.into_iter().filter(|cluster| active.contains(&cluster.site_id)).collect())
}

/// Asks the site for its clusters now and stores them.
pub async fn discover(ctx: &Context, id: SiteId) -> Result<Vec<Cluster>, Error> {
    let site = site::get(ctx, id).await?;
    let found = ctx.control().platform(id).await?.clusters().await?;
    let clusters: Vec<Cluster> = found
        .into_iter()
        .map(|found| Cluster {
            id: Uuid::now_v7().into(),
            site_id: id,
            site_name: site.name.clone(),
            external_id: found.external_id,
            name: found.name,
            state: found.state,
            message: found.message,
            kubernetes_version: found.kubernetes_version,
            // A Rancher server has clusters of others too.
            managed: site.kind != SiteKind::Rancher,
            watch: WatchState::Idle,
            stale_since: None,
            last_contact_at: Some(Utc::now()),
        })
        .collect();
    let mut write = ctx.store().write().await?;
    write.upsert_clusters(&clusters).await?;
    let listed: Vec<String> = clusters.into_iter().map(|cluster| cluster.external_id).collect();
    write.miss_clusters(id, &listed).await?;
    write.commit().await?;
    Ok(ctx.store().clusters(Some(id)).await?)
}

/// The one cluster that a word names.
pub async fn get(ctx: &Context, word: &str) -> Result<Cluster, Error> {
    find(ctx, None, word).await
}

/// Makes a cluster on this machine.
pub async fn create(ctx: &Context, new: NewCluster) -> Result<Cluster, Error> {
    let name = validate::namespace("name", new.name.trim()).map_err(|_| {
        Error::invalid("name", "A local cluster's name has up to 63 lower-case letters, digits and hyphens.")
    })?;
    let site = ctx.control().local.site()?;
    let id = SiteId::from(site.id());
    if new.site_id.is_some_and(|site| site != id) {
        return Err(Error::invalid(
            "siteId",
            "Clusters are made on this server's own machine only; those of others are found.",
        ));
    }
    if list(ctx, id).await?.iter().any(|cluster| cluster.external_id == name) {
        let words = format!("There is a cluster “{name}” on this machine already. Choose another name.");
        return Err(Error::name_taken(words));
    }
    site.make_cluster(&name).map_err(local_service::failed)?;
    discover(ctx, id).await?;
    let mut write = ctx.store().write().await?;
    write.append(ctx.event("cluster.created", format!("made cluster {name}"))).await?;
    write.commit().await?;
    find(ctx, Some(id), &name).await
}

/// Removes a cluster of this machine; refused while anything runs in it or is bound to it.
pub async fn delete(ctx: &Context, word: &str) -> Result<(), Error> {
    let cluster = find(ctx, None, word).await?;
    if ctx.store().site(cluster.site_id).await?.kind != SiteKind::Local {
        let words = format!(
            "{} is not made by Lockstep. Leave it out of what {} manages.",
            cluster.name, cluster.site_name
        );
        return Err(Error::conflict("not_local", words));
    }
    // That it is this machine's.
    ctx.control().platform(cluster.site_id).await?;
    let site = ctx.control().local.site()?;
    let services = site
        .services(&cluster.external_id)
        .into_iter()
        .map(|(place, _)| format!("service {}", place.service));
    let bound = ctx.store().app_instances_of(cluster.id).await?;
    let bound =
        bound.into_iter().map(|instance| format!("{} / {}", instance.environment_name, instance.name));
    let inside: Vec<String> = bound.chain(services).collect();
    if !inside.is_empty() {
        let words = format!("{} still has {}. Remove those first.", cluster.name, first_of(&inside));
        return Err(Error::conflict("cluster_in_use", words));
    }
    site.remove_cluster(&cluster.external_id).map_err(local_service::failed)?;
    let mut write = ctx.store().write().await?;
    write.delete_cluster(cluster.id).await?;
    write.append(ctx.event("cluster.deleted", format!("removed cluster {}", cluster.name))).await?;
    write.commit().await?;
    ctx.control().observer.refresh();
    Ok(())
}

/// Says which of a site's clusters are managed, each by id, external id or name.
pub async fn manage_named(ctx: &Context, site: SiteId, words: &[String]) -> Result<Vec<Cluster>, Error> {
    site::get(ctx, site).await?;
    let mut managed = Vec::with_capacity(words.len());
    for word in words {
        managed.push(find(ctx, Some(site), word).await?.id);
    }
    manage(ctx, site, managed).await
}

/// Says which of a site's clusters are managed.
pub async fn manage(ctx: &Context, site: SiteId, managed: Vec<ClusterId>) -> Result<Vec<Cluster>, Error> {
    let name = site::get(ctx, site).await?.name;
    let mut write = ctx.store().write().await?;
    write.set_managed(site, &managed).await?;
    write.append(ctx.event("site.changed", format!("chose {} clusters of {name}", managed.len()))).await?;
    write.commit().await?;
    ctx.control().observer.refresh();
    list(ctx, site).await
}

/// A cluster's namespaces, asked for now, with what they are bound to.
pub async fn namespaces(ctx: &Context, site: SiteId, cluster: &str) -> Result<Vec<Namespace>, Error> {
    let cluster = find(ctx, Some(site), cluster).await?;
    let found = ctx.control().platform(site).await?.namespaces(&cluster.external_id).await?;
    let bound: HashMap<String, String> = ctx
        .store()
        .app_instances(None)
        .await?
        .into_iter()
        .filter(|instance| instance.cluster_id == cluster.id)
        .map(|instance| (instance.namespace, instance.environment_name))
        .collect();
    Ok(found
        .into_iter()
        .map(|found| Namespace {
            environment: bound.get(&found.name).cloned(),
            suggested_application: pattern::suggest_application(&found.name),
            name: found.name,
            project: found.project,
        })
        .collect())
}

/// The one cluster that a word names: by id, external id or name.
pub(crate) async fn find(ctx: &Context, site: Option<SiteId>, word: &str) -> Result<Cluster, Error> {
    let mut found = ctx.store().find_clusters(site, word).await?;
    match found.len() {
        0 => {
            let known: Vec<String> =
                ctx.store().clusters(site).await?.into_iter().map(|cluster| cluster.name).collect();
            let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
            Err(Error::invalid("cluster", format!("There is no cluster “{word}”. Known: {known}.")))
        }
        1 => Ok(found.remove(0)),
        _ => Err(Error::invalid(
            "cluster",
            format!("Several sites have a cluster “{word}”: give its id, or the site."),
        )),
    }
}
