//! Use cases that put environments side by side.

use domain::{
    compare::{Comparison, services},
    id::EnvironmentId,
    variable,
};

use crate::{Context, Error, environment, variable::latest};

/// What runs in two environments, field by field.
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
    Ok(Comparison {
        left,
        left_name: first.name,
        right,
        right_name: second.name,
        services,
        same,
        variables,
        same_variables,
    })
}
