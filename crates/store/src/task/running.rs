//! Tasks as they are carried out.

use std::collections::HashMap;

use domain::{
    id::{ClusterId, DeploymentId, ServiceId, SiteId, TaskId},
    relocation::Original,
    replicas::ReplicaChange,
    service::{Container, WorkloadKind},
    sync::{ContainerChange, with_images},
    variable::Carried,
    workload::WorkloadKey,
};
use sea_orm::entity::prelude::*;

use super::{Column, Entity, Model};
use crate::{Error, Store};

/// What it takes to carry a task out.
#[derive(Clone, Debug)]
pub struct RunningTask {
    /// The task.
    pub id: TaskId,
    /// The service it changes.
    pub service_id: ServiceId,
    /// The service's site.
    pub site_id: SiteId,
    /// The service's cluster.
    pub cluster_id: ClusterId,
    /// The site's own id of the cluster.
    pub cluster_external_id: String,
    /// The workload.
    pub key: WorkloadKey,
    /// The object that was confirmed.
    pub uid: String,
    /// All its containers as confirmed.
    pub from: Vec<Container>,
    /// What its turn may find as well, until it has begun.
    pub alternatives: Vec<Vec<Container>>,
    /// What moves.
    pub changes: Vec<ContainerChange>,
    /// The same containers with the images to come.
    pub to: Vec<Container>,
    /// What it does to the workload's variables, where its site gives any.
    pub carried: Option<Carried>,
    /// What becomes of the workload's replicas, where they change.
    pub scale: Option<ReplicaChange>,
    /// What it copies, where it makes the workload.
    pub original: Option<Original>,
}

impl TryFrom<Model> for RunningTask {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let from: Vec<Container> = serde_json::from_value(row.found)?;
        let changes: Vec<ContainerChange> = serde_json::from_value(row.containers)?;
        let to = with_images(&from, &changes);
        Ok(RunningTask {
            id: row.id.into(),
            service_id: row.target_service_id.into(),
            site_id: row.site_id.into(),
            cluster_id: row.cluster_id.into(),
            cluster_external_id: row.cluster_external_id,
            key: WorkloadKey {
                namespace: row.namespace,
                kind: WorkloadKind::from(row.kind.as_str()),
                name: row.name,
            },
            uid: row.uid,
            from,
            alternatives: serde_json::from_value(row.alternatives)?,
            changes,
            to,
            carried: row.carried.map(serde_json::from_value).transpose()?,
            scale: row.scale.map(serde_json::from_value).transpose()?,
            original: row.original.map(serde_json::from_value).transpose()?,
        })
    }
}

impl Store {
    /// What it takes to carry a deployment's tasks out.
    pub async fn running_tasks(&self, id: DeploymentId) -> Result<Vec<RunningTask>, Error> {
        let rows = Entity::find().filter(Column::DeploymentId.eq(id.0)).all(&self.db).await?;
        rows.into_iter().map(RunningTask::try_from).collect()
    }

    /// What a deployment did to its targets' variables.
    pub async fn carried_by(&self, id: DeploymentId) -> Result<HashMap<ServiceId, Carried>, Error> {
        let tasks = self.running_tasks(id).await?.into_iter();
        Ok(tasks.filter_map(|task| Some((task.service_id, task.carried?))).collect())
    }
}
