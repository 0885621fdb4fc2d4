//! Use cases of what comes through the front doors of this machine's services.

use domain::front_door::{Traffic, VersionTraffic, Weights};
use local::Observed;

use crate::{
    Context, Error,
    local_service::{failed, found},
};

/// What came through a service's front door, version by version: those that serve, that have served, and that have a weight.
pub async fn get(ctx: &Context, cluster: &str, namespace: &str, name: &str) -> Result<Traffic, Error> {
    let (place, Observed { service, address, replicas, .. }) = found(ctx, cluster, namespace, name).await?;
    if !service.spec.front_door {
        let words = format!("{name} has no front door: set frontDoor to true.");
        return Err(Error::conflict("no_front_door", words));
    }
    let counts = ctx.control().local.site()?.counts(&place).await.map_err(failed)?;
    let (unserved, counted) = counts.map(|counts| (counts.unserved, counts.versions)).unwrap_or_default();
    let mut traffic =
        Traffic { address, unserved, versions: counted.into_iter().map(VersionTraffic::from).collect() };
    for replica in replicas.iter().filter(|replica| replica.ready) {
        version(&mut traffic, &replica.image).ready += 1;
    }
    for (image, weight) in &service.weights {
        version(&mut traffic, image).weight = Some(*weight);
    }
    Ok(traffic)
}

/// A version's part, also of one that nothing has come to.
fn version<'a>(traffic: &'a mut Traffic, image: &str) -> &'a mut VersionTraffic {
    let versions = &mut traffic.versions;
    let at = versions.iter().position(|version| version.image == image).unwrap_or_else(|| {
        versions.push(VersionTraffic::none_yet(image));
        versions.len() - 1
    });
    &mut versions[at]
}

/// Shares a service's requests between its versions, from now on and for versions to come.
pub async fn weigh(
    ctx: &Context,
    cluster: &str,
    namespace: &str,
    name: &str,
    weights: Weights,
) -> Result<Traffic, Error> {
    if let Some(fault) = weights.fault() {
        return Err(Error::Invalid(vec![fault]));
    }
    let (place, _) = found(ctx, cluster, namespace, name).await?;
    let told: Vec<String> =
        weights.weights.iter().map(|(image, weight)| format!("{image} {weight}")).collect();
    ctx.control().local.site()?.weigh(&place, weights.weights).map_err(failed)?;
    let how = if told.is_empty() { "by ready replicas".to_owned() } else { told.join(", ") };
    let mut write = ctx.store().write().await?;
    write.append(ctx.event("service.changed", format!("shares requests for {name}: {how}"))).await?;
    write.commit().await?;
    get(ctx, cluster, namespace, name).await
}
