//! The end of a move: once all copies serve, the app instance is bound to them and the originals go; else the copies go.

use chrono::Utc;
use domain::{deployment::DeploymentStatus, relocation::Original};
use platform::{Copy, SetImages};
use store::RunningTask;

use super::runner::Runner;
use crate::Error;

impl Runner {
    /// Makes a task's copy, or only tries it.
    pub(super) async fn copy(
        &self,
        task: &RunningTask,
        original: &Original,
        dry_run: bool,
    ) -> Result<SetImages, Error> {
        let platform = self.control.platform(task.site_id).await?;
        self.still_leads()?;
        let copy = Copy {
            key: task.key.clone(),
            original: original.clone(),
            to: task.cluster_external_id.clone(),
            uid: task.uid.clone(),
            deployment: self.annotation.clone(),
        };
        Ok(platform.copy(&copy, dry_run).await?)
    }

    /// Removes a task's copy.
    pub(super) async fn remove_copy(&self, task: &RunningTask) -> Result<(), Error> {
        self.remove(task, &task.cluster_external_id, &task.uid).await
    }

    /// Hands an app instance over to its copies, where all of them are up, and removes what is left on the other side. Each
    /// part may be done again after a crash. Gives out how the deployment ends, and words where nothing was handed over.
    pub(super) async fn hand_over(
        &self,
        status: DeploymentStatus,
    ) -> Result<(DeploymentStatus, Option<String>), Error> {
        let tasks = || self.tasks.values().filter_map(|task| Some((task, task.original.as_ref()?)));
        let Some((first, _)) = tasks().next() else { return Ok((status, None)) };
        let mut kept = None;
        if status == DeploymentStatus::Complete {
            kept = self.bind(first).await?;
            if kept.is_none() {
                for (task, original) in tasks() {
                    self.remove(task, &original.external_id, &original.uid).await?;
                }
                return Ok((status, None));
            }
        }
        for (task, _) in tasks() {
            self.remove_copy(task).await?;
        }
        let stays = "the copies are removed, and the app instance stays where it is";
        Ok(match kept {
            Some(why) => (DeploymentStatus::Failed, Some(format!("{why}; {stays}"))),
            None => (status, Some(stays.to_owned())),
        })
    }

    /// Binds the app instance to its new cluster, unless that was done already; words where it stays.
    async fn bind(&self, first: &RunningTask) -> Result<Option<String>, Error> {
        let deployment = self.control.store.deployment(self.lease.deployment).await?;
        let Some(moved) = deployment.results.first().map(|task| task.target_app_instance_id) else {
            return Ok(None);
        };
        let instance = match self.control.store.app_instance(moved).await {
            Err(store::Error::NotFound) => {
                return Ok(Some("the app instance was removed meanwhile".to_owned()));
            }
            found => found?,
        };
        if instance.cluster_id == first.cluster_id {
            return Ok(None);
        }
        for task in self.tasks.values() {
            let Some(original) = &task.original else { continue };
            match self.copy(task, original, true).await? {
                SetImages::AlreadyThere => {}
                SetImages::Changed(words) => return Ok(Some(words)),
                SetImages::Accepted => return Ok(Some(format!("the copy of {} is gone", task.key.name))),
            }
        }
        let mut write = self.control.store.write().await?;
        match write.relocate(&self.lease, &instance, first.cluster_id, Utc::now()).await {
            Err(store::Error::Duplicate(_)) => {
                return Ok(Some("the namespace was bound to another environment meanwhile".to_owned()));
            }
            // Where somebody has just edited it, all this is done again.
            done => done?,
        }
        write.commit().await?;
        self.control.observer.refresh();
        Ok(None)
    }

    async fn remove(&self, task: &RunningTask, cluster: &str, uid: &str) -> Result<(), Error> {
        let platform = self.control.platform(task.site_id).await?;
        self.still_leads()?;
        Ok(platform.remove(cluster, &task.key, uid).await?)
    }
}
