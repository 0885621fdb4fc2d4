//! Tasks: one service's part of a deployment.

mod running;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{
    deployment::{Task, TaskStatus},
    engine::{Change, TaskState, takes_room},
    id::{ClusterId, DeploymentId, ServiceId, SiteId, TaskId},
    image::ImageRef,
    service::{Container, WorkloadKind},
    sync::ContainerChange,
    variable::Carried,
};
use sea_orm::{ActiveValue::Set, JoinType, QueryOrder, QuerySelect, entity::prelude::*};

pub use running::RunningTask;

use crate::{Error, Lease, Store, Write, deployment};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "task")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    pub(crate) deployment_id: Uuid,
    position: i32,
    service_id: Uuid,
    source_app_instance_id: Option<Uuid>,
    pub(crate) target_service_id: Uuid,
    pub(crate) target_app_instance_id: Uuid,
    site_id: Uuid,
    cluster_id: Uuid,
    cluster_external_id: String,
    cluster: String,
    namespace: String,
    application: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    uid: String,
    found: Json,
    alternatives: Json,
    pub(crate) containers: Json,
    variables: Json,
    pub(crate) carried: Option<Json>,
    pub(crate) scale: Option<Json>,
    original: Option<Json>,
    status: String,
    busy: Option<bool>,
    words: String,
    error: Option<String>,
    accepted: bool,
    retries: i32,
    not_before: Option<DateTimeUtc>,
    deadline: Option<DateTimeUtc>,
    available: i32,
    replicas: i32,
    started_at: Option<DateTimeUtc>,
    ended_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(
        belongs_to = "deployment::Entity",
        from = "Column::DeploymentId",
        to = "deployment::Column::Id"
    )]
    Deployment,
}

impl ActiveModelBehavior for ActiveModel {}

/// A task about to be stored.
#[derive(Clone, Debug)]
pub struct NewTask {
    /// What is shown of it.
    pub task: Task,
    /// The target's site.
    pub site_id: SiteId,
    /// The site's own id of the cluster.
    pub cluster_external_id: String,
    /// The object that was confirmed.
    pub uid: String,
    /// All its containers as confirmed.
    pub found: Vec<Container>,
    /// What its turn may find as well.
    pub alternatives: Vec<Vec<Container>>,
    /// What it does to the target's variables, where its site gives any.
    pub carried: Option<Carried>,
}

impl TryFrom<Model> for Task {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let containers: Vec<ContainerChange> = serde_json::from_value(row.containers)?;
        let first = containers.iter().find(|change| change.moves()).or(containers.first());
        Ok(Task {
            id: row.id.into(),
            service_id: row.service_id.into(),
            source_app_instance_id: row.source_app_instance_id.map(Into::into),
            target_service_id: row.target_service_id.into(),
            target_app_instance_id: row.target_app_instance_id.into(),
            cluster_id: row.cluster_id.into(),
            cluster: row.cluster,
            namespace: row.namespace,
            application: row.application,
            kind: WorkloadKind::from(row.kind.as_str()),
            name: row.name,
            previous_image_tag: first
                .map(|change| ImageRef::parse(&change.from).version())
                .unwrap_or_default(),
            new_image_tag: first.map(|change| ImageRef::parse(&change.to).version()).unwrap_or_default(),
            containers,
            variables: serde_json::from_value(row.variables)?,
            scale: row.scale.map(serde_json::from_value).transpose()?,
            original: row.original.map(serde_json::from_value).transpose()?,
            status: TaskStatus::from(row.status.as_str()),
            words: row.words,
            error: row.error,
            retries: row.retries.max(0) as u32,
            accepted: row.accepted,
            available: row.available,
            replicas: row.replicas,
            started_at: row.started_at,
            timestamp: row.ended_at,
            address: None,
        })
    }
}

fn active(deployment: DeploymentId, position: usize, new: &NewTask) -> Result<ActiveModel, Error> {
    let task = &new.task;
    Ok(ActiveModel {
        id: Set(task.id.0),
        deployment_id: Set(deployment.0),
        position: Set(position as i32),
        service_id: Set(task.service_id.0),
        source_app_instance_id: Set(task.source_app_instance_id.map(|id| id.0)),
        target_service_id: Set(task.target_service_id.0),
        target_app_instance_id: Set(task.target_app_instance_id.0),
        site_id: Set(new.site_id.0),
        cluster_id: Set(task.cluster_id.0),
        cluster_external_id: Set(new.cluster_external_id.clone()),
        cluster: Set(task.cluster.clone()),
        namespace: Set(task.namespace.clone()),
        application: Set(task.application.clone()),
        kind: Set(task.kind.to_string()),
        name: Set(task.name.clone()),
        uid: Set(new.uid.clone()),
        found: Set(serde_json::to_value(&new.found)?),
        alternatives: Set(serde_json::to_value(&new.alternatives)?),
        containers: Set(serde_json::to_value(&task.containers)?),
        variables: Set(serde_json::to_value(&task.variables)?),
        carried: Set(new.carried.as_ref().map(serde_json::to_value).transpose()?),
        scale: Set(task.scale.map(serde_json::to_value).transpose()?),
        original: Set(task.original.as_ref().map(serde_json::to_value).transpose()?),
        status: Set(TaskStatus::Pending.to_string()),
        busy: Set(None),
        words: Set(task.words.clone()),
        error: Set(None),
        accepted: Set(false),
        retries: Set(0),
        not_before: Set(None),
        deadline: Set(None),
        available: Set(task.available),
        replicas: Set(task.replicas),
        started_at: Set(None),
        ended_at: Set(None),
    })
}

/// A deployment's tasks, in their order.
pub(crate) async fn of_deployment(db: &impl ConnectionTrait, id: DeploymentId) -> Result<Vec<Task>, Error> {
    let query = Entity::find().filter(Column::DeploymentId.eq(id.0)).order_by_asc(Column::Position);
    query.all(db).await?.into_iter().map(Task::try_from).collect()
}

/// A deployment's tasks as the engine steps on them.
pub(crate) async fn states(db: &impl ConnectionTrait, id: DeploymentId) -> Result<Vec<TaskState>, Error> {
    let query = Entity::find().filter(Column::DeploymentId.eq(id.0)).order_by_asc(Column::Position);
    let state = |row: Model| TaskState {
        id: row.id.into(),
        cluster: row.cluster_id.into(),
        status: TaskStatus::from(row.status.as_str()),
        accepted: row.accepted,
        retries: row.retries.max(0) as u32,
        not_before: row.not_before,
        deadline: row.deadline,
    };
    Ok(query.all(db).await?.into_iter().map(state).collect())
}

impl Store {
    /// How many tasks of other deployments are under way in each cluster.
    pub async fn under_way_elsewhere(&self, id: DeploymentId) -> Result<HashMap<ClusterId, usize>, Error> {
        let in_flight = TaskStatus::ALL.iter().filter(|status| status.in_flight()).map(TaskStatus::as_str);
        let counts: Vec<(Uuid, String, String, i64)> = Entity::find()
            .select_only()
            .columns([Column::ClusterId, Column::Status])
            .column(deployment::Column::OnFailure)
            .column_as(Column::Id.count(), "count")
            .join(JoinType::InnerJoin, Relation::Deployment.def())
            .filter(Column::DeploymentId.ne(id.0))
            .filter(Column::Busy.eq(true))
            .filter(Column::Status.is_in(in_flight))
            .group_by(Column::ClusterId)
            .group_by(Column::Status)
            .group_by(deployment::Column::OnFailure)
            .into_tuple()
            .all(&self.db)
            .await?;
        let mut under_way: HashMap<ClusterId, usize> = HashMap::new();
        for (cluster, status, on_failure, count) in counts {
            if takes_room(&on_failure.as_str().into(), &status.as_str().into()) {
                *under_way.entry(cluster.into()).or_default() += count as usize;
            }
        }
        Ok(under_way)
    }

    /// The containers' images that the last deployment left a service with, and when; none where it was never deployed.
    pub async fn last_deployed(
        &self,
        services: &[ServiceId],
    ) -> Result<Vec<(ServiceId, DateTime<Utc>, Vec<ContainerChange>)>, Error> {
        let rows = Entity::find()
            .join(JoinType::InnerJoin, Relation::Deployment.def())
            .filter(Column::TargetServiceId.is_in(services.iter().map(|id| id.0)))
            .filter(Column::Accepted.eq(true))
            .order_by_asc(Column::EndedAt)
            .all(&self.db)
            .await?;
        let mut last = HashMap::new();
        for row in rows {
            let at = row.ended_at.unwrap_or_default();
            let mut changes: Vec<ContainerChange> = serde_json::from_value(row.containers)?;
            if row.status == TaskStatus::PutBack.as_str() {
                // What was put back was left with what ran before.
                changes.iter_mut().for_each(|change| std::mem::swap(&mut change.from, &mut change.to));
            }
            last.insert(row.target_service_id, (at, changes));
        }
        Ok(last.into_iter().map(|(id, (at, containers))| (id.into(), at, containers)).collect())
    }

    /// What deployments have changed these services to and from, newest first, `limit` of them at most.
    pub async fn changes_of(
        &self,
        services: &[ServiceId],
        limit: u64,
    ) -> Result<Vec<(ServiceId, Vec<ContainerChange>)>, Error> {
        let rows: Vec<(Uuid, Json)> = Entity::find()
            .select_only()
            .columns([Column::TargetServiceId, Column::Containers])
            .filter(Column::TargetServiceId.is_in(services.iter().map(|id| id.0)))
            .order_by_desc(Column::StartedAt)
            .limit(limit)
            .into_tuple()
            .all(&self.db)
            .await?;
        rows.into_iter().map(|(id, changes)| Ok((id.into(), serde_json::from_value(changes)?))).collect()
    }

    /// Of these services, those that a deployment is working on, with its id.
    pub async fn busy(&self, services: &[ServiceId]) -> Result<Vec<(ServiceId, DeploymentId)>, Error> {
        let rows: Vec<(Uuid, Uuid)> = Entity::find()
            .select_only()
            .columns([Column::TargetServiceId, Column::DeploymentId])
            .filter(Column::TargetServiceId.is_in(services.iter().map(|id| id.0)))
            .filter(Column::Busy.eq(true))
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(|(service, deployment)| (service.into(), deployment.into())).collect())
    }
}

impl Write {
    pub(crate) async fn insert_tasks(&mut self, id: DeploymentId, tasks: &[NewTask]) -> Result<(), Error> {
        for (index, chunk) in tasks.chunks(100).enumerate() {
            let rows = chunk.iter().enumerate().map(|(n, task)| active(id, index * 100 + n, task));
            let rows = rows.collect::<Result<Vec<_>, Error>>()?;
            Entity::insert_many(rows).exec_without_returning(self.tx()).await?;
        }
        Ok(())
    }

    /// Records that a task is about to be worked on.
    pub async fn begin_task(
        &mut self,
        lease: &Lease,
        id: TaskId,
        status: &TaskStatus,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.hold(lease).await?;
        Entity::update_many()
            .col_expr(Column::Status, Expr::value(status.to_string()))
            .col_expr(Column::StartedAt, Expr::value(now))
            .col_expr(Column::EndedAt, Expr::value(Option::<DateTimeUtc>::None))
            .col_expr(Column::Retries, Expr::value(0))
            .filter(Column::Id.eq(id.0))
            .exec(self.tx())
            .await?;
        Ok(())
    }

    /// Records what came of a task. The first error stays when it is put back.
    pub async fn change_task(
        &mut self,
        lease: &Lease,
        id: TaskId,
        change: &Change,
        available: Option<i32>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.hold(lease).await?;
        let mut update = Entity::update_many()
            .col_expr(Column::Status, Expr::value(change.status.to_string()))
            .col_expr(Column::Words, Expr::value(change.words.clone()))
            .col_expr(Column::Accepted, Expr::value(change.accepted))
            .col_expr(Column::Retries, Expr::value(change.retries as i32))
            .col_expr(Column::NotBefore, Expr::value(change.not_before))
            .col_expr(Column::Deadline, Expr::value(change.deadline))
            .filter(Column::Id.eq(id.0));
        if let Some(error) = &change.error {
            update = update.col_expr(Column::Error, Expr::value(error.clone()));
        }
        if let Some(available) = available {
            update = update.col_expr(Column::Available, Expr::value(available));
        }
        if change.status.ended() {
            update = update.col_expr(Column::EndedAt, Expr::value(now));
        }
        update.exec(self.tx()).await?;
        Ok(())
    }

    pub(crate) async fn free_tasks(&mut self, id: DeploymentId) -> Result<(), Error> {
        Entity::update_many()
            .col_expr(Column::Busy, Expr::value(Option::<bool>::None))
            .filter(Column::DeploymentId.eq(id.0))
            .exec(self.tx())
            .await?;
        Ok(())
    }
}
