//! Sites, clusters, environments and app instances.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(site()).await?;
        manager.create_table(cluster()).await?;
        manager.create_index(unique("cluster_of_site", "cluster", &["site_id", "external_id"])).await?;
        manager.create_table(environment()).await?;
        manager.create_table(app_instance()).await?;
        manager
            .create_index(unique("app_instance_place", "app_instance", &["cluster_id", "namespace"]))
            .await?;
        manager.create_index(index("app_instance_environment", "app_instance", &["environment_id"])).await
    }
}

fn site() -> TableCreateStatement {
    Table::create()
        .table("site")
        .col(uuid("id").primary_key())
        .col(string("name").unique_key())
        .col(string("kind"))
        .col(string("url"))
        .col(binary("token_cipher"))
        .col(string("token_key_id"))
        .col(text_null("ca_certificate"))
        .col(boolean("active"))
        .col(string_null("server_version"))
        .col(string_null("signed_in_as"))
        .col(timestamp_with_time_zone_null("token_expires_at"))
        .col(text_null("problem"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .to_owned()
}

fn cluster() -> TableCreateStatement {
    Table::create()
        .table("cluster")
        .col(uuid("id").primary_key())
        .col(uuid("site_id"))
        .col(string("external_id"))
        .col(string("name"))
        .col(string("state"))
        .col(text_null("message"))
        .col(string_null("kubernetes_version"))
        .col(boolean("managed"))
        .col(string("watch"))
        .col(timestamp_with_time_zone_null("stale_since"))
        .col(timestamp_with_time_zone_null("last_contact_at"))
        .foreign_key(&mut reference("cluster_site", "cluster", "site_id", "site"))
        .to_owned()
}

fn environment() -> TableCreateStatement {
    Table::create()
        .table("environment")
        .col(uuid("id").primary_key())
        .col(string("name").unique_key())
        .col(text("description"))
        .col(string("color"))
        .col(integer("position"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .to_owned()
}

fn app_instance() -> TableCreateStatement {
    Table::create()
        .table("app_instance")
        .col(uuid("id").primary_key())
        .col(string("name"))
        .col(uuid("environment_id"))
        .col(uuid("cluster_id"))
        .col(string("namespace"))
        .col(string("application"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut reference(
            "app_instance_environment_id",
            "app_instance",
            "environment_id",
            "environment",
        ))
        .foreign_key(&mut reference("app_instance_cluster_id", "app_instance", "cluster_id", "cluster"))
        .to_owned()
}

/// A foreign key whose rows go with what they refer to.
pub(crate) fn reference(
    name: &'static str,
    table: &'static str,
    column: &'static str,
    target: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(name)
        .from(table, column)
        .to(target, "id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

/// An index.
pub(crate) fn index(
    name: impl Into<String>,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(*column);
    }
    index.to_owned()
}

/// A unique index.
pub(crate) fn unique(
    name: impl Into<String>,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    index(name, table, columns).unique().to_owned()
}
