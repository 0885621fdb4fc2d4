//! An environment's settings: what it is, what protects it, and what may be deployed to it.

use chrono::{NaiveDateTime, Utc};
use domain::{
    id::EnvironmentId,
    problem::Problem,
    settings::{Defaults, EnvironmentSettings, Freeze, Manages, Rules, SettingsEdit, StoredSettings},
};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        conflict::conflict,
        empty::skeleton,
        field::{TextField, field_error},
        icon::{icon, lu},
        problem::note,
        time,
        toast::Toasts,
    },
    request::{Request, answer, show},
};

/// The settings, to look at and to change.
#[component]
pub(crate) fn Settings(environment: EnvironmentId) -> impl IntoView {
    // Not looked at again while somebody types: whose edit is late is told when it is saved.
    let stored = answer(|| (), RwSignal::new(0), move |()| api::environment::settings(environment));
    show(stored, skeleton, move |stored| view! { <Form environment stored /> }.erase())
}

#[component]
fn Form(environment: EnvironmentId, stored: StoredSettings) -> impl IntoView {
    let request = Request::new();
    let problem = request.problem;
    let [kind, tags, repositories, replicas, required, reason, policy, limit] =
        [(); 8].map(|()| RwSignal::new(String::new()));
    let (version, protected, freezes) = (RwSignal::new(0), RwSignal::new(false), RwSignal::new(Vec::new()));
    let manages = RwSignal::new(Manages::default());
    let fill = move |stored: &StoredSettings| {
        let EnvironmentSettings {
            kind: is,
            protected: guarded,
            freezes: frozen,
            rules,
            manages: owned,
            defaults,
        } = stored.settings.clone();
        kind.set(is.map(|kind| kind.to_string()).unwrap_or_default());
        protected.set(guarded);
        manages.set(owned);
        freezes.set(frozen);
        tags.set(rules.tags.join(" "));
        repositories.set(rules.repositories.join("\n"));
        required.set(rules.required_variables.join(" "));
        replicas.set(rules.max_replicas.map(|most| most.to_string()).unwrap_or_default());
        policy.set(defaults.on_failure.map(|policy| policy.to_string()).unwrap_or_default());
        limit
            .set(defaults.time_limit_seconds.map(|limit| limit.div_ceil(60).to_string()).unwrap_or_default());
        version.set(stored.version);
    };
    fill(&stored);
    let toasts = expect_context::<Toasts>();
    let save = move || {
        let listed = |text: RwSignal<String>| -> Vec<String> {
            text.get_untracked().split_whitespace().map(str::to_owned).collect()
        };
        let settings = EnvironmentSettings {
            kind: Some(kind.get_untracked()).filter(|kind| !kind.is_empty()).map(|kind| kind.as_str().into()),
            protected: protected.get_untracked(),
            freezes: freezes.get_untracked(),
            rules: Rules {
                tags: listed(tags),
                repositories: listed(repositories),
                max_replicas: replicas.get_untracked().trim().parse().ok(),
                required_variables: listed(required),
            },
            manages: manages.get_untracked(),
            defaults: Defaults {
                on_failure: Some(policy.get_untracked())
                    .filter(|policy| !policy.is_empty())
                    .map(|policy| policy.as_str().into()),
                time_limit_seconds: limit
                    .with_untracked(|text| text.trim().parse::<u32>().ok())
                    .map(|minutes| minutes.saturating_mul(60)),
            },
        };
        // Guarded by the settings' version and not by a revision: a deployment meanwhile is no conflict.
        let (version_seen, why) = (version.get_untracked(), reason.get_untracked());
        let edit = SettingsEdit { settings, version: version_seen, base: None, reason: why };
        request.send(api::environment::set(environment, edit), move |stored| {
            toasts.done(match stored.version == version_seen {
                true => "Nothing has changed".to_owned(),
                false => format!("Settings saved as revision {}", stored.revision),
            });
            version.set(stored.version);
            reason.set(String::new());
        });
    };
    let keep = move |theirs: &StoredSettings| {
        version.set(theirs.version);
        save();
    };
    let kinds = [
        ("", "Not said"),
        ("development", "Development"),
        ("testing", "Testing"),
        ("staging", "Staging"),
        ("production", "Production"),
    ];
    let policies = [
        ("", "Not said"),
        ("stop", "Stop the rest"),
        ("go_on", "Go on"),
        ("put_back", "Put everything back"),
    ];
    view! {
        <form
            class="surface max-w-3xl space-y-5 p-4"
            on:submit=move |event| {
                event.prevent_default();
                save();
            }
        >
            {note(problem)} {conflict(problem, stored_words, fill, keep)}
            <section class="space-y-3">
                <h2>"What it is"</h2>
                {one_of("Kind", "kind", kind, kinds, problem)}
                {choice(
                    "Protected",
                    "Whoever changes what it runs types its name.",
                    move || protected.get(),
                    move |on| protected.set(on),
                )}
            </section>
            <section class="space-y-3">
                <h2>"What revisions own"</h2>
                <p class="muted text-xs">"Images always, and the variables of services on this machine. What is off stays as its manifest says."</p>
                {choice(
                    "Replicas",
                    "Revisions say how many, on this machine too, and deployments of a revision bring that. Not where an autoscaler does.",
                    move || manages.get().replicas,
                    move |on| manages.update(|manages| manages.replicas = on),
                )}
                {choice(
                    "Variables",
                    "Kubernetes' workloads are given the variables that are set here too, and secret ones in a Secret of each.",
                    move || manages.get().variables,
                    move |on| manages.update(|manages| manages.variables = on),
                )}
            </section>
            <section class="space-y-3">
                <h2>"What may be deployed"</h2>
                <TextField label="Tags" form="settings" name="tags" value=tags problem placeholder="v* release-?"
                    hint="Patterns with * and ?, separated by spaces. Empty for all." />
                <TextField label="Image repositories" form="settings" name="repositories" value=repositories problem lines=2
                    placeholder="registry.example.com/shop/*" hint="One pattern in a line. Empty for all." />
                <TextField label="Most replicas" form="settings" name="maxReplicas" value=replicas problem kind="number"
                    hint="Services with more are not changed." />
                <TextField label="Required variables" form="settings" name="requiredVariables" value=required problem
                    placeholder="LOG_LEVEL" hint="Names that every service has, separated by spaces. Empty for none." />
            </section>
            <section class="space-y-3">
                <h2>"How it is deployed"</h2>
                <p class="muted text-xs">"What a deployment takes unless it is said otherwise when it is started."</p>
                {one_of("When a service fails", "onFailure", policy, policies, problem)}
                <TextField label="Time limit in minutes" form="settings" name="timeLimitSeconds" value=limit problem
                    kind="number" hint="When it is over nothing more is begun, and what rolls out has failed." />
            </section>
            <Freezes freezes problem />
            <TextField label="Why" form="settings" name="reason" value=reason problem
                hint="Stands in the list of revisions, with what was changed." />
            <button type="submit" class="btn btn-primary" disabled=move || request.pending.get()>"Save"</button>
        </form>
    }
    .erase()
}

/// A choice of one of several words, each with its label.
fn one_of<const N: usize>(
    label: &'static str,
    name: &'static str,
    value: RwSignal<String>,
    words: [(&'static str, &'static str); N],
    problem: RwSignal<Option<Problem>>,
) -> AnyView {
    let id = format!("settings-{name}");
    let options = words.map(|(word, label)| {
        view! { <option value=word selected=move || value.with(|value| value == word)>{label}</option> }
    });
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select
                id=id.clone()
                class="select w-56"
                on:change=move |event| value.set(event_target_value(&event))
            >
                {options.collect_view()}
            </select>
            {field_error(format!("{id}-error"), name, problem)}
        </div>
    }
    .erase()
}

/// A switch, with what it means.
fn choice(
    label: &'static str,
    hint: &'static str,
    is_on: impl Fn() -> bool + Send + 'static,
    set: impl Fn(bool) + 'static,
) -> AnyView {
    view! {
        <label class="choice">
            <input
                type="checkbox"
                class="checkbox checkbox-sm"
                prop:checked=is_on
                on:change=move |event| set(event_target_checked(&event))
            />
            <span>
                <span class="font-medium">{label}</span>
                <span class="muted block text-xs">{hint}</span>
            </span>
        </label>
    }
    .erase()
}

fn stored_words(stored: &StoredSettings) -> String {
    let EnvironmentSettings { kind, protected, freezes, rules, manages, .. } = &stored.settings;
    let kind = kind.as_ref().map_or("no kind", |kind| kind.as_str());
    let protected = if *protected { "protected" } else { "not protected" };
    let patterns = rules.tags.len() + rules.repositories.len();
    let variables = if manages.variables { ", variables on Kubernetes" } else { "" };
    format!("{kind}, {protected}, {} freezes, {patterns} patterns{variables}", freezes.len())
}

/// The freezes, and a row to add one.
#[component]
fn Freezes(freezes: RwSignal<Vec<Freeze>>, problem: RwSignal<Option<Problem>>) -> impl IntoView {
    let [from, until, reason] = [(); 3].map(|()| RwSignal::new(String::new()));
    let parsed = move |text: RwSignal<String>| {
        text.with(|text| NaiveDateTime::parse_from_str(text, time::TYPED)).ok().map(|time| time.and_utc())
    };
    let new = move || {
        let reason = reason.with(|reason| reason.trim().to_owned());
        let (from, until) = (parsed(from)?, parsed(until)?);
        (until > from && !reason.is_empty()).then_some(Freeze { from, until, reason })
    };
    let add = move |_| {
        if let Some(freeze) = new() {
            freezes.update(|freezes| freezes.push(freeze));
            [from, until, reason].into_iter().for_each(|field| field.set(String::new()));
        }
    };
    let row = move |(n, freeze): (usize, Freeze)| {
        let over = freeze.until <= Utc::now();
        view! {
            <li class="flex flex-wrap items-center gap-2" class:muted=over>
                {icon(lu::LuSnowflake)}
                <span>{time::utc(freeze.from)} " – " {time::utc(freeze.until)}</span>
                <strong class="font-medium">{freeze.reason}</strong>
                <button
                    type="button"
                    class="btn btn-ghost btn-sm btn-square"
                    aria-label="Remove this freeze"
                    on:click=move |_| freezes.update(|freezes| drop(freezes.remove(n)))
                >
                    {icon(lu::LuX)}
                </button>
            </li>
        }
    };
    let list = move || freezes.get().into_iter().enumerate().map(row).collect_view();
    let input = move |label: &'static str, kind: &'static str, value: RwSignal<String>| {
        view! {
            <label class="field">
                <span>{label}</span>
                <input
                    type=kind
                    class="input input-sm"
                    prop:value=move || value.get()
                    on:input=move |event| value.set(event_target_value(&event))
                />
            </label>
        }
    };
    view! {
        <section class="space-y-3">
            <h2>"Freezes"</h2>
            <p class="muted text-xs">
                "Nothing is changed in a freeze, unless somebody gives a reason, which is kept. Times are UTC."
            </p>
            <ul class="space-y-1">{list}</ul>
            <div class="flex flex-wrap items-end gap-2">
                {input("From", "datetime-local", from)} {input("Until", "datetime-local", until)}
                {input("Reason", "text", reason)}
                <button type="button" class="btn btn-sm" disabled=move || new().is_none() on:click=add>
                    {icon(lu::LuPlus)}
                    "Add"
                </button>
            </div>
            {field_error("settings-freezes-error".to_owned(), "freezes", problem)}
        </section>
    }
    .erase()
}
