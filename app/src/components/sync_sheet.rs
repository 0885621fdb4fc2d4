//! What the confirmation of a sync or a deployment shows: its exact diff, its steps, and what is decided about it.

use std::collections::BTreeSet;

use domain::{
    app_instance::AppInstance,
    deploy::StartDeployment,
    id::{AppInstanceId, ServiceId},
    problem::Problem,
    settings::{Consent, Defaults},
    sync::{Exception, OnFailure, PreviewItem, StartSync},
};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api::{self, sync::Shown},
    components::{
        empty::skeleton,
        field::{TextField, choice},
        icon::{icon, lu},
        plan_steps,
        problem::{failed, hint, note},
        sync_flow::{Ask, SyncFlow},
        sync_preview::{self, Ticks},
        time,
    },
    request::Request,
};

/// What the confirmation dialog holds.
#[component]
pub(crate) fn Confirm() -> impl IntoView {
    let flow = expect_context::<SyncFlow>();
    let preview = RwSignal::new(None::<Shown>);
    let (finding, starting) = (Request::new(), Request::new());
    let left_out = RwSignal::new(BTreeSet::new());
    let instances = RwSignal::new(None::<Vec<AppInstance>>);
    let text = |value: &str| RwSignal::new(value.to_owned());
    let [words, ticket, typed, urgent, at, minutes] = [(); 6].map(|()| text(""));
    let puts_back = matches!(flow.asked(), Some(Ask::Deploy(_)));
    let on_failure = text(if puts_back { OnFailure::PutBack } else { OnFailure::Stop }.as_str());

    let found = move |answer: Shown| {
        // Other pairings are chosen from the target's app instances.
        let pairs = answer.request.source_environment_id != answer.request.target_environment_id;
        let target = answer.request.target_environment_id;
        // What the environment's settings say is chosen to begin with, but not over what somebody has chosen since.
        let first = preview.try_with_untracked(Option::is_none) == Some(true);
        if first && answer.undo_of.is_none() {
            let Defaults { on_failure: policy, time_limit_seconds } = &answer.defaults;
            if let Some(policy) = policy {
                on_failure.set(policy.to_string());
            }
            if let Some(limit) = time_limit_seconds {
                minutes.set(limit.div_ceil(60).to_string());
            }
        }
        preview.set(Some(answer));
        if pairs && instances.try_with_untracked(Option::is_none) == Some(true) {
            Request::new().send(api::app_instance::list(Some(target)), move |list| instances.set(Some(list)));
        }
    };
    let look = move || {
        starting.clear();
        left_out.set(BTreeSet::new());
        match flow.asked() {
            Some(Ask::Sync(request)) => finding.send(api::sync::preview(*request), found),
            Some(Ask::Undo(id)) => finding.send(api::sync::preview_undo(id), found),
            Some(Ask::Retry(id)) => finding.send(api::sync::preview_retry(id), found),
            Some(Ask::Deploy(request)) => finding.send(api::deploy::preview(request), found),
            None => {}
        }
    };
    look();
    let pair = move |service: ServiceId, instance: Option<AppInstanceId>| {
        if let Some(Ask::Sync(mut request)) = flow.asked() {
            let known = request.service_ids.iter().position(|id| *id == service);
            let at = known.unwrap_or_else(|| {
                request.service_ids.push(service);
                request.service_ids.len() - 1
            });
            request.target_app_instances.resize(request.service_ids.len(), None);
            request.target_app_instances[at] = instance;
            flow.ask_instead(Ask::Sync(request));
        }
        look();
    };
    let start = move || {
        let Some(preview) = preview.get_untracked() else { return };
        let on_failure = OnFailure::from(on_failure.get_untracked().as_str());
        let given = |text: RwSignal<String>| Some(text.get_untracked()).filter(|text| !text.is_empty());
        let consent = Consent { confirm: given(typed), override_freeze: given(urgent) };
        if let Some(id) = preview.undo_of.or(preview.retry_of) {
            let note = words.get_untracked();
            let asked = api::sync::start_follow_up(id, preview.id, on_failure, note, consent);
            return starting.send(asked, move |deployment| flow.watch(deployment.id));
        }
        let except = left_out.get_untracked().into_iter().collect();
        if let Some(request) = preview.deploy {
            let asked = StartDeployment {
                request,
                preview_id: Some(preview.id),
                except,
                on_failure: Some(on_failure),
                note: words.get_untracked(),
                ticket: ticket.get_untracked(),
                scheduled_for: at.with_untracked(|at| time::typed(at)),
                time_limit_seconds: minutes
                    .with_untracked(|text| text.trim().parse::<u32>().ok())
                    .map(|it| it.saturating_mul(60)),
                consent,
            };
            return starting.send(api::deploy::start(asked), move |deployment| flow.watch(deployment.id));
        }
        let asked = StartSync {
            request: preview.request,
            preview_id: Some(preview.id),
            except,
            on_failure: Some(on_failure),
            note: words.get_untracked(),
            ticket: ticket.get_untracked(),
            consent,
        };
        starting.send(api::sync::start(asked), move |deployment| flow.watch(deployment.id));
    };
    let now = time::now();
    let expired = Memo::new(move |_| {
        let expires = preview.with(|preview| preview.as_ref().map(|preview| preview.expires_at));
        expires.zip(now.get()).is_some_and(|(expires, now)| now >= expires)
    });
    let count = Memo::new(move |_| {
        let left_out = left_out.with(BTreeSet::len);
        preview.with(|preview| preview.as_ref().map_or(0, |preview| preview.changing - left_out))
    });
    let turn = move |page| {
        if let Some(id) = preview.with_untracked(|preview| Some(preview.as_ref()?.id)) {
            finding.send(api::sync::previewed(id, page), move |answer| preview.set(Some(answer)));
        }
    };
    let undo =
        move || preview.with(|preview| preview.as_ref().is_some_and(|preview| preview.undo_of.is_some()));
    let follows = move || {
        preview.with(|preview| preview.as_ref().is_some_and(|it| it.undo_of.or(it.retry_of).is_some()))
    };
    let moves = move || {
        let moved = |shown: &Shown| shown.items.iter().any(|item| item.original.is_some());
        preview.with(|preview| preview.as_ref().is_some_and(moved))
    };
    let deploys =
        move || preview.with(|preview| preview.as_ref().is_some_and(|preview| preview.deploy.is_some()));
    let guards =
        move || preview.with(|preview| preview.as_ref().map(|shown| guards(shown, typed, urgent, starting)));

    let again = move || {
        view! {
            <button type="button" class="btn btn-sm" disabled=move || finding.pending.get() on:click=move |_| look()>
                {icon(lu::LuRefreshCw)}
                "Preview again"
            </button>
        }
    };
    let troubles = move || {
        let stale = expired.get();
        let problem = starting.problem.get();
        let at_fields = !stale && problem.as_ref().is_some_and(|problem| !problem.errors.is_empty());
        (stale || problem.is_some()).then(|| {
            view! {
                <div class="space-y-2">
                    {problem.map(|problem| failed(&Problem { errors: Vec::new(), ..problem }))}
                    {stale.then(|| hint("is-warning", "This preview is too old to be confirmed: what runs may have changed since."))}
                    {(!at_fields).then(again)}
                </div>
            }
        })
    };
    let items = move || {
        let ticks = Ticks {
            left_out,
            instances,
            pair: Callback::new(move |(service, instance)| pair(service, instance)),
            turn: Callback::new(turn),
        };
        preview.get().map(|preview| sync_preview::view(&preview, ticks))
    };
    let steps = move || {
        let policy = OnFailure::from(on_failure.get().as_str());
        let left_out = |item: &PreviewItem| left_out.with(|left_out| left_out.contains(&Exception::of(item)));
        preview.get().map(|found| plan_steps::view(&found, left_out, &policy, &at.get(), &minutes.get()))
    };
    let options = move || {
        view! {
            <div class="grid gap-x-6 gap-y-3 md:grid-cols-2">
                <div class="space-y-3">
                    <TextField label="Note" form="sync" name="note" value=words problem=starting.problem lines=2 />
                    {(!follows()).then(|| view! {
                        <TextField
                            label="Ticket link"
                            form="sync"
                            name="ticket"
                            kind="url"
                            placeholder="https://…"
                            value=ticket
                            problem=starting.problem
                        />
                    })}
                    {deploys().then(|| view! {
                        <TextField
                            label="Begin at"
                            form="sync"
                            name="scheduledFor"
                            kind="datetime-local"
                            value=at
                            problem=starting.problem
                            hint="In your time. At once if left empty; it can be cancelled until then."
                        />
                        <TextField
                            label="Time limit in minutes"
                            form="sync"
                            name="timeLimitSeconds"
                            kind="number"
                            value=minutes
                            problem=starting.problem
                            hint="When it is over nothing more is begun, and what rolls out has failed."
                        />
                    })}
                </div>
                {(!moves()).then(|| policy(on_failure))}
            </div>
        }
    };
    let button = move || {
        let n = count.get();
        let target = preview
            .with(|preview| preview.as_ref().map(|preview| preview.target_name.clone()).unwrap_or_default());
        let plural = if n == 1 { "" } else { "s" };
        let rollback = preview.with(|preview| Some(preview.as_ref()?.deploy.as_ref()?.rollback));
        match (n, undo(), rollback) {
            (0, ..) => "Nothing to change".to_owned(),
            _ if moves() => format!("Move {n} service{plural} of {target}"),
            (_, true, _) | (_, _, Some(true)) => format!("Put {n} service{plural} back in {target}"),
            _ if follows() => format!("Try {n} service{plural} again in {target}"),
            (.., Some(false)) => format!("Deploy {n} service{plural} to {target}"),
            (.., None) => format!("Sync {n} service{plural} to {target}"),
        }
    };
    let there = Memo::new(move |_| preview.with(Option::is_some));
    view! {
        <form
            class="contents"
            on:submit=move |event| {
                event.prevent_default();
                start();
            }
        >
            <div class="dialog-body space-y-4">
                {note(finding.problem)} {troubles}
                {move || (finding.pending.get() && !there.get()).then(skeleton)} {items}
                {move || there.get().then(options)} {steps} {guards}
            </div>
            <div class="dialog-foot">
                <button type="button" class="btn" on:click=move |_| flow.close()>"Cancel"</button>
                <button
                    type="submit"
                    class="btn btn-primary"
                    disabled=move || {
                        count.get() == 0 || expired.get() || finding.pending.get() || starting.pending.get()
                    }
                >
                    {button}
                </button>
            </div>
        </form>
    }
    .erase()
}

/// What is done when a service fails.
fn policy(on_failure: RwSignal<String>) -> AnyView {
    let policies = [
        ("stop", "Stop the rest", "What has begun is followed to its end, the rest is left as it is."),
        ("go_on", "Go on", "The other services are brought along all the same."),
        ("put_back", "Put everything back", "What this changed goes back to what ran before."),
    ];
    choice("When a service fails", "on-failure", on_failure, &policies).into_any()
}

/// What it takes to go on where the target is protected or frozen.
fn guards(shown: &Shown, typed: RwSignal<String>, urgent: RwSignal<String>, starting: Request) -> AnyView {
    let problem = starting.problem;
    let name = shown.target_name.clone();
    let frozen = shown.guard.frozen.as_ref().map(|freeze| {
        let until = freeze.until.format("%Y-%m-%d %H:%M");
        let words = format!("{name} is frozen until {until} UTC: {}.", freeze.reason);
        view! {
            <div class="space-y-2">
                {hint("is-warning", words)}
                <TextField label="Why it cannot wait" form="sync" name="overrideFreeze" value=urgent problem required=true />
            </div>
        }
    });
    let protected = shown.guard.protected.then(|| {
        view! {
            <TextField
                label="Its name, to confirm"
                form="sync"
                name="confirm"
                value=typed
                problem
                required=true
                hint="It is protected: type the environment's name."
            />
        }
    });
    view! { <div class="grid gap-3 md:grid-cols-2">{frozen} {protected}</div> }.erase()
}
