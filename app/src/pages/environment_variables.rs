//! An environment's variables, and what each of its services is given.

use domain::{
    id::{EnvironmentId, ServiceId},
    secret::Secret,
    variable::{EffectiveVariable, EffectiveVariables, VariableEdit, VariableScope, VariablesEdit},
};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        empty::skeleton,
        field::TextField,
        icon::{icon, lu},
        problem::failed,
        toast::Toasts,
    },
    live,
    request::{Request, answer, show},
};

/// The variables: of the environment, or of one service with what it inherits.
#[component]
pub(crate) fn Variables(environment: EnvironmentId) -> impl IntoView {
    let service = RwSignal::new(None::<ServiceId>);
    let tick = RwSignal::new(0);
    let services =
        answer(|| (), RwSignal::new(0), move |()| api::deploy::choices(environment, String::new(), 1));
    let found = answer(move || service.get(), tick, move |service| api::variable::get(environment, service));
    let choices = move |page: domain::list::Page<domain::deploy::VersionChoice>| {
        let options = page.items.into_iter().map(|one| {
            let id = one.service_id;
            let name = format!("{} in {}", one.name, one.namespace);
            view! { <option value=id.to_string() selected=move || service.get() == Some(id)>{name}</option> }
        });
        view! {
            <label class="select select-sm w-auto">
                <span class="label">"Of"</span>
                <select
                    aria-label="Whose variables"
                    on:change=move |event| service.set(event_target_value(&event).parse().ok())
                >
                    <option value="">"the whole environment"</option>
                    {options.collect_view()}
                </select>
            </label>
        }
        .erase()
    };
    view! {
        <div class="max-w-4xl space-y-3">
            {show(services, || ().into_any(), choices)}
            {show(found, skeleton, move |found| view! { <Form environment found tick /> }.erase())}
        </div>
    }
    .erase()
}

/// One variable that is edited.
#[derive(Clone, Copy, PartialEq)]
struct Row {
    key: usize,
    name: RwSignal<String>,
    value: RwSignal<String>,
    secret: RwSignal<bool>,
    /// Has a secret value that is kept as long as no other is typed.
    kept: bool,
}

impl Row {
    fn new(key: usize, from: Option<&EffectiveVariable>) -> Self {
        let (name, value, secret) = from.map_or_else(Default::default, |found| {
            let variable = &found.variable;
            (variable.name.clone(), variable.value.clone().unwrap_or_default(), variable.secret)
        });
        let (name, value) = (RwSignal::new(name), RwSignal::new(value));
        Self { key, name, value, secret: RwSignal::new(secret), kept: secret }
    }

    fn edit(self) -> VariableEdit {
        let (value, secret) = (self.value.get_untracked(), self.secret.get_untracked());
        let keeps = self.kept && secret && value.is_empty();
        VariableEdit {
            name: self.name.with_untracked(|name| name.trim().to_owned()),
            value: (!keeps).then(|| Secret::new(value)),
            secret,
        }
    }
}

#[component]
fn Form(environment: EnvironmentId, found: EffectiveVariables, tick: RwSignal<u32>) -> impl IntoView {
    let request = Request::new();
    let toasts = expect_context::<Toasts>();
    let scope = if found.service_id.is_some() { VariableScope::Service } else { VariableScope::Environment };
    let (own, inherited): (Vec<_>, Vec<_>) = found.variables.into_iter().partition(|one| one.from == scope);
    let rows: Vec<Row> = own.iter().enumerate().map(|(key, one)| Row::new(key, Some(one))).collect();
    let (next, rows) = (RwSignal::new(rows.len()), RwSignal::new(rows));
    let reason = RwSignal::new(String::new());
    let add = move |from: Option<&EffectiveVariable>| {
        let key = next.get_untracked();
        next.set(key + 1);
        let row = Row { kept: false, ..Row::new(key, from) };
        rows.update(|rows| rows.push(row));
    };
    let (service_id, base) = (found.service_id, found.revision);
    let save = move || {
        let variables = rows.with_untracked(|rows| rows.iter().map(|row| row.edit()).collect());
        let edit = VariablesEdit { base, service_id, variables, reason: reason.get_untracked() };
        request.send(api::variable::put(environment, edit), move |stored| {
            toasts
                .done(format!("Stored as revision {}: deploy it to bring it to what runs", stored.revision));
            tick.update(|tick| *tick += 1);
            live::look_again();
        });
    };
    let lines = move || rows.get();
    let none =
        move || rows.with(Vec::is_empty).then(|| view! { <p class="muted p-3">"None of its own."</p> });
    let state = match (found.revision, found.active) {
        (0, _) => "There is no revision yet: the first one takes over what runs.".to_owned(),
        (number, true) => format!("As revision {number} says, which is active."),
        (number, false) => format!("As revision {number} says, which is not deployed yet."),
    };
    view! {
        <form
            class="space-y-3"
            on:submit=move |event| {
                event.prevent_default();
                save();
            }
        >
            <p class="muted text-xs">
                {state} " An edit makes the next revision; services are given it when that is deployed."
            </p>
            {move || request.problem.get().map(|problem| failed(&problem))}
            <div class="surface">
                <ul class="variables">
                    <For each=lines key=|row| row.key children=move |row| line(row, rows) />
                </ul>
                {none}
            </div>
            <button type="button" class="btn btn-sm" on:click=move |_| add(None)>
                {icon(lu::LuPlus)}
                "Add a variable"
            </button>
            {(!inherited.is_empty()).then(|| from_environment(inherited, add))}
            <TextField label="Reason" form="variables" name="reason" value=reason problem=request.problem />
            <button type="submit" class="btn btn-primary" disabled=move || request.pending.get()>
                "Save as a new revision"
            </button>
        </form>
    }
    .erase()
}

fn line(row: Row, rows: RwSignal<Vec<Row>>) -> AnyView {
    let secret = move || row.secret.get();
    view! {
        <li>
            <input
                class="input input-sm mono"
                aria-label="Name"
                placeholder="LOG_LEVEL"
                autocomplete="off"
                spellcheck="false"
                prop:value=move || row.name.get()
                on:input=move |event| row.name.set(event_target_value(&event))
            />
            <input
                class="input input-sm mono"
                type=move || if secret() { "password" } else { "text" }
                aria-label="Value"
                placeholder=row.kept.then_some("unchanged")
                autocomplete="new-password"
                spellcheck="false"
                prop:value=move || row.value.get()
                on:input=move |event| row.value.set(event_target_value(&event))
            />
            <label class="flex items-center gap-2 text-xs">
                <input
                    type="checkbox"
                    class="checkbox checkbox-xs"
                    prop:checked=secret
                    on:change=move |event| row.secret.set(event_target_checked(&event))
                />
                "secret"
            </label>
            <button
                type="button"
                class="btn btn-ghost btn-sm btn-square"
                aria-label="Remove this variable"
                on:click=move |_| rows.update(|rows| rows.retain(|other| other.key != row.key))
            >
                {icon(lu::LuX)}
            </button>
        </li>
    }
    .erase()
}

/// What a service inherits, each to be overridden.
fn from_environment(
    inherited: Vec<EffectiveVariable>,
    add: impl Fn(Option<&EffectiveVariable>) + Copy + Send + Sync + 'static,
) -> AnyView {
    let lines = inherited.into_iter().map(|one| {
        let value = one.variable.value.clone().unwrap_or_else(|| "••••••".to_owned());
        view! {
            <li>
                <span class="mono">{one.variable.name.clone()}</span>
                <span class="mono muted truncate">{value}</span>
                <span></span>
                <button type="button" class="btn btn-sm" on:click=move |_| add(Some(&one))>
                    "Override"
                </button>
            </li>
        }
    });
    view! {
        <section class="surface">
            <h2 class="px-3 pt-3">"Inherited from the environment"</h2>
            <ul class="variables">{lines.collect_view()}</ul>
        </section>
    }
    .erase()
}
