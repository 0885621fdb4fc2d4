//! Carries one deployment out.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use chrono::{TimeDelta, Utc};
use domain::{
    deployment::{DeploymentStatus, TaskStatus},
    engine::{Action, Change, State, TaskState, begun, next_wake, step},
    event::{Event, NewEvent},
    id::{EnvironmentId, TaskId},
    settings::Manages,
};
use platform::Snapshot;
use store::{Lease, RunningTask};
use tokio::time::{Instant, Interval};

use super::{act::Done, settle::settled, work::Work};
use crate::{
    Control, Error,
    deployment::CANCELLING,
    events::{self, Observed},
    mutex::lock,
};

/// The longest that nothing is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How often it is looked how much other deployments have under way, while there is more to begin.
const OTHERS: Duration = Duration::from_millis(100);
/// The engine's name in events.
pub(super) const ENGINE: &str = "lockstep";

/// Carries a deployment out until it has ended.
pub(super) async fn carry_out(control: Arc<Control>, lease: Lease, claimed: Instant) -> Result<(), Error> {
    let deployment = control.store.deployment(lease.deployment).await?;
    let mut state = control.store.engine_state(lease.deployment).await?;
    let mut runner = Runner {
        tasks: control
            .store
            .running_tasks(lease.deployment)
            .await?
            .into_iter()
            .map(|task| (task.id, task))
            .collect(),
        names: deployment
            .results
            .iter()
            .map(|task| (task.id, format!("{} {}", task.kind, task.name)))
            .collect(),
        target: deployment.target_environment_id,
        annotation: lease.deployment.to_string(),
        resumed: state.tasks.iter().filter(|task| sending(&task.status)).map(|task| task.id).collect(),
        renewed: Mutex::new(claimed),
        followed: Mutex::default(),
        noted: Mutex::default(),
        lease,
        control,
    };
    if deployment.status == DeploymentStatus::Pending && !state.cancel_requested {
        match runner.forbidden(&deployment).await? {
            Some(why) => {
                runner.cancel(&why).await?;
                state.cancel_requested = true;
            }
            None => {
                runner.rebind().await?;
                runner.set_status(&DeploymentStatus::Running, "the first tasks begin").await?;
                let limit = deployment.time_limit_seconds.map(|limit| TimeDelta::seconds(limit.into()));
                state.give_up_at = limit.map(|limit| Utc::now() + limit);
            }
        }
    }
    let runner = Arc::new(runner);
    let mut told = runner.control.told.subscribe();
    let cancelling =
        |event: &Event| event.kind == CANCELLING && event.deployment_id == Some(runner.lease.deployment);
    let mut renew = runner.renewals();
    let mut work = Work::default();
    let mut others_known: Option<Instant> = None;
    loop {
        let pending = state.tasks.iter().any(|task| task.status == TaskStatus::Pending);
        if pending && others_known.is_none_or(|at| at.elapsed() > OTHERS) {
            others_known = Some(Instant::now());
            state.elsewhere = runner.control.store.under_way_elsewhere(runner.lease.deployment).await?;
        }
        let (mut begin, decided) = (Vec::new(), Instant::now());
        for action in step(&state, Utc::now()) {
            match action {
                Action::Finish(status) => {
                    let (status, why) = runner.hand_over(status).await?;
                    let words = why.unwrap_or_else(|| words_for(&status).to_owned());
                    return runner.set_status(&status, &words).await;
                }
                Action::End(id, status) => {
                    let change = runner.end(&state, id, status).await?;
                    record(&mut state, id, &change);
                }
                Action::Apply(id)
                | Action::Withdraw(id)
                | Action::PutBack(id)
                | Action::Observe(id)
                | Action::ObservePutBack(id) => {
                    begin.extend(work.makes_way(id, &action).then_some((id, action)))
                }
            }
        }
        for (task, action) in runner.begin(&mut state, begin).await? {
            work.start(&runner, task, action, decided);
        }
        let wake = next_wake(&state).filter(|_| work.is_empty());
        let pause = wake.map_or(LOOK, |at| (at - Utc::now()).to_std().unwrap_or_default().min(LOOK));
        tokio::select! {
            done = work.done(), if !work.is_empty() => {
                let done = done?;
                runner.record(&done).await?;
                for (Done { id, change, platform, .. }, decided) in done {
                    record(&mut state, id, &change);
                    if let Some(platform) = platform {
                        runner.tell_cost(id, platform, decided.elapsed());
                    }
                }
            }
            _ = renew.tick() => {
                runner.renew().await?;
                // Another server's request to cancel is not announced in this process.
                state.cancel_requested = runner.cancel_requested().await?;
            }
            () = events::heard(&mut told, cancelling) => {
                state.cancel_requested = runner.cancel_requested().await?;
            }
            () = tokio::time::sleep(pause), if work.is_empty() => {}
        }
    }
}

/// Whether a change is being sent.
fn sending(status: &TaskStatus) -> bool {
    matches!(status, TaskStatus::Applying | TaskStatus::PuttingBack)
}

fn record(state: &mut State, id: TaskId, change: &Change) {
    if let Some(task) = state.tasks.iter_mut().find(|task| task.id == id) {
        task.status = change.status.clone();
        task.accepted = change.accepted;
        task.retries = change.retries;
        task.not_before = change.not_before;
        task.deadline = change.deadline;
    }
}

fn words_for(status: &DeploymentStatus) -> &'static str {
    match status {
        DeploymentStatus::Complete => "every service is in step",
        DeploymentStatus::Cancelled => "cancelled; what had begun was followed to its end",
        DeploymentStatus::PutBack => "a service failed; everything was put back",
        _ => "not every service came to its end",
    }
}

/// What it takes to carry a deployment out.
pub(super) struct Runner {
    pub(super) control: Arc<Control>,
    pub(super) lease: Lease,
    pub(super) tasks: HashMap<TaskId, RunningTask>,
    names: HashMap<TaskId, String>,
    pub(super) target: EnvironmentId,
    pub(super) annotation: String,
    /// When the lease was claimed, or renewed last.
    renewed: Mutex<Instant>,
    /// What was being sent when this deployment was taken up: it may have got through.
    pub(super) resumed: HashSet<TaskId>,
    /// What the watches knew of each rollout when it was looked at last.
    followed: Mutex<HashMap<TaskId, Option<Snapshot>>>,
    /// What was recorded last of each rollout's progress.
    noted: Mutex<HashMap<TaskId, (Change, Option<i32>)>>,
}

impl Runner {
    /// When the lease is to be renewed.
    pub(super) fn renewals(&self) -> Interval {
        tokio::time::interval(self.control.renewal())
    }

    pub(super) async fn renew(&self) -> Result<(), Error> {
        let asked = Instant::now();
        let until = self.control.store.now().await? + self.control.lease_time();
        let mut write = self.control.store.write().await?;
        write.renew(&self.lease, until).await?;
        write.commit().await?;
        *lock(&self.renewed) = asked;
        Ok(())
    }

    /// Refuses to go on with a lease that is over by this server's own clock: after a pause another server may have the
    /// deployment, and a cluster knows no epochs.
    pub(super) fn still_leads(&self) -> Result<(), Error> {
        let age = lock(&self.renewed).elapsed();
        match TimeDelta::from_std(age).is_ok_and(|age| age < self.control.lease_time()) {
            true => Ok(()),
            false => Err(store::Error::LeaseLost.into()),
        }
    }

    /// Gives up before anything has begun.
    async fn cancel(&self, why: &str) -> Result<(), Error> {
        let mut write = self.control.store.write().await?;
        write.request_cancel(self.lease.deployment).await?;
        let words = format!("cancelled at its turn: {why}");
        let event = NewEvent::new("deployment.changed", ENGINE, words).deployment(self.lease.deployment);
        write.append(event.environment(self.target)).await?;
        Ok(write.commit().await?)
    }

    async fn cancel_requested(&self) -> Result<bool, Error> {
        Ok(self.control.store.cancel_requested(self.lease.deployment).await?)
    }

    async fn set_status(&self, status: &DeploymentStatus, words: &str) -> Result<(), Error> {
        let kind = if status.ended() { "deployment.ended" } else { "deployment.changed" };
        let mut message = format!("{status}: {words}");
        let store = &self.control.store;
        let relocates = self.tasks.values().any(|task| task.original.is_some());
        // What was not handed over is as it was.
        let is_as_it_was = relocates && *status != DeploymentStatus::Complete;
        let at_its_end = match status.ended() && !is_as_it_was {
            true => {
                let manages = match store.settings(self.target).await {
                    Err(store::Error::NotFound) => Manages::default(),
                    settings => settings?.settings.manages,
                };
                let ended = store.deployment(self.lease.deployment).await?;
                Some((ended, store.services_of(self.target).await?, manages))
            }
            false => None,
        };
        let mut write = store.write().await?;
        write.set_deployment_status(&self.lease, status, Utc::now()).await?;
        if let Some((ended, there, manages)) = at_its_end
            && let Some(left) = settled(&mut write, &ended, &there, manages).await?
        {
            message = format!("{message}; {left}");
        }
        let event = NewEvent::new(kind, ENGINE, message).deployment(self.lease.deployment);
        write.append(event.environment(self.target)).await?;
        Ok(write.commit().await?)
    }

    fn event(&self, id: TaskId, words: &str) -> NewEvent {
        let name = self.names.get(&id).map_or("", String::as_str);
        NewEvent::new("task.changed", ENGINE, format!("{name}: {words}"))
            .deployment(self.lease.deployment)
            .task(id)
            .environment(self.target)
    }

    /// Records that tasks are about to be worked on, before they are.
    async fn begin(
        &self,
        state: &mut State,
        actions: Vec<(TaskId, Action)>,
    ) -> Result<Vec<(TaskState, Action)>, Error> {
        let (mut write, mut begun_tasks, mut events) = (None, Vec::new(), Vec::new());
        for (id, action) in actions {
            let task = state.tasks.iter_mut().find(|task| task.id == id);
            let task = task.ok_or(Error::NotFound { noun: "task", name: id.to_string() })?;
            if let Some(status) = begun(&action).filter(|status| *status != task.status) {
                let relocates = self.tasks.get(&id).is_some_and(|task| task.original.is_some());
                let words = match status {
                    TaskStatus::PuttingBack if relocates => "removing its copy",
                    TaskStatus::PuttingBack => "putting the earlier images back",
                    _ => "begins",
                };
                let write = match &mut write {
                    Some(write) => write,
                    none => none.insert(self.control.store.write().await?),
                };
                write.begin_task(&self.lease, id, &status, Utc::now()).await?;
                events.push(self.event(id, words));
                task.status = status;
                task.retries = 0;
            }
            let task = task.clone();
            begun_tasks.push((state.in_time(&task), action));
        }
        if let Some(mut write) = write {
            write.append_all(events).await?;
            write.commit().await?;
        }
        Ok(begun_tasks)
    }

    /// What the watches knew of each rollout when it was looked at last.
    pub(super) fn followed(&self) -> MutexGuard<'_, HashMap<TaskId, Option<Snapshot>>> {
        lock(&self.followed)
    }

    /// Records what came of actions, as far as it says anything new.
    async fn record(&self, done: &[(Done, Instant)]) -> Result<(), Error> {
        let is_new = |done: &&Done| {
            let now = (done.change.clone(), done.available);
            let before = lock(&self.noted).insert(done.id, now.clone());
            done.news || before != Some(now)
        };
        let changes: Vec<Recorded<'_>> =
            done.iter().map(|(done, _)| done).filter(is_new).map(Recorded::of).collect();
        self.store(&changes).await?;
        if changes.iter().any(|change| !change.news) {
            // Progress is no event: open pages are told as of what is observed.
            let environments = [self.target].into();
            let _ = self.control.observed.send(Observed { environments, ..Observed::default() });
        }
        Ok(())
    }

    /// Says how long a change took, from the decision until what came of it was recorded, and how much of that was the
    /// platform's part.
    fn tell_cost(&self, task: TaskId, platform: Duration, total: Duration) {
        let [platform_ms, total_ms] = [platform, total].map(|took| took.as_secs_f64() * 1000.0);
        let deployment = self.lease.deployment;
        tracing::debug!(%deployment, %task, platform_ms, total_ms, "a change was sent and recorded");
    }

    async fn end(&self, state: &State, id: TaskId, status: TaskStatus) -> Result<Change, Error> {
        let words = match status {
            TaskStatus::Cancelled => "not begun: the deployment was cancelled",
            _ if state.give_up_at.is_some_and(|at| at <= Utc::now()) => {
                "not begun: the deployment's time is over"
            }
            _ => "not begun: another service failed",
        };
        let accepted = state.tasks.iter().any(|task| task.id == id && task.accepted);
        let change = Change {
            status,
            words: words.into(),
            error: None,
            accepted,
            retries: 0,
            not_before: None,
            deadline: None,
        };
        self.store(&[Recorded { id, change: &change, available: None, news: true }]).await?;
        Ok(change)
    }

    /// Stores changes at once.
    async fn store(&self, changes: &[Recorded<'_>]) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let now = Utc::now();
        let mut write = self.control.store.write().await?;
        let mut events = Vec::new();
        for Recorded { id, change, available, news } in changes {
            write.change_task(&self.lease, *id, change, *available, now).await?;
            if matches!(change.status, TaskStatus::Success | TaskStatus::PutBack)
                && let Some(task) = self.tasks.get(id)
            {
                write.mark_synced(task.service_id, now).await?;
            }
            if *news {
                events.push(self.event(*id, &change.words));
            }
        }
        write.append_all(events).await?;
        Ok(write.commit().await?)
    }
}

/// A change of a task, to be stored.
struct Recorded<'a> {
    id: TaskId,
    change: &'a Change,
    available: Option<i32>,
    news: bool,
}

impl<'a> Recorded<'a> {
    fn of(done: &'a Done) -> Self {
        Self { id: done.id, change: &done.change, available: done.available, news: done.news }
    }
}
