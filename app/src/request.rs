//! Requests that a person starts, and answers that follow the page.
//!
//! Both are the same code for every type of answer, typed at their edges only: compiled for each type, they would make
//! up a good part of the WASM.

use std::{any::Any, future::Future, marker::PhantomData, pin::Pin, sync::Arc};

use domain::problem::Problem;
use leptos::{
    prelude::*,
    server::codee::{Decoder, Encoder},
    task::spawn_local,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::components::erased::Erase;
use crate::{
    api::{self, ApiError},
    components::problem::failed,
};

/// Something a person asked for: whether it is under way, and what went wrong the last time.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    /// Under way.
    pub(crate) pending: RwSignal<bool>,
    /// What went wrong.
    pub(crate) problem: RwSignal<Option<Problem>>,
}

/// What is left to do once an answer is there.
type Rest = Box<dyn FnOnce()>;

impl Request {
    pub(crate) fn new() -> Self {
        Self { pending: RwSignal::new(false), problem: RwSignal::new(None) }
    }

    /// Sends it, and goes on with its answer. A second press while it is under way does nothing.
    pub(crate) fn send<T: 'static>(
        self,
        asked: impl Future<Output = Result<T, ApiError>> + 'static,
        done: impl FnOnce(T) + 'static,
    ) {
        self.run(Box::pin(async move { asked.await.map(|answer| Box::new(move || done(answer)) as Rest) }));
    }

    fn run(self, asked: Pin<Box<dyn Future<Output = Result<Rest, ApiError>>>>) {
        if self.pending.try_get_untracked() != Some(false) {
            return;
        }
        self.pending.set(true);
        self.problem.set(None);
        spawn_local(async move {
            let answer = asked.await;
            // Whoever asked may have left meanwhile.
            self.pending.try_set(false);
            match answer {
                Ok(rest) => rest(),
                Err(ApiError(problem)) => {
                    self.problem.try_set(Some(problem));
                }
            }
        });
    }

    /// Forgets what went wrong.
    pub(crate) fn clear(self) {
        self.problem.set(None);
    }
}

/// An answer of any type: as it came from the server function, or as the rendered page carries it.
#[derive(Clone)]
enum Erased {
    /// A `Result<T, ApiError>`, and on the server the same as JSON.
    Value(Arc<dyn Any + Send + Sync>, String),
    /// JSON of a `Result<T, ApiError>`.
    Text(Arc<str>),
}

/// Carries answers from the server to the browser in the rendered page.
struct InPage;

impl Encoder<Erased> for InPage {
    type Error = std::convert::Infallible;
    type Encoded = String;

    fn encode(answer: &Erased) -> Result<String, Self::Error> {
        Ok(match answer {
            Erased::Value(_, text) => text.clone(),
            Erased::Text(text) => text.to_string(),
        })
    }
}

impl Decoder<Erased> for InPage {
    type Error = std::convert::Infallible;
    type Encoded = str;

    fn decode(text: &str) -> Result<Erased, Self::Error> {
        Ok(Erased::Text(text.into()))
    }
}

/// What the server answers for a key: fetched again when the key or the tick changes.
pub(crate) struct Answer<T> {
    resource: Resource<Erased, InPage>,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Answer<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Answer<T> {}

impl<T: Clone + DeserializeOwned + 'static> Answer<T> {
    fn get(self) -> Option<Result<T, ApiError>> {
        match self.resource.get()? {
            Erased::Value(value, _) => value.downcast_ref::<Result<T, ApiError>>().cloned(),
            Erased::Text(text) => api::read(&text).ok(),
        }
    }
}

/// Fetches for a key, and again whenever the tick goes up.
pub(crate) fn answer<K, T, F>(
    key: impl Fn() -> K + Send + Sync + 'static,
    tick: RwSignal<u32>,
    fetch: impl Fn(K) -> F + Send + Sync + 'static,
) -> Answer<T>
where
    K: Serialize + 'static,
    T: Clone + Serialize + Send + Sync + 'static,
    F: Future<Output = Result<T, ApiError>> + Send + 'static,
{
    answer_beside(key, tick, fetch, |_| {})
}

/// The same, where `leave_out` removes from what the rendered page carries what stands in it as it is shown.
pub(crate) fn answer_beside<K, T, F>(
    key: impl Fn() -> K + Send + Sync + 'static,
    tick: RwSignal<u32>,
    fetch: impl Fn(K) -> F + Send + Sync + 'static,
    leave_out: fn(&mut T),
) -> Answer<T>
where
    K: Serialize + 'static,
    T: Clone + Serialize + Send + Sync + 'static,
    F: Future<Output = Result<T, ApiError>> + Send + 'static,
{
    let key = Arc::new(key);
    let source = {
        let key = key.clone();
        move || serde_json::to_string(&key()).unwrap_or_default()
    };
    let fetch = move || -> Fetched {
        let asked = fetch(untrack(|| key()));
        Box::pin(async move {
            let answer = asked.await;
            // Only the server writes answers into a page.
            let text = if cfg!(feature = "ssr") {
                let mut carried = answer.clone();
                let _ = carried.as_mut().map(leave_out);
                serde_json::to_string(&carried).unwrap_or_default()
            } else {
                String::new()
            };
            Erased::Value(Arc::new(answer), text)
        })
    };
    Answer { resource: resource(Box::new(source), tick, Box::new(fetch)), of: PhantomData }
}

type Fetched = Pin<Box<dyn Future<Output = Erased> + Send>>;

fn resource(
    source: Box<dyn Fn() -> String + Send + Sync>,
    tick: RwSignal<u32>,
    fetch: Box<dyn Fn() -> Fetched + Send + Sync>,
) -> Resource<Erased, InPage> {
    Resource::new_with_options(move || (source(), tick.get()), move |_| fetch(), false)
}

/// Shows an answer. What is on screen stays there while a newer answer is on its way.
pub(crate) fn show<T>(
    answer: Answer<T>,
    skeleton: fn() -> AnyView,
    view: impl Fn(T) -> AnyView + Send + Sync + 'static,
) -> AnyView
where
    T: Clone + DeserializeOwned + 'static,
{
    let draw = move || {
        Some(match answer.get()? {
            Ok(value) => view(value),
            Err(error) => failed(&error.0),
        })
    };
    boundary(skeleton, Arc::new(draw))
}

fn boundary(skeleton: fn() -> AnyView, draw: Arc<dyn Fn() -> Option<AnyView> + Send + Sync>) -> AnyView {
    view! {
        <Transition fallback=skeleton>
            {
                let draw = draw.clone();
                move || draw()
            }
        </Transition>
    }
    .erase()
}

/// The answer if it is there and good.
pub(crate) fn ready<T: Clone + DeserializeOwned + 'static>(answer: Answer<T>) -> Option<T> {
    answer.get().and_then(Result::ok)
}
