//! What is selected in a table of workloads, and the checkboxes that select it.

use std::collections::BTreeMap;

use domain::id::{EnvironmentId, ServiceId};
use leptos::prelude::*;

use crate::components::erased::{Erase, flag};

/// One selected row: what it has in each environment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pick {
    /// Its services, environment by environment, from left to right.
    pub(crate) cells: Vec<PickCell>,
    /// The environment whose cell was picked; none where the whole row was.
    pub(crate) from: Option<EnvironmentId>,
}

/// What a picked row has in one environment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PickCell {
    pub(crate) environment: EnvironmentId,
    pub(crate) services: Vec<ServiceId>,
    pub(crate) differs: bool,
}

/// Selected rows by their key; kept over pages and filters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection(RwSignal<BTreeMap<String, Pick>>);

impl Selection {
    pub(crate) fn new() -> Self {
        Self(RwSignal::new(BTreeMap::new()))
    }

    /// Whether a row is picked from this environment, or as a whole.
    pub(crate) fn has(self, key: &str, from: Option<EnvironmentId>) -> bool {
        self.0.with(|picks| picks.get(key).is_some_and(|pick| pick.from == from))
    }

    /// Picks a row, or lets it go.
    pub(crate) fn set(self, key: String, pick: Option<Pick>) {
        self.0.update(|picks| {
            match pick {
                Some(pick) => picks.insert(key, pick),
                None => picks.remove(&key),
            };
        });
    }

    /// Lets everything go.
    pub(crate) fn clear(self) {
        self.0.set(BTreeMap::new());
    }

    /// How many rows are picked.
    pub(crate) fn len(self) -> usize {
        self.0.with(BTreeMap::len)
    }

    /// Looks at what is picked.
    pub(crate) fn with<T>(self, look: impl FnOnce(&BTreeMap<String, Pick>) -> T) -> T {
        self.0.with(look)
    }

    fn set_all(self, all: &[(String, Pick)], on: bool) {
        self.0.update(|picks| {
            for (key, pick) in all {
                match on {
                    true => picks.insert(key.clone(), pick.clone()),
                    false => picks.remove(key),
                };
            }
        });
    }
}

/// A checkbox that picks a row, or one of its cells.
pub(crate) fn tick(selection: Selection, key: String, pick: Pick, label: String) -> AnyView {
    let from = pick.from;
    let of_box = key.clone();
    checkbox(label, Box::new(move || selection.has(&of_box, from)), move |on| {
        selection.set(key.clone(), on.then(|| pick.clone()));
    })
}

/// A checkbox that picks every row of the page.
pub(crate) fn tick_all(selection: Selection, picks: Vec<(String, Pick)>) -> AnyView {
    let picks = StoredValue::new(picks);
    let all = move || {
        picks.with_value(|picks| {
            !picks.is_empty() && picks.iter().all(|(key, pick)| selection.has(key, pick.from))
        })
    };
    checkbox("Select all on this page".to_owned(), Box::new(all), move |on| {
        picks.with_value(|picks| selection.set_all(picks, on));
    })
}

fn checkbox(
    label: String,
    ticked: Box<dyn Fn() -> bool + Send + Sync>,
    set: impl Fn(bool) + 'static,
) -> AnyView {
    view! {
        <input
            type="checkbox"
            class="checkbox checkbox-xs tick"
            aria-label=label
            prop:checked=flag(ticked)
            on:change=move |event| set(event_target_checked(&event))
        />
    }
    .erase()
}
