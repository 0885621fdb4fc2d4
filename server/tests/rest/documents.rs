//! The OpenAPI document and the readable page of it.

use reqwest::Method;

use crate::support::{App, On};

/// The committed document is what the code says; `lockstep openapi > docs/openapi.json` brings it up to date.
#[test]
fn the_committed_document_is_current() {
    let committed = std::fs::read_to_string("../docs/openapi.json").unwrap();
    let current = server::rest::document().to_pretty_json().unwrap();
    assert!(committed.trim_end() == current, "run: cargo run -p server -- openapi > docs/openapi.json");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_and_its_page_are_served() {
    let Some(app) = App::start(On::Sqlite).await else { return };
    let document = app.api.get("/api/openapi.json").await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"]["/api/sync/{id}/undo"]["post"].is_object());
    let page = app.api.send(Method::GET, "/api/docs", None).await.text().await.unwrap();
    assert!(page.contains("/api/sync/preview"));
    app.stop().await;
}
