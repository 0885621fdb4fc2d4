//! Plain handlers: Lockstep's SQL run by sqlx, and its bytes.

use std::path::Path;

use anyhow::Result;
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use domain::service::{Container, Service, ServiceQuery};
use http::StatusCode;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqlitePoolOptions, SqliteRow};
use sqlx::{AssertSqlSafe, FromRow, Row, SqlitePool, query_scalar_with, query_with};
use uuid::Uuid;

use crate::plain_matrix;

/// A handler's failure: shown as it is, since only the bench ever sees it.
pub(crate) struct Failed(String);

impl<E: std::fmt::Display> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl axum::response::IntoResponse for Failed {
    fn into_response(self) -> axum::response::Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0).into_response()
    }
}

/// The services list and the matrix, on Lockstep's own file with Lockstep's own settings.
pub(crate) async fn routes(database: &Path) -> Result<Router> {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .read_only(true)
        .row_buffer_size(1000)
        .pragma("cache_size", "-8000")
        .pragma("busy_timeout", "60000");
    let pool = SqlitePoolOptions::new().max_connections(6).connect_with(options).await?;
    Ok(Router::new()
        .route("/api/services", get(services))
        .route("/api/matrix", get(plain_matrix::matrix))
        .with_state(pool))
}

/// A `where` clause with its values.
#[derive(Clone, Default)]
pub(crate) struct Filter {
    conditions: Vec<String>,
    values: Vec<Value>,
}

#[derive(Clone)]
enum Value {
    Id(Uuid),
    Text(String),
    Number(i64),
}

impl Filter {
    pub(crate) fn id(&mut self, condition: &str, id: Option<Uuid>) {
        self.push(condition, id.map(Value::Id));
    }

    pub(crate) fn text(&mut self, condition: &str, text: Option<&str>) {
        self.push(condition, text.filter(|text| !text.is_empty()).map(|text| Value::Text(text.to_owned())));
    }

    pub(crate) fn number(&mut self, condition: &str, number: Option<i64>) {
        self.push(condition, number.map(Value::Number));
    }

    pub(crate) fn ids(&mut self, condition: &str, ids: &[Uuid]) {
        self.conditions.push(condition.to_owned());
        self.values.extend(ids.iter().copied().map(Value::Id));
    }

    fn push(&mut self, condition: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.conditions.push(condition.to_owned());
            self.values.push(value);
        }
    }

    pub(crate) fn sql(&self) -> String {
        match self.conditions.as_slice() {
            [] => String::new(),
            conditions => format!(" WHERE {}", conditions.join(" AND ")),
        }
    }

    pub(crate) fn arguments(&self) -> Result<SqliteArguments, Failed> {
        use sqlx::Arguments;
        let mut arguments = SqliteArguments::default();
        for value in self.values.clone() {
            match value {
                Value::Id(id) => arguments.add(id)?,
                Value::Text(text) => arguments.add(text)?,
                Value::Number(number) => arguments.add(number)?,
            }
        }
        Ok(arguments)
    }
}

/// `order by` these columns, all one way.
pub(crate) fn ordered(table: &str, columns: &[&str], sort: &str) -> String {
    let way = if sort.starts_with('-') { "DESC" } else { "ASC" };
    let columns: Vec<String> = columns.iter().map(|column| format!("{table}.{column} {way}")).collect();
    columns.join(", ")
}

pub(crate) async fn total(pool: &SqlitePool, sql: String, filter: &Filter) -> Result<i64, Failed> {
    Ok(query_scalar_with(AssertSqlSafe(sql), filter.arguments()?).fetch_one(pool).await?)
}

pub(crate) async fn rows(pool: &SqlitePool, sql: String, filter: &Filter) -> Result<Vec<SqliteRow>, Failed> {
    Ok(query_with(AssertSqlSafe(sql), filter.arguments()?).fetch_all(pool).await?)
}

/// How Lockstep looks for a text: the rows that the trigram index names, if they are few, else by `like`.
pub(crate) async fn has_text(
    pool: &SqlitePool,
    table: &str,
    filter: &mut Filter,
    text: Option<&str>,
) -> Result<bool, Failed> {
    const MANY: usize = 1000;
    let Some(text) = text.filter(|text| !text.is_empty()).map(str::to_lowercase) else { return Ok(false) };
    let sql = format!("select rowid from {table}_text where {table}_text match ? limit {}", MANY + 1);
    let mut phrase = Filter::default();
    phrase.text("", Some(&format!("\"{text}\"")));
    let found = rows(pool, sql, &phrase).await?;
    let ids = found.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    match ids.len() <= MANY {
        true => {
            let condition = format!("{table}.row in (select value from json_each(?))");
            filter.text(&condition, Some(&format!("{ids:?}")));
        }
        false => filter.text(&format!("{table}.search LIKE ? ESCAPE '\\'"), Some(&format!("%{text}%"))),
    }
    Ok(true)
}

async fn services(
    State(pool): State<SqlitePool>,
    Query(wanted): Query<ServiceQuery>,
) -> Result<([(&'static str, String); 1], Json<Vec<Service>>), Failed> {
    let (mut kept, mut filter) = (Filter::default(), Filter::default());
    kept.id("app_instance.environment_id = ?", wanted.env.map(|env| env.0));
    kept.text("status = ?", wanted.status.as_deref());
    filter.id("service.environment_id = ?", wanted.env.map(|env| env.0));
    let has_text = has_text(&pool, "service", &mut filter, wanted.q.as_deref()).await?;
    let total = match has_text {
        true => total(&pool, format!("SELECT count(*) FROM service{}", filter.sql()), &filter).await?,
        false => {
            let sql = format!(
                "SELECT cast(coalesce(sum(services), 0) as bigint) FROM service_count INNER JOIN app_instance ON \
                 app_instance.id = service_count.app_instance_id{}",
                kept.sql()
            );
            total(&pool, sql, &kept).await?
        }
    };
    // Read along the order, not looked up and sorted.
    filter.text("+service.status = ?", wanted.status.as_deref());
    let sort = wanted.sort.as_deref().unwrap_or("name");
    let column = match sort.trim_start_matches('-') {
        "changed" => "last_changed",
        "status" => "status",
        "tag" => "image_tag",
        _ => "name",
    };
    let columns: &[&str] = if column == "name" { &["name", "id"] } else { &[column, "name", "id"] };
    let order = ordered("service", columns, sort);
    let size = wanted.page_size.unwrap_or(50);
    let offset = (wanted.page.unwrap_or(1) - 1) * size;
    let sql = format!(
        "SELECT service.*, app_instance.name AS app_instance_name, cluster.name AS cluster_name, cluster.site_id, \
         cluster.stale_since, matrix_row.out_of_step FROM service INNER JOIN app_instance ON \
         service.app_instance_id = app_instance.id INNER JOIN cluster ON service.cluster_id = cluster.id \
         INNER JOIN matrix_row ON service.matrix_row_id = matrix_row.id WHERE service.id IN (SELECT service.id FROM \
         service{} ORDER BY {order} LIMIT {size} OFFSET {offset}) ORDER BY {order}",
        filter.sql()
    );
    let found = rows(&pool, sql, &filter).await?;
    let items =
        found.iter().map(ServiceRow::from_row).map(|row| Ok(row?.0)).collect::<Result<_, Failed>>()?;
    Ok(([("x-total-count", total.to_string())], Json(items)))
}

struct ServiceRow(Service);

impl FromRow<'_, SqliteRow> for ServiceRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let id = |name| row.try_get::<Uuid, _>(name);
        let text = |name| row.try_get::<String, _>(name);
        Ok(Self(Service {
            id: id("id")?.into(),
            name: text("name")?,
            app_instance_id: id("app_instance_id")?.into(),
            app_instance_name: text("app_instance_name")?,
            environment_id: id("environment_id")?.into(),
            site_id: id("site_id")?.into(),
            cluster_id: id("cluster_id")?.into(),
            cluster: text("cluster_name")?,
            namespace: text("namespace")?,
            application: text("application")?,
            status: text("status")?.as_str().into(),
            reason: row.try_get("reason")?,
            replicas: row.try_get("replicas")?,
            available_replicas: row.try_get("available_replicas")?,
            image_tag: text("image_tag")?,
            workload_type: text("kind")?.as_str().into(),
            containers: row.try_get::<sqlx::types::Json<Vec<Container>>, _>("containers")?.0,
            manager: row.try_get::<Option<String>, _>("manager")?.as_deref().map(Into::into),
            out_of_step: row.try_get("out_of_step")?,
            last_changed: row.try_get("last_changed")?,
            last_synced: row.try_get::<Option<DateTime<Utc>>, _>("last_synced")?,
            stale_since: row.try_get::<Option<DateTime<Utc>>, _>("stale_since")?,
        }))
    }
}
