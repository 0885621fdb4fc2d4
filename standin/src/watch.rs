//! Watches: a stream of events from a version on.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream, StreamExt};
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::faults::{self, Drawn, Fault};
use crate::json::parse;
use crate::kinds::Kind;
use crate::objects::{Change, Object, Objects};
use crate::selector::Selector;
use crate::simulation::Simulation;
use crate::status::Refusal;

/// What a watch request asks for.
pub(crate) struct WatchRequest {
    pub(crate) kind: Kind,
    pub(crate) namespace: Option<String>,
    pub(crate) selector: Selector,
    /// Where to begin; none or 0 begins with the present objects.
    pub(crate) version: Option<u64>,
    /// How often a bookmark is sent, where the client allows them.
    pub(crate) bookmarks: Option<Duration>,
    pub(crate) timeout: Duration,
    /// What goes wrong with it.
    pub(crate) drawn: Drawn,
}

struct Watch {
    request: WatchRequest,
    simulation: Arc<Simulation>,
    changed: Receiver<u64>,
    stop: CancellationToken,
    version: u64,
    primed: bool,
    finished: bool,
    ends: Instant,
    bookmark: Instant,
}

enum Wake {
    Changed,
    Bookmark,
    End,
}

/// Answers a watch with a stream that ends at its time-out or when the server stops.
pub(crate) fn watch(simulation: Arc<Simulation>, request: WatchRequest, stop: CancellationToken) -> Response {
    let drawn = request.drawn.clone();
    let now = Instant::now();
    let watch = Watch {
        changed: simulation.subscribe(),
        version: request.version.unwrap_or(0),
        primed: request.version.is_some_and(|version| version > 0),
        finished: false,
        ends: now + request.timeout,
        bookmark: now + request.bookmarks.unwrap_or(request.timeout),
        simulation,
        request,
        stop,
    };
    (
        [(CONTENT_TYPE, "application/json")],
        Body::from_stream(faults::disturb(&drawn, watch.events()).map(Ok::<_, Infallible>)),
    )
        .into_response()
}

impl Watch {
    fn events(self) -> impl Stream<Item = String> {
        stream::unfold(self, |mut watch| async move {
            while !watch.finished {
                let lines = watch.next_lines().await;
                if !lines.is_empty() {
                    return Some((lines, watch));
                }
            }
            None
        })
    }

    async fn next_lines(&mut self) -> String {
        self.changed.mark_unchanged();
        let lines = self.simulation.clone().read(|objects| self.catch_up(objects));
        if !lines.is_empty() || self.finished {
            return lines;
        }
        match self.wake().await {
            Wake::Changed => String::new(),
            Wake::Bookmark => self.bookmark(),
            Wake::End => {
                self.finished = true;
                String::new()
            }
        }
    }

    async fn wake(&mut self) -> Wake {
        tokio::select! {
            changed = self.changed.changed() => changed.map_or(Wake::End, |()| Wake::Changed),
            () = sleep_until(self.bookmark), if self.request.bookmarks.is_some() => Wake::Bookmark,
            () = sleep_until(self.ends) => Wake::End,
            () = self.stop.cancelled() => Wake::End,
        }
    }

    fn bookmark(&mut self) -> String {
        self.bookmark = Instant::now() + self.request.bookmarks.unwrap_or(self.request.timeout);
        let kind = self.request.kind;
        line(
            "BOOKMARK",
            &json!({
                "kind": kind.name(), "apiVersion": self.simulation.versions.api_version(kind),
                "metadata": { "resourceVersion": self.version.to_string(), "creationTimestamp": null },
            }),
        )
    }

    /// The events between the version that was sent last and the present one.
    fn catch_up(&mut self, objects: &Objects) -> String {
        let mut lines = String::new();
        if self.request.drawn.has(Fault::Gone) {
            self.finished = true;
            lines.push_str(&line("ERROR", &Refusal::expired(self.version, objects.version()).body()));
        } else if !self.primed {
            self.primed = true;
            let namespace = self.request.namespace.as_deref();
            let present = objects.list(self.request.kind, namespace).map(|(_, object)| object);
            for object in present.filter(|object| self.request.selector.matches(object)) {
                lines.push_str(&line("ADDED", &**object));
            }
        } else {
            match objects.since(self.version) {
                Ok(changes) => lines.extend(changes.filter_map(|change| self.event(change))),
                Err(old) => {
                    self.finished = true;
                    lines.push_str(&line("ERROR", &Refusal::expired(self.version, old.oldest).body()));
                }
            }
        }
        self.version = objects.version().max(self.version);
        lines
    }

    /// A change as the selector sees it: what begins to match is added, what ceases to match is deleted.
    fn event(&self, change: &Change) -> Option<String> {
        let of_kind = change.key.kind == self.request.kind;
        let inside = self.request.namespace.as_ref().is_none_or(|name| *name == change.key.namespace);
        if !of_kind || !inside {
            return None;
        }
        let matching = |side: &Option<Object>| {
            side.as_ref().filter(|object| self.request.selector.matches(object)).map(Object::clone)
        };
        match (matching(&change.before), matching(&change.after)) {
            (None, Some(after)) => Some(line("ADDED", &*after)),
            (Some(_), Some(after)) => Some(line("MODIFIED", &*after)),
            (Some(before), None) => {
                let mut last = parse(&before);
                last["metadata"]["resourceVersion"] = json!(change.version.to_string());
                Some(line("DELETED", &last))
            }
            (None, None) => None,
        }
    }
}

fn line<T: Serialize + ?Sized>(event: &str, object: &T) -> String {
    #[derive(Serialize)]
    struct Event<'a, T: ?Sized> {
        r#type: &'a str,
        object: &'a T,
    }
    let mut line = serde_json::to_string(&Event { r#type: event, object }).unwrap_or_default();
    line.push('\n');
    line
}
