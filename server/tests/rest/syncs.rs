//! `/api/sync`

use reqwest::Method;
use serde_json::{Value, json};
use standin::Kind;

use crate::support::{App, On, on_both};

const STAGING: &str = "c-m-stage001";

fn image(object: &Value) -> &str {
    object["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap()
}

fn set_image(image: &str) -> Value {
    json!({ "spec": { "template": { "spec": { "containers": [{ "name": "app", "image": image }] } } } })
}

on_both!(a_sync_moves_the_tag_and_nothing_else);
async fn a_sync_moves_the_tag_and_nothing_else(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let staging = app.rancher.cluster(STAGING).unwrap();
    let before = staging.get(Kind::Deployment, "shop-staging", "cart").unwrap();
    let mut request = app.api.sync_request(&["cart"]).await;
    let preview = app.api.post("/api/sync/preview", &request).await;
    let item = &preview["items"][0];
    assert_eq!(
        (&item["containers"][0]["fromVersion"], &item["containers"][0]["toVersion"]),
        (&json!("1.14.0"), &json!("1.14.2"))
    );
    assert_eq!(
        image(&staging.get(Kind::Deployment, "shop-staging", "cart").unwrap()),
        image(&before),
        "a preview changes nothing"
    );

    request["previewId"] = preview["id"].clone();
    request["note"] = json!("because");
    request["ticket"] = json!("https://tracker.example.com/T-1");
    let sync = app.api.post("/api/sync?wait=true", &request).await;
    assert_eq!(sync["status"], "complete", "{sync}");
    let result = &sync["results"][0];
    assert_eq!(
        (&result["previousImageTag"], &result["newImageTag"], &result["status"]),
        (&json!("1.14.0"), &json!("1.14.2"), &json!("success"))
    );

    let after = staging.get(Kind::Deployment, "shop-staging", "cart").unwrap();
    assert_eq!(image(&after), "registry.example.com/shop/cart:1.14.2");
    assert_eq!(after["metadata"]["annotations"]["lockstep.dev/deployment"], sync["id"]);
    let mut spec = after["spec"].clone();
    spec["template"]["spec"]["containers"][0]["image"] =
        before["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert_eq!(spec, before["spec"], "all but the image stays");
    app.api.until("/api/matrix?q=cart", |matrix| matrix["rows"][0]["cells"][1]["differs"] == false).await;
    assert!(app.api.service("Staging", "cart").await["lastSynced"].is_string());

    let history = app.api.get("/api/sync/history?q=because").await;
    assert_eq!((&history[0]["id"], &history[0]["initiatedBy"]), (&sync["id"], &json!("local operator")));
    let env = app.api.environment("Staging").await;
    let revisions = app.api.get(&format!("/api/environments/{env}/revisions")).await;
    assert_eq!((&revisions[0]["number"], &revisions[0]["deploymentId"]), (&json!(1), &sync["id"]));
    app.stop().await;
}

on_both!(an_undo_goes_back);
async fn an_undo_goes_back(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let staging = app.rancher.cluster(STAGING).unwrap();
    let sync = app.api.post("/api/sync?wait=true", &app.api.sync_request(&["cart", "checkout"]).await).await;
    let path = format!("/api/sync/{}/undo", sync["id"].as_str().unwrap());
    let preview = app.api.post(&path, &json!({})).await;
    assert_eq!(preview["undoOf"], sync["id"]);
    assert_eq!(
        image(&staging.get(Kind::Deployment, "shop-staging", "cart").unwrap()),
        "registry.example.com/shop/cart:1.14.2"
    );
    let undo = format!("{path}?confirm=true&wait=true&previewId={}", preview["id"].as_str().unwrap());
    let undone = app.api.post(&undo, &json!({})).await;
    assert_eq!((&undone["status"], &undone["origin"]), (&json!("complete"), &json!("rollback")), "{undone}");
    assert_eq!(
        image(&staging.get(Kind::Deployment, "shop-staging", "cart").unwrap()),
        "registry.example.com/shop/cart:1.14.0"
    );
    app.stop().await;
}

on_both!(what_changed_since_the_preview_is_refused);
async fn what_changed_since_the_preview_is_refused(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let staging = app.rancher.cluster(STAGING).unwrap();
    let mut request = app.api.sync_request(&["cart", "checkout"]).await;
    request["previewId"] = app.api.post("/api/sync/preview", &request).await["id"].clone();
    request["onFailure"] = json!("go_on");
    let theirs = "registry.example.com/shop/cart:7.0.0";
    staging.patch(Kind::Deployment, "shop-staging", "cart", set_image(theirs)).unwrap();
    let other_field = json!({ "metadata": { "labels": { "touched": "yes" } } });
    staging.patch(Kind::Deployment, "shop-staging", "checkout", other_field).unwrap();
    let sync = app.api.post("/api/sync?wait=true", &request).await;
    let of = |name: &str| {
        sync["results"].as_array().unwrap().iter().find(|task| task["name"] == name).unwrap().clone()
    };
    assert_eq!(
        (&sync["status"], &of("cart")["status"], &of("checkout")["status"]),
        (&json!("failed"), &json!("refused"), &json!("success")),
        "{sync}"
    );
    assert!(of("cart")["error"].as_str().unwrap().contains("7.0.0"), "it shows the new state: {sync}");
    assert_eq!(image(&staging.get(Kind::Deployment, "shop-staging", "cart").unwrap()), theirs);
    let again = app.api.post("/api/sync/preview", &app.api.sync_request(&["cart"]).await).await;
    let codes: Vec<&Value> =
        again["items"][0]["warnings"].as_array().unwrap().iter().map(|warning| &warning["code"]).collect();
    assert!(codes.contains(&&json!("older_version")), "{again}");

    // What was refused was changed by someone else, and is not this sync's to take back.
    let undo = format!("/api/sync/{}/undo", sync["id"].as_str().unwrap());
    let way_back = app.api.post(&undo, &json!({})).await;
    let names: Vec<&Value> = way_back["items"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
    assert_eq!(names, ["checkout"]);
    app.stop().await;
}

on_both!(a_failure_puts_everything_back);
async fn a_failure_puts_everything_back(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let staging = app.rancher.cluster(STAGING).unwrap();
    let quick = json!({ "spec": { "progressDeadlineSeconds": 1 } });
    staging.patch(Kind::Deployment, "payments-staging", "fraud-check", quick).unwrap();
    let mut request = app.api.sync_request(&["cart", "fraud-check"]).await;
    request["onFailure"] = json!("put_back");
    let sync = app.api.post("/api/sync?wait=true", &request).await;
    assert_eq!(sync["status"], "put_back", "{sync}");
    for task in sync["results"].as_array().unwrap() {
        assert_eq!(task["status"], "put_back", "{task}");
    }
    let cart = staging.get(Kind::Deployment, "shop-staging", "cart").unwrap();
    assert_eq!(image(&cart), "registry.example.com/shop/cart:1.14.0");
    let fraud = staging.get(Kind::Deployment, "payments-staging", "fraud-check").unwrap();
    assert_eq!(image(&fraud), "registry.example.com/payments/fraud-check:2.1.4");
    app.stop().await;
}

on_both!(two_syncs_never_work_on_one_service);
async fn two_syncs_never_work_on_one_service(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let hanging = "registry.example.com/shop/cart:2.0.0-hang";
    app.rancher
        .cluster("local")
        .unwrap()
        .patch(Kind::Deployment, "shop-dev", "cart", set_image(hanging))
        .unwrap();
    app.api.until("/api/services?q=2.0.0-hang", |list| list.as_array().unwrap().len() == 1).await;
    let request = app.api.sync_request(&["cart"]).await;
    let shown = app.api.post("/api/sync/preview", &request).await;
    let first = app.api.post("/api/sync", &request).await;
    let path = format!("/api/sync/{}", first["id"].as_str().unwrap());
    app.api.until(&path, |sync| sync["results"][0]["status"] == "rolling_out").await;
    let mut second = request.clone();
    second["previewId"] = shown["id"].clone();
    let second = app.api.post("/api/sync", &second).await;
    assert_eq!((&second["status"], &second["begunAt"]), (&json!("pending"), &json!(null)), "{second}");
    let (status, _) = app.api.call(Method::POST, &format!("{path}/cancel"), None).await;
    assert_eq!(status, 202);
    let staging = app.rancher.cluster(STAGING).unwrap();
    staging
        .patch(Kind::Deployment, "shop-staging", "cart", set_image("registry.example.com/shop/cart:3.0.0"))
        .unwrap();
    let ended = app.api.until(&path, |sync| sync["endTime"].is_string()).await;
    assert_eq!(ended["results"][0]["status"], "failed", "someone else's change is told, not fought: {ended}");
    let path = format!("/api/sync/{}", second["id"].as_str().unwrap());
    let ended = app.api.until(&path, |sync| sync["endTime"].is_string()).await;
    assert_eq!(ended["results"][0]["status"], "refused", "it is not what its preview had shown: {ended}");
    app.stop().await;
}

on_both!(what_admission_refuses_is_seen_before);
async fn what_admission_refuses_is_seen_before(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let dev = app.rancher.cluster("local").unwrap();
    dev.patch(Kind::Deployment, "shop-dev", "cart", set_image("registry.example.com/shop/cart:2.0.0-denied"))
        .unwrap();
    app.api.until("/api/services?q=2.0.0-denied", |list| list.as_array().unwrap().len() == 1).await;
    let request = app.api.sync_request(&["cart"]).await;
    let preview = app.api.post("/api/sync/preview", &request).await;
    let warning = preview["items"][0]["warnings"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&warning["code"], &warning["severity"]),
        (&json!("refused_by_cluster"), &json!("blocking")),
        "{preview}"
    );
    assert!(warning["message"].as_str().unwrap().contains("images.policy.example.com"), "{preview}");
    let (status, problem) = app.api.call(Method::POST, "/api/sync", Some(&request)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("nothing_to_do")));
    assert_eq!(app.rancher.cluster(STAGING).unwrap().records().len(), 0);
    app.stop().await;
}

on_both!(nothing_is_started_for_nothing);
async fn nothing_is_started_for_nothing(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let nothing = app.api.sync_request(&["catalog"]).await;
    let (status, problem) = app.api.call(Method::POST, "/api/sync", Some(&nothing)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("nothing_to_do")));
    // What is blocked says why.
    let sites = app.api.get("/api/sites").await;
    let site = format!("/api/sites/{}", sites[0]["id"].as_str().unwrap());
    app.api.call(Method::PUT, &site, Some(&json!({ "active": false }))).await;
    let off = app.api.sync_request(&["cart"]).await;
    let (status, problem) = app.api.call(Method::POST, "/api/sync", Some(&off)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("nothing_to_do")));
    assert!(problem["detail"].as_str().unwrap().contains("switched off"), "{problem}");
    app.api.until("/api/services?q=cart", |found| found[0]["staleSince"].is_string()).await;
    app.api.call(Method::PUT, &site, Some(&json!({ "active": true }))).await;

    let mut wrong = app.api.sync_request(&["cart"]).await;
    wrong["ticket"] = json!("javascript:alert(1)");
    let (status, problem) = app.api.call(Method::POST, "/api/sync", Some(&wrong)).await;
    assert_eq!((status.as_u16(), &problem["errors"][0]["field"]), (422, &json!("ticket")));
    wrong["serviceIds"] = json!([]);
    let (status, problem) = app.api.call(Method::POST, "/api/sync/preview", Some(&wrong)).await;
    assert_eq!((status.as_u16(), &problem["errors"][0]["field"]), (422, &json!("serviceIds")));
    app.stop().await;
}

on_both!(syncs_of_other_services_start_at_the_same_time);
async fn syncs_of_other_services_start_at_the_same_time(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let matrix = app.api.get("/api/matrix?outOfStep=true").await;
    let mut requests = Vec::new();
    for row in matrix["rows"].as_array().unwrap().iter().filter(|row| row["cells"][1]["differs"] == true) {
        requests.push(app.api.sync_request(&[row["name"].as_str().unwrap()]).await);
    }
    assert!(requests.len() > 3, "{matrix}");
    let calls = requests.iter().map(|request| app.api.call(Method::POST, "/api/sync", Some(request)));
    let mut revisions = Vec::new();
    for (status, sync) in futures::future::join_all(calls).await {
        assert!(status == 202 || sync["code"] == "nothing_to_do", "{status} {sync}");
        revisions.extend(sync["revision"].as_i64());
    }
    let own: std::collections::HashSet<_> = revisions.iter().collect();
    assert_eq!(own.len(), revisions.len(), "each has a number of its own: {revisions:?}");
    assert!(revisions.len() > 3, "{revisions:?}");
    app.stop().await;
}
