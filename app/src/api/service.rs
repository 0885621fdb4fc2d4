//! Observed services.

use domain::{
    list::Page,
    service::{Service, ServiceQuery},
};
use leptos::prelude::*;

use super::{ApiError, Json};
#[cfg(feature = "ssr")]
use super::{context, fail};

/// A page of services.
#[server(name = CallServiceList, prefix = "/rpc", endpoint = "service/list", input = Json, output = Json)]
pub async fn list(query: ServiceQuery) -> Result<Page<Service>, ApiError> {
    let ctx = context()?;
    control::service::list(&ctx, query).await.map_err(fail)
}
