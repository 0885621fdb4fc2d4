//! How long what belongs to one server at a time is its own without being renewed.

use std::time::Duration;

use chrono::TimeDelta;

use crate::Control;

/// How long a claim lasts without being renewed.
const LEASE: Duration = Duration::from_secs(10);
/// No impatience makes it shorter: it has to outlast a busy machine.
const SHORTEST: Duration = Duration::from_secs(2);

impl Control {
    /// How long a claim of this server's lasts.
    pub(crate) fn lease_time(&self) -> TimeDelta {
        let time = self.patience.of(LEASE).max(SHORTEST);
        TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX)
    }

    /// How often what this server has is renewed: five times in that.
    pub(crate) fn renewal(&self) -> Duration {
        self.patience.of(LEASE).max(SHORTEST) / 5
    }
}
