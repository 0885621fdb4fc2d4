//! What an operator relies on: order, limits, and truth after every end.

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
    State { on_failure, cancel_requested: false, give_up_at: None, elsewhere: HashMap::new(), tasks }
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
                Action::Withdraw(id) => {
                    let task = state.tasks.iter().find(|task| task.id == *id).unwrap().clone();
                    let found = match (fate(&action, round) % 3, ours.get(id)) {
                        (0, _) => Withdrawn::Transient("503".into()),
                        (_, Some(1)) => Withdrawn::Taken,
                        _ => Withdrawn::NotTaken,
                    };
                    record(&mut state, *id, withdrawn(&task, found, now, Patience::default()));
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
                record(&mut state, id, applied(&task, outcome, now, Patience::default()));
            } else {
                let found = match luck % 5 {
                    0 => Observed::Rollout(Rollout::Failed("crash".into())),
                    1 => Observed::Transient("reset".into()),
                    2 => Observed::Rollout(Rollout::Progressing("1 of 2".into())),
                    _ => Observed::Rollout(Rollout::Done),
                };
                record(&mut state, id, observed(&task, found, now, Patience::default()));
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
    let busy = HashMap::from([(ClusterId(Uuid::from_u128(0)), PARALLEL_PER_CLUSTER - 1)]);
    let actions = step(&State { elsewhere: busy, ..state(50, OnFailure::Stop) }, at(0));
    assert_eq!(actions.len(), PARALLEL_PER_CLUSTER + 1, "what other deployments have under way counts");
}

#[test]
fn a_passing_failure_waits_and_is_given_up_in_the_end() {
    let mut task = state(1, OnFailure::Stop).tasks.remove(0);
    task.status = TaskStatus::Applying;
    let transient = Applied::Transient { words: "503".into(), retry_after: Some(TimeDelta::seconds(7)) };
    let change = applied(&task, transient.clone(), at(0), Patience::default());
    assert_eq!((change.retries, change.not_before), (1, Some(at(7))));
    let day = Applied::Transient { words: "429".into(), retry_after: Some(TimeDelta::days(1)) };
    assert_eq!(applied(&task, day, at(0), Patience::default()).not_before, Some(at(0) + LONGEST_WAIT));
    task.retries = 3;
    assert_eq!(
        applied(&task, Applied::Accepted, at(0), Patience::default()).retries,
        3,
        "what was tried again stays counted"
    );
    task.retries = MAX_RETRIES;
    assert_eq!(applied(&task, transient, at(0), Patience::default()).status, TaskStatus::Failed);
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

#[test]
fn what_was_not_sent_before_a_cancel_is_not_sent_after_it() {
    let mut state = state(1, OnFailure::Stop);
    state.cancel_requested = true;
    state.tasks[0].status = TaskStatus::Applying;
    assert_eq!(step(&state, at(0)), vec![Action::Withdraw(state.tasks[0].id)]);
    let change = withdrawn(&state.tasks[0], Withdrawn::NotTaken, at(0), Patience::default());
    assert_eq!((change.status, change.accepted), (TaskStatus::Cancelled, false));
    let change = withdrawn(&state.tasks[0], Withdrawn::Taken, at(0), Patience::default());
    assert_eq!((change.status, change.accepted), (TaskStatus::RollingOut, true));
}

#[test]
fn rollouts_hold_the_rest_back_only_where_a_failure_would_stop_it() {
    let begun = |on_failure| {
        let mut state = state(40, on_failure);
        for task in state.tasks.iter_mut().take(20) {
            (task.status, task.accepted) = (TaskStatus::RollingOut, true);
        }
        step(&state, at(0)).iter().filter(|action| matches!(action, Action::Apply(_))).count()
    };
    assert_eq!(begun(OnFailure::Stop), 0);
    assert_eq!(begun(OnFailure::PutBack), 0);
    assert_eq!(begun(OnFailure::GoOn), 20, "ten on their way in each of two clusters");
}

#[test]
fn what_may_have_got_through_has_failed_and_is_put_back() {
    let mut state = state(1, OnFailure::PutBack);
    (state.tasks[0].status, state.tasks[0].retries) = (TaskStatus::Applying, 1);
    let refused = applied(&state.tasks[0], Applied::Changed("moved".into()), at(0), Patience::default());
    let cancelled = withdrawn(&state.tasks[0], Withdrawn::NotTaken, at(0), Patience::default());
    for change in [refused, cancelled] {
        let id = state.tasks[0].id;
        record(&mut state, id, in_doubt(change));
        assert_eq!(state.tasks[0].status, TaskStatus::Failed);
        assert_eq!(step(&state, at(1)), vec![Action::PutBack(id)]);
    }
}

#[test]
fn a_deployment_whose_time_is_over_begins_nothing_more_and_is_put_back() {
    let mut state = State { give_up_at: Some(at(60)), ..state(4, OnFailure::PutBack) };
    let ids: Vec<TaskId> = state.tasks.iter().map(|task| task.id).collect();
    let set = |task: &mut TaskState, status, accepted| (task.status, task.accepted) = (status, accepted);
    set(&mut state.tasks[0], TaskStatus::Success, true);
    set(&mut state.tasks[1], TaskStatus::RollingOut, true);
    set(&mut state.tasks[2], TaskStatus::Applying, false);
    assert!(step(&state, at(59)).contains(&Action::Apply(ids[3])), "until then it goes on");

    let over = step(&state, at(60));
    assert_eq!(
        over,
        [Action::Observe(ids[1]), Action::Withdraw(ids[2]), Action::End(ids[3], TaskStatus::Skipped)]
    );
    let rolling = Observed::Rollout(Rollout::Progressing("1 of 2".into()));
    let change = observed(&state.in_time(&state.tasks[1]), rolling, at(60), Patience::default());
    record(&mut state, ids[1], change);
    let change = withdrawn(&state.in_time(&state.tasks[2]), Withdrawn::NotTaken, at(60), Patience::default());
    assert_eq!((&change.status, change.accepted), (&TaskStatus::Failed, false));
    record(&mut state, ids[2], change);
    state.tasks[3].status = TaskStatus::Skipped;
    assert_eq!(step(&state, at(60)), [Action::PutBack(ids[0]), Action::PutBack(ids[1])]);
    let back =
        TaskState { status: TaskStatus::RollingBack, deadline: Some(at(900)), ..state.tasks[0].clone() };
    assert_eq!(state.in_time(&back).deadline, Some(at(900)), "the way back has its own time");
}

#[test]
fn others_do_not_keep_anything_from_being_put_back() {
    let mut state = state(2, OnFailure::PutBack);
    (state.tasks[0].status, state.tasks[0].accepted) = (TaskStatus::Success, true);
    state.tasks[1].status = TaskStatus::Failed;
    state.elsewhere = HashMap::from([(state.tasks[0].cluster, PARALLEL_PER_CLUSTER)]);
    assert_eq!(step(&state, at(0)), vec![Action::PutBack(state.tasks[0].id)]);
}
