//! One file per page.

pub(crate) mod artifacts;
pub(crate) mod cluster;
pub(crate) mod clusters;
pub(crate) mod deployment;
pub(crate) mod deployments;
mod deployments_chart;
mod deployments_overview;
pub(crate) mod environment;
mod environment_compare;
mod environment_drift;
mod environment_instances;
mod environment_move;
mod environment_revisions;
mod environment_settings;
mod environment_variables;
pub(crate) mod environments;
mod environments_batch;
pub(crate) mod lazy;
pub(crate) mod matrix;
#[cfg(feature = "ssr")]
pub(crate) mod matrix_rows;
pub(crate) mod not_found;
pub(crate) mod services;
mod site_card;
pub(crate) mod sites;

use std::time::Duration;

use leptos::prelude::*;

use crate::{
    browser,
    components::{erased::Erase, time::Clock},
};

/// Called by a page as it is made: once it has taken over from the server, the clock starts and what was pressed too
/// early is done. A page whose code comes late must first find itself as it was rendered, or what differs would stay.
fn takes_over() {
    let clock = expect_context::<Clock>();
    let taken_over = move || {
        if clock.start() {
            browser::announce_ready();
        }
    };
    Effect::new(move |_| set_timeout(taken_over, Duration::ZERO));
}

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
