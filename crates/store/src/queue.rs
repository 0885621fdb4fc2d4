//! Deployments that have not ended: which may be taken up, what they are going to bring, and what overtakes them.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use domain::{
    deployment::{DeploymentStatus, TaskStatus},
    id::{AppInstanceId, ClusterId, DeploymentId, EnvironmentId, ServiceId, TaskId},
    queue::Open,
    replicas::ReplicaChange,
    service::{Container, WorkloadKind},
    sync::ContainerChange,
    variable::{self, Carried},
};
use sea_orm::{Condition, JoinType, QueryOrder, QuerySelect, entity::prelude::*, sea_query::Func};

use crate::{
    Error, Lease, Store, Write,
    deployment::{Column, Entity, open},
    task,
};

/// What a deployment that has not ended is going to bring to a service.
#[derive(Clone, Debug)]
pub struct ToCome {
    /// The service.
    pub service_id: ServiceId,
    /// Where it runs.
    pub app_instance_id: AppInstanceId,
    /// Its kind.
    pub kind: WorkloadKind,
    /// Its name.
    pub name: String,
    /// The images to come.
    pub changes: Vec<ContainerChange>,
    /// What becomes of its variables, where its site gives any.
    pub carried: Option<Carried>,
    /// Its replicas to come, where they change.
    pub scale: Option<ReplicaChange>,
}

impl ToCome {
    /// What makes its workload the same one in a revision.
    pub fn key(&self) -> (AppInstanceId, &WorkloadKind, &str) {
        (self.app_instance_id, &self.kind, &self.name)
    }
}

impl TryFrom<task::Model> for ToCome {
    type Error = Error;

    fn try_from(row: task::Model) -> Result<Self, Error> {
        Ok(Self {
            service_id: row.target_service_id.into(),
            app_instance_id: row.target_app_instance_id.into(),
            kind: WorkloadKind::from(row.kind.as_str()),
            name: row.name,
            changes: serde_json::from_value(row.containers)?,
            carried: row.carried.map(serde_json::from_value).transpose()?,
            scale: row.scale.map(serde_json::from_value).transpose()?,
        })
    }
}

/// Tasks that are still to bring something, of deployments whose time has come; those that come last, last.
fn to_come(now: DateTime<Utc>) -> Select<task::Entity> {
    let begun_or_due =
        Condition::any().add(Column::ScheduledFor.is_null()).add(Column::ScheduledFor.lte(now));
    let unended = TaskStatus::ALL.iter().filter(|status| !status.ended()).map(TaskStatus::as_str);
    task::Entity::find()
        .join(JoinType::InnerJoin, task::Relation::Deployment.def())
        .filter(Column::Status.is_in(open()))
        .filter(Column::CancelRequested.eq(false))
        .filter(begun_or_due)
        .filter(task::Column::Status.is_in(unended))
        .order_by_asc(Func::coalesce([
            Expr::col(since(Column::ScheduledFor)),
            Expr::col(since(Column::StartTime)),
        ]))
        .order_by_asc(Column::Id)
}

/// Deployments that wait for their turn, and not for a time of their own.
fn waiting() -> Condition {
    Condition::all()
        .add(Column::Status.eq(DeploymentStatus::Pending.as_str()))
        .add(Column::LeaseUntil.is_null())
        .add(Column::ScheduledFor.is_null())
}

/// A deployment's column, beside its task's.
fn since(column: Column) -> (Entity, Column) {
    (Entity, column)
}

impl Store {
    /// Deployments that have not ended.
    pub async fn open_deployments(&self, now: DateTime<Utc>) -> Result<Vec<Open>, Error> {
        let rows = Entity::find().filter(Column::Status.is_in(open())).all(&self.db).await?;
        let open = |row: crate::deployment::Model| Open {
            id: row.id.into(),
            environment: row.target_environment_id.into(),
            begun: row.status != DeploymentStatus::Pending.as_str(),
            claimed: row.lease_until.is_some_and(|until| until >= now),
            cancelled: row.cancel_requested,
            scheduled_for: row.scheduled_for,
            start_time: row.start_time,
        };
        Ok(rows.into_iter().map(open).collect())
    }

    /// Of these services, those that deployments are still going to bring something to, in their order.
    pub async fn to_come(&self, services: &[ServiceId]) -> Result<HashMap<ServiceId, Vec<ToCome>>, Error> {
        let query =
            to_come(Utc::now()).filter(task::Column::TargetServiceId.is_in(services.iter().map(|id| id.0)));
        let mut all: HashMap<ServiceId, Vec<ToCome>> = HashMap::new();
        for row in query.all(&self.db).await? {
            let coming = ToCome::try_from(row)?;
            all.entry(coming.service_id).or_default().push(coming);
        }
        Ok(all)
    }

    /// Whether a deployment that has not ended works on a workload of this name, or is to.
    pub async fn is_deployed_to(
        &self,
        cluster: ClusterId,
        namespace: &str,
        name: &str,
    ) -> Result<bool, Error> {
        let there = Condition::all()
            .add(task::Column::ClusterId.eq(cluster.0))
            .add(task::Column::Namespace.eq(namespace))
            .add(task::Column::Name.eq(name));
        Ok(to_come(Utc::now()).filter(there).count(&self.db).await? > 0)
    }
}

impl Write {
    /// What deployments that have not ended are going to bring to an environment, in their order; until the commit nobody
    /// adds to it.
    pub async fn images_to_come(&mut self, environment: EnvironmentId) -> Result<Vec<ToCome>, Error> {
        self.hold_environment(environment).await?;
        let query = to_come(Utc::now()).filter(Column::TargetEnvironmentId.eq(environment.0));
        query.all(self.tx()).await?.into_iter().map(ToCome::try_from).collect()
    }

    /// Ends the deployments of an environment that wait for their turn and whose services are all among these. Those with
    /// a time of their own, and those that move an app instance, are left.
    pub async fn supersede(
        &mut self,
        environment: EnvironmentId,
        by: DeploymentId,
        services: &HashSet<ServiceId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<DeploymentId>, Error> {
        let candidates: Vec<(Uuid, Uuid, bool)> = task::Entity::find()
            .select_only()
            .columns([task::Column::DeploymentId, task::Column::TargetServiceId])
            .column_as(task::Column::Original.is_not_null(), "relocates")
            .join(JoinType::InnerJoin, task::Relation::Deployment.def())
            .filter(Column::TargetEnvironmentId.eq(environment.0))
            .filter(Column::Id.ne(by.0))
            .filter(waiting())
            .into_tuple()
            .all(self.tx())
            .await?;
        let mut covered: HashMap<Uuid, bool> = HashMap::new();
        for (deployment, service, relocates) in candidates {
            *covered.entry(deployment).or_insert(true) &= services.contains(&service.into()) && !relocates;
        }
        let mut superseded = Vec::new();
        for id in covered.into_iter().filter(|(_, covered)| *covered).map(|(id, _)| id) {
            let update = Entity::update_many()
                .filter(waiting())
                .col_expr(Column::Status, Expr::value(DeploymentStatus::Superseded.as_str()))
                .col_expr(Column::EndTime, Expr::value(now))
                .filter(Column::Id.eq(id));
            if update.exec(self.tx()).await?.rows_affected == 0 {
                continue;
            }
            task::Entity::update_many()
                .col_expr(task::Column::Status, Expr::value(TaskStatus::Skipped.as_str()))
                .col_expr(
                    task::Column::Words,
                    Expr::value("not begun: a newer deployment brings another version"),
                )
                .col_expr(task::Column::EndedAt, Expr::value(now))
                .col_expr(task::Column::Busy, Expr::value(Option::<bool>::None))
                .filter(task::Column::DeploymentId.eq(id))
                .exec(self.tx())
                .await?;
            superseded.push(id.into());
        }
        Ok(superseded)
    }

    /// Binds a task anew to what its turn has found, which is one of its alternatives.
    pub async fn rebind_task(
        &mut self,
        lease: &Lease,
        id: TaskId,
        found: &[Container],
        changes: &[ContainerChange],
        carried: Option<&Carried>,
    ) -> Result<(), Error> {
        self.hold(lease).await?;
        let variables = carried.map(variable::carried).unwrap_or_default();
        task::Entity::update_many()
            .col_expr(task::Column::Found, Expr::value(serde_json::to_value(found)?))
            .col_expr(task::Column::Containers, Expr::value(serde_json::to_value(changes)?))
            .col_expr(task::Column::Variables, Expr::value(serde_json::to_value(variables)?))
            .col_expr(task::Column::Carried, Expr::value(carried.map(serde_json::to_value).transpose()?))
            .filter(task::Column::Id.eq(id.0))
            .exec(self.tx())
            .await?;
        Ok(())
    }

    /// Marks a deployment's workloads as being worked on. [`Error::Duplicate`] where another deployment works on one.
    pub(crate) async fn occupy(&mut self, id: DeploymentId) -> Result<(), Error> {
        task::Entity::update_many()
            .col_expr(task::Column::Busy, Expr::value(true))
            .filter(task::Column::DeploymentId.eq(id.0))
            .exec(self.tx())
            .await?;
        Ok(())
    }
}
