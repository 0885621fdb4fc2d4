//! The clusters: workloads with UIDs and versions, and controllers that roll changes out, or fail to.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use domain::{
    health::{self, Rollout},
    service::WorkloadKind,
    workload::{WorkloadFacts, WorkloadKey},
};

use super::world::{Event, World};
use crate::scheduler::Scheduler;

/// The images of a workload's two containers.
pub(super) type Images = [u32; 2];

/// Versions of each workload that a watch may show as the newest.
const REMEMBERED: usize = 4;

/// How far a controller is with a workload's newest generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Unseen,
    Rolling,
    Done,
    GaveUp,
}

/// A workload as it is at some moment.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    pub(super) uid: u32,
    /// Goes up with every write, whoever makes it.
    pub(super) version: u32,
    pub(super) images: Images,
    /// The deployment that wrote last.
    pub(super) annotation: Option<usize>,
    generation: u32,
    stage: Stage,
}

impl Workload {
    pub(super) fn rollout(&self) -> Rollout {
        let rolled_out = i32::from(self.stage == Stage::Done) * 2;
        let facts = WorkloadFacts {
            key: WorkloadKey { namespace: "n".into(), kind: WorkloadKind::Deployment, name: "web".into() },
            uid: String::new(),
            resource_version: String::new(),
            generation: i64::from(self.generation),
            observed_generation: i64::from(self.generation) - i64::from(self.stage == Stage::Unseen),
            desired: 2,
            total: 2,
            updated: rolled_out,
            available: 2,
            suspended: false,
            gave_up: (self.stage == Stage::GaveUp).then(|| "progress deadline exceeded".to_owned()),
            revisions_agree: true,
            containers: Vec::new(),
            manager: None,
            variables: None,
            deployment: None,
            deleting: false,
        };
        health::rollout(&facts, &[])
    }
}

/// Where a workload stands, how it is and how it was.
#[derive(Default)]
pub(super) struct Place {
    pub(super) cluster: usize,
    pub(super) environment: usize,
    /// None while it is deleted.
    pub(super) now: Option<Workload>,
    /// Admission refuses its changes.
    pub(super) refuses: bool,
    /// As watches may still show it.
    pub(super) shown: VecDeque<Workload>,
    /// From when on it was how.
    past: Vec<(DateTime<Utc>, Option<Workload>)>,
    made: u32,
}

pub(super) struct Platform {
    pub(super) places: Vec<Place>,
    /// Until when each cluster is away.
    pub(super) away_until: [DateTime<Utc>; 2],
    /// Images go up, so that every new one is new.
    pub(super) newest_image: u32,
}

impl Platform {
    /// Workloads of one or two environments in two clusters: mostly a few, sometimes more than may be worked on at once.
    pub(super) fn any(scheduler: &mut Scheduler<Event>) -> Self {
        let many = scheduler.once_in(6);
        let environments = scheduler.between(1..=2) as usize;
        let count = if many { scheduler.between(22..=28) } else { scheduler.between(1..=7) };
        let clusters = if many { 1 } else { 2 };
        let mut platform =
            Self { places: Vec::new(), away_until: [DateTime::UNIX_EPOCH; 2], newest_image: 0 };
        for _ in 0..count {
            platform.places.push(Place {
                cluster: scheduler.below(clusters),
                environment: scheduler.below(environments),
                refuses: scheduler.once_in(25),
                ..Place::default()
            });
            let images = [platform.new_image(), platform.new_image()];
            let place = platform.places.len() - 1;
            platform.make(place, images, DateTime::UNIX_EPOCH);
            platform.set(place, DateTime::UNIX_EPOCH, |workload| workload.stage = Stage::Done);
        }
        platform
    }

    pub(super) fn new_image(&mut self) -> u32 {
        self.newest_image += 1;
        self.newest_image
    }

    /// A workload is made, by hand.
    pub(super) fn make(&mut self, place: usize, images: Images, now: DateTime<Utc>) {
        let place = &mut self.places[place];
        place.made += 1;
        let (uid, stage) = (place.made, Stage::Unseen);
        let version = place.shown.back().map_or(0, |last| last.version) + 1;
        place.now = Some(Workload { uid, version, images, annotation: None, generation: 1, stage });
        place.remember(now);
    }

    pub(super) fn delete(&mut self, place: usize, now: DateTime<Utc>) {
        self.places[place].now = None;
        self.places[place].remember(now);
    }

    /// Writes to a workload. The generation that it has then.
    pub(super) fn set(
        &mut self,
        place: usize,
        now: DateTime<Utc>,
        write: impl FnOnce(&mut Workload),
    ) -> Option<u32> {
        let place = &mut self.places[place];
        let workload = place.now.as_mut()?;
        let before = workload.images;
        write(workload);
        workload.version += 1;
        if workload.images != before {
            workload.generation += 1;
            workload.stage = Stage::Unseen;
        }
        let generation = workload.generation;
        place.remember(now);
        Some(generation)
    }
}

impl Place {
    fn remember(&mut self, now: DateTime<Utc>) {
        self.past.push((now, self.now.clone()));
        self.shown.extend(self.now.clone());
        if self.shown.len() > REMEMBERED {
            self.shown.pop_front();
        }
    }

    /// Whether it was so at any moment since then.
    pub(super) fn ever(&self, since: DateTime<Utc>, was: impl Fn(Option<&Workload>) -> bool) -> bool {
        let first = self.past.partition_point(|(from, _)| *from <= since).saturating_sub(1);
        self.past[first..].iter().any(|(_, workload)| was(workload.as_ref()))
    }
}

impl Workload {
    pub(super) fn runs(&self, uid: u32, images: Images) -> bool {
        self.uid == uid && self.images == images
    }

    pub(super) fn is_rolled_out(&self) -> bool {
        self.stage == Stage::Done
    }

    pub(super) fn gave_up(&self) -> bool {
        self.stage == Stage::GaveUp
    }
}

impl World {
    /// A workload's images are others than before: its controller sees it some time later.
    pub(super) fn roll_out(&mut self, place: usize, generation: u32) {
        let soon = self.scheduler.between(10..=500);
        self.scheduler.after(soon, Event::Controller(place, generation, Stage::Rolling));
    }

    /// A controller gets on. A rollout comes to its end, is given up, or hangs for good.
    pub(super) fn control(&mut self, place: usize, generation: u32, stage: Stage) {
        let now = self.scheduler.now();
        if self.platform.places[place].now.as_ref().is_none_or(|it| it.generation != generation) {
            return;
        }
        self.platform.set(place, now, |workload| workload.stage = stage);
        self.scheduler.tell(|| format!("workload {place}: {stage:?}"));
        if stage != Stage::Rolling {
            return;
        }
        let fails = self.trouble.rollouts.is_some_and(|times| self.scheduler.once_in(times));
        let (takes, end) = match (fails, self.scheduler.once_in(3)) {
            (true, true) => return,
            (true, false) => (self.scheduler.between(2_000..=40_000), Stage::GaveUp),
            (false, _) => (self.scheduler.between(100..=10_000), Stage::Done),
        };
        self.scheduler.after(takes, Event::Controller(place, generation, end));
    }
}
