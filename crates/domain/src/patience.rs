//! How long things outside the process are waited for.

use std::time::Duration;

/// A factor on every time-out towards clusters and every pause before something is tried again; 1 for real work,
/// far less for tests, which have no minutes to spare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience(f64);

impl Patience {
    /// So many times the usual; a negative factor is none.
    pub fn times(factor: f64) -> Self {
        Self(factor.clamp(0.0, 1000.0))
    }

    /// What is left of a usual time.
    pub fn of(self, usual: Duration) -> Duration {
        usual.mul_f64(self.0)
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self(1.0)
    }
}
