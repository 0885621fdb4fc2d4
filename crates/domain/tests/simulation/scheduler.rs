//! What happens next, and when. One source of chance decides on everything, so that a seed is a whole history.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    ops::RangeInclusive,
};

use chrono::{DateTime, TimeDelta, Utc};

use crate::history::History;

/// Events to come, in the order of their times; those of the same time in any order.
pub(crate) struct Scheduler<E> {
    dice: fastrand::Rng,
    history: History,
    now: DateTime<Utc>,
    queue: BinaryHeap<Reverse<Due<E>>>,
    scheduled: u64,
}

struct Due<E> {
    /// Its time, its luck among those of the same time, and its number.
    place: (DateTime<Utc>, u8, u64),
    event: E,
}

impl<E> Scheduler<E> {
    pub(crate) fn new(seed: u64, history: &History) -> Self {
        Self {
            dice: fastrand::Rng::with_seed(seed),
            history: history.clone(),
            now: DateTime::UNIX_EPOCH,
            queue: BinaryHeap::new(),
            scheduled: 0,
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Schedules an event some milliseconds from now.
    pub(crate) fn after(&mut self, millis: i64, event: E) {
        self.at(self.now + TimeDelta::milliseconds(millis), event);
    }

    /// Schedules an event; what is due already is due now.
    pub(crate) fn at(&mut self, at: DateTime<Utc>, event: E) {
        self.scheduled += 1;
        let place = (at.max(self.now), self.dice.u8(..), self.scheduled);
        self.queue.push(Reverse(Due { place, event }));
    }

    /// Goes on to the next event.
    pub(crate) fn next(&mut self) -> Option<E> {
        let Reverse(due) = self.queue.pop()?;
        self.now = due.place.0;
        Some(due.event)
    }

    /// Whether what happens once in so many times happens.
    pub(crate) fn once_in(&mut self, times: u32) -> bool {
        self.dice.u32(0..times.max(1)) == 0
    }

    /// A number within limits.
    pub(crate) fn between(&mut self, limits: RangeInclusive<i64>) -> i64 {
        self.dice.i64(limits)
    }

    /// An index below a count.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        self.dice.usize(0..count)
    }

    /// Tells what happens.
    pub(crate) fn tell(&self, words: impl FnOnce() -> String) {
        self.history.tell(self.now, words);
    }

    /// Counts a situation.
    pub(crate) fn meet(&self, situation: &'static str) {
        self.history.meet(situation);
    }
}

impl<E> Ord for Due<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place.cmp(&other.place)
    }
}

impl<E> PartialOrd for Due<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Due<E> {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl<E> Eq for Due<E> {}
