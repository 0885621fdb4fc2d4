//! The version matrix: what version of what runs where.

use domain::{matrix::MatrixQuery, service::WorkloadKind, sync::Matching};
use leptos::prelude::*;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::components::erased::{Erase, dynamic};
use crate::{
    api::{
        self,
        matrix::{MatrixPage, Setting},
    },
    components::{
        bind::Bind,
        dialog::lazily,
        empty::{empty, nothing, skeleton},
        env,
        filters::{self, FilterForm, parsed, value},
        icon::{icon, lu},
        pager::{pager, sort_head_after},
        rows::Rows,
        selection::Selection,
        site_wizard::Wizard,
        sync_bar::SyncBar,
    },
    live::{self, News},
    pages::{head, lazy::Part, takes_over},
    request::{answer, answer_beside, ready, show},
};

fn asked(query: &ParamsMap) -> MatrixQuery {
    MatrixQuery {
        q: value(query, "q"),
        application: value(query, "application"),
        kind: value(query, "kind"),
        site: parsed(query, "site"),
        out_of_step: parsed(query, "outOfStep"),
        at: value(query, "at"),
        sort: value(query, "sort"),
        page: parsed(query, "page"),
        page_size: parsed(query, "pageSize"),
    }
}

/// The version matrix.
#[component]
pub(crate) fn Matrix() -> impl IntoView {
    takes_over();
    let wizard = expect_context::<Wizard>();
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(asked));
    let concerns =
        |news: &News| ["site.", "app_instance.", "environment."].iter().any(|kind| news.of_kind(kind));
    // What was does not change, but is shown anew with what the page is about.
    let shows = move |news: &News| {
        asked.with_untracked(|asked| asked.at.is_none()) && news.of_inventory() || concerns(news)
    };
    let matrix = answer_beside(
        move || asked.get(),
        live::tick_of_rows(shows),
        api::matrix::page,
        |page| page.rows = None,
    );
    let setting = answer(|| (), live::tick(concerns), |()| api::matrix::setting());
    let selection = Selection::new();
    let columns = RwSignal::new(Vec::new());
    Effect::new(move |_| {
        if let Some(matrix) = ready(matrix) {
            columns.set(matrix.environments);
        }
    });
    Effect::new(move |_| {
        if ready(setting).is_some_and(|setting| setting.sites.is_empty()) {
            wizard.begin_by_itself();
        }
    });
    let choices = |setting: Setting| {
        let applications = setting.applications.into_iter().map(|name| (name.clone(), name)).collect();
        let sites: Vec<_> = setting.sites.into_iter().map(|(id, name)| (id.to_string(), name)).collect();
        let several = sites.len() > 1;
        vec![
            filters::select("Application", "application", applications),
            if several { filters::select("Site", "site", sites) } else { nothing() },
        ]
        .into_any()
    };

    let rows = Rows::new(selection, columns.into(), move || ready(matrix)?.rows);
    let offer = rows.offer(move || Matching::matrix(asked.get()), move || Some(ready(matrix)?.total));
    let table = move |found: MatrixPage| {
        let setting = ready(setting);
        let no_site = setting.as_ref().is_some_and(|setting| setting.sites.is_empty());
        let unbound = setting.is_some_and(|setting| !setting.bound);
        let filtered =
            asked.with(|asked| *asked != MatrixQuery { sort: asked.sort.clone(), ..Default::default() });
        if let Some(reason) = emptiness(&found, no_site, unbound, filtered) {
            return reason;
        }
        view! {
            <div class="surface">
                {rows.table("Version matrix", "matrix", heads(rows, &found), found.rows)}
                {pager(found.total, found.page, found.page_size, "workload")}
            </div>
        }
        .erase()
    };
    let summary = move |found: MatrixPage| match found.total {
        0 => nothing(),
        _ => {
            let then = if found.past { " then" } else { "" };
            let words = format!("{} out of step{then}", found.out_of_step);
            view! { <span class="muted num" role="status">{words}</span> }.erase()
        }
    };
    let wanted = RwSignal::new(false);
    // In the browser only, where the second file is.
    Effect::new(move |_| {
        if asked.with(|asked| asked.at.is_some()) {
            wanted.set(true);
        }
    });
    let past = dynamic(move || match wanted.get() {
        true => lazily(Part::Past, nothing),
        false => view! {
            <button type="button" class="btn btn-sm" on:click=move |_| wanted.set(true)>
                "Past, CSV…"
            </button>
        }
        .erase(),
    });
    view! {
        {head("Version matrix", "What version of what runs where.", show(matrix, nothing, summary))}
        <FilterForm path="/">
            {filters::search("Search workloads")}
            {show(setting, nothing, choices)} {filters::select("Kind", "kind", kinds())}
            {filters::switch("Out of step only", "outOfStep")} {past}
        </FilterForm>
        {show(matrix, skeleton, table)}
        <SyncBar selection columns=columns.into() offer />
    }
    .erase()
}

/// The head of the table: the workloads, then the environments in their colours.
fn heads(rows: Rows, found: &MatrixPage) -> AnyView {
    let heads = found.environments.iter().map(|column| {
        view! {
            <th scope="col" style=env::style(&column.color)>
                <a href=format!("/environments/{}", column.id)>{column.name.clone()}</a>
            </th>
        }
        .erase()
    });
    let heads = heads.collect_view();
    let tick = if found.past { nothing() } else { rows.tick_all() };
    view! { {sort_head_after(tick, "name", "Workload")} {heads} }.erase()
}

/// The kinds of workload as filter options.
pub(crate) fn kinds() -> Vec<(String, String)> {
    WorkloadKind::ALL.iter().map(|kind| (kind.to_string(), kind.to_string())).collect()
}

/// Why there is nothing to show, with the next step.
fn emptiness(found: &MatrixPage, no_site: bool, unbound: bool, filtered: bool) -> Option<AnyView> {
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
    Some(if found.past {
        empty(
            "Nothing is known of that time",
            "What runs is recorded from the first observation on, and only namespaces that were bound then. Choose a later time, or other filters.",
            view! { <a class="btn" href="/">"Back to now"</a> },
        )
    } else if filtered {
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
