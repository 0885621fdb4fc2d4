//! All observed services, filtered, sorted and paged on the server.

use domain::{
    environment::Environment,
    matrix::Column,
    service::{ServiceQuery, ServiceStatus},
    sync::Matching,
};
use leptos::prelude::*;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::components::erased::Erase;
use crate::{
    api::{
        self,
        service::{Places, ServicePage},
    },
    components::{
        empty::{empty, nothing, skeleton},
        filters::{self, FilterForm, parsed, value},
        pager::pager,
        rows::Rows,
        selection::Selection,
        service_table, status,
        sync_bar::SyncBar,
    },
    live::{self, News},
    pages::{head, matrix::kinds},
    request::{answer, answer_beside, ready, show},
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
    let services = answer_beside(
        move || asked.get(),
        live::tick_of_rows(News::of_inventory),
        |query| api::service::list(query, true),
        |page| page.rows = None,
    );
    let environments =
        answer(|| (), live::tick(|news| news.of_kind("environment.")), |()| api::environment::list());
    let places = answer(|| (), live::tick(|news| news.of_kind("app_instance.")), |()| api::service::places());
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
    let by_place = |places: Places| {
        let sites = places.sites.into_iter().map(|(id, name)| (id.to_string(), name)).collect();
        let named = |names: Vec<String>| names.into_iter().map(|name| (name.clone(), name)).collect();
        view! {
            {filters::select("Site", "site", sites)}
            {filters::select("Cluster", "cluster", named(places.clusters))}
            {filters::select("Namespace", "namespace", named(places.namespaces))}
        }
        .erase()
    };
    let rows = Rows::new(selection, columns.into(), move || ready(services)?.rows);
    let offer = rows.offer(move || Matching::services(asked.get()), move || Some(ready(services)?.total));
    let table = move |page: ServicePage| {
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
        view! {
            <div class="surface">
                {service_table::view(rows, page.rows, true)}
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
            {filters::select("Kind", "kind", kinds())} {show(places, nothing, by_place)}
        </FilterForm>
        {show(services, skeleton, table)}
        <SyncBar selection columns=columns.into() offer />
    }
    .erase()
}

fn statuses() -> Vec<(String, String)> {
    ServiceStatus::ALL.iter().map(|one| (one.to_string(), status::service(one).word)).collect()
}
