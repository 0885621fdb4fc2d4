//! How much of clusters there is, and how much is taken.

use serde_json::{Value, json};

use crate::{
    local::{Swept, bind, path, put, script},
    support::{App, On, on_both},
};

/// A cluster whose capacity is known by now, and found or not.
fn asked(name: &'static str) -> impl Fn(&Value) -> bool {
    move |clusters| found(clusters, name)["at"].is_string()
}

fn found(clusters: &Value, name: &str) -> Value {
    let all = clusters.as_array().unwrap();
    all.iter().find(|cluster| cluster["name"] == name).unwrap()["capacity"].clone()
}

on_both!(a_clusters_capacity_is_told_without_waiting_for_it);
async fn a_clusters_capacity_is_told_without_waiting_for_it(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let clusters = app.api.until("/api/clusters", asked("production-eu")).await;
    let capacity = &found(&clusters, "production-eu")["found"];
    assert_eq!((&capacity["nodes"], &capacity["taken"]), (&json!(3), &json!("requested")), "{capacity}");
    for part in ["cpu", "memory", "pods"] {
        let amount = |of: &str| capacity[part][of].as_u64().unwrap();
        assert!(amount("taken") > 0 && amount("taken") < amount("total"), "{part}: {capacity}");
    }
    let one = app.api.get("/api/clusters/production-eu").await;
    assert_eq!(one["capacity"]["found"], *capacity);
    app.stop().await;
}

on_both!(a_token_that_may_not_list_nodes_says_so);
async fn a_token_that_may_not_list_nodes_says_so(on: On) {
    let Some(app) = App::start(on).await else { return };
    let url = format!("{}/k8s/clusters/c-m-stage001", app.rancher.url());
    let new = json!({ "name": "K", "kind": "kubernetes", "url": url, "token": standin::NO_NODES_TOKEN });
    app.api.post("/api/sites", &new).await;
    let name = app.api.get("/api/clusters").await[0]["name"].as_str().unwrap().to_owned();
    let at = format!("/api/clusters/{name}");
    let cluster = app.api.until(&at, |cluster| cluster["capacity"]["at"].is_string()).await;
    let words = cluster["capacity"]["unknown"].as_str().unwrap();
    assert!(words.contains("may not list nodes") && cluster["capacity"]["found"].is_null(), "{cluster}");
    app.stop().await;
}

on_both!(this_machines_processors_and_memory_are_told_with_what_replicas_use);
async fn this_machines_processors_and_memory_are_told_with_what_replicas_use(on: On) {
    let Some(app) = App::start(on).await else { return };
    let _swept = Swept::of(app.dir.path());
    app.api.post("/api/clusters", &json!({ "name": "here" })).await;
    put(&app.api, "shop", &script("exec sleep 1000", "1.0", 0)).await;
    bind(&app.api, "Development", "shop").await;
    let runs =
        |service: &Value| service["running"].as_array().unwrap().iter().all(|one| one["ready"] == true);
    app.api
        .until(&path("shop"), |service| service["running"].as_array().unwrap().len() == 2 && runs(service))
        .await;
    let clusters = app.api.until("/api/clusters", asked("here")).await;
    let capacity = &found(&clusters, "here")["found"];
    assert_eq!((&capacity["taken"], &capacity["pods"]), (&json!("used"), &Value::Null), "{capacity}");
    let memory = |of: &str| capacity["memory"][of].as_u64().unwrap();
    assert!(memory("taken") > 0 && memory("taken") < memory("total"), "{capacity}");
    assert!(capacity["cpu"]["total"].as_u64().unwrap() >= 1_000, "{capacity}");
    app.stop().await;
}
