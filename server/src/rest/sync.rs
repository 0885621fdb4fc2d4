//! `/api/sync`

use axum::response::{IntoResponse, Response};
use control::{deployment, sync};
use domain::{
    deploy::StartRollback,
    deployment::{Deployment, HistoryDay, HistoryQuery},
    event::Event,
    id::{DeploymentId, EnvironmentId, PreviewId},
    list::MAX_PAGE_SIZE,
    problem::Problem,
    settings::Consent,
    sync::{OnFailure, Preview, StartSync, SyncRequest},
};
use http::{StatusCode, Uri};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Answer, Caller, WaitQuery, lists};
use crate::problem::{Json, Path, Query};

pub(super) fn router() -> OpenApiRouter<control::Context> {
    OpenApiRouter::new()
        .routes(routes!(preview))
        .routes(routes!(start))
        .routes(routes!(history))
        .routes(routes!(days))
        .routes(routes!(get))
        .routes(routes!(events))
        .routes(routes!(cancel))
        .routes(routes!(undo))
}

/// What a sync would do. Changes nothing.
#[utoipa::path(
    post, path = "/api/sync/preview", tag = "sync", request_body = SyncRequest,
    responses((status = 200, body = Preview), (status = 422, body = Problem))
)]
async fn preview(Caller(ctx): Caller, Json(request): Json<SyncRequest>) -> Answer<axum::Json<Preview>> {
    Ok(axum::Json(sync::preview(&ctx, request).await?))
}

/// Starts a sync.
#[utoipa::path(
    post, path = "/api/sync", tag = "sync", params(WaitQuery), request_body = StartSync,
    responses(
        (status = 202, body = Deployment, description = "Started"),
        (status = 200, body = Deployment, description = "Ended, with wait=true"),
        (status = 409, body = Problem), (status = 422, body = Problem)
    )
)]
async fn start(
    Caller(ctx): Caller,
    Query(query): Query<WaitQuery>,
    Json(body): Json<StartSync>,
) -> Answer<Response> {
    let started = sync::start(&ctx, body).await?;
    accepted(&ctx, started, query.wait).await
}

async fn accepted(ctx: &control::Context, started: Deployment, wait: bool) -> Answer<Response> {
    super::accepted(ctx, started, wait, "/api/sync", |deployment| deployment).await
}

/// The history, newest first.
#[utoipa::path(
    get, path = "/api/sync/history", tag = "sync", params(HistoryQuery),
    responses((status = 200, body = Vec<Deployment>), (status = 422, body = Problem))
)]
async fn history(Caller(ctx): Caller, uri: Uri, Query(mut query): Query<HistoryQuery>) -> Answer<Response> {
    query.page_size = query.page_size.or(Some(MAX_PAGE_SIZE));
    Ok(lists::page(&uri, deployment::history(&ctx, query).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct DaysQuery {
    /// Environment id.
    #[serde(default)]
    env: Option<EnvironmentId>,
    /// How many days; 30 if left out.
    #[serde(default)]
    days: Option<u32>,
}

/// Syncs per day with outcome and median duration.
#[utoipa::path(
    get, path = "/api/sync/history/days", tag = "sync", params(DaysQuery, lists::PageQuery),
    responses((status = 200, body = Vec<HistoryDay>))
)]
async fn days(
    Caller(ctx): Caller,
    Query(query): Query<DaysQuery>,
    listing: lists::Listing,
) -> Answer<Response> {
    Ok(listing.answer(deployment::days(&ctx, query.env, query.days.unwrap_or(30)).await?))
}

/// One sync in full.
#[utoipa::path(
    get, path = "/api/sync/{id}", tag = "sync", params(("id" = DeploymentId, Path)),
    responses((status = 200, body = Deployment), (status = 404, body = Problem))
)]
async fn get(Caller(ctx): Caller, Path(id): Path<DeploymentId>) -> Answer<axum::Json<Deployment>> {
    Ok(axum::Json(deployment::get(&ctx, id).await?))
}

/// A sync's events, oldest first.
#[utoipa::path(
    get, path = "/api/sync/{id}/events", tag = "sync",
    params(("id" = DeploymentId, Path), lists::PageQuery),
    responses((status = 200, body = Vec<Event>), (status = 404, body = Problem))
)]
async fn events(
    Caller(ctx): Caller,
    Path(id): Path<DeploymentId>,
    listing: lists::Listing,
) -> Answer<Response> {
    Ok(listing.answer(deployment::events(&ctx, id).await?))
}

/// Begins nothing more; what has begun is followed to its end.
#[utoipa::path(
    post, path = "/api/sync/{id}/cancel", tag = "sync", params(("id" = DeploymentId, Path)),
    responses((status = 202, body = Deployment), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn cancel(Caller(ctx): Caller, Path(id): Path<DeploymentId>) -> Answer<Response> {
    Ok((StatusCode::ACCEPTED, axum::Json(deployment::cancel(&ctx, id).await?)).into_response())
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
struct UndoQuery {
    /// Start it; without this, only preview.
    #[serde(default)]
    confirm: bool,
    /// The confirmed preview; without one, what is found now is taken as confirmed.
    #[serde(default)]
    preview_id: Option<PreviewId>,
    /// Answer when it has ended.
    #[serde(default)]
    wait: bool,
    /// The environment's name, where it is protected.
    #[serde(default)]
    confirm_name: Option<String>,
    /// Why it cannot wait, in a freeze.
    #[serde(default)]
    override_freeze: Option<String>,
}

impl UndoQuery {
    fn consent(&self) -> Consent {
        Consent { confirm: self.confirm_name.clone(), override_freeze: self.override_freeze.clone() }
    }
}

/// Previews the way back from a sync, or starts it.
#[utoipa::path(
    post, path = "/api/sync/{id}/undo", tag = "sync", params(("id" = DeploymentId, Path), UndoQuery),
    responses(
        (status = 200, body = Preview, description = "The preview"),
        (status = 202, body = Deployment, description = "Started, with confirm=true"),
        (status = 404, body = Problem), (status = 409, body = Problem)
    )
)]
async fn undo(
    Caller(ctx): Caller,
    Path(id): Path<DeploymentId>,
    Query(query): Query<UndoQuery>,
) -> Answer<Response> {
    if !query.confirm {
        return Ok(axum::Json(sync::preview_undo(&ctx, id).await?).into_response());
    }
    let how = StartRollback { preview_id: query.preview_id, note: String::new(), consent: query.consent() };
    let started = sync::roll_back(&ctx, id, how, OnFailure::Stop).await?;
    accepted(&ctx, started, query.wait).await
}
