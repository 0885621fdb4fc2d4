//! What keeps Lockstep quick where there is much: nothing is done about what does not matter, and what is kept is true.

use std::collections::BTreeMap;

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use standin::Kind;

use crate::support::{Api, App, On, on_both};

const STAGING: &str = "c-m-stage001";

on_both!(an_object_of_which_nothing_shown_has_changed_is_no_news);
async fn an_object_of_which_nothing_shown_has_changed_is_no_news(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let staging = app.rancher.cluster(STAGING).unwrap();
    let mut events = app.api.send(Method::GET, "/api/events", None).await.bytes_stream();
    events.next().await.unwrap().unwrap();
    for n in 0..20 {
        let touched = json!({ "metadata": { "annotations": { "example.com/touched": n.to_string() } } });
        staging.patch(Kind::Deployment, "shop-staging", "cart", touched).unwrap();
    }
    let image = "registry.example.com/shop/catalog:9.9.9";
    let moved =
        json!({ "spec": { "template": { "spec": { "containers": [{ "name": "app", "image": image }] } } } });
    staging.patch(Kind::Deployment, "shop-staging", "catalog", moved).unwrap();
    let first = events.next().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("observed"), "{first:?}");
    assert_eq!(app.api.service("Staging", "catalog").await["imageTag"], "9.9.9", "the first news is of this");
    app.stop().await;
}

on_both!(a_first_page_is_as_new_as_the_last_write);
async fn a_first_page_is_as_new_as_the_last_write(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let heads = |matrix: &Value| matrix["environments"].as_array().unwrap().len();
    for n in 4..10 {
        app.api.post("/api/environments", &json!({ "name": format!("Extra {n}") })).await;
        assert_eq!(heads(&app.api.get("/api/matrix").await), n);
        assert_eq!(heads(&app.api.get("/api/matrix").await), n, "and once more");
        let (_, page) = app.api.call(Method::POST, "/rpc/matrix/page", Some(&json!({ "query": {} }))).await;
        assert_eq!(heads(&page), n);
    }
    app.stop().await;
}

/// Image and available replicas by namespace and name.
type Seen = BTreeMap<(String, String), (String, i64)>;

fn seen(all: &Value, available: &str) -> Seen {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |value: &Value| {
        let state = (text(&value["containers"][0]["image"]), value[available].as_i64().unwrap());
        ((text(&value["namespace"]), text(&value["name"])), state)
    };
    all.as_array().unwrap().iter().map(one).collect()
}

on_both!(after_churn_no_row_is_stale);
async fn after_churn_no_row_is_stale(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let rancher = Api::new(app.rancher.url().trim_start_matches("http://").parse().unwrap());
    let churn = |rate: u32| {
        let rancher = &rancher;
        async move { rancher.call(Method::PUT, "/standin/churn", Some(&json!({ "perSecond": rate }))).await }
    };
    let bound = |namespace: &str| {
        namespace.contains("-dev") || namespace.contains("-staging") || namespace.contains("-prod")
    };
    let truth = || async {
        let mut truth = seen(&rancher.get("/standin/truth").await, "available");
        truth.retain(|(namespace, _), _| bound(namespace));
        truth
    };
    let before = truth().await;
    churn(200).await;
    app.api
        .until("/api/services?pageSize=500", |services| {
            let moved = seen(services, "availableReplicas");
            before.iter().filter(|(key, was)| moved.get(*key) != Some(was)).count() > before.len() / 2
        })
        .await;
    churn(0).await;
    // What was changed last may still roll out: what is shown follows until both agree.
    let agree = async {
        loop {
            let services = app.api.get("/api/services?pageSize=500").await;
            if seen(&services, "availableReplicas") == truth().await {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), agree).await.expect("what is shown is as it is");
    app.stop().await;
}
