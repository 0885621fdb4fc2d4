//! Carries one deployment out.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::{TimeDelta, Utc};
use domain::{
    deployment::{DeploymentStatus, TaskStatus},
    engine::{
        Action, Applied, Change, Observed, State, TaskState, Withdrawn, applied, begun, next_wake, observed,
        step, withdrawn,
    },
    event::NewEvent,
    health::{self, Rollout},
    id::{EnvironmentId, TaskId},
    service::Container,
};
use platform::{ImageChange, SetImages};
use store::{Lease, RunningTask};
use tokio::{sync::watch, task::JoinSet};

use super::LEASE;
use crate::{Control, Error};

/// How long a rollout is left alone between looks when no watch tells of a change.
const LOOK: Duration = Duration::from_millis(1500);
/// How often the lease is renewed and a request to cancel is looked for.
const RENEW: Duration = Duration::from_secs(2);
/// The engine's name in events.
const ENGINE: &str = "lockstep";

/// Carries a deployment out until it has ended.
pub(super) async fn carry_out(control: Arc<Control>, lease: Lease) -> Result<(), Error> {
    let deployment = control.store.deployment(lease.deployment).await?;
    let runner = Arc::new(Runner {
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
        lease,
        control,
    });
    if deployment.status == DeploymentStatus::Pending {
        runner.set_status(&DeploymentStatus::Running, "the first tasks begin").await?;
    }
    let mut state = runner.control.store.engine_state(runner.lease.deployment).await?;
    let mut events = runner.control.store.newest_event();
    let mut renew = tokio::time::interval(RENEW);
    let mut busy: HashSet<TaskId> = HashSet::new();
    // Tasks of their own: one that waits for the database while holding it must not wait for this loop.
    let mut work: JoinSet<Result<Option<(TaskId, Change)>, Error>> = JoinSet::new();
    loop {
        if state.tasks.iter().any(|task| task.status == TaskStatus::Pending) {
            state.elsewhere = runner.control.store.under_way_elsewhere(runner.lease.deployment).await?;
        }
        for action in step(&state, Utc::now()) {
            match action {
                Action::Finish(status) => return runner.set_status(&status, words_for(&status)).await,
                Action::End(id, status) => {
                    let change = runner.end(&state, id, status).await?;
                    record(&mut state, id, &change);
                }
                Action::Apply(id)
                | Action::Withdraw(id)
                | Action::PutBack(id)
                | Action::Observe(id)
                | Action::ObservePutBack(id) => {
                    if busy.insert(id) {
                        let task = runner.begin(&mut state, id, &action).await?;
                        let runner = runner.clone();
                        work.spawn(async move { runner.act(task, action).await });
                    }
                }
            }
        }
        let wake = next_wake(&state).filter(|_| work.is_empty());
        let pause = wake.map_or(RENEW, |at| (at - Utc::now()).to_std().unwrap_or_default().min(RENEW));
        tokio::select! {
            Some(done) = work.join_next(), if !work.is_empty() => {
                if let Some((id, change)) = done.map_err(|error| Error::conflict("task_panicked", error.to_string()))?? {
                    busy.remove(&id);
                    record(&mut state, id, &change);
                }
            }
            _ = renew.tick() => {
                runner.renew().await?;
                // Another server's request to cancel is not announced in this process.
                state.cancel_requested = runner.cancel_requested().await?;
            }
            Ok(()) = events.changed() => {
                events.borrow_and_update();
                if !state.cancel_requested {
                    state.cancel_requested = runner.cancel_requested().await?;
                }
            }
            () = tokio::time::sleep(pause), if work.is_empty() => {}
        }
    }
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

struct Runner {
    control: Arc<Control>,
    lease: Lease,
    tasks: HashMap<TaskId, RunningTask>,
    names: HashMap<TaskId, String>,
    target: EnvironmentId,
    annotation: String,
}

impl Runner {
    async fn renew(&self) -> Result<(), Error> {
        let mut write = self.control.store.write().await?;
        write.renew(&self.lease, Utc::now() + LEASE).await?;
        Ok(write.commit().await?)
    }

    async fn cancel_requested(&self) -> Result<bool, Error> {
        Ok(self.control.store.cancel_requested(self.lease.deployment).await?)
    }

    async fn set_status(&self, status: &DeploymentStatus, words: &str) -> Result<(), Error> {
        let kind = if status.ended() { "deployment.ended" } else { "deployment.changed" };
        let event =
            NewEvent::new(kind, ENGINE, format!("{status}: {words}")).deployment(self.lease.deployment);
        let mut write = self.control.store.write().await?;
        write.set_deployment_status(&self.lease, status, Utc::now()).await?;
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

    /// Records that a task is about to be worked on, before it is.
    async fn begin(&self, state: &mut State, id: TaskId, action: &Action) -> Result<TaskState, Error> {
        let task = state.tasks.iter_mut().find(|task| task.id == id);
        let task = task.ok_or(Error::NotFound { noun: "task", name: id.to_string() })?;
        if let Some(status) = begun(action).filter(|status| *status != task.status) {
            let words =
                if status == TaskStatus::PuttingBack { "putting the earlier images back" } else { "begins" };
            let mut write = self.control.store.write().await?;
            write.begin_task(&self.lease, id, &status, Utc::now()).await?;
            write.append(self.event(id, words)).await?;
            write.commit().await?;
            task.status = status;
            task.retries = 0;
        }
        Ok(task.clone())
    }

    async fn end(&self, state: &State, id: TaskId, status: TaskStatus) -> Result<Change, Error> {
        let words = match status {
            TaskStatus::Cancelled => "not begun: the deployment was cancelled",
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
        self.store(id, &change, None, true).await?;
        Ok(change)
    }

    async fn store(
        &self,
        id: TaskId,
        change: &Change,
        available: Option<i32>,
        tell: bool,
    ) -> Result<(), Error> {
        let now = Utc::now();
        let mut write = self.control.store.write().await?;
        write.change_task(&self.lease, id, change, available, now).await?;
        if matches!(change.status, TaskStatus::Success | TaskStatus::PutBack)
            && let Some(task) = self.tasks.get(&id)
        {
            write.mark_synced(task.service_id, now).await?;
        }
        if tell {
            write.append(self.event(id, &change.words)).await?;
        }
        Ok(write.commit().await?)
    }

    /// Does one thing for one task, and records what came of it.
    async fn act(&self, task: TaskState, action: Action) -> Result<Option<(TaskId, Change)>, Error> {
        let Some(running) = self.tasks.get(&task.id) else { return Ok(None) };
        let change = match action {
            Action::Apply(_) => self.apply(&task, running, (&running.from, &running.to)).await?,
            Action::Withdraw(_) => self.withdraw(&task, running).await?,
            Action::PutBack(_) => self.apply(&task, running, (&running.to, &running.from)).await?,
            Action::Observe(_) => self.observe(&task, running, &running.to).await?,
            Action::ObservePutBack(_) => self.observe(&task, running, &running.from).await?,
            Action::End(..) | Action::Finish(_) => return Ok(None),
        };
        Ok(Some((task.id, change)))
    }

    async fn apply(
        &self,
        task: &TaskState,
        running: &RunningTask,
        (from, to): (&[Container], &[Container]),
    ) -> Result<Change, Error> {
        let outcome = match self.send(running, (from, to), false).await? {
            Ok(SetImages::Accepted | SetImages::AlreadyThere) => Applied::Accepted,
            Ok(SetImages::Changed(words)) => Applied::Changed(words),
            Err(error) if error.is_transient() => Applied::Transient {
                words: error.to_string(),
                retry_after: error
                    .retry_after()
                    .map(|wait| TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX)),
            },
            Err(error) => Applied::Rejected(error.to_string()),
        };
        let change = applied(task, outcome, Utc::now());
        self.store(task.id, &change, None, true).await?;
        Ok(change)
    }

    /// Finds out by a dry run whether a change that is not to be sent any more got through earlier.
    async fn withdraw(&self, task: &TaskState, running: &RunningTask) -> Result<Change, Error> {
        let found = match self.send(running, (&running.from, &running.to), true).await? {
            Ok(SetImages::AlreadyThere) => Withdrawn::Taken,
            Err(error) if error.is_transient() => Withdrawn::Transient(error.to_string()),
            Ok(SetImages::Accepted | SetImages::Changed(_)) | Err(_) => Withdrawn::NotTaken,
        };
        let change = withdrawn(task, found, Utc::now());
        self.store(task.id, &change, None, true).await?;
        Ok(change)
    }

    /// Sends images, or only tries it.
    async fn send(
        &self,
        running: &RunningTask,
        (from, to): (&[Container], &[Container]),
        dry_run: bool,
    ) -> Result<Result<SetImages, platform::Error>, Error> {
        let change = ImageChange {
            uid: running.uid.clone(),
            from: from.to_vec(),
            to: to.to_vec(),
            deployment: self.annotation.clone(),
        };
        match self.control.platform(running.site_id).await {
            Ok(platform) => {
                Ok(platform.set_images(&running.cluster_external_id, &running.key, &change, dry_run).await)
            }
            Err(Error::Platform(error)) => Ok(Err(error)),
            Err(other) => Err(other),
        }
    }

    /// Looks at a rollout; one still under way is then left alone until something changes.
    async fn observe(
        &self,
        task: &TaskState,
        running: &RunningTask,
        wanted: &[Container],
    ) -> Result<Change, Error> {
        let mut changes = self.control.observer.changes();
        changes.borrow_and_update();
        let (found, available) = self.look(running, wanted).await?;
        let under_way = matches!(found, Observed::Rollout(Rollout::Progressing(_)));
        let change = observed(task, found, Utc::now());
        let ended = change.status != task.status;
        self.store(task.id, &change, available, ended).await?;
        if under_way && !ended {
            self.announce(running);
            settle(&mut changes).await;
        }
        Ok(change)
    }

    async fn look(
        &self,
        running: &RunningTask,
        wanted: &[Container],
    ) -> Result<(Observed, Option<i32>), Error> {
        let read = match self.control.platform(running.site_id).await {
            Ok(platform) => platform.workload(&running.cluster_external_id, &running.key).await,
            Err(Error::Platform(error)) => Err(error),
            Err(other) => return Err(other),
        };
        Ok(match read {
            Ok(Some(snapshot)) if snapshot.workload.uid != running.uid => {
                (Observed::Overtaken("it was deleted and made again by someone else".into()), None)
            }
            Ok(Some(snapshot)) => match overtaken(&snapshot.workload.containers, wanted) {
                Some(words) => (Observed::Overtaken(words), Some(snapshot.workload.available)),
                None => {
                    let rollout = health::rollout(&snapshot.workload, &snapshot.pods);
                    (Observed::Rollout(rollout), Some(snapshot.workload.available))
                }
            },
            Ok(None) => (Observed::Overtaken("it was deleted by someone else".into()), None),
            Err(error) => (Observed::Transient(error.to_string()), None),
        })
    }

    /// Lets open pages know that a task's words may have changed, without an event.
    fn announce(&self, running: &RunningTask) {
        tracing::debug!(task = %running.id, "under way");
        let _ = self.control.observed.send(vec![self.target]);
    }
}

/// Waits until a watch tells of a change, with a moment for its fellows, or for a while.
async fn settle(changes: &mut watch::Receiver<u64>) {
    tokio::select! {
        _ = changes.changed() => tokio::time::sleep(Duration::from_millis(100)).await,
        () = tokio::time::sleep(LOOK) => {}
    }
}

/// Words where the images are no longer those that were sent.
fn overtaken(now: &[Container], wanted: &[Container]) -> Option<String> {
    wanted.iter().find_map(|wanted| {
        let found = now.iter().find(|found| found.name == wanted.name && found.init == wanted.init)?;
        (found.image != wanted.image)
            .then(|| format!("{} was changed to {} by someone else meanwhile", found.name, found.image))
    })
}
