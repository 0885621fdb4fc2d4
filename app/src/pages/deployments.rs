//! The history of deployments.

use domain::{
    deployment::{Deployment, DeploymentStatus, HistoryQuery},
    environment::Environment,
    list::Page,
};
use leptos::prelude::*;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        deployment::from,
        empty::{empty, nothing, skeleton},
        filters::{self, FilterForm, parsed, value},
        pager::pager,
        status, time,
    },
    live,
    pages::{deployments_overview::Overview, head},
    request::{answer, show},
};

fn asked(query: &ParamsMap) -> HistoryQuery {
    HistoryQuery {
        env: parsed(query, "env"),
        status: value(query, "status"),
        q: value(query, "q"),
        page: parsed(query, "page"),
        page_size: parsed(query, "pageSize"),
    }
}

/// The list of deployments, newest first.
#[component]
pub(crate) fn Deployments() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(asked));
    let history = answer(
        move || asked.get(),
        live::tick(|news| news.of_kind("deployment.") || news.of_kind("task.")),
        api::deployment::history,
    );
    let environments =
        answer(|| (), live::tick(|news| news.of_kind("environment.")), |()| api::environment::list());
    let by_environment = |all: Vec<Environment>| {
        filters::select(
            "Environment",
            "env",
            all.into_iter().map(|one| (one.id.to_string(), one.name)).collect(),
        )
    };

    let table = move |page: Page<Deployment>| {
        if page.total == 0 {
            let filtered = asked.with(|asked| *asked != HistoryQuery::default());
            let to = if filtered {
                view! { <a class="btn" href="/deployments">"Clear filters"</a> }.erase()
            } else {
                view! { <a class="btn btn-primary" href="/">"To the version matrix"</a> }.erase()
            };
            return if filtered {
                empty("Nothing matches", "No deployment fits these filters.", to)
            } else {
                empty(
                    "No deployments yet",
                    "Select workloads in the version matrix and press Sync: each sync is kept here, with everything that happened.",
                    to,
                )
            };
        }
        view! {
            <div class="surface">
                {list(&page.items)} {pager(page.total, page.page, page.page_size, "deployment")}
            </div>
        }
        .erase()
    };
    view! {
        {head("Deployments", "Every sync, deployment and rollback, with what came of it.", ())}
        <Overview />
        <FilterForm path="/deployments">
            {filters::search("Search notes, tickets, people")}
            {show(environments, nothing, by_environment)} {filters::select("Status", "status", statuses())}
        </FilterForm>
        {show(history, skeleton, table)}
    }
    .erase()
}

fn statuses() -> Vec<(String, String)> {
    DeploymentStatus::ALL.iter().map(|one| (one.to_string(), status::deployment(one).word)).collect()
}

/// Deployments as a table.
pub(crate) fn list(deployments: &[Deployment]) -> AnyView {
    let rows = deployments.iter().map(row).collect_view();
    view! {
        <div class="table-frame" tabindex="0" role="group" aria-label="Deployments">
            <table class="data-table">
                <thead>
                    <tr>
                        <th scope="col">"Deployment"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col" class="num">"Services"</th>
                        <th scope="col">"Note"</th>
                        <th scope="col">"Started by"</th>
                        <th scope="col">"Started"</th>
                        <th scope="col" class="num">"Took"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .erase()
}

fn row(deployment: &Deployment) -> AnyView {
    let counts = deployment.counts;
    let services = match counts.failed {
        0 => format!("{}/{}", counts.success, counts.total),
        failed => format!("{}/{} · {failed} failed", counts.success, counts.total),
    };
    let took = deployment.end_time.zip(deployment.begun_at).map(|(end, begun)| time::duration(end - begun));
    view! {
        <tr>
            <th scope="row">
                <a class="link-hover inline-flex items-center gap-2" href=format!("/deployments/{}", deployment.id)>
                    {from(deployment)} {deployment.target_name.clone()}
                </a>
            </th>
            <td>{status::deployment(&deployment.status).view()}</td>
            <td class="num">{services}</td>
            <td>
                <span class="truncate-cell block" title=deployment.note.clone()>{deployment.note.clone()}</span>
            </td>
            <td>{deployment.initiated_by.clone()}</td>
            <td>{time::ago(deployment.start_time)}</td>
            <td class="num">{took}</td>
        </tr>
    }
    .erase()
}
