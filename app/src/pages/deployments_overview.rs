//! What happens now, what is out of step, and how deployments go.

use domain::{deployment::Deployment, metrics::Metrics};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::components::erased::Erase;
use crate::{
    api::{self, deployment::Brief},
    components::{
        empty::{nothing, skeleton},
        filters::parsed,
        icon::{Icon, icon, lu},
        pager::{count, counted, with_query},
        status, time,
    },
    live,
    pages::deployments_chart,
    request::{answer, show},
};

/// What can be looked back on, in days.
const SPANS: [u32; 3] = [7, 30, 90];

/// Above the list of deployments.
#[component]
pub(crate) fn Overview() -> impl IntoView {
    let query = use_query_map();
    let days = Memo::new(move |_| query.with(|query| parsed::<u32>(query, "days")).unwrap_or(SPANS[1]));
    let metrics =
        answer(move || days.get(), live::tick(|news| news.of_kind("deployment.")), api::deployment::metrics);
    let running = answer(
        || (),
        live::tick(|news| news.of_kind("deployment.") || news.of_kind("task.")),
        |()| api::deployment::running(),
    );
    let failed =
        answer(|| (), live::tick(|news| news.of_kind("deployment.")), |()| api::deployment::failed_lately());
    let out_of_step =
        answer(|| (), live::tick_of_rows(live::News::of_inventory), |()| api::matrix::out_of_step());
    let spans = SPANS.map(|span| {
        let current = move || (days.get() == span).then_some("page");
        view! {
            <a
                class="tab"
                class:tab-active=move || days.get() == span
                href=move || with_query(&query.get(), &[("days", Some(span.to_string()))])
                aria-current=current
                data-noscroll=""
            >
                {format!("{span} days")}
            </a>
        }
    });
    view! {
        <div class="grid gap-4 md:grid-cols-3">
            <section class="surface p-3 space-y-2">
                <h2>"Now"</h2>
                {show(running, nothing, |found: Vec<Brief>| now(&found))}
            </section>
            <section class="surface p-3 space-y-2">
                <h2>"Out of step"</h2>
                {show(out_of_step, nothing, step)}
            </section>
            <section class="surface p-3 space-y-2">
                <h2>"Failed lately"</h2>
                {show(failed, nothing, |found: Vec<Deployment>| failures(&found))}
            </section>
        </div>
        <nav class="tabs tabs-border my-3" aria-label="Looking back">{spans.collect_view()}</nav>
        {show(metrics, skeleton, |found: Metrics| numbers(&found))}
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

fn failures(failed: &[Deployment]) -> AnyView {
    if failed.is_empty() {
        return view! { <p class="state is-success">{icon(lu::LuCircleCheck)} "No deployment has failed."</p> }.erase();
    }
    let rows = failed.iter().map(|one| {
        view! {
            <li class="flex flex-wrap items-center gap-x-2">
                {status::deployment(&one.status).view()}
                <a class="link" href=format!("/deployments/{}", one.id)>{one.target_name.clone()}</a>
                <span class="muted text-xs">{time::ago(one.start_time)}</span>
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
    let per_day = match found.per_day {
        few if few > 0.0 && few < 0.05 => "< 0.1".to_owned(),
        many => format!("{many:.1}"),
    };
    let tiles = [
        (lu::LuRocket, "Deployments", Some(count(found.deployments))),
        (lu::LuCircleCheck, "Succeeded", percent),
        (lu::LuTimer, "Median duration", seconds(found.median_seconds)),
        (lu::LuUndo2, "Median rollback", seconds(found.median_rollback_seconds)),
        (lu::LuCalendar, "A day", Some(per_day)),
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
