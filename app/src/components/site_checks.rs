//! The checks of a connection, as they pass or fail.

use domain::site::{CheckStatus, SiteTest};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::components::{problem::hint, status, time};

/// What is checked, in its order.
const CHECKS: &[&str] = &[
    "The address can be reached",
    "The certificate is trusted",
    "Signed in",
    "Version",
    "Clusters",
    "May list workloads",
    "May change workloads",
    "May read pods",
];

/// The checks while they are made.
pub(crate) fn pending() -> AnyView {
    let lines = CHECKS.iter().map(|title| {
        view! {
            <li class="check is-quiet">
                <span class="state"><span class="loading loading-spinner loading-xs"></span></span>
                <span class="font-medium">{*title}</span>
            </li>
        }
    });
    view! { <ul class="checks" role="status" aria-label="Testing the connection">{lines.collect_view()}</ul> }
        .erase()
}

/// The checks with how each ended.
pub(crate) fn view(test: &SiteTest) -> AnyView {
    let lines = test.checks.iter().enumerate().map(|(at, check)| {
        let look = status::check(&check.status);
        let title = if check.title.is_empty() { check.name.clone() } else { check.title.clone() };
        view! {
            <li class="check fade-in" style=format!("animation-delay: {}ms", at * 60)>
                {look.mark(None)}
                <span>
                    <span class="font-medium">{title}</span>
                    <span class="muted block text-xs">{check.message.clone()}</span>
                </span>
            </li>
        }
    });
    let lines = lines.collect_view();
    let warned = test.checks.iter().any(|check| check.status == CheckStatus::Warning);
    let outcome = match (test.success, warned) {
        (true, false) => hint("is-success", "The connection works."),
        (true, true) => hint("is-warning", "The connection works, with limits worth knowing."),
        (false, _) => hint("is-error", test.message.clone()),
    };
    let expiry = test
        .token_expires_at
        .map(|at| view! { <p class="muted text-xs">"The token expires " {time::ago(at)}</p> });
    view! {
        <div class="space-y-3">
            <div role="status">{outcome}</div>
            <ul class="checks">{lines}</ul>
            {expiry}
        </div>
    }
    .erase()
}
