//! Event streams: what has happened since, and what happens from now on.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use domain::{event::Event, id::EnvironmentId};
use futures::{Stream, stream};
use serde::Serialize;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{Context, Control, Error};

/// How many events are read at once.
const BATCH: u64 = 500;
/// How many times streams may be told something before the slowest has to read the database: ten seconds of a busy
/// server's events.
pub(crate) const TOLD: usize = 512;
/// The most messages that are told at once, as they are kept until every stream has heard them.
const AT_ONCE: usize = 100;
/// What is observed within this time is told at once, so that many streams do not cost more than many changes.
const GATHER: Duration = Duration::from_millis(100);
/// More names than these are not told: whoever shows any service looks.
const MOST_NAMES: usize = 100;
/// How often another server's events are looked for, which are not announced in this process.
const LOOK: Duration = Duration::from_secs(1);

/// What a stream tells. It is made once for all streams.
#[derive(Clone, Debug)]
pub struct Message {
    /// The event; none where it tells what is observed: whoever misses that reads the lists again.
    pub event: Option<Arc<Event>>,
    /// As JSON: an event, or the environments whose services were observed to have changed, and the services' names.
    pub json: Arc<str>,
}

/// What was observed to have changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Observed {
    /// In which environments; none where it is the clusters' own state.
    pub(crate) environments: BTreeSet<EnvironmentId>,
    /// What the services that changed are called, for pages to know whether they show one; none where it may be any.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) names: BTreeSet<String>,
}

/// What streams are told at once: each is woken once for what one transaction appended, not once for each event.
pub(crate) type Told = Arc<[Message]>;

impl Message {
    /// The event's number, for a stream to resume after.
    pub fn seq(&self) -> Option<i64> {
        self.event.as_ref().map(|event| event.seq)
    }

    fn event(event: Event) -> Option<Self> {
        let json = serde_json::to_string(&event).ok()?.into();
        Some(Self { event: Some(event.into()), json })
    }

    fn observed(observed: &Observed) -> Option<Self> {
        Some(Self { event: None, json: serde_json::to_string(observed).ok()?.into() })
    }
}

/// The newest event's number.
pub fn newest(ctx: &Context) -> i64 {
    *ctx.store().newest_event().borrow()
}

/// Another one after anything has happened or was observed; what was rendered with this one is still true.
pub fn stamp(ctx: &Context) -> String {
    format!("{}.{}", newest(ctx), *ctx.control().observer.changes().borrow())
}

/// Tells all streams of this process, until the server stops.
pub(crate) async fn tell(control: Arc<Control>, stop: CancellationToken) {
    let mut newest = control.store.newest_event();
    let mut observed = control.observed.subscribe();
    let mut after = *newest.borrow();
    let mut gathered = Gathered::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = newest.changed() => {}
            () = sleep(LOOK), if !control.store.is_sqlite() => {}
            () = gathered.due() => {
                let _ = Message::observed(&gathered.take()).map(|message| control.told.send(Arc::new([message])));
                continue;
            }
            observed = observed.recv() => {
                // Of what came too quickly nobody knows which it was.
                gathered.add(observed.unwrap_or_default());
                continue;
            }
        }
        newest.borrow_and_update();
        match control.store.events_after(after, BATCH).await {
            Ok(events) => {
                after = events.last().map_or(after, |event| event.seq);
                if events.len() as u64 == BATCH {
                    newest.mark_changed();
                }
                if !control.store.is_sqlite() && events.iter().any(may_bind) {
                    control.observer.refresh();
                }
                let messages: Vec<_> = events.into_iter().filter_map(Message::event).collect();
                for some in messages.chunks(AT_ONCE) {
                    let _ = control.told.send(some.into());
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "events cannot be read; tried again"
                );
                sleep(LOOK).await;
                newest.mark_changed();
            }
        }
    }
}

/// Whether an event, perhaps another server's, may change what is to be watched.
fn may_bind(event: &Event) -> bool {
    ["site.", "cluster.", "environment.", "app_instance."].iter().any(|noun| event.kind.starts_with(noun))
}

/// Waits until an event that is wanted is told, or some may have been missed.
pub(crate) async fn heard(told: &mut broadcast::Receiver<Told>, wanted: impl Fn(&Event) -> bool) {
    loop {
        match told.recv().await {
            Ok(told) if !told.iter().filter_map(|message| message.event.as_deref()).any(&wanted) => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// What was observed since it was told last.
#[derive(Default)]
struct Gathered {
    observed: Observed,
    clusters: bool,
    any_name: bool,
    tell_at: Option<Instant>,
    told_at: Option<Instant>,
}

impl Gathered {
    fn add(&mut self, observed: Observed) {
        self.clusters |= observed.environments.is_empty();
        self.any_name |= observed.names.is_empty();
        self.observed.environments.extend(observed.environments);
        self.observed.names.extend(observed.names);
        let earliest = self.told_at.map_or_else(Instant::now, |told| told + GATHER);
        self.tell_at.get_or_insert(earliest);
    }

    async fn due(&self) {
        match self.tell_at {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    fn take(&mut self) -> Observed {
        let Self { mut observed, clusters, any_name, .. } = std::mem::take(self);
        self.told_at = Some(Instant::now());
        if clusters {
            observed.environments.clear();
        }
        if clusters || any_name || observed.names.len() > MOST_NAMES {
            observed.names.clear();
        }
        observed
    }
}

struct Follow {
    ctx: Context,
    after: i64,
    /// Something may have been missed: it is in the database.
    behind: bool,
    pending: std::collections::VecDeque<Message>,
    told: broadcast::Receiver<Told>,
}

/// Everything after an event's number, for ever; ends when the server stops.
pub fn follow(ctx: &Context, after: i64) -> impl Stream<Item = Result<Message, Error>> + use<> {
    let follow = Follow {
        ctx: ctx.clone(),
        after,
        behind: true,
        pending: Default::default(),
        told: ctx.control().told.subscribe(),
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
            if let Some(message) = self.pending.pop_front() {
                self.after = message.seq().unwrap_or(self.after);
                return Ok(message);
            }
            if self.behind {
                let events = self.ctx.store().events_after(self.after, BATCH).await?;
                self.behind = events.len() as u64 == BATCH;
                self.pending = events.into_iter().filter_map(Message::event).collect();
                continue;
            }
            match self.told.recv().await {
                Ok(told) => {
                    let new = |message: &&Message| message.seq().is_none_or(|seq| seq > self.after);
                    self.pending.extend(told.iter().filter(new).cloned());
                }
                Err(RecvError::Lagged(_)) => {
                    self.behind = true;
                    self.pending.extend(Message::observed(&Observed::default()));
                }
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
