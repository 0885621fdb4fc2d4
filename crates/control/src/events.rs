//! Event streams: what has happened since, and what happens from now on.

use domain::{event::Event, id::EnvironmentId};
use futures::{Stream, stream};
use tokio::sync::{broadcast, watch};

use crate::{Context, Error};

/// How many events are read at once.
const BATCH: u64 = 500;

/// What a stream tells.
#[derive(Clone, Debug)]
pub enum Message {
    /// An event, numbered; a stream resumes after the last one seen.
    Event(Event),
    /// Services of these environments were observed anew. Not numbered: whoever misses it reads the lists again.
    Observed(Vec<EnvironmentId>),
}

/// The newest event's number.
pub fn newest(ctx: &Context) -> i64 {
    *ctx.store().newest_event().borrow()
}

/// Another one after anything has happened or was observed; what was rendered with this one is still true.
pub fn stamp(ctx: &Context) -> String {
    format!("{}.{}", newest(ctx), *ctx.control().observer.changes().borrow())
}

struct Follow {
    ctx: Context,
    after: i64,
    pending: std::collections::VecDeque<Event>,
    newest: watch::Receiver<i64>,
    observed: broadcast::Receiver<Vec<EnvironmentId>>,
}

/// Everything after an event's number, for ever; ends when the server stops.
pub fn follow(ctx: &Context, after: i64) -> impl Stream<Item = Result<Message, Error>> + use<> {
    let follow = Follow {
        ctx: ctx.clone(),
        after,
        pending: Default::default(),
        newest: ctx.store().newest_event(),
        observed: ctx.control().observed.subscribe(),
    };
    let stop = ctx.control().stopping();
    stream::unfold(follow, move |mut follow| {
        let stop = stop.clone();
        async move {
            tokio::select! {
                () = stop.cancelled() => None,
                message = follow.next() => Some((message, follow)),
            }
        }
    })
}

impl Follow {
    async fn next(&mut self) -> Result<Message, Error> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                self.after = event.seq;
                return Ok(Message::Event(event));
            }
            // Marked as seen before the read, so that what is appended during it wakes the wait below.
            self.newest.borrow_and_update();
            self.pending = self.ctx.store().events_after(self.after, BATCH).await?.into();
            if !self.pending.is_empty() {
                continue;
            }
            tokio::select! {
                _ = self.newest.changed() => {}
                // Another server's events are not announced in this process.
                () = tokio::time::sleep(std::time::Duration::from_secs(2)) => {}
                observed = self.observed.recv() => match observed {
                    Ok(environments) => return Ok(Message::Observed(environments)),
                    Err(_) => return Ok(Message::Observed(Vec::new())),
                },
            }
        }
    }
}
