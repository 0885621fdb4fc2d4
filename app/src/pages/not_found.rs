//! An address with nothing behind it.

use leptos::prelude::*;

use crate::components::empty::empty;
use crate::components::erased::Erase;

/// The page for unknown addresses, answered with 404.
#[component]
pub(crate) fn NotFound() -> impl IntoView {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(axum::http::StatusCode::NOT_FOUND);
    }
    view! {
        <leptos_meta::Title text="Not found" />
        {empty(
            "There is nothing here",
            "The address may have been mistyped, or what it showed has been deleted.",
            view! { <a class="btn btn-primary" href="/">"To the version matrix"</a> },
        )}
    }
    .erase()
}
