//! Variables that deployments bring to Kubernetes' workloads, where the environment's settings say so.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    deployments::deploy,
    settings::{end_of, soon},
    support::{App, On, on_both},
    variables::stored,
};

/// Staging's settings: whether deployments bring variables.
async fn switch(app: &App, version: i64, on: bool) {
    let at = format!("/api/environments/{}/settings", app.api.environment("Staging").await);
    let edit = json!({ "manages": { "variables": on }, "version": version });
    let (status, answer) = app.api.call(Method::PUT, &at, Some(&edit)).await;
    assert_eq!((status.as_u16(), &answer["manages"]["variables"]), (200, &json!(on)), "{answer}");
}

/// The number of staging's newest revision.
async fn latest(app: &App) -> i64 {
    let at = format!("/api/environments/{}", app.api.environment("Staging").await);
    app.api.get(&at).await["latestRevision"].as_i64().unwrap()
}

/// Sets a service's own variables.
async fn set(app: &App, service: &str, variables: Value) {
    let base = latest(app).await;
    let id = app.api.service("Staging", service).await["id"].clone();
    let at = format!("/api/environments/{}/variables", app.api.environment("Staging").await);
    let edit = json!({ "base": base, "serviceId": id, "variables": variables });
    let (status, answer) = app.api.call(Method::PUT, &at, Some(&edit)).await;
    assert_eq!((status.as_u16(), &answer["revision"]), (200, &json!(base + 1)), "{answer}");
}

fn plain(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}

fn secret(value: &str) -> Value {
    json!({ "name": "TOKEN", "value": value, "secret": true })
}

async fn cart_in(app: &App, version: &str) -> Value {
    let cart = app.api.service("Staging", "cart").await["id"].clone();
    json!({ "versions": [{ "serviceId": cart, "version": version }] })
}

/// An object of staging's cluster, and what someone else makes of it.
pub(crate) async fn object(app: &App, path: &str, patch: Option<Value>) -> Value {
    let url = format!("{}/k8s/clusters/c-m-stage001{path}", app.rancher.url());
    let client = reqwest::Client::new();
    let request = match patch {
        None => client.get(url),
        Some(patch) => client
            .patch(url)
            .header("content-type", "application/strategic-merge-patch+json")
            .body(patch.to_string()),
    };
    request.bearer_auth(standin::ADMIN_TOKEN).send().await.unwrap().json().await.unwrap()
}

pub(crate) const CART: &str = "/apis/apps/v1/namespaces/shop-staging/deployments/cart";
const CARTS_SECRET: &str = "/api/v1/namespaces/shop-staging/secrets/lockstep-deployment-cart";

/// What the cart is given: plain values, and secret ones as its Secret has them.
async fn given(app: &App, name: &str) -> String {
    let cart = object(app, CART, None).await;
    assert!(!cart.to_string().contains("hunter2"), "nothing secret stands in the manifest: {cart}");
    let env = cart["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap().clone();
    let Some(entry) = env.into_iter().find(|entry| entry["name"] == name) else { return String::new() };
    match entry["valueFrom"]["secretKeyRef"]["key"].as_str() {
        None => entry["value"].as_str().unwrap_or_default().to_owned(),
        Some(key) => {
            let kept = object(app, CARTS_SECRET, None).await["data"][key].clone();
            String::from_utf8(STANDARD.decode(kept.as_str().unwrap()).unwrap()).unwrap()
        }
    }
}

/// What the cart is given of those that are set for it.
async fn both(app: &App) -> (String, String) {
    (given(app, "LEVEL").await, given(app, "TOKEN").await)
}

fn are(level: &str, token: &str) -> (String, String) {
    (level.to_owned(), token.to_owned())
}

on_both!(variables_reach_manifests_where_that_is_switched_on);
async fn variables_reach_manifests_where_that_is_switched_on(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let env = app.api.environment("Staging").await;
    let at = format!("/api/environments/{env}");
    let own = json!([plain("LEVEL", "info"), secret("hunter2-first"), plain("LOG_LEVEL", "debug")]);
    set(&app, "cart", own).await;
    set(&app, "invoice-cron", json!([secret("hunter2-cron")])).await;
    let revision = json!({ "environmentId": env, "revision": 2 });
    let shown = app.api.post("/api/deployments/preview", &revision).await;
    assert_eq!(shown["items"], json!([]), "it is off: variables are left to others");

    switch(&app, 0, true).await;
    let number = latest(&app).await;
    let revision = json!({ "environmentId": env, "revision": number });
    let shown = app.api.post("/api/deployments/preview", &revision).await;
    let item = &shown["items"][0];
    let told = json!([
        { "name": "LEVEL", "change": "added", "secret": false, "to": "info" },
        { "name": "TOKEN", "change": "added", "secret": true },
    ]);
    assert_eq!((&item["variables"], shown["items"].as_array().unwrap().len()), (&told, 2), "{shown}");
    let warnings = item["warnings"].as_array().unwrap();
    let others = warnings.iter().find(|warning| warning["code"] == "variable_of_others").unwrap();
    assert!(others["message"].as_str().unwrap().contains("LOG_LEVEL"), "{others}");

    let first = deploy(&app, json!({ "revision": number })).await;
    assert_eq!(first["status"], "success", "{first}");
    assert_eq!(both(&app).await, are("info", "hunter2-first"));
    assert_eq!(given(&app, "LOG_LEVEL").await, "info", "as its manifest says");
    let cron = object(&app, "/apis/batch/v1/namespaces/payments-staging/cronjobs/invoice-cron", None).await;
    assert!(cron["spec"]["jobTemplate"].to_string().contains("lockstep-cronjob-invoice-cron"), "{cron}");
    let none = |drift: &Value| drift["revision"] == number && drift["variables"] == json!([]);
    app.api.until(&format!("{at}/drift"), none).await;
    let again = app.api.post("/api/deployments/preview", &revision).await;
    assert_eq!(again["items"], json!([]), "everything is there");

    set(&app, "cart", json!([plain("LEVEL", "bad"), secret("hunter2-second")])).await;
    let mut request = cart_in(&app, "1.99.0-crash").await;
    request["onFailure"] = json!("put_back");
    let failed = deploy(&app, request).await;
    assert_eq!(failed["status"], "rolled_back", "{failed}");
    assert_eq!(both(&app).await, are("info", "hunter2-first"));

    let moved = deploy(&app, cart_in(&app, "1.99.1").await).await;
    assert_eq!(moved["status"], "success", "{moved}");
    assert_eq!(both(&app).await, are("bad", "hunter2-second"), "what is set goes with the next version");
    let undone = format!("/api/deployments/{}/rollback?wait=true", moved["id"].as_str().unwrap());
    assert_eq!(app.api.post(&undone, &json!({})).await["status"], "success");
    assert_eq!(both(&app).await, are("info", "hunter2-first"));

    // Whoever changes an entry by hand is told of, and is not overwritten unseen.
    let by_hand = json!([{ "name": "app", "env": [{ "name": "LEVEL", "value": "by hand" }] }]);
    let patch = json!({ "spec": { "template": { "spec": { "containers": by_hand } } } });
    object(&app, CART, Some(patch)).await;
    let differs = |drift: &Value| drift["variables"][0]["to"] == "by hand";
    let drift = app.api.until(&format!("{at}/drift"), differs).await;
    assert_eq!(drift["variables"][0]["name"], "LEVEL", "{drift}");

    set(&app, "cart", json!([secret("hunter2-third")])).await;
    let last = deploy(&app, json!({ "revision": latest(&app).await })).await;
    assert_eq!(last["status"], "success", "{last}");
    assert_eq!(both(&app).await, are("", "hunter2-third"));
    let kept = object(&app, CARTS_SECRET, None).await["data"].as_object().unwrap().len();
    assert_eq!(kept, 2, "the value in use, and the one before it for the way back");

    // What is switched off while a deployment waits holds at its turn.
    set(&app, "cart", json!([plain("LEVEL", "late"), secret("hunter2-third")])).await;
    let id = soon(&app, json!({})).await;
    switch(&app, 1, false).await;
    let (status, told) = end_of(&app, &id).await;
    assert_eq!(
        (&status, told.contains("leave variables on Kubernetes to others")),
        (&json!("cancelled"), true)
    );
    assert_eq!(both(&app).await, are("", "hunter2-third"));

    for told in ["/api/deployments", "/api/services", &format!("{at}/revisions"), &format!("{at}/drift")] {
        assert!(!app.api.get(told).await.to_string().contains("hunter2"), "{told}");
    }
    let bytes = stored(&app, on).await;
    assert!(!bytes.windows(7).any(|window| window == b"hunter2"), "what is in the database is sealed");
    app.stop().await;
}

on_both!(a_missing_right_is_told_before_anything_runs);
async fn a_missing_right_is_told_before_anything_runs(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let sites = app.api.get("/api/sites").await;
    let site = sites.as_array().unwrap().iter().find(|site| site["kind"] == "rancher").unwrap();
    let at = format!("/api/sites/{}", site["id"].as_str().unwrap());
    let edit = json!({ "token": standin::NO_SECRETS_TOKEN });
    let (status, answer) = app.api.call(Method::PUT, &at, Some(&edit)).await;
    assert_eq!(status.as_u16(), 200, "{answer}");
    switch(&app, 0, true).await;
    set(&app, "cart", json!([secret("hunter2")])).await;
    let mut request = cart_in(&app, "1.99.1").await;
    request["environmentId"] = app.api.environment("Staging").await.into();
    let shown = app.api.post("/api/deployments/preview", &request).await;
    let warnings = shown["items"][0]["warnings"].as_array().unwrap();
    let refused = warnings.iter().find(|warning| warning["code"] == "refused_by_cluster").unwrap();
    assert_eq!(refused["severity"], "blocking");
    assert!(refused["message"].as_str().unwrap().contains("“patch” secrets"), "{refused}");
    let (status, problem) = app.api.call(Method::POST, "/api/deployments", Some(&request)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("nothing_to_do")), "{problem}");
    app.stop().await;
}
