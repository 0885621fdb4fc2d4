//! What goes wrong with a deployment to the server's own machine: each ends, says why, and leaves what served.

use std::{fs, os::unix::fs::PermissionsExt};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    deployments::deployed,
    local::{Swept, bind, path, put},
    support::{App, On, on_both},
};

/// A version that serves.
const SERVES: &str = "#!/bin/sh\nexec python3 -m http.server --bind 127.0.0.1 $PORT\n";

/// One that takes connections, and never answers.
const HANGS: &str = r"#!/usr/bin/env python3
import os, socket, time
listening = socket.create_server(('127.0.0.1', int(os.environ['PORT'])))
time.sleep(1000)
";

/// A service whose versions are the programs of a directory, bound to Staging.
async fn furnish(app: &App) {
    let programs = app.dir.path().join("programs");
    fs::create_dir(&programs).unwrap();
    for (version, program, mode) in [
        ("1.0", SERVES, 0o755),
        ("not-executable", SERVES, 0o644),
        ("no-program", "\u{1}\u{2}\u{3}", 0o755),
        ("hangs", HANGS, 0o755),
        ("ends", "#!/bin/sh\nexit 7\n", 0o755),
    ] {
        let file = programs.join(version);
        fs::write(&file, program).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }
    app.api.post("/api/clusters", &json!({ "name": "here" })).await;
    let service = json!({
        "image": "shop/cart:1.0",
        "program": programs.join("{version}"),
        "health": { "path": "/", "everyMs": 100, "withinMs": 300 },
        "graceMs": 1000,
        "deadlineMs": 8000,
    });
    put(&app.api, "shop", &service).await;
    bind(&app.api, "Staging", "shop").await;
    let runs = |services: &Value| services.as_array().unwrap().iter().any(|one| one["status"] == "running");
    app.api.until("/api/services", runs).await;
}

/// The ports and pids of what runs, all of which serves version 1.0.
async fn serving(app: &App) -> Vec<(Value, Value)> {
    let all_serve = |service: &Value| {
        let running = service["running"].as_array().unwrap();
        running.len() == 1 && running[0]["ready"] == true && running[0]["image"] == "shop/cart:1.0"
    };
    let service = app.api.until(&path("shop"), all_serve).await;
    assert_eq!(service["image"], "shop/cart:1.0");
    service["running"].as_array().unwrap().iter().map(|it| (it["port"].clone(), it["pid"].clone())).collect()
}

on_both!(what_cannot_serve_is_put_back_with_the_reason);
async fn what_cannot_serve_is_put_back_with_the_reason(on: On) {
    let Some(app) = App::start(on).await else { return };
    let _swept = Swept::of(app.dir.path());
    furnish(&app).await;
    let before = serving(&app).await;
    for (version, reason) in [
        ("not-there", "No such file"),
        ("not-executable", "Permission denied"),
        ("no-program", "Exec format error"),
        ("ends", "7"),
        ("hangs", "GET /"),
    ] {
        let deployment = deployed(&app, "cart", version).await;
        let task = &deployment["tasks"][0];
        assert_eq!(
            (&deployment["status"], &task["status"]),
            (&json!("rolled_back"), &json!("put_back")),
            "{version}: {deployment}"
        );
        assert!(task["error"].as_str().unwrap().contains(reason), "{version}: {task}");
        assert_eq!(serving(&app).await, before, "what served was left alone by {version}");
    }
    app.stop().await;
}

/// Sets the variables of staging after revision `base`, and deploys them.
async fn deployed_with(app: &App, base: i64, variables: Value) -> Value {
    let env = app.api.environment("Staging").await;
    let edit = json!({ "base": base, "variables": variables });
    let (status, set) =
        app.api.call(Method::PUT, &format!("/api/environments/{env}/variables"), Some(&edit)).await;
    assert_eq!(status, 200, "{set}");
    let request = json!({ "environmentId": env, "revision": set["revision"] });
    app.api.post("/api/deployments?wait=true", &request).await
}

on_both!(a_variable_may_be_named_path_and_have_line_breaks);
async fn a_variable_may_be_named_path_and_have_line_breaks(on: On) {
    let Some(app) = App::start(on).await else { return };
    let _swept = Swept::of(app.dir.path());
    furnish(&app).await;
    let ended = deployed_with(&app, 0, json!([{ "name": "PATH", "value": "/nowhere" }])).await;
    assert_eq!(ended["status"], "rolled_back", "python3 is not there: {ended}");

    let path = format!("/nowhere:{}", std::env::var("PATH").unwrap());
    let variables = json!([
        { "name": "PATH", "value": path },
        { "name": "NOTE", "value": "one\ntwo = 🚀\n" },
    ]);
    let ended = deployed_with(&app, 1, variables).await;
    assert_eq!(ended["status"], "success", "{ended}");
    let (_, pid) = &serving(&app).await[0];
    let given = fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    let has = |name: &str, value: &str| {
        // What starts python3 may put directories of its own first.
        given.split('\0').any(|variable| variable.starts_with(name) && variable.ends_with(value))
    };
    assert!(has("PATH=", &path) && has("NOTE=one", "\ntwo = 🚀\n"), "{given:?}");
    app.stop().await;
}

on_both!(what_a_deployment_is_under_way_in_cannot_be_removed);
async fn what_a_deployment_is_under_way_in_cannot_be_removed(on: On) {
    let Some(app) = App::start(on).await else { return };
    let _swept = Swept::of(app.dir.path());
    furnish(&app).await;
    let before = serving(&app).await;
    let request = crate::deployments::version(&app, "cart", "hangs").await;
    let deployment = app.api.post("/api/deployments", &request).await;
    let at = format!("/api/deployments/{}", deployment["id"].as_str().unwrap());
    app.api.until(&at, |found| found["tasks"][0]["status"] == "rolling_out").await;
    let (status, problem) = app.api.call(Method::DELETE, "/api/clusters/here", None).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("cluster_in_use")), "{problem}");
    let (status, problem) = app.api.call(Method::DELETE, &path("shop"), None).await;
    assert_eq!(status, 409, "{problem}");
    let ended = app.api.until(&at, |found| found["completedAt"].is_string()).await;
    assert_eq!(ended["status"], "rolled_back", "{ended}");
    assert_eq!(serving(&app).await, before);
    app.stop().await;
}
