//! Observed services: the table, and its reads.

use domain::{
    id::{ClusterId, EnvironmentId, ServiceId},
    list::{Page, Paging},
    service::{Manager, Service, ServiceQuery, ServiceStatus, WorkloadKind},
};
use sea_orm::{
    ExprTrait, FromQueryResult, JoinType, Order, QueryOrder, QuerySelect, QueryTrait, Select,
    entity::prelude::*, sea_query::SelectStatement,
};

use crate::{Error, Store, app_instance, cluster, environment, matrix, text::HasText};

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
    #[sea_orm(belongs_to = "matrix::Entity", from = "Column::MatrixRowId", to = "matrix::Column::Id")]
    MatrixRow,
}

impl ActiveModelBehavior for ActiveModel {}

/// With more matches than this, SQLite is kept from sorting them all.
const MANY: u64 = 2000;

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

/// What the filter matches, by the table of services alone, so that no row is joined that is not shown.
///
/// With `walk`, SQLite is kept from looking the matches up by their words and sorting them all: where they are many, it is
/// quicker to read along the order until the page is full. PostgreSQL decides that for itself.
fn filtered(wanted: &ServiceQuery, search: &Search<'_>, walk: bool) -> Select<Entity> {
    let column = |column: Column| match walk {
        // A term that is not plainly a column is not looked up in an index.
        true => Expr::cust(format!("+service.{}", column.as_str())),
        false => column.into_expr(),
    };
    let mut query = Entity::find();
    if let Some(env) = wanted.env {
        query = query.filter(Column::EnvironmentId.eq(env.0));
    }
    if let Some(site) = wanted.site {
        query = query.filter(column(Column::ClusterId).in_subquery(cluster::of_site(site)));
    }
    if let Some(clusters) = search.clusters {
        query = query.filter(column(Column::ClusterId).is_in(clusters.iter().map(|id| id.0)));
    }
    let words = [
        (Column::Namespace, &wanted.namespace),
        (Column::Status, &wanted.status),
        (Column::Kind, &wanted.kind),
    ];
    for (of, word) in words {
        if let Some(word) = word.as_ref().filter(|word| !word.is_empty()) {
            query = query.filter(column(of).eq(word));
        }
    }
    if let Some(text) = &search.text {
        query = query.filter(text.found.clone());
    }
    query
}

/// What a query names that had to be looked up first.
struct Search<'a> {
    clusters: Option<&'a [ClusterId]>,
    text: Option<HasText>,
}

/// The column to sort by, and which way round.
fn order(sort: Option<&str>) -> (Sort, Order) {
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
        "environment" => return (Sort::Environment, order),
        _ => Column::Name,
    };
    (Sort::By(column), order)
}

enum Sort {
    By(Column),
    /// By the environments' places in their order, which no index of services knows.
    Environment,
}

/// Sorted as an index is, one way or wholly the other: name and id decide among equals.
fn ordered(query: Select<Entity>, column: Column, order: &Order) -> Select<Entity> {
    let query = match column {
        Column::Name => query,
        column => query.order_by(column, order.clone()),
    };
    query.order_by(Column::Name, order.clone()).order_by(Column::Id, order.clone())
}

/// Which rows of an order are wanted.
#[derive(Clone, Copy)]
struct Part {
    offset: u64,
    limit: u64,
    /// How many there are of it.
    total: u64,
}

async fn read(db: &impl ConnectionTrait, query: Select<Entity>) -> Result<Vec<Service>, Error> {
    query.into_model::<Row>().all(db).await?.into_iter().map(Service::try_from).collect()
}

/// The services that an environment has of rows of the matrix, as far as the limit goes, and how many there are.
pub(crate) async fn in_rows(
    db: &impl ConnectionTrait,
    environment: EnvironmentId,
    rows: SelectStatement,
    limit: u64,
) -> Result<(Vec<Service>, u64), Error> {
    let of_rows = |query: Select<Entity>| {
        let query = query.filter(Column::EnvironmentId.eq(environment.0));
        query.filter(Column::MatrixRowId.in_subquery(rows.clone()))
    };
    let total = of_rows(Entity::find()).count(db).await?;
    let services = read(db, of_rows(select()).order_by_asc(Column::Name).limit(limit)).await?;
    Ok((services, total))
}

impl Store {
    /// A page of services. `clusters` are those that the query's cluster names.
    pub async fn services(
        &self,
        wanted: &ServiceQuery,
        clusters: Option<&[ClusterId]>,
        paging: Paging,
    ) -> Result<Page<Service>, Error> {
        let search = Search { clusters, text: self.has_text("service", wanted.q.as_deref()).await? };
        let total = self.count_services(wanted, &search).await?;
        let part = Part { offset: paging.offset(), limit: paging.page_size.into(), total };
        let items = match order(wanted.sort.as_deref()) {
            (Sort::By(column), order) => self.part(wanted, &search, column, &order, part).await?,
            (Sort::Environment, order) => self.part_by_environment(wanted, &search, &order, part).await?,
        };
        Ok(Page { items, total, page: paging.page, page_size: paging.page_size })
    }

    async fn count_services(&self, wanted: &ServiceQuery, search: &Search<'_>) -> Result<u64, Error> {
        match &search.text {
            Some(text) => {
                let search = Search { clusters: search.clusters, text: Some(text.counting()) };
                Ok(filtered(wanted, &search, false).count(&self.db).await?)
            }
            None => self.kept_services(wanted, search.clusters).await,
        }
    }

    /// Finds the page by an index first, then reads what is shown of it.
    async fn part(
        &self,
        wanted: &ServiceQuery,
        search: &Search<'_>,
        column: Column,
        order: &Order,
        part: Part,
    ) -> Result<Vec<Service>, Error> {
        // By name, every word has an index of its own that is in order.
        let walk = self.is_sqlite() && part.total > MANY && !matches!(column, Column::Name);
        let found = filtered(wanted, search, walk).select_only().column(Column::Id);
        let found = ordered(found, column, order).offset(part.offset).limit(part.limit);
        let shown = select().filter(Column::Id.in_subquery(found.into_query()));
        read(&self.db, ordered(shown, column, order)).await
    }

    /// Environment by environment, in their order.
    async fn part_by_environment(
        &self,
        wanted: &ServiceQuery,
        search: &Search<'_>,
        order: &Order,
        mut part: Part,
    ) -> Result<Vec<Service>, Error> {
        let environments = environment::Entity::find()
            .select_only()
            .column(environment::Column::Id)
            .order_by(environment::Column::Position, order.clone())
            .order_by(environment::Column::Id, order.clone());
        let ids: Vec<Uuid> = environments.into_tuple().all(&self.db).await?;
        let mut items = Vec::new();
        for id in ids.into_iter().filter(|id| wanted.env.is_none_or(|env| env.0 == *id)) {
            let inside = ServiceQuery { env: Some(id.into()), ..wanted.clone() };
            part.total = self.count_services(&inside, search).await?;
            if part.offset < part.total {
                let found = self.part(&inside, search, Column::Name, order, part).await?;
                part.limit -= found.len() as u64;
                items.extend(found);
            }
            part.offset = part.offset.saturating_sub(part.total);
            if part.limit == 0 {
                break;
            }
        }
        Ok(items)
    }

    /// Services by id, in no order; those that are gone are missing.
    pub async fn services_by_id(&self, ids: &[ServiceId]) -> Result<Vec<Service>, Error> {
        read(&self.db, select().filter(Column::Id.is_in(ids.iter().map(|id| id.0)))).await
    }

    /// The services that have one of these names, of one environment or of all.
    pub async fn services_named(
        &self,
        environment: Option<EnvironmentId>,
        names: &[String],
    ) -> Result<Vec<Service>, Error> {
        let mut query = select().filter(Column::Name.is_in(names));
        if let Some(environment) = environment {
            query = query.filter(Column::EnvironmentId.eq(environment.0));
        }
        read(&self.db, query.order_by_asc(Column::Name).order_by_asc(Column::Namespace)).await
    }

    /// All services of an environment.
    pub async fn services_of(&self, environment: EnvironmentId) -> Result<Vec<Service>, Error> {
        read(&self.db, select().filter(Column::EnvironmentId.eq(environment.0))).await
    }
}
