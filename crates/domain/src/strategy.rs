//! How a service's replicas are replaced by those of another version. Pure planners, one file each: what is wanted and what
//! is seen give the next steps, and nothing where something is waited for.
//!
//! On Kubernetes its own controllers do this; on the local site the steps are carried out one by one. Blue-green and canary
//! would be two more files.

mod amount;
mod recreate;
mod replace_after_terminate;
mod rolling;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use amount::{Amount, Percent};

/// How replicas are replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Strategy {
    /// New ones beside old ones, a few at a time.
    Rolling {
        /// How many more than wanted may be there meanwhile. A share is rounded up.
        max_surge: Amount,
        /// How many fewer than wanted may be ready meanwhile. A share is rounded down.
        max_unavailable: Amount,
    },
    /// An old one goes before the new one starts in its place.
    ReplaceAfterTerminate {
        /// The share of replicas that stays ready. Rounded up, and at least one replica may always go.
        minimum_healthy: Percent,
    },
    /// All old ones go before the first new one starts.
    Recreate,
}

impl Default for Strategy {
    /// One more than wanted, none fewer.
    fn default() -> Self {
        Self::Rolling { max_surge: Amount::Count(1), max_unavailable: Amount::Count(0) }
    }
}

/// A replica as it is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen<Id> {
    /// Which one.
    pub id: Id,
    /// Runs what is wanted now.
    pub current: bool,
    /// Serves.
    pub ready: bool,
    /// Is being stopped.
    pub retiring: bool,
}

/// The next thing to do to a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<Id> {
    /// Make and start one of what is wanted now.
    Create,
    /// Stop one and remove it.
    Retire(Id),
}

impl Strategy {
    /// What is wrong with it, in words.
    pub fn fault(&self) -> Option<&'static str> {
        match self {
            Self::Rolling { max_surge, max_unavailable }
                if max_surge.is_none() && max_unavailable.is_none() =>
            {
                Some("With neither more nor fewer replicas than wanted nothing could ever be replaced.")
            }
            _ => None,
        }
    }

    /// What to do now to have so many replicas of what is wanted, and no others.
    pub fn plan<Id: Copy + PartialEq>(&self, wanted: u16, seen: &[Seen<Id>]) -> Vec<Step<Id>> {
        let replicas = Replicas::of(usize::from(wanted), seen);
        match self {
            Self::Rolling { max_surge, max_unavailable } => {
                let (surge, unavailable) = rolling::margins(*max_surge, *max_unavailable, wanted);
                rolling::plan(&replicas, surge, unavailable)
            }
            Self::ReplaceAfterTerminate { minimum_healthy } => {
                replace_after_terminate::plan(&replicas, minimum_healthy.rounded_up(wanted))
            }
            Self::Recreate => recreate::plan(&replicas),
        }
    }
}

/// Replicas as every planner looks at them: those that stay if nothing is done, the useless before the ready.
struct Replicas<Id> {
    wanted: usize,
    /// Of what is wanted now.
    current: Vec<Seen<Id>>,
    /// Of something else.
    old: Vec<Seen<Id>>,
    /// How many are on their way out.
    retiring: usize,
}

impl<Id: Copy> Replicas<Id> {
    fn of(wanted: usize, seen: &[Seen<Id>]) -> Self {
        let (retiring, mut standing): (Vec<Seen<Id>>, _) = seen.iter().partition(|replica| replica.retiring);
        standing.sort_by_key(|replica| replica.ready);
        let (current, old) = standing.into_iter().partition(|replica| replica.current);
        Self { wanted, current, old, retiring: retiring.len() }
    }

    /// Those of what is wanted now that are too many.
    fn surplus(&self) -> &[Seen<Id>] {
        &self.current[..self.current.len().saturating_sub(self.wanted)]
    }

    /// How many of what is wanted now are not there yet.
    fn missing(&self) -> usize {
        self.wanted.saturating_sub(self.current.len())
    }

    fn ready(&self) -> usize {
        self.current.iter().chain(&self.old).filter(|replica| replica.ready).count()
    }

    /// Those that go while so many stay ready: old ones first. Of old ones that are not ready just now so many stay that
    /// with those that are there could again be as many as are to stay, as on Kubernetes ("cleanupUnhealthyReplicas"): what
    /// is wanted now may never come.
    fn retirable(&self, stay_ready: usize) -> Vec<Id> {
        let all = self.current.len() + self.old.len();
        let to_come = self.current.iter().filter(|replica| !replica.ready).count();
        let mut idle = all.saturating_sub(stay_ready + to_come);
        let mut spare = self.ready().saturating_sub(stay_ready);
        let mut going = Vec::new();
        for replica in &self.old {
            let left = if replica.ready { &mut spare } else { &mut idle };
            if *left > 0 {
                *left -= 1;
                going.push(replica.id);
            }
        }
        for replica in self.surplus() {
            if !replica.ready || spare > 0 {
                spare -= usize::from(replica.ready);
                going.push(replica.id);
            }
        }
        going
    }
}

/// Steps that retire some, and make so many.
fn steps<Id>(retire: Vec<Id>, create: usize) -> Vec<Step<Id>> {
    let create = std::iter::repeat_with(|| Step::Create).take(create);
    retire.into_iter().map(Step::Retire).chain(create).collect()
}
