//! Form fields: a label, an input, and what is wrong with it beneath.

use domain::problem::Problem;
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::components::icon::{icon, lu};

/// What is wrong with a field, under the id that the input is described by.
pub(crate) fn field_error(id: String, field: &'static str, problem: RwSignal<Option<Problem>>) -> AnyView {
    view! {
        <p id=id class="field-error" role="alert">
            {move || {
                let message = problem.with(|problem| problem.as_ref()?.field(field).map(str::to_owned))?;
                Some(view! { {icon(lu::LuCircleAlert)} <span>{message}</span> })
            }}
        </p>
    }
    .erase()
}

/// A field for text.
#[component]
pub(crate) fn TextField(
    /// What it is for.
    label: &'static str,
    /// A word for the form that it is in, so that its id is its own.
    form: &'static str,
    /// The field's name as problems name it.
    name: &'static str,
    /// What is typed.
    value: RwSignal<String>,
    /// What went wrong with the request it is part of.
    problem: RwSignal<Option<Problem>>,
    /// A sentence beneath it.
    #[prop(optional)]
    hint: &'static str,
    /// The input's type.
    #[prop(default = "text")]
    kind: &'static str,
    /// An example.
    #[prop(optional)]
    placeholder: &'static str,
    /// Lines; one makes an input, more a text area.
    #[prop(default = 1)]
    lines: u32,
    /// Has to be filled in.
    #[prop(optional)]
    required: bool,
    /// Takes the focus when it appears.
    #[prop(optional)]
    autofocus: bool,
) -> impl IntoView {
    let id = format!("{form}-{name}");
    let describedby = format!("{id}-hint {id}-error");
    let invalid = move || {
        problem
            .with(|problem| problem.as_ref().is_some_and(|problem| problem.field(name).is_some()))
            .then_some("true")
    };
    let input = if lines > 1 {
        view! {
            <textarea
                id=id.clone()
                name=name
                class="textarea mono w-full"
                rows=lines
                placeholder=placeholder
                required=required
                spellcheck="false"
                aria-invalid=invalid
                aria-describedby=describedby
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            ></textarea>
        }
        .erase()
    } else {
        view! {
            <input
                id=id.clone()
                name=name
                type=kind
                class="input w-full"
                placeholder=placeholder
                required=required
                autofocus=autofocus
                autocomplete=if kind == "password" { "new-password" } else { "off" }
                spellcheck="false"
                aria-invalid=invalid
                aria-describedby=describedby
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            />
        }
        .erase()
    };
    view! {
        <div class="field">
            <label for=id.clone()>{label}{(!required).then(|| view! { <span class="muted">" (optional)"</span> })}</label>
            {input}
            <p id=format!("{id}-hint") class="muted text-xs">{hint}</p>
            {field_error(format!("{id}-error"), name, problem)}
        </div>
    }
    .erase()
}

/// A choice of one among a few, as radio buttons with a sentence each.
pub(crate) fn choice(
    legend: &'static str,
    name: &'static str,
    value: RwSignal<String>,
    options: &[(&'static str, &'static str, &'static str)],
) -> AnyView {
    let options = options.iter().map(|&(word, title, words)| {
        view! {
            <label class="choice">
                <input
                    type="radio"
                    class="radio radio-sm"
                    name=name
                    value=word
                    prop:checked=move || value.with(|value| value == word)
                    on:change=move |_| value.set(word.to_owned())
                />
                <span>
                    <span class="font-medium">{title}</span>
                    <span class="muted block text-xs">{words}</span>
                </span>
            </label>
        }
    });
    view! { <fieldset class="field"><legend>{legend}</legend>{options.collect_view()}</fieldset> }.erase()
}
