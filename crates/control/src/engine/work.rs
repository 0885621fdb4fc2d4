//! What is under way of a deployment.

use std::{collections::HashMap, sync::Arc};

use domain::{
    engine::{Action, TaskState},
    id::TaskId,
};
use tokio::{
    task::{AbortHandle, JoinError, JoinSet},
    time::Instant,
};

use super::{act::Done, runner::Runner};
use crate::Error;

/// Actions under way, each as a task of its own: one that waits for the database while holding it must not wait for the
/// loop that decides.
#[derive(Default)]
pub(super) struct Work {
    running: JoinSet<Result<Option<Done>, Error>>,
    by_task: HashMap<TaskId, Run>,
    runs: u64,
}

struct Run {
    number: u64,
    decided: Instant,
    observes: bool,
    handle: AbortHandle,
}

fn observes(action: &Action) -> bool {
    matches!(action, Action::Observe(_) | Action::ObservePutBack(_))
}

impl Work {
    pub(super) fn is_empty(&self) -> bool {
        self.by_task.is_empty()
    }

    /// Whether an action can begin: nothing is under way for its task, or only a rollout is watched and something is to be
    /// done about it now.
    pub(super) fn makes_way(&mut self, id: TaskId, action: &Action) -> bool {
        match self.by_task.get(&id) {
            None => true,
            Some(run) if run.observes && !observes(action) => {
                run.handle.abort();
                self.by_task.remove(&id);
                true
            }
            Some(_) => false,
        }
    }

    /// Begins an action that was decided on at that moment.
    pub(super) fn start(&mut self, runner: &Arc<Runner>, task: TaskState, action: Action, decided: Instant) {
        self.runs += 1;
        let (number, id, observes, runner) = (self.runs, task.id, observes(&action), runner.clone());
        let handle = self.running.spawn(async move { runner.act(number, task, action).await });
        self.by_task.insert(id, Run { number, decided, observes, handle });
    }

    /// Waits until something is done, and gives out all that is, with when it was decided on.
    pub(super) async fn done(&mut self) -> Result<Vec<(Done, Instant)>, Error> {
        let mut done = Vec::new();
        let mut next = self.running.join_next().await;
        while let Some(joined) = next {
            done.extend(self.taken(joined)?);
            next = self.running.try_join_next();
        }
        Ok(done)
    }

    /// What was broken off, or has been followed by another action since, is of no interest any more.
    fn taken(
        &mut self,
        joined: Result<Result<Option<Done>, Error>, JoinError>,
    ) -> Result<Option<(Done, Instant)>, Error> {
        let done = match joined {
            Ok(done) => done?,
            Err(error) if error.is_cancelled() => None,
            Err(error) => return Err(Error::conflict("task_panicked", error.to_string())),
        };
        let current = |done: &Done| self.by_task.get(&done.id).is_some_and(|run| run.number == done.run);
        Ok(done.filter(current).and_then(|done| {
            let run = self.by_task.remove(&done.id)?;
            Some((done, run.decided))
        }))
    }
}
