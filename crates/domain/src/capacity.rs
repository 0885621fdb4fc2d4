//! Capacity of clusters: how much of them there is, and how much of that is taken.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

wire_enum!(
    /// What is meant by taken.
    Taken {
        /// What pods ask for, which a cluster's scheduler keeps for them.
        Requested = "requested",
        /// What processes use.
        Used = "used",
    }
);

/// How much of a cluster there is, as it was found at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// Its nodes; none where they were not counted.
    pub nodes: Option<u64>,
    /// In thousandths of a processor.
    pub cpu: Part,
    /// In bytes.
    pub memory: Part,
    /// Pods; none on the server's own machine, which has no such bound.
    pub pods: Option<Part>,
    /// What is meant by taken.
    pub taken: Taken,
}

/// So much, and how much of it is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// All that workloads may take.
    pub total: u64,
    /// What is taken of it; none where that may not be read.
    pub taken: Option<u64>,
}

impl Part {
    /// How much is taken, in hundredths of all; more than 100 where more was promised than there is.
    pub fn percent(&self) -> Option<u64> {
        let taken = u128::from(self.taken?);
        let percent = (taken * 100).checked_div(u128::from(self.total))?;
        u64::try_from(percent).ok()
    }
}

/// What was found when a cluster was asked for its capacity last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CapacityFound {
    /// The capacity; none where it is unknown.
    pub found: Option<Capacity>,
    /// Why it is unknown, and what to do.
    pub unknown: Option<String>,
    /// When it was asked.
    pub at: DateTime<Utc>,
}

/// A number of bytes as people read it: `1.5 GiB`.
pub fn size_in_words(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let (mut amount, mut unit) = (bytes as f64, "bytes");
    for next in UNITS {
        if amount < 1_023.95 {
            break;
        }
        (amount, unit) = (amount / 1_024.0, next);
    }
    if unit == "bytes" || amount >= 99.95 {
        format!("{amount:.0} {unit}")
    } else {
        format!("{amount:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_told_in_hundredths() {
        let percent = |total, taken| Part { total, taken }.percent();
        assert_eq!(percent(8_000, Some(2_000)), Some(25));
        assert_eq!(percent(4, Some(6)), Some(150));
        assert_eq!(percent(u64::MAX, Some(u64::MAX)), Some(100));
        assert_eq!(percent(0, Some(1)), None, "a cluster without nodes");
        assert_eq!(percent(8, None), None);
    }

    #[test]
    fn sizes_are_told_as_people_read_them() {
        assert_eq!(size_in_words(0), "0 bytes");
        assert_eq!(size_in_words(1_536), "1.5 KiB");
        assert_eq!(size_in_words(310 << 20), "310 MiB");
        assert_eq!(size_in_words((1 << 30) - 1), "1.0 GiB");
        assert_eq!(size_in_words(u64::MAX), "16.0 EiB");
    }
}
