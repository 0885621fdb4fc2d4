//! The database's schema, step by step. Steps are only ever added: expand first, contract in a later release.

use sea_orm_migration::prelude::*;

mod m20261121_000001_sites;
mod m20261121_000002_services;
mod m20261121_000003_deployments;
mod m20261121_000004_scale;
mod m20261121_000005_revisions;
mod m20261122_000006_past;
mod m20261122_000007_at_its_turn;
mod m20261122_000008_variables;
mod m20261122_000009_carried_variables;
mod m20261122_000010_watch_leases;
mod m20261122_000011_scale;
mod m20261122_000012_settings;
mod m20261122_000013_many_environments;
mod m20261122_000015_home_cluster;
mod m20261122_000016_relocation;
mod m20261122_000017_home_cluster_index;

/// Runs the steps.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_sites::Migration),
            Box::new(m20261121_000002_services::Migration),
            Box::new(m20261121_000003_deployments::Migration),
            Box::new(m20261121_000004_scale::Migration),
            Box::new(m20261121_000005_revisions::Migration),
            Box::new(m20261122_000006_past::Migration),
            Box::new(m20261122_000007_at_its_turn::Migration),
            Box::new(m20261122_000008_variables::Migration),
            Box::new(m20261122_000009_carried_variables::Migration),
            Box::new(m20261122_000010_watch_leases::Migration),
            Box::new(m20261122_000011_scale::Migration),
            Box::new(m20261122_000012_settings::Migration),
            Box::new(m20261122_000013_many_environments::Migration),
            Box::new(m20261122_000015_home_cluster::Migration),
            Box::new(m20261122_000016_relocation::Migration),
            Box::new(m20261122_000017_home_cluster_index::Migration),
        ]
    }
}
