//! Targets as their clusters have them now, and as deployments that come before leave them.

use std::collections::HashMap;

use domain::{
    health,
    id::ServiceId,
    service::{Container, Service},
    sync::{ContainerChange, with_images},
    variable::{Carried, Reported},
    workload::WorkloadKey,
};
use futures::{StreamExt, stream};

use super::preview::{PARALLEL, reach};
use crate::{Context, Error};

/// What is known of a target from its cluster, or why it could not be read.
pub(super) type Found = HashMap<ServiceId, Result<Object, String>>;

/// A target as its cluster has it.
pub(super) struct Object {
    pub(super) uid: String,
    /// What its turn may find besides what is expected.
    pub(super) alternatives: Vec<Vec<Container>>,
    /// The variables that it has been given, where its site gives any.
    pub(super) given: Option<Reported>,
    /// What deployments which come before do to them, in their order.
    pub(super) coming: Vec<Carried>,
}

/// Reads the targets from their clusters, so that the preview shows what is there now, not what was last observed. Where
/// a deployment that has not ended is going to bring something, that is what is there when the turn comes.
pub(super) async fn read_now(ctx: &Context, targets: Vec<Service>) -> Result<(Vec<Service>, Found), Error> {
    let read = stream::iter(targets.into_iter().map(|target| {
        let ctx = ctx.clone();
        async move { read_one(&ctx, target).await }
    }));
    let read: Vec<(Service, Result<Read, Error>)> = read.buffered(PARALLEL).collect().await;
    let words = |outcome: Result<Read, Error>| outcome.map_err(|error| error.problem().detail);
    let ids: Vec<ServiceId> = read.iter().map(|(service, _)| service.id).collect();
    let coming = ctx.store().to_come(&ids).await?;
    let expected = |(mut service, outcome): (Service, Result<Read, Error>)| {
        let mut alternatives = Vec::new();
        for coming in coming.get(&service.id).into_iter().flatten() {
            let next = with_images(&service.containers, &coming.changes);
            // What is there now may be what comes already, and may be put back.
            let back: Vec<_> = coming
                .changes
                .iter()
                .map(|change| ContainerChange { to: change.from.clone(), ..change.clone() })
                .collect();
            alternatives.push(with_images(&service.containers, &back));
            alternatives.push(std::mem::replace(&mut service.containers, next));
            if let Some(scale) = coming.scale {
                service.replicas = i32::try_from(scale.to).unwrap_or(i32::MAX);
            }
        }
        let id = service.id;
        let before = coming.get(&id).into_iter().flatten();
        let coming = before.filter_map(|coming| coming.carried.clone()).collect();
        let object = words(outcome).map(|Read { uid, given }| Object { uid, alternatives, given, coming });
        (service, (id, object))
    };
    Ok(read.into_iter().map(expected).unzip())
}

/// What a target's cluster says of it besides what is shown of a service.
struct Read {
    uid: String,
    given: Option<Reported>,
}

async fn read_one(ctx: &Context, mut target: Service) -> (Service, Result<Read, Error>) {
    let outcome = refresh(ctx, &mut target).await;
    (target, outcome)
}

async fn refresh(ctx: &Context, target: &mut Service) -> Result<Read, Error> {
    let key = WorkloadKey::of(target);
    let cluster = reach(ctx, target.site_id, target.cluster_id).await?;
    let platform = ctx.control().platform(target.site_id).await?;
    let snapshot = platform.workload(&cluster.external_id, &key).await?;
    let snapshot =
        snapshot.ok_or_else(|| Error::conflict("target_gone", format!("{key} is no longer there.")))?;
    target.containers = health::with_digests(&snapshot.workload.containers, &snapshot.pods);
    target.replicas = snapshot.workload.desired;
    target.manager = snapshot.workload.manager;
    Ok(Read { uid: snapshot.workload.uid, given: snapshot.workload.variables })
}
