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

/// Whoever reads the document has a body to begin with, for every request that makes or starts something.
#[test]
fn every_body_has_an_example() {
    let document = serde_json::to_value(server::rest::document()).unwrap();
    let has_example = |schema: &serde_json::Value| {
        let name = schema["$ref"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        schema.get("example").is_some() || document["components"]["schemas"][name].get("example").is_some()
    };
    let mut without = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let body = &item["post"]["requestBody"]["content"]["application/json"];
        let schema = match body["schema"]["items"].as_object() {
            Some(_) => &body["schema"]["items"],
            None => &body["schema"],
        };
        if !body.is_null() && body.get("example").is_none() && !has_example(schema) {
            without.push(path);
        }
    }
    assert!(without.is_empty(), "{without:?}");
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
