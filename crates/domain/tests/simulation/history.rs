//! What happened under a seed: which situations were met, and, where it is to be read, every line of it.

use std::{cell::RefCell, collections::BTreeMap, fmt, rc::Rc};

use chrono::{DateTime, Utc};

/// Outlives a simulation that panics.
#[derive(Clone, Default)]
pub(crate) struct History(Rc<RefCell<Told>>);

#[derive(Default)]
struct Told {
    /// None where nobody is going to read them.
    lines: Option<Vec<String>>,
    met: BTreeMap<&'static str, u64>,
}

impl History {
    /// One that keeps its lines.
    pub(crate) fn in_full() -> Self {
        let history = Self::default();
        history.0.borrow_mut().lines = Some(Vec::new());
        history
    }

    /// Adds a line.
    pub(crate) fn tell(&self, at: DateTime<Utc>, words: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.0.borrow_mut().lines {
            lines.push(format!("{} {}", at.format("%H:%M:%S%.3f"), words()));
        }
    }

    /// Counts a situation.
    pub(crate) fn meet(&self, situation: &'static str) {
        *self.0.borrow_mut().met.entry(situation).or_default() += 1;
    }

    /// How often each situation was met.
    pub(crate) fn met(&self) -> BTreeMap<&'static str, u64> {
        self.0.borrow().met.clone()
    }

    /// The last lines.
    pub(crate) fn last(&self, count: usize) -> String {
        let told = self.0.borrow();
        let lines = told.lines.as_deref().unwrap_or_default();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.last(usize::MAX))
    }
}
