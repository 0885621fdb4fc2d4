//! The sites' drivers, made when first needed and made anew when a site was edited.

use std::{collections::HashMap, sync::Arc};

use domain::{
    id::SiteId,
    patience::Patience,
    secret::Secret,
    site::{NewSite, SiteKind},
};
use platform::{Connection, Platform};
use tokio::sync::Mutex;

use crate::{Control, Error};

/// Drivers by site, each with the version of the site it was made from.
#[derive(Default)]
pub(crate) struct Platforms(Mutex<HashMap<SiteId, Versioned>>);

/// A driver and the version of the site it was made from.
type Versioned = (i64, Arc<dyn Platform>);

impl Control {
    /// A site's driver.
    pub(crate) async fn platform(&self, id: SiteId) -> Result<Arc<dyn Platform>, Error> {
        let site = self.store.site(id).await?;
        if site.kind == SiteKind::Local {
            return Ok(self.local.driver(id)?);
        }
        let mut drivers = self.platforms.0.lock().await;
        if let Some((version, driver)) = drivers.get(&id)
            && *version == site.version
        {
            return Ok(driver.clone());
        }
        let driver = platform::connect(&self.connection(id).await?)?;
        drivers.insert(id, (site.version, driver.clone()));
        Ok(driver)
    }

    /// What a stored site is connected with.
    pub(crate) async fn connection(&self, id: SiteId) -> Result<Connection, Error> {
        let credentials = self.store.credentials(id).await?;
        Ok(Connection {
            kind: credentials.kind,
            url: credentials.url,
            token: self.vault.open(&id.to_string(), &credentials.token)?,
            ca_certificate: credentials.ca_certificate,
            patience: self.patience,
        })
    }
}

/// What a site that is not stored yet is connected with.
pub(crate) fn connection_of(site: &NewSite) -> Connection {
    Connection {
        kind: site.kind.clone(),
        url: site.url.trim().to_owned(),
        token: Secret::new(site.token.expose().trim()),
        ca_certificate: site.ca_certificate.clone().filter(|pem| !pem.trim().is_empty()),
        patience: Patience::default(),
    }
}
