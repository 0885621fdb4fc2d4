//! One file per page.

pub(crate) mod environment;
mod environment_instances;
pub(crate) mod environments;
pub(crate) mod lazy;
pub(crate) mod matrix;
mod matrix_table;
pub(crate) mod not_found;
pub(crate) mod services;
mod site_card;
pub(crate) mod sites;
pub(crate) mod sync;
pub(crate) mod syncs;
mod syncs_chart;

use leptos::prelude::*;

use crate::components::erased::Erase;

/// A page's head: its name, a sentence, and what can be done.
fn head(title: &'static str, words: &'static str, actions: impl IntoView + 'static) -> AnyView {
    view! {
        <leptos_meta::Title text=title />
        <header class="page-head">
            <div>
                <h1>{title}</h1>
                <p class="muted">{words}</p>
            </div>
            <div class="flex flex-wrap items-center gap-2">{actions.into_any()}</div>
        </header>
    }
    .erase()
}
