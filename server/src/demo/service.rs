//! A small service of the demo: a page that says what it is, and a health check that may fail.

use std::{
    env,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use axum::{Router, response::Html, routing::get};
use http::StatusCode;

/// The path of the health check.
pub const HEALTH: &str = "/healthz";
/// So soon the version that crashes does.
const CRASH: Duration = Duration::from_millis(300);

/// Options of `lockstep demo-service`.
#[derive(clap::Args)]
pub struct Args {
    /// This version is healthy only where SEARCH_INDEX is set
    #[arg(long)]
    version_that_needs_an_index: Option<String>,
    /// This version ends soon after it has started
    #[arg(long)]
    version_that_crashes: Option<String>,
}

/// Serves at `PORT` until it is told to stop.
///
/// # Errors
/// When the port cannot be listened on.
pub async fn serve(args: Args) -> std::io::Result<()> {
    let told = |name: &str| env::var(name).unwrap_or_default();
    let version = told("LOCKSTEP_VERSION");
    if args.version_that_crashes.as_ref() == Some(&version) {
        tokio::time::sleep(CRASH).await;
        eprintln!("panic: no exchange rates for this quarter");
        std::process::exit(101);
    }
    let healthy =
        args.version_that_needs_an_index.as_ref() != Some(&version) || env::var("SEARCH_INDEX").is_ok();
    let health = move || async move {
        match healthy {
            true => (StatusCode::OK, "ok"),
            false => (StatusCode::SERVICE_UNAVAILABLE, "SEARCH_INDEX is not set"),
        }
    };
    let page = page(&told("LOCKSTEP_IMAGE"), &version, &told("ENVIRONMENT"));
    let routes = Router::new().route("/", get(|| async { Html(page) })).route(HEALTH, get(health));
    let port = told("PORT").parse().map_err(std::io::Error::other)?;
    let listener = tokio::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    println!("{version} listens on {port}");
    axum::serve(listener, routes).with_graceful_shutdown(crate::told_to_stop()).await
}

fn page(image: &str, version: &str, environment: &str) -> String {
    let [image, version, environment] = [image, version, environment].map(html_escape::encode_text);
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{image}</title>\
         <body style='font: 16px system-ui; margin: 4rem; color-scheme: light dark'>\
         <h1>{version}</h1><p>{image} in <strong>{environment}</strong></p></body></html>"
    )
}
