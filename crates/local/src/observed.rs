//! A service of the local site as it is.

use chrono::{DateTime, Utc};
use domain::strategy::Seen;

use crate::{Service, State};

/// A service as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// As it is to be.
    pub service: Service,
    /// The generation by which its replicas were judged last; 0 before it was looked at.
    pub judged: i64,
    /// The address of its front door, which stays the same.
    pub address: Option<String>,
    /// Its replicas, by port.
    pub replicas: Vec<ObservedReplica>,
    /// What went wrong last; it is tried again.
    pub problem: Option<String>,
    /// Why it will not be as it is to be by itself.
    pub failure: Option<String>,
}

/// A replica as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedReplica {
    /// Its port, by which it is known.
    pub port: u16,
    /// When it was made.
    pub made: DateTime<Utc>,
    /// What version of what it runs.
    pub image: String,
    /// Runs what is wanted now.
    pub current: bool,
    /// Serves.
    pub ready: bool,
    /// What was wrong with its last answer to the health check.
    pub fault: Option<String>,
    /// Whether it serves is known: it was asked, where it is to be asked.
    pub known: bool,
    /// Is being stopped.
    pub retiring: bool,
    /// What its holder says; none where there is no holder.
    pub state: Option<State>,
}

impl Observed {
    /// All of it serves that is to serve.
    pub fn is_up(&self) -> bool {
        let ready = self.replicas.iter().filter(|replica| replica.ready).count();
        !self.service.removed && ready >= usize::from(self.service.spec.replicas.max(1))
    }
}

impl ObservedReplica {
    pub(crate) fn seen(&self) -> Seen<u16> {
        Seen { id: self.port, current: self.current, ready: self.ready, retiring: self.retiring }
    }

    /// What keeps it from serving, where that is known.
    pub(crate) fn hindrance(&self) -> Option<String> {
        let exit = || self.state.as_ref()?.last_exit.as_ref().map(|exit| format!("it {exit}"));
        self.fault.clone().or_else(exit)
    }

    /// It was recorded, or its holder was killed, before it was to stop.
    pub(crate) fn is_lost(&self) -> bool {
        !self.retiring && self.state.is_none()
    }
}
