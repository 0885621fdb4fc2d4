//! Two people edit the same thing: the later one sees what the other has stored, and chooses.

use domain::problem::Problem;
use leptos::prelude::*;
use serde::de::DeserializeOwned;

use crate::components::{
    erased::{Erase, maybe},
    problem::hint,
};

/// What is stored by now, as long as the problem says that an edit started from something older. `take` puts it into
/// the fields; `keep` stores what was typed over it.
pub(crate) fn conflict<T: DeserializeOwned + Send + Sync + Clone + 'static>(
    problem: RwSignal<Option<Problem>>,
    words: fn(&T) -> String,
    take: impl Fn(&T) + Send + Clone + 'static,
    keep: impl Fn(&T) + Send + Clone + 'static,
) -> AnyView {
    maybe(move || {
        let current: T = serde_json::from_value(problem.get()?.current?).ok()?;
        let said = words(&current);
        let (theirs, newer) = (current.clone(), current);
        let (take, keep) = (take.clone(), keep.clone());
        let take = move |_| {
            take(&theirs);
            problem.set(None);
        };
        Some(
            view! {
                <div class="space-y-2">
                    {hint("is-warning", format!("Stored now: {said}."))}
                    <div class="flex gap-2">
                        <button type="button" class="btn btn-sm" on:click=take>
                            "Use what is stored"
                        </button>
                        <button type="button" class="btn btn-sm" on:click=move |_| keep(&newer)>
                            "Store mine"
                        </button>
                    </div>
                </div>
            }
            .erase(),
        )
    })
}
