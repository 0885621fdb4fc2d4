//! Observed services.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{
    app_instance::AppInstance,
    id::{AppInstanceId, ClusterId, EnvironmentId, ServiceId},
    list::{Page, Paging},
    service::{Container, Manager, Service, ServiceQuery, ServiceStatus, WorkloadKind},
};
use sea_orm::{
    ActiveValue::Set,
    FromQueryResult, JoinType, Order, QueryOrder, QuerySelect, Select,
    entity::prelude::*,
    sea_query::{LikeExpr, OnConflict},
};

use crate::{Error, Store, Write, app_instance, cluster, environment, matrix};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "service")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) app_instance_id: Uuid,
    pub(crate) environment_id: Uuid,
    pub(crate) cluster_id: Uuid,
    pub(crate) matrix_row_id: Uuid,
    pub(crate) application: String,
    pub(crate) namespace: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) replicas: i32,
    pub(crate) available_replicas: i32,
    pub(crate) image_tag: String,
    pub(crate) containers: Json,
    pub(crate) manager: Option<String>,
    pub(crate) search: String,
    pub(crate) last_changed: DateTimeUtc,
    pub(crate) last_synced: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(
        belongs_to = "app_instance::Entity",
        from = "Column::AppInstanceId",
        to = "app_instance::Column::Id"
    )]
    AppInstance,
    #[sea_orm(belongs_to = "cluster::Entity", from = "Column::ClusterId", to = "cluster::Column::Id")]
    Cluster,
    #[sea_orm(
        belongs_to = "environment::Entity",
        from = "Column::EnvironmentId",
        to = "environment::Column::Id"
    )]
    Environment,
    #[sea_orm(belongs_to = "matrix::Entity", from = "Column::MatrixRowId", to = "matrix::Column::Id")]
    MatrixRow,
}

impl ActiveModelBehavior for ActiveModel {}

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

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    app_instance_id: Uuid,
    app_instance_name: String,
    environment_id: Uuid,
    site_id: Uuid,
    cluster_id: Uuid,
    cluster_name: String,
    stale_since: Option<DateTimeUtc>,
    application: String,
    namespace: String,
    kind: String,
    name: String,
    status: String,
    reason: Option<String>,
    replicas: i32,
    available_replicas: i32,
    image_tag: String,
    containers: Json,
    manager: Option<String>,
    out_of_step: bool,
    last_changed: DateTimeUtc,
    last_synced: Option<DateTimeUtc>,
}

impl TryFrom<Row> for Service {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Service {
            id: row.id.into(),
            name: row.name,
            app_instance_id: row.app_instance_id.into(),
            app_instance_name: row.app_instance_name,
            environment_id: row.environment_id.into(),
            site_id: row.site_id.into(),
            cluster_id: row.cluster_id.into(),
            cluster: row.cluster_name,
            namespace: row.namespace,
            application: row.application,
            status: ServiceStatus::from(row.status.as_str()),
            reason: row.reason,
            replicas: row.replicas,
            available_replicas: row.available_replicas,
            image_tag: row.image_tag,
            workload_type: WorkloadKind::from(row.kind.as_str()),
            containers: serde_json::from_value(row.containers)?,
            manager: row.manager.as_deref().map(Manager::from),
            out_of_step: row.out_of_step,
            last_changed: row.last_changed,
            last_synced: row.last_synced,
            stale_since: row.stale_since,
        })
    }
}

fn select() -> Select<Entity> {
    Entity::find()
        .column_as(app_instance::Column::Name, "app_instance_name")
        .column_as(cluster::Column::Name, "cluster_name")
        .column_as(cluster::Column::SiteId, "site_id")
        .column_as(cluster::Column::StaleSince, "stale_since")
        .column_as(matrix::Column::OutOfStep, "out_of_step")
        .join(JoinType::InnerJoin, Relation::AppInstance.def())
        .join(JoinType::InnerJoin, Relation::Cluster.def())
        .join(JoinType::InnerJoin, Relation::MatrixRow.def())
}

fn filtered(
    mut query: Select<Entity>,
    wanted: &ServiceQuery,
    clusters: Option<&[ClusterId]>,
) -> Select<Entity> {
    if let Some(env) = wanted.env {
        query = query.filter(Column::EnvironmentId.eq(env.0));
    }
    if let Some(site) = wanted.site {
        query = query.filter(cluster::Column::SiteId.eq(site.0));
    }
    if let Some(clusters) = clusters {
        query = query.filter(Column::ClusterId.is_in(clusters.iter().map(|id| id.0)));
    }
    let words = [
        (Column::Namespace, &wanted.namespace),
        (Column::Status, &wanted.status),
        (Column::Kind, &wanted.kind),
    ];
    for (column, word) in words {
        if let Some(word) = word.as_ref().filter(|word| !word.is_empty()) {
            query = query.filter(column.eq(word));
        }
    }
    if let Some(pattern) = wanted.q.as_deref().and_then(contains) {
        query = query.filter(Column::Search.like(pattern));
    }
    query
}

/// A pattern that finds a text anywhere, its own wildcards taken literally.
pub(crate) fn contains(text: &str) -> Option<LikeExpr> {
    let text = text.trim().to_lowercase();
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    (!text.is_empty()).then(|| LikeExpr::new(format!("%{escaped}%")).escape('\\'))
}

fn ordered(query: Select<Entity>, sort: Option<&str>) -> Select<Entity> {
    let sort = sort.unwrap_or("name");
    let (word, order) = match sort.strip_prefix('-') {
        Some(word) => (word, Order::Desc),
        None => (sort, Order::Asc),
    };
    let column = match word {
        "status" => Column::Status,
        "tag" => Column::ImageTag,
        "namespace" => Column::Namespace,
        "application" => Column::Application,
        "changed" => Column::LastChanged,
        "synced" => Column::LastSynced,
        "kind" => Column::Kind,
        "environment" => {
            return query
                .join(JoinType::InnerJoin, Relation::Environment.def())
                .order_by(environment::Column::Position, order)
                .order_by_asc(Column::Name)
                .order_by_asc(Column::Id);
        }
        _ => Column::Name,
    };
    query.order_by(column, order).order_by_asc(Column::Name).order_by_asc(Column::Id)
}

async fn read(db: &impl ConnectionTrait, query: Select<Entity>) -> Result<Vec<Service>, Error> {
    query.into_model::<Row>().all(db).await?.into_iter().map(Service::try_from).collect()
}

impl Store {
    /// A page of services. `clusters` are those that the query's cluster names.
    pub async fn services(
        &self,
        wanted: &ServiceQuery,
        clusters: Option<&[ClusterId]>,
        paging: Paging,
    ) -> Result<Page<Service>, Error> {
        let total = filtered(select(), wanted, clusters).count(&self.db).await?;
        let query = ordered(filtered(select(), wanted, clusters), wanted.sort.as_deref())
            .offset(paging.offset())
            .limit(u64::from(paging.page_size));
        let items = read(&self.db, query).await?;
        Ok(Page { items, total, page: paging.page, page_size: paging.page_size })
    }

    /// Services by id, in no order; those that are gone are missing.
    pub async fn services_by_id(&self, ids: &[ServiceId]) -> Result<Vec<Service>, Error> {
        read(&self.db, select().filter(Column::Id.is_in(ids.iter().map(|id| id.0)))).await
    }

    /// The services of an environment that have one of these names.
    pub async fn services_named(
        &self,
        environment: EnvironmentId,
        names: &[String],
    ) -> Result<Vec<Service>, Error> {
        let query =
            select().filter(Column::EnvironmentId.eq(environment.0)).filter(Column::Name.is_in(names));
        read(&self.db, query.order_by_asc(Column::Name).order_by_asc(Column::Namespace)).await
    }

    /// All services of an environment.
    pub async fn services_of(&self, environment: EnvironmentId) -> Result<Vec<Service>, Error> {
        read(&self.db, select().filter(Column::EnvironmentId.eq(environment.0))).await
    }

    /// What is stored of a cluster's services: key, containers and when they changed; for a watch to begin from.
    pub async fn stored_services(
        &self,
        cluster: ClusterId,
    ) -> Result<Vec<(ServiceKey, Vec<Container>, DateTime<Utc>)>, Error> {
        let rows: Vec<(Uuid, String, String, Json, DateTimeUtc)> = Entity::find()
            .select_only()
            .columns([
                Column::AppInstanceId,
                Column::Kind,
                Column::Name,
                Column::Containers,
                Column::LastChanged,
            ])
            .filter(Column::ClusterId.eq(cluster.0))
            .into_tuple()
            .all(&self.db)
            .await?;
        let stored = |(instance, kind, name, containers, at): (Uuid, String, String, Json, DateTimeUtc)| {
            let kind = WorkloadKind::from(kind.as_str());
            let key = ServiceKey { app_instance_id: instance.into(), kind, name };
            Ok((key, serde_json::from_value(containers)?, at))
        };
        rows.into_iter().map(stored).collect()
    }
}

impl Write {
    /// Stores observed services and keeps their rows of the matrix true.
    pub async fn upsert_services(&mut self, observed: &[ObservedService]) -> Result<(), Error> {
        if observed.is_empty() {
            return Ok(());
        }
        let rows = self.ensure_rows(observed.iter().map(matrix::RowKey::of)).await?;
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
                .to_owned();
            Entity::insert_many(models).on_conflict(update).exec_without_returning(self.tx()).await?;
        }
        let ids: Vec<Uuid> = rows.into_values().collect();
        self.refresh_rows(&ids).await
    }

    /// Removes services that are gone.
    pub async fn delete_services(&mut self, gone: &[ServiceKey]) -> Result<(), Error> {
        let mut rows = Vec::new();
        for key in gone {
            let found = Entity::find()
                .filter(Column::AppInstanceId.eq(key.app_instance_id.0))
                .filter(Column::Kind.eq(key.kind.as_str()))
                .filter(Column::Name.eq(&key.name))
                .one(self.tx())
                .await?;
            if let Some(service) = found {
                rows.push(service.matrix_row_id);
                service.delete(self.tx()).await?;
            }
        }
        self.refresh_rows(&rows).await
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
