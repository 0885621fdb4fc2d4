//! A stand-in for each test, and ways to speak to it.

use std::time::Duration;

use futures::{AsyncBufReadExt, StreamExt, stream::BoxStream};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt;
use kube::{Client, Config};
use serde_json::Value;
use standin::{ADMIN_TOKEN, ClusterHandle, Options, Server};

/// Seeded, quick, and on a port of its own.
pub(crate) async fn start() -> Server {
    start_with(Options::default()).await
}

pub(crate) async fn start_with(options: Options) -> Server {
    let options = Options { rollout: Duration::from_millis(20), ..options };
    standin::start(options).await.expect("the stand-in starts")
}

pub(crate) fn local(server: &Server) -> ClusterHandle {
    server.cluster("local").expect("it is seeded")
}

/// A client of a path of the server: `""`, or `/k8s/clusters/local`.
pub(crate) fn client_at(server: &Server, path: &str, authorization: &str) -> Client {
    let url = format!("{}{path}", server.url());
    let mut config = Config::new(url.parse().expect("a valid address"));
    // A 503 is an answer here, and nothing to try again.
    config.default_retry = false;
    if !authorization.is_empty() {
        config.headers.push((AUTHORIZATION, HeaderValue::from_str(authorization).expect("plain text")));
    }
    Client::try_from(config).expect("a client")
}

/// An administrator's client of the first cluster.
pub(crate) fn client(server: &Server) -> Client {
    client_at(server, "/k8s/clusters/local", &format!("Bearer {ADMIN_TOKEN}"))
}

/// An administrator's client of the management API.
pub(crate) fn management(server: &Server) -> Client {
    client_at(server, "", &format!("Bearer {ADMIN_TOKEN}"))
}

/// Sends a request; a body that is no JSON comes back as a string.
pub(crate) async fn send(
    client: &Client,
    method: Method,
    path: &str,
    content_type: &str,
    body: Value,
) -> (StatusCode, Value) {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(CONTENT_TYPE, content_type)
        .body(kube::client::Body::from(body))
        .expect("a valid request");
    let response = client.send(request).await.expect("an answer");
    let status = response.status();
    let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::String(text)))
}

pub(crate) async fn get(client: &Client, path: &str) -> (StatusCode, Value) {
    send(client, Method::GET, path, "application/json", Value::Null).await
}

/// Sends a strategic merge patch.
pub(crate) async fn patch(client: &Client, path: &str, body: Value) -> (StatusCode, Value) {
    send(client, Method::PATCH, path, "application/strategic-merge-patch+json", body).await
}

/// Opens a watch: its events, as they come.
pub(crate) async fn watch(client: &Client, path: &str) -> BoxStream<'static, Value> {
    let request = Request::get(path).body(Vec::new()).expect("a valid request");
    let lines = client.request_stream(request).await.expect("a stream").lines();
    lines.map(|line| serde_json::from_str(&line.expect("a line")).expect("an event")).boxed()
}

/// A deployment of one container.
pub(crate) fn deployment(name: &str, image: &str, replicas: u32) -> Value {
    serde_json::json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": name, "labels": { "app": name } },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "app", "image": image }] },
            },
        },
    })
}

/// A patch that sets the image of the container `app`.
pub(crate) fn image(image: &str) -> Value {
    serde_json::json!({ "spec": { "template": { "spec": { "containers": [{ "name": "app", "image": image }] }}}})
}
