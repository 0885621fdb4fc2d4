//! A deployment that has waited is bound to what its turn finds, as far as its preview allowed for that.

use domain::{service::Container, sync::with_images};
use store::RunningTask;

use super::{act::overtaken, runner::Runner};
use crate::Error;

impl Runner {
    /// Binds tasks anew that find one of their alternatives. What cannot be read, or is something else, is told when the
    /// task's change is sent.
    pub(super) async fn rebind(&mut self) -> Result<(), Error> {
        let mut rebound = Vec::new();
        for task in self.tasks.values().filter(|task| !task.alternatives.is_empty()) {
            if let Ok(Some(now)) = self.read(task).await?
                && let Some(found) = found(task, &now.workload.containers)
            {
                rebound.push((task.id, found));
            }
        }
        let mut write = self.control.store.write().await?;
        for (id, found) in rebound {
            let Some(task) = self.tasks.get_mut(&id) else { continue };
            for change in &mut task.changes {
                let now = found.iter().find(|now| now.name == change.name && now.init == change.init);
                if let Some(now) = now {
                    change.from.clone_from(&now.image);
                    change.from_version = now.image_ref().version();
                }
            }
            write.rebind_task(&self.lease, id, &found, &task.changes).await?;
            task.to = with_images(&found, &task.changes);
            task.from = found;
        }
        Ok(write.commit().await?)
    }
}

/// The alternative that is there, where it is not what was expected.
fn found(task: &RunningTask, now: &[Container]) -> Option<Vec<Container>> {
    overtaken(now, &task.from)?;
    task.alternatives.iter().find(|alternative| overtaken(now, alternative).is_none()).cloned()
}
