//! Environments.

use std::collections::HashMap;

use domain::{
    environment::Environment,
    id::{ClusterId, EnvironmentId},
    list::{Page, Paging},
    settings::StoredSettings,
    site::Dependents,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    Order, QueryOrder, QuerySelect, QueryTrait, Select,
    entity::prelude::*,
    sea_query::{ExprTrait, UnionType},
};

use crate::{Error, Store, Write, app_instance, revision, service, text};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "environment")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// The name in lower case.
    search: String,
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

#[derive(Default)]
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
        search: Set(environment.name.to_lowercase()),
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

/// What hangs on these environments, or on all.
async fn counts(store: &Store, of: Option<&[Uuid]>) -> Result<HashMap<Uuid, Counts>, Error> {
    let mut counts: HashMap<Uuid, Counts> = HashMap::new();
    let mut instances = app_instance::Entity::find()
        .select_only()
        .column(app_instance::Column::EnvironmentId)
        .column_as(app_instance::Column::Id.count(), "count")
        .group_by(app_instance::Column::EnvironmentId);
    if let Some(of) = of {
        instances = instances.filter(app_instance::Column::EnvironmentId.is_in(of.iter().copied()));
    }
    let instances: Vec<(Uuid, i64)> = instances.into_tuple().all(&store.db).await?;
    for (id, count) in instances {
        counts.entry(id).or_default().app_instances = count as u64;
    }
    for (id, status, count) in store.services_by_environment(of).await? {
        let entry = counts.entry(id).or_default();
        entry.services += count;
        if !status.is_well() {
            entry.unhealthy += count;
        }
    }
    for (id, number) in revision::latest_by_environment(&store.db, of).await? {
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

fn filled(rows: Vec<Model>, mut counts: HashMap<Uuid, Counts>) -> Vec<Environment> {
    let fill = |row: Model| {
        let counts = counts.remove(&row.id).unwrap_or_default();
        row.into_environment(counts)
    };
    rows.into_iter().map(fill).collect()
}

/// The order of a list of environments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EnvironmentOrder {
    /// From left to right.
    #[default]
    Position,
    /// By name, in whatever case.
    Name,
    /// Those that were made first, first.
    Created,
}

impl EnvironmentOrder {
    fn column(self) -> Column {
        match self {
            Self::Position => Column::Position,
            Self::Name => Column::Search,
            Self::Created => Column::CreatedAt,
        }
    }
}

/// Which environments are listed, and how.
#[derive(Clone, Debug, Default)]
pub struct EnvironmentFilter {
    /// Those with an app instance in a cluster, and those at home in it.
    pub cluster: Option<ClusterId>,
    /// Those whose name begins so, in whatever case.
    pub prefix: Option<String>,
    /// Their order.
    pub order: EnvironmentOrder,
    /// The other way round.
    pub backwards: bool,
}

impl EnvironmentFilter {
    fn select(&self) -> Select<Entity> {
        let mut query = Entity::find();
        if let Some(cluster) = self.cluster {
            let here = app_instance::Entity::find()
                .select_only()
                .column(app_instance::Column::EnvironmentId)
                .filter(app_instance::Column::ClusterId.eq(cluster.0));
            let at_home =
                Entity::find().select_only().column(Column::Id).filter(Column::ClusterId.eq(cluster.0));
            // Each by its index: of one condition with “or” every environment would be looked at.
            let mut there = here.into_query();
            there.union(UnionType::All, at_home.into_query());
            query = query.filter(Column::Id.in_subquery(there));
        }
        if let Some(pattern) = self.prefix.as_deref().and_then(text::begins) {
            query = query.filter(Expr::col((Entity, Column::Search)).like(pattern));
        }
        query
    }

    fn ordered(&self) -> Select<Entity> {
        let order = if self.backwards { Order::Desc } else { Order::Asc };
        self.select().order_by(self.order.column(), order.clone()).order_by(Column::Id, order)
    }
}

impl Store {
    /// Every environment, from left to right.
    pub async fn environments(&self) -> Result<Vec<Environment>, Error> {
        let query = Entity::find().order_by_asc(Column::Position).order_by_asc(Column::Id);
        let rows = query.all(&self.db).await?;
        Ok(filled(rows, counts(self, None).await?))
    }

    /// A page of environments.
    pub async fn environment_page(
        &self,
        filter: &EnvironmentFilter,
        paging: Paging,
    ) -> Result<Page<Environment>, Error> {
        let total = filter.select().count(&self.db).await?;
        let query = filter.ordered().offset(paging.offset()).limit(u64::from(paging.page_size));
        let items = self.with_environment_counts(query.all(&self.db).await?).await?;
        Ok(Page { items, total, page: paging.page, page_size: paging.page_size })
    }

    /// How many environments there are.
    pub async fn environment_count(&self) -> Result<u64, Error> {
        Ok(Entity::find().count(&self.db).await?)
    }

    /// One environment.
    pub async fn environment(&self, id: EnvironmentId) -> Result<Environment, Error> {
        let row = Entity::find_by_id(id.0).one(&self.db).await?;
        self.with_environment_counts(row.into_iter().collect()).await?.pop().ok_or(Error::NotFound)
    }

    async fn with_environment_counts(&self, rows: Vec<Model>) -> Result<Vec<Environment>, Error> {
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        Ok(filled(rows, counts(self, Some(&ids)).await?))
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

    /// Makes room for an environment that is to stand at a place, counted from 0, or else at the end, and gives out its
    /// position. Positions are 0, 1, 2 and so on; one that has a place already gives it up.
    pub async fn make_room(&mut self, id: EnvironmentId, place: Option<i32>) -> Result<i32, Error> {
        if self.tx().get_database_backend() == sea_orm::DbBackend::Postgres {
            // Two at once would take the same place.
            self.tx().execute_unprepared("select pg_advisory_xact_lock(7601002)").await?;
        }
        let others = Entity::find().filter(Column::Id.ne(id.0)).count(self.tx()).await? as i32;
        let place = place.map_or(others, |place| place.clamp(0, others));
        self.give_up_place(id).await?;
        Entity::update_many()
            .col_expr(Column::Position, Expr::col(Column::Position).add(1))
            .filter(Column::Id.ne(id.0))
            .filter(Column::Position.gte(place))
            .exec(self.tx())
            .await?;
        Ok(place)
    }

    /// Those on the right of an environment close up.
    async fn give_up_place(&mut self, id: EnvironmentId) -> Result<(), Error> {
        let Some(before) = Entity::find_by_id(id.0).one(self.tx()).await? else { return Ok(()) };
        Entity::update_many()
            .col_expr(Column::Position, Expr::col(Column::Position).sub(1))
            .filter(Column::Position.gt(before.position))
            .exec(self.tx())
            .await?;
        Ok(())
    }

    /// Removes an environment with its app instances, observed services and revisions.
    pub async fn delete_environment(&mut self, id: EnvironmentId) -> Result<(), Error> {
        self.give_up_place(id).await?;
        match Entity::delete_by_id(id.0).exec(self.tx()).await?.rows_affected {
            0 => Err(Error::NotFound),
            _ => self.prune_matrix().await,
        }
    }
}
