//! Sites. The token is stored sealed and leaves this file only as a [`SealedToken`].

use chrono::Utc;
use domain::{
    id::SiteId,
    site::{Dependents, Site, SiteKind, SiteTest},
};
use sea_orm::{ActiveValue::Set, IntoActiveModel, JoinType, QueryOrder, QuerySelect, entity::prelude::*};

use crate::{Error, Store, Write, app_instance, cluster, environment, service};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "site")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) name: String,
    kind: String,
    url: String,
    token_cipher: Vec<u8>,
    token_key_id: String,
    ca_certificate: Option<String>,
    pub(crate) active: bool,
    server_version: Option<String>,
    signed_in_as: Option<String>,
    token_expires_at: Option<DateTimeUtc>,
    problem: Option<String>,
    version: i64,
    created_at: DateTimeUtc,
    updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// An encrypted token and the id of the key it was encrypted with.
#[derive(Clone, Debug)]
pub struct SealedToken {
    /// Nonce and ciphertext.
    pub cipher: Vec<u8>,
    /// Which key.
    pub key_id: String,
}

/// What it takes to connect to a site.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Rancher or Kubernetes.
    pub kind: SiteKind,
    /// The server's address.
    pub url: String,
    /// The token, sealed.
    pub token: SealedToken,
    /// PEM of a private CA.
    pub ca_certificate: Option<String>,
}

impl Model {
    fn into_site(self, managed_clusters: u64) -> Site {
        Site {
            id: self.id.into(),
            name: self.name,
            kind: SiteKind::from(self.kind.as_str()),
            url: self.url,
            ca_certificate: self.ca_certificate,
            active: self.active,
            server_version: self.server_version,
            signed_in_as: self.signed_in_as,
            token_expires_at: self.token_expires_at,
            problem: self.problem,
            managed_clusters,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

impl Store {
    /// Every site, by name.
    pub async fn sites(&self) -> Result<Vec<Site>, Error> {
        let rows = Entity::find().order_by_asc(Column::Name).all(&self.db).await?;
        let managed = cluster::managed_by_site(&self.db).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let count = managed.get(&row.id).copied().unwrap_or(0);
                row.into_site(count)
            })
            .collect())
    }

    /// One site.
    pub async fn site(&self, id: SiteId) -> Result<Site, Error> {
        let row = Entity::find_by_id(id.0).one(&self.db).await?.ok_or(Error::NotFound)?;
        let count = cluster::managed_by_site(&self.db).await?.get(&id.0).copied().unwrap_or(0);
        Ok(row.into_site(count))
    }

    /// What it takes to connect to a site.
    pub async fn credentials(&self, id: SiteId) -> Result<Credentials, Error> {
        let row = Entity::find_by_id(id.0).one(&self.db).await?.ok_or(Error::NotFound)?;
        Ok(Credentials {
            kind: SiteKind::from(row.kind.as_str()),
            url: row.url,
            token: SealedToken { cipher: row.token_cipher, key_id: row.token_key_id },
            ca_certificate: row.ca_certificate,
        })
    }

    /// What would go with a site.
    pub async fn site_dependents(&self, id: SiteId) -> Result<Dependents, Error> {
        let names: Vec<(String, String)> = app_instance::Entity::find()
            .select_only()
            .column_as(environment::Column::Name, "environment")
            .column(app_instance::Column::Name)
            .join(JoinType::InnerJoin, app_instance::Relation::Cluster.def())
            .join(JoinType::InnerJoin, app_instance::Relation::Environment.def())
            .filter(cluster::Column::SiteId.eq(id.0))
            .order_by_asc(environment::Column::Position)
            .order_by_asc(app_instance::Column::Name)
            .into_tuple()
            .all(&self.db)
            .await?;
        let services = service::Entity::find()
            .join(JoinType::InnerJoin, service::Relation::Cluster.def())
            .filter(cluster::Column::SiteId.eq(id.0))
            .count(&self.db)
            .await?;
        Ok(Dependents {
            app_instances: names
                .into_iter()
                .map(|(environment, name)| format!("{environment} / {name}"))
                .collect(),
            services,
            running_deployments: self.running_on_site(id).await?,
        })
    }
}

impl Write {
    /// Adds a site.
    pub async fn insert_site(&mut self, site: &Site, token: SealedToken) -> Result<(), Error> {
        let row = ActiveModel {
            id: Set(site.id.0),
            name: Set(site.name.clone()),
            kind: Set(site.kind.to_string()),
            url: Set(site.url.clone()),
            token_cipher: Set(token.cipher),
            token_key_id: Set(token.key_id),
            ca_certificate: Set(site.ca_certificate.clone()),
            active: Set(site.active),
            server_version: Set(site.server_version.clone()),
            signed_in_as: Set(site.signed_in_as.clone()),
            token_expires_at: Set(site.token_expires_at),
            problem: Set(site.problem.clone()),
            version: Set(site.version),
            created_at: Set(site.created_at),
            updated_at: Set(site.updated_at),
        };
        Entity::insert(row).exec_without_returning(self.tx()).await?;
        Ok(())
    }

    /// Stores an edited site, if its stored version is still `version`.
    pub async fn update_site(
        &mut self,
        site: &Site,
        version: i64,
        token: Option<SealedToken>,
    ) -> Result<(), Error> {
        let mut update = Entity::update_many()
            .col_expr(Column::Name, Expr::value(site.name.clone()))
            .col_expr(Column::Url, Expr::value(site.url.clone()))
            .col_expr(Column::CaCertificate, Expr::value(site.ca_certificate.clone()))
            .col_expr(Column::Active, Expr::value(site.active))
            .col_expr(Column::Version, Expr::value(version + 1))
            .col_expr(Column::UpdatedAt, Expr::value(Utc::now()))
            .filter(Column::Id.eq(site.id.0))
            .filter(Column::Version.eq(version));
        if let Some(token) = token {
            update = update
                .col_expr(Column::TokenCipher, Expr::value(token.cipher))
                .col_expr(Column::TokenKeyId, Expr::value(token.key_id));
        }
        match update.exec(self.tx()).await?.rows_affected {
            0 => Err(Error::Stale),
            _ => Ok(()),
        }
    }

    /// Records what a test found out.
    pub async fn record_site_test(&mut self, id: SiteId, test: &SiteTest) -> Result<(), Error> {
        let row = Entity::find_by_id(id.0).one(self.tx()).await?.ok_or(Error::NotFound)?;
        let mut row = row.into_active_model();
        row.problem = Set((!test.success).then(|| test.message.clone()));
        if test.success {
            row.server_version = Set(test.server_version.clone());
            row.signed_in_as = Set(test.signed_in_as.clone());
            row.token_expires_at = Set(test.token_expires_at);
        }
        row.update(self.tx()).await?;
        Ok(())
    }

    /// Removes a site with its clusters, app instances and observed services.
    pub async fn delete_site(&mut self, id: SiteId) -> Result<(), Error> {
        match Entity::delete_by_id(id.0).exec(self.tx()).await?.rows_affected {
            0 => Err(Error::NotFound),
            _ => self.prune_matrix().await,
        }
    }
}
