//! An environment's revisions: what should run, how it came about, and the way to another one.

use domain::{
    deploy::DeployRequest,
    id::EnvironmentId,
    list::Page,
    revision::{NewRevision, RevisionDiff, RevisionSummary},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        change_list,
        empty::{empty, skeleton},
        filters::parsed,
        icon::{icon, lu},
        pager::{counted, pager},
        problem::note,
        setting_list,
        sync_flow::SyncFlow,
        time, variable_list,
    },
    live,
    request::{Request, answer, show},
};

#[component]
pub(crate) fn Revisions(environment: EnvironmentId) -> impl IntoView {
    let query = use_query_map();
    let page = Memo::new(move |_| query.with(|query| parsed(query, "page")));
    let revisions = answer(
        move || page.get(),
        live::tick(|news| ["deployment.", "revision.", "environment."].iter().any(|kind| news.of_kind(kind))),
        move |page| api::revision::list(environment, page),
    );
    let capturing = Request::new();
    let capture = move |_| {
        let new = NewRevision { capture: true, reason: "captured".to_owned(), ..Default::default() };
        capturing.send(api::revision::create(environment, new), |_| live::look_again());
    };
    let list = move |page: Page<RevisionSummary>| match page.total {
        0 => empty(
            "No revisions yet",
            "A revision is what this environment should run. Take down what runs now as the first one; every deployment makes the next.",
            view! {
                <button type="button" class="btn btn-primary" disabled=move || capturing.pending.get() on:click=capture>
                    "Capture what runs"
                </button>
            },
        ),
        _ => {
            let active = page.items.iter().find(|one| one.active).map(|one| one.number);
            let items = page.items.iter().map(|one| revision(environment, one, active)).collect_view();
            view! {
                <div class="surface">
                    <ol class="revisions" reversed>{items}</ol>
                    {pager(page.total, page.page, page.page_size, "revision")}
                </div>
            }
            .erase()
        }
    };
    view! { {note(capturing.problem)} {show(revisions, skeleton, list)} }.erase()
}

fn revision(environment: EnvironmentId, one: &RevisionSummary, active: Option<i64>) -> AnyView {
    let number = one.number;
    let link = one
        .deployment_id
        .map(|id| view! { " · " <a class="link" href=format!("/deployments/{id}")>"its deployment"</a> });
    let told = one.changes.len() as u64 + one.variables.len() as u64;
    let more = (one.changed + one.changed_variables).saturating_sub(told);
    let variables = (!one.variables.is_empty()).then(|| variable_list::changes(&one.variables));
    let compared = active.filter(|active| *active != number);
    let changes =
        (!one.changes.is_empty()).then(|| change_list::view(&one.changes, "Before", "From then on"));
    view! {
        <li>
            <details>
                <summary>
                    <span class="[&>*]:mr-2">
                        <strong class="num">{format!("Revision {number}")}</strong>
                        {one.active.then(|| view! { <span class="badge badge-sm">"active"</span> })}
                        <span>{one.reason.clone()}</span>
                        <span class="muted">{summary(one)}</span>
                        <span class="muted">{time::ago(one.created_at)}</span>
                    </span>
                </summary>
                <div class="space-y-2 px-3 pb-3">
                    <p class="muted text-xs">{format!("By {}", one.author)} {link}</p>
                    {changes} {variables} {setting_list::view(&one.settings)}
                    {(more > 0).then(|| view! { <p class="muted text-xs">{format!("and {more} more")}</p> })}
                    <div class="space-y-2">
                        {compared.map(|active| against(environment, number, active))}
                        {(!one.active).then(|| way(environment, number, active.unwrap_or_default()))}
                    </div>
                </div>
            </details>
        </li>
    }
    .erase()
}

/// What it changed, in a few words.
fn summary(one: &RevisionSummary) -> String {
    if one.number == 1 {
        return counted(one.workloads, "workload");
    }
    let parts = [
        (one.changed, "workload"),
        (one.changed_variables, "variable"),
        (one.settings.len() as u64, "setting"),
    ];
    let parts: Vec<String> =
        parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, noun)| counted(n, noun)).collect();
    match parts.as_slice() {
        [] => "nothing changed".to_owned(),
        parts => format!("{} changed", parts.join(", ")),
    }
}

/// The way to a revision that is not active.
fn way(environment: EnvironmentId, number: i64, active: i64) -> AnyView {
    let flow = expect_context::<SyncFlow>();
    // Without an active one on the page, which is the newest there: further back are the older ones.
    let rollback = active == 0 || number < active;
    let go = move |_| {
        flow.deploy(DeployRequest::of_revision(environment, number, rollback));
    };
    let (sign, label) = match rollback {
        true => (lu::LuUndo2, format!("Roll back to {number}…")),
        false => (lu::LuRocket, format!("Deploy {number}…")),
    };
    view! { <button type="button" class="btn btn-sm" on:click=go>{icon(sign)} {label}</button> }.erase()
}

/// What differs from the active revision, fetched when it is asked for.
fn against(environment: EnvironmentId, number: i64, active: i64) -> AnyView {
    let (request, found) = (Request::new(), RwSignal::new(None::<RevisionDiff>));
    let look = move |_| {
        request.send(api::revision::diff(environment, active, number), move |diff| found.set(Some(diff)));
    };
    view! {
        {note(request.problem)}
        {move || match found.get() {
            None => view! {
                <button type="button" class="btn btn-sm mr-2" disabled=move || request.pending.get() on:click=look>
                    {icon(lu::LuDiff)}
                    {format!("Compare with revision {active}")}
                </button>
            }
            .erase(),
            Some(diff) if diff.changes.is_empty() && diff.variables.is_empty() && diff.settings.is_empty() => {
                view! { <p class="muted">{format!("The same as revision {active}.")}</p> }.erase()
            }
            Some(diff) => {
                let changes = (!diff.changes.is_empty())
                    .then(|| change_list::view(&diff.changes, "Active", "This one"));
                let variables = (!diff.variables.is_empty()).then(|| variable_list::changes(&diff.variables));
                let stay = (!diff.settings.is_empty())
                    .then(|| view! { <p class="muted text-xs">"Settings stay as they are, whichever revision is deployed."</p> });
                view! { {changes} {variables} {setting_list::view(&diff.settings)} {stay} }.erase()
            }
        }}
    }
    .erase()
}
