//! Rancher's management API: `/v3` and what is open without sign-in.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

use crate::auth::{Denied, Token};
use crate::cluster::Cluster;
use crate::json::text;
use crate::server::App;

/// An error in the shape of Rancher's API framework, Norman.
#[derive(Debug)]
pub(crate) struct NormanError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl NormanError {
    fn not_found(what: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "NotFound", message: format!("{what} not found") }
    }

    /// A cluster whose agent is down.
    pub(crate) fn cluster_unavailable() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "ClusterUnavailable",
            message: "cluster agent disconnected".to_owned(),
        }
    }
}

impl From<Denied> for NormanError {
    fn from(denied: Denied) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, code: "Unauthorized", message: denied.to_string() }
    }
}

impl IntoResponse for NormanError {
    fn into_response(self) -> Response {
        let body = json!({
            "type": "error", "status": self.status.as_u16(), "code": self.code, "message": self.message,
        });
        (self.status, Json(body)).into_response()
    }
}

/// The answer for a cluster that Rancher's proxy does not know: Go's field names, and no JSON content type.
pub(crate) fn unknown_cluster() -> Response {
    let body = json!({
        "Code": { "Code": "NotFound", "Status": 404 }, "Message": "cluster not found", "Cause": null,
        "FieldName": "",
    });
    (StatusCode::NOT_FOUND, [(CONTENT_TYPE, "text/plain; charset=utf-8")], body.to_string()).into_response()
}

type Parameters = Query<BTreeMap<String, String>>;
type Answer = Result<Json<Value>, NormanError>;

/// The routes of the management API.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/rancherversion", get(version))
        .route("/v3/settings/cacerts", get(ca_certificates))
        .route("/v3/users", get(users))
        .route("/v3/tokens", get(tokens))
        .route("/v3/tokens/{name}", get(token))
        .route("/v3/clusters", get(clusters))
        .route("/v3/clusters/{id}", get(cluster))
        .route("/v3/projects", get(projects))
        .route("/v3/{*rest}", get(unknown))
}

async fn version() -> Json<Value> {
    Json(json!({ "Version": "v2.9.3", "GitCommit": "standin0", "RancherPrime": "false" }))
}

async fn ca_certificates(State(app): State<Arc<App>>) -> Json<Value> {
    let value = app.ca_pem.as_deref().unwrap_or_default();
    Json(json!({ "type": "setting", "id": "cacerts", "name": "cacerts", "value": value }))
}

async fn users(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri, query: Parameters) -> Answer {
    let token = bearer(&app, &headers)?;
    let user = json!({
        "type": "user", "id": token.user_id(), "username": token.user, "name": token.full_name,
        "enabled": true, "me": true, "state": "active",
    });
    let page = Page { app: &app, headers: &headers, uri: &uri, query: &query };
    Ok(page.of("user", vec![user]))
}

async fn tokens(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri, query: Parameters) -> Answer {
    let token = bearer(&app, &headers)?;
    let page = Page { app: &app, headers: &headers, uri: &uri, query: &query };
    Ok(page.of("token", app.tokens.resources(token)))
}

async fn token(State(app): State<Arc<App>>, headers: HeaderMap, Path(name): Path<String>) -> Answer {
    let token = bearer(&app, &headers)?;
    let own = app.tokens.resources(token).into_iter().find(|own| text(own, "/id") == name);
    own.map(Json).ok_or_else(|| NormanError::not_found("token"))
}

async fn clusters(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri, query: Parameters) -> Answer {
    bearer(&app, &headers)?;
    let page = Page { app: &app, headers: &headers, uri: &uri, query: &query };
    Ok(page.of(
        "cluster",
        app.clusters.iter().map(|cluster| cluster.resource(app.faults.is_dead(&cluster.id))).collect(),
    ))
}

async fn cluster(State(app): State<Arc<App>>, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    bearer(&app, &headers)?;
    let cluster = app.cluster(&id).ok_or_else(|| NormanError::not_found("cluster"))?;
    Ok(Json(cluster.resource(app.faults.is_dead(&id))))
}

async fn projects(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri, query: Parameters) -> Answer {
    bearer(&app, &headers)?;
    let page = Page { app: &app, headers: &headers, uri: &uri, query: &query };
    Ok(page.of("project", app.clusters.iter().flat_map(Cluster::project_resources).collect()))
}

async fn unknown(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    bearer(&app, &headers)?;
    Err(NormanError::not_found("resource"))
}

fn bearer<'a>(app: &'a App, headers: &HeaderMap) -> Result<&'a Token, NormanError> {
    let token = app.tokens.authenticate(headers)?;
    token.check_management()?;
    Ok(token)
}

/// One page of a collection, as a request asks for it.
struct Page<'a> {
    app: &'a App,
    headers: &'a HeaderMap,
    uri: &'a Uri,
    query: &'a BTreeMap<String, String>,
}

impl Page<'_> {
    fn of(&self, kind: &str, mut data: Vec<Value>) -> Json<Value> {
        const DEFAULT_LIMIT: usize = 1000;
        const HIGHEST_LIMIT: usize = 10_000;
        data.retain(|item| self.query.iter().all(|(key, wanted)| passes(item, key, wanted)));
        let total = data.len();
        let limit = self.query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(DEFAULT_LIMIT);
        let limit = limit.clamp(1, HIGHEST_LIMIT);
        let start = self
            .query
            .get("marker")
            .map_or(0, |marker| data.iter().position(|item| text(item, "/id") == marker).unwrap_or(total));
        let next = data.get(start + limit).map(|item| text(item, "/id").to_owned());
        let data: Vec<Value> = data.into_iter().skip(start).take(limit).collect();
        let mut pagination = json!({ "limit": limit, "total": total, "partial": next.is_some() });
        if let Some(marker) = self.query.get("marker") {
            pagination["marker"] = json!(marker);
        }
        if let Some(next) = next {
            pagination["next"] = json!(self.link(limit, &next));
        }
        Json(json!({
            "type": "collection", "resourceType": kind, "links": { "self": self.base() }, "data": data,
            "pagination": pagination,
        }))
    }

    fn base(&self) -> String {
        let host = self.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        format!("{}://{host}{}", self.app.scheme(), self.uri.path())
    }

    /// The absolute address of the page that begins at `marker`.
    fn link(&self, limit: usize, marker: &str) -> String {
        let kept = self.query.iter().filter(|(key, _)| !matches!(key.as_str(), "limit" | "marker"));
        let filters: String = kept.map(|(key, value)| format!("&{key}={value}")).collect();
        format!("{}?limit={limit}&marker={marker}{filters}", self.base())
    }
}

/// Whether an item passes a filter: `field=`, `field_ne=` or `field_in=`.
fn passes(item: &Value, key: &str, wanted: &str) -> bool {
    let holds = |field: &str, test: &dyn Fn(&str) -> bool| item[field].as_str().is_none_or(test);
    if let Some(field) = key.strip_suffix("_ne") {
        holds(field, &|value| value != wanted)
    } else if let Some(field) = key.strip_suffix("_in") {
        holds(field, &|value| wanted.split(',').any(|one| one == value))
    } else {
        holds(key, &|value| value == wanted)
    }
}
