//! How long to wait before a service is started again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Waits twice as long each time, as Kubernetes does; a service that has run for long enough begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// Before the first restart.
    pub first: Duration,
    /// At most.
    pub longest: Duration,
    /// After having run for so long, earlier ends are forgotten.
    pub forgiven_after: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(300),
            forgiven_after: Duration::from_secs(600),
        }
    }
}

impl Backoff {
    /// Before the restart that follows so many ends in a row, which are at least one.
    pub fn wait(&self, ends: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(ends.saturating_sub(1));
        self.first.saturating_mul(doubled).min(self.longest)
    }

    /// How many ends in a row there are, after one that followed `before` others and a run of this length.
    pub fn ends(&self, before: u32, ran: Duration) -> u32 {
        if ran >= self.forgiven_after { 1 } else { before.saturating_add(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_twice_the_last_up_to_the_longest() {
        let backoff = Backoff::default();
        let waits: Vec<u64> = (1..=10).map(|ends| backoff.wait(ends).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(backoff.wait(u32::MAX), backoff.longest);
    }

    #[test]
    fn a_long_run_is_a_new_beginning() {
        let backoff = Backoff::default();
        assert_eq!(backoff.ends(5, Duration::from_secs(599)), 6);
        assert_eq!(backoff.ends(5, Duration::from_secs(600)), 1);
    }
}
