//! Use cases that put environments side by side.

use domain::{
    compare::{Comparison, services, settings},
    id::EnvironmentId,
    variable,
};

use crate::{Context, Error, environment, variable::latest};

/// What runs in two environments and what is set for them, field by field.
pub async fn environments(
    ctx: &Context,
    left: EnvironmentId,
    right: EnvironmentId,
) -> Result<Comparison, Error> {
    let (first, second) = (environment::get(ctx, left).await?, environment::get(ctx, right).await?);
    let here = ctx.store().services_of(left).await?;
    let there = ctx.store().services_of(right).await?;
    let (services, same) = services(&here, &there);
    let (variables, same_variables) =
        variable::compare(&latest(ctx, left).await?, &latest(ctx, right).await?);
    let (held, held_there) = (ctx.store().settings(left).await?, ctx.store().settings(right).await?);
    Ok(Comparison {
        left,
        left_name: first.name,
        right,
        right_name: second.name,
        services,
        same,
        variables,
        same_variables,
        settings: settings(&held.settings, &held_there.settings),
    })
}
