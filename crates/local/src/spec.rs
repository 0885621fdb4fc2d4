//! What a replica runs.

use std::{path::PathBuf, time::Duration};

use domain::{limits::Limits, local_service::HealthCheck, variable::Given};
use serde::{Deserialize, Serialize};

use crate::Backoff;

/// What a replica runs, and how it is stopped and started again. A holder reads it once, when it starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// The program: a path, or a name that is looked for in `PATH`.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its environment, beside the few variables that every program expects. Nothing of the server's own is passed on.
    pub variables: Given,
    /// Where it runs.
    pub directory: PathBuf,
    /// How a server knows that it is ready; without it, by having run for long enough.
    pub health: Option<HealthCheck>,
    /// How long that is.
    pub ready_after: Duration,
    /// How long it may take to end after SIGTERM before it is killed.
    pub grace: Duration,
    /// How long it is left alone after it has ended by itself.
    pub backoff: Backoff,
    /// How much of the machine it may use.
    #[serde(default)]
    pub limits: Limits,
}
