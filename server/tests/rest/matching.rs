//! Syncs of all that a filter matches, without a list of services.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use standin::Kind;

use crate::support::{App, On, on_both};

async fn request(app: &App, matching: Value) -> Value {
    json!({
        "sourceEnvironmentId": app.api.environment("Development").await,
        "targetEnvironmentId": app.api.environment("Staging").await,
        "matching": matching,
    })
}

fn names(items: &Value) -> BTreeSet<String> {
    items.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

/// Of these items, those that would be changed.
fn changing(items: &Value) -> BTreeSet<String> {
    let moves = |item: &&Value| {
        item["containers"].as_array().unwrap().iter().any(|change| change["from"] != change["to"])
            && item["warnings"].as_array().unwrap().iter().all(|warning| warning["severity"] != "blocking")
    };
    names(&items.as_array().unwrap().iter().filter(moves).cloned().collect())
}

on_both!(all_rows_that_match_are_synced);
async fn all_rows_that_match_are_synced(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let mut request = request(&app, json!({ "matrix": { "application": "shop", "outOfStep": true } })).await;
    let rows = app.api.get("/api/matrix?application=shop&outOfStep=true&pageSize=1").await;
    let preview = app.api.post("/api/sync/preview", &request).await;
    assert!(rows["total"].as_u64().unwrap() > 1, "more than a page of one");
    let matrix = app.api.get("/api/matrix?application=shop&outOfStep=true").await;
    let in_source = |row: &&Value| !row["cells"][0]["instances"].as_array().unwrap().is_empty();
    let expected: Value = matrix["rows"].as_array().unwrap().iter().filter(in_source).cloned().collect();
    assert_eq!(names(&preview["items"]), names(&expected));

    // What comes to match after the preview is not in it, and what is left out stays as it is.
    let left_out = preview["items"].as_array().unwrap().iter().find(|item| item["name"] == "cart").unwrap();
    request["previewId"] = preview["id"].clone();
    request["except"] = json!([{
        "serviceId": left_out["serviceId"],
        "targetAppInstanceId": left_out["target"]["appInstanceId"],
    }]);
    request["onFailure"] = json!("go_on");
    let sync = app.api.post("/api/sync", &request).await;
    let mut expected = changing(&preview["items"]);
    assert!(expected.remove("cart"));
    let sync = app.api.get(&format!("/api/sync/{}", sync["id"].as_str().unwrap())).await;
    assert_eq!(names(&sync["results"]), expected);
    let staging = app.rancher.cluster("c-m-stage001").unwrap();
    let cart = staging.get(Kind::Deployment, "shop-staging", "cart").unwrap();
    let image = &cart["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, "registry.example.com/shop/cart:1.14.0");
    app.stop().await;
}

on_both!(all_services_that_match_are_previewed);
async fn all_services_that_match_are_previewed(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let filter = json!({ "services": { "namespace": "shop-dev", "kind": "Deployment", "pageSize": 1 } });
    let preview = app.api.post("/api/sync/preview", &request(&app, filter).await).await;
    let listed = app.api.get("/api/services?namespace=shop-dev&kind=Deployment").await;
    assert_eq!(names(&preview["items"]), names(&listed));
    assert!(names(&listed).len() > 1);

    // A service may be named besides, to bring it somewhere else; it is in the preview once.
    let mut both = request(&app, json!({ "services": { "namespace": "shop-dev" } })).await;
    let staging = app.api.get("/api/app-instances").await;
    let elsewhere =
        staging.as_array().unwrap().iter().find(|one| one["namespace"] == "platform-staging").unwrap();
    both["serviceIds"] = json!([app.api.service("Development", "cart").await["id"]]);
    both["targetAppInstances"] = json!([elsewhere["id"]]);
    let preview = app.api.post("/api/sync/preview", &both).await;
    let carts: Vec<&Value> =
        preview["items"].as_array().unwrap().iter().filter(|item| item["name"] == "cart").collect();
    assert_eq!(carts.len(), 1);
    assert_eq!(carts[0]["warnings"][0]["code"], "no_counterpart", "{}", carts[0]);
    app.stop().await;
}

on_both!(what_matches_nothing_is_refused);
async fn what_matches_nothing_is_refused(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let production = app.api.environment("Production").await;
    for matching in
        [json!({ "matrix": { "q": "no-such-thing" } }), json!({ "services": { "env": production } })]
    {
        let request = request(&app, matching).await;
        let (status, problem) = app.api.call(Method::POST, "/api/sync/preview", Some(&request)).await;
        assert_eq!((status.as_u16(), &problem["errors"][0]["field"]), (422, &json!("matching")), "{problem}");
    }
    // A preview of one filter is no confirmation of another.
    let mut request = request(&app, json!({ "matrix": { "q": "cart" } })).await;
    request["previewId"] = app.api.post("/api/sync/preview", &request).await["id"].clone();
    request["matching"] = json!({ "matrix": {} });
    let (status, problem) = app.api.call(Method::POST, "/api/sync", Some(&request)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("preview_other_request")), "{problem}");
    app.stop().await;
}
