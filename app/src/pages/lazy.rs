//! What the first visit does not need: every page but the matrix, and the contents of the larger dialogs.
//!
//! It is one second WASM file, which is loaded once the first page works, or when something in it is wanted before.
//! One file and not one for each part: what the parts share would otherwise become dozens of tiny files.

use domain::{id::DeploymentId, matrix::Column};
use leptos::prelude::*;
use leptos_router::{
    LazyRoute,
    hooks::{use_location, use_params_map},
};

use super::{
    artifacts::Artifacts, cluster::Cluster, clusters::Clusters, deployment::Deployment,
    deployments::Deployments, environment::Environment, environments::Environments, not_found::NotFound,
    services::Services, sites::Sites, takes_over,
};
use crate::components::erased::{Erase, dynamic};
use crate::components::{
    bind,
    deployment::DeploymentView,
    keys, past,
    selection::{All, Selection},
    site_wizard, sync_bar, sync_sheet, toast,
};

/// A part of the second file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// The page that the address names.
    Page,
    Bind,
    Confirm,
    Keys,
    Past,
    Toasts,
    SyncBar(Selection, Signal<Vec<Column>>, Signal<Option<All>>),
    Wizard,
    Watch(DeploymentId),
}

/// Draws a part; in the browser its file is loaded first if it is not there yet.
#[lazy]
pub(crate) fn part(part: Part) -> AnyView {
    takes_over();
    match part {
        Part::Page => page(),
        Part::Bind => view! { <bind::Content /> }.erase(),
        Part::Confirm => view! { <sync_sheet::Confirm /> }.erase(),
        Part::Keys => keys::list(),
        Part::Past => past::content(),
        Part::SyncBar(selection, columns, offer) => {
            view! { <sync_bar::Bar selection columns offer /> }.erase()
        }
        Part::Toasts => toast::list(),
        Part::Wizard => site_wizard::content(),
        Part::Watch(id) => view! { <DeploymentView id modal=true /> }.erase(),
    }
}

/// The page that the address names: that of one thing where it names one, else of all.
fn page() -> AnyView {
    let (path, params) = (use_location().pathname, use_params_map());
    let named = Memo::new(move |_| params.with(|params| params.get("id").is_some()));
    let of_artifacts =
        Memo::new(move |_| params.with(|params| params.get("id").as_deref() == Some("artifacts")));
    let noun = path.with_untracked(|path| path.split('/').nth(1).unwrap_or_default().to_owned());
    dynamic(move || match (noun.as_str(), named.get()) {
        ("clusters", false) => view! { <Clusters /> }.erase(),
        ("clusters", true) if of_artifacts.get() => view! { <Artifacts /> }.erase(),
        ("clusters", true) => view! { <Cluster /> }.erase(),
        ("environments", false) => view! { <Environments /> }.erase(),
        ("environments", true) => view! { <Environment /> }.erase(),
        ("services", _) => view! { <Services /> }.erase(),
        ("deployments", false) => view! { <Deployments /> }.erase(),
        ("deployments", true) => view! { <Deployment /> }.erase(),
        ("sites", _) => view! { <Sites /> }.erase(),
        _ => view! { <NotFound /> }.erase(),
    })
}

/// Loads the second file. Does nothing on the server, and nothing twice.
pub(crate) async fn preload() {
    #[cfg(feature = "hydrate")]
    __preload_part().await;
}

/// The route of every page of the second file, whatever its path: a type for each would make the first file larger.
#[derive(Debug)]
pub(crate) struct PageRoute;

impl LazyRoute for PageRoute {
    fn data() -> Self {
        Self
    }

    async fn view(_: Self) -> AnyView {
        part(Part::Page).await
    }

    async fn preload() {
        preload().await;
    }
}
