//! What runs in an environment against what its active revision says.

use domain::{
    deploy::DeployRequest,
    environment::Environment,
    id::EnvironmentId,
    revision::{Drift as Found, NewRevision},
    up_to_date::{ReplicaCounts, UpToDate},
};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        change_list,
        empty::{empty, nothing, skeleton},
        icon::{icon, lu},
        pager::counted,
        problem::note,
        sync_flow::SyncFlow,
        variable_list,
    },
    live,
    request::{Request, answer, show},
};

/// Services that are not up to date and are listed.
const SHOWN: usize = 20;

#[component]
pub(crate) fn Drift(environment: EnvironmentId) -> impl IntoView {
    let tick = live::tick_of_rows(move |news| news.of_environment(environment) || news.of_kind("revision."));
    let drift = answer(|| (), tick, move |()| api::revision::drift(environment));
    let counts = answer(|| (), tick, move |()| api::revision::up_to_date(environment));
    let accepting = Request::new();
    let accept = move |_| {
        let accept = async move {
            let Environment { latest_revision, .. } = api::environment::get(environment).await?;
            let reason = "drift accepted".to_owned();
            let new = NewRevision { base: latest_revision, capture: true, reason, ..Default::default() };
            api::revision::create(environment, new).await
        };
        accepting.send(accept, |_| live::look_again());
    };
    let view = move |found: Found| shown(environment, &found, accepting, accept);
    view! {
        {note(accepting.problem)} {show(counts, nothing, |found: UpToDate| replicas(&found))}
        {show(drift, skeleton, view)}
    }
    .erase()
}

/// Replicas desired, there, healthy and outdated; service by service where one is not as it should be.
fn replicas(found: &UpToDate) -> AnyView {
    if found.services.is_empty() {
        return ().into_any();
    }
    let cells = |counts: &ReplicaCounts| {
        [counts.outdated, counts.desired, counts.healthy, counts.total]
            .map(|number| view! { <td class="num">{number}</td> })
            .collect_view()
    };
    let late: Vec<_> = found.services.iter().filter(|service| !service.up_to_date).collect();
    let rows = late.iter().take(SHOWN).map(|service| {
        view! {
            <tr>
                <th scope="row">{service.name.clone()} <span class="muted px-2 text-xs">{service.app_instance.clone()}</span></th>
                {cells(&service.replicas)}
            </tr>
        }
    });
    let (class, words) = match late.len() {
        0 => (
            "state is-success",
            format!("All {} are up to date", counted(found.services.len() as u64, "service")),
        ),
        late => ("state is-warning", format!("{} not up to date", counted(late as u64, "service"))),
    };
    let sign = if late.is_empty() { lu::LuCircleCheck } else { lu::LuTriangleAlert };
    let heads = ["Outdated", "Desired", "Healthy", "Total"];
    let heads = heads.map(|head| view! { <th scope="col" class="num">{head}</th> }).collect_view();
    view! {
        <section class="surface mb-4">
            <div class="table-frame" tabindex="0" role="group" aria-label="Replicas">
                <table class="data-table">
                    <thead>
                        <tr>
                            <th scope="col"><span class=class>{icon(sign)} {words}</span></th>
                            {heads}
                        </tr>
                    </thead>
                    <tbody>
                        {rows.collect_view()}
                        <tr>
                            <th scope="row">"All replicas"</th>
                            {cells(&found.replicas)}
                        </tr>
                    </tbody>
                </table>
            </div>
        </section>
    }
    .erase()
}

fn shown(
    environment: EnvironmentId,
    found: &Found,
    accepting: Request,
    accept: impl Fn(leptos::ev::MouseEvent) + Copy + Send + Sync + 'static,
) -> AnyView {
    let flow = expect_context::<SyncFlow>();
    let revision = found.revision;
    if revision == 0 {
        return empty(
            "Nothing to compare with",
            "Drift is what differs from the active revision, and there is none yet. Take down what runs now as the first one.",
            view! {
                <button type="button" class="btn btn-primary" disabled=move || accepting.pending.get() on:click=accept>
                    "Capture what runs"
                </button>
            },
        );
    }
    if found.changes.is_empty() && found.variables.is_empty() {
        return empty(
            "No drift",
            &format!("All {} workloads run what revision {revision} says.", found.workloads),
            (),
        );
    }
    let put_back = move |_| {
        flow.deploy(DeployRequest::of_revision(environment, revision, false));
    };
    let words = match found.changes.len() {
        0 => format!("Services have been given other variables than revision {revision} says."),
        1 => format!("1 workload differs from revision {revision}."),
        many => format!("{many} workloads differ from revision {revision}."),
    };
    view! {
        <div class="mb-3 flex flex-wrap items-center gap-2">
            <p class="state is-warning">{icon(lu::LuDiff)} {words}</p>
            <span class="ml-auto flex flex-wrap gap-2">
                <button type="button" class="btn btn-sm" disabled=move || accepting.pending.get() on:click=accept>
                    {icon(lu::LuCheck)}
                    "Accept what runs"
                </button>
                <button type="button" class="btn btn-primary btn-sm" on:click=put_back>
                    {icon(lu::LuUndo2)}
                    "Put back…"
                </button>
            </span>
        </div>
        {(!found.changes.is_empty())
            .then(|| view! { <div class="surface">{change_list::view(&found.changes, "Should run", "Runs")}</div> })}
        {(!found.variables.is_empty())
            .then(|| view! { <div class="surface mt-3 p-3">{variable_list::changes(&found.variables)}</div> })}
    }
    .erase()
}
