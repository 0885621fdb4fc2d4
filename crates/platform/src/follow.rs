//! Follows one kind of object: a list, then a watch from where the list ended, for ever.

use std::{pin::Pin, time::Duration};

use futures::{Stream, StreamExt};
use rand::Rng;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::{
    Error, WatchEvent,
    client::Client,
    list::{list, query},
    objects::{Metadata, Object},
    resource::Resource,
    told::Told,
};

/// How long the server keeps a watch open; then the next one goes on from the last version.
const WATCH: Duration = Duration::from_secs(290);
/// A watch on which nothing came for so long, not even its end, is dead.
const SILENCE: Duration = Duration::from_secs(330);
/// The same for a server that sends bookmarks, which come every minute or so. Not all do, and none has to.
const SILENCE_WITH_BOOKMARKS: Duration = Duration::from_secs(150);
/// A watch that ends sooner than this is not opened again at once.
const TOO_SHORT: Duration = Duration::from_secs(1);
/// So many watches in a row that end before they tell anything are a loss of contact.
const MOST_SHORT: u32 = 3;
/// How long it takes until what is not served, or may not be read, is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(300);
/// How often what may be listed and not watched is listed.
const POLL: Duration = Duration::from_secs(30);

/// A kind of object that can be followed.
pub(crate) trait Watched: Send + Sync + 'static {
    /// What is read of an object's specification.
    type Spec: DeserializeOwned + Default + Send;
    /// What is read of an object's status.
    type Status: DeserializeOwned + Default + Send;
    /// What is kept of an object.
    type Facts: Send;

    /// Where the objects stand.
    fn resource(&self) -> Result<Resource, Error>;
    /// Whether a server may lack them, or refuse them, without harm.
    fn dispensable(&self, error: &Error) -> bool;
    /// What is kept of an object.
    fn facts(&self, object: Object<Self::Spec, Self::Status>) -> Self::Facts;
    /// Tells that the token may not list them; `None` where that is no news to anyone.
    fn denied(&self, namespace: Option<String>, words: String) -> Option<WatchEvent>;
    /// Tells the whole list.
    fn listed(&self, namespace: Option<String>, all: Vec<Self::Facts>) -> WatchEvent;
    /// Tells one that was made or has changed.
    fn changed(&self, facts: Self::Facts) -> WatchEvent;
    /// Tells one that is gone.
    fn gone(&self, metadata: Metadata) -> WatchEvent;
}

/// An event of a watch, its object still unread.
#[derive(Deserialize)]
struct Event<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// The object of an `ERROR` event.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    code: u16,
    message: String,
}

type Lines = Pin<Box<dyn Stream<Item = Result<String, Error>> + Send>>;

/// Where in the tree of an API the objects are, and up to which version they are known.
#[derive(Clone)]
struct Place {
    path: String,
    version: String,
}

enum State {
    /// A list comes next.
    List,
    /// A watch comes next.
    Open(Place),
    /// A watch is open.
    Read { place: Place, lines: Lines, told: Told, opened: Instant },
}

/// Follows one kind in one namespace, or in all.
struct Follower<W> {
    client: Client,
    watched: W,
    namespace: Option<String>,
    state: State,
    pause: Duration,
    failures: u32,
    /// Watches in a row that ended at once.
    short: u32,
    /// The server has sent a bookmark.
    bookmarks: bool,
    /// The words of the loss of contact that was told last.
    lost: Option<String>,
    /// That there is nothing to follow was told.
    nothing_told: bool,
}

/// Follows one kind in `namespace`, or in all; never ends.
pub(crate) fn follow<W: Watched>(
    client: Client,
    watched: W,
    namespace: Option<String>,
) -> impl Stream<Item = WatchEvent> + Send + 'static {
    let follower = Follower {
        client,
        watched,
        namespace,
        state: State::List,
        pause: Duration::ZERO,
        failures: 0,
        short: 0,
        bookmarks: false,
        lost: None,
        nothing_told: false,
    };
    futures::stream::unfold(follower, |mut follower| async move {
        loop {
            if let Some(event) = follower.step().await {
                return Some((event, follower));
            }
        }
    })
}

impl<W: Watched> Follower<W> {
    async fn step(&mut self) -> Option<WatchEvent> {
        tokio::time::sleep(std::mem::take(&mut self.pause)).await;
        match std::mem::replace(&mut self.state, State::List) {
            State::List => self.list().await,
            State::Open(place) => self.open(place).await,
            State::Read { place, lines, told, opened } => self.read(place, lines, told, opened).await,
        }
    }

    async fn list(&mut self) -> Option<WatchEvent> {
        match self.list_best_version().await {
            Ok((place, all)) => {
                self.state = State::Open(place);
                self.lost = None;
                self.nothing_told = false;
                Some(self.watched.listed(self.namespace.clone(), all))
            }
            Err(error) if self.watched.dispensable(&error) => {
                self.pause = self.client.patience.of(ASK_AGAIN);
                self.lost = None;
                let told = std::mem::replace(&mut self.nothing_told, true);
                (!told).then(|| self.watched.listed(self.namespace.clone(), Vec::new()))
            }
            Err(error @ Error::Forbidden(_)) => self.deny(&error),
            Err(error) => self.lose(error),
        }
    }

    async fn list_best_version(&mut self) -> Result<(Place, Vec<W::Facts>), Error> {
        let mut outcome = Err(Error::NotFound("The server serves no version of this kind.".to_owned()));
        for path in self.watched.resource()?.paths(self.namespace.as_deref())? {
            outcome = list(&self.client, &path, "", |object: Object<W::Spec, W::Status>| {
                self.watched.facts(object)
            })
            .await
            .map(|listed| (Place { path, version: listed.version }, listed.items));
            if !matches!(outcome, Err(Error::NotFound(_))) {
                break;
            }
        }
        outcome
    }

    async fn open(&mut self, place: Place) -> Option<WatchEvent> {
        let seconds = self.client.patience.of(WATCH).as_secs().max(1).to_string();
        let query = query(&[
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", &seconds),
            ("resourceVersion", &place.version),
        ]);
        match self.client.lines(&format!("{}?{query}", place.path)).await {
            Ok(lines) => {
                let told = Told::since(&place.version);
                self.state = State::Read { place, lines: Box::pin(lines), told, opened: Instant::now() };
                None
            }
            Err(Error::Expired(_)) => self.list_anew(),
            Err(Error::Forbidden(_)) => {
                self.pause = self.client.patience.of(POLL);
                None
            }
            Err(error) => self.lose(error),
        }
    }

    async fn read(
        &mut self,
        place: Place,
        mut lines: Lines,
        mut told: Told,
        opened: Instant,
    ) -> Option<WatchEvent> {
        let silence = self.silence();
        match tokio::time::timeout(silence, lines.next()).await {
            Ok(Some(Ok(line))) => match self.event(&line, &mut told) {
                Ok((event, version)) => {
                    (self.failures, self.short) = (0, 0);
                    let version = if version.is_empty() { place.version } else { told.version(&version) };
                    self.state = State::Read { place: Place { version, ..place }, lines, told, opened };
                    Some(event)
                }
                Err(Error::Expired(_)) => self.list_anew(),
                Err(error) => self.lose(error),
            },
            // Ended by its own time-out, or cut off in between: it goes on from the last version.
            Ok(Some(Err(_)) | None) => {
                self.short = if opened.elapsed() < TOO_SHORT { self.short + 1 } else { 0 };
                match self.short {
                    0 => self.failures = 0,
                    1..=MOST_SHORT => self.pause = self.next_pause(),
                    _ => return self.lose(self.deaf()),
                }
                // Where order is not kept, something may still have been to come: only a list tells.
                self.state = if told.disordered { State::List } else { State::Open(place) };
                None
            }
            Err(_) => self.lose(Error::Unavailable {
                message: format!(
                    "Nothing was heard of {} for {} seconds.",
                    self.client.host(),
                    silence.as_secs()
                ),
                retry_after: None,
            }),
        }
    }

    /// That no watch stays open, so that only lists tell of anything.
    fn deaf(&self) -> Error {
        let message = format!("{} ends every watch as soon as it is open.", self.client.host());
        Error::Unavailable { message, retry_after: None }
    }

    /// After how long without a word a watch is dead.
    fn silence(&self) -> Duration {
        self.client.patience.of(if self.bookmarks { SILENCE_WITH_BOOKMARKS } else { SILENCE })
    }

    /// What a line says, and the version that is known with it. What comes late or twice says no more than that the
    /// server is there.
    fn event(&mut self, line: &str, told: &mut Told) -> Result<(WatchEvent, String), Error> {
        let event: Event<'_> = parsed(line)?;
        let object = event.object.get();
        match event.r#type {
            "ADDED" | "MODIFIED" => {
                let object: Object<W::Spec, W::Status> = parsed(object)?;
                let version = object.metadata.resource_version.clone();
                match told.change(&object.metadata) {
                    true => Ok((self.watched.changed(self.watched.facts(object)), version)),
                    false => Ok((WatchEvent::Alive, version)),
                }
            }
            "DELETED" => {
                let metadata = parsed::<Object<IgnoredAny, IgnoredAny>>(object)?.metadata;
                let version = metadata.resource_version.clone();
                match told.end(&metadata) {
                    true => Ok((self.watched.gone(metadata), version)),
                    false => Ok((WatchEvent::Alive, version)),
                }
            }
            "ERROR" => {
                let failure: Failure = parsed(object)?;
                Err(match failure.code {
                    410 => Error::Expired(failure.message),
                    _ => Error::Unavailable { message: failure.message, retry_after: None },
                })
            }
            kind => {
                self.bookmarks |= kind == "BOOKMARK";
                let metadata = parsed::<Object<IgnoredAny, IgnoredAny>>(object)?.metadata;
                Ok((WatchEvent::Alive, metadata.resource_version))
            }
        }
    }

    /// The version is too old: contact is there, so it is listed at once, but not for ever in a row.
    fn list_anew(&mut self) -> Option<WatchEvent> {
        let pause = self.next_pause();
        if self.failures > 1 {
            self.pause = pause;
        }
        None
    }

    /// The server answers and refuses this kind: told once, and asked for again from time to time.
    fn deny(&mut self, error: &Error) -> Option<WatchEvent> {
        self.pause = self.client.patience.of(ASK_AGAIN);
        self.lost = None;
        let told = std::mem::replace(&mut self.nothing_told, true);
        let words = self.words(error);
        if told { None } else { self.watched.denied(self.namespace.clone(), words) }
    }

    /// Contact is lost: told once, and tried again by a list.
    fn lose(&mut self, error: Error) -> Option<WatchEvent> {
        let asked = error.retry_after().unwrap_or_default().min(ASK_AGAIN);
        self.pause = self.next_pause().max(asked);
        self.nothing_told = false;
        let words = self.words(&error);
        let told = self.lost.replace(words.clone());
        (told.as_ref() != Some(&words)).then_some(WatchEvent::Lost(words))
    }

    fn words(&self, error: &Error) -> String {
        match (error, self.watched.resource()) {
            (Error::Forbidden(said), Ok(resource)) => {
                let place = self
                    .namespace
                    .as_ref()
                    .map_or("all namespaces".to_owned(), |it| format!("namespace {it}"));
                format!("The token may not list and watch {} in {place}: {said}", resource.plural)
            }
            _ => error.to_string(),
        }
    }

    /// 0.5 s, doubled by each failure in a row up to 60 s, less up to half of it by chance.
    fn next_pause(&mut self) -> Duration {
        let longest =
            Duration::from_secs(1).saturating_mul(1 << self.failures.min(6)).min(Duration::from_secs(60));
        self.failures += 1;
        self.client.patience.of(longest).mul_f64(rand::rng().random_range(0.5..=1.0))
    }
}

fn parsed<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
    serde_json::from_str(text)
        .map_err(|error| Error::Answer(format!("The watch gave what such a server does not give: {error}.")))
}
