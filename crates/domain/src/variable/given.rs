//! Variables on their way to a workload, and as its site reports them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{StoredValue, Values};
use crate::secret::Secret;

/// The variables that a workload is given, as texts. Prints their names alone.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Given(pub BTreeMap<String, String>);

/// The variables that a workload is given, opened: only for what sets them. Prints their names alone.
#[derive(Clone, Default, PartialEq)]
pub struct Opened(pub BTreeMap<String, OpenedValue>);

/// A value for whoever sets it.
#[derive(Clone, PartialEq)]
pub enum OpenedValue {
    /// To be seen by everybody.
    Plain(String),
    /// To be seen by the service only.
    Secret {
        /// The same for the same text.
        fingerprint: String,
        /// Its text; none where only the workload's site has it.
        text: Option<Secret>,
    },
}

/// What a site reports of the variables that a workload has been given.
#[derive(Clone, Debug, PartialEq)]
pub enum Reported {
    /// Their texts: the site does not tell secret ones from others.
    Texts(Given),
    /// The entries of its manifest, where secret values are kept apart from it.
    Entries(Entries),
}

/// The variables in a workload's manifest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entries {
    /// The container whose they are.
    pub container: String,
    /// Those that Lockstep has set.
    pub ours: EntryByName,
    /// The names of all others.
    pub others: Names,
}

/// Lockstep's entries by name.
pub type EntryByName = BTreeMap<String, Entry>;

/// One variable in a workload's manifest. Prints what it is, and no value.
#[derive(Clone, PartialEq)]
pub enum Entry {
    /// It stands there.
    Plain(String),
    /// It stands elsewhere: the fingerprint of its value.
    Secret(String),
}

/// Names, in the room that their text takes: each workload that is watched has some.
#[derive(Clone, Default, PartialEq)]
pub struct Names(Box<str>);

/// What a deployment does to the variables of one workload, as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Carried {
    /// What the workload was given when the deployment was confirmed.
    pub from: Values,
    /// What it is given.
    pub to: Values,
    /// What its turn may find as well, since a deployment that comes before may not come to its end.
    #[serde(default)]
    pub alternatives: Vec<Values>,
    /// Variables that are set for it, and that its manifest sets as well: they stay as they are there.
    #[serde(default)]
    pub left_alone: BTreeSet<String>,
}

impl Given {
    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Opened {
    /// Their texts, as far as they are known.
    pub fn texts(&self) -> Given {
        let text = |(name, value): (&String, &OpenedValue)| match value {
            OpenedValue::Plain(text) => Some((name.clone(), text.clone())),
            OpenedValue::Secret { text, .. } => Some((name.clone(), text.as_ref()?.expose().to_owned())),
        };
        Given(self.0.iter().filter_map(text).collect())
    }

    /// What stands in a manifest that has them.
    pub fn entries(&self) -> EntryByName {
        let entry = |value: &OpenedValue| match value {
            OpenedValue::Plain(text) => Entry::Plain(text.clone()),
            OpenedValue::Secret { fingerprint, .. } => Entry::Secret(fingerprint.clone()),
        };
        self.0.iter().map(|(name, value)| (name.clone(), entry(value))).collect()
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Reported {
    /// Whether a workload has been given just these.
    pub fn are(&self, wanted: &Opened) -> bool {
        match self {
            Self::Texts(given) => *given == wanted.texts(),
            Self::Entries(entries) => entries.ours == wanted.entries(),
        }
    }

    /// Whether a variable of this name is set by someone else, past Lockstep.
    pub fn is_of_others(&self, name: &str) -> bool {
        match self {
            Self::Texts(_) => false,
            Self::Entries(entries) => entries.others.iter().any(|other| other == name),
        }
    }
}

impl Entry {
    /// What stands in a manifest that has a value.
    pub fn of(value: &StoredValue) -> Self {
        match value {
            StoredValue::Plain(text) => Self::Plain(text.clone()),
            StoredValue::Secret(sealed) => Self::Secret(sealed.fingerprint.clone()),
            StoredValue::Held(fingerprint) => Self::Secret(fingerprint.clone()),
        }
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "plain",
            Self::Secret(_) => "secret",
        })
    }
}

impl Names {
    /// The names, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.lines()
    }
}

impl<'a> FromIterator<&'a str> for Names {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        let names: Vec<&str> = names.into_iter().collect();
        Self(names.join("\n").into())
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
