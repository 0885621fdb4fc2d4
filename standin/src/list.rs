//! Lists, with their pages.

use axum::Json;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::kinds::Kind;
use crate::objects::{Key, Object, Objects};
use crate::selector::Selector;
use crate::simulation::Simulation;
use crate::status::Refusal;

/// What a page goes on from: the version of the first page, and the last object given out.
#[derive(Serialize, Deserialize)]
struct Continue {
    version: u64,
    namespace: String,
    name: String,
}

/// What a list request asks for.
pub(crate) struct ListRequest<'a> {
    pub(crate) kind: Kind,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) selector: Selector,
    pub(crate) limit: Option<usize>,
    pub(crate) token: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListBody<'a> {
    kind: String,
    api_version: &'a str,
    metadata: ListMetadata,
    items: Vec<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata {
    resource_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#continue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining_item_count: Option<usize>,
}

struct Page {
    version: u64,
    items: Vec<Object>,
    last: Option<Key>,
    remaining: usize,
}

/// Answers a list. Later pages read the present objects under the first page's version, so that a watch
/// from that version brings a client up to date.
pub(crate) fn list(simulation: &Simulation, request: &ListRequest<'_>) -> Result<Response, Refusal> {
    let page = simulation.read(|objects| page(objects, request))?;
    let token = page.last.filter(|_| page.remaining > 0).map(|last| {
        let token = Continue { version: page.version, namespace: last.namespace, name: last.name };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
    });
    let body = ListBody {
        kind: format!("{}List", request.kind.name()),
        api_version: simulation.versions.api_version(request.kind),
        metadata: ListMetadata {
            resource_version: page.version.to_string(),
            r#continue: token,
            remaining_item_count: (page.remaining > 0).then_some(page.remaining),
        },
        items: page.items.iter().map(AsRef::as_ref).collect(),
    };
    Ok(Json(body).into_response())
}

fn page(objects: &Objects, request: &ListRequest<'_>) -> Result<Page, Refusal> {
    let (version, mut found): (u64, Box<dyn Iterator<Item = _>>) = match request.token {
        Some(token) => {
            let from = read_token(token)?;
            if let Err(old) = objects.since(from.version) {
                return Err(Refusal::expired(from.version, old.oldest));
            }
            let last = Key::new(request.kind, &from.namespace, &from.name);
            (from.version, Box::new(objects.list_after(last, request.namespace)))
        }
        None => (objects.version(), Box::new(objects.list(request.kind, request.namespace))),
    };
    let limit = request.limit.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let mut matching = found.by_ref().filter(|(_, object)| request.selector.matches(object));
    let (mut items, mut last) = (Vec::new(), None);
    for (key, object) in matching.by_ref().take(limit) {
        items.push(Object::clone(object));
        last = Some(key.clone());
    }
    let remaining = matching.count();
    Ok(Page { version, items, last, remaining })
}

fn read_token(token: &str) -> Result<Continue, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| Refusal::bad_request("continue key is not valid"))
}
