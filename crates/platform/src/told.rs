//! The order in which a watch tells: each object only moves forward.

use std::collections::HashMap;

use crate::objects::Metadata;

/// What one watch has told, so that what comes late or twice is known as such. Versions are numbers that only grow, on
/// every API server; what is no number is news.
#[derive(Default)]
pub(crate) struct Told {
    /// Up to here all is known from the list, or from the watch before.
    from: u64,
    /// The newest that was told of an object.
    newest: HashMap<(String, String), u64>,
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
        let newest = self.newest.entry(id(metadata)).or_insert(self.from);
        let news = version > *newest;
        *newest = version.max(*newest);
        news
    }

    /// Whether the end of an object is news: some servers tell it under the version of its last change.
    pub(crate) fn end(&mut self, metadata: &Metadata) -> bool {
        let Some(version) = self.take(metadata) else { return true };
        let newest = self.newest.entry(id(metadata)).or_default();
        let news = version >= *newest;
        *newest = version.max(*newest);
        news
    }

    /// The version to go on from.
    pub(crate) fn version(&self, told: &str) -> String {
        if told.parse::<u64>().is_ok_and(|told| told < self.last) {
            self.last.to_string()
        } else {
            told.to_owned()
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
    fn versions_that_are_no_numbers_are_news() {
        let mut told = Told::since("x");
        assert!(told.change(&object("a", "y")) && told.change(&object("a", "y")));
        assert_eq!(told.version("z"), "z");
    }
}
