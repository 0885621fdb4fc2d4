//! One deployment in full, live while it runs.

use domain::id::DeploymentId;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::components::erased::Erase;
use crate::{components::deployment::DeploymentView, pages::not_found::NotFound};

/// One deployment.
#[component]
pub(crate) fn Deployment() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| {
        params.with(|params| params.get("id")).and_then(|id| id.parse::<DeploymentId>().ok())
    });
    view! {
        <leptos_meta::Title text="Deployment" />
        <p class="mb-3"><a class="link link-hover muted" href="/deployments">"← All deployments"</a></p>
        {move || match id.get() {
            Some(id) => view! { <DeploymentView id /> }.erase(),
            None => view! { <NotFound /> }.erase(),
        }}
    }
    .erase()
}
