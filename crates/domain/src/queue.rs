//! Which of the deployments that have not ended may be taken up.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use crate::id::{DeploymentId, EnvironmentId};

/// Deployments under way at once, of all environments together.
pub const PARALLEL: usize = 200;

/// A deployment that has not ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// The deployment. Ids go up in the order in which they were made.
    pub id: DeploymentId,
    /// The environment that it changes.
    pub environment: EnvironmentId,
    /// It has begun.
    pub begun: bool,
    /// A server carries it out.
    pub claimed: bool,
    /// Cancelling was asked for.
    pub cancelled: bool,
    /// Not to begin before.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// When it was started.
    pub start_time: DateTime<Utc>,
}

impl Open {
    fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.scheduled_for.is_none_or(|at| at <= now)
    }
}

/// The deployments to be taken up now: those that have begun and that nobody carries out any more, those that were
/// cancelled before they began, and in each environment where none has begun the one that has waited longest.
pub fn due(open: &[Open], now: DateTime<Utc>) -> Vec<DeploymentId> {
    let occupied: HashSet<EnvironmentId> =
        open.iter().filter(|one| one.begun || one.claimed).map(|one| one.environment).collect();
    let mut room = PARALLEL.saturating_sub(open.iter().filter(|one| one.begun || one.claimed).count());
    let mut next: HashMap<EnvironmentId, &Open> = HashMap::new();
    for one in open.iter().filter(|one| !one.begun && !one.cancelled && one.is_due(now)) {
        let first = next.entry(one.environment).or_insert(one);
        if waiting_since(one) < waiting_since(first) {
            *first = one;
        }
    }
    let mut due: Vec<&Open> = Vec::new();
    for one in open.iter().filter(|one| !one.claimed) {
        let is_next = || next.get(&one.environment).is_some_and(|next| next.id == one.id);
        if one.begun || one.cancelled {
            due.push(one);
        } else if room > 0 && !occupied.contains(&one.environment) && is_next() {
            room -= 1;
            due.push(one);
        }
    }
    due.into_iter().map(|one| one.id).collect()
}

/// Since when it has waited for its turn: its time, else when it was made.
fn waiting_since(one: &Open) -> (DateTime<Utc>, DeploymentId) {
    (one.scheduled_for.unwrap_or(one.start_time), one.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    fn open(id: u128, environment: u128) -> Open {
        Open {
            id: DeploymentId(Uuid::from_u128(id)),
            environment: EnvironmentId(Uuid::from_u128(environment)),
            begun: false,
            claimed: false,
            cancelled: false,
            scheduled_for: None,
            start_time: at(id as i64 - 100),
        }
    }

    fn due_ids(all: &[Open]) -> Vec<u128> {
        due(all, at(0)).into_iter().map(|id| id.0.as_u128()).collect()
    }

    #[test]
    fn one_at_a_time_in_an_environment_and_all_environments_at_once() {
        assert_eq!(due_ids(&[open(2, 1), open(1, 1), open(3, 2)]), [1, 3]);
        let running = Open { begun: true, claimed: true, ..open(1, 1) };
        assert_eq!(due_ids(&[running.clone(), open(2, 1)]), [0; 0]);
        let abandoned = Open { claimed: false, ..running };
        assert_eq!(due_ids(&[abandoned, open(2, 1)]), [1], "what was begun goes on first");
    }

    #[test]
    fn a_scheduled_one_waits_and_holds_up_nobody() {
        let later = Open { scheduled_for: Some(at(10)), ..open(1, 1) };
        assert_eq!(due_ids(&[later.clone(), open(2, 1)]), [2]);
        assert_eq!(due(&[later], at(10)).len(), 1);
        let overdue = Open { scheduled_for: Some(at(-99)), ..open(9, 1) };
        assert_eq!(due_ids(&[open(2, 1), overdue]), [9], "once its time has come it has waited since then");
    }

    #[test]
    fn what_is_cancelled_before_it_begins_need_not_wait() {
        let running = Open { begun: true, claimed: true, ..open(1, 1) };
        assert_eq!(due_ids(&[running, Open { cancelled: true, ..open(2, 1) }]), [2]);
    }

    proptest! {
        /// However deployments stand, no environment is given two to begin, and whoever can begin does.
        #[test]
        fn no_environment_has_two(all in prop::collection::vec((0_u128..4, 0_u8..4, any::<bool>()), 0..30)) {
            let all: Vec<Open> = all.into_iter().enumerate().map(|(n, (environment, state, late))| Open {
                begun: state == 0,
                claimed: state == 0,
                scheduled_for: late.then(|| at(5)),
                ..open(n as u128 + 1, environment)
            }).collect();
            let chosen: HashSet<DeploymentId> = due(&all, at(0)).into_iter().collect();
            for environment in 0..4 {
                let here = || all.iter().filter(|one| one.environment.0.as_u128() == environment);
                let running = here().filter(|one| one.begun).count();
                let begins = here().filter(|one| chosen.contains(&one.id)).count();
                let waits = here().any(|one| !one.begun && one.scheduled_for.is_none());
                prop_assert_eq!(begins, usize::from(running == 0 && waits));
            }
        }
    }
}
