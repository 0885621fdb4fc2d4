//! A deployment that has waited is bound to what its turn finds, as far as its preview allowed for that.

use domain::{id::TaskId, service::Container, sync::with_images};
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use store::RunningTask;

use super::{act::overtaken, runner::Runner};
use crate::Error;

/// Workloads that are read at once.
const PARALLEL: usize = 16;

/// A task, and what it finds in place of what was expected.
type Found = (TaskId, Vec<Container>);

impl Runner {
    /// Binds tasks anew that find one of their alternatives. What cannot be read, or is something else, is told when the
    /// task's change is sent.
    pub(super) async fn rebind(&mut self) -> Result<(), Error> {
        let rebound = self.found().await?;
        if rebound.is_empty() {
            return Ok(());
        }
        let mut write = self.control.store.write().await?;
        for (id, found) in rebound {
            let Some(task) = self.tasks.get_mut(&id) else { continue };
            for change in &mut task.changes {
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
            write.rebind_task(&self.lease, id, &found, &task.changes).await?;
            task.to = with_images(&found, &task.changes);
            task.from = found;
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
            Ok(found(task, &now.workload.containers).map(|found| (task.id, found)))
        })
    }
}

/// The alternative that is there, where it is not what was expected.
fn found(task: &RunningTask, now: &[Container]) -> Option<Vec<Container>> {
    overtaken(now, &task.from)?;
    task.alternatives.iter().find(|alternative| overtaken(now, alternative).is_none()).cloned()
}
