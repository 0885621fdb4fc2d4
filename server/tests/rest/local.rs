//! The server's own machine as a site: real processes, bound, synced and put back like any cluster's workloads.

use std::{fs, path::Path, process::Command};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, App, On, on_both, process::Server};

/// Whatever comes of a test, none of its processes stays: those that name the local site of its directory.
pub(crate) struct Swept(String);

impl Swept {
    pub(crate) fn of(data: &Path) -> Self {
        Self(data.canonicalize().unwrap().join("local").to_str().unwrap().to_owned())
    }
}

impl Drop for Swept {
    fn drop(&mut self) {
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let told = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
            let told = [told("cmdline"), told("environ")].concat();
            if String::from_utf8_lossy(&told).contains(&self.0) {
                let _ = Command::new("kill").arg("-9").arg(entry.file_name()).status();
            }
        }
    }
}

pub(crate) fn path(namespace: &str) -> String {
    format!("/api/clusters/here/namespaces/{namespace}/services/cart")
}

/// Version `tag` of a service that is a shell script.
pub(crate) fn script(script: &str, tag: &str, generation: i64) -> Value {
    json!({
        "image": format!("shop/cart:{tag}"),
        "program": "sh",
        "arguments": ["-c", script],
        "replicas": 2,
        "readyAfterMs": 0,
        "generation": generation,
    })
}

pub(crate) async fn put(api: &Api, namespace: &str, service: &Value) -> Value {
    let (status, stored) = api.call(Method::PUT, &path(namespace), Some(service)).await;
    assert!(status.is_success(), "{stored}");
    stored
}

/// The local site's id.
async fn site(api: &Api) -> Value {
    let sites = api.get("/api/sites").await;
    let local: Vec<&Value> =
        sites.as_array().unwrap().iter().filter(|site| site["kind"] == "local").collect();
    assert_eq!(local.len(), 1, "{sites}");
    local[0]["id"].clone()
}

/// Makes the cluster and binds one of its namespaces to a new environment.
pub(crate) async fn bind(api: &Api, name: &str, namespace: &str) {
    let environment = api.post("/api/environments", &json!({ "name": name })).await;
    let instance = json!({
        "rancherSiteId": site(api).await,
        "cluster": "here",
        "namespace": namespace,
        "application": "shop",
        "environmentId": environment["id"],
    });
    api.post("/api/app-instances", &instance).await;
}

fn runs(tag: &str) -> impl Fn(&Value) -> bool {
    move |service| {
        let replicas = service["running"].as_array().unwrap();
        let current =
            |replica: &Value| replica["ready"] == true && replica["image"] == format!("shop/cart:{tag}");
        replicas.len() == 2 && replicas.iter().all(current)
    }
}

on_both!(a_sync_moves_processes_and_a_failed_one_puts_them_back);
async fn a_sync_moves_processes_and_a_failed_one_puts_them_back(on: On) {
    let Some(app) = App::start(on).await else { return };
    let _swept = Swept::of(app.dir.path());
    app.api.post("/api/clusters", &json!({ "name": "here" })).await;
    let staging = r#"[ "$LOCKSTEP_VERSION" = 3.0 ] && exit 7; exec sleep 1000"#;
    put(&app.api, "shop-dev", &script("exec sleep 1000", "2.0", 0)).await;
    put(&app.api, "shop-staging", &script(staging, "1.0", 0)).await;
    bind(&app.api, "Development", "shop-dev").await;
    bind(&app.api, "Staging", "shop-staging").await;
    let all_run = |services: &Value| {
        let services = services.as_array().unwrap();
        services.len() == 2 && services.iter().all(|service| service["status"] == "running")
    };
    app.api.until("/api/services", all_run).await;

    let mut request = app.api.sync_request(&["cart"]).await;
    request["onFailure"] = json!("put_back");
    let sync = app.api.post("/api/sync?wait=true", &request).await;
    assert_eq!(sync["status"], "complete", "{sync}");
    let moved = app.api.get(&path("shop-staging")).await;
    assert!(runs("2.0")(&moved), "{moved}");
    assert_eq!(moved["generation"], 2);
    let told = app.api.get(&format!("/api/deployments/{}", sync["id"].as_str().unwrap())).await;
    assert_eq!(told["tasks"][0]["address"], moved["address"], "where it answers now that it is up");
    assert!(moved["address"].is_string(), "{moved}");

    put(&app.api, "shop-dev", &script("exec sleep 1000", "3.0", 1)).await;
    app.api
        .until("/api/services?q=cart", |services| {
            services.as_array().unwrap().iter().any(|service| service["imageTag"] == "3.0")
        })
        .await;
    let failed = app.api.post("/api/sync?wait=true", &request).await;
    assert_eq!(failed["status"], "put_back", "{failed}");
    assert_eq!(failed["results"][0]["status"], "put_back", "{failed}");
    let back = app.api.until(&path("shop-staging"), runs("2.0")).await;
    assert_eq!(back["image"], "shop/cart:2.0");
    app.stop().await;
}

on_both!(a_local_site_is_always_there);
async fn a_local_site_is_always_there(on: On) {
    let Some(app) = App::start(on).await else { return };
    let id = site(&app.api).await;
    let at = format!("/api/sites/{}", id.as_str().unwrap());
    let refused = async |method: Method, path: &str, body: Value| {
        let (status, problem) = app.api.call(method, path, Some(&body)).await;
        (status.as_u16(), problem["code"].clone(), problem["errors"][0]["field"].clone())
    };
    assert_eq!(refused(Method::DELETE, &at, Value::Null).await, (409, json!("local_site"), Value::Null));
    let token = json!({ "token": "secret" });
    assert_eq!(refused(Method::PUT, &at, token).await, (422, json!("invalid"), json!("token")));
    let second = json!({ "name": "Second", "kind": "local", "url": "local://x", "token": "x" });
    assert_eq!(refused(Method::POST, "/api/sites", second).await, (422, json!("invalid"), json!("kind")));
    let tested = app.api.post(&format!("{at}/test"), &json!({})).await;
    assert_eq!((&tested["success"], &tested["checks"][0]["name"]), (&json!(true), &json!("directory")));
    let (_, renamed) = app.api.call(Method::PUT, &at, Some(&json!({ "name": "Büro 🚀" }))).await;
    assert_eq!(renamed["name"], "Büro 🚀");

    for name in ["", "..", "a/b", "Büro", "a b"] {
        let new = json!({ "name": name });
        assert_eq!(refused(Method::POST, "/api/clusters", new).await, (422, json!("invalid"), json!("name")));
    }
    let here = json!({ "name": "here" });
    let made = app.api.post("/api/clusters", &here).await;
    assert_eq!((&made["siteId"], &made["managed"]), (&id, &json!(true)));
    assert_eq!(refused(Method::POST, "/api/clusters", here).await, (409, json!("name_taken"), json!("name")));
    assert_eq!(app.api.get("/api/clusters").await.as_array().unwrap().len(), 1);

    let nothing = json!({ "image": "cart", "program": " ", "variables": { "A=B": "" } });
    let (_, problem) = app.api.call(Method::PUT, &path("shop"), Some(&nothing)).await;
    let fields: Vec<&Value> =
        problem["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["image", "program", "variables"]);
    let mut none = script("", "1.0", 0);
    none["replicas"] = json!(0);
    put(&app.api, "shop", &none).await;
    assert_eq!(refused(Method::PUT, &path("shop"), none).await.1, "edit_conflict", "by someone who saw none");
    assert_eq!(refused(Method::DELETE, "/api/clusters/here", Value::Null).await.1, "cluster_in_use");
    let (status, _) = app.api.call(Method::DELETE, &path("shop"), None).await;
    assert_eq!(status, 202);
    let gone = async || app.api.get("/api/clusters/here/services").await.as_array().unwrap().is_empty();
    while !gone().await {
        tokio::task::yield_now().await;
    }
    let (status, problem) = app.api.call(Method::DELETE, "/api/clusters/here", None).await;
    assert_eq!(status, 204, "{problem}");
    assert!(app.api.get("/api/clusters").await.as_array().unwrap().is_empty());
    app.stop().await;
}

on_both!(an_artifact_is_uploaded_run_read_and_removed);
async fn an_artifact_is_uploaded_run_read_and_removed(on: On) {
    let Some(app) = App::start(on).await else { return };
    let _swept = Swept::of(app.dir.path());
    let upload = async |body: Vec<u8>| {
        let request =
            app.api.request(Method::POST, "/api/artifacts?name=cart-1.0").header("idempotency-key", "one");
        let answer = request.body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    // Larger than any other body may be.
    let program = [b"#!/bin/sh\necho uploaded\nexec sleep 1000\n".as_slice(), &vec![b'#'; 17 << 20]].concat();
    let (status, artifact) = upload(program.clone()).await;
    assert_eq!((status, &artifact["kind"], &artifact["usedBy"]), (201, &json!("executable"), &json!([])));
    assert_eq!(artifact["name"], "cart-1.0");
    assert_eq!(upload(program).await, (200, artifact.clone()));
    let (status, problem) = upload(b"hello".to_vec()).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("body")));

    app.api.post("/api/clusters", &json!({ "name": "here" })).await;
    let service =
        json!({ "image": "shop/cart:1.0", "artifact": artifact["digest"], "limits": { "cpuMillis": 500 } });
    let stored = put(&app.api, "shop", &service).await;
    assert_eq!((&stored["artifact"], &stored["limits"]["cpuMillis"]), (&artifact["digest"], &json!(500)));
    let mut unknown = service.clone();
    unknown["artifact"] = json!(format!("sha256:{}", "0".repeat(64)));
    unknown["generation"] = json!(1);
    let (_, problem) = app.api.call(Method::PUT, &path("shop"), Some(&unknown)).await;
    assert_eq!(problem["errors"][0]["field"], "artifact", "{problem}");

    let mut output = String::new();
    let follow = format!("{}/output?follow=true", path("shop"));
    let mut told = app.api.send(Method::GET, &follow, None).await;
    while !output.contains("uploaded") {
        output.push_str(&String::from_utf8_lossy(&told.chunk().await.unwrap().unwrap()));
    }
    assert!(output.contains("event: line") && output.contains(r#""stream":"stdout""#), "{output}");
    let (status, lines) = app.api.call(Method::GET, &format!("{}/output?lines=1", path("shop")), None).await;
    assert_eq!((status.as_u16(), &lines["text"]), (200, &json!("uploaded")));
    // By what, differs from machine to machine.
    while !app.api.get(&path("shop")).await["running"][0]["limits"]["cpu"]["by"].is_string() {
        tokio::task::yield_now().await;
    }

    let at = format!("/api/artifacts/{}", artifact["digest"].as_str().unwrap());
    let (status, problem) = app.api.call(Method::DELETE, &at, None).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("artifact_in_use")));
    app.api.call(Method::DELETE, &path("shop"), None).await;
    while told.chunk().await.unwrap().is_some() {}
    while !app.api.get("/api/clusters/here/services").await.as_array().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let (status, _) = app.api.call(Method::DELETE, &at, None).await;
    assert_eq!(status, 204);
    assert_eq!(app.api.get("/api/artifacts").await, json!([]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_finds_its_services_again() {
    let dir = tempfile::tempdir().unwrap();
    let _swept = Swept::of(dir.path());
    let database = server::config::sqlite_url(dir.path());
    let mut server = Server::start(dir.path(), &database);
    server.api.post("/api/clusters", &json!({ "name": "here" })).await;
    put(&server.api, "shop-dev", &script("exec sleep 1000", "1.0", 0)).await;
    bind(&server.api, "Development", "shop-dev").await;
    let pids = |service: &Value| -> Vec<i64> {
        service["running"]
            .as_array()
            .unwrap()
            .iter()
            .map(|replica| replica["pid"].as_i64().unwrap())
            .collect()
    };
    let before = pids(&server.api.until(&path("shop-dev"), runs("1.0")).await);
    server.kill();
    assert!(before.iter().all(|pid| Path::new(&format!("/proc/{pid}")).exists()));

    server = Server::start(dir.path(), &database);
    let after = server.api.until(&path("shop-dev"), runs("1.0")).await;
    assert_eq!(pids(&after), before, "adopted, not doubled");
    let (status, _) = server.api.call(Method::DELETE, &path("shop-dev"), None).await;
    assert_eq!(status, 202);
    server.api.until("/api/services", |services| services.as_array().unwrap().is_empty()).await;
    assert!(before.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()), "nothing is orphaned");
}
