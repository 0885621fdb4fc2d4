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
    sync::OnFailure,
};

/// Passing failures in a row before a task is given up.
pub const MAX_RETRIES: u32 = 8;
/// Tasks under way at once in one cluster.
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
    /// Its tasks, in their order.
    pub tasks: Vec<TaskState>,
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
    /// Passing failures in a row.
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
    /// Passing failures in a row.
    pub retries: u32,
    /// Not to be touched before.
    pub not_before: Option<DateTime<Utc>>,
    /// When its rollout counts as failed.
    pub deadline: Option<DateTime<Utc>>,
}

/// What a deployment does next. No action means waiting for a `not_before`.
pub fn step(state: &State, now: DateTime<Utc>) -> Vec<Action> {
    let failed = state.tasks.iter().any(|task| {
        matches!(
            task.status,
            TaskStatus::Failed
                | TaskStatus::Refused
                | TaskStatus::PuttingBack
                | TaskStatus::RollingBack
                | TaskStatus::PutBack
                | TaskStatus::PutBackFailed
        )
    });
    let putting_back = failed && state.on_failure == OnFailure::PutBack;
    let begin = !state.cancel_requested && (!failed || state.on_failure == OnFailure::GoOn);

    let mut actions = Vec::new();
    let mut under_way: HashMap<ClusterId, usize> = HashMap::new();
    for task in state.tasks.iter().filter(|task| task.status.in_flight()) {
        *under_way.entry(task.cluster).or_default() += 1;
        if task.not_before.is_some_and(|until| until > now) {
            continue;
        }
        actions.push(match task.status {
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

/// How a deployment ended, of whose tasks nothing more will come.
fn outcome(state: &State) -> DeploymentStatus {
    let any = |status: &[TaskStatus]| state.tasks.iter().any(|task| status.contains(&task.status));
    if any(&[TaskStatus::PutBackFailed]) {
        DeploymentStatus::Failed
    } else if any(&[TaskStatus::PutBack]) {
        DeploymentStatus::PutBack
    } else if any(&[TaskStatus::Failed, TaskStatus::Refused]) {
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
pub fn applied(task: &TaskState, outcome: Applied, now: DateTime<Utc>) -> Change {
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
        retries: 0,
        not_before: None,
        deadline: None,
    };
    let ended =
        |status: TaskStatus, words: String| Change { error: Some(words.clone()), ..change(status, &words) };
    match outcome {
        Applied::Accepted => Change {
            accepted: true,
            deadline: Some(now + ROLLOUT_DEADLINE),
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
            not_before: Some(now + retry_after.unwrap_or_else(|| backoff(task.retries))),
            ..change(task.status.clone(), &format!("will be tried again: {words}"))
        },
    }
}

/// Records what a look at the rollout found, forth or back (`status` tells which).
pub fn observed(task: &TaskState, found: Observed, now: DateTime<Utc>) -> Change {
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
        retries: 0,
        not_before: None,
        deadline: task.deadline,
    };
    let late = task.deadline.is_some_and(|deadline| now >= deadline);
    match found {
        Observed::Rollout(Rollout::Done) if back => change(done, "the earlier images run again".into(), None),
        Observed::Rollout(Rollout::Done) => change(done, "rolled out".into(), None),
        Observed::Rollout(Rollout::Failed(words)) => change(failed, words.clone(), Some(words)),
        Observed::Rollout(Rollout::Progressing(words)) | Observed::Transient(words) if late => {
            let words = format!("not rolled out within {} minutes: {words}", ROLLOUT_DEADLINE.num_minutes());
            change(failed, words.clone(), Some(words))
        }
        Observed::Rollout(Rollout::Progressing(words)) => change(task.status.clone(), words, None),
        // What someone else changed is theirs: there is nothing of ours left to put back.
        Observed::Overtaken(words) => {
            Change { accepted: false, ..change(failed, words.clone(), Some(words)) }
        }
        Observed::Transient(words) => Change {
            retries: task.retries.saturating_add(1),
            not_before: Some(now + backoff(task.retries)),
            ..change(task.status.clone(), format!("the cluster does not answer: {words}"), None)
        },
    }
}

/// 0.5 s, doubled by each failure in a row, 30 s at most.
fn backoff(retries: u32) -> TimeDelta {
    TimeDelta::milliseconds((500_i64 << retries.min(6)).min(30_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    fn state(count: u128, on_failure: OnFailure) -> State {
        let tasks = (1..=count)
            .map(|n| TaskState {
                id: TaskId(Uuid::from_u128(n)),
                cluster: ClusterId(Uuid::from_u128(n % 2)),
                status: TaskStatus::Pending,
                accepted: false,
                retries: 0,
                not_before: None,
                deadline: None,
            })
            .collect();
        State { on_failure, cancel_requested: false, tasks }
    }

    fn record(state: &mut State, id: TaskId, change: Change) {
        let task = state.tasks.iter_mut().find(|task| task.id == id).unwrap();
        task.status = change.status;
        task.accepted = change.accepted;
        task.retries = change.retries;
        task.not_before = change.not_before;
        task.deadline = change.deadline;
    }

    /// Runs to the end with `fate` deciding what comes of each action; crashes repeat a step unrecorded.
    fn run(
        mut state: State,
        mut fate: impl FnMut(&Action, u32) -> u8,
    ) -> (State, DeploymentStatus, HashMap<TaskId, i32>) {
        let mut ours: HashMap<TaskId, i32> = HashMap::new();
        for round in 0..10_000 {
            let now = at(i64::from(round) * 31);
            for action in step(&state, now) {
                let (id, forth) = match &action {
                    Action::Finish(status) => return (state, status.clone(), ours),
                    Action::End(id, status) => {
                        let task = state.tasks.iter_mut().find(|task| task.id == *id).unwrap();
                        assert_eq!(task.status, TaskStatus::Pending, "only what has not begun is ended so");
                        task.status = status.clone();
                        continue;
                    }
                    Action::Apply(id) | Action::Observe(id) => (*id, true),
                    Action::PutBack(id) | Action::ObservePutBack(id) => (*id, false),
                };
                let mut task = state.tasks.iter().find(|task| task.id == id).unwrap().clone();
                let luck = fate(&action, round);
                if let Some(status) = begun(&action) {
                    let outcome = match luck % 6 {
                        0 => Applied::Rejected("no".into()),
                        1 if !task.accepted => Applied::Changed("moved".into()),
                        2 => Applied::Transient { words: "503".into(), retry_after: None },
                        _ => Applied::Accepted,
                    };
                    if task.status != status {
                        task.retries = 0;
                    }
                    task.status = status;
                    if outcome == Applied::Accepted {
                        ours.insert(id, i32::from(forth));
                    }
                    if luck > 250 {
                        state.tasks.iter_mut().find(|task| task.id == id).unwrap().status = task.status;
                        continue; // killed after the platform accepted and before it was recorded
                    }
                    record(&mut state, id, applied(&task, outcome, now));
                } else {
                    let found = match luck % 5 {
                        0 => Observed::Rollout(Rollout::Failed("crash".into())),
                        1 => Observed::Transient("reset".into()),
                        2 => Observed::Rollout(Rollout::Progressing("1 of 2".into())),
                        _ => Observed::Rollout(Rollout::Done),
                    };
                    record(&mut state, id, observed(&task, found, now));
                }
            }
        }
        panic!("a deployment that never ends: {state:?}");
    }

    #[test]
    fn all_well_is_complete() {
        let (state, status, _) = run(state(25, OnFailure::Stop), |_, _| 9);
        assert_eq!(status, DeploymentStatus::Complete);
        assert!(state.tasks.iter().all(|task| task.status == TaskStatus::Success));
    }

    #[test]
    fn no_more_than_the_limit_at_once_in_a_cluster() {
        let actions = step(&state(50, OnFailure::Stop), at(0));
        assert_eq!(actions.len(), 2 * PARALLEL_PER_CLUSTER);
    }

    #[test]
    fn a_passing_failure_waits_and_is_given_up_in_the_end() {
        let mut task = state(1, OnFailure::Stop).tasks.remove(0);
        task.status = TaskStatus::Applying;
        let transient = Applied::Transient { words: "503".into(), retry_after: Some(TimeDelta::seconds(7)) };
        let change = applied(&task, transient.clone(), at(0));
        assert_eq!((change.retries, change.not_before), (1, Some(at(7))));
        task.retries = MAX_RETRIES;
        assert_eq!(applied(&task, transient, at(0)).status, TaskStatus::Failed);
    }

    #[test]
    fn cancelling_follows_what_has_begun() {
        let mut state = state(2, OnFailure::Stop);
        state.cancel_requested = true;
        state.tasks[0].status = TaskStatus::RollingOut;
        let actions = step(&state, at(0));
        assert_eq!(
            actions,
            vec![Action::Observe(state.tasks[0].id), Action::End(state.tasks[1].id, TaskStatus::Cancelled)]
        );
    }

    proptest! {
        #[test]
        fn every_deployment_ends_in_a_state_that_agrees_with_the_platform(
            luck in proptest::collection::vec(any::<u8>(), 300),
            count in 1_u128..15,
            policy in 0..3_usize,
        ) {
            let on_failure = OnFailure::ALL[policy].clone();
            let mut n = 0;
            let (state, status, ours) = run(state(count, on_failure.clone()), |_, round| {
                n += 1;
                if round > 200 { 9 } else { luck[n % luck.len()] }
            });
            prop_assert!(status.ended());
            for task in &state.tasks {
                let runs_new = ours.get(&task.id).copied().unwrap_or(0) == 1;
                match task.status {
                    TaskStatus::Success => prop_assert!(runs_new),
                    TaskStatus::PutBack | TaskStatus::Cancelled | TaskStatus::Skipped => prop_assert!(!runs_new),
                    _ => {}
                }
            }
            if status == DeploymentStatus::Complete {
                prop_assert!(state.tasks.iter().all(|task| task.status == TaskStatus::Success));
            }
            if status == DeploymentStatus::PutBack {
                prop_assert!(state.tasks.iter().all(|task| task.status != TaskStatus::Success));
                prop_assert_eq!(on_failure, OnFailure::PutBack);
            }
        }
    }
}
