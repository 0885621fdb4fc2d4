//! `/api/environments/{id}/variables`

use control::variable;
use domain::{
    id::{EnvironmentId, ServiceId},
    problem::Problem,
    variable::{EffectiveVariables, VariablesEdit},
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Answer, Caller};
use crate::problem::{Json, Path, Query};

pub(super) fn router() -> OpenApiRouter<control::Context> {
    OpenApiRouter::new().routes(routes!(variables, replace))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
struct VariablesQuery {
    /// A service of the environment, for all that it is given; left out, the environment's own are told.
    service_id: Option<ServiceId>,
}

/// The variables of an environment, or all that one of its services is given with where each comes from, by the latest
/// revision. The values of secrets are never told.
#[utoipa::path(
    get, path = "/api/environments/{id}/variables", tag = "revisions",
    params(("id" = EnvironmentId, Path), VariablesQuery),
    responses(
        (status = 200, body = EffectiveVariables), (status = 404, body = Problem), (status = 422, body = Problem)
    )
)]
async fn variables(
    Caller(ctx): Caller,
    Path(id): Path<EnvironmentId>,
    Query(query): Query<VariablesQuery>,
) -> Answer<axum::Json<EffectiveVariables>> {
    Ok(axum::Json(variable::get(&ctx, id, query.service_id).await?))
}

/// Replaces the variables of an environment, or one service's own, by a new revision, which is not deployed by that. A
/// secret without a value keeps the one that it has.
#[utoipa::path(
    put, path = "/api/environments/{id}/variables", tag = "revisions", params(("id" = EnvironmentId, Path)),
    request_body = VariablesEdit,
    responses(
        (status = 200, body = EffectiveVariables), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)
    )
)]
async fn replace(
    Caller(ctx): Caller,
    Path(id): Path<EnvironmentId>,
    Json(edit): Json<VariablesEdit>,
) -> Answer<axum::Json<EffectiveVariables>> {
    Ok(axum::Json(variable::put(&ctx, id, edit).await?))
}
