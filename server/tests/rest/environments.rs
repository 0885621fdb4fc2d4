//! `/api/environments` and `/api/app-instances`

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{App, On, on_both};

on_both!(environments_keep_their_order);
async fn environments_keep_their_order(on: On) {
    let Some(app) = App::start(on).await else { return };
    for name in ["Development", "Production"] {
        app.api.post("/api/environments", &json!({ "name": name })).await;
    }
    let staging =
        json!({ "name": "Staging", "color": "#2196F3", "position": 1, "description": "Ü <b>'; drop table" });
    let staging = app.api.post("/api/environments", &staging).await;
    assert_eq!(staging["description"], "Ü <b>'; drop table");
    let names = |all: &Value| -> Vec<String> {
        all.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&app.api.get("/api/environments").await), ["Development", "Staging", "Production"]);
    let path = format!("/api/environments/{}", staging["id"].as_str().unwrap());
    app.api.call(Method::PUT, &path, Some(&json!({ "position": 0 }))).await;
    assert_eq!(names(&app.api.get("/api/environments").await), ["Staging", "Development", "Production"]);
    let (status, problem) = app.api.call(Method::PUT, &path, Some(&json!({ "name": "Production" }))).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("name_taken")));
    app.stop().await;
}

on_both!(environments_are_listed_in_pages_and_filtered_by_the_database);
async fn environments_are_listed_in_pages_and_filtered_by_the_database(on: On) {
    let Some(app) = App::connected(on).await else { return };
    for name in ["Übung 1", "übung 2", "100%", "Zoo"] {
        app.api.post("/api/environments", &json!({ "name": name })).await;
    }
    let list = async |query: &str| {
        let answer = app.api.send(Method::GET, &format!("/api/environments?{query}"), None).await;
        let total = answer.headers()["x-total-count"].to_str().unwrap().to_owned();
        let all: Vec<Value> = answer.json().await.unwrap();
        let names = all.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        (total, names.join(" "))
    };
    let found = |total: &str, names: &str| (total.to_owned(), names.to_owned());
    assert_eq!(list("pageSize=2&page=2").await, found("7", "Production Übung 1"));
    assert_eq!(list("sort=-created&pageSize=2").await, found("7", "Zoo 100%"));
    assert_eq!(list("sort=name&pageSize=3").await, found("7", "100% Development Production"));
    assert_eq!(list("prefix=%C3%9Cb").await, found("2", "Übung 1 übung 2"), "in whatever case");
    assert_eq!(list("prefix=%25").await, found("0", ""), "no wildcard");
    assert_eq!(list("cluster=c-m-stage001&prefix=s").await, found("1", "Staging"));
    let staging = &app.api.get("/api/environments?prefix=staging").await[0];
    assert_eq!((&staging["appInstances"], &staging["position"]), (&json!(3), &json!(1)));
    assert!(staging["services"].as_u64() > Some(0), "{staging}");

    // Whoever is on the right of one that goes, or moves, closes up.
    let zoo = app.api.get("/api/environments?prefix=zoo").await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/environments/{zoo}");
    let (_, moved) = app.api.call(Method::PUT, &path, Some(&json!({ "position": 3 }))).await;
    assert_eq!(moved["position"], 3);
    let hundred = app.api.environment("100%").await;
    app.api.call(Method::DELETE, &format!("/api/environments/{hundred}"), None).await;
    let all = app.api.get("/api/environments").await;
    let positions: Vec<i64> =
        all.as_array().unwrap().iter().map(|one| one["position"].as_i64().unwrap()).collect();
    assert_eq!(positions, [0, 1, 2, 3, 4, 5]);
    assert_eq!(all[3]["name"], "Zoo");
    app.stop().await;
}

on_both!(bad_fields_are_named);
async fn bad_fields_are_named(on: On) {
    let Some(app) = App::start(on).await else { return };
    let long = "x".repeat(10_000_000);
    for (body, field) in [
        (json!({ "name": " " }), "name"),
        (json!({ "name": long }), "name"),
        (json!({ "name": "a\nb" }), "name"),
        (json!({ "name": "x", "color": "red" }), "color"),
    ] {
        let (status, problem) = app.api.call(Method::POST, "/api/environments", Some(&body)).await;
        assert_eq!((status.as_u16(), &problem["errors"][0]["field"]), (422, &json!(field)));
    }
    assert_eq!(app.api.get("/api/environments").await, json!([]));
    app.stop().await;
}

on_both!(an_environment_may_name_a_cluster_as_its_home);
async fn an_environment_may_name_a_cluster_as_its_home(on: On) {
    let Some(app) = App::start(on).await else { return };
    let cluster = app.api.post("/api/clusters", &json!({ "name": "europe" })).await;
    app.api.post("/api/clusters", &json!({ "name": "asia" })).await;
    let new = json!({ "name": "Staging", "clusterId": "europe" });
    let staging = app.api.post("/api/environments", &new).await;
    assert_eq!(staging["clusterId"], cluster["id"]);
    app.api.post("/api/environments", &json!({ "name": "Nomad" })).await;
    let there = async |cluster: &str| app.api.get(&format!("/api/environments?cluster={cluster}")).await;
    assert_eq!(there("europe").await, json!([staging]));
    assert_eq!(app.api.get("/api/clusters/europe/summary").await["environments"][0]["name"], "Staging");

    let at = format!("/api/environments/{}", staging["id"].as_str().unwrap());
    let edit = async |edit: Value| app.api.call(Method::PUT, &at, Some(&edit)).await;
    let (status, problem) = edit(json!({ "clusterId": "eurpoe" })).await;
    let error = &problem["errors"][0];
    assert_eq!((status.as_u16(), &error["field"]), (422, &json!("clusterId")), "{problem}");
    assert!(error["message"].as_str().unwrap().contains("The nearest: europe, asia"), "{problem}");
    let (_, kept) = edit(json!({ "description": "kept" })).await;
    assert_eq!(kept["clusterId"], cluster["id"], "what is left out stays");
    let (_, none) = edit(json!({ "clusterId": "" })).await;
    assert_eq!((&none["clusterId"], there("europe").await), (&Value::Null, json!([])));
    edit(json!({ "clusterId": "europe" })).await;
    let (status, _) = app.api.call(Method::DELETE, "/api/clusters/europe", None).await;
    assert_eq!(status, 204);
    assert_eq!(app.api.get(&at).await["clusterId"], Value::Null, "it outlives its home");
    app.stop().await;
}

on_both!(a_namespace_is_in_one_environment_only);
async fn a_namespace_is_in_one_environment_only(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let staging = app.api.environment("Staging").await;
    let bound = json!({ "cluster": "local", "namespace": "shop-dev", "environmentId": staging });
    let (status, problem) = app.api.call(Method::POST, "/api/app-instances", Some(&bound)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("namespace_bound")));
    assert!(problem["detail"].as_str().unwrap().contains("Development"), "{problem}");
    let unknown = json!({ "cluster": "nowhere", "namespace": "x", "environmentId": staging });
    let (status, problem) = app.api.call(Method::POST, "/api/app-instances", Some(&unknown)).await;
    assert_eq!((status.as_u16(), &problem["errors"][0]["field"]), (422, &json!("cluster")));

    let env = app.api.environment("Production").await;
    let whole = format!("/api/environments/{env}");
    let (status, problem) = app.api.call(Method::DELETE, &whole, None).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("environment_in_use")));
    assert!(problem["detail"].as_str().unwrap().contains("shop in Production"), "{problem}");
    let instances = app.api.get(&format!("/api/app-instances?env={env}")).await;
    let shop = instances.as_array().unwrap().iter().find(|one| one["application"] == "shop").unwrap();
    let path = format!("/api/app-instances/{}", shop["id"].as_str().unwrap());
    let (status, _) = app.api.call(Method::DELETE, &path, None).await;
    assert_eq!(status, 204);
    let left = app.api.get(&format!("/api/services?env={env}&pageSize=200")).await;
    assert!(left.as_array().unwrap().iter().all(|service| service["application"] != "shop"));
    let (status, _) = app.api.call(Method::DELETE, &format!("{whole}?force=true"), None).await;
    assert_eq!(status, 204);
    app.stop().await;
}

on_both!(the_application_pairs_instances);
async fn the_application_pairs_instances(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let before = app.api.get("/api/matrix").await["total"].as_u64().unwrap();
    let staging = app.api.environment("Staging").await;
    let instances = app.api.get(&format!("/api/app-instances?env={staging}")).await;
    let shop = instances.as_array().unwrap().iter().find(|one| one["application"] == "shop").unwrap();
    let path = format!("/api/app-instances/{}", shop["id"].as_str().unwrap());
    let (status, _) = app.api.call(Method::PUT, &path, Some(&json!({ "application": "other" }))).await;
    assert_eq!(status, 200);
    let after = app.api.get("/api/matrix").await["total"].as_u64().unwrap();
    assert_eq!(after - before, shop["services"].as_u64().unwrap(), "its services have rows of their own now");
    let image = json!({ "spec": { "template": { "spec": { "containers": [
        { "name": "app", "image": "registry.example.com/shop/cart:8.8.8" }
    ] } } } });
    let cluster = app.rancher.cluster("c-m-stage001").unwrap();
    cluster.patch(standin::Kind::Deployment, "shop-staging", "cart", image).unwrap();
    let found = app.api.until("/api/services?q=8.8.8", |list| list.as_array().unwrap().len() == 1).await;
    assert_eq!(found[0]["application"], "other", "what is observed later does not undo the edit");
    app.stop().await;
}

on_both!(a_namespace_is_known_again_through_another_site);
async fn a_namespace_is_known_again_through_another_site(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let direct = format!("{}/k8s/clusters/c-m-stage001", app.rancher.url());
    let site =
        json!({ "name": "Direct", "kind": "kubernetes", "url": direct, "token": standin::ADMIN_TOKEN });
    let site = app.api.post("/api/sites", &site).await;
    let instance = json!({
        "rancherSiteId": site["id"],
        "cluster": "default",
        "namespace": "shop-staging",
        "environmentId": app.api.environment("Production").await,
    });
    let (status, problem) = app.api.call(Method::POST, "/api/app-instances", Some(&instance)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("namespace_bound")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("Staging"), "{problem}");
    app.stop().await;
}

on_both!(a_cluster_is_renamed_labelled_and_cordoned);
async fn a_cluster_is_renamed_labelled_and_cordoned(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let put = async |word: &str, edit: Value| {
        let (status, answer) = app.api.call(Method::PUT, &format!("/api/clusters/{word}"), Some(&edit)).await;
        (status.as_u16(), answer)
    };
    let before = app.api.get("/api/clusters/c-m-stage001").await;
    let edit = json!({ "name": "Staging 🚧", "labels": { "region": "eu" }, "cordoned": true, "version": before["version"] });
    let (status, after) = put("c-m-stage001", edit).await;
    assert_eq!(
        (status, &after["name"], &after["cordoned"]),
        (200, &json!("Staging 🚧"), &json!(true)),
        "{after}"
    );
    let (status, problem) =
        put("c-m-stage001", json!({ "cordoned": false, "version": before["version"] })).await;
    assert_eq!((status, &problem["code"]), (409, &json!("edit_conflict")), "{problem}");
    assert_eq!(put("c-m-prod0001", json!({ "name": "Staging 🚧" })).await.1["code"], "name_taken");

    let site = before["siteId"].as_str().unwrap();
    app.api.get(&format!("/api/sites/{site}/clusters?refresh=true")).await;
    let found = app.api.get("/api/clusters/c-m-stage001").await;
    assert_eq!(
        (&found["name"], &found["labels"]["region"]),
        (&json!("Staging 🚧"), &json!("eu")),
        "what is said here stays"
    );
    let summary = app.api.get("/api/clusters/c-m-stage001/summary").await;
    assert_eq!(
        (&summary["services"], &summary["environments"][0]["name"], &summary["environments"][0]["services"]),
        (&json!(28), &json!("Staging"), &json!(28)),
        "{summary}"
    );

    let request = app.api.sync_request(&["cart"]).await;
    let (status, problem) = app.api.call(Method::POST, "/api/sync", Some(&request)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("nothing_to_do")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("cordoned"), "{problem}");
    put("c-m-stage001", json!({ "cordoned": false })).await;
    assert_eq!(app.api.post("/api/sync?wait=true", &request).await["status"], "complete");

    let (status, problem) = app.api.call(Method::GET, "/api/clusters/c-m-stag001", None).await;
    assert_eq!(status, 422);
    assert!(problem["detail"].as_str().unwrap().contains("nearest: Staging 🚧"), "{problem}");
    app.stop().await;
}

on_both!(environments_are_found_by_cluster_and_by_the_beginning_of_their_name);
async fn environments_are_found_by_cluster_and_by_the_beginning_of_their_name(on: On) {
    let Some(app) = App::connected(on).await else { return };
    app.api.post("/api/environments", &json!({ "name": "preview 🚀" })).await;
    let names = async |query: &str| {
        let found = app.api.get(&format!("/api/environments?{query}")).await;
        let names = found.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names("cluster=c-m-stage001").await, ["Staging"]);
    assert_eq!(names("prefix=PR").await, ["Production", "preview 🚀"]);
    assert_eq!(names("prefix=pr&sort=name").await, ["preview 🚀", "Production"]);
    assert_eq!(names("prefix=pr&cluster=c-m-prod0001").await, ["Production"]);
    assert_eq!(names("sort=-created&pageSize=2").await, ["preview 🚀", "Production"]);
    for list in ["environments", "services"] {
        let path = format!("/api/{list}?cluster=c-m-prod001");
        let (status, problem) = app.api.call(Method::GET, &path, None).await;
        assert_eq!((status.as_u16(), &problem["errors"][0]["field"]), (422, &json!("cluster")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("The nearest: production-eu"), "{problem}");
    }
    app.stop().await;
}
