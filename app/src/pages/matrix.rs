//! The version matrix: what version of what runs where.

use domain::{
    matrix::{Matrix as Found, MatrixQuery},
    service::WorkloadKind,
    site::Site,
};
use leptos::prelude::*;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::{
    api,
    components::{
        bind::Bind,
        empty::{empty, nothing, skeleton},
        filters::{self, FilterForm, parsed, value},
        icon::{icon, lu},
        pager::pager,
        site_wizard::Wizard,
        sync_bar::{Selection, SyncBar},
    },
    live::{self, News},
    pages::{head, matrix_table},
    request::{answer, ready, show},
};

fn asked(query: &ParamsMap) -> MatrixQuery {
    MatrixQuery {
        q: value(query, "q"),
        application: value(query, "application"),
        kind: value(query, "kind"),
        site: parsed(query, "site"),
        out_of_step: parsed(query, "outOfStep"),
        sort: value(query, "sort"),
        page: parsed(query, "page"),
        page_size: parsed(query, "pageSize"),
    }
}

/// The version matrix.
#[component]
pub(crate) fn Matrix() -> impl IntoView {
    let wizard = expect_context::<Wizard>();
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(asked));
    let matrix = answer(move || asked.get(), live::tick(News::of_inventory), api::matrix::page);
    let sites = answer(|| (), live::tick(|news| news.of_kind("site.")), |()| api::site::list());
    let environments = answer(
        || (),
        live::tick(|news| news.of_kind("app_instance.") || news.of_kind("environment.")),
        |()| api::environment::list(),
    );
    let applications =
        answer(|| (), live::tick(|news| news.of_kind("app_instance.")), |()| api::matrix::applications());
    let selection = Selection::new();
    let columns = RwSignal::new(Vec::new());
    Effect::new(move |_| {
        if let Some(matrix) = ready(matrix) {
            columns.set(matrix.environments);
        }
    });
    Effect::new(move |_| {
        if ready(sites).is_some_and(|sites| sites.is_empty()) {
            wizard.begin();
        }
    });
    let by_application = |names: Vec<String>| {
        filters::select(
            "Application",
            "application",
            names.into_iter().map(|name| (name.clone(), name)).collect(),
        )
    };
    let by_site = |sites: Vec<Site>| match sites.len() {
        0 | 1 => nothing(),
        _ => filters::select(
            "Site",
            "site",
            sites.into_iter().map(|site| (site.id.to_string(), site.name)).collect(),
        ),
    };

    let before = matrix_table::Before::new();
    let table = move |found: Found| {
        let no_site = ready(sites).is_some_and(|sites| sites.is_empty());
        let unbound = ready(environments).is_some_and(|all| all.iter().all(|one| one.app_instances == 0));
        let filtered =
            asked.with(|asked| *asked != MatrixQuery { sort: asked.sort.clone(), ..Default::default() });
        if let Some(reason) = emptiness(&found, no_site, unbound, filtered) {
            return reason;
        }
        view! {
            <div class="surface">
                {matrix_table::view(&found, selection, before)}
                {pager(found.total, found.page, found.page_size, "workloads")}
            </div>
        }
        .into_any()
    };
    let summary = move |found: Found| match found.total {
        0 => nothing(),
        _ => view! {
            <span class="muted num" role="status">{format!("{} out of step", found.out_of_step)}</span>
        }
        .into_any(),
    };
    view! {
        {head("Version matrix", "What version of what runs where.", show(matrix, nothing, summary))}
        <FilterForm path="/">
            {filters::search("Search workloads")}
            {show(applications, nothing, by_application)} {filters::select("Kind", "kind", kinds())}
            {show(sites, nothing, by_site)}
            {filters::switch("Out of step only", "outOfStep")}
        </FilterForm>
        {show(matrix, skeleton, table)}
        <SyncBar selection columns=columns.into() />
    }
    .into_any()
}

/// The kinds of workload as filter options.
pub(crate) fn kinds() -> Vec<(String, String)> {
    WorkloadKind::ALL.iter().map(|kind| (kind.to_string(), kind.to_string())).collect()
}

/// Why there is nothing to show, with the next step.
fn emptiness(found: &Found, no_site: bool, unbound: bool, filtered: bool) -> Option<AnyView> {
    let wizard = expect_context::<Wizard>();
    let bind = expect_context::<Bind>();
    if no_site {
        let connect = view! {
            <button type="button" class="btn btn-primary" on:click=move |_| wizard.begin()>
                {icon(lu::LuPlug)}
                "Connect a site"
            </button>
        };
        return Some(empty(
            "See what runs where, and bring it in step",
            "Lockstep connects to your Rancher and Kubernetes servers, shows which version of every service runs in each environment, and brings one environment in step with another. Begin by connecting a site.",
            connect,
        ));
    }
    if found.environments.is_empty() {
        let to = view! { <a class="btn btn-primary" href="/environments?new=true">{icon(lu::LuPlus)} "Create environments"</a> };
        return Some(empty(
            "No environments yet",
            "Environments are the stages your software passes through, such as Development, Staging and Production. They are the columns here.",
            to,
        ));
    }
    if unbound {
        let to = view! {
            <button type="button" class="btn btn-primary" on:click=move |_| bind.begin(None)>
                {icon(lu::LuLink)}
                "Bind namespaces"
            </button>
        };
        return Some(empty(
            "Nothing is bound yet",
            "Say which namespaces make up which environment. Everything that runs in them then appears here.",
            to,
        ));
    }
    if found.total > 0 {
        return None;
    }
    Some(if filtered {
        let to = view! { <a class="btn" href="/">"Clear filters"</a> };
        empty("Nothing matches", "No workload fits these filters.", to)
    } else {
        empty(
            "Nothing observed yet",
            "The bound namespaces are being read; what runs in them appears here by itself.",
            (),
        )
    })
}
