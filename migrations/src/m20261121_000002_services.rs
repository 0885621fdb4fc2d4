//! Observed services and the rows of the version matrix.

use sea_orm_migration::{prelude::*, schema::*};

use crate::m20261121_000001_sites::{index, reference, unique};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(matrix_row()).await?;
        manager
            .create_index(unique("matrix_row_key", "matrix_row", &["application", "name", "kind"]))
            .await?;
        manager.create_index(index("matrix_row_name", "matrix_row", &["name", "id"])).await?;
        let by_step = &["out_of_step", "application", "name", "kind"];
        manager.create_index(index("matrix_row_out_of_step", "matrix_row", by_step)).await?;
        manager.create_table(service()).await?;
        let key = &["app_instance_id", "kind", "name"];
        manager.create_index(unique("service_key", "service", key)).await?;
        manager.create_index(index("service_matrix_row", "service", &["matrix_row_id"])).await?;
        manager.create_index(index("service_name", "service", &["name", "id"])).await?;
        manager.create_index(index("service_environment", "service", &["environment_id", "name"])).await?;
        manager.create_index(index("service_status", "service", &["status", "name"])).await?;
        manager.create_index(index("service_changed", "service", &["last_changed"])).await
    }
}

fn matrix_row() -> TableCreateStatement {
    Table::create()
        .table("matrix_row")
        .col(uuid("id").primary_key())
        .col(string("application"))
        .col(string("kind"))
        .col(string("name"))
        .col(boolean("out_of_step"))
        .to_owned()
}

fn service() -> TableCreateStatement {
    Table::create()
        .table("service")
        .col(uuid("id").primary_key())
        .col(uuid("app_instance_id"))
        .col(uuid("environment_id"))
        .col(uuid("cluster_id"))
        .col(uuid("matrix_row_id"))
        .col(string("application"))
        .col(string("namespace"))
        .col(string("kind"))
        .col(string("name"))
        .col(string("status"))
        .col(text_null("reason"))
        .col(integer("replicas"))
        .col(integer("available_replicas"))
        .col(string("image_tag"))
        .col(json("containers"))
        .col(string_null("manager"))
        .col(text("search"))
        .col(timestamp_with_time_zone("last_changed"))
        .col(timestamp_with_time_zone_null("last_synced"))
        .foreign_key(&mut reference("service_app_instance_id", "service", "app_instance_id", "app_instance"))
        .foreign_key(&mut reference("service_cluster_id", "service", "cluster_id", "cluster"))
        .foreign_key(&mut reference("service_matrix_row_id", "service", "matrix_row_id", "matrix_row"))
        .to_owned()
}
