//! Moving an app instance to another cluster of the server's own machine.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    local::{Swept, bind, put, script},
    support::{Api, App, On, database, on_both, process::Server},
};

const WAITS: &str = "exec sleep 1000";

/// Two clusters, `here` with an app instance of two services, and `there`.
async fn two_clusters(on: On) -> Option<(App, Swept)> {
    let app = App::start(on).await?;
    let swept = Swept::of(app.dir.path());
    make(&app.api, 0).await;
    Some((app, swept))
}

/// The same, with services that take so many milliseconds to be ready.
async fn make(api: &Api, ready_after: u64) {
    for name in ["here", "there"] {
        api.post("/api/clusters", &json!({ "name": name })).await;
    }
    bind(api, "Staging", "shop").await;
    for (name, tag, replicas) in [("cart", "1.0", 1), ("web", "3.1", 1)] {
        let mut service = script(WAITS, tag, 0);
        service["replicas"] = json!(replicas);
        service["readyAfterMs"] = json!(ready_after);
        let (status, problem) = api.call(Method::PUT, &at("here", name), Some(&service)).await;
        assert!(status.is_success(), "{problem}");
    }
    let all_run = |services: &Value| {
        let services = services.as_array().unwrap();
        services.len() == 2 && services.iter().all(|one| one["status"] == "running")
    };
    api.until("/api/services", all_run).await;
}

fn at(cluster: &str, service: &str) -> String {
    format!("/api/clusters/{cluster}/namespaces/shop/services/{service}")
}

async fn instance(api: &Api) -> Value {
    api.get("/api/app-instances").await[0].clone()
}

/// Asks for the move to a cluster.
async fn request(api: &Api, cluster: &str) -> Value {
    let relocation = json!({ "appInstanceId": instance(api).await["id"], "cluster": cluster });
    json!({ "environmentId": api.environment("Staging").await, "move": relocation })
}

/// Waits until a cluster has these services, once nothing is on its way out.
async fn settled(api: &Api, cluster: &str, names: &[&str]) {
    let has = |found: &Value| {
        let found = found.as_array().unwrap();
        found.iter().map(|one| one["name"].as_str().unwrap()).eq(names.iter().copied())
    };
    api.until(&format!("/api/clusters/{cluster}/services"), has).await;
}

/// The ids by which history knows the services.
async fn ids(api: &Api) -> Vec<Value> {
    let services = api.get("/api/services?sort=name").await;
    services.as_array().unwrap().iter().map(|one| one["id"].clone()).collect()
}

on_both!(an_app_instance_is_moved_and_moved_back);
async fn an_app_instance_is_moved_and_moved_back(on: On) {
    let Some((app, _swept)) = two_clusters(on).await else { return };
    let before = ids(&app.api).await;
    let (_, cart) = app.api.call(Method::GET, &at("here", "cart"), None).await;
    let shown = app.api.post("/api/deployments/preview", &request(&app.api, "there").await).await;
    let item = &shown["items"][0];
    assert_eq!((&item["original"]["cluster"], &item["target"]["cluster"]), (&json!("here"), &json!("there")));
    settled(&app.api, "there", &[]).await;

    let moved = app.api.post("/api/deployments?wait=true", &request(&app.api, "there").await).await;
    assert_eq!(
        (&moved["status"], &moved["tasks"][0]["status"]),
        (&json!("success"), &json!("success")),
        "{moved}"
    );
    assert_eq!(instance(&app.api).await["cluster"], "there");
    settled(&app.api, "here", &[]).await;
    settled(&app.api, "there", &["cart", "web"]).await;
    let copied = app.api.get(&at("there", "cart")).await;
    for field in ["image", "program", "arguments", "replicas"] {
        assert_eq!(copied[field], cart[field], "{field}");
    }
    let all_there = |services: &Value| {
        services.as_array().unwrap().iter().all(|one| one["cluster"] == "there" && one["status"] == "running")
    };
    app.api.until("/api/services", all_there).await;
    assert_eq!(ids(&app.api).await, before, "they are the same services, with their history");
    let environment = app.api.environment("Staging").await;
    let revisions = app.api.get(&format!("/api/environments/{environment}/revisions")).await;
    assert_eq!(
        (&revisions[0]["reason"], &revisions[0]["active"]),
        (&json!("shop moves from here to there"), &json!(true)),
        "{revisions}"
    );
    let drift = app.api.get(&format!("/api/environments/{environment}/drift")).await;
    assert_eq!(drift["changes"], json!([]), "{drift}");

    // What is deployed afterwards goes where it is now, and the move itself is undone like any other deployment.
    let versions = json!([{ "serviceId": before[0], "version": "2.0" }]);
    let deployed = json!({ "environmentId": environment, "versions": versions });
    assert_eq!(app.api.post("/api/deployments?wait=true", &deployed).await["status"], "success");
    let undo = format!("/api/deployments/{}/rollback?wait=true", moved["id"].as_str().unwrap());
    let back = app.api.post(&undo, &json!({})).await;
    assert_eq!(back["status"], "success", "{back}");
    settled(&app.api, "there", &[]).await;
    settled(&app.api, "here", &["cart", "web"]).await;
    assert_eq!(
        app.api.get(&at("here", "cart")).await["image"],
        "shop/cart:2.0",
        "its newer version comes along"
    );
    app.stop().await;
}

on_both!(what_cannot_be_moved_as_a_whole_stays_where_it_is);
async fn what_cannot_be_moved_as_a_whole_stays_where_it_is(on: On) {
    let Some((app, _swept)) = two_clusters(on).await else { return };
    // It serves only where it is: in any other cluster's directory it ends at once.
    let picky = "case $PWD in */clusters/here/*) exec sleep 1000;; esac; exit 3";
    let mut service = script(picky, "1.1", 1);
    service["replicas"] = json!(1);
    service["readyAfterMs"] = json!(500);
    put(&app.api, "shop", &service).await;
    let serves = |service: &Value| {
        let ready = |one: &Value| one["ready"] == true && one["image"] == "shop/cart:1.1";
        let running = service["running"].as_array().unwrap();
        running.len() == 1 && running.iter().all(ready)
    };
    app.api.until(&at("here", "cart"), serves).await;
    let failed = app.api.post("/api/deployments?wait=true", &request(&app.api, "there").await).await;
    assert_eq!(failed["status"], "rolled_back", "{failed}");
    assert_eq!(instance(&app.api).await["cluster"], "here");
    settled(&app.api, "there", &[]).await;
    settled(&app.api, "here", &["cart", "web"]).await;
    let log = format!("/api/deployments/{}/logs", failed["id"].as_str().unwrap());
    let log = app.api.send(Method::GET, &log, None).await.text().await.unwrap();
    assert!(log.contains("the app instance stays where it is"), "{log}");
    let environment =
        app.api.get(&format!("/api/environments/{}", app.api.environment("Staging").await)).await;
    assert_eq!((&environment["activeRevision"], &environment["latestRevision"]), (&json!(3), &json!(4)));

    let refused = async |request: &Value, code: &str, words: &str| {
        let (status, problem) = app.api.call(Method::POST, "/api/deployments", Some(request)).await;
        assert!(matches!(status.as_u16(), 404 | 409 | 422), "{problem}");
        assert!(problem["code"] == code && problem.to_string().contains(words), "{problem}");
    };
    refused(&request(&app.api, "here").await, "invalid", "is there already").await;
    refused(&request(&app.api, "ther").await, "invalid", "The nearest: there, here").await;
    let mut both = request(&app.api, "there").await;
    both["versions"] = json!([{ "serviceId": ids(&app.api).await[0], "version": "2.0" }]);
    refused(&both, "invalid", "by itself").await;
    let (status, _) = app.api.call(Method::PUT, &at("there", "web"), Some(&script(WAITS, "9", 0))).await;
    assert!(status.is_success());
    refused(&request(&app.api, "there").await, "move_blocked", "a service of this name").await;
    app.stop().await;
}

on_both!(a_server_that_is_killed_goes_on_with_a_move);
async fn a_server_that_is_killed_goes_on_with_a_move(on: On) {
    let dir = tempfile::tempdir().unwrap();
    let Some(database) = database(on, dir.path()).await else { return };
    let _swept = Swept::of(dir.path());
    let mut server = Server::start(dir.path(), &database);
    make(&server.api, 800).await;
    let begun = server.api.post("/api/deployments", &request(&server.api, "there").await).await;
    let path = format!("/api/deployments/{}", begun["id"].as_str().unwrap());
    for status in ["rolling_out", "success"] {
        let has = |deployment: &Value| {
            deployment["tasks"].as_array().unwrap().iter().any(|task| task["status"] == status)
        };
        server.api.until(&path, has).await;
        server.kill();
        server = Server::start(dir.path(), &database);
    }
    let ended = server.api.until(&path, |it| it["completedAt"].is_string()).await;
    assert_eq!(ended["status"], "success", "{ended}");
    settled(&server.api, "here", &[]).await;
    settled(&server.api, "there", &["cart", "web"]).await;
    assert_eq!(instance(&server.api).await["cluster"], "there");
    for name in ["cart", "web"] {
        let service = server.api.get(&at("there", name)).await;
        assert_eq!(service["running"].as_array().unwrap().len(), 1, "none is doubled: {service}");
    }
    server.stop();
}
