//! Rows of the version matrix. Whether one is out of step is a column, kept true by every write to its services.

use std::collections::{HashMap, HashSet};

use domain::{
    id::EnvironmentId,
    list::Paging,
    matrix::{
        Cell, CellInstance, Column as Head, Matrix, MatrixQuery, MatrixRow, mark_differences, out_of_step,
    },
    service::{Container, Service, ServiceStatus, WorkloadKind},
};
use sea_orm::{
    ActiveValue::Set, FromQueryResult, JoinType, Order, QueryOrder, QuerySelect, QueryTrait, Select,
    entity::prelude::*, sea_query::OnConflict,
};

use crate::{
    Error, ObservedService, Store, Write, app_instance, cluster, environment, service, text::HasText,
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "matrix_row")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    application: String,
    kind: String,
    name: String,
    out_of_step: bool,
    search: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What makes two services one row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RowKey {
    pub(crate) application: String,
    pub(crate) kind: String,
    pub(crate) name: String,
}

impl RowKey {
    pub(crate) fn of(service: &ObservedService) -> Self {
        Self {
            application: service.application.clone(),
            kind: service.key.kind.to_string(),
            name: service.key.name.clone(),
        }
    }
}

#[derive(FromQueryResult)]
struct InstanceRow {
    id: Uuid,
    matrix_row_id: Uuid,
    environment_id: Uuid,
    app_instance_id: Uuid,
    app_instance_name: String,
    cluster_name: String,
    stale_since: Option<DateTimeUtc>,
    namespace: String,
    status: String,
    reason: Option<String>,
    replicas: i32,
    available_replicas: i32,
    containers: Json,
}

impl InstanceRow {
    fn into_instance(self) -> Result<CellInstance, Error> {
        Ok(CellInstance {
            service_id: self.id.into(),
            app_instance_id: self.app_instance_id.into(),
            app_instance_name: self.app_instance_name,
            cluster: self.cluster_name,
            namespace: self.namespace,
            status: ServiceStatus::from(self.status.as_str()),
            reason: self.reason,
            replicas: self.replicas,
            available_replicas: self.available_replicas,
            containers: serde_json::from_value(self.containers)?,
            stale_since: self.stale_since,
        })
    }
}

/// Everything of the query but "out of step only", which the count of rows out of step must not see.
fn filtered(wanted: &MatrixQuery, text: Option<&HasText>) -> Select<Entity> {
    let mut query = Entity::find();
    if let Some(text) = text {
        query = query.filter(text.found.clone());
    }
    for (column, word) in [(Column::Application, &wanted.application), (Column::Kind, &wanted.kind)] {
        if let Some(word) = word.as_ref().filter(|word| !word.is_empty()) {
            query = query.filter(column.eq(word));
        }
    }
    if let Some(site) = wanted.site {
        let rows = service::Entity::find()
            .select_only()
            .column(service::Column::MatrixRowId)
            .filter(service::Column::ClusterId.in_subquery(cluster::of_site(site)))
            .into_query();
        query = query.filter(Column::Id.in_subquery(rows));
    }
    query
}

/// Sorted as an index is, one way or wholly the other.
fn ordered(query: Select<Entity>, sort: Option<&str>) -> Select<Entity> {
    let sort = sort.unwrap_or("application");
    let (word, order) = match sort.strip_prefix('-') {
        Some(word) => (word, Order::Desc),
        None => (sort, Order::Asc),
    };
    let columns = match word {
        "name" => [Column::Name, Column::Application, Column::Kind, Column::Id],
        _ => [Column::Application, Column::Name, Column::Kind, Column::Id],
    };
    columns.into_iter().fold(query, |query, column| query.order_by(column, order.clone()))
}

impl Store {
    /// A page of the matrix as it is now.
    pub async fn matrix(&self, wanted: &MatrixQuery, paging: Paging) -> Result<Matrix, Error> {
        let columns = self.columns().await?;
        let text = self.has_text("matrix_row", wanted.q.as_deref()).await?;
        let text = text.as_ref();
        let out_of_step = self.count_rows(wanted, text, Some(true)).await?;
        let only = wanted.out_of_step == Some(true);
        let total = if only { out_of_step } else { self.count_rows(wanted, text, None).await? };
        let mut query = ordered(filtered(wanted, text), wanted.sort.as_deref());
        if only {
            query = query.filter(Column::OutOfStep.eq(true));
        }
        let rows = query.offset(paging.offset()).limit(u64::from(paging.page_size)).all(&self.db).await?;
        let ids: Vec<Uuid> = columns.iter().map(|column| column.id.0).collect();
        Ok(Matrix {
            environments: columns,
            rows: self.fill(rows, &ids).await?,
            total,
            out_of_step,
            page: paging.page,
            page_size: paging.page_size,
            at: None,
        })
    }

    /// The environments as columns, from left to right.
    pub(crate) async fn columns(&self) -> Result<Vec<Head>, Error> {
        let environments = environment::Entity::find()
            .order_by_asc(environment::Column::Position)
            .order_by_asc(environment::Column::Id)
            .all(&self.db)
            .await?;
        let column = |row: environment::Model| Head { id: row.id.into(), name: row.name, color: row.color };
        Ok(environments.into_iter().map(column).collect())
    }

    /// The services that an environment has of all rows that the filter matches, as far as the limit goes, and how many
    /// there are.
    pub async fn services_of_rows(
        &self,
        environment: EnvironmentId,
        wanted: &MatrixQuery,
        limit: u64,
    ) -> Result<(Vec<Service>, u64), Error> {
        let text = self.has_text("matrix_row", wanted.q.as_deref()).await?;
        let mut rows = filtered(wanted, text.as_ref());
        if wanted.out_of_step == Some(true) {
            rows = rows.filter(Column::OutOfStep.eq(true));
        }
        let rows = rows.select_only().column(Column::Id).into_query();
        service::in_rows(&self.db, environment, rows, limit).await
    }

    /// How many rows the filter matches, of all or of those that are out of step.
    async fn count_rows(
        &self,
        wanted: &MatrixQuery,
        text: Option<&HasText>,
        out_of_step: Option<bool>,
    ) -> Result<u64, Error> {
        if text.is_none() && wanted.site.is_none() {
            return self.kept_rows(wanted, out_of_step).await;
        }
        let mut query = filtered(wanted, text.map(HasText::counting).as_ref());
        if let Some(out) = out_of_step {
            query = query.filter(Column::OutOfStep.eq(out));
        }
        Ok(query.count(&self.db).await?)
    }

    async fn fill(&self, rows: Vec<Model>, columns: &[Uuid]) -> Result<Vec<MatrixRow>, Error> {
        let instances = service::Entity::find()
            .column_as(app_instance::Column::Name, "app_instance_name")
            .column_as(cluster::Column::Name, "cluster_name")
            .column_as(cluster::Column::StaleSince, "stale_since")
            .join(JoinType::InnerJoin, service::Relation::AppInstance.def())
            .join(JoinType::InnerJoin, service::Relation::Cluster.def())
            .filter(service::Column::MatrixRowId.is_in(rows.iter().map(|row| row.id)))
            .order_by_asc(app_instance::Column::Name)
            .order_by_asc(service::Column::Id)
            .into_model::<InstanceRow>()
            .all(&self.db)
            .await?;
        let mut cells: HashMap<(Uuid, Uuid), Vec<CellInstance>> = HashMap::new();
        for row in instances {
            cells.entry((row.matrix_row_id, row.environment_id)).or_default().push(row.into_instance()?);
        }
        let fill = |row: Model| {
            let cell = |column| Cell {
                instances: cells.remove(&(row.id, column)).unwrap_or_default(),
                differs: false,
            };
            let mut filled: Vec<Cell> = columns.iter().copied().map(cell).collect();
            mark_differences(&mut filled);
            MatrixRow {
                id: row.id.into(),
                application: row.application,
                kind: WorkloadKind::from(row.kind.as_str()),
                name: row.name,
                out_of_step: row.out_of_step,
                cells: filled,
            }
        };
        Ok(rows.into_iter().map(fill).collect())
    }
}

impl Write {
    /// The rows for these keys, made where they are missing.
    pub(crate) async fn ensure_rows(
        &mut self,
        keys: impl Iterator<Item = RowKey>,
    ) -> Result<HashMap<RowKey, Uuid>, Error> {
        let wanted: HashSet<RowKey> = keys.collect();
        let mut rows = HashMap::new();
        let wanted: Vec<RowKey> = wanted.into_iter().collect();
        for chunk in wanted.chunks(200) {
            let models = chunk.iter().map(|key| ActiveModel {
                id: Set(Uuid::now_v7()),
                application: Set(key.application.clone()),
                kind: Set(key.kind.clone()),
                name: Set(key.name.clone()),
                out_of_step: Set(false),
                search: Set(format!("{} {}", key.name, key.application).to_lowercase()),
            });
            let keep = OnConflict::columns([Column::Application, Column::Name, Column::Kind])
                .do_nothing()
                .to_owned();
            Entity::insert_many(models).on_conflict(keep).exec_without_returning(self.tx()).await?;
            let names: HashSet<&str> = chunk.iter().map(|key| key.name.as_str()).collect();
            let applications: HashSet<&str> = chunk.iter().map(|key| key.application.as_str()).collect();
            let near = Entity::find()
                .filter(Column::Application.is_in(applications))
                .filter(Column::Name.is_in(names));
            for row in near.all(self.tx()).await? {
                rows.insert(RowKey { application: row.application, kind: row.kind, name: row.name }, row.id);
            }
        }
        let wanted: HashSet<&RowKey> = wanted.iter().collect();
        rows.retain(|key, _| wanted.contains(key));
        Ok(rows)
    }

    /// Works out anew whether rows are out of step; rows without a service go.
    pub(crate) async fn refresh_rows(&mut self, rows: &[Uuid]) -> Result<(), Error> {
        for chunk in rows.chunks(500) {
            let services: Vec<(Uuid, Json)> = service::Entity::find()
                .select_only()
                .columns([service::Column::MatrixRowId, service::Column::Containers])
                .filter(service::Column::MatrixRowId.is_in(chunk.iter().copied()))
                .into_tuple()
                .all(self.tx())
                .await?;
            let mut by_row: HashMap<Uuid, Vec<Vec<Container>>> = HashMap::new();
            for (row, containers) in services {
                by_row.entry(row).or_default().push(serde_json::from_value(containers)?);
            }
            let is_out = |row: &Uuid| {
                by_row.get(row).is_some_and(|services| out_of_step(services.iter().map(Vec::as_slice)))
            };
            let (out, rest): (Vec<Uuid>, Vec<Uuid>) = chunk.iter().copied().partition(is_out);
            let (in_step, empty): (Vec<Uuid>, Vec<Uuid>) =
                rest.into_iter().partition(|row| by_row.contains_key(row));
            self.set_out_of_step(out, true).await?;
            self.set_out_of_step(in_step, false).await?;
            if !empty.is_empty() {
                Entity::delete_many().filter(Column::Id.is_in(empty)).exec(self.tx()).await?;
            }
        }
        Ok(())
    }

    async fn set_out_of_step(&self, rows: Vec<Uuid>, out: bool) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        Entity::update_many()
            .col_expr(Column::OutOfStep, Expr::value(out))
            .filter(Column::Id.is_in(rows))
            .filter(Column::OutOfStep.ne(out))
            .exec(self.tx())
            .await?;
        Ok(())
    }

    /// Works every row out anew, after services went with what they hung on.
    pub(crate) async fn prune_matrix(&mut self) -> Result<(), Error> {
        let rows: Vec<Uuid> =
            Entity::find().select_only().column(Column::Id).into_tuple().all(self.tx()).await?;
        self.refresh_rows(&rows).await
    }
}
