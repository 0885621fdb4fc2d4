//! `/api/services` and `/api/matrix`

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{App, On, on_both};

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|service| service["name"].as_str().unwrap()).collect()
}

on_both!(pages_add_up_to_the_whole);
async fn pages_add_up_to_the_whole(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let mut seen = Vec::new();
    let mut path = "/api/services?sort=-changed&pageSize=20".to_owned();
    loop {
        let response = app.api.send(Method::GET, &path, None).await;
        assert_eq!(response.headers()["x-total-count"], "84");
        let link = response.headers()["link"].to_str().unwrap().to_owned();
        let page: Value = response.json().await.unwrap();
        seen.extend(page.as_array().unwrap().iter().map(|service| service["id"].to_string()));
        let Some(next) = link.split(", ").find(|link| link.contains("rel=\"next\"")) else { break };
        path = next[1..next.find('>').unwrap()].to_owned();
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 84);

    let response = app.api.send(Method::GET, "/api/app-instances?page=2&pageSize=5", None).await;
    assert_eq!(response.headers()["x-total-count"], "9");
    assert!(response.headers()["link"].to_str().unwrap().contains("page=1>; rel=\"prev\""));
    assert_eq!(response.json::<Value>().await.unwrap().as_array().unwrap().len(), 4);
    app.stop().await;
}

on_both!(filters_search_and_sorting);
async fn filters_search_and_sorting(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let dev = app.api.environment("Development").await;
    let failed = app.api.get(&format!("/api/services?env={dev}&status=failed")).await;
    assert_eq!(names(&failed), ["fraud-check", "recommendations"]);
    assert!(failed[0]["reason"].as_str().unwrap().contains("cannot be pulled"), "{failed}");
    assert!(failed[1]["reason"].as_str().unwrap().contains("crash loop"), "{failed}");
    let daemons = app.api.get("/api/services?kind=DaemonSet").await;
    assert_eq!(names(&daemons), ["node-agent"; 3]);
    assert_eq!(names(&app.api.get("/api/services?q=CART&cluster=staging-eu").await), ["cart"]);
    for literal in ["%25", "_", "100%25_"] {
        assert_eq!(
            app.api.get(&format!("/api/services?q={literal}")).await,
            json!([]),
            "a wildcard is a character"
        );
    }
    let descending = app.api.get(&format!("/api/services?env={dev}&sort=-name")).await;
    let mut sorted = names(&descending);
    sorted.sort_unstable();
    sorted.reverse();
    assert_eq!(names(&descending), sorted);
    let stopped = app.api.get("/api/services?status=stopped").await;
    assert_eq!(names(&stopped), ["media-resizer"]);
    app.stop().await;
}

on_both!(the_matrix_knows_what_is_out_of_step);
async fn the_matrix_knows_what_is_out_of_step(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let matrix = app.api.get("/api/matrix?pageSize=5&page=2").await;
    assert_eq!((&matrix["total"], &matrix["outOfStep"]), (&json!(28), &json!(25)));
    assert_eq!(matrix["rows"].as_array().unwrap().len(), 5);
    let heads: Vec<&str> = matrix["environments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|head| head["name"].as_str().unwrap())
        .collect();
    assert_eq!(heads, ["Development", "Staging", "Production"]);
    let only = app.api.get("/api/matrix?outOfStep=true").await;
    assert_eq!(only["total"], 25);
    assert!(only["rows"].as_array().unwrap().iter().all(|row| row["outOfStep"] == true));
    let row = app.api.get("/api/matrix?q=currency").await["rows"][0].clone();
    assert_eq!(row["outOfStep"], true, "the same tag with another digest is out of step");
    assert_eq!(row["cells"][1]["differs"], true);
    let ledger = app.api.get("/api/matrix?q=ledger&kind=Deployment").await["rows"][0].clone();
    let containers = ledger["cells"][0]["instances"][0]["containers"].as_array().unwrap();
    assert!(containers.len() > 1 && containers.last().unwrap()["init"] == true, "{ledger}");
    app.stop().await;
}

on_both!(a_change_in_the_cluster_arrives);
async fn a_change_in_the_cluster_arrives(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let cluster = app.rancher.cluster("local").unwrap();
    let image = json!({ "spec": { "template": { "spec": { "containers": [
        { "name": "app", "image": "registry.example.com/shop/cart:9.9.9-crash" }
    ] } } } });
    cluster.patch(standin::Kind::Deployment, "shop-dev", "cart", image).unwrap();
    let is_new = |list: &Value| list[0]["imageTag"] == "9.9.9-crash" && list[0]["status"] == "degraded";
    app.api.until("/api/services?q=9.9.9", is_new).await;
    cluster.delete(standin::Kind::Deployment, "shop-dev", "cart").unwrap();
    app.api.until("/api/services?q=9.9.9", |list| list == &json!([])).await;
    app.stop().await;
}
