//! Requests that a person starts, and answers that follow the page.

use std::future::Future;

use domain::problem::Problem;
use leptos::{prelude::*, task::spawn_local};
use serde::{Serialize, de::DeserializeOwned};

use crate::{api::ApiError, components::problem::failed};

/// Something a person asked for: whether it is under way, and what went wrong the last time.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    /// Under way.
    pub(crate) pending: RwSignal<bool>,
    /// What went wrong.
    pub(crate) problem: RwSignal<Option<Problem>>,
}

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
                Ok(value) => done(value),
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

/// What the server answers for a key: fetched again when the key or the tick changes.
pub(crate) type Answer<T> = Resource<Result<T, ApiError>>;

/// Fetches for a key, and again whenever the tick goes up.
pub(crate) fn answer<K, T, F>(
    key: impl Fn() -> K + Send + Sync + 'static,
    tick: RwSignal<u32>,
    fetch: impl Fn(K) -> F + Send + Sync + 'static,
) -> Answer<T>
where
    K: PartialEq + Clone + Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Future<Output = Result<T, ApiError>> + Send + 'static,
{
    Resource::new(move || (key(), tick.get()), move |(key, _)| fetch(key))
}

/// Shows an answer. What is on screen stays there while a newer answer is on its way.
pub(crate) fn show<T>(
    answer: Answer<T>,
    skeleton: fn() -> AnyView,
    view: impl Fn(T) -> AnyView + Clone + Send + Sync + 'static,
) -> AnyView
where
    T: Clone + Send + Sync + Serialize + DeserializeOwned + 'static,
{
    view! {
        <Transition fallback=skeleton>
            {
                let view = view.clone();
                move || {
                    let shown = answer.get()?;
                    Some(match shown {
                        Ok(value) => view(value),
                        Err(error) => failed(&error.0),
                    })
                }
            }
        </Transition>
    }
    .into_any()
}

/// The answer if it is there and good.
pub(crate) fn ready<T: Clone + Send + Sync + 'static>(answer: Answer<T>) -> Option<T> {
    answer.get().and_then(Result::ok)
}
