//! The up-to-date check: what of an environment runs as its active revision says.

use std::collections::HashMap;

use domain::{
    id::EnvironmentId,
    revision::RevisionEntry,
    up_to_date::{ReplicaCounts, ServiceUpToDate, UpToDate, count},
    workload::WorkloadKey,
};

use crate::{Context, Error, environment};

/// Counts an environment's replicas, as the watches last saw them.
pub async fn check(ctx: &Context, environment: EnvironmentId) -> Result<UpToDate, Error> {
    environment::get(ctx, environment).await?;
    let active = ctx.store().active_revision(environment).await?;
    let revision = active.as_ref().map_or(0, |active| active.number);
    let entries = active.map(|active| active.entries).unwrap_or_default();
    let entries: HashMap<_, &RevisionEntry> = entries.iter().map(|entry| (entry.key(), entry)).collect();
    let mut replicas = ReplicaCounts::default();
    let mut services = Vec::new();
    for service in ctx.store().services_of(environment).await? {
        let pods = ctx.control().pods_of(service.cluster_id, &WorkloadKey::of(&service)).await;
        let observed = RevisionEntry::of(&service);
        let counts = count(entries.get(&observed.key()).copied(), service.replicas, &pods);
        replicas += counts;
        services.push(ServiceUpToDate {
            service_id: service.id,
            name: service.name,
            kind: service.workload_type,
            app_instance: service.app_instance_name,
            up_to_date: counts.is_up_to_date(),
            replicas: counts,
        });
    }
    services.sort_by(|a, b| (a.up_to_date, &a.name).cmp(&(b.up_to_date, &b.name)));
    let up_to_date = services.iter().all(|service| service.up_to_date);
    Ok(UpToDate { environment_id: environment, revision, up_to_date, replicas, services })
}
