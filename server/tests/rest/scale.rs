//! What keeps Lockstep quick where there is much: nothing is done about what does not matter, and what is kept is true.

use std::{collections::BTreeMap, time::Duration};

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
    // A cluster may still tell of itself, that it is live: that is of no service.
    let first = loop {
        let news = events.next().await.unwrap().unwrap();
        let news = String::from_utf8_lossy(&news).into_owned();
        if !news.contains(r#""environments":[]"#) {
            break news;
        }
    };
    assert!(first.contains("observed") && first.contains(r#""names":["catalog"]"#), "{first}");
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

/// The rows that are not shown as they are.
fn stale(shown: &Seen, truth: &Seen) -> Vec<String> {
    let bound = |namespace: &str| namespace.ends_with("-dev") || namespace.ends_with("-staging");
    let known = truth.iter().filter(|((namespace, _), _)| bound(namespace));
    let wrong = known.filter(|(key, is)| shown.get(*key) != Some(is));
    wrong.map(|(key, is)| format!("{key:?} is {is:?} and shown as {:?}", shown.get(key))).collect()
}

on_both!(after_churn_no_row_is_stale);
async fn after_churn_no_row_is_stale(on: On) {
    let fleet = standin::Fleet { clusters: 1, services: 90, stages: 3, replicas: 2 };
    let rollout = Duration::from_millis(20);
    let options = standin::Options { rollout, fleet: Some(fleet), history: 200_000, ..Default::default() };
    let rancher = standin::start(options).await.unwrap();
    let Some(app) = App::start_with(on, Default::default(), rancher).await else { return };
    app.api.connect_fleet(app.rancher.url(), 60).await;
    let rancher = Api::new(app.rancher.url().trim_start_matches("http://").parse().unwrap());
    let before = seen(&rancher.get("/standin/truth").await, "available");
    let shown = |services: &Value| seen(services, "availableReplicas");

    // No more than this build follows on a machine that does other things too.
    rancher.call(Method::PUT, "/standin/churn", Some(&json!({ "perSecond": 10 }))).await;
    let path = "/api/services?pageSize=100";
    app.api.until(path, |services| stale(&shown(services), &before).len() > 10).await;
    rancher.call(Method::PUT, "/standin/churn", Some(&json!({ "perSecond": 0 }))).await;

    // What was changed last still rolls out: what is shown follows until both agree.
    let mut events = app.api.send(Method::GET, "/api/events", None).await.bytes_stream();
    let mut wrong = Vec::new();
    let agree = async {
        loop {
            let truth = seen(&rancher.get("/standin/truth").await, "available");
            wrong = stale(&shown(&app.api.get(path).await), &truth);
            if wrong.is_empty() {
                return;
            }
            events.next().await.unwrap().unwrap();
        }
    };
    let agreed = tokio::time::timeout(Duration::from_secs(60), agree).await;
    assert!(agreed.is_ok(), "{wrong:#?}");
    app.stop().await;
}
