//! Judges what is recorded against what really happened in the clusters.

use chrono::{DateTime, Utc};
use domain::{
    deployment::{DeploymentStatus, TaskStatus},
    sync::OnFailure,
};

use super::{
    judge::Effect,
    network::Request,
    platform::Workload,
    record::{Bound, TaskRow, Written},
    world::World,
};

impl World {
    /// A cluster is about to make a change: its workload is as confirmed, the change is made for the first time, and it was
    /// sent while its task was to be worked on.
    pub(super) fn judge_effect(&mut self, request: &Request, back: bool) {
        let (deployment, task) = (request.address.key.deployment, request.address.task);
        let TaskRow { bound, state, .. } = &self.record.rows[deployment].tasks[task];
        let named = format!("task {deployment}/{task}, {}, back: {back}", state.status);
        let wanted = if back { TaskStatus::PuttingBack } else { TaskStatus::Applying };
        let late = state.status != wanted;
        if late {
            // It was under way already, or its server has been paused and knows no better.
            let newest = self.judge.is_newest(deployment, request.address.key.epoch);
            let since = self.judge.known[deployment][task].since;
            assert!(!newest || request.sent_at <= since, "{named}: sent after it was to be sent");
            self.scheduler.meet("a change came late, after its task had ended");
        }
        let now = self.platform.places[request.place].now.as_ref();
        let (uid, from) = (bound.uid, if back { bound.to } else { bound.from });
        assert!(now.is_some_and(|now| now.runs(uid, from)), "{named}: it is not as confirmed");
        let ours = now.is_some_and(|now| now.annotation == Some(deployment));
        let known = &mut self.judge.known[deployment][task];
        let first = known.effects.iter().all(|effect| effect.back != back);
        // Someone who sets the very images by hand that are to be put back is not told from the deployment: where it never
        // got through, and where they do it after the put-back, which is then tried again.
        let same_by_hand = back && (known.effects.is_empty() || !first);
        assert!(ours == back || same_by_hand, "{named}: what is overwritten is somebody else's, or our own");
        assert!(first || same_by_hand || late, "{named}: made twice");
        if same_by_hand {
            self.scheduler.meet("what someone else set to the very images to be put back was put back");
        }
        known.effects.push(Effect { at: self.scheduler.now(), back, late });
    }

    /// What is recorded of a task is true, as far as the platform had told its runner.
    pub(super) fn judge_truth(&self, written: &Written, named: &str) {
        let Written { lease, task, before, as_of } = written;
        let row = &self.record.rows[lease.deployment].tasks[*task];
        let (after, known) = (&row.state, &self.judge.known[lease.deployment][*task]);
        let Bound { place, uid, from, to, .. } = row.bound;
        let forth = known.effects.iter().find(|effect| !effect.back).map(|effect| effect.at);
        let ever = |since: DateTime<Utc>, was: &dyn Fn(Option<&Workload>) -> bool| {
            self.platform.places[place].ever(since, was)
        };
        // What was changed and then deleted is not there any more to be found changed.
        let replaced = |since| ever(since, &|it| it.is_none_or(|it| it.uid != uid));
        let changed = forth.is_some_and(|at| at <= *as_of && !replaced(at));
        let ran = |since, images| {
            ever(since, &|it| it.is_some_and(|it| it.runs(uid, images) && it.is_rolled_out()))
        };
        if before.status == after.status {
            return;
        }
        if after.status.ended() {
            self.scheduler.meet(met(&after.status));
        }
        match after.status {
            TaskStatus::RollingOut => assert!(forth.is_some(), "{named}: the cluster never accepted it"),
            TaskStatus::Success => {
                assert!(forth.is_some_and(|at| ran(at, to)), "{named}: it never ran");
            }
            TaskStatus::PutBack => {
                assert!(ran(forth.unwrap_or_default(), from), "{named}: the earlier images never ran again");
            }
            TaskStatus::Cancelled | TaskStatus::Skipped if before.status == TaskStatus::Pending => {
                assert!(!known.sent, "{named}: it was sent");
            }
            TaskStatus::Cancelled | TaskStatus::Refused => {
                // Of a request that came twice in the first try the second answer alone may be heard; the words tell it.
                let by_us = row.error.as_ref().is_some_and(|words| words.contains("by this sync, and by"));
                let doubled = before.retries == 0 && by_us;
                let denied = !after.accepted && (!changed || doubled);
                assert!(denied, "{named}: it was changed, or may have been");
            }
            TaskStatus::Failed if before.status == TaskStatus::Applying => {
                assert!(after.accepted || !changed, "{named}: it was changed, and that is not recorded");
            }
            TaskStatus::Failed => {
                let since = forth.unwrap_or_default();
                let overtaken = || ever(since, &|it| it.is_none_or(|it| !it.runs(uid, to)));
                let gave_up = || ever(since, &|it| it.is_some_and(|it| it.gave_up()));
                let late = before.deadline.is_some_and(|deadline| self.scheduler.now() >= deadline);
                let true_to_it = if after.accepted { late || gave_up() } else { overtaken() };
                assert!(true_to_it, "{named}: nothing was wrong with it");
            }
            _ => {}
        }
        let badly =
            matches!(after.status, TaskStatus::Failed | TaskStatus::Refused | TaskStatus::PutBackFailed);
        assert!(
            !badly || row.error.as_ref().is_some_and(|words| !words.is_empty()),
            "{named}: without words"
        );
    }

    /// How a deployment ended is what became of its tasks, and of their workloads.
    pub(super) fn judge_outcome(&self, deployment: usize) {
        let row = &self.record.rows[deployment];
        let all = |allowed: &[TaskStatus]| row.tasks.iter().all(|task| allowed.contains(&task.state.status));
        let any = |status: &[TaskStatus]| row.tasks.iter().any(|task| status.contains(&task.state.status));
        let statuses = || row.tasks.iter().map(|task| task.state.status.to_string()).collect::<Vec<_>>();
        let failed = any(&[TaskStatus::Failed, TaskStatus::Refused, TaskStatus::PutBackFailed]);
        let put_back = any(&[TaskStatus::PutBack]);
        let right = match row.status {
            DeploymentStatus::Complete => all(&[TaskStatus::Success]),
            DeploymentStatus::Failed => failed,
            DeploymentStatus::Cancelled => {
                row.cancel_requested && all(&[TaskStatus::Success, TaskStatus::Cancelled])
            }
            DeploymentStatus::PutBack => put_back && !any(&[TaskStatus::Success, TaskStatus::PutBackFailed]),
            _ => false,
        };
        assert!(right, "deployment {deployment} ends {}, with {:?}", row.status, statuses());
        let unended = row.tasks.iter().find(|task| !task.state.status.ended());
        assert!(unended.is_none(), "deployment {deployment} ends before {unended:?}");
        if row.on_failure == OnFailure::PutBack && (failed || put_back) {
            let left = row.tasks.iter().position(|task| {
                task.state.accepted && matches!(task.state.status, TaskStatus::Success | TaskStatus::Failed)
            });
            assert!(left.is_none(), "deployment {deployment} was not put back: {left:?}");
        }
    }

    /// What holds when nothing is on its way any more: every workload that a deployment was the last to write runs what is
    /// recorded of it.
    pub(super) fn judge_end(&self) {
        for (index, row) in self.record.rows.iter().enumerate() {
            assert!(row.status.ended(), "deployment {index} has not ended");
            for (task, known) in row.tasks.iter().zip(&self.judge.known[index]) {
                let Bound { place, uid, from, to, .. } = task.bound;
                let now = self.platform.places[place].now.as_ref();
                let last = known.effects.last();
                let untouched = last.is_none_or(|effect| {
                    !self.platform.places[place].ever(effect.at, |it| {
                        it.is_none_or(|it| !it.runs(uid, if effect.back { from } else { to }))
                    })
                });
                let ours = now.is_some_and(|now| now.annotation == Some(index));
                if !ours || !untouched || known.effects.iter().any(|effect| effect.late) {
                    continue;
                }
                let images = match task.state.status {
                    TaskStatus::Success => to,
                    TaskStatus::PutBack => from,
                    _ => continue,
                };
                assert!(now.is_some_and(|now| now.runs(uid, images)), "task of {index}: {:?}", task.state);
            }
        }
    }
}

fn met(status: &TaskStatus) -> &'static str {
    match status {
        TaskStatus::Success => "task success",
        TaskStatus::Failed => "task failed",
        TaskStatus::Refused => "task refused",
        TaskStatus::Cancelled => "task cancelled",
        TaskStatus::Skipped => "task skipped",
        TaskStatus::PutBack => "task put_back",
        TaskStatus::PutBackFailed => "task put_back_failed",
        _ => "task ended otherwise",
    }
}
