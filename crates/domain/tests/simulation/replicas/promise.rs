//! What each strategy promises in its documentation, in numbers of its own: nothing here is asked of the planner.

use std::iter::repeat_with;

use domain::strategy::{Amount, Strategy};

use super::world::Event;
use crate::scheduler::Scheduler;

/// A strategy, and what it promises for so many replicas wanted.
#[derive(Clone, Debug)]
pub(super) struct Promise {
    pub(super) strategy: Strategy,
    shape: Shape,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Rolling { surge: Part, unavailable: Part },
    ReplaceAfterTerminate { percent: u16 },
    Recreate,
}

/// A number, or a share in percent.
#[derive(Clone, Copy, Debug)]
enum Part {
    Count(u16),
    Percent(u16),
}

impl Part {
    fn any(scheduler: &mut Scheduler<Event>) -> Self {
        match scheduler.once_in(2) {
            true => Self::Count(scheduler.between(0..=3) as u16),
            false => Self::Percent(scheduler.between(0..=100) as u16),
        }
    }

    fn amount(self) -> Amount {
        match self {
            Self::Count(count) => Amount::Count(count),
            Self::Percent(percent) => Amount::Share(share(percent)),
        }
    }

    fn up(self, wanted: u16) -> u16 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => (wanted * percent).div_ceil(100),
        }
    }

    fn down(self, wanted: u16) -> u16 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => wanted * percent / 100,
        }
    }
}

fn share(percent: u16) -> domain::strategy::Percent {
    format!("{percent}%").parse().expect("a share")
}

impl Promise {
    /// Any strategy that can replace something.
    pub(super) fn any(scheduler: &mut Scheduler<Event>) -> Self {
        repeat_with(|| Self::drawn(scheduler))
            .find(|promise| promise.strategy.fault().is_none())
            .expect("chance comes by one")
    }

    fn drawn(scheduler: &mut Scheduler<Event>) -> Self {
        match scheduler.below(5) {
            0 | 1 => {
                let (surge, unavailable) = (Part::any(scheduler), Part::any(scheduler));
                let (max_surge, max_unavailable) = (surge.amount(), unavailable.amount());
                Self {
                    strategy: Strategy::Rolling { max_surge, max_unavailable },
                    shape: Shape::Rolling { surge, unavailable },
                }
            }
            2 | 3 => {
                let percent = scheduler.between(0..=100) as u16;
                Self {
                    strategy: Strategy::ReplaceAfterTerminate { minimum_healthy: share(percent) },
                    shape: Shape::ReplaceAfterTerminate { percent },
                }
            }
            _ => Self { strategy: Strategy::Recreate, shape: Shape::Recreate },
        }
    }

    /// So many stay ready, as far as it is up to the planner.
    pub(super) fn least_ready(&self, wanted: u16) -> usize {
        let least = match self.shape {
            Shape::Rolling { surge, unavailable } => match (surge.up(wanted), unavailable.down(wanted)) {
                (0, 0) => wanted.saturating_sub(1),
                (_, unavailable) => wanted.saturating_sub(unavailable),
            },
            // One may always go.
            Shape::ReplaceAfterTerminate { percent } => {
                (wanted * percent).div_ceil(100).min(wanted.saturating_sub(1))
            }
            Shape::Recreate => 0,
        };
        usize::from(least)
    }

    /// There are never more of them that are not being stopped.
    pub(super) fn most_standing(&self, wanted: u16) -> usize {
        let surge = match self.shape {
            Shape::Rolling { surge, .. } => surge.up(wanted),
            Shape::ReplaceAfterTerminate { .. } | Shape::Recreate => 0,
        };
        usize::from(wanted + surge)
    }

    /// A replica starts in a place that nothing else is in any more.
    pub(super) fn one_in_a_place(&self) -> bool {
        !matches!(self.shape, Shape::Rolling { .. })
    }

    /// No two versions are there at once.
    pub(super) fn one_version(&self) -> bool {
        matches!(self.shape, Shape::Recreate)
    }
}
