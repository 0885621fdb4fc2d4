//! A deployment that has waited is bound to what its turn finds, as far as its preview allowed for that.

use domain::{
    id::TaskId,
    service::Container,
    sync::{ContainerChange, with_images},
    variable::Values,
    workload::WorkloadFacts,
};
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use store::RunningTask;

use super::{act::overtaken, runner::Runner};
use crate::{Error, variable::carry::fits};

/// Workloads that are read at once.
const PARALLEL: usize = 16;

/// A task, and what it finds in place of what was expected.
struct Found {
    id: TaskId,
    containers: Option<Vec<Container>>,
    variables: Option<Values>,
}

impl Runner {
    /// Binds tasks anew that find one of their alternatives. What cannot be read, or is something else, is told when the
    /// task's change is sent.
    pub(super) async fn rebind(&mut self) -> Result<(), Error> {
        let rebound = self.found().await?;
        if rebound.is_empty() {
            return Ok(());
        }
        let mut write = self.control.store.write().await?;
        for Found { id, containers, variables } in rebound {
            let Some(task) = self.tasks.get_mut(&id) else { continue };
            if let Some(found) = containers {
                rebind(&mut task.changes, &found);
                task.to = with_images(&found, &task.changes);
                task.from = found;
            }
            if let (Some(found), Some(carried)) = (variables, &mut task.carried) {
                carried.from = found;
            }
            write.rebind_task(&self.lease, id, &task.from, &task.changes, task.carried.as_ref()).await?;
        }
        Ok(write.commit().await?)
    }

    /// Which alternative each task finds that does not find what was expected. The lease is kept meanwhile.
    async fn found(&self) -> Result<Vec<Found>, Error> {
        let mut waited = self.tasks.values().filter(|task| !task.alternatives.is_empty());
        let mut reads: FuturesUnordered<_> =
            waited.by_ref().take(PARALLEL).map(|task| self.look_at(task)).collect();
        let mut renew = self.renewals();
        let mut rebound = Vec::new();
        loop {
            tokio::select! {
                read = reads.next() => {
                    let Some(read) = read else { return Ok(rebound) };
                    rebound.extend(read?);
                    reads.extend(waited.next().map(|task| self.look_at(task)));
                }
                _ = renew.tick() => self.renew().await?,
            }
        }
    }

    /// The alternative that one task finds.
    fn look_at<'a>(&'a self, task: &'a RunningTask) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async move {
            let Ok(Some(now)) = self.read(task).await? else { return Ok(None) };
            let containers = found(task, &now.workload.containers);
            let variables = self.given(task, &now.workload);
            let is_other = containers.is_some() || variables.is_some();
            Ok(is_other.then_some(Found { id: task.id, containers, variables }))
        })
    }

    /// The alternative that a workload has been given, where that is not what was expected.
    fn given(&self, task: &RunningTask, now: &WorkloadFacts) -> Option<Values> {
        let carried = task.carried.as_ref()?;
        let has = |values: &Values| fits(&self.control.vault, values, now.variables.as_ref());
        if has(&carried.from) {
            return None;
        }
        carried.alternatives.iter().find(|values| has(values)).cloned()
    }
}

/// Has changes start from what was found.
fn rebind(changes: &mut [ContainerChange], found: &[Container]) {
    for change in changes {
        let now = found.iter().find(|now| now.name == change.name && now.init == change.init);
        let Some(now) = now else { continue };
        if !change.moves() {
            // It was not to move, whatever was expected of it.
            change.to.clone_from(&now.image);
            change.to_version = now.image_ref().version();
        }
        change.from.clone_from(&now.image);
        change.from_version = now.image_ref().version();
    }
}

/// The alternative that is there, where it is not what was expected.
fn found(task: &RunningTask, now: &[Container]) -> Option<Vec<Container>> {
    overtaken(now, &task.from)?;
    task.alternatives.iter().find(|alternative| overtaken(now, alternative).is_none()).cloned()
}
