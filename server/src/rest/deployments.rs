//! `/api/deployments`

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse, Response,
    sse::{Event as SseEvent, KeepAlive, Sse},
};
use control::{deployment, sync};
use domain::{
    deploy::{DeployRequest, DeploymentRecord, DeploymentState, StartDeployment, StartRollback},
    deployment::{Deployment, HistoryQuery},
    event::Event,
    id::DeploymentId,
    list::{MAX_PAGE_SIZE, Page},
    metrics::Metrics,
    problem::Problem,
    settings::Consent,
    sync::{OnFailure, Preview},
};
use futures::StreamExt;
use http::{StatusCode, Uri};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Answer, Caller, WaitQuery, lists};
use crate::problem::{Json, Path, Query};

pub(super) fn router() -> OpenApiRouter<control::Context> {
    OpenApiRouter::new()
        .routes(routes!(preview))
        .routes(routes!(list, start))
        .routes(routes!(metrics))
        .routes(routes!(get))
        .routes(routes!(status))
        .routes(routes!(events))
        .routes(routes!(logs))
        .routes(routes!(cancel))
        .routes(routes!(rollback))
        .routes(routes!(retry))
}

/// What a deployment would do. Changes nothing.
#[utoipa::path(
    post, path = "/api/deployments/preview", tag = "deployments", request_body = DeployRequest,
    responses((status = 200, body = Preview), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn preview(Caller(ctx): Caller, Json(request): Json<DeployRequest>) -> Answer<axum::Json<Preview>> {
    Ok(axum::Json(sync::preview_deploy(&ctx, request).await?))
}

/// Brings an environment to a revision, or services of it to versions.
#[utoipa::path(
    post, path = "/api/deployments", tag = "deployments", params(WaitQuery), request_body = StartDeployment,
    responses(
        (status = 202, body = DeploymentRecord, description = "Started"),
        (status = 200, body = DeploymentRecord, description = "Ended, with wait=true"),
        (status = 409, body = Problem), (status = 422, body = Problem)
    )
)]
async fn start(
    Caller(ctx): Caller,
    Query(query): Query<WaitQuery>,
    Json(body): Json<StartDeployment>,
) -> Answer<Response> {
    let started = sync::start_deploy(&ctx, body).await?;
    accepted(&ctx, started, query.wait).await
}

async fn accepted(ctx: &control::Context, started: Deployment, wait: bool) -> Answer<Response> {
    super::accepted(ctx, started, wait, "/api/deployments", DeploymentRecord::from).await
}

/// Every deployment, newest first; syncs and rollbacks are deployments too.
#[utoipa::path(
    get, path = "/api/deployments", tag = "deployments", params(HistoryQuery),
    responses((status = 200, body = Vec<DeploymentRecord>), (status = 422, body = Problem))
)]
async fn list(Caller(ctx): Caller, uri: Uri, Query(mut query): Query<HistoryQuery>) -> Answer<Response> {
    query.page_size = query.page_size.or(Some(MAX_PAGE_SIZE));
    let Page { items, total, page, page_size } = deployment::history(&ctx, query).await?;
    let items: Vec<DeploymentRecord> = items.into_iter().map(DeploymentRecord::from).collect();
    Ok(lists::page(&uri, Page { items, total, page, page_size }))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct MetricsQuery {
    /// How many days, today included; 30 if left out.
    #[serde(default)]
    days: Option<u32>,
}

/// How deployments went: success rate, medians, frequency, day by day.
#[utoipa::path(
    get, path = "/api/deployments/metrics", tag = "deployments", params(MetricsQuery),
    responses((status = 200, body = Metrics))
)]
async fn metrics(Caller(ctx): Caller, Query(query): Query<MetricsQuery>) -> Answer<axum::Json<Metrics>> {
    Ok(axum::Json(deployment::metrics(&ctx, query.days.unwrap_or(30)).await?))
}

/// One deployment in full.
#[utoipa::path(
    get, path = "/api/deployments/{id}", tag = "deployments", params(("id" = DeploymentId, Path)),
    responses((status = 200, body = DeploymentRecord), (status = 404, body = Problem))
)]
async fn get(Caller(ctx): Caller, Path(id): Path<DeploymentId>) -> Answer<axum::Json<DeploymentRecord>> {
    Ok(axum::Json(deployment::get(&ctx, id).await?.into()))
}

/// How far a deployment is.
#[utoipa::path(
    get, path = "/api/deployments/{id}/status", tag = "deployments", params(("id" = DeploymentId, Path)),
    responses((status = 200, body = DeploymentState), (status = 404, body = Problem))
)]
async fn status(Caller(ctx): Caller, Path(id): Path<DeploymentId>) -> Answer<axum::Json<DeploymentState>> {
    Ok(axum::Json(deployment::get(&ctx, id).await?.into()))
}

/// A deployment's events, oldest first.
#[utoipa::path(
    get, path = "/api/deployments/{id}/events", tag = "deployments",
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

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct LogsQuery {
    /// Keep telling until it has ended, as server-sent events.
    #[serde(default)]
    follow: bool,
}

/// What a deployment did, line by line; with `follow=true` as a stream that ends with it.
#[utoipa::path(
    get, path = "/api/deployments/{id}/logs", tag = "deployments",
    params(("id" = DeploymentId, Path), LogsQuery),
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 404, body = Problem)
    )
)]
async fn logs(
    Caller(ctx): Caller,
    Path(id): Path<DeploymentId>,
    Query(query): Query<LogsQuery>,
) -> Answer<Response> {
    if !query.follow {
        let lines: String = deployment::events(&ctx, id).await?.iter().map(line).collect();
        return Ok(lines.into_response());
    }
    deployment::get(&ctx, id).await?;
    let told = deployment::follow(&ctx, id).map(|event| {
        let told = SseEvent::default().event("line").id(event.seq.to_string());
        Ok::<_, Infallible>(told.data(line(&event).trim_end()))
    });
    Ok(Sse::new(told).keep_alive(KeepAlive::new().interval(ALIVE)).into_response())
}

/// How often a stream with nothing to tell says that it is there.
const ALIVE: Duration = Duration::from_secs(15);

fn line(event: &Event) -> String {
    format!("{} {}\n", event.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true), event.message)
}

/// Begins nothing more; what has begun is followed to its end.
#[utoipa::path(
    post, path = "/api/deployments/{id}/cancel", tag = "deployments", params(("id" = DeploymentId, Path)),
    responses(
        (status = 202, body = DeploymentRecord), (status = 404, body = Problem), (status = 409, body = Problem)
    )
)]
async fn cancel(Caller(ctx): Caller, Path(id): Path<DeploymentId>) -> Answer<Response> {
    let asked = deployment::cancel(&ctx, id).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(DeploymentRecord::from(asked))).into_response())
}

/// Takes back what a deployment changed, by a new one.
#[utoipa::path(
    post, path = "/api/deployments/{id}/rollback", tag = "deployments",
    params(("id" = DeploymentId, Path), WaitQuery), request_body = StartRollback,
    responses(
        (status = 202, body = DeploymentRecord, description = "Started"),
        (status = 200, body = DeploymentRecord, description = "Ended, with wait=true"),
        (status = 404, body = Problem), (status = 409, body = Problem)
    )
)]
async fn rollback(
    Caller(ctx): Caller,
    Path(id): Path<DeploymentId>,
    Query(query): Query<WaitQuery>,
    body: Option<axum::Json<StartRollback>>,
) -> Answer<Response> {
    let how = body.map(|axum::Json(body)| body).unwrap_or_default();
    let started = sync::roll_back(&ctx, id, how, OnFailure::GoOn).await?;
    accepted(&ctx, started, query.wait).await
}

/// Carries out what is left of a deployment that did not come to its end, by a new one.
#[utoipa::path(
    post, path = "/api/deployments/{id}/retry", tag = "deployments",
    params(("id" = DeploymentId, Path), WaitQuery), request_body = Consent,
    responses(
        (status = 202, body = DeploymentRecord, description = "Started"),
        (status = 200, body = DeploymentRecord, description = "Ended, with wait=true"),
        (status = 404, body = Problem), (status = 409, body = Problem)
    )
)]
async fn retry(
    Caller(ctx): Caller,
    Path(id): Path<DeploymentId>,
    Query(query): Query<WaitQuery>,
    body: Option<axum::Json<Consent>>,
) -> Answer<Response> {
    let consent = body.map(|axum::Json(body)| body).unwrap_or_default();
    let Deployment { on_failure, note, .. } = deployment::get(&ctx, id).await?;
    let preview = sync::preview_retry(&ctx, id).await?.id;
    let started = sync::start_follow_up(&ctx, id, preview, on_failure, &note, &consent).await?;
    accepted(&ctx, started, query.wait).await
}
