//! What a page of someone else's must not be able to do.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{App, On};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_hosts_and_origins_are_refused() {
    let Some(app) = App::start(On::Sqlite).await else { return };
    let cases = [
        (vec![("host", "evil.example.com")], 403),
        (vec![("host", "localhost:3000")], 200),
        (vec![("origin", "http://evil.example.com")], 403),
        (vec![("origin", "null")], 403),
        (vec![("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], 403),
        (vec![("sec-fetch-site", "same-origin")], 200),
    ];
    for (headers, status) in cases {
        // Probes ask by whatever name they know, and learn nothing.
        for (path, status) in [("/api/environments", status), ("/healthz", 200), ("/readyz", 200)] {
            let request =
                headers.iter().fold(app.api.request(Method::GET, path), |request, (name, value)| {
                    request.header(*name, *value)
                });
            assert_eq!(request.send().await.unwrap().status(), status, "{headers:?} {path}");
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_are_problem_documents() {
    let Some(app) = App::start(On::Sqlite).await else { return };
    let send = |method: Method, path: &str, kind: &str, body: String| {
        app.api.request(method, path).header("content-type", kind.to_owned()).body(body).send()
    };
    let cases = [
        (send(Method::GET, "/api/nothing", "application/json", String::new()), 404, "unknown_path"),
        (
            send(Method::GET, "/api/environments/x/y/z", "application/json", String::new()),
            404,
            "unknown_path",
        ),
        (send(Method::PATCH, "/api/environments", "application/json", String::new()), 405, "wrong_method"),
        (send(Method::POST, "/api/environments", "application/json", "{".into()), 422, "bad_body"),
        (send(Method::POST, "/api/environments", "text/plain", "{}".into()), 415, "not_json"),
        (
            send(Method::POST, "/api/environments", "application/json", "x".repeat(16 * 1024 * 1024 + 1)),
            413,
            "body_too_large",
        ),
        (send(Method::GET, "/api/services?page=minus", "application/json", String::new()), 422, "bad_query"),
        (send(Method::GET, "/api/services/..%2f", "application/json", String::new()), 404, "not_found"),
    ];
    for (request, status, code) in cases {
        let response = request.await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{code}");
        let sent = response.status().as_u16();
        let problem: Value = response.json().await.unwrap();
        assert_eq!(
            (sent, &problem["code"], &problem["status"]),
            (status, &json!(code), &json!(status)),
            "{problem}"
        );
        let page = app.api.send(Method::GET, problem["type"].as_str().unwrap(), None).await;
        assert_eq!(page.status(), 200, "{code} has a page");
    }
    app.stop().await;
}
