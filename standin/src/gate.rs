//! The gate that every request to a cluster's Kubernetes API passes: it is let in, counted and answered, and
//! here faults are put in its way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;

use crate::auth::{Denied, Token};
use crate::cluster::{Backend, Cluster};
use crate::faults::{self, Fault, Reset};
use crate::kinds::ApiVersions;
use crate::rancher::{self, NormanError};
use crate::server::App;
use crate::simulation::Simulation;
use crate::stats::{Call, UnderWay};
use crate::status::Refusal;
use crate::{kube_api, proxy, reviews};

/// How long an answer is held back where a rule does not say.
const LATENCY: Duration = Duration::from_millis(20);

/// Answers a request to `/k8s/clusters/{id}/…`.
pub(crate) async fn kubernetes(
    State(app): State<Arc<App>>,
    ConnectInfo(reset): ConnectInfo<Reset>,
    Path((id, path)): Path<(String, String)>,
    Query(query): Query<BTreeMap<String, String>>,
    request: Request,
) -> Response {
    let token = match let_in(&app, &id, &request) {
        Ok(token) => token,
        Err(denied) => return NormanError::from(denied).into_response(),
    };
    let Some(cluster) = app.cluster(&id) else { return rancher::unknown_cluster() };
    let (parts, body) = request.into_parts();
    let call = kube_api::call(&ApiVersions::of(&cluster.git_version), &parts.method, &path, &query);
    let under_way = app.stats.count(call);
    let body = match read(body).await {
        Ok(body) => body,
        Err(refusal) => return refusal.into_response(),
    };
    let request = kube_api::Request {
        method: parts.method,
        path: &path,
        query,
        headers: parts.headers,
        body,
        token,
        bookmarks: app.bookmarks,
        drawn: app.faults.draw(&id, call),
        stop: app.stop.clone(),
    };
    let answer = through_faults(cluster, request, call, parts.uri.query(), &reset).await;
    match under_way {
        Some(under_way) => until_sent(answer, under_way),
        None => answer,
    }
}

/// Answers unless something goes wrong before, and lets something go wrong afterwards.
async fn through_faults(
    cluster: &Cluster,
    request: kube_api::Request<'_>,
    call: Call,
    query: Option<&str>,
    reset: &Reset,
) -> Response {
    let drawn = request.drawn.clone();
    if let Some(wait) = drawn.lasts(Fault::Latency, LATENCY) {
        tokio::time::sleep(wait).await;
    }
    if drawn.has(Fault::Reset) {
        return reset.now().await;
    }
    if let Some(answer) = faults::instead(&drawn, request.token.name) {
        return answer;
    }
    let answer = match (&cluster.backend, call) {
        (Backend::Simulated(simulation), Call::Patch) => patch(simulation, &request),
        _ => answer(cluster, request, query).await,
    };
    if drawn.has(Fault::ResetAfter) && call != Call::Watch {
        return reset.now().await;
    }
    if drawn.has(Fault::Cut) {
        return faults::cut(answer).await;
    }
    if drawn.has(Fault::Clock) && call != Call::Watch {
        return faults::shifted_answer(answer).await;
    }
    answer
}

/// A change, which others may get in the way of.
fn patch(simulation: &Arc<Simulation>, request: &kube_api::Request<'_>) -> Response {
    let drawn = &request.drawn;
    if drawn.has(Fault::DryRunOnly) {
        return faults::refused_after_all().into_response();
    }
    let answer = || kube_api::answer(simulation, request).unwrap_or_else(IntoResponse::into_response);
    let Some(key) = kube_api::named(&simulation.versions, request.path) else { return answer() };
    let interferes = drawn.has(Fault::OtherActor);
    if interferes && drawn.coin {
        faults::interfere(simulation, &key);
    }
    // Before the change, so that no controller can be quicker.
    faults::hang(simulation, &key, drawn.has(Fault::Hang));
    let answer = answer();
    if interferes && !drawn.coin {
        faults::interfere(simulation, &key);
    }
    answer
}

async fn answer(cluster: &Cluster, request: kube_api::Request<'_>, query: Option<&str>) -> Response {
    match &cluster.backend {
        Backend::Unavailable => NormanError::cluster_unavailable().into_response(),
        Backend::Simulated(simulation) => {
            kube_api::answer(simulation, &request).unwrap_or_else(IntoResponse::into_response)
        }
        Backend::Real(client) => {
            let kube_api::Request { method, path, headers, body, token, .. } = request;
            if let Some(answer) = reviews::answer_for_reader(token, &method, path, &body) {
                return answer;
            }
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            proxy::pass_on(client, method, &format!("/{path}{query}"), &headers, body).await
        }
    }
}

/// Keeps `under_way` until the last of the answer has been sent, or nobody reads it any more.
fn until_sent(answer: Response, under_way: UnderWay) -> Response {
    answer.map(|body| {
        Body::from_stream(body.into_data_stream().inspect(move |_| {
            let _kept = &under_way;
        }))
    })
}

fn let_in<'a>(app: &'a App, cluster: &str, request: &Request) -> Result<&'a Token, Denied> {
    let token = app.tokens.authenticate(request.headers())?;
    token.check_cluster(cluster)?;
    Ok(token)
}

async fn read(body: Body) -> Result<Bytes, Refusal> {
    const LARGEST: usize = 1 << 20;
    to_bytes(body, LARGEST).await.map_err(|_| {
        Refusal::new(http::StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", "the request is too large")
    })
}
