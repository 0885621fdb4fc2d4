//! How deployments go: seed 000's and seed 002's success metrics.

use serde::{Deserialize, Serialize};

use crate::deployment::{DeploymentStatus, HistoryDay, Origin};

/// A deployment that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// Where it came from.
    pub origin: Origin,
    /// How it ended.
    pub status: DeploymentStatus,
    /// How long it took from its turn on, in seconds; none where it never began.
    pub seconds: Option<f64>,
}

/// Deployments of some days, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// How many days, today included.
    pub days: u32,
    /// Deployments that ended in them, but for those that were cancelled or superseded.
    pub deployments: u64,
    /// Of these, the share that succeeded, from 0 to 1; none without any.
    pub success_rate: Option<f64>,
    /// The median of how long those that succeeded took, in seconds.
    pub median_seconds: Option<f64>,
    /// The same of rollbacks alone.
    pub median_rollback_seconds: Option<f64>,
    /// Deployments a day, on average.
    pub per_day: f64,
    /// Day by day, oldest first.
    pub history: Vec<HistoryDay>,
}

impl Metrics {
    /// Counts what ended in `days` days, whose days are given too.
    pub fn of(days: u32, ended: &[Ended], history: Vec<HistoryDay>) -> Self {
        let counted =
            |one: &&Ended| !matches!(one.status, DeploymentStatus::Cancelled | DeploymentStatus::Superseded);
        let counted: Vec<&Ended> = ended.iter().filter(counted).collect();
        let succeeded: Vec<&Ended> =
            counted.iter().copied().filter(|one| one.status == DeploymentStatus::Complete).collect();
        let seconds = |wanted: fn(&Origin) -> bool| {
            median(succeeded.iter().filter(|one| wanted(&one.origin)).filter_map(|one| one.seconds).collect())
        };
        let deployments = counted.len() as u64;
        Self {
            days,
            deployments,
            success_rate: (deployments > 0).then(|| succeeded.len() as f64 / deployments as f64),
            median_seconds: seconds(|_| true),
            median_rollback_seconds: seconds(|origin| *origin == Origin::Rollback),
            per_day: deployments as f64 / f64::from(days.max(1)),
            history,
        }
    }
}

/// The middle of values; of an even number, half-way between the two.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get(values.len().checked_sub(1)? / 2)?;
    Some((lower + upper) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_called_off_counts_neither_way() {
        let one = |origin, status, seconds| Ended { origin, status, seconds };
        let ended = [
            one(Origin::Sync, DeploymentStatus::Complete, Some(2.0)),
            one(Origin::Rollback, DeploymentStatus::Complete, Some(1.0)),
            one(Origin::Deploy, DeploymentStatus::PutBack, Some(60.0)),
            one(Origin::Deploy, DeploymentStatus::Failed, Some(90.0)),
            one(Origin::Deploy, DeploymentStatus::Cancelled, Some(5.0)),
            one(Origin::Deploy, DeploymentStatus::Superseded, None),
        ];
        let metrics = Metrics::of(2, &ended, Vec::new());
        assert_eq!((metrics.deployments, metrics.success_rate, metrics.per_day), (4, Some(0.5), 2.0));
        assert_eq!((metrics.median_seconds, metrics.median_rollback_seconds), (Some(1.5), Some(1.0)));
        assert_eq!(Metrics::of(7, &[], Vec::new()).success_rate, None);
    }
}
