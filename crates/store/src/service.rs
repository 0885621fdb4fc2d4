//! Observed services: the table, and its reads.

use domain::{
    id::{ClusterId, EnvironmentId, ServiceId},
    list::{Page, Paging},
    service::{Manager, Service, ServiceQuery, ServiceStatus, WorkloadKind},
};
use sea_orm::{
    FromQueryResult, JoinType, Order, QueryOrder, QuerySelect, Select, entity::prelude::*,
    sea_query::LikeExpr,
};

use crate::{Error, Store, app_instance, cluster, environment, matrix};

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
    // PostgreSQL takes no NUL, and nothing has one.
    let text = text.replace('\0', "").trim().to_lowercase();
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
}
