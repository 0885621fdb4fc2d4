//! Environments.

use std::collections::HashMap;

use domain::{environment::Environment, id::EnvironmentId, settings::StoredSettings, site::Dependents};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    QueryOrder, QuerySelect,
    entity::prelude::*,
};

use crate::{Error, Store, Write, app_instance, revision, service};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "environment")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) name: String,
    description: String,
    pub(crate) color: String,
    pub(crate) position: i32,
    cluster_id: Option<Uuid>,
    pub(crate) active_revision: i64,
    settings: Json,
    settings_version: i64,
    version: i64,
    created_at: DateTimeUtc,
    updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[derive(Default, Clone, Copy)]
struct Counts {
    app_instances: u64,
    services: u64,
    unhealthy: u64,
    latest_revision: i64,
}

impl Model {
    fn into_environment(self, counts: Counts) -> Environment {
        Environment {
            id: self.id.into(),
            name: self.name,
            description: self.description,
            color: self.color,
            position: self.position,
            cluster_id: self.cluster_id.map(Into::into),
            app_instances: counts.app_instances,
            services: counts.services,
            unhealthy: counts.unhealthy,
            latest_revision: counts.latest_revision,
            active_revision: self.active_revision,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

fn active(environment: &Environment) -> ActiveModel {
    ActiveModel {
        id: Set(environment.id.0),
        name: Set(environment.name.clone()),
        description: Set(environment.description.clone()),
        color: Set(environment.color.clone()),
        position: Set(environment.position),
        cluster_id: Set(environment.cluster_id.map(|id| id.0)),
        active_revision: Set(environment.active_revision),
        settings: NotSet,
        settings_version: NotSet,
        version: Set(environment.version),
        created_at: Set(environment.created_at),
        updated_at: Set(environment.updated_at),
    }
}

async fn counts(store: &Store) -> Result<HashMap<Uuid, Counts>, Error> {
    let mut counts: HashMap<Uuid, Counts> = HashMap::new();
    let instances: Vec<(Uuid, i64)> = app_instance::Entity::find()
        .select_only()
        .column(app_instance::Column::EnvironmentId)
        .column_as(app_instance::Column::Id.count(), "count")
        .group_by(app_instance::Column::EnvironmentId)
        .into_tuple()
        .all(&store.db)
        .await?;
    for (id, count) in instances {
        counts.entry(id).or_default().app_instances = count as u64;
    }
    for (id, status, count) in store.services_by_environment().await? {
        let entry = counts.entry(id).or_default();
        entry.services += count;
        if !status.is_well() {
            entry.unhealthy += count;
        }
    }
    for (id, number) in revision::latest_by_environment(&store.db).await? {
        counts.entry(id).or_default().latest_revision = number;
    }
    Ok(counts)
}

/// An environment's settings, with its newest revision's number.
pub(crate) async fn settings(db: &impl ConnectionTrait, id: EnvironmentId) -> Result<StoredSettings, Error> {
    let row: Option<(Json, i64)> = Entity::find_by_id(id.0)
        .select_only()
        .columns([Column::Settings, Column::SettingsVersion])
        .into_tuple()
        .one(db)
        .await?;
    let (settings, version) = row.ok_or(Error::NotFound)?;
    let revision = revision::latest_number(db, id).await?;
    Ok(StoredSettings { settings: serde_json::from_value(settings)?, version, revision })
}

impl Store {
    /// Every environment, from left to right.
    pub async fn environments(&self) -> Result<Vec<Environment>, Error> {
        let rows =
            Entity::find().order_by_asc(Column::Position).order_by_asc(Column::Id).all(&self.db).await?;
        let counts = counts(self).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let counts = counts.get(&row.id).copied().unwrap_or_default();
                row.into_environment(counts)
            })
            .collect())
    }

    /// One environment.
    pub async fn environment(&self, id: EnvironmentId) -> Result<Environment, Error> {
        let row = Entity::find_by_id(id.0).one(&self.db).await?.ok_or(Error::NotFound)?;
        let counts = counts(self).await?.get(&id.0).copied().unwrap_or_default();
        Ok(row.into_environment(counts))
    }

    /// An environment's settings.
    pub async fn settings(&self, id: EnvironmentId) -> Result<StoredSettings, Error> {
        settings(&self.db, id).await
    }

    /// What would go with an environment.
    pub async fn environment_dependents(&self, id: EnvironmentId) -> Result<Dependents, Error> {
        let names: Vec<String> = app_instance::Entity::find()
            .select_only()
            .column(app_instance::Column::Name)
            .filter(app_instance::Column::EnvironmentId.eq(id.0))
            .order_by_asc(app_instance::Column::Name)
            .into_tuple()
            .all(&self.db)
            .await?;
        let services =
            service::Entity::find().filter(service::Column::EnvironmentId.eq(id.0)).count(&self.db).await?;
        Ok(Dependents {
            app_instances: names,
            services,
            running_deployments: self.running_in_environment(id).await?,
        })
    }
}

impl Write {
    /// Adds an environment.
    pub async fn insert_environment(&mut self, environment: &Environment) -> Result<(), Error> {
        Entity::insert(active(environment)).exec_without_returning(self.tx()).await?;
        Ok(())
    }

    /// Stores an edited environment, if its stored version is still `version`.
    pub async fn update_environment(&mut self, environment: &Environment, version: i64) -> Result<(), Error> {
        // Which revision is active is not edited: a deployment may settle it meanwhile.
        let row = ActiveModel { id: NotSet, active_revision: NotSet, ..active(environment) };
        let update = Entity::update_many()
            .set(row)
            .filter(Column::Id.eq(environment.id.0))
            .filter(Column::Version.eq(version));
        match update.exec(self.tx()).await?.rows_affected {
            0 => Err(Error::Stale),
            _ => Ok(()),
        }
    }

    /// An environment's settings.
    pub async fn settings(&mut self, id: EnvironmentId) -> Result<StoredSettings, Error> {
        settings(self.tx(), id).await
    }

    /// Stores an environment's settings, if the stored version is still the one before theirs.
    pub async fn update_settings(&mut self, id: EnvironmentId, new: &StoredSettings) -> Result<(), Error> {
        let update = Entity::update_many()
            .col_expr(Column::Settings, Expr::value(serde_json::to_value(&new.settings)?))
            .col_expr(Column::SettingsVersion, Expr::value(new.version))
            .filter(Column::Id.eq(id.0))
            .filter(Column::SettingsVersion.eq(new.version - 1));
        match update.exec(self.tx()).await?.rows_affected {
            0 => Err(Error::Stale),
            _ => Ok(()),
        }
    }

    /// Puts the environments into this order.
    pub async fn reorder_environments(&mut self, order: &[EnvironmentId]) -> Result<(), Error> {
        for (position, id) in order.iter().enumerate() {
            Entity::update_many()
                .col_expr(Column::Position, Expr::value(position as i32))
                .filter(Column::Id.eq(id.0))
                .exec(self.tx())
                .await?;
        }
        Ok(())
    }

    /// Removes an environment with its app instances, observed services and revisions.
    pub async fn delete_environment(&mut self, id: EnvironmentId) -> Result<(), Error> {
        match Entity::delete_by_id(id.0).exec(self.tx()).await?.rows_affected {
            0 => Err(Error::NotFound),
            _ => self.prune_matrix().await,
        }
    }
}
