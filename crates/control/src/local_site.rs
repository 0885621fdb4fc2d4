//! This machine's site: opened when the server starts, and always among the sites.

use std::sync::Arc;

use domain::{
    id::SiteId,
    secret::Secret,
    site::{Site, SiteKind},
};
use local::Driver;
use platform::Platform;
use store::Store;

use crate::{Error, Vault};

const OFF: &str = "Nothing may run on this server's own machine: see --local-site.";

/// This machine's site, or why it cannot be had: the server does without it then.
pub(crate) struct LocalSite(Result<Open, String>);

struct Open {
    site: Arc<local::Site>,
    driver: Arc<Driver>,
}

impl LocalSite {
    /// Opens it, takes up what runs there, and has it among the sites.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub(crate) async fn open(
        store: &Store,
        vault: &Vault,
        options: Option<local::Options>,
    ) -> Result<Self, Error> {
        let Some(options) = options else { return Ok(Self(Err(OFF.to_owned()))) };
        let opened = match local::Site::open(options).await {
            Ok(site) => site,
            Err(error) => {
                let words = error.in_full();
                tracing::error!(error = words, "this machine's site is not available");
                return Ok(Self(Err(words)));
            }
        };
        enlist(store, vault, opened.id().into()).await?;
        let site = Arc::new(opened);
        Ok(Self(Ok(Open { driver: Arc::new(Driver::new(site.clone())), site })))
    }

    /// Its id, where it is open.
    pub(crate) fn id(&self) -> Option<SiteId> {
        self.0.as_ref().ok().map(|open| open.site.id().into())
    }

    /// The site itself.
    pub(crate) fn site(&self) -> Result<&Arc<local::Site>, platform::Error> {
        let open = self.0.as_ref().map(|open| &open.site);
        open.map_err(|words| unavailable(words.clone()))
    }

    /// The driver of a local site, if it is this machine's.
    pub(crate) fn driver(&self, id: SiteId) -> Result<Arc<dyn Platform>, platform::Error> {
        match &self.0 {
            Ok(open) if open.site.id() == id.0 => Ok(open.driver.clone()),
            Ok(_) => {
                Err(unavailable("It is the machine of another server, which alone can reach it.".into()))
            }
            Err(words) => Err(unavailable(words.clone())),
        }
    }

    /// Lets go of it; what runs there goes on.
    pub(crate) async fn close(&self) {
        if let Ok(open) = &self.0 {
            open.site.close().await;
        }
    }
}

fn unavailable(message: String) -> platform::Error {
    platform::Error::Unavailable { message, retry_after: None }
}

/// Adds the site where it is not known yet, under the machine's name if that is free.
async fn enlist(store: &Store, vault: &Vault, id: SiteId) -> Result<(), Error> {
    match store.site(id).await {
        Err(store::Error::NotFound) => {}
        known => return Ok(known.map(|_| ())?),
    }
    let host = local::host_name();
    for name in [host.clone(), format!("{host} ({id})")] {
        let site = Site::new(id, name, SiteKind::Local, format!("local://{host}"));
        let mut write = store.write().await?;
        match write.insert_site(&site, vault.seal(&id.to_string(), &Secret::new(""))).await {
            Err(store::Error::Duplicate(_)) => {}
            inserted => {
                inserted?;
                return Ok(write.commit().await?);
            }
        }
    }
    Ok(())
}
