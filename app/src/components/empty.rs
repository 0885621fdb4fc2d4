//! Screens with nothing on them yet.

use leptos::prelude::*;

use crate::components::erased::Erase;

/// Says what belongs here, and holds the button that puts it there.
pub(crate) fn empty(title: &str, words: &str, action: impl IntoView + 'static) -> AnyView {
    view! {
        <div class="surface empty">
            <h2>{title.to_owned()}</h2>
            <p>{words.to_owned()}</p>
            <div class="flex flex-wrap justify-center gap-2">{action.into_any()}</div>
        </div>
    }
    .erase()
}

/// Space kept for a table that is on its way.
pub(crate) fn skeleton() -> AnyView {
    let rows = (0..8).map(
        |_| view! { <div class="flex h-9 items-center px-3"><span class="placeholder w-full"></span></div> },
    );
    view! {
        <div class="surface" role="status" aria-label="Loading">
            {rows.collect_view()}
        </div>
    }
    .erase()
}

/// Keeps no space.
pub(crate) fn nothing() -> AnyView {
    ().into_any()
}
