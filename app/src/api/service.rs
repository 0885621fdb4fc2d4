//! Observed services.

use domain::{id::SiteId, service::ServiceQuery};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{ApiError, Json};
#[cfg(feature = "ssr")]
use super::{context, fail, page_size};

/// A page of services as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServicePage {
    /// The rows as HTML; none where the document has them already.
    pub rows: Option<String>,
    /// Rows under the filter over all pages.
    pub total: u64,
    /// This page's number, from 1.
    pub page: u32,
    /// Rows on a full page.
    pub page_size: u32,
}

/// A page of services; `with_environment` adds what says where each belongs.
#[server(name = CallServiceList, prefix = "/rpc", endpoint = "service/list", input = Json, output = Json)]
pub async fn list(query: ServiceQuery, with_environment: bool) -> Result<ServicePage, ApiError> {
    let ctx = context()?;
    let query = ServiceQuery { page_size: page_size(query.page_size), ..query };
    let found = control::service::list(&ctx, query).await.map_err(fail)?;
    let environments = match with_environment {
        true => Some(control::environment::list(&ctx).await.map_err(fail)?),
        false => None,
    };
    Ok(ServicePage {
        rows: Some(crate::components::service_rows::write(&found.items, environments.as_deref())),
        total: found.total,
        page: found.page,
        page_size: found.page_size,
    })
}

/// Where services can be: what anything is bound in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Places {
    /// Sites by name.
    pub sites: Vec<(SiteId, String)>,
    /// Clusters by name.
    pub clusters: Vec<String>,
    /// Namespaces.
    pub namespaces: Vec<String>,
}

/// Where services can be.
#[server(name = CallServicePlaces, prefix = "/rpc", endpoint = "service/places", input = Json, output = Json)]
pub async fn places() -> Result<Places, ApiError> {
    let ctx = context()?;
    let mut places = Places::default();
    for instance in control::app_instance::list(&ctx, None).await.map_err(fail)? {
        places.sites.push((instance.rancher_site_id, instance.site_name));
        places.clusters.push(instance.cluster);
        places.namespaces.push(instance.namespace);
    }
    places.sites.sort_by(|a, b| (&a.1, a.0).cmp(&(&b.1, b.0)));
    places.sites.dedup();
    for names in [&mut places.clusters, &mut places.namespaces] {
        names.sort();
        names.dedup();
    }
    Ok(places)
}
