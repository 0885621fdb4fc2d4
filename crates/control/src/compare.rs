//! Use cases that put environments side by side, and one environment's clusters.

use domain::{
    compare::{Comparison, services, settings},
    id::EnvironmentId,
    service::Service,
    variable,
};

use crate::{Context, Error, cluster, environment, variable::latest};

/// One side of a comparison: an environment, or its part in one cluster.
pub struct Side {
    /// The environment.
    pub environment: EnvironmentId,
    /// The only cluster that is meant, by id, the site's own id or name.
    pub cluster: Option<String>,
}

/// What runs on two sides and what is set for them, field by field.
pub async fn environments(ctx: &Context, left: Side, right: Side) -> Result<Comparison, Error> {
    let ((left_name, here), (right_name, there)) = (found(ctx, &left).await?, found(ctx, &right).await?);
    let (services, same) = services(&here, &there);
    let (left, right) = (left.environment, right.environment);
    let (variables, same_variables) =
        variable::compare(&latest(ctx, left).await?, &latest(ctx, right).await?);
    let (held, held_there) = (ctx.store().settings(left).await?, ctx.store().settings(right).await?);
    let settings = settings(&held.settings, &held_there.settings);
    Ok(Comparison { left, left_name, right, right_name, services, same, variables, same_variables, settings })
}

/// What a side is called, and what it runs.
async fn found(ctx: &Context, side: &Side) -> Result<(String, Vec<Service>), Error> {
    let mut name = environment::get(ctx, side.environment).await?.name;
    let mut services = ctx.store().services_of(side.environment).await?;
    if let Some(word) = &side.cluster {
        let cluster = cluster::find(ctx, None, word).await?;
        services.retain(|service| service.cluster_id == cluster.id);
        name = format!("{name} in {}", cluster.name);
    }
    Ok((name, services))
}
