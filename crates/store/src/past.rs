//! The matrix of an earlier time, from the spans that triggers keep of what each service ran.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use domain::{
    id::MatrixRowId,
    list::Paging,
    matrix::{
        Cell, CellInstance, Column as Head, Matrix, MatrixQuery, MatrixRow, mark_differences, out_of_step,
    },
    service::{ServiceStatus, WorkloadKind},
};
use sea_orm::{
    FromQueryResult, JoinType, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr as SeaExpr, ExprTrait},
};

use crate::{Error, Store, app_instance, cluster, text};

/// A span in which a service ran the same images in the same place.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "version_span")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    id: i64,
    service_id: Uuid,
    app_instance_id: Uuid,
    environment_id: Uuid,
    cluster_id: Uuid,
    application: String,
    namespace: String,
    kind: String,
    name: String,
    containers: Json,
    since: i64,
    until: i64,
}

/// What a span speaks of may be gone: there are no foreign keys.
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
}

impl ActiveModelBehavior for ActiveModel {}

#[derive(FromQueryResult)]
struct Span {
    service_id: Uuid,
    app_instance_id: Uuid,
    environment_id: Uuid,
    cluster_id: Uuid,
    app_instance_name: Option<String>,
    cluster_name: Option<String>,
    application: String,
    namespace: String,
    kind: String,
    name: String,
    containers: Json,
}

impl Span {
    fn key(&self, by_name: bool) -> Key {
        let (application, name) = (self.application.clone(), self.name.clone());
        let order = if by_name { (name, application) } else { (application, name) };
        (order.0, order.1, self.kind.clone())
    }

    fn into_instance(self) -> Result<CellInstance, Error> {
        Ok(CellInstance {
            service_id: self.service_id.into(),
            app_instance_id: self.app_instance_id.into(),
            app_instance_name: self.app_instance_name.unwrap_or_else(|| self.namespace.clone()),
            cluster: self.cluster_name.unwrap_or_default(),
            namespace: self.namespace,
            status: ServiceStatus::Undetermined,
            reason: None,
            replicas: 0,
            available_replicas: 0,
            containers: serde_json::from_value(self.containers)?,
            stale_since: None,
        })
    }
}

/// What makes spans one row, in the order that is wanted.
type Key = (String, String, String);

impl Store {
    /// A page of the matrix as it was. All of that time is read: whether a row was out of step is not recorded.
    pub async fn matrix_at(
        &self,
        wanted: &MatrixQuery,
        at: DateTime<Utc>,
        paging: Paging,
    ) -> Result<Matrix, Error> {
        let columns = self.columns().await?;
        let sort = wanted.sort.as_deref().unwrap_or_default();
        let by_name = sort.trim_start_matches('-') == "name";
        let mut found: BTreeMap<Key, Vec<Span>> = BTreeMap::new();
        for span in self.spans(wanted, at).await? {
            if columns.iter().any(|column| column.id.0 == span.environment_id) {
                found.entry(span.key(by_name)).or_default().push(span);
            }
        }
        let mut rows =
            found.into_values().map(|spans| row(spans, &columns)).collect::<Result<Vec<_>, _>>()?;
        if sort.starts_with('-') {
            rows.reverse();
        }
        let out = rows.iter().filter(|row| row.out_of_step).count() as u64;
        if wanted.out_of_step == Some(true) {
            rows.retain(|row| row.out_of_step);
        }
        let total = rows.len() as u64;
        let shown = rows.into_iter().skip(paging.offset() as usize).take(paging.page_size as usize);
        Ok(Matrix {
            environments: columns,
            rows: shown.collect(),
            total,
            out_of_step: out,
            page: paging.page,
            page_size: paging.page_size,
            at: Some(at),
        })
    }

    /// What ran at a time and fits the filter, but for being out of step.
    async fn spans(&self, wanted: &MatrixQuery, at: DateTime<Utc>) -> Result<Vec<Span>, Error> {
        let at = at.timestamp_millis();
        let mut query = Entity::find()
            .column_as(app_instance::Column::Name, "app_instance_name")
            .column_as(cluster::Column::Name, "cluster_name")
            .join(JoinType::LeftJoin, Relation::AppInstance.def())
            .join(JoinType::LeftJoin, Relation::Cluster.def())
            .filter(Column::Since.lte(at))
            .filter(Column::Until.gt(at));
        for (column, word) in [(Column::Application, &wanted.application), (Column::Kind, &wanted.kind)] {
            if let Some(word) = word.as_ref().filter(|word| !word.is_empty()) {
                query = query.filter(column.eq(word));
            }
        }
        if let Some(pattern) = wanted.q.as_deref().and_then(text::contains) {
            let search = SeaExpr::cust("lower(version_span.name || ' ' || version_span.application)");
            query = query.filter(search.like(pattern));
        }
        let mut spans: Vec<Span> = query.order_by_asc(Column::Id).into_model().all(&self.db).await?;
        if let Some(site) = wanted.site {
            let clusters = self.clusters(Some(site)).await?;
            let of_site = |span: &Span| clusters.iter().any(|cluster| cluster.id.0 == span.cluster_id);
            let rows: HashSet<Key> =
                spans.iter().filter(|span| of_site(span)).map(|span| span.key(true)).collect();
            spans.retain(|span| rows.contains(&span.key(true)));
        }
        Ok(spans)
    }
}

fn row(spans: Vec<Span>, columns: &[Head]) -> Result<MatrixRow, Error> {
    let first = spans.first().ok_or(Error::NotFound)?;
    // The row of today may be gone; a service belongs to one row only.
    let id = MatrixRowId(first.service_id);
    let (application, kind) = (first.application.clone(), WorkloadKind::from(first.kind.as_str()));
    let name = first.name.clone();
    let mut cells: Vec<Cell> = columns.iter().map(|_| Cell::default()).collect();
    for span in spans {
        let column = columns.iter().position(|column| column.id.0 == span.environment_id);
        if let Some(cell) = column.and_then(|column| cells.get_mut(column)) {
            cell.instances.push(span.into_instance()?);
        }
    }
    mark_differences(&mut cells);
    let instances = cells.iter().flat_map(|cell| &cell.instances);
    let out_of_step = out_of_step(instances.map(|instance| instance.containers.as_slice()));
    Ok(MatrixRow { id, application, kind, name, out_of_step, cells })
}
