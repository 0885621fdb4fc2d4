//! One deployment as it happens, and as it was: on its page, and in the dialog after a start.

use domain::{
    deployment::{Deployment, TaskPod, TaskStatus},
    event::Event,
    id::DeploymentId,
};
use leptos::{prelude::*, task::spawn_local};

use crate::{
    api,
    components::{
        empty::{nothing, skeleton},
        icon::{icon, lu},
        problem::note,
        status,
        sync_sheet::SyncFlow,
        task, time,
    },
    live::{self, News},
    request::{Request, answer, ready, show},
};

/// A deployment with its tasks, pods and events, live.
#[component]
pub(crate) fn DeploymentView(
    /// Which one.
    id: DeploymentId,
    /// Shown in the dialog that can be left.
    #[prop(optional)]
    modal: bool,
) -> impl IntoView {
    let flow = expect_context::<SyncFlow>();
    let tick = live::tick(move |news| match news {
        News::Event(event) => event.deployment_id == Some(id),
        News::Observed(_) => false,
        News::LookAgain => true,
    });
    let deployment = answer(move || id, tick, api::deployment::get);
    let events = answer(move || id, tick, api::deployment::events);
    let running = Memo::new(move |_| ready(deployment).is_some_and(|deployment| !deployment.status.ended()));
    let second = time::seconds(move || running.get());
    let pods = pods(id, running, second);
    let cancelling = Request::new();

    let head = move |found: Deployment| head(&found, second, modal);
    let tasks = move |found: Deployment| {
        view! { <ul class="tasks">{found.results.iter().map(|one| task::view(one, pods)).collect_view()}</ul> }.into_any()
    };
    let actions = move |found: Deployment| {
        let ended = found.status.ended();
        let asked = found.cancel_requested;
        let undoable = ended && found.results.iter().any(|task| task.status == TaskStatus::Success);
        view! {
            {(!ended)
                .then(|| {
                    view! {
                        <button
                            type="button"
                            class="btn"
                            disabled=move || asked || cancelling.pending.get()
                            on:click=move |_| cancelling.send(api::deployment::cancel(id), |_| live::look_again())
                        >
                            {icon(lu::LuBan)}
                            {if asked { "Cancelling…" } else { "Cancel the sync" }}
                        </button>
                    }
                })}
            {undoable
                .then(|| {
                    view! {
                        <button type="button" class="btn" on:click=move |_| flow.undo(id)>
                            {icon(lu::LuUndo2)}
                            "Undo…"
                        </button>
                    }
                })}
            {modal
                .then(|| {
                    view! {
                        <a class="btn" href=format!("/syncs/{id}") on:click=move |_| flow.leave()>"Open its page"</a>
                        <button type="button" class="btn btn-primary" autofocus on:click=move |_| flow.leave()>
                            {if ended { "Close" } else { "Keep running in the background" }}
                        </button>
                    }
                })}
        }
        .into_any()
    };
    let body = view! {
        {note(cancelling.problem)}
        {show(deployment, skeleton, head)}
        {show(deployment, nothing, tasks)}
        {show(events, nothing, |events| event_list(&events))}
    };
    let foot = show(deployment, nothing, actions);
    if modal {
        view! { <div class="dialog-body space-y-4">{body}</div> <div class="dialog-foot">{foot}</div> }
            .into_any()
    } else {
        view! { <div class="space-y-4">{body} <div class="flex gap-2">{foot}</div></div> }.into_any()
    }
}

/// Pods as they come and go; asked for in the browser, every two seconds while it runs.
fn pods(
    id: DeploymentId,
    running: Memo<bool>,
    second: Signal<Option<chrono::DateTime<chrono::Utc>>>,
) -> RwSignal<Vec<TaskPod>> {
    let pods = RwSignal::new(Vec::new());
    let busy = StoredValue::new(false);
    let round = Memo::new(move |_| second.get().map(|now| now.timestamp() / 2));
    Effect::new(move |_| {
        round.track();
        let wanted = running.get() || pods.with_untracked(Vec::is_empty);
        if wanted && !busy.get_value() {
            busy.set_value(true);
            spawn_local(async move {
                if let Ok(found) = api::deployment::pods(id).await {
                    pods.try_set(found);
                }
                busy.try_set_value(false);
            });
        }
    });
    pods
}

fn head(found: &Deployment, second: Signal<Option<chrono::DateTime<chrono::Utc>>>, modal: bool) -> AnyView {
    let (start, end) = (found.start_time, found.end_time);
    let elapsed = move || match (end, second.get()) {
        (Some(end), _) => time::duration(end - start),
        (None, Some(now)) => time::duration(now - start),
        (None, None) => String::new(),
    };
    let (ended, total) = (found.counts.ended(), found.counts.total);
    let counts = match found.counts.failed {
        0 => format!("{ended} of {total}"),
        failed => format!("{ended} of {total}, {failed} failed"),
    };
    let ticket = domain::validate::link("ticket", &found.ticket).ok().filter(|link| !link.is_empty());
    let undone =
        found.undo_of.map(|id| view! { <a class="link" href=format!("/syncs/{id}")>"an earlier sync"</a> });
    let target = found.target_environment_id;
    let revision = (found.revision > 0).then(|| format!("revision {}", found.revision));
    let heading = view! {
        <span class="flex flex-wrap items-center gap-2 text-lg font-semibold">
            {found.source_name.clone()} {icon(lu::LuArrowRight)} <span class="sr-only">"to"</span>
            <a class="link link-hover" href=format!("/environments/{target}")>{found.target_name.clone()}</a>
        </span>
    };
    view! {
        <header class="space-y-2">
            <div class="flex flex-wrap items-center gap-x-4 gap-y-1">
                {if modal { heading.into_any() } else { view! { <h1>{heading}</h1> }.into_any() }}
                <span role="status">{status::deployment(&found.status).view()}</span>
                <span class="muted num">{counts}</span>
                <span class="muted num" title="Elapsed">{elapsed}</span>
            </div>
            <progress
                class="progress progress-primary w-full"
                max=total.max(1)
                value=ended
                aria-label="Services done"
            ></progress>
            <p class="muted text-xs">
                {undone.map(|link| view! { "Undoes " {link} " · " })}
                "Started " {time::ago(start)} " by " {found.initiated_by.clone()}
                {revision.map(|revision| format!(" · {revision}"))}
                {ticket.map(|link| view! { " · " <a class="link" href=link.clone() target="_blank" rel="noopener noreferrer">{link.clone()}</a> })}
            </p>
            {(!found.note.is_empty()).then(|| view! { <p>{found.note.clone()}</p> })}
        </header>
    }
    .into_any()
}

fn event_list(events: &[Event]) -> AnyView {
    let lines = events.iter().rev().map(|event| {
        view! {
            <li>
                <span class="muted num">{time::ago(event.at)}</span>
                <span>{event.message.clone()}</span>
            </li>
        }
    });
    let lines = lines.collect_view();
    view! {
        <details class="events">
            <summary>{format!("Events ({})", events.len())}</summary>
            <ol reversed>{lines}</ol>
        </details>
    }
    .into_any()
}
