//! One action of a deployment, for one task.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use domain::{
    deployment::TaskStatus,
    engine::{
        Action, Applied, Change, Observed, TaskState, Withdrawn, applied, in_doubt, observed, withdrawn,
    },
    health::{self, Rollout},
    id::TaskId,
    replicas::ReplicaChange,
    service::Container,
    variable::Values,
    workload::WorkloadFacts,
};
use platform::{ImageChange, SetImages, Snapshot, VariableChange};
use store::RunningTask;
use tokio::time::Instant;

use super::runner::Runner;
use crate::{Error, VaultError, variable::carry};

/// How long a rollout is left alone between looks while no watch can tell of a change.
const LOOK: Duration = Duration::from_millis(1500);
/// The same while one can.
const LOOK_WATCHED: Duration = Duration::from_secs(15);
/// Changes come in flurries: so long is waited for the rest of one.
const MOMENT: Duration = Duration::from_millis(100);

/// What came of an action.
pub(super) struct Done {
    pub(super) id: TaskId,
    /// Which run of an action this is of.
    pub(super) run: u64,
    pub(super) change: Change,
    /// Available replicas, where a rollout was looked at.
    pub(super) available: Option<i32>,
    /// It is worth an event, and not only progress.
    pub(super) news: bool,
    /// How long the platform took, where it was sent a change.
    pub(super) platform: Option<Duration>,
}

/// What a workload runs before a change, or after it.
#[derive(Clone, Copy)]
struct Side<'a> {
    containers: &'a [Container],
    /// Where its site gives it any.
    variables: Option<&'a Values>,
    /// Where they change.
    replicas: Option<u32>,
    /// It is not there at all: what comes is a copy.
    absent: bool,
}

/// What a change starts from and what it goes to.
struct Way<'a> {
    from: Side<'a>,
    to: Side<'a>,
    back: bool,
}

fn before(running: &RunningTask) -> Side<'_> {
    let variables = running.carried.as_ref().map(|carried| &carried.from);
    Side {
        containers: &running.from,
        variables,
        replicas: running.scale.map(|scale| scale.from),
        absent: running.original.is_some(),
    }
}

fn after(running: &RunningTask) -> Side<'_> {
    let variables = running.carried.as_ref().map(|carried| &carried.to);
    Side { containers: &running.to, variables, replicas: running.scale.map(|scale| scale.to), absent: false }
}

fn forth(running: &RunningTask) -> Way<'_> {
    Way { from: before(running), to: after(running), back: false }
}

fn back(running: &RunningTask) -> Way<'_> {
    Way { from: after(running), to: before(running), back: true }
}

impl Runner {
    /// Does one thing for one task. Nothing is recorded here, so that looking at a rollout can be broken off.
    pub(super) async fn act(&self, run: u64, task: TaskState, action: Action) -> Result<Option<Done>, Error> {
        let Some(running) = self.tasks.get(&task.id) else { return Ok(None) };
        let wanted = match action {
            Action::Observe(_) => after(running),
            Action::ObservePutBack(_) => before(running),
            Action::Apply(_) => return self.sent(run, &task, running, &forth(running)).await,
            Action::PutBack(_) => return self.sent(run, &task, running, &back(running)).await,
            Action::Withdraw(_) => {
                let change = self.withdraw(&task, running).await?;
                return Ok(Some(Done {
                    id: task.id,
                    run,
                    change,
                    available: None,
                    news: true,
                    platform: None,
                }));
            }
            Action::End(..) | Action::Finish(_) => return Ok(None),
        };
        let (found, available) = self.observe(&task, running, wanted).await?;
        let mut change = observed(&task, found, Utc::now(), self.control.patience);
        if wanted.absent && change.status == TaskStatus::PutBack {
            change.words = "its copy is removed".into();
        }
        let news = change.status != task.status;
        Ok(Some(Done { id: task.id, run, change, available, news, platform: None }))
    }

    async fn sent(
        &self,
        run: u64,
        task: &TaskState,
        running: &RunningTask,
        way: &Way<'_>,
    ) -> Result<Option<Done>, Error> {
        let sent = Instant::now();
        let answer = self.send(running, way, false).await?;
        let platform = Some(sent.elapsed());
        let change = self.accepted(task, running, way, answer).await?;
        Ok(Some(Done { id: task.id, run, change, available: None, news: true, platform }))
    }

    async fn accepted(
        &self,
        task: &TaskState,
        running: &RunningTask,
        way: &Way<'_>,
        answer: Result<SetImages, platform::Error>,
    ) -> Result<Change, Error> {
        let outcome = match answer {
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
        let change = applied(task, outcome, Utc::now(), self.control.patience);
        self.without_doubt(task, running, way, change).await
    }

    /// Makes sure of a change that ended unaccepted, where an earlier try had no answer: it may have got through.
    async fn without_doubt(
        &self,
        task: &TaskState,
        running: &RunningTask,
        way: &Way<'_>,
        change: Change,
    ) -> Result<Change, Error> {
        let tried_before = task.retries > 0 || self.resumed.contains(&task.id);
        let unaccepted = change.status.ended() && (way.back || !change.accepted);
        if !(unaccepted && tried_before) {
            return Ok(change);
        }
        Ok(match self.read(running).await? {
            Ok(Some(now)) if self.got_through(&now.workload, running, way) => {
                applied(task, Applied::Accepted, Utc::now(), self.control.patience)
            }
            Ok(_) => change,
            Err(_) => in_doubt(change),
        })
    }

    /// Whether a workload shows a change of this deployment's, even if someone else has changed it since.
    fn got_through(&self, now: &WorkloadFacts, running: &RunningTask, way: &Way<'_>) -> bool {
        let there = self.overtaken(now, way.to).is_none();
        let ours = now.deployment.as_ref() == Some(&self.annotation);
        now.uid == running.uid && if way.back { there && !way.to.absent } else { ours }
    }

    /// Finds out by a dry run whether a change that is not to be sent any more got through earlier.
    async fn withdraw(&self, task: &TaskState, running: &RunningTask) -> Result<Change, Error> {
        let way = forth(running);
        let found = match self.send(running, &way, true).await? {
            Ok(SetImages::AlreadyThere) => Withdrawn::Taken,
            Err(error) if error.is_transient() => Withdrawn::Transient(error.to_string()),
            Ok(SetImages::Accepted | SetImages::Changed(_)) | Err(_) => Withdrawn::NotTaken,
        };
        let change = withdrawn(task, found, Utc::now(), self.control.patience);
        self.without_doubt(task, running, &way, change).await
    }

    /// Sends images and variables, or makes a copy or removes it; or only tries it.
    async fn send(
        &self,
        running: &RunningTask,
        way: &Way<'_>,
        dry_run: bool,
    ) -> Result<Result<SetImages, platform::Error>, Error> {
        if let Some(original) = &running.original {
            return answered(match way.back {
                true => self.remove_copy(running).await.map(|()| SetImages::Accepted),
                false => self.copy(running, original, dry_run).await,
            });
        }
        let variables = match self.opened(way) {
            Ok(variables) => variables,
            Err(error) => return Ok(Err(platform::Error::Rejected(error.to_string()))),
        };
        let change = ImageChange {
            uid: running.uid.clone(),
            from: way.from.containers.to_vec(),
            to: way.to.containers.to_vec(),
            variables,
            scale: ReplicaChange::between(way.from.replicas, way.to.replicas),
            deployment: self.annotation.clone(),
            seen: self.seen(running).map(|seen| seen.workload),
            back: way.back,
        };
        let set = async {
            let platform = self.control.platform(running.site_id).await?;
            self.still_leads()?;
            Ok(platform.set_images(&running.cluster_external_id, &running.key, &change, dry_run).await?)
        };
        answered(set.await)
    }

    /// The variables of a change, opened.
    fn opened(&self, way: &Way<'_>) -> Result<Option<VariableChange>, VaultError> {
        let (Some(from), Some(to)) = (way.from.variables, way.to.variables) else { return Ok(None) };
        carry::opened(&self.control.vault, self.target, from, to).map(Some)
    }

    /// Words where what a workload runs is no longer what was sent.
    fn overtaken(&self, now: &WorkloadFacts, wanted: Side<'_>) -> Option<String> {
        let other = |wanted| !carry::fits(&self.control.vault, wanted, now.variables.as_ref());
        overtaken(&now.containers, wanted.containers)
            .or_else(|| {
                let words = || "its variables were changed by someone else meanwhile".to_owned();
                wanted.variables.is_some_and(other).then(words)
            })
            .or_else(|| {
                let desired = u32::try_from(now.desired).unwrap_or_default();
                let other = wanted.replicas.is_some_and(|replicas| replicas != desired);
                other.then(|| format!("it was scaled to {desired} replicas by someone else meanwhile"))
            })
    }

    /// Waits until there is something new of a rollout, and looks at it.
    async fn observe(
        &self,
        task: &TaskState,
        running: &RunningTask,
        wanted: Side<'_>,
    ) -> Result<(Observed, Option<i32>), Error> {
        let last = self.followed().get(&task.id).cloned();
        let left = task.deadline.and_then(|deadline| (deadline - Utc::now()).to_std().ok());
        let heard = self.settle(running, wanted, last, left).await;
        let seen = self.seen(running);
        self.followed().insert(task.id, seen.clone());
        // A watch that tells nothing may have fallen silent: it is not believed without asking.
        self.look(running, wanted, seen.filter(|_| heard)).await
    }

    /// Reads a task's workload now.
    pub(super) async fn read(
        &self,
        running: &RunningTask,
    ) -> Result<Result<Option<Snapshot>, platform::Error>, Error> {
        let read = async {
            let platform = self.control.platform(running.site_id).await?;
            Ok(platform.workload(&running.cluster_external_id, &running.key).await?)
        };
        answered(read.await)
    }

    /// What the watches know of a task's workload.
    fn seen(&self, running: &RunningTask) -> Option<Snapshot> {
        self.control.observer.seen(running.cluster_id, &running.key)
    }

    async fn look(
        &self,
        running: &RunningTask,
        wanted: Side<'_>,
        seen: Option<Snapshot>,
    ) -> Result<(Observed, Option<i32>), Error> {
        let read = match seen.filter(|seen| self.shows(&seen.workload, running, wanted)) {
            Some(seen) => Ok(Some(seen)),
            None => self.read(running).await?,
        };
        Ok(match read {
            Ok(Some(snapshot)) if wanted.absent && snapshot.workload.uid == running.uid => {
                (Observed::Rollout(Rollout::Progressing("its copy is being removed".into())), None)
            }
            Ok(_) if wanted.absent => (Observed::Rollout(Rollout::Done), None),
            Ok(Some(snapshot)) if snapshot.workload.uid != running.uid => {
                (Observed::Overtaken("it was deleted and made again by someone else".into()), None)
            }
            Ok(Some(snapshot)) => match self.overtaken(&snapshot.workload, wanted) {
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

    /// Whether a watch has told of this deployment's own change, and so tells the truth about it; before that it is late.
    fn shows(&self, workload: &WorkloadFacts, running: &RunningTask, wanted: Side<'_>) -> bool {
        let of_this = workload.deployment.as_ref() == Some(&self.annotation);
        !wanted.absent && of_this && workload.uid == running.uid && self.overtaken(workload, wanted).is_none()
    }

    /// Waits until the watches tell something new of the workload, with a moment for what comes with it, or for a while, or
    /// as long as is left; tells whether they did. At the first look, what is new is the change itself.
    async fn settle(
        &self,
        running: &RunningTask,
        wanted: Side<'_>,
        last: Option<Option<Snapshot>>,
        left: Option<Duration>,
    ) -> bool {
        let mut changes = self.control.observer.changes();
        let longest = match (&last, self.seen(running)) {
            (None, None) => return false,
            (None, Some(_)) | (Some(None), _) => LOOK,
            (Some(Some(_)), _) => LOOK_WATCHED,
        };
        let is_news = || match (&last, self.seen(running)) {
            (None, seen) => seen.is_none_or(|seen| self.shows(&seen.workload, running, wanted)),
            (Some(last), seen) => seen != *last,
        };
        let news = async {
            while !is_news() && changes.changed().await.is_ok() {}
            tokio::time::sleep(MOMENT).await;
        };
        let longest = self.control.patience.of(longest);
        tokio::time::timeout(left.map_or(longest, |left| left.min(longest)), news).await.is_ok()
    }
}

/// What a platform answered, where it was asked at all.
fn answered<T>(outcome: Result<T, Error>) -> Result<Result<T, platform::Error>, Error> {
    match outcome {
        Ok(answer) => Ok(Ok(answer)),
        Err(Error::Platform(error)) => Ok(Err(error)),
        Err(other) => Err(other),
    }
}

/// Words where the images are no longer those that were sent.
pub(super) fn overtaken(now: &[Container], wanted: &[Container]) -> Option<String> {
    wanted.iter().find_map(|wanted| {
        let found = now.iter().find(|found| found.name == wanted.name && found.init == wanted.init)?;
        (found.image != wanted.image)
            .then(|| format!("{} was changed to {} by someone else meanwhile", found.name, found.image))
    })
}
