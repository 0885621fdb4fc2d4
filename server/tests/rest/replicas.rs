//! Replicas as a part of revisions, where an environment's settings say so.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    deployments::{deploy, for_staging},
    kube_variables::{CART, object},
    local::{Swept, bind, path, put, script},
    support::{App, On, on_both},
};

async fn staging(app: &App) -> String {
    format!("/api/environments/{}", app.api.environment("Staging").await)
}

async fn set(app: &App, settings: Value) {
    let at = format!("{}/settings", staging(app).await);
    let (status, answer) = app.api.call(Method::PUT, &at, Some(&settings)).await;
    assert_eq!(status.as_u16(), 200, "{answer}");
}

/// Makes a revision in which the cart has so many replicas.
async fn revise(app: &App, base: i64, replicas: i64, version: Option<&str>) -> (u16, Value) {
    let cart = app.api.service("Staging", "cart").await["id"].clone();
    let mut new = json!({ "base": base, "replicas": [{ "serviceId": cart, "replicas": replicas }] });
    if let Some(version) = version {
        new["versions"] = json!([{ "serviceId": cart, "version": version }]);
    }
    let at = format!("{}/revisions", staging(app).await);
    let (status, answer) = app.api.call(Method::POST, &at, Some(&new)).await;
    (status.as_u16(), answer)
}

/// Deploys nothing but so many replicas of the cart.
async fn scaled(app: &App, replicas: i64) -> (u16, Value) {
    let cart = app.api.service("Staging", "cart").await["id"].clone();
    let wanted = json!({ "replicas": [{ "serviceId": cart, "replicas": replicas }] });
    let wanted = for_staging(app, wanted).await;
    let (status, answer) = app.api.call(Method::POST, "/api/deployments?wait=true", Some(&wanted)).await;
    (status.as_u16(), answer)
}

/// Takes over what runs as a revision.
async fn capture(app: &App) {
    let at = staging(app).await;
    let base = app.api.get(&at).await["latestRevision"].clone();
    let new = json!({ "capture": true, "base": base, "reason": "as it is" });
    app.api.post(&format!("{at}/revisions"), &new).await;
}

/// How many the cart's manifest asks for.
async fn asked_for(app: &App) -> i64 {
    object(app, CART, None).await["spec"]["replicas"].as_i64().unwrap()
}

on_both!(a_revision_says_how_many_and_a_deployment_of_it_brings_that);
async fn a_revision_says_how_many_and_a_deployment_of_it_brings_that(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let at = staging(&app).await;
    let before = asked_for(&app).await;
    let more = before + 2;
    capture(&app).await;
    let (status, problem) = revise(&app, 1, more, None).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("replicas[0]")), "it is off");
    let (status, problem) = scaled(&app, more).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("replicas[0]")), "for deployments too");
    let cart_of = |revision: &Value| {
        let entries = revision["entries"].as_array().unwrap();
        entries.iter().find(|entry| entry["name"] == "cart").unwrap().clone()
    };
    let first = app.api.get(&format!("{at}/revisions/1")).await;
    assert_eq!(cart_of(&first)["replicas"], Value::Null, "and revisions do not speak of it");

    set(&app, json!({ "manages": { "replicas": true } })).await;
    let (status, second) = revise(&app, 2, more, None).await;
    assert_eq!(status, 201, "{second}");
    let second = app.api.get(&format!("{at}/revisions/3")).await;
    assert_eq!(cart_of(&second)["replicas"], json!(more));
    let wanted = json!({ "revision": 3 });
    let shown = app.api.post("/api/deployments/preview", &for_staging(&app, wanted.clone()).await).await;
    let item = &shown["items"][0];
    let scale = json!({ "from": before, "to": more });
    assert_eq!((&item["scale"], &item["warnings"]), (&scale, &json!([])), "{shown}");
    assert_eq!(shown["items"].as_array().unwrap().len(), 1, "nothing else changes: {shown}");
    let ended = deploy(&app, wanted.clone()).await;
    assert_eq!((&ended["status"], &ended["tasks"][0]["scale"]), (&json!("success"), &scale), "{ended}");
    assert_eq!((asked_for(&app).await, app.api.get(&at).await["activeRevision"].clone()), (more, json!(3)));
    let none = |drift: &Value| drift["revision"] == 3 && drift["changes"] == json!([]);
    app.api.until(&format!("{at}/drift"), none).await;

    // What someone else makes of it is told, and put back.
    object(&app, CART, Some(json!({ "spec": { "replicas": 1 } }))).await;
    let by_hand = json!({ "from": more, "to": 1 });
    app.api.until(&format!("{at}/drift"), |drift| drift["changes"][0]["replicas"] == by_hand).await;
    assert_eq!(deploy(&app, wanted).await["status"], "success");
    assert_eq!(asked_for(&app).await, more);

    let (status, third) = revise(&app, 3, 1, Some("1.99.0-crash")).await;
    assert_eq!(
        (status, &third["changes"][0]["replicas"]),
        (201, &json!({ "from": more, "to": 1 })),
        "{third}"
    );
    let failed = deploy(&app, json!({ "revision": 4, "onFailure": "put_back" })).await;
    assert_eq!((&failed["status"], asked_for(&app).await), (&json!("rolled_back"), more), "{failed}");

    let (_, fourth) = revise(&app, 4, 1, Some("1.99.1")).await;
    assert_eq!(fourth["number"], 5, "{fourth}");
    let ended = deploy(&app, json!({ "revision": 5 })).await;
    assert_eq!((&ended["status"], asked_for(&app).await), (&json!("success"), 1), "{ended}");
    let back = deploy(&app, json!({ "revision": 3, "rollback": true })).await;
    assert_eq!((&back["status"], asked_for(&app).await), (&json!("success"), more), "{back}");
    let undone = format!("/api/deployments/{}/rollback?wait=true", back["id"].as_str().unwrap());
    assert_eq!(app.api.post(&undone, &json!({})).await["status"], "success");
    assert_eq!(asked_for(&app).await, 1, "the way back of the way back");

    set(&app, json!({ "manages": { "replicas": true }, "rules": { "maxReplicas": 3 }, "version": 1 })).await;
    let latest = app.api.get(&at).await["latestRevision"].as_i64().unwrap();
    revise(&app, latest, 9, None).await;
    let many = for_staging(&app, json!({ "revision": latest + 1 })).await;
    let shown = app.api.post("/api/deployments/preview", &many).await;
    assert_eq!(shown["items"][0]["warnings"][0]["code"], "too_many_replicas", "{shown}");
    app.stop().await;
}

on_both!(services_of_this_machine_are_scaled_by_revisions_too);
async fn services_of_this_machine_are_scaled_by_revisions_too(on: On) {
    let Some(app) = App::start(on).await else { return };
    let _swept = Swept::of(app.dir.path());
    app.api.post("/api/clusters", &json!({ "name": "here" })).await;
    put(&app.api, "shop", &script("exec sleep 1000", "1.0", 0)).await;
    bind(&app.api, "Staging", "shop").await;
    let runs = |services: &Value| services.as_array().unwrap().iter().any(|one| one["status"] == "running");
    app.api.until("/api/services", runs).await;
    set(&app, json!({ "manages": { "replicas": true } })).await;
    capture(&app).await;
    let (status, answer) = revise(&app, 2, 3, None).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(deploy(&app, json!({ "revision": 3 })).await["status"], "success");
    let three = |service: &Value| service["running"].as_array().unwrap().len() == 3;
    app.api.until(&path("shop"), three).await;
    let (_, ended) = scaled(&app, 2).await;
    let change = json!({ "from": 3, "to": 2 });
    assert_eq!((&ended["status"], &ended["tasks"][0]["scale"]), (&json!("success"), &change), "{ended}");
    let two = |service: &Value| service["running"].as_array().unwrap().len() == 2;
    app.api.until(&path("shop"), two).await;
    let made = app.api.get(&format!("{}/revisions/4", staging(&app).await)).await;
    assert_eq!(made["entries"][0]["replicas"], 2, "{made}");
    let (_, answer) = revise(&app, 4, 500, None).await;
    assert_eq!(answer["number"], 5, "{answer}");
    let shown =
        app.api.post("/api/deployments/preview", &for_staging(&app, json!({ "revision": 5 })).await).await;
    let warning = &shown["items"][0]["warnings"][0];
    assert!(warning["message"].as_str().unwrap().contains("at most 200"), "{shown}");
    app.stop().await;
}
