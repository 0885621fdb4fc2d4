//! What keeps lists quick at a hundred thousand services: an index for every order, one for text, and kept totals.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;

use crate::m20261121_000001_sites::{index, unique};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// What services are sorted by; name and id decide among equals.
const SORTED_BY: [&str; 7] =
    ["status", "image_tag", "namespace", "application", "kind", "last_changed", "last_synced"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        match db.get_database_backend() {
            DbBackend::Sqlite => {
                db.execute_unprepared(include_str!("m20261121_000004_scale/sqlite.sql")).await?;
                let key = &["app_instance_id", "kind", "name"];
                manager.create_index(unique("service_key", "service", key)).await?;
                // For what is searched and matches much, so that counting it reads no more than the text.
                manager.create_index(index("service_search", "service", &["search"])).await?;
                manager.create_index(index("service_matrix_row", "service", &["matrix_row_id"])).await?;
                let key = &["application", "name", "kind"];
                manager.create_index(unique("matrix_row_key", "matrix_row", key)).await?;
            }
            _ => {
                db.execute_unprepared(include_str!("m20261121_000004_scale/postgres.sql")).await?;
            }
        }
        manager.create_index(index("task_under_way", "task", &["busy", "status"])).await?;
        orders_of_services(manager).await?;
        orders_of_rows(manager).await
    }
}

/// Every order, for all services and for those of one environment.
async fn orders_of_services(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager.create_index(index("service_name", "service", &["name", "id"])).await?;
    manager.create_index(index("service_cluster", "service", &["cluster_id", "name", "id"])).await?;
    manager.create_index(index("service_environment", "service", &["environment_id", "name", "id"])).await?;
    for column in SORTED_BY {
        let name = format!("service_{column}");
        manager.create_index(index(name, "service", &[column, "name", "id"])).await?;
        let name = format!("service_environment_{column}");
        manager.create_index(index(name, "service", &["environment_id", column, "name", "id"])).await?;
    }
    Ok(())
}

/// By application and by name; of all rows, of one kind, and of those out of step.
async fn orders_of_rows(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    for (order, columns) in [
        ("application", ["application", "name", "kind", "id"]),
        ("name", ["name", "application", "kind", "id"]),
    ] {
        manager.create_index(index(format!("matrix_row_{order}"), "matrix_row", &columns)).await?;
        for first in ["kind", "out_of_step"] {
            let rest = columns.into_iter().filter(|column| *column != first);
            let columns: Vec<&'static str> = [first].into_iter().chain(rest).collect();
            let name = format!("matrix_row_{first}_{order}");
            manager.create_index(index(name, "matrix_row", &columns)).await?;
        }
    }
    Ok(())
}
