//! The engine's heart: what a deployment does next. Pure; the shell around it is `control::engine`.
//!
//! A runner repeats: load the state, [`step`], carry the actions out, and record what came of each with
//! [`applied`] or [`observed`]. Every action is idempotent, so after a crash the same step is taken again.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    deployment::{DeploymentStatus, TaskStatus},
    health::Rollout,
    id::{ClusterId, TaskId},
    patience::Patience,
    sync::OnFailure,
};

/// Passing failures of one change before it is given up.
pub const MAX_RETRIES: u32 = 8;
/// The longest that a platform's wish to wait is heeded.
pub const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(2);
/// Tasks under way at once in one cluster, of all deployments together: those that [`takes_room`] says. What is put back
/// waits only for its own deployment's.
pub const PARALLEL_PER_CLUSTER: usize = 10;
/// How long a rollout is followed before it counts as failed, where the platform does not give up by itself.
pub const ROLLOUT_DEADLINE: TimeDelta = TimeDelta::minutes(15);

/// A running deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// What happens when a task fails.
    pub on_failure: OnFailure,
    /// Cancelling was asked for.
    pub cancel_requested: bool,
    /// When its time is over: nothing more is begun then, and what rolls out has failed. A way back has its own time.
    pub give_up_at: Option<DateTime<Utc>>,
    /// Tasks of other deployments that are under way, by cluster.
    pub elsewhere: HashMap<ClusterId, usize>,
    /// Its tasks, in their order.
    pub tasks: Vec<TaskState>,
}

impl State {
    /// A task as it is to be judged: no later than the deployment's time is over, unless it is on its way back.
    pub fn in_time(&self, task: &TaskState) -> TaskState {
        let forth =
            matches!(task.status, TaskStatus::Pending | TaskStatus::Applying | TaskStatus::RollingOut);
        let deadline = match (task.deadline, self.give_up_at.filter(|_| forth)) {
            (Some(own), Some(over)) => Some(own.min(over)),
            (own, over) => own.or(over),
        };
        TaskState { deadline, ..task.clone() }
    }
}

/// One task of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskState {
    /// The task.
    pub id: TaskId,
    /// Where it works.
    pub cluster: ClusterId,
    /// How far it is.
    pub status: TaskStatus,
    /// Its change was accepted by the platform, so there is something to put back.
    pub accepted: bool,
    /// Passing failures so far, of the change that is on its way.
    pub retries: u32,
    /// Not to be touched before.
    pub not_before: Option<DateTime<Utc>>,
    /// When its rollout counts as failed.
    pub deadline: Option<DateTime<Utc>>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Record the status, then send the change.
    Apply(TaskId),
    /// Find out, without sending it again, whether a change got through: it is not to be sent any more.
    Withdraw(TaskId),
    /// Look how far the rollout is.
    Observe(TaskId),
    /// Record the status, then send the earlier images.
    PutBack(TaskId),
    /// Look how far the rollout back is.
    ObservePutBack(TaskId),
    /// Record that it is not begun any more.
    End(TaskId, TaskStatus),
    /// All is done.
    Finish(DeploymentStatus),
}

/// What came of sending a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    /// Accepted now, or found to be accepted earlier.
    Accepted,
    /// The object or its images are not what was confirmed; nothing was sent. In words, with what was found.
    Changed(String),
    /// The platform rejected it, for good.
    Rejected(String),
    /// It did not get through this time.
    Transient {
        /// In words.
        words: String,
        /// How long the platform asked to wait.
        retry_after: Option<TimeDelta>,
    },
}

/// What finding out about a change that is not to be sent any more came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Withdrawn {
    /// It had got through: it is followed to its end.
    Taken,
    /// It had not.
    NotTaken,
    /// It could not be found out this time. In words.
    Transient(String),
}

/// What a look at the rollout found.
#[derive(Clone, Debug, PartialEq)]
pub enum Observed {
    /// How far it is.
    Rollout(Rollout),
    /// Someone else has changed it since, or it is gone. In words.
    Overtaken(String),
    /// It could not be looked at this time.
    Transient(String),
}

/// What to record of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its new status.
    pub status: TaskStatus,
    /// Its new words.
    pub words: String,
    /// What went wrong, when it ends badly.
    pub error: Option<String>,
    /// Its change was accepted.
    pub accepted: bool,
    /// Passing failures so far.
    pub retries: u32,
    /// Not to be touched before.
    pub not_before: Option<DateTime<Utc>>,
    /// When its rollout counts as failed.
    pub deadline: Option<DateTime<Utc>>,
}

/// What a deployment does next. No action means waiting for a `not_before`.
pub fn step(state: &State, now: DateTime<Utc>) -> Vec<Action> {
    let over = state.give_up_at.is_some_and(|at| at <= now);
    let failed = state.tasks.iter().any(|task| {
        matches!(
            task.status,
            TaskStatus::Failed
                | TaskStatus::Skipped
                | TaskStatus::Refused
                | TaskStatus::PuttingBack
                | TaskStatus::RollingBack
                | TaskStatus::PutBack
                | TaskStatus::PutBackFailed
        )
    });
    let putting_back = failed && state.on_failure == OnFailure::PutBack;
    let begin = !state.cancel_requested && !over && (!failed || state.on_failure == OnFailure::GoOn);

    let mut actions = Vec::new();
    // Others may have a cluster full for long, and nothing of this one's may be under way that it could wait for.
    let mut under_way = if putting_back { HashMap::new() } else { state.elsewhere.clone() };
    for task in state.tasks.iter().filter(|task| task.status.in_flight()) {
        let takes_room = takes_room(&state.on_failure, &task.status);
        *under_way.entry(task.cluster).or_default() += usize::from(takes_room);
        if task.not_before.is_some_and(|until| until > now) {
            continue;
        }
        actions.push(match task.status {
            TaskStatus::Applying if (state.cancel_requested || over) && !task.accepted => {
                Action::Withdraw(task.id)
            }
            TaskStatus::RollingOut if putting_back => Action::PutBack(task.id),
            TaskStatus::RollingOut => Action::Observe(task.id),
            TaskStatus::PuttingBack => Action::PutBack(task.id),
            TaskStatus::RollingBack => Action::ObservePutBack(task.id),
            _ => Action::Apply(task.id),
        });
    }
    for task in &state.tasks {
        let room = under_way.entry(task.cluster).or_default();
        match task.status {
            TaskStatus::Pending if !begin => {
                let status = if state.cancel_requested { TaskStatus::Cancelled } else { TaskStatus::Skipped };
                actions.push(Action::End(task.id, status));
            }
            TaskStatus::Pending if *room < PARALLEL_PER_CLUSTER => {
                *room += 1;
                actions.push(Action::Apply(task.id));
            }
            TaskStatus::Success | TaskStatus::Failed
                if putting_back && task.accepted && *room < PARALLEL_PER_CLUSTER =>
            {
                *room += 1;
                actions.push(Action::PutBack(task.id));
            }
            _ => {}
        }
    }
    if actions.is_empty() && state.tasks.iter().all(|task| task.status.ended()) {
        actions.push(Action::Finish(outcome(state)));
    }
    actions
}

/// Whether a task counts against [`PARALLEL_PER_CLUSTER`]. A rollout does, so that one that fails stops the rest in time;
/// where a failure stops nothing, only a change that is on its way does.
pub fn takes_room(on_failure: &OnFailure, status: &TaskStatus) -> bool {
    let rolling = matches!(status, TaskStatus::RollingOut | TaskStatus::RollingBack);
    status.in_flight() && !(rolling && *on_failure == OnFailure::GoOn)
}

/// How a deployment ended, of whose tasks nothing more will come.
fn outcome(state: &State) -> DeploymentStatus {
    let any = |status: &[TaskStatus]| state.tasks.iter().any(|task| status.contains(&task.status));
    if any(&[TaskStatus::PutBackFailed]) {
        DeploymentStatus::Failed
    } else if any(&[TaskStatus::PutBack]) {
        DeploymentStatus::PutBack
    } else if any(&[TaskStatus::Failed, TaskStatus::Refused, TaskStatus::Skipped]) {
        DeploymentStatus::Failed
    } else if any(&[TaskStatus::Cancelled]) {
        DeploymentStatus::Cancelled
    } else {
        DeploymentStatus::Complete
    }
}

/// The earliest time at which a waiting task may be touched again.
pub fn next_wake(state: &State) -> Option<DateTime<Utc>> {
    state.tasks.iter().filter(|task| task.status.in_flight()).filter_map(|task| task.not_before).min()
}

/// The status to record before an action is taken.
pub fn begun(action: &Action) -> Option<TaskStatus> {
    match action {
        Action::Apply(_) => Some(TaskStatus::Applying),
        Action::PutBack(_) => Some(TaskStatus::PuttingBack),
        _ => None,
    }
}

/// Records what came of sending a change, forth or back (`status` tells which).
pub fn applied(task: &TaskState, outcome: Applied, now: DateTime<Utc>, patience: Patience) -> Change {
    let back = task.status == TaskStatus::PuttingBack;
    let (following, failed) = match back {
        true => (TaskStatus::RollingBack, TaskStatus::PutBackFailed),
        false => (TaskStatus::RollingOut, TaskStatus::Failed),
    };
    let change = |status: TaskStatus, words: &str| Change {
        status,
        words: words.to_owned(),
        error: None,
        accepted: task.accepted,
        retries: task.retries,
        not_before: None,
        deadline: None,
    };
    let ended =
        |status: TaskStatus, words: String| Change { error: Some(words.clone()), ..change(status, &words) };
    match outcome {
        Applied::Accepted => Change {
            accepted: true,
            deadline: Some(now + of(patience, ROLLOUT_DEADLINE)),
            ..change(following, "accepted by the cluster")
        },
        Applied::Changed(words) if back => ended(failed, format!("not put back: {words}")),
        Applied::Changed(words) => ended(TaskStatus::Refused, words),
        Applied::Rejected(words) => ended(failed, words),
        Applied::Transient { words, .. } if task.retries >= MAX_RETRIES => {
            ended(failed, format!("given up after {} tries: {words}", task.retries + 1))
        }
        Applied::Transient { words, retry_after } => Change {
            retries: task.retries + 1,
            not_before: Some(
                now + match retry_after {
                    Some(wait) => wait.min(of(patience, LONGEST_WAIT)),
                    None => of(patience, backoff(task.retries)),
                },
            ),
            ..change(task.status.clone(), &format!("will be tried again: {words}"))
        },
    }
}

/// Records what became of a change that is not to be sent any more.
pub fn withdrawn(task: &TaskState, found: Withdrawn, now: DateTime<Utc>, patience: Patience) -> Change {
    let (status, words) = match is_late(task, now) {
        true => (TaskStatus::Failed, "not sent: the deployment's time was over"),
        false => (TaskStatus::Cancelled, "not sent: the deployment was cancelled"),
    };
    match found {
        Withdrawn::Taken => applied(task, Applied::Accepted, now, patience),
        Withdrawn::Transient(words) => {
            applied(task, Applied::Transient { words, retry_after: None }, now, patience)
        }
        Withdrawn::NotTaken => Change {
            error: (status == TaskStatus::Failed).then(|| words.to_owned()),
            status,
            words: words.to_owned(),
            accepted: false,
            retries: task.retries,
            not_before: None,
            deadline: None,
        },
    }
}

/// Records that a change which ended unaccepted may have got through in an earlier try after all: it cannot be found out.
/// It counts as accepted, so that what is to be put back is put back, and as failed, since both other ends say that nothing
/// was changed.
pub fn in_doubt(change: Change) -> Change {
    let words = format!("{}; it is not known whether the change got through before", change.words);
    let status = match change.status {
        TaskStatus::Refused | TaskStatus::Cancelled => TaskStatus::Failed,
        status => status,
    };
    Change { status, error: Some(words.clone()), words, accepted: true, ..change }
}

/// Records what a look at the rollout found, forth or back (`status` tells which).
pub fn observed(task: &TaskState, found: Observed, now: DateTime<Utc>, patience: Patience) -> Change {
    let back = task.status == TaskStatus::RollingBack;
    let (done, failed) = match back {
        true => (TaskStatus::PutBack, TaskStatus::PutBackFailed),
        false => (TaskStatus::Success, TaskStatus::Failed),
    };
    let change = |status: TaskStatus, words: String, error: Option<String>| Change {
        status,
        words,
        error,
        accepted: task.accepted,
        retries: task.retries,
        not_before: None,
        deadline: task.deadline,
    };
    let late = is_late(task, now);
    match found {
        Observed::Rollout(Rollout::Done) if back => change(done, "the earlier images run again".into(), None),
        Observed::Rollout(Rollout::Done) => change(done, "rolled out".into(), None),
        Observed::Rollout(Rollout::Failed(words)) => change(failed, words.clone(), Some(words)),
        Observed::Rollout(Rollout::Progressing(words)) if late => {
            let words = format!("not rolled out in its time: {words}");
            change(failed, words.clone(), Some(words))
        }
        Observed::Transient(words) if late => {
            let words = format!("accepted, and it is not known whether it was rolled out: {words}");
            change(failed, words.clone(), Some(words))
        }
        Observed::Rollout(Rollout::Progressing(words)) => change(task.status.clone(), words, None),
        // What someone else changed is theirs: there is nothing of ours left to put back.
        Observed::Overtaken(words) => {
            Change { accepted: false, ..change(failed, words.clone(), Some(words)) }
        }
        Observed::Transient(words) => Change {
            retries: task.retries.saturating_add(1),
            not_before: Some(now + of(patience, backoff(task.retries.min(3)))),
            ..change(task.status.clone(), format!("the cluster does not answer: {words}"), None)
        },
    }
}

fn is_late(task: &TaskState, now: DateTime<Utc>) -> bool {
    task.deadline.is_some_and(|deadline| now >= deadline)
}

/// 0.5 s, doubled by each failure in a row, 30 s at most.
fn backoff(retries: u32) -> TimeDelta {
    TimeDelta::milliseconds((500_i64 << retries.min(6)).min(30_000))
}

/// What is left of a usual time.
fn of(patience: Patience, usual: TimeDelta) -> TimeDelta {
    usual.to_std().ok().and_then(|usual| TimeDelta::from_std(patience.of(usual)).ok()).unwrap_or(usual)
}

#[cfg(test)]
mod tests;
