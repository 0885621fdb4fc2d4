//! What a holder says of its service.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Process;

/// After so many ends in a row a service is said to be in a crash loop.
const CRASH_LOOP: u32 = 3;

/// What a holder says of its service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The holder itself.
    pub holder: Process,
    /// What the service does.
    pub phase: Phase,
    /// Since when.
    pub since: DateTime<Utc>,
    /// How often it was started again by this holder.
    pub restarts: u32,
    /// How often in a row it has ended by itself, without running for long in between.
    pub ends: u32,
    /// How it ended last.
    pub last_exit: Option<Exit>,
}

/// What a service does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "is")]
pub enum Phase {
    /// Being started.
    Starting,
    /// Runs.
    Running {
        /// Its first process, which leads its process group.
        process: Process,
    },
    /// Has ended by itself, and is started again.
    Waiting {
        /// When.
        until: DateTime<Utc>,
    },
    /// Was stopped. Its holder is about to end, or has.
    Stopped,
}

/// How a service ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exit {
    /// The exit code, where it ended by itself.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Why it could not even be started.
    pub refused: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

impl State {
    /// Whether the service ends again and again.
    pub fn is_crash_loop(&self) -> bool {
        self.ends >= CRASH_LOOP
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.refused, self.signal, self.code) {
            (Some(why), ..) => write!(f, "could not be started: {why}"),
            (None, Some(signal), _) => write!(f, "was ended by signal {signal}"),
            (None, None, Some(code)) => write!(f, "ended with exit code {code}"),
            (None, None, None) => write!(f, "ended"),
        }
    }
}
