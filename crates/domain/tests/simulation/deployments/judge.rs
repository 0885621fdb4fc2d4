//! Judges every step: what the record says against what is allowed, and against the events that tell of it.

use chrono::{DateTime, Utc};
use domain::{
    deployment::{DeploymentStatus, TaskStatus},
    engine::{MAX_RETRIES, PARALLEL_PER_CLUSTER, State, takes_room},
    id::{ClusterId, DeploymentId},
    sync::OnFailure,
};

use super::{
    network::{Call, Request},
    record::{Fact, Lease, Written},
    world::World,
};

/// What is known of one task beside what is recorded.
pub(super) struct Known {
    /// As the events tell it.
    told: TaskStatus,
    /// Since when it is recorded as it is.
    pub(super) since: DateTime<Utc>,
    /// Something that could change its workload was sent.
    pub(super) sent: bool,
    pub(super) effects: Vec<Effect>,
}

/// A change that a cluster has made.
pub(super) struct Effect {
    pub(super) at: DateTime<Utc>,
    pub(super) back: bool,
    /// It came when its task was not to be worked on any more.
    pub(super) late: bool,
}

#[derive(Default)]
pub(super) struct Judge {
    pub(super) known: Vec<Vec<Known>>,
    told: Vec<DeploymentStatus>,
    epochs: Vec<u32>,
    events_read: usize,
}

impl Judge {
    pub(super) fn starts(&mut self, tasks: usize) {
        let known = || Known {
            told: TaskStatus::Pending,
            since: DateTime::UNIX_EPOCH,
            sent: false,
            effects: Vec::new(),
        };
        self.known.push((0..tasks).map(|_| known()).collect());
        self.told.push(DeploymentStatus::Pending);
        self.epochs.push(0);
    }

    pub(super) fn claims(&mut self, lease: Lease) {
        self.epochs[lease.deployment] += 1;
        assert_eq!(lease.epoch, self.epochs[lease.deployment], "an epoch is given out once");
    }

    pub(super) fn is_newest(&self, deployment: usize, epoch: u32) -> bool {
        self.epochs[deployment] == epoch
    }

    pub(super) fn sends(&mut self, request: &Request) {
        if matches!(request.call, Call::Patch { dry_run: false, .. }) {
            self.known[request.address.key.deployment][request.address.task].sent = true;
        }
    }
}

/// Whether a task may go from one status to another, and whether it may be told to stay in one.
fn is_legal(before: &TaskStatus, after: &TaskStatus) -> bool {
    use TaskStatus::*;
    match before {
        Pending => matches!(after, Applying | Cancelled | Skipped),
        Applying => matches!(after, Applying | RollingOut | Failed | Refused | Cancelled),
        RollingOut => matches!(after, RollingOut | Success | Failed | PuttingBack),
        Success | Failed => matches!(after, PuttingBack),
        PuttingBack => matches!(after, PuttingBack | RollingBack | PutBackFailed),
        RollingBack => matches!(after, RollingBack | PutBack | PutBackFailed),
        _ => false,
    }
}

fn has_failed(status: &TaskStatus) -> bool {
    use TaskStatus::*;
    matches!(status, Failed | Refused | PuttingBack | RollingBack | PutBack | PutBackFailed)
}

impl World {
    /// What holds after every step.
    pub(super) fn judge(&mut self) {
        let all = std::mem::take(&mut self.record.written);
        for Written { lease, task, before, .. } in &all {
            if before.status != self.record.rows[lease.deployment].tasks[*task].state.status {
                self.judge.known[lease.deployment][*task].since = self.scheduler.now();
            }
        }
        for written in &all {
            self.judge_write(written);
        }
        self.judge_events();
    }

    fn judge_write(&self, written: &Written) {
        let Written { lease: Lease { deployment, epoch }, task, before, .. } = written;
        assert!(self.judge.is_newest(*deployment, *epoch), "{deployment} was written to by an older epoch");
        let row = &self.record.rows[*deployment];
        let after = &row.tasks[*task].state;
        let named = format!("task {deployment}/{task}, {} to {}", before.status, after.status);
        assert!(is_legal(&before.status, &after.status), "{named}: that is no way to go");
        let begun = row.status == DeploymentStatus::Running;
        assert!(begun || row.cancel_requested && !row.status.ended(), "{named}: while it is {}", row.status);
        let failed = row.tasks.iter().any(|task| has_failed(&task.state.status));
        match after.status {
            TaskStatus::Applying if before.status == TaskStatus::Pending => {
                let goes_on = row.on_failure == OnFailure::GoOn;
                assert!(goes_on || !failed, "{named}: it begins though another one has failed");
                let due = row.scheduled_for.is_none_or(|at| at <= self.scheduler.now());
                assert!(due, "{named}: its time has not come");
            }
            TaskStatus::Skipped => {
                assert!(failed && row.on_failure != OnFailure::GoOn, "{named}: nothing held it back");
            }
            TaskStatus::Cancelled => assert!(row.cancel_requested, "{named}: nobody asked for that"),
            TaskStatus::PuttingBack => {
                let asked = failed && row.on_failure == OnFailure::PutBack;
                assert!(asked && before.accepted, "{named}: nobody asked for that");
            }
            TaskStatus::Success => {
                let too_late = row.on_failure == OnFailure::PutBack && self.failed_before(*deployment);
                assert!(!too_late, "{named}: it was to be put back at once");
            }
            _ => {}
        }
        let sending = matches!(after.status, TaskStatus::Applying | TaskStatus::PuttingBack);
        assert!(!sending || after.retries <= MAX_RETRIES, "{named}: it is never given up");
        self.judge_truth(written, &named);
    }

    /// Whether a task of it had failed before what happens now.
    fn failed_before(&self, deployment: usize) -> bool {
        let tasks = self.record.rows[deployment].tasks.iter().zip(&self.judge.known[deployment]);
        tasks
            .into_iter()
            .any(|(task, known)| has_failed(&task.state.status) && known.since < self.scheduler.now())
    }

    /// The events, replayed, are what is recorded: nothing is missing, and nothing is told twice.
    fn judge_events(&mut self) {
        let new = self.judge.events_read..self.record.events.len();
        self.judge.events_read = new.end;
        let mut changed = Vec::new();
        for event in &self.record.events[new] {
            let (deployment, words) = (event.deployment, &event.words);
            changed.push(deployment);
            match &event.fact {
                Fact::Task(task, status) => {
                    let told = &mut self.judge.known[deployment][*task].told;
                    let again = words.starts_with("will be tried again");
                    assert!(told != status || again, "{deployment}/{task} is told twice: {status}, {words}");
                    assert!(is_legal(told, status), "{deployment}/{task} is told as {told}, then {status}");
                    assert!(!words.is_empty(), "{deployment}/{task} is told without words");
                    told.clone_from(status);
                }
                Fact::Deployment(status) => {
                    let told = &mut self.judge.told[deployment];
                    let legal = !told.ended() && told != status && *status != DeploymentStatus::Pending;
                    assert!(legal, "deployment {deployment} is told as {told}, then {status}");
                    told.clone_from(status);
                    if status.ended() {
                        self.scheduler.meet(ended(status));
                    }
                }
            }
        }
        changed.dedup();
        for deployment in changed {
            self.judge_told(deployment);
        }
    }

    fn judge_told(&mut self, deployment: usize) {
        let row = &self.record.rows[deployment];
        assert_eq!(self.judge.told[deployment], row.status, "deployment {deployment} is not as told");
        for (task, known) in row.tasks.iter().zip(&self.judge.known[deployment]) {
            assert_eq!(known.told, task.state.status, "a task of deployment {deployment} is not as told");
        }
        if row.status.ended() {
            self.judge_outcome(deployment);
        } else if row.status == DeploymentStatus::Running {
            let alike = self.record.rows.iter().filter(|other| {
                other.environment == row.environment && other.status == DeploymentStatus::Running
            });
            assert_eq!(alike.count(), 1, "deployments are under way beside {deployment} in its environment");
        }
    }

    /// Of an environment where one is under way none is chosen, and never two.
    pub(super) fn judge_due(&self, due: &[DeploymentId]) {
        let now = self.scheduler.now();
        let mut taken: Vec<usize> = Vec::new();
        for row in &self.record.rows {
            let held = row.lease_until.is_some_and(|until| until >= now);
            if !row.status.ended() && (row.status == DeploymentStatus::Running || held) {
                taken.push(row.environment);
            }
        }
        for row in due.iter().map(|id| &self.record.rows[id.0.as_u128() as usize]) {
            if row.status == DeploymentStatus::Pending && !row.cancel_requested {
                assert!(!taken.contains(&row.environment), "two of environment {}", row.environment);
                taken.push(row.environment);
            }
        }
    }

    /// No more than the limit are under way in a cluster, of all that its runner knows.
    pub(super) fn judge_limit(&self, lease: Lease, known: &State, begins: &[(usize, TaskStatus)]) {
        let Lease { deployment, epoch } = lease;
        let row = &self.record.rows[deployment];
        // What an older epoch is about to record is refused.
        if begins.is_empty() || !self.judge.is_newest(deployment, epoch) {
            return;
        }
        let becomes = |task: usize| {
            let begin = begins.iter().find(|(begun, _)| *begun == task);
            begin.map_or(&row.tasks[task].state.status, |(_, status)| status)
        };
        let room = |tasks: &mut dyn Iterator<Item = usize>, cluster: ClusterId| {
            let in_cluster = tasks.filter(|task| row.tasks[*task].state.cluster == cluster);
            in_cluster.filter(|task| takes_room(&row.on_failure, becomes(*task))).count()
        };
        for (task, status) in begins {
            let cluster = row.tasks[*task].state.cluster;
            let here = room(&mut (0..row.tasks.len()), cluster);
            // What is put back does not wait for others.
            let back = *status == TaskStatus::PuttingBack;
            let elsewhere = known.elsewhere.get(&cluster).copied().filter(|_| !back).unwrap_or_default();
            if back
                && here + known.elsewhere.get(&cluster).copied().unwrap_or_default() > PARALLEL_PER_CLUSTER
            {
                self.scheduler.meet("something was put back in a cluster where others had much under way");
            }
            let goes_on = begins.iter().all(|(task, _)| row.tasks[*task].state.status.in_flight());
            assert!(
                here + elsewhere <= PARALLEL_PER_CLUSTER || goes_on,
                "deployment {deployment} has {here} under way in a cluster, and others have {elsewhere}"
            );
            let left = row.tasks.iter().any(|task| task.state.status == TaskStatus::Pending);
            if here == PARALLEL_PER_CLUSTER && left {
                self.scheduler.meet("the limit of a cluster held something back");
            }
        }
    }
}

fn ended(status: &DeploymentStatus) -> &'static str {
    match status {
        DeploymentStatus::Complete => "deployment complete",
        DeploymentStatus::Failed => "deployment failed",
        DeploymentStatus::Cancelled => "deployment cancelled",
        DeploymentStatus::PutBack => "deployment put_back",
        _ => "deployment ended otherwise",
    }
}
