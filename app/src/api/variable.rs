//! Variables of environments and of their services.

use domain::{
    id::{EnvironmentId, ServiceId},
    variable::{EffectiveVariables, VariablesEdit},
};
use leptos::prelude::*;

use super::{ApiError, Json};
#[cfg(feature = "ssr")]
use super::{context, fail};

/// The environment's variables, or all that one of its services is given.
#[server(name = CallVariables, prefix = "/rpc", endpoint = "variable/get", input = Json, output = Json)]
pub async fn get(
    environment: EnvironmentId,
    service: Option<ServiceId>,
) -> Result<EffectiveVariables, ApiError> {
    let ctx = context()?;
    control::variable::get(&ctx, environment, service).await.map_err(fail)
}

/// Replaces one scope's variables by a new revision.
#[server(name = CallVariablesPut, prefix = "/rpc", endpoint = "variable/put", input = Json, output = Json)]
pub async fn put(environment: EnvironmentId, edit: VariablesEdit) -> Result<EffectiveVariables, ApiError> {
    let ctx = context()?;
    control::variable::put(&ctx, environment, edit).await.map_err(fail)
}
