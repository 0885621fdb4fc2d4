//! Which versions could be deployed.

use domain::{
    deploy::VersionChoice,
    id::EnvironmentId,
    list::{Page, Paging},
    replicas,
    service::{Service, ServiceQuery},
    sync::ContainerChange,
};

use crate::{Context, Error, service};

/// Services on a page of the form.
const ROWS: u32 = 20;
/// Earlier changes of those services that are looked at.
const CHANGES: u64 = 400;
/// Versions offered for a service.
const OFFERED: usize = 30;

/// An environment's services whose name or application has a text in it, each with versions to choose from.
pub async fn choices(
    ctx: &Context,
    environment: EnvironmentId,
    text: &str,
    page: u32,
) -> Result<Page<VersionChoice>, Error> {
    let text = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let query = ServiceQuery { env: Some(environment), q: text, ..Default::default() };
    let found = service::page(ctx, &query, Paging { page: page.max(1), page_size: ROWS }).await?;
    let ids: Vec<_> = found.items.iter().map(|service| service.id).collect();
    let names: Vec<_> = found.items.iter().map(|service| service.name.clone()).collect();
    let namesakes = ctx.store().services_named(None, &names).await?;
    let changes = ctx.store().changes_of(&ids, CHANGES).await?;
    let manages = ctx.store().settings(environment).await?.settings.manages;
    let choice = |service: &Service| {
        let earlier = changes.iter().filter(|(id, _)| *id == service.id).flat_map(|(_, changes)| changes);
        choice(service, replicas::owned(service, manages), &namesakes, earlier)
    };
    let items = found.items.iter().filter_map(choice).collect();
    Ok(Page { items, total: found.total, page: found.page, page_size: found.page_size })
}

/// None for a service without containers.
fn choice<'a>(
    service: &Service,
    replicas: Option<u32>,
    namesakes: &[Service],
    earlier: impl Iterator<Item = &'a ContainerChange>,
) -> Option<VersionChoice> {
    let container = service.containers.first()?;
    let version = container.image_ref().version();
    let elsewhere = namesakes
        .iter()
        .filter(|other| {
            other.application == service.application && other.workload_type == service.workload_type
        })
        .flat_map(|other| &other.containers)
        .filter(|other| other.name == container.name)
        .map(|other| other.image_ref().version());
    let before = earlier
        .filter(|change| change.name == container.name)
        .flat_map(|change| [change.to_version.clone(), change.from_version.clone()]);
    let mut known: Vec<String> = Vec::new();
    for other in elsewhere.chain(before) {
        if other != version && !known.contains(&other) && known.len() < OFFERED {
            known.push(other);
        }
    }
    Some(VersionChoice {
        service_id: service.id,
        name: service.name.clone(),
        namespace: service.namespace.clone(),
        cluster: service.cluster.clone(),
        container: container.name.clone(),
        version,
        replicas,
        known,
    })
}
