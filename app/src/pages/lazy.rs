//! What the first visit does not need: every page but the matrix, and the contents of the larger dialogs.
//!
//! It is one second WASM file, which is loaded once the first page works, or when something in it is wanted before.
//! One file and not one for each part: what the parts share would otherwise become dozens of tiny files.

use domain::{id::DeploymentId, matrix::Column};
use leptos::prelude::*;
use leptos_router::LazyRoute;

use super::{
    clusters::Clusters, deployment::Deployment, deployments::Deployments, environment::Environment,
    environments::Environments, overview::Overview, services::Services, sites::Sites, takes_over,
};
use crate::components::erased::Erase;
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
    Overview,
    Services,
    Environments,
    Environment,
    Sites,
    Deployments,
    Deployment,
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
        Part::Overview => view! { <Overview /> }.erase(),
        Part::Clusters => view! { <Clusters /> }.erase(),
        Part::Services => view! { <Services /> }.erase(),
        Part::Environments => view! { <Environments /> }.erase(),
        Part::Environment => view! { <Environment /> }.erase(),
        Part::Sites => view! { <Sites /> }.erase(),
        Part::Deployments => view! { <Deployments /> }.erase(),
        Part::Deployment => view! { <Deployment /> }.erase(),
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
    OverviewRoute => Overview,
    ServicesRoute => Services,
    EnvironmentsRoute => Environments,
    EnvironmentRoute => Environment,
    SitesRoute => Sites,
    DeploymentsRoute => Deployments,
    DeploymentRoute => Deployment,
);
