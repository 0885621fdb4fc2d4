//! Use cases of observed services.

use domain::{
    id::{ClusterId, ServiceId},
    list::{DEFAULT_PAGE_SIZE, Page, Paging},
    service::{Service, ServiceQuery},
};

use crate::{Context, Error, cluster};

/// A page of services.
pub async fn list(ctx: &Context, query: ServiceQuery) -> Result<Page<Service>, Error> {
    let paging = Paging::new(query.page, query.page_size, DEFAULT_PAGE_SIZE);
    page(ctx, &query, paging).await
}

/// A page of any size.
pub(crate) async fn page(
    ctx: &Context,
    query: &ServiceQuery,
    paging: Paging,
) -> Result<Page<Service>, Error> {
    let clusters: Option<Vec<ClusterId>> = match query.cluster.as_deref().filter(|word| !word.is_empty()) {
        Some(word) => {
            let found = ctx.store().find_clusters(query.site, word).await?;
            if found.is_empty() {
                return Err(cluster::unknown(ctx, query.site, word).await?);
            }
            Some(found.into_iter().map(|cluster| cluster.id).collect())
        }
        None => None,
    };
    Ok(ctx.store().services(query, clusters.as_deref(), paging).await?)
}

/// One service.
pub async fn get(ctx: &Context, id: ServiceId) -> Result<Service, Error> {
    let found = ctx.store().services_by_id(&[id]).await?.into_iter().next();
    found.ok_or_else(|| Error::NotFound { noun: "service", name: id.to_string() })
}
