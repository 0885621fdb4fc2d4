//! Clusters.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{
    cluster::{Cluster, ClusterState, WatchState},
    id::{ClusterId, SiteId},
    list::{Page, Paging},
    site::SiteKind,
};
use sea_orm::{
    ActiveValue::Set,
    Condition, FromQueryResult, JoinType, QueryOrder, QuerySelect, QueryTrait, Select,
    entity::prelude::*,
    sea_query::{OnConflict, SelectStatement},
};

use crate::{Error, Store, Write, app_instance, site};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "cluster")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) site_id: Uuid,
    pub(crate) external_id: String,
    pub(crate) name: String,
    state: String,
    message: Option<String>,
    kubernetes_version: Option<String>,
    managed: bool,
    watch: String,
    pub(crate) stale_since: Option<DateTimeUtc>,
    last_contact_at: Option<DateTimeUtc>,
    renamed: bool,
    labels: Json,
    cordoned: bool,
    version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(belongs_to = "site::Entity", from = "Column::SiteId", to = "site::Column::Id")]
    Site,
}

impl ActiveModelBehavior for ActiveModel {}

/// The ids of a site's clusters.
pub(crate) fn of_site(site: SiteId) -> SelectStatement {
    Entity::find().select_only().column(Column::Id).filter(Column::SiteId.eq(site.0)).into_query()
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    site_id: Uuid,
    site_name: String,
    external_id: String,
    name: String,
    state: String,
    message: Option<String>,
    kubernetes_version: Option<String>,
    managed: bool,
    watch: String,
    stale_since: Option<DateTimeUtc>,
    last_contact_at: Option<DateTimeUtc>,
    labels: Json,
    cordoned: bool,
    version: i64,
}

impl From<Row> for Cluster {
    fn from(row: Row) -> Self {
        Cluster {
            id: row.id.into(),
            site_id: row.site_id.into(),
            site_name: row.site_name,
            external_id: row.external_id,
            name: row.name,
            state: ClusterState::from(row.state.as_str()),
            message: row.message,
            kubernetes_version: row.kubernetes_version,
            managed: row.managed,
            watch: WatchState::from(row.watch.as_str()),
            stale_since: row.stale_since,
            last_contact_at: row.last_contact_at,
            labels: serde_json::from_value(row.labels).unwrap_or_default(),
            cordoned: row.cordoned,
            version: row.version,
            capacity: None,
        }
    }
}

/// A cluster to watch, with the namespaces bound in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterTarget {
    /// The cluster.
    pub id: ClusterId,
    /// Its site.
    pub site_id: SiteId,
    /// What its site is.
    pub site_kind: SiteKind,
    /// The site's edit that the connection must be made from.
    pub site_version: i64,
    /// The site's own id of the cluster.
    pub external_id: String,
    /// The namespaces bound, in order.
    pub namespaces: Vec<String>,
    /// The edits of their app instances, in the same order: what is observed is stored under what they say.
    pub instance_versions: Vec<i64>,
}

fn select() -> Select<Entity> {
    Entity::find().column_as(site::Column::Name, "site_name").join(JoinType::InnerJoin, Relation::Site.def())
}

/// How many clusters of each site are managed.
pub(crate) async fn managed_by_site(db: &impl ConnectionTrait) -> Result<HashMap<Uuid, u64>, Error> {
    let counts: Vec<(Uuid, i64)> = Entity::find()
        .select_only()
        .column(Column::SiteId)
        .column_as(Column::Id.count(), "count")
        .filter(Column::Managed.eq(true))
        .group_by(Column::SiteId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(counts.into_iter().map(|(site, count)| (site, count as u64)).collect())
}

impl Store {
    /// A site's clusters, by name; every managed cluster where no site is given.
    pub async fn clusters(&self, site: Option<SiteId>) -> Result<Vec<Cluster>, Error> {
        let filter = match site {
            Some(site) => Column::SiteId.eq(site.0),
            None => Column::Managed.eq(true),
        };
        let rows =
            select().filter(filter).order_by_asc(Column::Name).into_model::<Row>().all(&self.db).await?;
        Ok(rows.into_iter().map(Cluster::from).collect())
    }

    /// A page of the managed clusters of sites that are not switched off, by name.
    pub async fn cluster_page(&self, paging: Paging) -> Result<Page<Cluster>, Error> {
        let all = select().filter(Column::Managed.eq(true)).filter(site::Column::Active.eq(true));
        let total = all.clone().count(&self.db).await?;
        let page = all.order_by_asc(Column::Name).order_by_asc(Column::Id).offset(paging.offset());
        let rows = page.limit(u64::from(paging.page_size)).into_model::<Row>().all(&self.db).await?;
        let items = rows.into_iter().map(Cluster::from).collect();
        Ok(Page { items, total, page: paging.page, page_size: paging.page_size })
    }

    /// Clusters that a word names: by id, external id or name, in one site or in all.
    pub async fn find_clusters(&self, site: Option<SiteId>, word: &str) -> Result<Vec<Cluster>, Error> {
        let mut names = Condition::any().add(Column::ExternalId.eq(word)).add(Column::Name.eq(word));
        if let Ok(id) = Uuid::parse_str(word) {
            names = names.add(Column::Id.eq(id));
        }
        let mut query = select().filter(names);
        if let Some(site) = site {
            query = query.filter(Column::SiteId.eq(site.0));
        }
        let rows = query.into_model::<Row>().all(&self.db).await?;
        Ok(rows.into_iter().map(Cluster::from).collect())
    }

    /// What is to be watched: managed clusters of active sites that something is bound to.
    pub async fn cluster_targets(&self) -> Result<Vec<ClusterTarget>, Error> {
        let rows: Vec<(Uuid, Uuid, String, i64, String, String, i64)> = Entity::find()
            .select_only()
            .column(Column::Id)
            .column(Column::SiteId)
            .column_as(site::Column::Kind, "site_kind")
            .column_as(site::Column::Version, "site_version")
            .column(Column::ExternalId)
            .column_as(app_instance::Column::Namespace, "namespace")
            .column_as(app_instance::Column::Version, "instance_version")
            .join(JoinType::InnerJoin, Relation::Site.def())
            .join(JoinType::InnerJoin, app_instance::Relation::Cluster.def().rev())
            .filter(Column::Managed.eq(true))
            .filter(site::Column::Active.eq(true))
            .order_by_asc(Column::Id)
            .order_by_asc(app_instance::Column::Namespace)
            .into_tuple()
            .all(&self.db)
            .await?;
        let mut targets: Vec<ClusterTarget> = Vec::new();
        for (id, site_id, site_kind, site_version, external_id, namespace, instance_version) in rows {
            match targets.last_mut().filter(|target| target.id.0 == id) {
                Some(target) => {
                    target.namespaces.push(namespace);
                    target.instance_versions.push(instance_version);
                }
                None => targets.push(ClusterTarget {
                    id: id.into(),
                    site_id: site_id.into(),
                    site_kind: SiteKind::from(site_kind.as_str()),
                    site_version,
                    external_id,
                    namespaces: vec![namespace],
                    instance_versions: vec![instance_version],
                }),
            }
        }
        Ok(targets)
    }
}

impl Write {
    /// Stores what a site lists: new clusters are added, known ones updated, managed or not as they were.
    pub async fn upsert_clusters(&mut self, clusters: &[Cluster]) -> Result<(), Error> {
        for cluster in clusters {
            let row = ActiveModel {
                id: Set(cluster.id.0),
                site_id: Set(cluster.site_id.0),
                external_id: Set(cluster.external_id.clone()),
                name: Set(cluster.name.clone()),
                state: Set(cluster.state.to_string()),
                message: Set(cluster.message.clone()),
                kubernetes_version: Set(cluster.kubernetes_version.clone()),
                managed: Set(cluster.managed),
                watch: Set(cluster.watch.to_string()),
                stale_since: Set(cluster.stale_since),
                last_contact_at: Set(cluster.last_contact_at),
                renamed: Set(false),
                labels: Set(serde_json::to_value(&cluster.labels)?),
                cordoned: Set(cluster.cordoned),
                version: Set(cluster.version),
            };
            // A name that was given here stays.
            let name = Expr::cust("case when cluster.renamed then cluster.name else excluded.name end");
            let update = OnConflict::columns([Column::SiteId, Column::ExternalId])
                .update_columns([Column::State, Column::Message, Column::KubernetesVersion])
                .value(Column::Name, name)
                .to_owned();
            Entity::insert(row).on_conflict(update).exec_without_returning(self.tx()).await?;
        }
        Ok(())
    }

    /// Stores an edited cluster, if its stored version is still `version`.
    pub async fn update_cluster(
        &mut self,
        cluster: &Cluster,
        renamed: bool,
        version: i64,
    ) -> Result<(), Error> {
        let mut update = Entity::update_many()
            .col_expr(Column::Name, Expr::value(cluster.name.clone()))
            .col_expr(Column::Labels, Expr::value(serde_json::to_value(&cluster.labels)?))
            .col_expr(Column::Cordoned, Expr::value(cluster.cordoned))
            .col_expr(Column::Version, Expr::value(cluster.version))
            .filter(Column::Id.eq(cluster.id.0))
            .filter(Column::Version.eq(version));
        if renamed {
            update = update.col_expr(Column::Renamed, Expr::value(true));
        }
        match update.exec(self.tx()).await?.rows_affected {
            0 => Err(Error::Stale),
            _ => Ok(()),
        }
    }

    /// Removes a cluster with what is bound in it.
    pub async fn delete_cluster(&mut self, id: ClusterId) -> Result<(), Error> {
        match Entity::delete_by_id(id.0).exec(self.tx()).await?.rows_affected {
            0 => Err(Error::NotFound),
            _ => self.prune_matrix().await,
        }
    }

    /// Says which of a site's clusters are managed.
    pub async fn set_managed(&mut self, site: SiteId, managed: &[ClusterId]) -> Result<(), Error> {
        let ids: Vec<Uuid> = managed.iter().map(|id| id.0).collect();
        let of_site = || Entity::update_many().filter(Column::SiteId.eq(site.0));
        of_site()
            .col_expr(Column::Managed, Expr::value(false))
            .filter(Column::Id.is_not_in(ids.clone()))
            .exec(self.tx())
            .await?;
        of_site()
            .col_expr(Column::Managed, Expr::value(true))
            .filter(Column::Id.is_in(ids))
            .exec(self.tx())
            .await?;
        Ok(())
    }

    /// Records that a site does not list those of its clusters any more that are not among these.
    pub async fn miss_clusters(&mut self, site: SiteId, listed: &[String]) -> Result<(), Error> {
        Entity::update_many()
            .col_expr(Column::State, Expr::value(ClusterState::Unavailable.to_string()))
            .col_expr(Column::Message, Expr::value("The site does not list it any more."))
            .filter(Column::SiteId.eq(site.0))
            .filter(Column::ExternalId.is_not_in(listed))
            .exec(self.tx())
            .await?;
        Ok(())
    }

    /// Records when clusters were heard of last.
    pub async fn set_contacts(&mut self, heard: &[(ClusterId, DateTime<Utc>)]) -> Result<(), Error> {
        for (id, at) in heard {
            Entity::update_many()
                .col_expr(Column::LastContactAt, Expr::value(*at))
                .filter(Column::Id.eq(id.0))
                .exec(self.tx())
                .await?;
        }
        Ok(())
    }

    /// Records how fresh what is shown of a cluster is. One that is live is one that its site reaches.
    pub async fn set_watch(
        &mut self,
        id: ClusterId,
        watch: WatchState,
        stale_since: Option<DateTime<Utc>>,
        message: Option<String>,
    ) -> Result<(), Error> {
        let mut update = Entity::update_many()
            .col_expr(Column::Watch, Expr::value(watch.to_string()))
            .col_expr(Column::StaleSince, Expr::value(stale_since))
            .col_expr(Column::Message, Expr::value(message))
            .filter(Column::Id.eq(id.0));
        if watch == WatchState::Live {
            update = update
                .col_expr(Column::LastContactAt, Expr::value(Utc::now()))
                .col_expr(Column::State, Expr::value(ClusterState::Active.to_string()));
        }
        update.exec(self.tx()).await?;
        Ok(())
    }
}
