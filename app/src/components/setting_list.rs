//! Settings that differ, each in a sentence.

use domain::settings::SettingChange;
use leptos::prelude::*;

use crate::components::erased::Erase;

/// What differs; nothing where nothing does.
pub(crate) fn view(changes: &[SettingChange]) -> AnyView {
    if changes.is_empty() {
        return ().into_any();
    }
    let lines = changes.iter().map(|change| view! { <li>{change.to_string()}</li> }).collect_view();
    view! { <ul class="space-y-1 text-xs" aria-label="Settings that change">{lines}</ul> }.erase()
}
