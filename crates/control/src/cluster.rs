//! Use cases of clusters.

use std::collections::{BTreeMap, HashMap};

use chrono::Utc;
use domain::{
    cluster::{
        Cluster, ClusterEdit, ClusterEnvironment, ClusterSummary, MAX_LABELS, Namespace, NewCluster,
        WatchState,
    },
    environment::Environment,
    id::{ClusterId, EnvironmentId, SiteId},
    list::{Page, Paging},
    pattern,
    problem::FieldError,
    site::{Site, SiteKind},
    validate,
};
use uuid::Uuid;

use crate::{Context, Error, capacity, error::first_of, local_service, site};

/// A site's clusters as stored.
pub async fn list(ctx: &Context, site: SiteId) -> Result<Vec<Cluster>, Error> {
    site::get(ctx, site).await?;
    Ok(ctx.store().clusters(Some(site)).await?)
}

/// The managed clusters of every site that is not switched off.
pub async fn all_managed(ctx: &Context) -> Result<Vec<Cluster>, Error> {
    of_sites(ctx, |site| site.active).await
}

/// The clusters that are made by Lockstep, on the machines of its servers.
pub async fn local(ctx: &Context) -> Result<Vec<Cluster>, Error> {
    of_sites(ctx, |site| site.active && site.kind == SiteKind::Local).await
}

async fn of_sites(ctx: &Context, is_meant: impl Fn(&Site) -> bool) -> Result<Vec<Cluster>, Error> {
    let sites = ctx.store().sites().await?;
    let meant: Vec<SiteId> = sites.into_iter().filter(is_meant).map(|site| site.id).collect();
    let mut clusters = ctx.store().clusters(None).await?;
    clusters.retain(|cluster| meant.contains(&cluster.site_id));
    Ok(clusters)
}

/// A page of the same, by name, each with its capacity.
pub async fn page(ctx: &Context, paging: Paging) -> Result<Page<Cluster>, Error> {
    let mut page = ctx.store().cluster_page(paging).await?;
    capacity::add(ctx, &mut page.items);
    Ok(page)
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
            labels: BTreeMap::new(),
            cordoned: false,
            version: 1,
            capacity: None,
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
    let mut cluster = find(ctx, None, word).await?;
    capacity::add(ctx, std::slice::from_mut(&mut cluster));
    Ok(cluster)
}

/// The managed clusters with what hangs on each, by name.
pub async fn summaries(ctx: &Context) -> Result<Vec<ClusterSummary>, Error> {
    let kinds: HashMap<SiteId, SiteKind> =
        ctx.store().sites().await?.into_iter().map(|site| (site.id, site.kind)).collect();
    let all = ctx.store().environments().await?;
    let mut belonging: HashMap<ClusterId, Vec<EnvironmentId>> = HashMap::new();
    for (cluster, environment) in ctx.store().environments_by_cluster().await? {
        belonging.entry(cluster).or_default().push(environment);
    }
    for (home, environment) in all.iter().filter_map(|one| Some((one.cluster_id?, one.id))) {
        let here = belonging.entry(home).or_default();
        if !here.contains(&environment) {
            here.push(environment);
        }
    }
    let environments: HashMap<EnvironmentId, Environment> =
        all.into_iter().map(|environment| (environment.id, environment)).collect();
    let mut services: HashMap<(ClusterId, EnvironmentId), (u64, u64)> = HashMap::new();
    for (cluster, environment, status, count) in ctx.store().services_by_cluster().await? {
        let (all, unhealthy) = services.entry((cluster, environment)).or_default();
        *all += count;
        *unhealthy += if status.is_well() { 0 } else { count };
    }
    let summary = |cluster: Cluster| {
        let here = belonging.get(&cluster.id).map_or(&[] as &[_], Vec::as_slice);
        let of = |id: &EnvironmentId| services.get(&(cluster.id, *id)).copied().unwrap_or_default();
        let part = |environment: &Environment| ClusterEnvironment {
            id: environment.id,
            name: environment.name.clone(),
            color: environment.color.clone(),
            services: of(&environment.id).0,
        };
        ClusterSummary {
            environments: here.iter().filter_map(|id| environments.get(id)).map(part).collect(),
            services: here.iter().map(|id| of(id).0).sum(),
            unhealthy: here.iter().map(|id| of(id).1).sum(),
            site_kind: kinds.get(&cluster.site_id).cloned().unwrap_or(SiteKind::Kubernetes),
            cluster,
        }
    };
    let mut clusters = all_managed(ctx).await?;
    capacity::add(ctx, &mut clusters);
    Ok(clusters.into_iter().map(summary).collect())
}

/// One cluster with what hangs on it.
pub async fn summary(ctx: &Context, word: &str) -> Result<ClusterSummary, Error> {
    let cluster = get(ctx, word).await?;
    let found = summaries(ctx).await?.into_iter().find(|summary| summary.cluster.id == cluster.id);
    found.ok_or_else(|| {
        let words = format!("Cluster {} is not managed, or its site is switched off.", cluster.name);
        Error::conflict("cluster_unmanaged", words)
    })
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

/// Renames, labels or cordons a cluster.
pub async fn edit(ctx: &Context, word: &str, edit: ClusterEdit) -> Result<Cluster, Error> {
    let before = find(ctx, None, word).await?;
    let mut after = before.clone();
    let mut errors = Vec::new();
    if let Some(name) = &edit.name {
        match validate::name("name", name) {
            Ok(name) => after.name = name,
            Err(error) => errors.push(error),
        }
    }
    if let Some(labels) = edit.labels {
        let fits = |(key, value): (&String, &String)| {
            validate::name("labels", key).is_ok()
                && (value.is_empty() || validate::name("labels", value).is_ok())
        };
        if labels.len() > MAX_LABELS || !labels.iter().all(fits) {
            let words = format!("At most {MAX_LABELS} labels, of words of up to 100 characters in one line.");
            errors.push(FieldError::new("labels", words));
        }
        after.labels = labels;
    }
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let renamed = after.name != before.name;
    if renamed
        && ctx.store().find_clusters(None, &after.name).await?.iter().any(|other| other.id != before.id)
    {
        let words = format!("There is a cluster named “{}” already. Choose another name.", after.name);
        return Err(Error::name_taken(words));
    }
    after.cordoned = edit.cordoned.unwrap_or(before.cordoned);
    let version = edit.version.unwrap_or(before.version);
    after.version = version.saturating_add(1);
    let mut write = ctx.store().write().await?;
    match write.update_cluster(&after, renamed, version).await {
        Err(store::Error::Stale) => return Err(Error::stale(&before)),
        other => other?,
    }
    let what = match (before.cordoned, after.cordoned) {
        (false, true) => "cordoned",
        (true, false) => "uncordoned",
        _ => "edited",
    };
    write.append(ctx.event("cluster.changed", format!("{what} cluster {}", after.name))).await?;
    write.commit().await?;
    get(ctx, &before.id.to_string()).await
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
        0 => Err(unknown(ctx, site, word).await?),
        1 => Ok(found.remove(0)),
        _ => Err(Error::invalid(
            "cluster",
            format!("Several sites have a cluster “{word}”: give its id, or the site."),
        )),
    }
}

/// That no cluster has this name, with those that are most like it.
pub(crate) async fn unknown(ctx: &Context, site: Option<SiteId>, word: &str) -> Result<Error, Error> {
    let words = match nearest(word, ctx.store().clusters(site).await?).as_slice() {
        [] => "There are none yet.".to_owned(),
        names => format!("The nearest: {}.", names.join(", ")),
    };
    Ok(Error::invalid("cluster", format!("There is no cluster “{word}”. {words}")))
}

/// How many names are given for one that there is not.
const NEAREST: usize = 5;

/// The names of the clusters whose name or external id is most like a word, the likest first.
fn nearest(word: &str, mut clusters: Vec<Cluster>) -> Vec<String> {
    let word = word.to_lowercase();
    let unlike = |cluster: &Cluster| {
        let unlike = |name: &str| strsim::damerau_levenshtein(&word, &name.to_lowercase());
        unlike(&cluster.name).min(unlike(&cluster.external_id))
    };
    clusters.sort_by_cached_key(unlike);
    let mut names: Vec<String> = clusters.into_iter().map(|cluster| cluster.name).collect();
    names.dedup();
    names.truncate(NEAREST);
    names
}
