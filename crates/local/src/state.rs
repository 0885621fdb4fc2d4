//! What a holder says of its service.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use domain::limits::{LimitsKept, memory_in_words};
use serde::{Deserialize, Serialize};

use crate::Process;

/// After so many ends in a row a service is said to be in a crash loop.
const CRASH_LOOP: u32 = 3;
/// The number of SIGKILL.
const KILL: i32 = rustix::process::Signal::KILL.as_raw();

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
    /// How its limits are kept.
    #[serde(default)]
    pub limits: LimitsKept,
    /// The control groups that may have been made for it, by their directories; whoever ends it removes them.
    #[serde(default)]
    pub groups: Vec<PathBuf>,
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
    /// What its memory limit had to do with it.
    #[serde(default)]
    pub memory: Option<MemoryEnd>,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a memory limit had to do with an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "is")]
pub enum MemoryEnd {
    /// A process was killed for passing it.
    Passed {
        /// The limit, in bytes.
        limit: u64,
    },
    /// More address space was refused, if that was asked for: nothing tells whether it was.
    Refused {
        /// The limit, in bytes.
        limit: u64,
    },
}

impl State {
    /// Whether the service ends again and again.
    pub fn is_crash_loop(&self) -> bool {
        self.ends >= CRASH_LOOP
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let (Some(MemoryEnd::Passed { limit }), Some(KILL)) = (&self.memory, self.signal) {
            return write!(f, "was killed for passing its memory limit of {}", memory_in_words(*limit));
        }
        match (&self.refused, self.signal, self.code) {
            (Some(why), ..) => write!(f, "could not be started: {why}")?,
            (None, Some(signal), _) => write!(f, "was ended by signal {signal}")?,
            (None, None, Some(code)) => write!(f, "ended with exit code {code}")?,
            (None, None, None) => write!(f, "ended")?,
        }
        match &self.memory {
            Some(MemoryEnd::Passed { limit }) => {
                let limit = memory_in_words(*limit);
                write!(f, ", after one of its processes was killed for passing its memory limit of {limit}")
            }
            Some(MemoryEnd::Refused { limit }) => {
                write!(f, "; no process of it gets more than its memory limit of {}", memory_in_words(*limit))
            }
            None => Ok(()),
        }
    }
}
