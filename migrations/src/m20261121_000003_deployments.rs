//! Previews, revisions, deployments, tasks and events.

use sea_orm_migration::{prelude::*, schema::*};

use crate::m20261121_000001_sites::{index, reference, unique};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(preview()).await?;
        manager.create_table(revision()).await?;
        manager.create_index(unique("revision_number", "revision", &["environment_id", "number"])).await?;
        manager.create_table(deployment()).await?;
        manager.create_index(index("deployment_start", "deployment", &["start_time"])).await?;
        manager.create_index(index("deployment_status", "deployment", &["status", "start_time"])).await?;
        manager
            .create_index(index("deployment_target", "deployment", &["target_environment_id", "start_time"]))
            .await?;
        manager
            .create_index(index("deployment_source", "deployment", &["source_environment_id", "start_time"]))
            .await?;
        manager.create_table(task()).await?;
        manager.create_index(index("task_deployment", "task", &["deployment_id", "position"])).await?;
        manager.create_index(index("task_target", "task", &["target_service_id", "started_at"])).await?;
        // Two deployments cannot work on one workload: `busy` is true while a task has not ended, else null.
        let place = &["cluster_id", "namespace", "kind", "name", "busy"];
        manager.create_index(unique("task_busy", "task", place)).await?;
        manager.create_table(event()).await?;
        manager.create_index(index("event_deployment", "event", &["deployment_id", "seq"])).await
    }
}

fn preview() -> TableCreateStatement {
    Table::create()
        .table("preview")
        .col(uuid("id").primary_key())
        .col(json("content"))
        .col(timestamp_with_time_zone("expires_at"))
        .to_owned()
}

fn revision() -> TableCreateStatement {
    Table::create()
        .table("revision")
        .col(uuid("id").primary_key())
        .col(uuid("environment_id"))
        .col(big_integer("number"))
        .col(json("entries"))
        .col(uuid_null("deployment_id"))
        .col(string("author"))
        .col(text("reason"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(&mut reference("revision_environment_id", "revision", "environment_id", "environment"))
        .to_owned()
}

/// History outlives what it speaks of, so it keeps names and refers to nothing.
fn deployment() -> TableCreateStatement {
    Table::create()
        .table("deployment")
        .col(uuid("id").primary_key())
        .col(string("origin"))
        .col(uuid("source_environment_id"))
        .col(string("source_name"))
        .col(uuid("target_environment_id"))
        .col(string("target_name"))
        .col(string("status"))
        .col(string("on_failure"))
        .col(boolean("cancel_requested"))
        .col(text("note"))
        .col(text("ticket"))
        .col(string("initiated_by"))
        .col(uuid_null("undo_of"))
        .col(big_integer("revision"))
        .col(timestamp_with_time_zone("start_time"))
        .col(timestamp_with_time_zone_null("end_time"))
        .col(string_null("lease_owner"))
        .col(big_integer("lease_epoch"))
        .col(timestamp_with_time_zone_null("lease_until"))
        .to_owned()
}

fn task() -> TableCreateStatement {
    Table::create()
        .table("task")
        .col(uuid("id").primary_key())
        .col(uuid("deployment_id"))
        .col(integer("position"))
        .col(uuid("service_id"))
        .col(uuid_null("source_app_instance_id"))
        .col(uuid("target_service_id"))
        .col(uuid("target_app_instance_id"))
        .col(uuid("site_id"))
        .col(uuid("cluster_id"))
        .col(string("cluster_external_id"))
        .col(string("cluster"))
        .col(string("namespace"))
        .col(string("application"))
        .col(string("kind"))
        .col(string("name"))
        .col(string("uid"))
        .col(json("found"))
        .col(json("containers"))
        .col(string("status"))
        .col(boolean_null("busy"))
        .col(text("words"))
        .col(text_null("error"))
        .col(boolean("accepted"))
        .col(integer("retries"))
        .col(timestamp_with_time_zone_null("not_before"))
        .col(timestamp_with_time_zone_null("deadline"))
        .col(integer("available"))
        .col(integer("replicas"))
        .col(timestamp_with_time_zone_null("started_at"))
        .col(timestamp_with_time_zone_null("ended_at"))
        .foreign_key(&mut reference("task_deployment_id", "task", "deployment_id", "deployment"))
        .to_owned()
}

fn event() -> TableCreateStatement {
    Table::create()
        .table("event")
        .col(big_integer("seq").primary_key())
        .col(timestamp_with_time_zone("at"))
        .col(string("kind"))
        .col(string("actor"))
        .col(uuid_null("deployment_id"))
        .col(uuid_null("task_id"))
        .col(uuid_null("environment_id"))
        .col(text("message"))
        .to_owned()
}
