//! Deployments.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    deployment::{Deployment, DeploymentStatus, Origin, TaskCounts, TaskStatus},
    engine,
    id::{DeploymentId, EnvironmentId, ServiceId, SiteId},
    sync::OnFailure,
};
use sea_orm::{ActiveValue::Set, Condition, JoinType, QueryOrder, QuerySelect, entity::prelude::*};

use crate::{Error, Lease, NewTask, Store, Write, task};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "deployment")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) origin: String,
    pub(crate) source_environment_id: Uuid,
    pub(crate) source_name: String,
    pub(crate) target_environment_id: Uuid,
    pub(crate) target_name: String,
    pub(crate) status: String,
    pub(crate) on_failure: String,
    pub(crate) cancel_requested: bool,
    pub(crate) note: String,
    pub(crate) ticket: String,
    pub(crate) initiated_by: String,
    pub(crate) undo_of: Option<Uuid>,
    pub(crate) retry_of: Option<Uuid>,
    pub(crate) scheduled_for: Option<DateTimeUtc>,
    pub(crate) begun_at: Option<DateTimeUtc>,
    pub(crate) revision: i64,
    pub(crate) overrides_freeze: bool,
    pub(crate) time_limit_seconds: Option<i64>,
    pub(crate) start_time: DateTimeUtc,
    pub(crate) end_time: Option<DateTimeUtc>,
    pub(crate) lease_owner: Option<String>,
    pub(crate) lease_epoch: i64,
    pub(crate) lease_until: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A deployment about to be stored.
#[derive(Clone, Debug)]
pub struct NewDeployment {
    /// What is shown of it; its results and counts are taken from the tasks.
    pub deployment: Deployment,
    /// Its tasks, in their order.
    pub tasks: Vec<NewTask>,
    /// A reason was given why it does not wait for the end of a freeze.
    pub overrides_freeze: bool,
}

impl Model {
    fn into_deployment(self, service_ids: Vec<ServiceId>, counts: TaskCounts) -> Deployment {
        Deployment {
            id: self.id.into(),
            origin: Origin::from(self.origin.as_str()),
            source_environment_id: self.source_environment_id.into(),
            source_name: self.source_name,
            target_environment_id: self.target_environment_id.into(),
            target_name: self.target_name,
            service_ids,
            status: DeploymentStatus::from(self.status.as_str()),
            on_failure: OnFailure::from(self.on_failure.as_str()),
            cancel_requested: self.cancel_requested,
            note: self.note,
            ticket: self.ticket,
            initiated_by: self.initiated_by,
            undo_of: self.undo_of.map(Into::into),
            retry_of: self.retry_of.map(Into::into),
            revision: self.revision,
            scheduled_for: self.scheduled_for,
            time_limit_seconds: self.time_limit_seconds.and_then(|limit| limit.try_into().ok()),
            begun_at: self.begun_at,
            start_time: self.start_time,
            end_time: self.end_time,
            results: Vec::new(),
            counts,
        }
    }
}

/// Statuses of deployments that have not ended.
pub(crate) fn open() -> Vec<String> {
    [DeploymentStatus::Pending, DeploymentStatus::Running].iter().map(ToString::to_string).collect()
}

impl Store {
    /// One deployment with its tasks.
    pub async fn deployment(&self, id: DeploymentId) -> Result<Deployment, Error> {
        let row = Entity::find_by_id(id.0).one(&self.db).await?.ok_or(Error::NotFound)?;
        let results = task::of_deployment(&self.db, id).await?;
        let counts = TaskCounts::of(results.iter().map(|task| &task.status));
        let services = results.iter().map(|task| task.service_id).collect();
        Ok(Deployment { results, ..row.into_deployment(services, counts) })
    }

    /// Deployments without their tasks, their counts filled in.
    pub(crate) async fn summaries(&self, rows: Vec<Model>) -> Result<Vec<Deployment>, Error> {
        let tasks: Vec<(Uuid, Uuid, String)> = task::Entity::find()
            .select_only()
            .columns([task::Column::DeploymentId, task::Column::ServiceId, task::Column::Status])
            .filter(task::Column::DeploymentId.is_in(rows.iter().map(|row| row.id)))
            .order_by_asc(task::Column::Position)
            .into_tuple()
            .all(&self.db)
            .await?;
        let mut by_deployment: HashMap<Uuid, (Vec<ServiceId>, Vec<TaskStatus>)> = HashMap::new();
        for (deployment, service, status) in tasks {
            let entry = by_deployment.entry(deployment).or_default();
            entry.0.push(service.into());
            entry.1.push(TaskStatus::from(status.as_str()));
        }
        let fill = |row: Model| {
            let (services, statuses) = by_deployment.remove(&row.id).unwrap_or_default();
            row.into_deployment(services, TaskCounts::of(&statuses))
        };
        Ok(rows.into_iter().map(fill).collect())
    }

    /// Deployments that have not ended, oldest first.
    pub async fn running_deployments(&self) -> Result<Vec<Deployment>, Error> {
        let rows = Entity::find()
            .filter(Column::Status.is_in(open()))
            .order_by_asc(Column::StartTime)
            .all(&self.db)
            .await?;
        self.summaries(rows).await
    }

    /// What the engine steps on.
    pub async fn engine_state(&self, id: DeploymentId) -> Result<engine::State, Error> {
        let row = Entity::find_by_id(id.0).one(&self.db).await?.ok_or(Error::NotFound)?;
        Ok(engine::State {
            on_failure: OnFailure::from(row.on_failure.as_str()),
            cancel_requested: row.cancel_requested,
            give_up_at: row
                .begun_at
                .zip(row.time_limit_seconds)
                .map(|(begun, limit)| begun + TimeDelta::seconds(limit)),
            elsewhere: self.under_way_elsewhere(id).await?,
            tasks: task::states(&self.db, id).await?,
        })
    }

    /// Whether a reason was given why it does not wait for the end of a freeze.
    pub async fn overrides_freeze(&self, id: DeploymentId) -> Result<bool, Error> {
        let query = Entity::find_by_id(id.0).select_only().column(Column::OverridesFreeze);
        query.into_tuple().one(&self.db).await?.ok_or(Error::NotFound)
    }

    /// Whether cancelling was asked for.
    pub async fn cancel_requested(&self, id: DeploymentId) -> Result<bool, Error> {
        let asked: Option<bool> = Entity::find_by_id(id.0)
            .select_only()
            .column(Column::CancelRequested)
            .into_tuple()
            .one(&self.db)
            .await?;
        Ok(asked.unwrap_or(false))
    }

    pub(crate) async fn running_in_environment(&self, id: EnvironmentId) -> Result<u64, Error> {
        let either = Condition::any()
            .add(Column::SourceEnvironmentId.eq(id.0))
            .add(Column::TargetEnvironmentId.eq(id.0));
        Ok(Entity::find().filter(Column::Status.is_in(open())).filter(either).count(&self.db).await?)
    }

    pub(crate) async fn running_on_site(&self, id: SiteId) -> Result<u64, Error> {
        let deployments: Vec<Uuid> = task::Entity::find()
            .select_only()
            .column(task::Column::DeploymentId)
            .distinct()
            .join(JoinType::InnerJoin, task::Relation::Deployment.def())
            .filter(task::Column::SiteId.eq(id.0))
            .filter(Column::Status.is_in(open()))
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(deployments.len() as u64)
    }
}

impl Write {
    /// Adds a deployment with its tasks.
    pub async fn insert_deployment(&mut self, new: &NewDeployment) -> Result<(), Error> {
        let deployment = &new.deployment;
        let row = ActiveModel {
            id: Set(deployment.id.0),
            origin: Set(deployment.origin.to_string()),
            source_environment_id: Set(deployment.source_environment_id.0),
            source_name: Set(deployment.source_name.clone()),
            target_environment_id: Set(deployment.target_environment_id.0),
            target_name: Set(deployment.target_name.clone()),
            status: Set(deployment.status.to_string()),
            on_failure: Set(deployment.on_failure.to_string()),
            cancel_requested: Set(false),
            note: Set(deployment.note.clone()),
            ticket: Set(deployment.ticket.clone()),
            initiated_by: Set(deployment.initiated_by.clone()),
            overrides_freeze: Set(new.overrides_freeze),
            undo_of: Set(deployment.undo_of.map(|id| id.0)),
            retry_of: Set(deployment.retry_of.map(|id| id.0)),
            revision: Set(deployment.revision),
            scheduled_for: Set(deployment.scheduled_for),
            time_limit_seconds: Set(deployment.time_limit_seconds.map(Into::into)),
            begun_at: Set(None),
            start_time: Set(deployment.start_time),
            end_time: Set(None),
            lease_owner: Set(None),
            lease_epoch: Set(0),
            lease_until: Set(None),
        };
        Entity::insert(row).exec_without_returning(self.tx()).await?;
        self.insert_tasks(deployment.id, &new.tasks).await
    }

    /// Asks a running deployment to begin nothing more. Whether there was one to ask.
    pub async fn request_cancel(&mut self, id: DeploymentId) -> Result<bool, Error> {
        let update = Entity::update_many()
            .col_expr(Column::CancelRequested, Expr::value(true))
            .filter(Column::Id.eq(id.0))
            .filter(Column::Status.is_in(open()));
        Ok(update.exec(self.tx()).await?.rows_affected > 0)
    }

    /// Records how far a deployment is; with its end, its workloads are free again.
    pub async fn set_deployment_status(
        &mut self,
        lease: &Lease,
        status: &DeploymentStatus,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.hold(lease).await?;
        let mut update = Entity::update_many()
            .col_expr(Column::Status, Expr::value(status.to_string()))
            .filter(Column::Id.eq(lease.deployment.0));
        if *status == DeploymentStatus::Running {
            update = update.col_expr(Column::BegunAt, Expr::value(now));
        }
        if status.ended() {
            update = update.col_expr(Column::EndTime, Expr::value(now));
            self.free_tasks(lease.deployment).await?;
        }
        update.exec(self.tx()).await?;
        Ok(())
    }
}
