//! Variables that deployments bring to real processes of the server's own machine, and take away again.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    deployments::deploy,
    local::{Swept, bind, path, put, script},
    support::{App, On, on_both},
    variables::stored,
};

/// The values of a variable in the processes of the cart, once those that went are gone.
async fn values(app: &App, name: &str) -> Vec<String> {
    let is_settled = |service: &Value| {
        let replicas = service["running"].as_array().unwrap();
        replicas.len() == 2 && replicas.iter().all(|replica| replica["ready"] == true)
    };
    let service = app.api.until(&path("shop"), is_settled).await;
    let of = |replica: &Value| {
        let environment = fs::read(format!("/proc/{}/environ", replica["pid"])).unwrap();
        let environment = String::from_utf8(environment).unwrap();
        let value = environment.split('\0').find_map(|it| it.strip_prefix(&format!("{name}=")));
        value.unwrap_or_default().to_owned()
    };
    service["running"].as_array().unwrap().iter().map(of).collect()
}

/// Sets the variables of staging after revision `base`.
async fn set(app: &App, base: i64, level: &str, token: &str) {
    let token = json!({ "name": "TOKEN", "value": token, "secret": true });
    let edit = json!({ "base": base, "variables": [{ "name": "LEVEL", "value": level }, token] });
    let at = format!("/api/environments/{}/variables", app.api.environment("Staging").await);
    let (status, answer) = app.api.call(Method::PUT, &at, Some(&edit)).await;
    assert_eq!((status.as_u16(), &answer["revision"]), (200, &json!(base + 1)), "{answer}");
}

/// A service that fails where its level is bad, in an environment of its own.
async fn furnish(app: &App) {
    app.api.post("/api/clusters", &json!({ "name": "here" })).await;
    let mut service = script(r#"[ "$LEVEL" = bad ] && exit 7; exec sleep 1000"#, "1.0", 0);
    service["variables"] = json!({ "LEVEL": "defined", "OTHER": "defined" });
    put(&app.api, "shop", &service).await;
    bind(&app.api, "Staging", "shop").await;
    let runs = |services: &Value| services.as_array().unwrap().iter().any(|one| one["status"] == "running");
    app.api.until("/api/services", runs).await;
}

on_both!(a_deployment_brings_variables_and_a_failed_one_puts_them_back);
async fn a_deployment_brings_variables_and_a_failed_one_puts_them_back(on: On) {
    let Some(app) = App::start(on).await else { return };
    let _swept = Swept::of(app.dir.path());
    furnish(&app).await;
    set(&app, 0, "info", "hunter2-first").await;
    assert_eq!(values(&app, "LEVEL").await, ["defined", "defined"], "an edit is not deployed");

    let env = app.api.environment("Staging").await;
    let request = json!({ "environmentId": env, "revision": 1 });
    let shown = app.api.post("/api/deployments/preview", &request).await;
    let told = json!([
        { "name": "LEVEL", "change": "added", "secret": false, "to": "info" },
        { "name": "TOKEN", "change": "added", "secret": true },
    ]);
    assert_eq!(
        (&shown["items"][0]["variables"], &shown["items"][0]["warnings"]),
        (&told, &json!([])),
        "{shown}"
    );
    let first = deploy(&app, json!({ "revision": 1 })).await;
    assert_eq!((&first["status"], &first["tasks"][0]["variables"]), (&json!("success"), &told), "{first}");
    assert_eq!(values(&app, "LEVEL").await, ["info", "info"]);
    assert_eq!(values(&app, "TOKEN").await, ["hunter2-first", "hunter2-first"]);
    assert_eq!(values(&app, "OTHER").await, ["defined", "defined"], "the definition's go on");
    let at = format!("/api/environments/{env}");
    assert_eq!(app.api.get(&format!("{at}/variables")).await["active"], true);
    let none = |drift: &Value| drift["revision"] == 1 && drift["variables"] == json!([]);
    app.api.until(&format!("{at}/drift"), none).await;
    let again = app.api.post("/api/deployments/preview", &request).await;
    assert_eq!(again["items"], json!([]), "everything is there");

    set(&app, 1, "bad", "hunter2-second").await;
    let failed = deploy(&app, json!({ "revision": 2, "onFailure": "put_back" })).await;
    assert_eq!(failed["status"], "rolled_back", "{failed}");
    assert_eq!(values(&app, "LEVEL").await, ["info", "info"]);
    assert_eq!(values(&app, "TOKEN").await, ["hunter2-first", "hunter2-first"]);
    assert_eq!(app.api.get(&at).await["activeRevision"], 1);

    set(&app, 2, "debug", "hunter2-third").await;
    let cart = app.api.service("Staging", "cart").await["id"].clone();
    let versions = json!({ "versions": [{ "serviceId": cart, "version": "1.1" }] });
    let moved = deploy(&app, versions).await;
    assert_eq!((&moved["status"], &moved["revision"]), (&json!("success"), &json!(4)), "{moved}");
    assert_eq!(values(&app, "LEVEL").await, ["debug", "debug"], "what is set goes with the next version");

    let back = deploy(&app, json!({ "revision": 1, "rollback": true })).await;
    assert_eq!((&back["status"], &back["revision"]), (&json!("success"), &json!(5)), "{back}");
    assert_eq!(values(&app, "TOKEN").await, ["hunter2-first", "hunter2-first"]);
    assert_eq!(app.api.get(&format!("{at}/variables")).await["variables"][0]["value"], "info");

    let undone = format!("/api/deployments/{}/rollback?wait=true", back["id"].as_str().unwrap());
    assert_eq!(app.api.post(&undone, &json!({})).await["status"], "success");
    assert_eq!(
        values(&app, "TOKEN").await,
        ["hunter2-third", "hunter2-third"],
        "the way back of the way back"
    );

    // An undo edits no variables: what is set is not what the services have.
    let differs = |drift: &Value| drift["variables"][0]["name"] == "LEVEL";
    let drift = app.api.until(&format!("{at}/drift"), differs).await;
    let token = &drift["variables"][1];
    assert_eq!(
        (&token["name"], &token["secret"], &token["to"]),
        (&json!("TOKEN"), &json!(true), &Value::Null)
    );

    for told in ["/api/deployments", "/api/services", &path("shop"), &format!("{at}/revisions")] {
        assert!(!app.api.get(told).await.to_string().contains("hunter2"), "{told}");
    }
    let bytes = stored(&app, on).await;
    assert!(!bytes.windows(7).any(|window| window == b"hunter2"), "what is in the database is sealed");
    app.stop().await;
}

on_both!(variables_that_were_set_since_the_preview_are_not_brought);
async fn variables_that_were_set_since_the_preview_are_not_brought(on: On) {
    let Some(app) = App::start(on).await else { return };
    let _swept = Swept::of(app.dir.path());
    furnish(&app).await;
    set(&app, 0, "info", "one").await;
    let cart = app.api.service("Staging", "cart").await;
    let mut request = json!({
        "environmentId": cart["environmentId"],
        "versions": [{ "serviceId": cart["id"], "version": "1.1" }],
    });
    request["previewId"] = app.api.post("/api/deployments/preview", &request).await["id"].clone();
    set(&app, 1, "debug", "one").await;
    let (status, problem) = app.api.call(Method::POST, "/api/deployments", Some(&request)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("preview_expired")), "{problem}");
    assert_eq!(values(&app, "LEVEL").await, ["defined", "defined"]);
    app.stop().await;
}
