//! Deployments that only one server can carry out, because they change what runs on its machine.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use domain::{
    id::{DeploymentId, SiteId},
    site::SiteKind,
};
use sea_orm::{JoinType, QuerySelect, entity::prelude::*};

use crate::{Error, Store, deployment, site, task, watch_lease};

/// A deployment that this server cannot carry out, as it changes what runs on another's machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnOtherMachine {
    /// The machine, as its site is called.
    pub machine: String,
    /// The machine's server is there: it watches what the deployment changes.
    pub is_watched: bool,
}

impl Store {
    /// Of these deployments, those with something to do on other servers' machines and nothing on this one's, `here`. One that
    /// was cancelled is not among them: whoever takes it up can end it.
    pub async fn on_other_machines(
        &self,
        here: Option<SiteId>,
        of: &[DeploymentId],
        now: DateTime<Utc>,
    ) -> Result<HashMap<DeploymentId, OnOtherMachine>, Error> {
        let machines: Vec<(Uuid, String)> = site::Entity::find()
            .select_only()
            .columns([site::Column::Id, site::Column::Name])
            .filter(site::Column::Kind.eq(SiteKind::Local.as_str()))
            .into_tuple()
            .all(&self.db)
            .await?;
        let machines: HashMap<Uuid, String> = machines.into_iter().collect();
        if of.is_empty() || machines.keys().all(|id| here.is_some_and(|here| here.0 == *id)) {
            return Ok(HashMap::new());
        }
        let tasks: Vec<(Uuid, Uuid, Uuid)> = task::Entity::find()
            .select_only()
            .columns([task::Column::DeploymentId, task::Column::SiteId, task::Column::ClusterId])
            .distinct()
            .join(JoinType::InnerJoin, task::Relation::Deployment.def())
            .filter(deployment::Column::CancelRequested.eq(false))
            .filter(task::Column::DeploymentId.is_in(of.iter().map(|id| id.0)))
            .filter(task::Column::SiteId.is_in(machines.keys().copied()))
            .into_tuple()
            .all(&self.db)
            .await?;
        let watched: Vec<Uuid> = watch_lease::Entity::find()
            .select_only()
            .column(watch_lease::Column::ClusterId)
            .filter(watch_lease::Column::Until.gte(now))
            .into_tuple()
            .all(&self.db)
            .await?;
        let watched: HashSet<Uuid> = watched.into_iter().collect();
        let within_reach: HashSet<Uuid> = tasks
            .iter()
            .filter(|(_, site, _)| here.is_some_and(|here| here.0 == *site))
            .map(|(deployment, ..)| *deployment)
            .collect();
        let mut found: HashMap<DeploymentId, OnOtherMachine> = HashMap::new();
        for (deployment, site, cluster) in tasks {
            if within_reach.contains(&deployment) {
                continue;
            }
            let machine = machines.get(&site).cloned().unwrap_or_default();
            let one = found.entry(deployment.into()).or_insert(OnOtherMachine { machine, is_watched: false });
            one.is_watched |= watched.contains(&cluster);
        }
        Ok(found)
    }
}
