//! The durable record, as `store` keeps it: rows, leases with epochs, and events, each call one transaction.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    deployment::{DeploymentStatus, TaskStatus},
    engine::{Change, State, TaskState, takes_room},
    id::{ClusterId, DeploymentId, EnvironmentId, TaskId},
    queue::Open,
    sync::OnFailure,
};
use uuid::Uuid;

use super::platform::Images;

/// How long a claim lasts without being renewed.
pub(super) const LEASE: TimeDelta = TimeDelta::seconds(10);

/// What a task is bound to.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    /// Its workload.
    pub(super) place: usize,
    pub(super) uid: u32,
    pub(super) from: Images,
    pub(super) to: Images,
    pub(super) alternatives: Vec<Images>,
}

#[derive(Debug)]
pub(super) struct TaskRow {
    pub(super) state: TaskState,
    pub(super) bound: Bound,
    pub(super) error: Option<String>,
    pub(super) busy: bool,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) environment: usize,
    pub(super) on_failure: OnFailure,
    pub(super) status: DeploymentStatus,
    pub(super) cancel_requested: bool,
    pub(super) scheduled_for: Option<DateTime<Utc>>,
    pub(super) start_time: DateTime<Utc>,
    pub(super) lease_until: Option<DateTime<Utc>>,
    pub(super) epoch: u32,
    pub(super) tasks: Vec<TaskRow>,
}

/// The right to carry a deployment out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    pub(super) deployment: usize,
    pub(super) epoch: u32,
}

/// Why a runner stops.
pub(super) enum Stop {
    LeaseLost,
    Ended,
}

/// An appended event.
pub(super) struct Told {
    pub(super) deployment: usize,
    pub(super) fact: Fact,
    pub(super) words: String,
}

pub(super) enum Fact {
    Deployment(DeploymentStatus),
    Task(usize, TaskStatus),
}

/// What a task is to be changed to, with what its runner has to say of it.
pub(super) struct Recorded {
    pub(super) task: usize,
    pub(super) change: Change,
    /// It is worth an event.
    pub(super) news: bool,
    /// When the platform was heard last before it was decided.
    pub(super) as_of: DateTime<Utc>,
}

/// What a write did to a task, for the judge.
pub(super) struct Written {
    pub(super) lease: Lease,
    pub(super) task: usize,
    pub(super) before: TaskState,
    pub(super) as_of: DateTime<Utc>,
}

#[derive(Default)]
pub(super) struct Record {
    pub(super) rows: Vec<Row>,
    pub(super) events: Vec<Told>,
    /// Not judged yet.
    pub(super) written: Vec<Written>,
}

/// An id that is an index.
pub(super) fn id(index: usize) -> Uuid {
    Uuid::from_u128(index as u128)
}

impl Record {
    pub(super) fn open(&self, now: DateTime<Utc>) -> Vec<Open> {
        let open = self.rows.iter().enumerate().filter(|(_, row)| !row.status.ended());
        open.map(|(index, row)| Open {
            id: DeploymentId(id(index)),
            environment: EnvironmentId(id(row.environment)),
            begun: row.status != DeploymentStatus::Pending,
            claimed: row.lease_until.is_some_and(|until| until >= now),
            cancelled: row.cancel_requested,
            scheduled_for: row.scheduled_for,
            start_time: row.start_time,
        })
        .collect()
    }

    /// Takes a deployment with its workloads, where nobody else has it and it is its turn.
    pub(super) fn claim(&mut self, deployment: usize, now: DateTime<Utc>) -> Option<Lease> {
        let row = &self.rows[deployment];
        let held = |row: &Row| row.lease_until.is_some_and(|until| until >= now);
        let under_way = |other: &Row| other.status == DeploymentStatus::Running || held(other);
        let needs_turn = !row.cancel_requested && row.status == DeploymentStatus::Pending;
        let mut others = self.rows.iter().enumerate().filter(|(index, _)| *index != deployment);
        let has_turn = !needs_turn
            || !others.any(|(_, other)| {
                other.environment == row.environment && !other.status.ended() && under_way(other)
            });
        if !has_turn || row.status.ended() || held(row) {
            return None;
        }
        let row = &mut self.rows[deployment];
        row.epoch += 1;
        row.lease_until = Some(now + LEASE);
        let cancelled = row.cancel_requested;
        row.tasks.iter_mut().for_each(|task| task.busy |= !cancelled);
        Some(Lease { deployment, epoch: row.epoch })
    }

    fn hold(&mut self, lease: Lease) -> Result<&mut Row, Stop> {
        let row = &mut self.rows[lease.deployment];
        if row.epoch == lease.epoch { Ok(row) } else { Err(Stop::LeaseLost) }
    }

    pub(super) fn renew(&mut self, lease: Lease, now: DateTime<Utc>) -> Result<(), Stop> {
        self.hold(lease)?.lease_until = Some(now + LEASE);
        Ok(())
    }

    pub(super) fn release_all_leases(&mut self) {
        self.rows.iter_mut().for_each(|row| row.lease_until = None);
    }

    pub(super) fn state(&self, deployment: usize) -> State {
        let row = &self.rows[deployment];
        State {
            on_failure: row.on_failure.clone(),
            cancel_requested: row.cancel_requested,
            give_up_at: None,
            elsewhere: self.under_way_elsewhere(deployment),
            tasks: row.tasks.iter().map(|task| task.state.clone()).collect(),
        }
    }

    pub(super) fn under_way_elsewhere(&self, deployment: usize) -> HashMap<ClusterId, usize> {
        let mut under_way = HashMap::new();
        let others = self.rows.iter().enumerate().filter(|(index, _)| *index != deployment);
        for (row, task) in others.flat_map(|(_, row)| row.tasks.iter().map(move |task| (row, task))) {
            if task.busy && takes_room(&row.on_failure, &task.state.status) {
                *under_way.entry(task.state.cluster).or_default() += 1;
            }
        }
        under_way
    }

    /// Records that tasks are about to be worked on.
    pub(super) fn begin(
        &mut self,
        lease: Lease,
        tasks: &[(usize, TaskStatus)],
        now: DateTime<Utc>,
    ) -> Result<(), Stop> {
        self.hold(lease)?;
        for (task, status) in tasks {
            let state = &mut self.rows[lease.deployment].tasks[*task].state;
            self.written.push(Written { lease, task: *task, before: state.clone(), as_of: now });
            state.status = status.clone();
            state.retries = 0;
            let back = *status == TaskStatus::PuttingBack;
            let words = if back { "putting the earlier images back" } else { "begins" };
            self.tell(lease.deployment, Fact::Task(*task, status.clone()), words);
        }
        Ok(())
    }

    /// Records what came of tasks.
    pub(super) fn change(&mut self, lease: Lease, changes: &[Recorded]) -> Result<(), Stop> {
        self.hold(lease)?;
        for Recorded { task, change, news, as_of } in changes {
            let row = &mut self.rows[lease.deployment].tasks[*task];
            self.written.push(Written { lease, task: *task, before: row.state.clone(), as_of: *as_of });
            apply(&mut row.state, change);
            if change.error.is_some() {
                row.error.clone_from(&change.error);
            }
            if *news {
                self.tell(lease.deployment, Fact::Task(*task, change.status.clone()), &change.words);
            }
        }
        Ok(())
    }

    /// Records how far a deployment is; with its end, its workloads are free.
    pub(super) fn set_status(&mut self, lease: Lease, status: &DeploymentStatus) -> Result<(), Stop> {
        let row = self.hold(lease)?;
        row.status = status.clone();
        row.tasks.iter_mut().for_each(|task| task.busy &= !status.ended());
        self.tell(lease.deployment, Fact::Deployment(status.clone()), status.as_str());
        Ok(())
    }

    /// Binds a task anew to what was found: what was to move goes where it was to go.
    pub(super) fn rebind(&mut self, lease: Lease, found: &[(usize, Bound)]) -> Result<(), Stop> {
        let row = self.hold(lease)?;
        for (task, bound) in found {
            row.tasks[*task].bound = bound.clone();
        }
        Ok(())
    }

    /// Appends an event.
    fn tell(&mut self, deployment: usize, fact: Fact, words: &str) {
        self.events.push(Told { deployment, fact, words: words.to_owned() });
    }
}

/// What a change makes of a task's state.
pub(super) fn apply(state: &mut TaskState, change: &Change) {
    state.status = change.status.clone();
    state.accepted = change.accepted;
    state.retries = change.retries;
    state.not_before = change.not_before;
    state.deadline = change.deadline;
}

/// A task of which nothing was done yet.
pub(super) fn pending(index: usize, cluster: usize, bound: Bound) -> TaskRow {
    let state = TaskState {
        id: TaskId(id(index)),
        cluster: ClusterId(id(cluster)),
        status: TaskStatus::Pending,
        accepted: false,
        retries: 0,
        not_before: None,
        deadline: None,
    };
    TaskRow { state, bound, error: None, busy: false }
}
