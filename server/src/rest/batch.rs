//! `/api/batch`

use domain::{
    batch::{Batch, BatchAnswer},
    problem::Problem,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Answer, Caller};
use crate::problem::Json;

pub(super) fn router() -> OpenApiRouter<control::Context> {
    OpenApiRouter::new().routes(routes!(carry_out))
}

/// Carries out operations one after the other, each by itself: one that fails does not keep the others from being done.
#[utoipa::path(
    post, path = "/api/batch", tag = "batch", request_body = Batch,
    responses((status = 200, body = BatchAnswer, description = "A result for each"), (status = 422, body = Problem))
)]
async fn carry_out(Caller(ctx): Caller, Json(batch): Json<Batch>) -> Answer<axum::Json<BatchAnswer>> {
    Ok(axum::Json(control::batch::carry_out(&ctx, batch).await?))
}
