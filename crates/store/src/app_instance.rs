//! App instances.

use chrono::{DateTime, Utc};
use domain::{
    app_instance::AppInstance,
    id::{AppInstanceId, ClusterId, EnvironmentId, SiteId},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    FromQueryResult, JoinType, QueryOrder, QuerySelect, Select,
    entity::prelude::*,
};

use crate::{Error, Lease, Store, Write, cluster, environment, site};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "app_instance")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) environment_id: Uuid,
    pub(crate) cluster_id: Uuid,
    pub(crate) namespace: String,
    pub(crate) application: String,
    version: i64,
    created_at: DateTimeUtc,
    updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(belongs_to = "cluster::Entity", from = "Column::ClusterId", to = "cluster::Column::Id")]
    Cluster,
    #[sea_orm(
        belongs_to = "environment::Entity",
        from = "Column::EnvironmentId",
        to = "environment::Column::Id"
    )]
    Environment,
}

impl ActiveModelBehavior for ActiveModel {}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    name: String,
    environment_id: Uuid,
    environment_name: String,
    cluster_id: Uuid,
    cluster_name: String,
    stale_since: Option<DateTimeUtc>,
    site_id: Uuid,
    site_name: String,
    namespace: String,
    application: String,
    version: i64,
    created_at: DateTimeUtc,
    updated_at: DateTimeUtc,
}

impl Row {
    fn into_app_instance(self, services: u64) -> AppInstance {
        AppInstance {
            id: self.id.into(),
            name: self.name,
            rancher_site_id: self.site_id.into(),
            site_name: self.site_name,
            cluster: self.cluster_name,
            cluster_id: self.cluster_id.into(),
            namespace: self.namespace,
            environment_id: self.environment_id.into(),
            environment_name: self.environment_name,
            application: self.application,
            services,
            stale_since: self.stale_since,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

fn select() -> Select<Entity> {
    Entity::find()
        .column_as(environment::Column::Name, "environment_name")
        .column_as(cluster::Column::Name, "cluster_name")
        .column_as(cluster::Column::StaleSince, "stale_since")
        .column_as(cluster::Column::SiteId, "site_id")
        .column_as(site::Column::Name, "site_name")
        .join(JoinType::InnerJoin, Relation::Environment.def())
        .join(JoinType::InnerJoin, Relation::Cluster.def())
        .join(JoinType::InnerJoin, cluster::Relation::Site.def())
}

fn active(instance: &AppInstance) -> ActiveModel {
    ActiveModel {
        id: Set(instance.id.0),
        name: Set(instance.name.clone()),
        environment_id: Set(instance.environment_id.0),
        cluster_id: Set(instance.cluster_id.0),
        namespace: Set(instance.namespace.clone()),
        application: Set(instance.application.clone()),
        version: Set(instance.version),
        created_at: Set(instance.created_at),
        updated_at: Set(instance.updated_at),
    }
}

impl Store {
    /// App instances, of one environment or of all, by environment and name.
    pub async fn app_instances(&self, environment: Option<EnvironmentId>) -> Result<Vec<AppInstance>, Error> {
        let mut query = select().order_by_asc(environment::Column::Position).order_by_asc(Column::Name);
        if let Some(environment) = environment {
            query = query.filter(Column::EnvironmentId.eq(environment.0));
        }
        self.with_counts(query).await
    }

    /// App instances of a cluster.
    pub async fn app_instances_of(&self, cluster: ClusterId) -> Result<Vec<AppInstance>, Error> {
        self.with_counts(select().filter(Column::ClusterId.eq(cluster.0))).await
    }

    /// App instances of a namespace's name that are bound through other sites.
    pub async fn app_instances_elsewhere(
        &self,
        site: SiteId,
        namespace: &str,
    ) -> Result<Vec<AppInstance>, Error> {
        let query = select().filter(Column::Namespace.eq(namespace));
        self.with_counts(query.filter(cluster::Column::SiteId.ne(site.0))).await
    }

    /// One app instance.
    pub async fn app_instance(&self, id: AppInstanceId) -> Result<AppInstance, Error> {
        let found = self.with_counts(select().filter(Column::Id.eq(id.0))).await?;
        found.into_iter().next().ok_or(Error::NotFound)
    }

    async fn with_counts(&self, query: Select<Entity>) -> Result<Vec<AppInstance>, Error> {
        let rows = query.into_model::<Row>().all(&self.db).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let counts = self.services_by_instance().await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let services = counts.get(&row.id).copied().unwrap_or_default();
                row.into_app_instance(services)
            })
            .collect())
    }
}

impl Write {
    /// Adds an app instance. [`Error::Duplicate`] when its namespace is bound already.
    pub async fn insert_app_instance(&mut self, instance: &AppInstance) -> Result<(), Error> {
        Entity::insert(active(instance)).exec_without_returning(self.tx()).await?;
        Ok(())
    }

    /// Stores an edited app instance, if its stored version is still `version`, and regroups its services.
    pub async fn update_app_instance(&mut self, instance: &AppInstance, version: i64) -> Result<(), Error> {
        let row = ActiveModel { id: NotSet, ..active(instance) };
        let update = Entity::update_many()
            .set(row)
            .filter(Column::Id.eq(instance.id.0))
            .filter(Column::Version.eq(version));
        match update.exec(self.tx()).await?.rows_affected {
            0 => Err(Error::Stale),
            _ => self.regroup(instance).await,
        }
    }

    /// Binds an app instance to the same namespace of another cluster, for the deployment that moves it.
    /// [`Error::Duplicate`] when that one is bound already.
    pub async fn relocate(
        &mut self,
        lease: &Lease,
        instance: &AppInstance,
        cluster: ClusterId,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.hold(lease).await?;
        let version = instance.version;
        let cluster_id = cluster;
        let after = AppInstance { cluster_id, version: version + 1, updated_at: now, ..instance.clone() };
        self.update_app_instance(&after, version).await
    }

    /// Removes an app instance with its observed services.
    pub async fn delete_app_instance(&mut self, id: AppInstanceId) -> Result<(), Error> {
        let rows = self.rows_of_instance(id).await?;
        match Entity::delete_by_id(id.0).exec(self.tx()).await?.rows_affected {
            0 => Err(Error::NotFound),
            _ => self.refresh_rows(&rows).await,
        }
    }
}
