//! `/api/deployments`

use reqwest::Method;
use serde_json::{Value, json};
use standin::Kind;

use crate::support::{App, On, on_both};

const STAGING: &str = "c-m-stage001";

/// The image that a workload of staging asks for.
fn image(app: &App, name: &str) -> String {
    let found = app.rancher.cluster(STAGING).unwrap().get(Kind::Deployment, "shop-staging", name).unwrap();
    found["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().to_owned()
}

/// Asks for a version of a service of staging.
pub(crate) async fn version(app: &App, name: &str, version: &str) -> Value {
    let service = app.api.service("Staging", name).await;
    json!({
        "environmentId": service["environmentId"],
        "versions": [{ "serviceId": service["id"], "version": version }],
    })
}

/// Deploys a version to staging, and waits for the end.
pub(crate) async fn deployed(app: &App, name: &str, tag: &str) -> Value {
    let request = version(app, name, tag).await;
    app.api.post("/api/deployments?wait=true", &request).await
}

/// A request for staging.
pub(crate) async fn for_staging(app: &App, more: Value) -> Value {
    let mut request = json!({ "environmentId": app.api.environment("Staging").await });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

/// Deploys to staging, and waits for the end.
pub(crate) async fn deploy(app: &App, more: Value) -> Value {
    app.api.post("/api/deployments?wait=true", &for_staging(app, more).await).await
}

/// The numbers of staging's active and latest revision.
async fn numbers(app: &App) -> (i64, i64) {
    let env = app.api.environment("Staging").await;
    let found = app.api.get(&format!("/api/environments/{env}")).await;
    (found["activeRevision"].as_i64().unwrap(), found["latestRevision"].as_i64().unwrap())
}

on_both!(a_version_is_deployed_and_rolled_back_to);
async fn a_version_is_deployed_and_rolled_back_to(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let first = deployed(&app, "cart", "1.14.1").await;
    assert_eq!(
        (&first["status"], &first["state"], &first["origin"], &first["revision"]),
        (&json!("success"), &json!("complete"), &json!("deploy"), &json!(1)),
        "{first}"
    );
    let second = deployed(&app, "cart", "registry.example.com/shop/cart:1.14.2").await;
    assert_eq!((&second["status"], numbers(&app).await), (&json!("success"), (2, 2)), "{second}");
    assert_eq!(image(&app, "cart"), "registry.example.com/shop/cart:1.14.2");

    let env = first["environmentId"].as_str().unwrap();
    let revisions = app.api.get(&format!("/api/environments/{env}/revisions")).await;
    assert_eq!(
        (&revisions[0]["reason"], &revisions[0]["changed"], &revisions[0]["active"]),
        (&json!("cart 1.14.2"), &json!(1), &json!(true)),
        "{revisions}"
    );
    let older = json!({ "environmentId": env, "revision": 1 });
    let (status, problem) = app.api.call(Method::POST, "/api/deployments", Some(&older)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("older_revision")), "{problem}");

    let back = json!({ "environmentId": env, "revision": 1, "rollback": true });
    let shown = app.api.post("/api/deployments/preview", &back).await;
    assert_eq!(shown["items"].as_array().unwrap().len(), 1, "only what differs is shown: {shown}");
    let back = app.api.post("/api/deployments?wait=true", &back).await;
    assert_eq!((&back["status"], &back["origin"]), (&json!("success"), &json!("rollback")), "{back}");
    assert_eq!((image(&app, "cart").ends_with(":1.14.1"), numbers(&app).await), (true, (3, 3)));
    let diff = app.api.get(&format!("/api/environments/{env}/diff?from=1&to=3")).await;
    assert_eq!(diff["changes"], json!([]), "what was rolled back to runs again");

    let listed = app.api.get(&format!("/api/deployments?env={env}")).await;
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["id"]), (3, &back["id"]));
    let state = app.api.get(&format!("/api/deployments/{}/status", back["id"].as_str().unwrap())).await;
    assert_eq!((&state["status"], &state["ended"]), (&json!("success"), &json!(true)));
    app.stop().await;
}

on_both!(what_fails_is_put_back_and_changes_no_revision);
async fn what_fails_is_put_back_and_changes_no_revision(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let quick = json!({ "spec": { "progressDeadlineSeconds": 1 } });
    app.rancher.cluster(STAGING).unwrap().patch(Kind::Deployment, "shop-staging", "cart", quick).unwrap();
    deployed(&app, "cart", "1.14.1").await;
    let failed = deployed(&app, "cart", "2.0.0-crash").await;
    assert_eq!(
        (&failed["status"], &failed["state"]),
        (&json!("rolled_back"), &json!("put_back")),
        "{failed}"
    );
    assert_eq!((image(&app, "cart").ends_with(":1.14.1"), numbers(&app).await), (true, (1, 2)));
    let env = failed["environmentId"].as_str().unwrap();
    let drift = app.api.get(&format!("/api/environments/{env}/drift")).await;
    assert_eq!((&drift["revision"], &drift["changes"]), (&json!(1), &json!([])), "{drift}");

    // What is left where it failed is what the environment is at; the rest is tried again.
    let mut request = version(&app, "cart", "2.0.0-crash").await;
    request["onFailure"] = json!("stop");
    let left = app.api.post("/api/deployments?wait=true", &request).await;
    assert_eq!((&left["status"], numbers(&app).await), (&json!("failed"), (3, 3)), "{left}");
    let path = format!("/api/deployments/{}", left["id"].as_str().unwrap());
    let (status, problem) = app.api.call(Method::POST, &format!("{path}/retry"), None).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("nothing_to_do")), "{problem}");
    let back = app.api.post(&format!("{path}/rollback?wait=true"), &json!({ "note": "it crashes" })).await;
    assert_eq!(
        (&back["status"], &back["undoOf"], &back["note"]),
        (&json!("success"), &left["id"], &json!("it crashes")),
        "{back}"
    );
    assert!(image(&app, "cart").ends_with(":1.14.1"));
    app.stop().await;
}

on_both!(the_rest_is_tried_again);
async fn the_rest_is_tried_again(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let mut request = version(&app, "cart", "1.14.1").await;
    let other = app.api.service("Staging", "checkout").await;
    let (service, tag) = (&other["id"], "9.9.9");
    request["versions"].as_array_mut().unwrap().push(json!({ "serviceId": service, "version": tag }));
    request["onFailure"] = json!("go_on");
    let shown = app.api.post("/api/deployments/preview", &request).await;
    request["previewId"] = shown["id"].clone();
    let theirs = json!({ "spec": { "template": { "spec": { "containers": [{ "name": "app", "image": "registry.example.com/shop/checkout:8" }] } } } });
    app.rancher
        .cluster(STAGING)
        .unwrap()
        .patch(Kind::Deployment, "shop-staging", "checkout", theirs)
        .unwrap();
    let partly = app.api.post("/api/deployments?wait=true", &request).await;
    assert_eq!(
        (&partly["status"], &partly["counts"]["success"], &partly["counts"]["failed"]),
        (&json!("failed"), &json!(1), &json!(1)),
        "{partly}"
    );
    let env = partly["environmentId"].as_str().unwrap();
    let active = numbers(&app).await.0;
    let active = app.api.get(&format!("/api/environments/{env}/revisions/{active}")).await;
    assert_eq!(active["reason"], "what revision 1 was left at", "{active}");

    let path = format!("/api/deployments/{}/retry?wait=true", partly["id"].as_str().unwrap());
    let rest = app.api.post(&path, &json!({})).await;
    assert_eq!(
        (&rest["status"], &rest["retryOf"], &rest["counts"]["total"]),
        (&json!("success"), &partly["id"], &json!(1)),
        "{rest}"
    );
    assert!(image(&app, "checkout").ends_with(":9.9.9"));
    let (status, problem) = app
        .api
        .call(Method::POST, &path.replace(partly["id"].as_str().unwrap(), rest["id"].as_str().unwrap()), None)
        .await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("nothing_to_retry")), "{problem}");
    app.stop().await;
}

on_both!(a_deployments_log_ends_with_it);
async fn a_deployments_log_ends_with_it(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let request = version(&app, "cart", "1.14.1").await;
    let started = app.api.post("/api/deployments", &request).await;
    let path = format!("/api/deployments/{}/logs", started["id"].as_str().unwrap());
    let followed = app.api.send(Method::GET, &format!("{path}?follow=true"), None).await;
    assert_eq!(followed.headers()["content-type"], "text/event-stream");
    let followed = followed.text().await.unwrap();
    let lines: Vec<&str> = followed.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert!(lines[0].ends_with("started a deployment to Staging of 1 service"), "{followed}");
    assert!(lines.last().unwrap().contains("complete: "), "{followed}");
    let read = app.api.get(&path).await;
    assert_eq!(
        read.as_str().unwrap().lines().collect::<Vec<_>>(),
        lines,
        "what is read afterwards is the same"
    );
    app.stop().await;
}

on_both!(a_wrong_request_says_what_is_wrong);
async fn a_wrong_request_says_what_is_wrong(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let faults = async |body: &Value| {
        let (status, problem) = app.api.call(Method::POST, "/api/deployments", Some(body)).await;
        assert_eq!(status.as_u16(), 422, "{problem}");
        problem["errors"][0]["field"].as_str().unwrap().to_owned()
    };
    let env = app.api.environment("Staging").await;
    assert_eq!(faults(&json!({ "environmentId": env })).await, "versions");
    assert_eq!(faults(&json!({ "environmentId": env, "revision": 7 })).await, "revision");
    assert_eq!(faults(&json!({ "environmentId": env, "rollback": true })).await, "revision");
    assert_eq!(faults(&version(&app, "cart", "two words").await).await, "versions[0]");
    let stranger = app.api.service("Development", "cart").await;
    let versions = json!([{ "serviceId": stranger["id"], "version": "1" }]);
    assert_eq!(faults(&json!({ "environmentId": env, "versions": versions })).await, "versions[0]");
    let nobody = json!({ "environmentId": stranger["id"], "versions": versions });
    assert_eq!(faults(&nobody).await, "environmentId");
    app.stop().await;
}

on_both!(the_same_key_starts_one_deployment);
async fn the_same_key_starts_one_deployment(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let request = version(&app, "cart", "1.14.1").await;
    let send = async |key: &str, body: &Value| {
        let request =
            app.api.request(Method::POST, "/api/deployments").header("Idempotency-Key", key).json(body);
        let response = request.send().await.unwrap();
        let replayed = response.headers().contains_key("idempotency-replayed");
        let location = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        (status, replayed, location, response.json::<Value>().await.unwrap())
    };
    let first = send("one", &request).await;
    assert_eq!((first.0, first.1), (202, false), "{}", first.3);
    let again = send("one", &request).await;
    assert_eq!((again.0, again.1, &again.2, &again.3["id"]), (202, true, &first.2, &first.3["id"]));
    let other = version(&app, "cart", "1.14.2").await;
    let refused = send("one", &other).await;
    assert_eq!((refused.0, &refused.3["code"]), (409, &json!("key_reused")), "{}", refused.3);
    let wrong = send("two", &json!({ "environmentId": first.3["environmentId"] })).await;
    let still = send("two", &json!({ "environmentId": first.3["environmentId"] })).await;
    assert_eq!(
        (wrong.0, still.0, still.1, &still.3),
        (422, 422, true, &wrong.3),
        "a refusal is an answer too"
    );
    let history = app.api.get("/api/deployments").await;
    assert_eq!(history.as_array().unwrap().len(), 1, "{history}");
    app.stop().await;
}

/// Whether a deployment has ended, and how.
async fn ended(app: &App, deployment: &Value) -> Value {
    let path = format!("/api/deployments/{}", deployment["id"].as_str().unwrap());
    app.api.until(&path, |found| found["completedAt"].is_string()).await
}

on_both!(an_environment_has_one_deployment_at_a_time);
async fn an_environment_has_one_deployment_at_a_time(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let start = async |name: &str, tag: &str| {
        let request = version(&app, name, tag).await;
        app.api.post("/api/deployments", &request).await
    };
    let first = start("cart", "2.0.0-hang").await;
    let path = format!("/api/deployments/{}", first["id"].as_str().unwrap());
    app.api.until(&path, |found| found["tasks"][0]["status"] == "rolling_out").await;
    let second = start("checkout", "9.0.0").await;
    let third = start("checkout", "9.0.1").await;
    let second = ended(&app, &second).await;
    assert_eq!(
        (&second["status"], &second["state"]),
        (&json!("cancelled"), &json!("superseded")),
        "{second}"
    );
    let after_first = version(&app, "cart", "2.0.1").await;
    let shown = app.api.post("/api/deployments/preview", &after_first).await;
    let item = &shown["items"][0];
    assert_eq!(
        (&item["containers"][0]["fromVersion"], &item["warnings"][0]["code"]),
        (&json!("2.0.0-hang"), &json!("waits")),
        "{shown}"
    );
    let elsewhere = app.api.service("Production", "cart").await;
    let elsewhere = json!({
        "environmentId": elsewhere["environmentId"],
        "versions": [{ "serviceId": elsewhere["id"], "version": "1.14.1" }],
    });
    let elsewhere = app.api.post("/api/deployments?wait=true", &elsewhere).await;
    assert_eq!(elsewhere["status"], "success", "another environment does not wait: {elsewhere}");
    let waiting = app.api.get(&format!("/api/deployments/{}", third["id"].as_str().unwrap())).await;
    assert_eq!((&waiting["status"], &waiting["begunAt"]), (&json!("pending"), &json!(null)), "{waiting}");

    let fourth = app.api.post("/api/deployments", &after_first).await;
    let cancelled = format!("/api/deployments/{}/cancel", fourth["id"].as_str().unwrap());
    app.api.post(&cancelled, &json!({})).await;
    let fourth = ended(&app, &fourth).await;
    assert_eq!(fourth["status"], "cancelled", "it does not wait for its turn to be cancelled: {fourth}");

    let theirs = json!({ "spec": { "template": { "spec": { "containers": [{ "name": "app", "image": "registry.example.com/shop/cart:3" }] } } } });
    app.rancher.cluster(STAGING).unwrap().patch(Kind::Deployment, "shop-staging", "cart", theirs).unwrap();
    assert_eq!(ended(&app, &first).await["status"], "failed");
    assert_eq!(ended(&app, &third).await["status"], "success");
    assert!(image(&app, "checkout").ends_with(":9.0.1"));
    app.stop().await;
}

on_both!(a_deployment_waits_for_its_time);
async fn a_deployment_waits_for_its_time(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let mut request = version(&app, "cart", "1.14.1").await;
    request["scheduledFor"] = json!("2020-01-01T00:00:00Z");
    let (status, problem) = app.api.call(Method::POST, "/api/deployments", Some(&request)).await;
    assert_eq!((status.as_u16(), &problem["errors"][0]["field"]), (422, &json!("scheduledFor")), "{problem}");

    let in_a_month = chrono::Utc::now() + chrono::TimeDelta::days(30);
    request["scheduledFor"] = json!(in_a_month);
    let later = app.api.post("/api/deployments", &request).await;
    assert_eq!(later["status"], "pending", "{later}");
    let soon = chrono::Utc::now() + chrono::TimeDelta::seconds(1);
    request["scheduledFor"] = json!(soon.with_timezone(&chrono::FixedOffset::east_opt(3_600).unwrap()));
    let soon_one = app.api.post("/api/deployments", &request).await;
    let soon_one = ended(&app, &soon_one).await;
    assert_eq!(soon_one["status"], "success", "one that is to begin later holds nobody up: {soon_one}");
    let begun: chrono::DateTime<chrono::Utc> = soon_one["begunAt"].as_str().unwrap().parse().unwrap();
    assert!(begun >= soon, "{soon_one}");

    let path = format!("/api/deployments/{}/cancel", later["id"].as_str().unwrap());
    app.api.post(&path, &json!({})).await;
    assert_eq!(ended(&app, &later).await["status"], "cancelled");
    app.stop().await;
}

on_both!(how_deployments_go_is_told_in_numbers);
async fn how_deployments_go_is_told_in_numbers(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let none = app.api.get("/api/deployments/metrics?days=7").await;
    assert_eq!((&none["deployments"], &none["successRate"]), (&json!(0), &json!(null)), "{none}");
    deployed(&app, "cart", "1.14.1").await;
    let quick = json!({ "spec": { "progressDeadlineSeconds": 1 } });
    app.rancher.cluster(STAGING).unwrap().patch(Kind::Deployment, "shop-staging", "cart", quick).unwrap();
    deployed(&app, "cart", "2.0.0-crash").await;
    let found = app.api.get("/api/deployments/metrics?days=7").await;
    assert_eq!(
        (&found["deployments"], &found["successRate"], found["history"].as_array().unwrap().len()),
        (&json!(2), &json!(0.5), 7),
        "{found}"
    );
    app.stop().await;
}
