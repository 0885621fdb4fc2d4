//! One environment: what it runs, where, and how it came to.

use domain::{
    deployment::{Deployment, HistoryQuery},
    environment::Environment as Found,
    id::EnvironmentId,
    list::Page,
    matrix::Column,
    service::ServiceQuery,
    sync::{Matching, SyncRequest},
    up_to_date::ReplicaCounts,
};
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::components::erased::Erase;
use crate::{
    api::{self, service::ServicePage},
    components::{
        bind::Bind,
        deploy_form::DeployForm,
        dialog::Dialog,
        empty::{empty, nothing, skeleton},
        env,
        filters::{parsed, value},
        icon::{icon, lu},
        pager::{count, counted, pager},
        rows::Rows,
        selection::Selection,
        service_table,
        sync_bar::SyncBar,
        sync_flow::SyncFlow,
    },
    live::{self, News},
    pages::{
        deployments, environment_compare::Compare, environment_drift::Drift,
        environment_instances::Instances, environment_revisions::Revisions, environment_settings::Settings,
        environment_variables::Variables, not_found::NotFound, services::column,
    },
    request::{answer, answer_beside, ready, show},
};

const TABS: &[(&str, &str)] = &[
    ("services", "Services"),
    ("revisions", "Revisions"),
    ("drift", "Drift"),
    ("compare", "Compare"),
    ("deployments", "Deployments"),
    ("instances", "Namespaces"),
    ("variables", "Variables"),
    ("settings", "Settings"),
];

/// One environment.
#[component]
pub(crate) fn Environment() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| {
        params.with(|params| params.get("id")).and_then(|id| id.parse::<EnvironmentId>().ok())
    });
    (move || match id.get() {
        Some(id) => view! { <Shown id /> }.erase(),
        None => view! { <NotFound /> }.erase(),
    })
    .into_any()
}

#[component]
fn Shown(id: EnvironmentId) -> impl IntoView {
    let bind = expect_context::<Bind>();
    let deploying = RwSignal::new(false);
    let query = use_query_map();
    let environments = answer(|| (), live::tick_of_rows(News::of_inventory), |()| api::environment::list());
    let tab =
        Memo::new(move |_| query.with(|query| value(query, "tab")).unwrap_or_else(|| "services".to_owned()));

    let head = move |all: Vec<Found>| match all.iter().find(|one| one.id == id) {
        Some(found) => facts(found),
        None => view! { <NotFound /> }.erase(),
    };
    let sync = move |all: Vec<Found>| {
        let at = all.iter().position(|one| one.id == id).and_then(|at| at.checked_sub(1));
        at.map(|left| sync_button(all[left].clone(), id)).into_any()
    };
    let (title, is_empty) = (RwSignal::new(String::new()), RwSignal::new(false));
    Effect::new(move |_| {
        let all = ready(environments).unwrap_or_default();
        if let Some(found) = all.into_iter().find(|one| one.id == id) {
            title.set(format!("Deploy to {}", found.name));
            is_empty.set(found.services == 0);
        }
    });
    // Not drawn anew with each answer: a press between two drawings would be lost.
    let actions = view! {
        <button type="button" class="btn btn-sm" on:click=move |_| bind.begin(Some(id))>
            {icon(lu::LuLink)}
            "Bind namespaces"
        </button>
        <button
            type="button"
            class="btn btn-sm"
            disabled=move || is_empty.get()
            title=move || is_empty.get().then_some("Nothing runs here yet: bind namespaces first.")
            on:click=move |_| deploying.set(true)
        >
            {icon(lu::LuRocket)}
            "Deploy…"
        </button>
    };
    let counts = answer(
        || (),
        live::tick_at_rest(move |news| news.of_environment(id)),
        move |()| api::revision::replicas(id),
    );
    let tabs = TABS.iter().map(|&(word, label)| {
        let current = move || tab.with(|tab| tab == word).then_some("page");
        let active = move || tab.with(|tab| tab == word);
        view! {
            <a
                class="tab"
                class:tab-active=active
                href=format!("/environments/{id}?tab={word}")
                aria-current=current
                data-noscroll=""
            >
                {label}
            </a>
        }
    });
    let tabs = tabs.collect_view();
    view! {
        <p class="mb-3"><a class="link link-hover muted" href="/environments">"← All environments"</a></p>
        <header class="page-head">
            <div>
                {show(environments, nothing, head)}
                {show(counts, nothing, move |found| up_to_date(id, found))}
            </div>
            <div class="flex flex-wrap gap-2">{actions} {show(environments, nothing, sync)}</div>
        </header>
        <nav class="tabs tabs-border mb-3" aria-label="About this environment">{tabs}</nav>
        {move || match tab.get().as_str() {
            "instances" => view! { <Instances environment=id /> }.erase(),
            "deployments" => view! { <History environment=id /> }.erase(),
            "revisions" => view! { <Revisions environment=id /> }.erase(),
            "settings" => view! { <Settings environment=id /> }.erase(),
            "variables" => view! { <Variables environment=id /> }.erase(),
            "drift" => view! { <Drift environment=id /> }.erase(),
            "compare" => view! { <Compare environment=id /> }.erase(),
            _ => view! { <Services environment=id /> }.erase(),
        }}
        <Dialog open=deploying title class="sheet">
            <DeployForm environment=id open=deploying />
        </Dialog>
    }
    .erase()
}

/// What it is and how much of it there is.
fn facts(found: &Found) -> AnyView {
    let revision = match (found.active_revision, found.latest_revision) {
        (0, 0) => "no revision yet".to_owned(),
        (active, latest) if active == latest => format!("revision {active}"),
        (0, latest) => format!("revision {latest}, not deployed"),
        (active, latest) => format!("revision {active}, latest {latest}"),
    };
    let namespaces = counted(found.app_instances, "namespace");
    let facts = format!("{namespaces} · {} · {revision}", counted(found.services, "service"));
    view! {
        <leptos_meta::Title text=found.name.clone() />
        <h1 class="flex items-center gap-2">
            <span class="env-dot" style=env::style(&found.color)></span>
            {found.name.clone()}
        </h1>
        <p class="muted">{found.description.clone()}</p>
        <p class="muted text-xs tabular-nums">{facts}</p>
    }
    .erase()
}

/// What runs now against what should, in replicas; the tab of the drift has the services.
fn up_to_date(id: EnvironmentId, found: Option<(bool, ReplicaCounts)>) -> AnyView {
    let Some((all, ReplicaCounts { desired, total, healthy, outdated })) = found else { return nothing() };
    let (class, sign, word) = match (all, outdated) {
        (true, _) => ("is-success", lu::LuCircleCheck, "Up to date"),
        (false, 0) => ("is-warning", lu::LuTriangleAlert, "Not all healthy"),
        (false, _) => ("is-warning", lu::LuDiff, "Outdated"),
    };
    let counts = [(outdated, "outdated"), (desired, "desired"), (healthy, "healthy"), (total, "total")];
    let counts = counts.map(|(number, word)| format!("{} {word}", count(number))).join(" · ");
    view! {
        <p class="mt-1 flex flex-wrap items-center gap-x-2 text-xs">
            <a class=format!("state link-hover {class}") href=format!("/environments/{id}?tab=drift") data-noscroll="">
                {icon(sign)} {word}
            </a>
            <span class="muted tabular-nums">{counts}</span>
        </p>
    }
    .erase()
}

/// Brings everything along that the left neighbour has.
fn sync_button(left: Found, target: EnvironmentId) -> AnyView {
    let flow = expect_context::<SyncFlow>();
    let source = left.id;
    let start = move |_| {
        flow.sync(SyncRequest {
            source_environment_id: source,
            target_environment_id: target,
            service_ids: Vec::new(),
            target_app_instances: Vec::new(),
            matching: Some(Matching::Services(ServiceQuery::default())),
        });
    };
    view! {
        <button type="button" class="btn btn-primary btn-sm" on:click=start>
            {icon(lu::LuRefreshCw)}
            {format!("Sync from {}…", left.name)}
        </button>
    }
    .erase()
}

#[component]
fn Services(environment: EnvironmentId) -> impl IntoView {
    let bind = expect_context::<Bind>();
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| ServiceQuery {
            env: Some(environment),
            sort: value(query, "sort"),
            page: parsed(query, "page"),
            ..Default::default()
        })
    });
    let concerns = move |news: &News| news.of_environment(environment);
    let services = answer_beside(
        move || asked.get(),
        live::tick_of_rows(concerns),
        |query| api::service::list(query, false),
        |page| page.rows = None,
    );
    let environments =
        answer(|| (), live::tick(|news| news.of_kind("environment.")), |()| api::environment::list());
    let columns = RwSignal::new(Vec::<Column>::new());
    Effect::new(move |_| {
        columns.set(ready(environments).unwrap_or_default().into_iter().map(column).collect());
    });
    let selection = Selection::new();
    let rows = Rows::new(selection, columns.into(), move || ready(services)?.rows);
    let offer = rows.offer(move || Matching::services(asked.get()), move || Some(ready(services)?.total));
    let table = move |page: ServicePage| {
        if page.total == 0 {
            let button = view! {
                <button type="button" class="btn btn-primary" on:click=move |_| bind.begin(Some(environment))>"Bind namespaces"</button>
            };
            return empty(
                "No services here",
                "Bind the namespaces that make up this environment; what runs in them appears here.",
                button,
            );
        }
        view! {
            <div class="surface">
                {service_table::view(rows, page.rows, false)}
                {pager(page.total, page.page, page.page_size, "service")}
            </div>
        }
        .erase()
    };
    view! {
        {show(services, skeleton, table)}
        <SyncBar selection columns=columns.into() offer />
    }
    .erase()
}

#[component]
fn History(environment: EnvironmentId) -> impl IntoView {
    let query = use_query_map();
    let page = Memo::new(move |_| query.with(|query| parsed(query, "page")));
    let history = answer(
        move || page.get(),
        live::tick(|news| news.of_kind("deployment.")),
        move |page| {
            api::deployment::history(HistoryQuery { env: Some(environment), page, ..Default::default() })
        },
    );
    let table = |page: Page<Deployment>| match page.total {
        0 => empty(
            "No deployments yet",
            "Syncs, deployments and rollbacks of this environment are kept here.",
            (),
        ),
        _ => view! {
            <div class="surface">
                {deployments::list(&page.items)} {pager(page.total, page.page, page.page_size, "deployment")}
            </div>
        }
        .erase(),
    };
    show(history, skeleton, table)
}
