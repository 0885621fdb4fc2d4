//! Unfiltered first pages, kept as they were sent: what everybody opens, and opens again after every change.
//!
//! A kept answer is true as long as nothing has been written. That is known for certain only where this server owns the
//! database, which is so on SQLite; on PostgreSQL nothing is kept.

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use moka::future::Cache;
use store::Store;

/// Pages that are kept at most: a few paths in a few encodings.
const PAGES: u64 = 64;
/// The largest body of a request that may ask for a first page.
const SMALL: u64 = 128;
/// The largest page that is kept.
const LARGEST: usize = 4 * 1024 * 1024;

/// The kept pages.
#[derive(Clone)]
pub(crate) struct FirstPages {
    store: Store,
    kept: Cache<Key, Kept>,
}

/// What is asked for, and as of which write.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    generation: u64,
    path: String,
    body: Bytes,
    encodings: Option<HeaderValue>,
}

/// An answer as it goes out.
#[derive(Clone)]
struct Kept {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl FirstPages {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, kept: Cache::new(PAGES) }
    }
}

/// Answers first pages as they were answered before, if nothing was written since. Many who ask for the same page at the
/// same moment wait for one answer.
pub(crate) async fn answer(State(pages): State<FirstPages>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Some(generation) = pages.store.generation().filter(|_| may_be_first(&parts)) else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    let body = match to_bytes(body, SMALL as usize).await {
        Ok(body) => body,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    if parts.method == Method::POST && !asks_for_everything(&body) {
        return next.run(Request::from_parts(parts, Body::from(body))).await;
    }
    let key = Key {
        generation,
        path: parts.uri.to_string(),
        body: body.clone(),
        encodings: parts.headers.get(header::ACCEPT_ENCODING).cloned(),
    };
    let made = async { keep(next.run(Request::from_parts(parts, Body::from(body))).await).await };
    match pages.kept.try_get_with(key, made).await {
        Ok(kept) => kept.into_response(),
        Err(failed) => Kept::clone(&failed).into_response(),
    }
}

/// By method, path and size; nothing is read yet.
fn may_be_first(parts: &Parts) -> bool {
    let path = parts.uri.path();
    match parts.method {
        Method::GET => {
            let listed = matches!(path, "/api/services" | "/api/matrix");
            let query = parts.uri.query().unwrap_or_default();
            listed && query.split('&').all(|pair| pair.is_empty() || pair.starts_with("pageSize="))
        }
        Method::POST => {
            let length = parts.headers.get(header::CONTENT_LENGTH);
            let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
            let listed = matches!(path, "/rpc/service/list" | "/rpc/matrix/page");
            listed && length.is_some_and(|length| length <= SMALL)
        }
        _ => false,
    }
}

/// Whether a server function is called with a query that names nothing.
fn asks_for_everything(body: &[u8]) -> bool {
    let asked: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    asked.is_some_and(|asked| asked["query"].as_object().is_some_and(serde_json::Map::is_empty))
}

/// The whole answer; only one that went well is kept for others.
async fn keep(answer: Response) -> Result<Kept, Kept> {
    let (parts, body) = answer.into_parts();
    let kept = match to_bytes(body, LARGEST).await {
        Ok(body) => Kept { status: parts.status, headers: parts.headers, body },
        Err(error) => Kept {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            headers: HeaderMap::new(),
            body: error.to_string().into(),
        },
    };
    if kept.status == StatusCode::OK { Ok(kept) } else { Err(kept) }
}

impl IntoResponse for Kept {
    fn into_response(self) -> Response {
        (self.status, self.headers, self.body).into_response()
    }
}
