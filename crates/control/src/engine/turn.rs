//! A deployment whose turn has come, perhaps long after it was confirmed: whether it may still begin.

use std::collections::BTreeSet;

use chrono::Utc;
use domain::deployment::Deployment;

use super::runner::Runner;
use crate::{Error, error::first_of};

impl Runner {
    /// Why the deployment may not begin, by what was set since it was confirmed: a freeze, a rule, a cordon.
    pub(super) async fn forbidden(&self, deployment: &Deployment) -> Result<Option<String>, Error> {
        let store = &self.control.store;
        let settings = match store.settings(deployment.target_environment_id).await {
            Err(store::Error::NotFound) => return Ok(Some("the environment is no longer there".to_owned())),
            settings => settings?.settings,
        };
        if let Some(freeze) = settings.frozen(Utc::now())
            && !store.overrides_freeze(deployment.id).await?
        {
            return Ok(Some(format!("the environment is {freeze}")));
        }
        let on: BTreeSet<_> = self.tasks.values().map(|task| task.cluster_id).collect();
        let clusters = store.clusters(None).await?;
        if let Some(cluster) = clusters.into_iter().find(|one| one.cordoned && on.contains(&one.id)) {
            return Ok(Some(format!("cluster {} is cordoned", cluster.name)));
        }
        if deployment.undo_of.is_some() {
            return Ok(None);
        }
        if !settings.manages.variables && self.brings_variables(deployment) {
            return Ok(Some(
                "the environment's settings leave variables on Kubernetes to others by now".to_owned(),
            ));
        }
        let revision = store.variables(deployment.target_environment_id, Some(deployment.revision)).await?;
        let variables = revision.map(|(_, variables)| variables).unwrap_or_default();
        let broken: Vec<String> = deployment
            .results
            .iter()
            .filter_map(|task| {
                let missing = settings.missing(&variables, task.key());
                let broken =
                    settings.broken(&task.containers, task.replicas).into_iter().chain(missing).next();
                Some(format!("{}: {}", task.name, broken?.message))
            })
            .collect();
        Ok((!broken.is_empty()).then(|| first_of(&broken)))
    }

    /// Whether it brings variables to workloads of another site than this server's own.
    fn brings_variables(&self, deployment: &Deployment) -> bool {
        let local = self.control.local.id();
        deployment
            .results
            .iter()
            .filter(|task| !task.variables.is_empty())
            .any(|task| self.tasks.get(&task.id).is_some_and(|running| Some(running.site_id) != local))
    }
}
