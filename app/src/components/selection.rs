//! What is selected in a table of workloads.

use domain::{
    id::{EnvironmentId, ServiceId},
    sync::Matching,
};
use leptos::prelude::*;

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

/// All rows that a filter matches, on whatever page they are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct All {
    /// The filter. What it matches is found out by the server.
    pub(crate) matching: Matching,
    /// How many rows there are, as far as the page knows.
    pub(crate) rows: u64,
}

/// Selected rows by their key, in the order they were picked and kept over pages and filters; or all that match.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection {
    picks: RwSignal<Vec<(String, Pick)>>,
    all: RwSignal<Option<All>>,
}

impl Selection {
    pub(crate) fn new() -> Self {
        Self { picks: RwSignal::new(Vec::new()), all: RwSignal::new(None) }
    }

    /// Picks rows, or lets them go.
    pub(crate) fn set(self, rows: Vec<(String, Pick)>, on: bool) {
        self.all.set(None);
        self.picks.update(|picks| {
            picks.retain(|(key, _)| rows.iter().all(|(other, _)| other != key));
            if on {
                picks.extend(rows);
            }
        });
    }

    /// Picks all that match.
    pub(crate) fn set_all(self, all: All) {
        self.picks.set(Vec::new());
        self.all.set(Some(all));
    }

    /// All that match, where that is what is picked.
    pub(crate) fn all(self) -> Option<All> {
        self.all.get()
    }

    /// Lets all that matched go: the page shows what another filter matches.
    pub(crate) fn filter_changed(self) {
        self.all.set(None);
    }

    /// Lets everything go.
    pub(crate) fn clear(self) {
        self.picks.set(Vec::new());
        self.all.set(None);
    }

    /// How many rows are picked one by one.
    pub(crate) fn len(self) -> usize {
        self.picks.with(Vec::len)
    }

    /// Whether nothing is picked.
    pub(crate) fn is_empty(self) -> bool {
        self.len() == 0 && self.all.with(Option::is_none)
    }

    /// Looks at what is picked one by one.
    pub(crate) fn with<T>(self, look: impl FnOnce(&[(String, Pick)]) -> T) -> T {
        self.picks.with(|picks| look(picks))
    }
}

/// Where a row was picked from, if it was.
pub(crate) fn picked<'a>(picks: &'a [(String, Pick)], key: &str) -> Option<&'a Pick> {
    picks.iter().find(|(other, _)| other == key).map(|(_, pick)| pick)
}
