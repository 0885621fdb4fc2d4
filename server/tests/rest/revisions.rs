//! Revisions, drift and comparison.

use reqwest::Method;
use serde_json::{Value, json};
use standin::Kind;

use crate::{
    deployments::{deployed, version},
    support::{App, On, on_both},
};

/// Changes an image of staging past Lockstep, and waits until it is observed.
async fn set_by_hand(app: &App, name: &str, tag: &str) {
    let image = format!("registry.example.com/shop/{name}:{tag}");
    let patch =
        json!({ "spec": { "template": { "spec": { "containers": [{ "name": "app", "image": image }] } } } });
    let staging = app.rancher.cluster("c-m-stage001").unwrap();
    staging.patch(Kind::Deployment, "shop-staging", name, patch).unwrap();
    let observed = format!("/api/services?q={name}&env={}", app.api.environment("Staging").await);
    app.api.until(&observed, |found| found[0]["imageTag"] == *tag).await;
}

async fn drift(app: &App) -> Value {
    let env = app.api.environment("Staging").await;
    app.api.get(&format!("/api/environments/{env}/drift")).await
}

on_both!(drift_is_told_put_back_and_accepted);
async fn drift_is_told_put_back_and_accepted(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let path = format!("/api/environments/{}/revisions", app.api.environment("Staging").await);
    assert_eq!(drift(&app).await["revision"], 0, "there is nothing to compare with yet");
    let first = app.api.post(&path, &json!({ "capture": true, "reason": "as found" })).await;
    assert_eq!(
        (&first["number"], &first["active"], &first["workloads"]),
        (&json!(1), &json!(true), &json!(28)),
        "{first}"
    );
    assert_eq!(drift(&app).await["changes"], json!([]));

    set_by_hand(&app, "cart", "7.0.0").await;
    let found = drift(&app).await;
    assert_eq!(found["changes"].as_array().unwrap().len(), 1, "{found}");
    let change = &found["changes"][0];
    assert_eq!(
        (&change["name"], &change["change"], &change["images"][0]["to"]),
        (&json!("cart"), &json!("changed"), &json!("registry.example.com/shop/cart:7.0.0"))
    );
    let put_back = json!({ "environmentId": app.api.environment("Staging").await, "revision": 1 });
    let ended = app.api.post("/api/deployments?wait=true", &put_back).await;
    assert_eq!((&ended["status"], &ended["revision"]), (&json!("success"), &json!(1)), "{ended}");
    let observed = format!("/api/environments/{}/drift", app.api.environment("Staging").await);
    app.api.until(&observed, |drift| drift["changes"] == json!([])).await;

    set_by_hand(&app, "cart", "8.0.0").await;
    set_by_hand(&app, "checkout", "8.0.0").await;
    let cart = app.api.service("Staging", "cart").await["id"].clone();
    let accepted = app.api.post(&path, &json!({ "base": 1, "capture": true, "services": [cart] })).await;
    assert_eq!((&accepted["number"], &accepted["changed"]), (&json!(2), &json!(1)), "{accepted}");
    assert_eq!(drift(&app).await["changes"][0]["name"], "checkout", "the other one is still drift");
    let (status, problem) =
        app.api.call(Method::POST, &path, Some(&json!({ "base": 1, "capture": true }))).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("edit_conflict")), "{problem}");
    assert_eq!(problem["current"]["number"], 2, "both sides are told");
    app.stop().await;
}

on_both!(chosen_versions_wait_to_be_deployed);
async fn chosen_versions_wait_to_be_deployed(on: On) {
    let Some(app) = App::connected(on).await else { return };
    deployed(&app, "cart", "1.14.1").await;
    let env = app.api.environment("Staging").await;
    let path = format!("/api/environments/{env}/revisions");
    let mut edit = version(&app, "cart", "1.14.2").await;
    edit["base"] = json!(1);
    let latest = app.api.post(&path, &edit).await;
    assert_eq!((&latest["number"], &latest["active"]), (&json!(2), &json!(false)), "{latest}");
    let (status, problem) = app
        .api
        .call(
            Method::POST,
            &path,
            Some(&{
                let mut again = edit.clone();
                again["base"] = json!(2);
                again
            }),
        )
        .await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("no_change")), "{problem}");
    assert_eq!(drift(&app).await["revision"], 1, "what was not deployed is not what should run");

    let ended =
        app.api.post("/api/deployments?wait=true", &json!({ "environmentId": env, "revision": 2 })).await;
    assert_eq!((&ended["status"], &ended["revision"]), (&json!("success"), &json!(2)), "{ended}");
    let found = app.api.get(&format!("/api/environments/{env}")).await;
    assert_eq!((&found["activeRevision"], &found["latestRevision"]), (&json!(2), &json!(2)));
    let whole = app.api.get(&format!("{path}/2")).await;
    assert_eq!(whole["entries"].as_array().unwrap().len(), 28, "it says all that should run");
    let (status, _) = app.api.call(Method::GET, &format!("{path}/9"), None).await;
    assert_eq!(status, 404);
    app.stop().await;
}

on_both!(two_environments_are_compared_field_by_field);
async fn two_environments_are_compared_field_by_field(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let [dev, staging] = [app.api.environment("Development").await, app.api.environment("Staging").await];
    let found = app.api.get(&format!("/api/environments/{dev}/compare?with={staging}")).await;
    assert_eq!((&found["leftName"], &found["rightName"]), (&json!("Development"), &json!("Staging")));
    let differing = found["services"].as_array().unwrap();
    assert_eq!(differing.len() as u64 + found["same"].as_u64().unwrap(), 28, "{found}");
    let cart = differing.iter().find(|service| service["name"] == "cart").unwrap();
    let field =
        cart["fields"].as_array().unwrap().iter().find(|field| field["field"] == "app version").unwrap();
    assert_eq!((&field["left"], &field["right"]), (&json!("1.14.2"), &json!("1.14.0")), "{cart}");

    // One environment in two clusters: what is bound in the second is compared with what is in the first.
    let site = app.api.get("/api/sites").await;
    let rancher = site.as_array().unwrap().iter().find(|site| site["kind"] == "rancher").unwrap();
    let old = app.api.get("/api/app-instances").await;
    let of_shop = |one: &&serde_json::Value| one["namespace"] == "shop-prod";
    let old = old.as_array().unwrap().iter().find(of_shop).unwrap()["id"].as_str().unwrap().to_owned();
    app.api.call(Method::DELETE, &format!("/api/app-instances/{old}?force=true"), None).await;
    let second = json!({
        "rancherSiteId": rancher["id"], "cluster": "c-m-prod0001", "namespace": "shop-prod",
        "application": "shop", "environmentId": staging,
    });
    app.api.post("/api/app-instances", &second).await;
    let services = format!("/api/services?env={staging}&q=cart");
    let carts = |found: &serde_json::Value| {
        found.as_array().unwrap().iter().filter(|service| service["name"] == "cart").count()
    };
    app.api.until(&services, |found| carts(found) == 2).await;
    let across = format!(
        "/api/environments/{staging}/compare?with={staging}&cluster=staging-eu&withCluster=production-eu"
    );
    let found = app.api.get(&across).await;
    assert_eq!(found["rightName"], "Staging in production-eu", "{found}");
    let differing = found["services"].as_array().unwrap();
    assert!(differing.iter().any(|service| service["name"] == "cart"), "{found}");
    let (status, problem) = app.api.call(Method::GET, &format!("{across}x"), None).await;
    assert_eq!((status.as_u16(), &problem["errors"][0]["field"]), (422, &json!("cluster")), "{problem}");
    app.stop().await;
}

on_both!(the_up_to_date_check_counts_replicas);
async fn the_up_to_date_check_counts_replicas(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let env = app.api.environment("Staging").await;
    let path = format!("/api/environments/{env}/up-to-date");
    app.api.post(&format!("/api/environments/{env}/revisions"), &json!({ "capture": true })).await;
    let of = |found: &Value, name: &str| {
        let services = found["services"].as_array().unwrap();
        services.iter().find(|service| service["name"] == name).unwrap().clone()
    };
    let found = app.api.until(&path, |found| of(found, "cart")["upToDate"] == true).await;
    assert_eq!(found["revision"], 1, "{found}");
    let desired = of(&found, "cart")["replicas"]["desired"].as_u64().unwrap();
    set_by_hand(&app, "cart", "7.0.0").await;
    let outdated = |found: &Value| of(found, "cart")["replicas"]["outdated"].as_u64() == Some(desired);
    let found = app.api.until(&path, outdated).await;
    assert_eq!(
        (&of(&found, "cart")["upToDate"], &found["upToDate"]),
        (&json!(false), &json!(false)),
        "{found}"
    );
    app.stop().await;
}
