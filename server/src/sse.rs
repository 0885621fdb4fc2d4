//! `GET /api/events`: server-sent events, with resume.

use std::{convert::Infallible, time::Duration};

use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use control::events::{self, Message};
use futures::{Stream, StreamExt, stream};
use http::HeaderMap;
use serde::Deserialize;

use crate::{problem::Query, rest::Caller};

/// Where a stream begins.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventsQuery {
    /// Begin after this event's number; from now on if left out. A `Last-Event-ID` header comes before it.
    #[serde(default)]
    after: Option<i64>,
}

/// Follows the events: each `event` carries its number as the stream's id; `observed` says that services of some
/// environments have changed and carries none; `alive` comes when nothing else does.
#[utoipa::path(
    get, path = "/api/events", tag = "events", params(EventsQuery),
    responses((status = 200, description = "An event stream", content_type = "text/event-stream", body = String))
)]
pub(crate) async fn stream_events(
    Caller(ctx): Caller,
    headers: HeaderMap,
    Query(query): Query<EventsQuery>,
) -> Sse<impl Stream<Item = Result<SseEvent, Infallible>>> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let after = last.or(query.after).unwrap_or_else(|| events::newest(&ctx));
    // The first message gives the browser a number to resume from even if nothing has happened yet.
    let hello =
        SseEvent::default().event("hello").id(after.to_string()).data("{}").retry(Duration::from_secs(1));
    let messages = events::follow(&ctx, after)
        .take_while(|message| {
            let goes_on = message.is_ok();
            async move { goes_on }
        })
        .filter_map(|message| async move { message.ok().as_ref().map(encode) });
    let stream = stream::once(async { hello }).chain(messages).map(Ok);
    Sse::new(stream).keep_alive(KeepAlive::new().interval(ALIVE).event(alive()))
}

/// A stream that says nothing for longer than this has lost its server; `public/events-worker.js` gives it three times that.
const ALIVE: Duration = Duration::from_secs(10);

/// Not a comment, which a browser's program would not be told of.
fn alive() -> SseEvent {
    SseEvent::default().event("alive").data("{}")
}

fn encode(message: &Message) -> SseEvent {
    let event = SseEvent::default().data(&*message.json);
    match message.seq() {
        Some(seq) => event.event("event").id(seq.to_string()),
        None => event.event("observed"),
    }
}
