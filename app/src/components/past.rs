//! The matrix of an earlier time, and as a file: what few visits need, so it comes with the second file.

use leptos::{ev, html, prelude::*};
use leptos_router::hooks::use_query_map;
use wasm_bindgen::JsCast;

use crate::components::erased::Erase;
use crate::components::{
    icon::{icon, lu},
    time,
};

/// The field for the time, which is in the filters' form, and the ways to the file and back to now.
pub(crate) fn content() -> AnyView {
    let query = use_query_map();
    let without = move |words: &[&'static str]| {
        let mut query = query.get();
        for word in words {
            query.remove(word);
        }
        query.to_query_string()
    };
    let csv = move || format!("/api/matrix.csv{}", without(&["page", "pageSize"]));
    let now = move || format!("/{}", without(&["at", "page"]));
    let past = Memo::new(move |_| query.with(|query| query.get("at").is_some_and(|at| !at.is_empty())));
    let back = move || {
        past.get().then(|| {
            view! {
                <a class="btn btn-sm btn-primary" href=now>
                    "Back to now"
                </a>
            }
        })
    };
    view! {
        {field()}
        {back}
        <a class="btn btn-sm" href=csv download>
            {icon(lu::LuDownload)}
            "CSV"
        </a>
    }
    .erase()
}

/// A moment, chosen where the reader is; in the address it has its zone.
fn field() -> AnyView {
    let query = use_query_map();
    let chosen = Memo::new(move |_| query.with(|query| query.get("at")).unwrap_or_default());
    let shown = Memo::new(move |_| chosen.with(|chosen| time::in_field(chosen)));
    let exact = NodeRef::<html::Input>::new();
    let typed = move |event: ev::Event| {
        let input = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
        // What is half typed is no time yet, and no reason to lose the one before.
        if let (Some(input), Some(exact)) = (input, exact.get_untracked())
            && input.check_validity()
        {
            exact.set_value(&time::exactly(&input.value()));
        }
    };
    view! {
        <label class="input input-sm w-auto">
            <span class="label">"As of"</span>
            <input type="datetime-local" aria-label="As of" prop:value=shown on:input=typed />
            <input type="hidden" name="at" value=chosen.get_untracked() prop:value=chosen node_ref=exact />
        </label>
    }
    .erase()
}
