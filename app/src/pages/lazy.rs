//! What the first visit does not need: every page but the matrix, and the contents of the larger dialogs.
//!
//! It is one second WASM file, which is loaded once the first page works, or when something in it is wanted before.
//! One file and not one for each part: what the parts share would otherwise become dozens of tiny files.

use domain::{id::DeploymentId, matrix::Column};
use leptos::prelude::*;
use leptos_router::{LazyRoute, hooks::use_params_map};

use super::{
    clusters::Clusters, deployment::Deployment, deployments::Deployments, environment::Environment,
    environments::Environments, services::Services, sites::Sites, takes_over,
};
use crate::components::erased::{Erase, dynamic};
use crate::components::{
    bind,
    deployment::DeploymentView,
    keys,
    selection::{All, Selection},
    site_wizard, sync_bar, sync_sheet, toast,
};

/// A part of the second file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Clusters,
    Services,
    Environments,
    Sites,
    Deployments,
    Bind,
    Confirm,
    Keys,
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
        Part::Clusters => view! { <Clusters /> }.erase(),
        Part::Services => view! { <Services /> }.erase(),
        Part::Environments => {
            one_or_all(|| view! { <Environment /> }.erase(), || view! { <Environments /> }.erase())
        }
        Part::Sites => view! { <Sites /> }.erase(),
        Part::Deployments => {
            one_or_all(|| view! { <Deployment /> }.erase(), || view! { <Deployments /> }.erase())
        }
        Part::Bind => view! { <bind::Content /> }.erase(),
        Part::Confirm => view! { <sync_sheet::Confirm /> }.erase(),
        Part::Keys => keys::list(),
        Part::SyncBar(selection, columns, offer) => {
            view! { <sync_bar::Bar selection columns offer /> }.erase()
        }
        Part::Toasts => toast::list(),
        Part::Wizard => site_wizard::content(),
        Part::Watch(id) => view! { <DeploymentView id modal=true /> }.erase(),
    }
}

/// One of many where the address names one, else all of them. One route for both keeps the first file small.
fn one_or_all(one: fn() -> AnyView, all: fn() -> AnyView) -> AnyView {
    let params = use_params_map();
    let named = Memo::new(move |_| params.with(|params| params.get("id").is_some()));
    dynamic(move || if named.get() { one() } else { all() })
}

/// Loads the second file. Does nothing on the server, and nothing twice.
pub(crate) async fn preload() {
    #[cfg(feature = "hydrate")]
    __preload_part().await;
}

macro_rules! routes {
    ($($route:ident => $part:ident),+ $(,)?) => {$(
        /// A page of the second file.
        #[derive(Debug)]
        pub(crate) struct $route;

        impl LazyRoute for $route {
            fn data() -> Self {
                Self
            }

            async fn view(_: Self) -> AnyView {
                part(Part::$part).await
            }

            async fn preload() {
                preload().await;
            }
        }
    )+};
}

routes!(
    ClustersRoute => Clusters,
    ServicesRoute => Services,
    EnvironmentsRoute => Environments,
    SitesRoute => Sites,
    DeploymentsRoute => Deployments,
);
