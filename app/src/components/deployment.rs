//! One deployment as it happens, and as it was: on its page, and in the dialog after a start.

use std::time::Duration;

use domain::{
    deployment::{Deployment, DeploymentStatus, Origin, Task, TaskPod, TaskStatus},
    event::Event,
    id::DeploymentId,
};
use leptos::{prelude::*, task::spawn_local};

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        deployment_stages,
        empty::{nothing, skeleton},
        icon::{icon, lu},
        log::{Line, Log},
        problem::note,
        status,
        sync_flow::SyncFlow,
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
    let running = RwSignal::new(false);
    let told = |news: &News, id| matches!(news, News::Event(event) if event.deployment_id == Some(id));
    let tick = live::tick(move |news| match news {
        // How far a rollout is makes no event: it is stored, and told like what is observed.
        News::Observed(_) => running.get_untracked(),
        News::LookAgain => true,
        news => told(news, id),
    });
    let of_events = live::tick(move |news| matches!(news, News::LookAgain) || told(news, id));
    let deployment = answer(move || id, tick, api::deployment::get);
    let events = answer(move || id, of_events, api::deployment::events);
    Effect::new(move |_| running.set(ready(deployment).is_some_and(|found| !found.status.ended())));
    let second = time::seconds(move || running.get());
    let pods = pods(id, running, tick);
    let line = |event: Event| Line {
        number: event.seq,
        at: Some(event.at),
        origin: String::new(),
        text: event.message,
    };
    let log = Signal::derive(move || ready(events).unwrap_or_default().into_iter().map(line).collect());
    let cancelling = Request::new();

    let head = move |found: Deployment| head(&found, second, modal);
    let tasks = move || {
        let mut found = ready(deployment)?;
        if found.status.ended() {
            // What went wrong is what one looks for; before the end nothing moves.
            found.results.sort_by_key(|task| !matches!(status::task(&task.status).class, "is-error"));
        }
        Some(found.results)
    };
    let actions = Actions { id, flow, cancelling, modal };
    // Drawn anew when something else can be done, not with all news: a press between two drawings would be lost.
    let standing = Memo::new(move |_| ready(deployment).as_ref().map(Standing::of));
    let foot = view! {
        <Transition fallback=nothing>{move || standing.get().map(|standing| actions.view(standing))}</Transition>
    };
    let body = view! {
        <Transition fallback=nothing>
            <ul class="tasks">
                <For
                    each=move || tasks().unwrap_or_default()
                    key=|task| (task.id, task.status.clone(), task.words.clone(), (task.available, task.retries), task.address.clone())
                    children=move |task| task::view(&task, pods)
                />
            </ul>
        </Transition>
        <Transition fallback=nothing>
            <Log title="Log" lines=log none="Nothing was told yet." />
        </Transition>
    };
    let head = view! {
        {note(cancelling.problem)}
        {show(deployment, skeleton, head)}
    };
    if modal {
        view! { <div class="dialog-body space-y-4">{head} {body}</div> <div class="dialog-foot">{foot}</div> }
            .erase()
    } else {
        view! { <div class="space-y-4">{head} <div class="flex gap-2">{foot}</div> {body}</div> }.erase()
    }
}

/// What decides on what can be done with a deployment.
#[derive(Clone, Copy, PartialEq)]
struct Standing {
    ended: bool,
    /// Cancelling was asked for.
    asked: bool,
    /// It has ended, and not all of it was done.
    left: bool,
    /// There is something to put back.
    changed: bool,
}

impl Standing {
    fn of(found: &Deployment) -> Self {
        let any = |is: fn(&Task) -> bool| found.results.iter().any(is);
        let ended = found.status.ended();
        Self {
            ended,
            asked: found.cancel_requested,
            left: ended && any(|task| task.status != TaskStatus::Success),
            changed: any(|task| task.accepted && task.status != TaskStatus::PutBack),
        }
    }
}

/// What can be done with a deployment: always in the same order, and there also while it cannot be done.
#[derive(Clone, Copy)]
struct Actions {
    id: DeploymentId,
    flow: SyncFlow,
    cancelling: Request,
    modal: bool,
}

impl Actions {
    fn view(self, Standing { ended, asked, left, changed }: Standing) -> AnyView {
        let Self { id, flow, cancelling, modal } = self;
        let not_now = match (ended, changed) {
            (false, _) => Some("It has not ended: cancel it first."),
            (true, false) => Some("It has changed nothing that could be put back."),
            (true, true) => None,
        };
        let rest = left.then(|| {
            view! {
                <button type="button" class="btn" on:click=move |_| flow.retry(id)>
                    {icon(lu::LuRefreshCw)}
                    "Try the rest again…"
                </button>
            }
        });
        view! {
            <button
                type="button"
                class="btn"
                disabled=move || ended || asked || cancelling.pending.get()
                title=ended.then_some("It has ended.")
                on:click=move |_| cancelling.send(api::deployment::cancel(id), |_| live::look_again())
            >
                {icon(lu::LuBan)}
                {if asked && !ended { "Cancelling…" } else { "Cancel" }}
            </button>
            <button
                type="button"
                class="btn"
                disabled=not_now.is_some()
                title=not_now
                on:click=move |_| flow.undo(id)
            >
                {icon(lu::LuUndo2)}
                "Roll back…"
            </button>
            {rest}
            {modal.then(|| leave(flow, id, ended))}
        }
        .erase()
    }
}

/// Out of the dialog.
fn leave(flow: SyncFlow, id: DeploymentId, ended: bool) -> AnyView {
    view! {
        <a class="btn" href=format!("/deployments/{id}") on:click=move |_| flow.leave()>
            "Open its page"
        </a>
        <button type="button" class="btn btn-primary" autofocus on:click=move |_| flow.leave()>
            {if ended { "Close" } else { "Keep running in the background" }}
        </button>
    }
    .erase()
}

/// Pods as they come and go; asked for in the browser, after news of them while it runs.
fn pods(id: DeploymentId, running: RwSignal<bool>, tick: RwSignal<u32>) -> RwSignal<Vec<TaskPod>> {
    let pods = RwSignal::new(Vec::new());
    let busy = StoredValue::new(false);
    let look = move || {
        if busy.try_get_value() == Some(false) {
            busy.set_value(true);
            spawn_local(async move {
                if let Ok(found) = api::deployment::pods(id).await {
                    pods.try_set(found);
                }
                busy.try_set_value(false);
            });
        }
    };
    Effect::new(move |was_running: Option<bool>| {
        tick.track();
        let running = running.get();
        if running || was_running.is_none() {
            look();
        } else if was_running == Some(true) {
            // Once more when the last pods have gone.
            look();
            set_timeout(look, Duration::from_secs(4));
        }
        running
    });
    pods
}

fn head(found: &Deployment, second: Signal<Option<chrono::DateTime<chrono::Utc>>>, modal: bool) -> AnyView {
    let (start, end) = (found.start_time, found.end_time);
    let begun = found.begun_at;
    let elapsed = move || match (end, second.get()) {
        (Some(end), _) => begun.map(|begun| time::duration(end - begun)).unwrap_or_default(),
        (None, Some(now)) => begun.map(|begun| time::duration(now - begun)).unwrap_or_default(),
        (None, None) => String::new(),
    };
    let (ended, total) = (found.counts.ended(), found.counts.total);
    let counts = match found.counts.failed {
        0 => format!("{ended} of {total}"),
        failed => format!("{ended} of {total}, {failed} failed"),
    };
    let ticket = domain::validate::link("ticket", &found.ticket).ok().filter(|link| !link.is_empty());
    let undone = found
        .undo_of
        .map(|id| view! { <a class="link" href=format!("/deployments/{id}")>"an earlier deployment"</a> });
    let retried = found
        .retry_of
        .map(|id| view! { <a class="link" href=format!("/deployments/{id}")>"an earlier deployment"</a> });
    let target = found.target_environment_id;
    let revision = (found.revision > 0).then(|| format!("revision {}", found.revision));
    let bar = match found.status {
        DeploymentStatus::Failed => "progress-error",
        DeploymentStatus::Complete => "progress-success",
        _ => "progress-primary",
    };
    let heading = view! {
        <span class="flex flex-wrap items-center gap-2 text-lg font-semibold">
            {from(found)}
            <a class="link link-hover" href=format!("/environments/{target}")>{found.target_name.clone()}</a>
        </span>
    };
    view! {
        <header class="space-y-2">
            <div class="flex flex-wrap items-center gap-x-4 gap-y-1">
                {if modal { heading.into_any() } else { view! { <h1>{heading}</h1> }.erase() }}
                <span role="status">{status::deployment(&found.status).view()}</span>
                <span class="muted num">{counts}</span>
                <span class="muted num" title="Elapsed">{elapsed}</span>
            </div>
            {deployment_stages::line(found)}
            <progress
                class=format!("progress w-full {bar}")
                max=total.max(1)
                value=ended
                aria-label="Services done"
            ></progress>
            <p class="muted text-xs">
                {undone.map(|link| view! { "Undoes " {link} " · " })}
                {retried.map(|link| view! { "The rest of " {link} " · " })}
                "Started " {time::ago(start)} " by " {found.initiated_by.clone()}
                {revision.map(|revision| format!(" · {revision}"))}
                {ticket.map(|link| view! { " · " <a class="link" href=link.clone() target="_blank" rel="noopener noreferrer">{link.clone()}</a> })}
            </p>
            {waits(found)}
            {(!found.note.is_empty()).then(|| view! { <p>{found.note.clone()}</p> })}
        </header>
    }
    .erase()
}

/// Why it has not begun.
fn waits(found: &Deployment) -> Option<AnyView> {
    if found.status != DeploymentStatus::Pending {
        return None;
    }
    let words = match found.scheduled_for {
        Some(at) => view! { "Scheduled: begins " {time::ago(at)} }.erase(),
        None => "Waits for its turn: another deployment of this environment is under way.".into_any(),
    };
    Some(view! { <p class="state is-info">{icon(lu::LuClock)} <span>{words}</span></p> }.erase())
}

/// What comes before the target's name: the environment that versions come from, or what is done.
pub(crate) fn from(found: &Deployment) -> AnyView {
    if found.source_environment_id != found.target_environment_id {
        return view! {
            {found.source_name.clone()} {icon(lu::LuArrowRight)} <span class="sr-only">"to"</span>
        }
        .erase();
    }
    let word = match found.origin {
        Origin::Rollback => "Rollback",
        _ => "Deploy",
    };
    view! { <span class="badge badge-sm">{word}</span> }.erase()
}
