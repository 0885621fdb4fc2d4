//! All observed services, filtered, sorted and paged on the server.

use domain::{
    app_instance::AppInstance,
    environment::Environment,
    list::Page,
    matrix::Column,
    service::{Service, ServiceQuery, ServiceStatus},
};
use leptos::prelude::*;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        empty::{empty, nothing, skeleton},
        filters::{self, FilterForm, parsed, value},
        pager::pager,
        selection::Selection,
        service_table, status,
        sync_bar::SyncBar,
    },
    live::{self, News},
    pages::{head, matrix::kinds},
    request::{answer, ready, show},
};

fn asked(query: &ParamsMap) -> ServiceQuery {
    ServiceQuery {
        env: parsed(query, "env"),
        site: parsed(query, "site"),
        cluster: value(query, "cluster"),
        namespace: value(query, "namespace"),
        status: value(query, "status"),
        kind: value(query, "kind"),
        q: value(query, "q"),
        sort: value(query, "sort"),
        page: parsed(query, "page"),
        page_size: parsed(query, "pageSize"),
    }
}

/// An environment as a column's head.
pub(crate) fn column(environment: Environment) -> Column {
    Column { id: environment.id, name: environment.name, color: environment.color }
}

/// The list of services.
#[component]
pub(crate) fn Services() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(asked));
    let services = answer(move || asked.get(), live::tick(News::of_inventory), api::service::list);
    let environments =
        answer(|| (), live::tick(|news| news.of_kind("environment.")), |()| api::environment::list());
    let instances =
        answer(|| (), live::tick(|news| news.of_kind("app_instance.")), |()| api::app_instance::list(None));
    let selection = Selection::new();
    let columns = RwSignal::new(Vec::<Column>::new());
    Effect::new(move |_| {
        columns.set(ready(environments).unwrap_or_default().into_iter().map(column).collect());
    });
    let by_environment = |all: Vec<Environment>| {
        filters::select(
            "Environment",
            "env",
            all.into_iter().map(|one| (one.id.to_string(), one.name)).collect(),
        )
    };
    // Sites, clusters and namespaces that anything is bound in.
    let by_place = |places: Vec<AppInstance>| {
        let distinct = |of: fn(&AppInstance) -> (String, String)| {
            let mut options: Vec<(String, String)> = places.iter().map(of).collect();
            options.sort_by(|a, b| a.1.cmp(&b.1));
            options.dedup();
            options
        };
        let sites = distinct(|place| (place.rancher_site_id.to_string(), place.site_name.clone()));
        let clusters = distinct(|place| (place.cluster.clone(), place.cluster.clone()));
        let namespaces = distinct(|place| (place.namespace.clone(), place.namespace.clone()));
        view! {
            {filters::select("Site", "site", sites)} {filters::select("Cluster", "cluster", clusters)}
            {filters::select("Namespace", "namespace", namespaces)}
        }
        .erase()
    };
    let table = move |page: Page<Service>| {
        if page.total == 0 {
            let filtered =
                asked.with(|asked| *asked != ServiceQuery { sort: asked.sort.clone(), ..Default::default() });
            return if filtered {
                let to = view! { <a class="btn" href="/services">"Clear filters"</a> };
                empty("Nothing matches", "No service fits these filters.", to)
            } else {
                let to = view! { <a class="btn btn-primary" href="/">"To the version matrix"</a> };
                empty(
                    "No services yet",
                    "Services appear here once a site is connected and namespaces are bound to environments.",
                    to,
                )
            };
        }
        let environments = ready(environments).unwrap_or_default();
        view! {
            <div class="surface">
                {service_table::view(&page.items, &environments, selection, true)}
                {pager(page.total, page.page, page.page_size, "service")}
            </div>
        }
        .erase()
    };
    view! {
        {head("Services", "Every workload in every environment, as it runs now.", ())}
        <FilterForm path="/services">
            {filters::search("Search services")}
            {show(environments, nothing, by_environment)} {filters::select("Status", "status", statuses())}
            {filters::select("Kind", "kind", kinds())} {show(instances, nothing, by_place)}
        </FilterForm>
        {show(services, skeleton, table)}
        <SyncBar selection columns=columns.into() />
    }
    .erase()
}

fn statuses() -> Vec<(String, String)> {
    ServiceStatus::ALL.iter().map(|one| (one.to_string(), status::service(one).word)).collect()
}
