//! The order in which a watch tells: each object only moves forward.

use std::collections::HashMap;

use crate::objects::Metadata;

/// So many objects are remembered, and up to as many again. What comes late is some places late: a server has thousands
/// of watches open, and a busy one tells of hundreds of thousands of objects before it ends.
const REMEMBERED: usize = 64;

/// What one watch has told, so that what comes late or twice is known as such. Versions are numbers that only grow, on
/// every API server; what is no number is news.
#[derive(Default)]
pub(crate) struct Told {
    /// Up to here all is known: from the list, from the watch before, or because it was told so long ago that nothing
    /// of it is remembered.
    from: u64,
    /// The newest that was told of an object, of late.
    newest: HashMap<(String, String), u64>,
    /// The same before that.
    before: HashMap<(String, String), u64>,
    /// Nothing in `before` is newer.
    before_up_to: u64,
    /// The newest of all.
    last: u64,
    /// Something came late.
    pub(crate) disordered: bool,
}

impl Told {
    /// Nothing yet, by a watch that begins behind a version.
    pub(crate) fn since(version: &str) -> Self {
        let from = version.parse().unwrap_or_default();
        Self { from, last: from, ..Self::default() }
    }

    /// Whether an object that was made or changed is news.
    pub(crate) fn change(&mut self, metadata: &Metadata) -> bool {
        let Some(version) = self.take(metadata) else { return true };
        let known = self.known(metadata).unwrap_or(self.from);
        self.remember(metadata, version.max(known));
        version > known
    }

    /// Whether the end of an object is news: some servers tell it under the version of its last change.
    pub(crate) fn end(&mut self, metadata: &Metadata) -> bool {
        let Some(version) = self.take(metadata) else { return true };
        let known = self.known(metadata).unwrap_or_default();
        self.remember(metadata, version.max(known));
        version >= known
    }

    /// The version to go on from.
    pub(crate) fn version(&self, told: &str) -> String {
        if told.parse::<u64>().is_ok_and(|told| told < self.last) {
            self.last.to_string()
        } else {
            told.to_owned()
        }
    }

    fn known(&self, metadata: &Metadata) -> Option<u64> {
        let id = id(metadata);
        self.newest.get(&id).or_else(|| self.before.get(&id)).copied()
    }

    fn remember(&mut self, metadata: &Metadata, version: u64) {
        self.newest.insert(id(metadata), version);
        if self.newest.len() >= REMEMBERED {
            self.from = self.from.max(self.before_up_to);
            self.before_up_to = self.last;
            self.before = std::mem::take(&mut self.newest);
        }
    }

    fn take(&mut self, metadata: &Metadata) -> Option<u64> {
        let version: u64 = metadata.resource_version.parse().ok()?;
        self.disordered |= version < self.last;
        self.last = version.max(self.last);
        Some(version)
    }
}

fn id(metadata: &Metadata) -> (String, String) {
    (metadata.namespace.clone(), metadata.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, version: &str) -> Metadata {
        Metadata { name: name.to_owned(), resource_version: version.to_owned(), ..Metadata::default() }
    }

    #[test]
    fn an_object_only_moves_forward() {
        let mut told = Told::since("5");
        assert!(told.change(&object("a", "8")));
        assert!(!told.change(&object("a", "8")), "twice");
        assert!(!told.disordered);
        assert!(!told.change(&object("a", "7")), "late");
        assert!(told.disordered);
        assert!(told.change(&object("b", "6")), "late, and news of this one");
        assert!(!told.change(&object("c", "4")), "known from the list");
        assert_eq!(told.version("6"), "8", "it is gone on from the newest");
    }

    #[test]
    fn what_has_ended_does_not_come_back_by_a_late_change() {
        let mut told = Told::since("5");
        assert!(told.change(&object("a", "8")));
        assert!(told.end(&object("a", "9")));
        assert!(!told.change(&object("a", "8")));
        assert!(told.change(&object("a", "10")), "made again");
        assert!(!told.end(&object("a", "9")));
        assert!(told.end(&object("b", "3")), "under the version of its last change");
    }

    #[test]
    fn what_was_told_long_ago_does_not_come_back() {
        let mut told = Told::since("5");
        for version in 6..1_000 {
            assert!(told.change(&object(&format!("pod-{version}"), &version.to_string())));
        }
        assert!(!told.change(&object("pod-6", "6")), "twice, and long forgotten");
        assert!(!told.change(&object("pod-990", "990")), "twice");
        assert!(told.change(&object("pod-990", "1000")));
        assert!(told.newest.len() + told.before.len() <= 2 * REMEMBERED);
    }

    #[test]
    fn versions_that_are_no_numbers_are_news() {
        let mut told = Told::since("x");
        assert!(told.change(&object("a", "y")) && told.change(&object("a", "y")));
        assert_eq!(told.version("z"), "z");
    }
}
