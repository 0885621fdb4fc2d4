//! People: an operator who starts and cancels deployments, and others who change the same workloads by hand.

use chrono::TimeDelta;
use domain::{deployment::DeploymentStatus, sync::OnFailure};

use super::{
    platform::Images,
    record::{Bound, Row, TaskRow, pending},
    world::{Event, World},
};

impl World {
    /// Starts a deployment of some workloads of an environment, bound to what runs now, or to what those leave that come
    /// before it.
    pub(super) fn start(&mut self) {
        self.to_start -= 1;
        let deployment = self.record.rows.len();
        let place = self.scheduler.below(self.platform.places.len());
        let environment = self.platform.places[place].environment;
        let all = self.scheduler.once_in(2);
        let mut tasks: Vec<TaskRow> = Vec::new();
        for place in 0..self.platform.places.len() {
            if self.platform.places[place].environment == environment && (all || self.scheduler.once_in(2)) {
                let cluster = self.platform.places[place].cluster;
                tasks.extend(self.bind(place).map(|bound| pending(tasks.len(), cluster, bound)));
            }
        }
        let now = self.scheduler.now();
        let later = self.scheduler.once_in(8).then(|| self.scheduler.between(0..=60_000));
        let on_failure = OnFailure::ALL[self.scheduler.below(OnFailure::ALL.len())].clone();
        self.scheduler.tell(|| {
            let bound: Vec<&Bound> = tasks.iter().map(|task| &task.bound).collect();
            format!("deployment {deployment} ({on_failure}, environment {environment}) is started: {bound:?}")
        });
        if self.record.rows.iter().any(|row| row.environment == environment && !row.status.ended()) {
            self.scheduler.meet("a deployment waited for another");
        }
        self.judge.starts(tasks.len());
        self.record.rows.push(Row {
            environment,
            on_failure,
            status: DeploymentStatus::Pending,
            cancel_requested: false,
            scheduled_for: later.map(|millis| now + TimeDelta::milliseconds(millis)),
            start_time: now,
            lease_until: None,
            epoch: 0,
            tasks,
        });
        if self.scheduler.once_in(3) {
            let when = self.scheduler.between(0..=60_000);
            self.scheduler.after(when, Event::Cancel(deployment));
        }
    }

    /// What is confirmed of one workload: one of its images moves, or both.
    fn bind(&mut self, place: usize) -> Option<Bound> {
        let now = self.platform.places[place].now.clone()?;
        let to_come: Vec<Images> = self
            .record
            .rows
            .iter()
            .filter(|row| !row.status.ended() && !row.cancel_requested)
            .flat_map(|row| &row.tasks)
            .filter(|task| task.bound.place == place && !task.state.status.ended())
            .map(|task| task.bound.to)
            .collect();
        let from = to_come.last().copied().unwrap_or(now.images);
        let mut alternatives: Vec<Images> = to_come.into_iter().chain([now.images]).collect();
        alternatives.retain(|images| *images != from);
        let new = self.platform.new_image();
        let to = match self.scheduler.below(3) {
            0 => [new, from[1]],
            1 => [from[0], new],
            _ => [new, self.platform.new_image()],
        };
        Some(Bound { place, uid: now.uid, from, to, alternatives })
    }

    pub(super) fn cancel(&mut self, deployment: usize) {
        let row = &mut self.record.rows[deployment];
        if row.status.ended() {
            return;
        }
        row.cancel_requested = true;
        if row.status == DeploymentStatus::Pending {
            self.scheduler.meet("a deployment was cancelled before it began");
        }
        self.scheduler.tell(|| format!("deployment {deployment} is cancelled"));
        // The server that was asked knows at once; another one when it renews its lease.
        let asked = self.scheduler.below(self.servers.len());
        let keys: Vec<_> = self.servers[asked].runners.values().map(|runner| runner.key).collect();
        for key in keys {
            self.scheduler.after(5, Event::News(key));
        }
    }

    /// Someone else changes, touches, or deletes a workload.
    pub(super) fn meddle(&mut self) {
        let place = self.scheduler.below(self.platform.places.len());
        let now = self.scheduler.now();
        let Some(workload) = self.platform.places[place].now.clone() else { return };
        let what = self.scheduler.below(6);
        let images = match what {
            0 => {
                self.platform.delete(place, now);
                let later = self.scheduler.between(10..=5_000);
                self.scheduler.tell(|| format!("someone deletes workload {place}"));
                return self.scheduler.after(later, Event::MakeAgain(place));
            }
            1 => workload.images,
            2 => [self.platform.new_image(), workload.images[1]],
            3 => [workload.images[0], self.platform.new_image()],
            _ => self.known_images(place).unwrap_or(workload.images),
        };
        self.scheduler.tell(|| format!("someone sets workload {place} to {images:?}"));
        let generation = self.platform.set(place, now, |workload| workload.images = images);
        if let Some(generation) = generation.filter(|_| images != workload.images) {
            self.roll_out(place, generation);
        }
    }

    /// The images that some deployment starts from, or leads to.
    fn known_images(&mut self, place: usize) -> Option<Images> {
        let tasks = self.record.rows.iter().flat_map(|row| &row.tasks);
        let bound: Vec<&Bound> = tasks.map(|task| &task.bound).filter(|bound| bound.place == place).collect();
        let to = self.scheduler.once_in(2);
        let which = self.scheduler.below(bound.len().max(1));
        bound.get(which).map(|bound| if to { bound.to } else { bound.from })
    }

    /// A deleted workload comes back, with the same images.
    pub(super) fn make_again(&mut self, place: usize) {
        let now = self.scheduler.now();
        let images = self.platform.places[place].shown.back().map_or([0, 0], |last| last.images);
        self.platform.make(place, images, now);
        self.scheduler.tell(|| format!("someone makes workload {place} again"));
        self.roll_out(place, 1);
    }
}
