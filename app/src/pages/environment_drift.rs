//! What runs in an environment against what its active revision says.

use domain::{
    deploy::DeployRequest,
    environment::Environment,
    id::EnvironmentId,
    revision::{Drift as Found, NewRevision},
};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        change_list,
        empty::{empty, skeleton},
        icon::{icon, lu},
        problem::note,
        sync_sheet::SyncFlow,
    },
    live,
    request::{Request, answer, show},
};

#[component]
pub(crate) fn Drift(environment: EnvironmentId) -> impl IntoView {
    let drift = answer(
        || (),
        live::tick_of_rows(move |news| news.of_environment(environment) || news.of_kind("revision.")),
        move |()| api::revision::drift(environment),
    );
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
    view! { {note(accepting.problem)} {show(drift, skeleton, view)} }.erase()
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
    if found.changes.is_empty() {
        return empty(
            "No drift",
            &format!("All {} workloads run what revision {revision} says.", found.workloads),
            (),
        );
    }
    let put_back = move |_| {
        flow.deploy(DeployRequest {
            environment_id: environment,
            revision: Some(revision),
            rollback: false,
            versions: Vec::new(),
        });
    };
    let words = match found.changes.len() {
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
        <div class="surface">{change_list::view(&found.changes, "Should run", "Runs")}</div>
    }
    .erase()
}
