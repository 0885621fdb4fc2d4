//! Environments by name and colour.

use leptos::prelude::*;

use crate::components::erased::Erase;

/// The inline style that carries an environment's colour, if it is one.
pub(crate) fn style(color: &str) -> String {
    domain::validate::color("color", color).map(|color| format!("--env: {color}")).unwrap_or_default()
}

/// An environment's name with its colour.
pub(crate) fn chip(name: &str, color: &str) -> AnyView {
    view! { <span class="env-chip" style=style(color)>{name.to_owned()}</span> }.erase()
}
