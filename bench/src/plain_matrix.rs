//! The plain handler of the matrix.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Query, State};
use domain::matrix::{Cell, CellInstance, Column, Matrix, MatrixQuery, MatrixRow, mark_differences};
use domain::service::Container;
use sqlx::sqlite::SqliteRow;
use sqlx::types::Json as JsonText;
use sqlx::{Row, SqlitePool};
use uuid::Uuid;

use crate::plain::{Failed, Filter, has_text, ordered, rows, total};

pub(crate) async fn matrix(
    State(pool): State<SqlitePool>,
    Query(wanted): Query<MatrixQuery>,
) -> Result<Json<Matrix>, Failed> {
    let environments =
        rows(&pool, "SELECT * FROM environment ORDER BY position ASC, id ASC".to_owned(), &Filter::default())
            .await?;
    let environments = environments.iter().map(head).collect::<Result<Vec<Column>, Failed>>()?;
    let only = wanted.out_of_step == Some(true);
    let mut filter = Filter::default();
    let has_text = has_text(&pool, "matrix_row", &mut filter, wanted.q.as_deref()).await?;
    filter.text("application = ?", wanted.application.as_deref());
    let mut out = filter.clone();
    out.number("out_of_step = ?", Some(1));
    let out_of_step = count(&pool, &out, has_text).await?;
    let all = if only { out_of_step } else { count(&pool, &filter, has_text).await? };
    let filter = if only { out } else { filter };
    let sort = wanted.sort.as_deref().unwrap_or("application");
    let columns = match sort.trim_start_matches('-') {
        "name" => ["name", "application", "kind", "id"],
        _ => ["application", "name", "kind", "id"],
    };
    let (size, page) = (wanted.page_size.unwrap_or(50), wanted.page.unwrap_or(1));
    let sql = format!(
        "SELECT id, application, kind, name, out_of_step, search FROM matrix_row{} ORDER BY {} LIMIT {size} OFFSET {}",
        filter.sql(),
        ordered("matrix_row", &columns, sort),
        (page - 1) * size
    );
    let found = rows(&pool, sql, &filter).await?;
    Ok(Json(Matrix {
        rows: fill(&pool, &found, &environments).await?,
        environments,
        total: all.try_into()?,
        out_of_step: out_of_step.try_into()?,
        page,
        page_size: size,
        at: None,
    }))
}

fn head(row: &SqliteRow) -> Result<Column, Failed> {
    Ok(Column {
        id: row.try_get::<Uuid, _>("id")?.into(),
        name: row.try_get("name")?,
        color: row.try_get("color")?,
    })
}

async fn count(pool: &SqlitePool, filter: &Filter, has_text: bool) -> Result<i64, Failed> {
    let sql = match has_text {
        true => "SELECT count(*) FROM matrix_row",
        false => "SELECT cast(coalesce(sum(matrix_rows), 0) as bigint) FROM matrix_row_count",
    };
    total(pool, format!("{sql}{}", filter.sql()), filter).await
}

async fn fill(pool: &SqlitePool, found: &[SqliteRow], columns: &[Column]) -> Result<Vec<MatrixRow>, Failed> {
    let ids = found.iter().map(|row| row.try_get::<Uuid, _>("id")).collect::<Result<Vec<_>, _>>()?;
    let mut filter = Filter::default();
    let places = vec!["?"; ids.len()].join(", ");
    filter.ids(&format!("service.matrix_row_id IN ({places})"), &ids);
    let sql = format!(
        "SELECT service.*, app_instance.name AS app_instance_name, cluster.name AS cluster_name, cluster.stale_since \
         FROM service INNER JOIN app_instance ON service.app_instance_id = app_instance.id INNER JOIN cluster ON \
         service.cluster_id = cluster.id{} ORDER BY app_instance.name ASC, service.id ASC",
        filter.sql()
    );
    let mut cells: HashMap<(Uuid, Uuid), Vec<CellInstance>> = HashMap::new();
    for row in rows(pool, sql, &filter).await? {
        let key = (row.try_get("matrix_row_id")?, row.try_get("environment_id")?);
        cells.entry(key).or_default().push(instance(&row)?);
    }
    let mut filled = Vec::new();
    for (row, id) in found.iter().zip(ids) {
        let cell = |column: &Column| Cell {
            instances: cells.remove(&(id, column.id.0)).unwrap_or_default(),
            differs: false,
        };
        let mut cells: Vec<Cell> = columns.iter().map(cell).collect();
        mark_differences(&mut cells);
        filled.push(MatrixRow {
            id: id.into(),
            application: row.try_get("application")?,
            kind: row.try_get::<String, _>("kind")?.as_str().into(),
            name: row.try_get("name")?,
            out_of_step: row.try_get("out_of_step")?,
            cells,
        });
    }
    Ok(filled)
}

fn instance(row: &SqliteRow) -> Result<CellInstance, Failed> {
    Ok(CellInstance {
        service_id: row.try_get::<Uuid, _>("id")?.into(),
        app_instance_id: row.try_get::<Uuid, _>("app_instance_id")?.into(),
        app_instance_name: row.try_get("app_instance_name")?,
        cluster: row.try_get("cluster_name")?,
        namespace: row.try_get("namespace")?,
        status: row.try_get::<String, _>("status")?.as_str().into(),
        reason: row.try_get("reason")?,
        replicas: row.try_get("replicas")?,
        available_replicas: row.try_get("available_replicas")?,
        containers: row.try_get::<JsonText<Vec<Container>>, _>("containers")?.0,
        stale_since: row.try_get("stale_since")?,
    })
}
