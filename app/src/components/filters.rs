//! Filters: a real form whose fields are the page's query, applied as they change.

use std::time::Duration;

use leptos::{ev, html, prelude::*};
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};
use wasm_bindgen::JsCast;

use crate::{
    browser,
    components::{
        erased::{Erase, flag, maybe},
        icon::{icon, lu},
    },
};

/// Typing is gathered for this long before the list follows.
const TYPING: Duration = Duration::from_millis(250);

/// A form that puts its fields into the page's address. Works by itself before the browser has taken over.
#[component]
pub(crate) fn FilterForm(
    /// The page's path.
    path: &'static str,
    /// The fields.
    children: Children,
) -> impl IntoView {
    let form = NodeRef::<html::Form>::new();
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let query = use_query_map();
    let navigate = use_navigate();
    let apply = StoredValue::new(move || {
        if let Some(form) = form.try_get_untracked().flatten() {
            let query = browser::form_query(&form);
            let to = NavigateOptions { replace: true, scroll: false, ..Default::default() };
            navigate(&format!("{path}{query}"), to);
        }
    });
    let later = move |after: Duration| {
        if let Some(timer) = timer.get_value() {
            timer.clear();
        }
        let handle = set_timeout_with_handle(
            move || {
                apply.try_with_value(|apply| apply());
            },
            after,
        );
        timer.set_value(handle.ok());
    };
    let on_input = move |event: ev::Event| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
        let typed = target.is_some_and(|input| matches!(input.type_().as_str(), "search" | "text"));
        later(if typed { TYPING } else { Duration::ZERO });
    };
    let sort = move || query.with(|query| query.get("sort"));
    view! {
        <form
            method="get"
            action=path
            role="search"
            class="filters"
            node_ref=form
            on:input=on_input
            on:submit=move |event| {
                event.prevent_default();
                later(Duration::ZERO);
            }
        >
            {children()}
            {maybe(move || Some(view! { <input type="hidden" name="sort" value=sort()? /> }.erase()))}
            <noscript>
                <button type="submit" class="btn btn-sm">"Apply"</button>
            </noscript>
        </form>
    }
    .erase()
}

/// The search field; `/` puts the focus here.
pub(crate) fn search(placeholder: &'static str) -> AnyView {
    let node = NodeRef::<html::Input>::new();
    let query = use_query_map();
    let value = Memo::new(move |_| query.with(|query| query.get("q")).unwrap_or_default());
    Effect::new(move |_| {
        let value = value.get();
        if let Some(input) = node.get() {
            // What is being typed is newer than the address.
            if document().active_element().as_ref() != Some(input.as_ref()) {
                input.set_value(&value);
            }
        }
    });
    view! {
        <label class="input input-sm w-64 max-w-full">
            {icon(lu::LuSearch)}
            <span class="sr-only">{placeholder}</span>
            <input
                type="search"
                name="q"
                data-search=""
                placeholder=placeholder
                value=value.get_untracked()
                node_ref=node
            />
            <kbd class="kbd kbd-xs" aria-hidden="true">"/"</kbd>
        </label>
    }
    .erase()
}

/// A field to choose one value, or all.
pub(crate) fn select(label: &'static str, name: &'static str, mut options: Vec<(String, String)>) -> AnyView {
    let query = use_query_map();
    let chosen = Memo::new(move |_| query.with(|query| query.get(name)).unwrap_or_default());
    let current = chosen.get_untracked();
    if !current.is_empty() && options.iter().all(|(value, _)| *value != current) {
        options.push((current.clone(), current));
    }
    let option = |(value, title): (String, String)| {
        let this = value.clone();
        let is_chosen = flag(move || chosen.with(|chosen| *chosen == this));
        view! {
            <option value=value selected=is_chosen.get_untracked() prop:selected=is_chosen>
                {title}
            </option>
        }
        .erase()
    };
    let options = options.into_iter().map(option).collect_view();
    view! {
        <label class="select select-sm w-auto">
            <span class="label">{label}</span>
            <select name=name aria-label=label>
                <option value="" prop:selected=flag(move || chosen.with(String::is_empty))>"All"</option>
                {options}
            </select>
        </label>
    }
    .erase()
}

/// A switch.
pub(crate) fn switch(label: &'static str, name: &'static str) -> AnyView {
    let query = use_query_map();
    let on = flag(move || query.with(|query| query.get(name)).as_deref() == Some("true"));
    view! {
        <label class="flex h-8 items-center gap-2">
            <input
                type="checkbox"
                class="checkbox checkbox-sm"
                name=name
                value="true"
                checked=on.get_untracked()
                prop:checked=on
            />
            {label}
        </label>
    }
    .erase()
}

/// A filter's value from the page's address.
pub(crate) fn value(query: &leptos_router::params::ParamsMap, name: &str) -> Option<String> {
    query.get(name).filter(|value| !value.is_empty())
}

/// A filter's value from the page's address, where it can be understood.
pub(crate) fn parsed<T: std::str::FromStr>(
    query: &leptos_router::params::ParamsMap,
    name: &str,
) -> Option<T> {
    value(query, name).and_then(|value| value.parse().ok())
}
