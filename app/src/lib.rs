//! Lockstep's web UI: server-rendered, then hydrated.
//!
//! [`shell`] is the document, [`App`] what lives in it. Pages are in `pages/`, what they share in `components/`, and
//! `api/` holds the typed server functions through which everything is read and done.

#![allow(unreachable_pub, reason = "`#[component]` makes the props of a `pub(crate)` component `pub`")]

pub mod api;
mod browser;
mod components;
mod frame;
mod live;
mod pages;
mod request;

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::{HashedStylesheet, MetaTags, Title, provide_meta_context};
use leptos_router::{
    Lazy, SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};

use crate::{frame::Frame, pages::lazy::PageRoute};

/// What runs before the program is there.
const EARLY: &str = include_str!("early.js");

/// The HTML document around [`App`].
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en" data-stamp=api::live::rendered_stamp()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link
                    rel="preload"
                    href="/fonts/inter-ascii-wght-normal-5.3.0.woff2"
                    r#as="font"
                    type="font/woff2"
                    crossorigin="anonymous"
                />
                <script nonce=use_nonce()>{EARLY}</script>
                <HashedStylesheet options=options.clone() id="leptos" />
                <AutoReload options=options.clone() />
                <HydrationScripts options />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// The application: contexts, frame and routes.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    live::provide();
    components::provide();

    view! {
        <Title formatter=components::toast::title />
        <Router>
            <Frame>
                <FlatRoutes fallback=pages::not_found::NotFound>
                    <Route path=path!("/") view=pages::matrix::Matrix ssr=SsrMode::Async />
                    <Route path=path!("/clusters/:id?") view={Lazy::<PageRoute>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/services") view={Lazy::<PageRoute>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/environments/:id?") view={Lazy::<PageRoute>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/sites") view={Lazy::<PageRoute>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/deployments/:id?") view={Lazy::<PageRoute>::new()} ssr=SsrMode::Async />
                </FlatRoutes>
            </Frame>
        </Router>
    }
}
