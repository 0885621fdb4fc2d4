//! An address with nothing behind it.

use leptos::prelude::*;

use super::takes_over;
use crate::components::erased::Erase;

/// The page for unknown addresses, answered with 404.
#[component]
pub(crate) fn NotFound() -> impl IntoView {
    takes_over();
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(axum::http::StatusCode::NOT_FOUND);
    }
    view! {
        <leptos_meta::Title text="Not found" />
        <div class="surface empty">
            <h1>"There is nothing here"</h1>
            <p>"The address may have been mistyped, or what it showed has been deleted."</p>
            <a class="btn btn-primary" href="/">"To the version matrix"</a>
        </div>
    }
    .erase()
}
