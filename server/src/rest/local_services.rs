//! `/api/clusters/{cluster}/…/services`: what runs on the server's own machine.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse, Response,
    sse::{Event as SseEvent, KeepAlive, Sse},
};
use control::{local_service, traffic};
use domain::{
    front_door::{Traffic, Weights},
    local_service::{LocalService, LocalServiceEdit},
    output::OutputLine,
    problem::Problem,
};
use futures::{StreamExt, stream};
use http::{StatusCode, header};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Answer, Caller, lists};
use crate::problem::{Json, Path, Query};

pub(super) fn router() -> OpenApiRouter<control::Context> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put, delete))
        .routes(routes!(output))
        .routes(routes!(get_traffic))
        .routes(routes!(weigh))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ServicesQuery {
    /// Of this namespace only.
    #[serde(default)]
    namespace: Option<String>,
}

/// A cluster, a namespace in it and a service in that.
type Place = (String, String, String);

/// The services of a local cluster.
#[utoipa::path(
    get, path = "/api/clusters/{cluster}/services", tag = "local services",
    params(("cluster" = String, Path), ServicesQuery, lists::PageQuery),
    responses((status = 200, body = Vec<LocalService>), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn list(
    Caller(ctx): Caller,
    Path(cluster): Path<String>,
    Query(query): Query<ServicesQuery>,
    listing: lists::Listing,
) -> Answer<Response> {
    Ok(listing.answer(local_service::list(&ctx, &cluster, query.namespace.as_deref()).await?))
}

/// One service with its replicas.
#[utoipa::path(
    get, path = "/api/clusters/{cluster}/namespaces/{namespace}/services/{name}", tag = "local services",
    params(("cluster" = String, Path), ("namespace" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = LocalService), (status = 404, body = Problem), (status = 422, body = Problem))
)]
async fn get(
    Caller(ctx): Caller,
    Path((cluster, namespace, name)): Path<Place>,
) -> Answer<axum::Json<LocalService>> {
    Ok(axum::Json(local_service::get(&ctx, &cluster, &namespace, &name).await?))
}

/// Makes a service, or changes the one that has the given generation: its replicas follow by its strategy.
#[utoipa::path(
    put, path = "/api/clusters/{cluster}/namespaces/{namespace}/services/{name}", tag = "local services",
    params(("cluster" = String, Path), ("namespace" = String, Path), ("name" = String, Path)),
    request_body = LocalServiceEdit,
    responses(
        (status = 200, body = LocalService), (status = 201, body = LocalService),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)
    )
)]
async fn put(
    Caller(ctx): Caller,
    Path((cluster, namespace, name)): Path<Place>,
    Json(edit): Json<LocalServiceEdit>,
) -> Answer<Response> {
    let status = if edit.generation == 0 { StatusCode::CREATED } else { StatusCode::OK };
    let stored = local_service::put(&ctx, &cluster, &namespace, &name, edit).await?;
    Ok((status, axum::Json(stored)).into_response())
}

/// Removes a service with all that it runs. Refused while a deployment works on it.
#[utoipa::path(
    delete, path = "/api/clusters/{cluster}/namespaces/{namespace}/services/{name}", tag = "local services",
    params(("cluster" = String, Path), ("namespace" = String, Path), ("name" = String, Path)),
    responses((status = 202), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn delete(Caller(ctx): Caller, Path((cluster, namespace, name)): Path<Place>) -> Answer<StatusCode> {
    local_service::delete(&ctx, &cluster, &namespace, &name).await?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct OutputQuery {
    /// How many of the last lines, up to 2,000; 200 if left out.
    #[serde(default)]
    lines: Option<usize>,
    /// Of the replicas at this port only.
    #[serde(default)]
    port: Option<u16>,
    /// Go on with the lines that come, as server-sent events.
    #[serde(default)]
    follow: bool,
}

/// What a service's replicas have written, also the last ones that are gone: a line of JSON for each; with `follow=true` as a
/// stream that ends with the service.
#[utoipa::path(
    get, path = "/api/clusters/{cluster}/namespaces/{namespace}/services/{name}/output", tag = "local services",
    params(("cluster" = String, Path), ("namespace" = String, Path), ("name" = String, Path), OutputQuery),
    responses(
        (status = 200, body = OutputLine, content_type = "application/x-ndjson"),
        (status = 404, body = Problem), (status = 422, body = Problem)
    )
)]
async fn output(
    Caller(ctx): Caller,
    Path((cluster, namespace, name)): Path<Place>,
    Query(query): Query<OutputQuery>,
) -> Answer<Response> {
    let lines = query.lines.unwrap_or(LINES);
    let (output, last) = local_service::output(&ctx, &cluster, &namespace, &name, query.port, lines).await?;
    if !query.follow {
        let lines: String = last.iter().map(|line| json(line) + "\n").collect();
        return Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response());
    }
    let told = stream::iter(last).chain(local_service::follow(&ctx, output));
    let told = told.map(|line| Ok::<_, Infallible>(SseEvent::default().event("line").data(json(&line))));
    Ok(Sse::new(told).keep_alive(KeepAlive::new().interval(ALIVE)).into_response())
}

/// What came through a service's front door, version by version: requests, failures and latencies.
#[utoipa::path(
    get, path = "/api/clusters/{cluster}/namespaces/{namespace}/services/{name}/traffic", tag = "local services",
    params(("cluster" = String, Path), ("namespace" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = Traffic), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn get_traffic(
    Caller(ctx): Caller,
    Path((cluster, namespace, name)): Path<Place>,
) -> Answer<axum::Json<Traffic>> {
    Ok(axum::Json(traffic::get(&ctx, &cluster, &namespace, &name).await?))
}

/// Shares a service's requests between its versions by weight, until it is changed; without any, by ready replicas.
#[utoipa::path(
    put, path = "/api/clusters/{cluster}/namespaces/{namespace}/services/{name}/weights", tag = "local services",
    params(("cluster" = String, Path), ("namespace" = String, Path), ("name" = String, Path)),
    request_body = Weights,
    responses(
        (status = 200, body = Traffic), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)
    )
)]
async fn weigh(
    Caller(ctx): Caller,
    Path((cluster, namespace, name)): Path<Place>,
    Json(weights): Json<Weights>,
) -> Answer<axum::Json<Traffic>> {
    Ok(axum::Json(traffic::weigh(&ctx, &cluster, &namespace, &name, weights).await?))
}

/// How many lines are told unless others are asked for.
const LINES: usize = 200;
/// How often a stream with nothing to tell says that it is there.
const ALIVE: Duration = Duration::from_secs(15);

fn json(line: &OutputLine) -> String {
    serde_json::to_string(line).unwrap_or_default()
}
