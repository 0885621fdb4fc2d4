//! The web UI: its rendered pages, its server functions, and its files (compressed ahead of time, cached for good).

use app::{App, shell};
use axum::{Router, extract::Path, response::Redirect, routing::get};
use control::Context;
use domain::id::DeploymentId;
use http::{HeaderValue, StatusCode, header};
use leptos::{
    config::{Env, LeptosOptions},
    prelude::provide_context,
};
use leptos_axum::{LeptosRoutes, file_and_error_handler_with_context, generate_route_list};
use tower::ServiceBuilder;
use tower_http::{compression::CompressionLayer, services::ServeDir, set_header::SetResponseHeaderLayer};

use crate::config::Settings;

/// The routes of the web UI.
pub(crate) fn routes(ctx: Context, settings: &Settings) -> Router {
    let options = LeptosOptions::builder()
        .output_name("lockstep")
        .site_root(settings.site_root.display().to_string())
        .site_pkg_dir("pkg")
        .site_addr(settings.addr)
        .env(if std::env::var("LEPTOS_WATCH").is_ok() { Env::DEV } else { Env::PROD })
        .hash_files(settings.hashed)
        .build();
    let shell_options = options.clone();
    let provide = move || provide_context(ctx.clone());
    Router::new()
        .leptos_routes_with_context(&options, generate_route_list(App), provide.clone(), move || {
            shell(shell_options.clone())
        })
        .layer(CompressionLayer::new().compress_when(is_page))
        .route("/syncs", get(async || Redirect::permanent("/deployments")))
        .route("/syncs/{id}", get(deployment_page))
        .nest_service("/pkg", files(settings, "pkg", if settings.hashed { FOR_GOOD } else { REVALIDATE }))
        .nest_service("/fonts", files(settings, "fonts", FOR_GOOD))
        .fallback(file_and_error_handler_with_context(provide, shell))
        .with_state(options)
}

/// Deployments were called syncs once, and are linked to so.
async fn deployment_page(Path(id): Path<DeploymentId>) -> Redirect {
    Redirect::permanent(&format!("/deployments/{id}"))
}

fn is_page(_: StatusCode, _: http::Version, headers: &http::HeaderMap, _: &http::Extensions) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// A file whose name changes with its content: by a hash, or by a version.
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// A file whose content may change under its name.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

fn files(
    settings: &Settings,
    folder: &str,
    cache: HeaderValue,
) -> impl tower::Service<
    axum::extract::Request,
    Response = http::Response<tower_http::services::fs::ServeFileSystemResponseBody>,
    Error = std::convert::Infallible,
    Future: Send,
> + Clone
+ Send
+ Sync
+ 'static {
    let folder = ServeDir::new(settings.site_root.join(folder)).precompressed_br().precompressed_gzip();
    ServiceBuilder::new()
        .layer(SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, cache))
        .service(folder)
}
