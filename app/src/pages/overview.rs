//! What happens now, what failed lately, what is out of step, and how deployments go.

use domain::{
    deployment::{Deployment, DeploymentStatus, HistoryQuery},
    list::Page,
    metrics::Metrics,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::components::erased::Erase;
use crate::{
    api::{self, deployment::Brief},
    components::{
        empty::{nothing, skeleton},
        filters::parsed,
        icon::{Icon, icon, lu},
        pager::{count, counted},
        status, time,
    },
    live,
    pages::{deployments, deployments_chart, head},
    request::{answer, show},
};

/// What can be looked back on, in days.
const SPANS: [u32; 3] = [7, 30, 90];
/// Failed deployments that are listed.
const FAILED: u32 = 5;

#[component]
pub(crate) fn Overview() -> impl IntoView {
    let query = use_query_map();
    let days = Memo::new(move |_| query.with(|query| parsed::<u32>(query, "days")).unwrap_or(SPANS[1]));
    let of_deployments = || live::tick(|news| news.of_kind("deployment."));
    let metrics = answer(move || days.get(), of_deployments(), api::deployment::metrics);
    let running = answer(
        || (),
        live::tick(|news| news.of_kind("deployment.") || news.of_kind("task.")),
        |()| api::deployment::running(),
    );
    let failed = |status: DeploymentStatus| {
        answer(
            || (),
            of_deployments(),
            move |()| {
                let status = Some(status.to_string());
                let query = HistoryQuery { status, page_size: Some(FAILED), ..Default::default() };
                api::deployment::history(query)
            },
        )
    };
    let (left, put_back) = (failed(DeploymentStatus::Failed), failed(DeploymentStatus::PutBack));
    let out_of_step =
        answer(|| (), live::tick_of_rows(live::News::of_inventory), |()| api::matrix::out_of_step());
    let spans = SPANS.map(|span| {
        let current = move || (days.get() == span).then_some("page");
        view! {
            <a
                class="tab"
                class:tab-active=move || days.get() == span
                href=format!("/overview?days={span}")
                aria-current=current
                data-noscroll=""
            >
                {format!("{span} days")}
            </a>
        }
    });
    view! {
        {head("Overview", "What happens now, what wants looking at, and how deployments go.", ())}
        <div class="grid gap-4 md:grid-cols-2">
            <section class="surface p-3 space-y-2">
                <h2>"Now"</h2>
                {show(running, nothing, |found: Vec<Brief>| now(&found))}
            </section>
            <section class="surface p-3 space-y-2">
                <h2>"Out of step"</h2>
                {show(out_of_step, nothing, step)}
            </section>
        </div>
        <nav class="tabs tabs-border my-3" aria-label="Looking back">{spans.collect_view()}</nav>
        {show(metrics, skeleton, |found: Metrics| numbers(&found))}
        <section class="mt-4 space-y-3">
            <h2>"Failed lately"</h2>
            {show(left, nothing, |page: Page<Deployment>| troubles(&page, "No deployment was left failed."))}
            {show(put_back, nothing, |page: Page<Deployment>| troubles(&page, "None put itself back."))}
        </section>
    }
    .erase()
}

fn now(running: &[Brief]) -> AnyView {
    if running.is_empty() {
        return view! { <p class="state is-quiet">{icon(lu::LuCirclePause)} "Nothing is being deployed."</p> }.erase();
    }
    let rows = running.iter().map(|one| {
        let words = format!("{} of {}", one.done.0, one.done.1);
        view! {
            <li class="flex flex-wrap items-center gap-2">
                {status::deployment(&one.status).view()}
                <a class="link" href=format!("/deployments/{}", one.id)>{one.target.clone()}</a>
                <span class="muted">{words}</span>
            </li>
        }
    });
    view! { <ul class="space-y-1">{rows.collect_view()}</ul> }.erase()
}

fn step(rows: u64) -> AnyView {
    match rows {
        0 => view! { <p class="state is-success">{icon(lu::LuCircleCheck)} "Every environment is in step."</p> }.erase(),
        rows => view! {
            <p class="state is-warning">
                {icon(lu::LuDiff)} <a class="link" href="/?outOfStep=true">{counted(rows, "workload")} " out of step"</a>
            </p>
        }
        .erase(),
    }
}

/// The numbers and the chart of some days.
fn numbers(found: &Metrics) -> AnyView {
    let seconds = |seconds: Option<f64>| {
        seconds.map(|seconds| time::duration(chrono::TimeDelta::milliseconds((seconds * 1000.0) as i64)))
    };
    let percent = found.success_rate.map(|rate| format!("{:.1} %", rate * 100.0));
    let tiles = [
        (lu::LuRocket, "Deployments", Some(count(found.deployments))),
        (lu::LuCircleCheck, "Succeeded", percent),
        (lu::LuTimer, "Median duration", seconds(found.median_seconds)),
        (lu::LuUndo2, "Median rollback", seconds(found.median_rollback_seconds)),
        (lu::LuCalendar, "A day", Some(format!("{:.1}", found.per_day))),
    ];
    view! {
        <dl class="mb-3 grid grid-cols-2 gap-3 md:grid-cols-5">{tiles.map(tile).collect_view()}</dl>
        {deployments_chart::view(&found.history)}
    }
    .erase()
}

fn tile((sign, label, value): (Icon, &'static str, Option<String>)) -> AnyView {
    view! {
        <div class="surface p-3">
            <dt class="muted flex items-center gap-1 text-xs">{icon(sign)} {label}</dt>
            <dd class="text-2xl font-semibold tabular-nums">{value.unwrap_or_else(|| "–".to_owned())}</dd>
        </div>
    }
    .erase()
}

fn troubles(page: &Page<Deployment>, none: &'static str) -> AnyView {
    match page.total {
        0 => view! { <p class="muted">{none}</p> }.erase(),
        _ => view! { <div class="surface">{deployments::list(&page.items)}</div> }.erase(),
    }
}
