//! Observed services: what the watches write.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use chrono::{DateTime, Utc};
use domain::{
    app_instance::AppInstance,
    id::{AppInstanceId, ClusterId, EnvironmentId, ServiceId},
    service::{Container, Manager, ServiceStatus, WorkloadKind},
};
use sea_orm::{
    ActiveValue::Set,
    Condition, ExprTrait as _, QuerySelect,
    entity::prelude::*,
    sea_query::{Alias, OnConflict},
};

use crate::{
    Error, Store, Write, matrix,
    service::{ActiveModel, Column, Entity, Model},
};

/// Which service, as a watch names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceKey {
    /// Where it runs.
    pub app_instance_id: AppInstanceId,
    /// Its kind.
    pub kind: WorkloadKind,
    /// Its name.
    pub name: String,
}

/// A service as a watch observes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedService {
    /// Which one.
    pub key: ServiceKey,
    /// Its environment.
    pub environment_id: EnvironmentId,
    /// Its cluster.
    pub cluster_id: ClusterId,
    /// Its namespace.
    pub namespace: String,
    /// Its application.
    pub application: String,
    /// How it is.
    pub status: ServiceStatus,
    /// Why.
    pub reason: Option<String>,
    /// Desired replicas.
    pub replicas: i32,
    /// Available replicas.
    pub available: i32,
    /// Its containers with the digests that run.
    pub containers: Vec<Container>,
    /// The other tool that owns it.
    pub manager: Option<Manager>,
    /// When what it runs changed.
    pub changed_at: DateTime<Utc>,
}

impl ObservedService {
    /// Equal for two observations that would be stored alike, but for the time of the change.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.key, self.environment_id, self.cluster_id, &self.namespace, &self.application)
            .hash(&mut hasher);
        (&self.status, &self.reason, self.replicas, self.available, &self.containers, &self.manager)
            .hash(&mut hasher);
        hasher.finish()
    }
}

impl TryFrom<Model> for ObservedService {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            key: ServiceKey {
                app_instance_id: row.app_instance_id.into(),
                kind: WorkloadKind::from(row.kind.as_str()),
                name: row.name,
            },
            environment_id: row.environment_id.into(),
            cluster_id: row.cluster_id.into(),
            namespace: row.namespace,
            application: row.application,
            status: ServiceStatus::from(row.status.as_str()),
            reason: row.reason,
            replicas: row.replicas,
            available: row.available_replicas,
            containers: serde_json::from_value(row.containers)?,
            manager: row.manager.as_deref().map(Manager::from),
            changed_at: row.last_changed,
        })
    }
}

impl Store {
    /// A cluster's services as they were observed last, for a watch to begin from.
    pub async fn observed_services(&self, cluster: ClusterId) -> Result<Vec<ObservedService>, Error> {
        let rows = Entity::find().filter(Column::ClusterId.eq(cluster.0)).all(&self.db).await?;
        rows.into_iter().map(ObservedService::try_from).collect()
    }
}

impl Write {
    /// Stores observed services and keeps their rows of the matrix true. What is in another cluster by now is left: its
    /// watch tells of it.
    pub async fn upsert_services(&mut self, observed: &[&ObservedService]) -> Result<(), Error> {
        if observed.is_empty() {
            return Ok(());
        }
        let rows = self.ensure_rows(observed.iter().copied().map(matrix::RowKey::of)).await?;
        for chunk in observed.chunks(200) {
            let models =
                chunk.iter().map(|service| active(service, &rows)).collect::<Result<Vec<_>, Error>>()?;
            let update = OnConflict::columns([Column::AppInstanceId, Column::Kind, Column::Name])
                .update_columns([
                    Column::EnvironmentId,
                    Column::MatrixRowId,
                    Column::Application,
                    Column::Status,
                    Column::Reason,
                    Column::Replicas,
                    Column::AvailableReplicas,
                    Column::ImageTag,
                    Column::Containers,
                    Column::Manager,
                    Column::Search,
                    Column::LastChanged,
                ])
                .action_and_where(
                    Expr::col((Entity, Column::ClusterId))
                        .equals((Alias::new("excluded"), Column::ClusterId)),
                )
                .to_owned();
            Entity::insert_many(models).on_conflict(update).exec_without_returning(self.tx()).await?;
        }
        let ids: Vec<Uuid> = rows.into_values().collect();
        self.refresh_rows(&ids).await
    }

    /// Removes services that are gone from a cluster.
    pub async fn delete_services(&mut self, cluster: ClusterId, gone: &[ServiceKey]) -> Result<(), Error> {
        let mut rows = Vec::new();
        for key in gone {
            let found =
                Entity::find().filter(of(key)).filter(Column::ClusterId.eq(cluster.0)).one(self.tx()).await?;
            if let Some(service) = found {
                rows.push(service.matrix_row_id);
                service.delete(self.tx()).await?;
            }
        }
        self.refresh_rows(&rows).await
    }

    /// Says of services that nothing is known of them any more, and why; what ran last stays.
    pub async fn doubt_services(&mut self, doubted: &[ServiceKey], why: &str) -> Result<(), Error> {
        for key in doubted {
            Entity::update_many()
                .col_expr(Column::Status, Expr::value(ServiceStatus::Undetermined.to_string()))
                .col_expr(Column::Reason, Expr::value(why))
                .filter(of(key))
                .exec(self.tx())
                .await?;
        }
        Ok(())
    }

    /// Remembers that a sync has changed a service.
    pub async fn mark_synced(&mut self, id: ServiceId, at: DateTime<Utc>) -> Result<(), Error> {
        Entity::update_many()
            .col_expr(Column::LastSynced, Expr::value(at))
            .filter(Column::Id.eq(id.0))
            .exec(self.tx())
            .await?;
        Ok(())
    }

    /// The matrix rows that an app instance's services are in.
    pub(crate) async fn rows_of_instance(&self, id: AppInstanceId) -> Result<Vec<Uuid>, Error> {
        Ok(Entity::find()
            .select_only()
            .column(Column::MatrixRowId)
            .distinct()
            .filter(Column::AppInstanceId.eq(id.0))
            .into_tuple()
            .all(self.tx())
            .await?)
    }

    /// Takes an edited app instance's application and environment over into its services.
    pub(crate) async fn regroup(&mut self, instance: &AppInstance) -> Result<(), Error> {
        let mut touched = self.rows_of_instance(instance.id).await?;
        let services = Entity::find().filter(Column::AppInstanceId.eq(instance.id.0)).all(self.tx()).await?;
        let key = |service: &Model| matrix::RowKey {
            application: instance.application.clone(),
            kind: service.kind.clone(),
            name: service.name.clone(),
        };
        let rows = self.ensure_rows(services.iter().map(key)).await?;
        for service in &services {
            let row = rows.get(&key(service)).copied().ok_or(Error::NotFound)?;
            let search =
                search_text(&service.name, &instance.application, &service.namespace, &service.image_tag);
            Entity::update_many()
                .col_expr(Column::Application, Expr::value(instance.application.clone()))
                .col_expr(Column::EnvironmentId, Expr::value(instance.environment_id.0))
                .col_expr(Column::ClusterId, Expr::value(instance.cluster_id.0))
                .col_expr(Column::MatrixRowId, Expr::value(row))
                .col_expr(Column::Search, Expr::value(search))
                .filter(Column::Id.eq(service.id))
                .exec(self.tx())
                .await?;
        }
        touched.extend(rows.into_values());
        self.refresh_rows(&touched).await
    }
}

fn of(key: &ServiceKey) -> Condition {
    Condition::all()
        .add(Column::AppInstanceId.eq(key.app_instance_id.0))
        .add(Column::Kind.eq(key.kind.as_str()))
        .add(Column::Name.eq(&key.name))
}

fn active(service: &ObservedService, rows: &HashMap<matrix::RowKey, Uuid>) -> Result<ActiveModel, Error> {
    let row = rows.get(&matrix::RowKey::of(service)).copied().ok_or(Error::NotFound)?;
    let tag = service.containers.first().map(|container| container.image_ref().version()).unwrap_or_default();
    Ok(ActiveModel {
        id: Set(Uuid::now_v7()),
        app_instance_id: Set(service.key.app_instance_id.0),
        environment_id: Set(service.environment_id.0),
        cluster_id: Set(service.cluster_id.0),
        matrix_row_id: Set(row),
        application: Set(service.application.clone()),
        namespace: Set(service.namespace.clone()),
        kind: Set(service.key.kind.to_string()),
        name: Set(service.key.name.clone()),
        status: Set(service.status.to_string()),
        reason: Set(service.reason.clone()),
        replicas: Set(service.replicas),
        available_replicas: Set(service.available),
        search: Set(search_text(&service.key.name, &service.application, &service.namespace, &tag)),
        image_tag: Set(tag),
        containers: Set(serde_json::to_value(&service.containers)?),
        manager: Set(service.manager.as_ref().map(ToString::to_string)),
        last_changed: Set(service.changed_at),
        last_synced: Set(None),
    })
}

fn search_text(name: &str, application: &str, namespace: &str, tag: &str) -> String {
    format!("{name} {application} {namespace} {tag}").to_lowercase()
}
