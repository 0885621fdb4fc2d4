//! The Kubernetes API of a simulated cluster: from paths and parameters to what they mean.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::auth::Token;
use crate::faults::{Drawn, Fault};
use crate::kinds::{ApiVersions, Kind};
use crate::list::{ListRequest, list};
use crate::objects::{Key, Objects};
use crate::patch::{Patch, PatchError};
use crate::reviews;
use crate::selector::Selector;
use crate::simulation::Simulation;
use crate::stats::Call;
use crate::status::Refusal;
use crate::watch::{WatchRequest, watch};

/// A request to a cluster's API, let in and read whole.
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    /// The path behind `/k8s/clusters/{id}/`.
    pub(crate) path: &'a str,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) token: &'a Token,
    pub(crate) bookmarks: Duration,
    /// What goes wrong with it.
    pub(crate) drawn: Drawn,
    pub(crate) stop: CancellationToken,
}

/// What a path names.
struct Target<'a> {
    kind: Kind,
    namespace: Option<&'a str>,
    name: Option<&'a str>,
}

/// Answers a request.
pub(crate) fn answer(simulation: &Arc<Simulation>, request: &Request<'_>) -> Result<Response, Refusal> {
    if reviews::is_review(request.path) {
        let review = request.object()?;
        return Ok((StatusCode::CREATED, Json(reviews::answer(request.token, review))).into_response());
    }
    if let Some(document) = discovery(&simulation.versions, request.path) {
        return Ok(Json(document).into_response());
    }
    let target = target(&simulation.versions, request.path).ok_or_else(Refusal::no_such_path)?;
    let verb = request.verb(target.name.is_some())?;
    if !request.token.may(verb, target.kind.plural()) {
        return Err(forbidden(request.token, verb, &target));
    }
    match target.name {
        None => on_collection(simulation, request, &target, verb),
        Some(name) => on_object(simulation, request, &target, name, verb),
    }
}

/// The object that a path names.
pub(crate) fn named(versions: &ApiVersions, path: &str) -> Option<Key> {
    let target = target(versions, path)?;
    Some(Simulation::key(target.kind, target.namespace, target.name?))
}

/// What a request asks for, to be counted.
pub(crate) fn call(
    versions: &ApiVersions,
    method: &Method,
    path: &str,
    query: &BTreeMap<String, String>,
) -> Call {
    let Some(target) = target(versions, path) else { return Call::Other };
    let on = |name: &str, value: &str| query.get(name).is_some_and(|given| given == value);
    match (method.as_str(), target.name) {
        ("GET", Some(_)) => Call::Get,
        ("GET", None) if on("watch", "true") || on("watch", "1") => Call::Watch,
        ("GET", None) => Call::List,
        _ if on("dryRun", "All") => Call::DryRun,
        ("POST", _) => Call::Create,
        ("PUT", _) => Call::Update,
        ("PATCH", _) => Call::Patch,
        ("DELETE", _) => Call::Delete,
        _ => Call::Other,
    }
}

fn discovery(versions: &ApiVersions, path: &str) -> Option<Value> {
    match path.trim_end_matches('/') {
        "version" => Some(versions.version_info()),
        "api" => Some(serde_json::json!({ "kind": "APIVersions", "versions": ["v1"] })),
        "apis" => Some(versions.group_list()),
        path => versions.resource_list(path.strip_prefix("apis/").or_else(|| path.strip_prefix("api/"))?),
    }
}

fn target<'a>(versions: &ApiVersions, path: &'a str) -> Option<Target<'a>> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let (api_version, rest) = match segments.as_slice() {
        ["api", version, rest @ ..] => ((*version).to_owned(), rest),
        ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
        _ => return None,
    };
    let find = |plural| versions.find(&api_version, plural);
    match *rest {
        [plural] => Some(Target { kind: find(plural)?, namespace: None, name: None }),
        [plural @ ("namespaces" | "nodes"), name] => {
            Some(Target { kind: find(plural)?, namespace: None, name: Some(name) })
        }
        ["namespaces", namespace, plural] => {
            Some(Target { kind: find(plural)?, namespace: Some(namespace), name: None })
        }
        ["namespaces", namespace, plural, name] => {
            Some(Target { kind: find(plural)?, namespace: Some(namespace), name: Some(name) })
        }
        _ => None,
    }
}

fn on_collection(
    simulation: &Arc<Simulation>,
    request: &Request<'_>,
    target: &Target<'_>,
    verb: &str,
) -> Result<Response, Refusal> {
    let kind = target.kind;
    match verb {
        "watch" => {
            let watched = request.watch(target)?;
            Ok(watch(Arc::clone(simulation), watched, request.stop.clone()))
        }
        "list" => {
            if request.drawn.has(Fault::Gone) && request.parameter("continue").is_some() {
                return Err(Refusal::expired(0, simulation.read(Objects::version)));
            }
            let asked = ListRequest {
                kind,
                namespace: target.namespace,
                selector: request.selector()?,
                limit: request.number("limit")?.and_then(|limit| usize::try_from(limit).ok()),
                token: request.parameter("continue"),
            };
            list(simulation, &asked)
        }
        _ => {
            let created = simulation.create(kind, target.namespace, request.object()?, request.dry_run())?;
            Ok((StatusCode::CREATED, Json(created)).into_response())
        }
    }
}

fn on_object(
    simulation: &Simulation,
    request: &Request<'_>,
    target: &Target<'_>,
    name: &str,
    verb: &str,
) -> Result<Response, Refusal> {
    let key = Simulation::key(target.kind, target.namespace, name);
    let object = match verb {
        "get" => simulation.read(|objects| objects.get(&key)).ok_or_else(|| Refusal::not_found(&key))?,
        "patch" => {
            let content_type = request.headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
            let patch = Patch::parse(content_type.unwrap_or_default(), &request.body).map_err(unreadable)?;
            simulation.patch(&key, &patch, request.dry_run(), request.token.user)?
        }
        "update" => simulation.replace(&key, request.object()?, request.dry_run())?,
        _ => {
            let options: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let uid = options.pointer("/preconditions/uid").and_then(Value::as_str);
            simulation.delete(&key, uid, request.dry_run())?
        }
    };
    Ok(Json(object).into_response())
}

impl Request<'_> {
    /// The verb as Kubernetes names it.
    fn verb(&self, named: bool) -> Result<&'static str, Refusal> {
        let watched = matches!(self.parameter("watch"), Some("true" | "1"));
        match (self.method.as_str(), named) {
            ("GET", true) => Ok("get"),
            ("GET", false) => Ok(if watched { "watch" } else { "list" }),
            ("POST", false) => Ok("create"),
            ("PUT", true) => Ok("update"),
            ("PATCH", true) => Ok("patch"),
            ("DELETE", true) => Ok("delete"),
            _ => Err(Refusal::method_not_allowed()),
        }
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let number = self.parameter(name).map(str::parse).transpose();
        number.map_err(|_| Refusal::bad_request(format!("invalid value for {name}")))
    }

    fn dry_run(&self) -> bool {
        self.parameter("dryRun") == Some("All")
    }

    fn selector(&self) -> Result<Selector, Refusal> {
        Selector::parse(self.parameter("labelSelector"), self.parameter("fieldSelector"))
    }

    fn object(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.body).map_err(|error| Refusal::bad_request(error.to_string()))
    }

    fn watch(&self, target: &Target<'_>) -> Result<WatchRequest, Refusal> {
        const LONGEST: u64 = 1800;
        let allowed = matches!(self.parameter("allowWatchBookmarks"), Some("true" | "1"));
        Ok(WatchRequest {
            kind: target.kind,
            namespace: target.namespace.map(str::to_owned),
            selector: self.selector()?,
            version: self.number("resourceVersion")?,
            bookmarks: allowed.then_some(self.bookmarks),
            drawn: self.drawn.clone(),
            timeout: Duration::from_secs(self.number("timeoutSeconds")?.unwrap_or(LONGEST).min(LONGEST)),
        })
    }
}

fn unreadable(error: PatchError) -> Refusal {
    match error {
        PatchError::ContentType(_) => {
            Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", error.to_string())
        }
        _ => Refusal::bad_request(error.to_string()),
    }
}

fn forbidden(token: &Token, verb: &str, target: &Target<'_>) -> Refusal {
    let kind = target.kind;
    let (qualified, plural, group) = (kind.qualified(), kind.plural(), kind.group());
    let name = target.name.map(|name| format!(" \"{name}\"")).unwrap_or_default();
    let place = target.namespace.map(|one| format!(" in the namespace \"{one}\"")).unwrap_or_default();
    let user = token.user_id();
    Refusal::new(
        StatusCode::FORBIDDEN,
        "Forbidden",
        format!(
            "{qualified}{name} is forbidden: User \"{user}\" cannot {verb} resource \"{plural}\" in API group \
             \"{group}\"{place}"
        ),
    )
}
