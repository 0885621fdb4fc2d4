//! Variables on their way to a workload.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Values;

/// The variables that a workload is given, opened: only for what sets them. Prints their names alone.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Given(pub BTreeMap<String, String>);

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
}
