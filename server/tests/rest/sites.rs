//! `/api/sites`

use reqwest::Method;
use serde_json::json;

use crate::support::{App, On, on_both};

on_both!(a_site_is_connected_tested_and_removed);
async fn a_site_is_connected_tested_and_removed(on: On) {
    let Some(app) = App::start(on).await else { return };
    let new =
        json!({ "name": "Prod 🚀 'x' ../<b>", "url": app.rancher.url(), "token": standin::ADMIN_TOKEN });
    let site = app.api.post("/api/sites", &new).await;
    assert_eq!(site["kind"], "rancher");
    assert_eq!(site["active"], true);
    assert_eq!(site["signedInAs"], "Default Admin");
    let path = format!("/api/sites/{}", site["id"].as_str().unwrap());

    let test = app.api.post(&format!("{path}/test"), &json!({})).await;
    assert_eq!((&test["success"], &test["message"]), (&json!(true), &json!("Connection successful")));
    let clusters = app.api.get(&format!("{path}/clusters")).await;
    let dead = clusters.as_array().unwrap().iter().find(|cluster| cluster["name"] == "edge-lab").unwrap();
    assert_eq!(dead["state"], "unavailable", "an unavailable cluster does not spoil the rest");
    assert_eq!(clusters.as_array().unwrap().len(), 4);

    let (status, problem) = app.api.call(Method::POST, "/api/sites", Some(&new)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("name_taken")));
    let (status, _) = app.api.call(Method::DELETE, &path, None).await;
    assert_eq!(status, 204);
    let (status, problem) = app.api.call(Method::GET, &path, None).await;
    assert_eq!((status.as_u16(), &problem["code"]), (404, &json!("not_found")));
    app.stop().await;
}

on_both!(the_token_is_seen_nowhere);
async fn the_token_is_seen_nowhere(on: On) {
    let Some(app) = App::start(on).await else { return };
    let secret = standin::ADMIN_TOKEN;
    let new = json!({ "name": "R", "url": app.rancher.url(), "token": secret });
    let site = app.api.post("/api/sites", &new).await;
    let path = format!("/api/sites/{}", site["id"].as_str().unwrap());
    for body in [site, app.api.get(&path).await, app.api.get("/api/sites").await] {
        assert!(!body.to_string().contains(secret), "{body}");
    }
    if let On::Sqlite = on {
        for file in ["lockstep.db", "lockstep.db-wal"] {
            let bytes = std::fs::read(app.dir.path().join(file)).unwrap_or_default();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{file}");
        }
    }
    app.stop().await;
}

on_both!(a_stale_edit_shows_what_is_stored);
async fn a_stale_edit_shows_what_is_stored(on: On) {
    let Some(app) = App::start(on).await else { return };
    let new = json!({ "name": "R", "url": app.rancher.url(), "token": standin::ADMIN_TOKEN });
    let site = app.api.post("/api/sites", &new).await;
    let path = format!("/api/sites/{}", site["id"].as_str().unwrap());
    let edit = |name: &str| json!({ "name": name, "version": site["version"] });
    let (status, _) = app.api.call(Method::PUT, &path, Some(&edit("first"))).await;
    assert_eq!(status, 200);
    let (status, problem) = app.api.call(Method::PUT, &path, Some(&edit("second"))).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("edit_conflict")));
    assert_eq!(problem["current"]["name"], "first");
    let elsewhere = json!({ "url": "http://127.0.0.1:1" });
    let (status, problem) = app.api.call(Method::PUT, &path, Some(&elsewhere)).await;
    assert_eq!(
        (status.as_u16(), &problem["errors"][0]["field"]),
        (422, &json!("token")),
        "a token goes only where it was given for"
    );
    app.stop().await;
}

/// Each bad connection is told in words, at its field, with a 200.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_connections_are_explained() {
    let Some(app) = App::start(On::Sqlite).await else { return };
    let url = app.rancher.url();
    let https = url.replace("http://", "https://");
    let cases = [
        (url.as_str(), "token-admin:wrong", "token", "sign_in"),
        (url.as_str(), standin::EXPIRED_TOKEN, "token", "sign_in"),
        (url.as_str(), standin::SCOPED_TOKEN, "token", "sign_in"),
        ("http://127.0.0.1:1", standin::ADMIN_TOKEN, "url", "address"),
        ("http://169.254.169.254", standin::ADMIN_TOKEN, "url", "address"),
        (https.as_str(), standin::ADMIN_TOKEN, "caCertificate", "tls"),
    ];
    for (url, token, field, check) in cases {
        let test = app.api.post("/api/sites/test", &json!({ "name": "x", "url": url, "token": token })).await;
        assert_eq!(test["success"], false, "{url} {token}");
        let failed = test["checks"].as_array().unwrap().iter().find(|check| check["status"] == "failed");
        assert_eq!(failed.map(|failed| failed["name"].clone()), Some(json!(check)), "{url}: {test}");
        assert_eq!(test["field"], field, "{test}");
    }
    app.stop().await;
}

/// A token that may only look can be connected, and the test says what it cannot do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_token_is_warned_of() {
    let Some(app) = App::start(On::Sqlite).await else { return };
    let new = json!({ "name": "x", "url": app.rancher.url(), "token": standin::VIEW_TOKEN });
    let test = app.api.post("/api/sites/test", &new).await;
    let patch =
        test["checks"].as_array().unwrap().iter().find(|check| check["name"] == "patch_workloads").unwrap();
    assert_eq!((&test["success"], &patch["status"]), (&json!(true), &json!("warning")), "{test}");
    app.stop().await;
}

on_both!(a_lost_right_spoils_only_what_it_is_for);
async fn a_lost_right_spoils_only_what_it_is_for(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let sites = app.api.get("/api/sites").await;
    let site = format!("/api/sites/{}", sites[0]["id"].as_str().unwrap());
    let all_are = |list: &serde_json::Value, status: &str| {
        let list = list.as_array().unwrap();
        !list.is_empty() && list.iter().all(|service| service["status"] == status)
    };
    let before = app.api.get("/api/services?kind=CronJob").await;
    assert!(!all_are(&before, "unknown"), "{before}");

    let edit = json!({ "token": standin::NO_CRON_JOBS_TOKEN });
    app.api.call(Method::PUT, &site, Some(&edit)).await;
    let doubted = app.api.until("/api/services?kind=CronJob", |found| all_are(found, "unknown")).await;
    assert!(doubted[0]["reason"].as_str().unwrap().contains("may not list and watch cronjobs"), "{doubted}");
    assert_eq!(doubted[0]["imageTag"], before[0]["imageTag"], "what ran last is still shown");
    let live = |clusters: &serde_json::Value| {
        let clusters = clusters.as_array().unwrap();
        clusters.iter().filter(|cluster| cluster["managed"] == true).all(|cluster| cluster["watch"] == "live")
    };
    let clusters = app.api.until(&format!("{site}/clusters"), live).await;
    let managed = clusters.as_array().unwrap().iter().find(|cluster| cluster["managed"] == true).unwrap();
    assert!(managed["message"].as_str().unwrap().contains("cronjobs"), "{managed}");

    app.api.call(Method::PUT, &site, Some(&json!({ "token": standin::ADMIN_TOKEN }))).await;
    app.api.until("/api/services?kind=CronJob", |found| !all_are(found, "unknown")).await;
    app.stop().await;
}

on_both!(clusters_are_named_in_any_way);
async fn clusters_are_named_in_any_way(on: On) {
    let Some(app) = App::start(on).await else { return };
    let new = json!({ "name": "R", "url": app.rancher.url(), "token": standin::ADMIN_TOKEN });
    let site = app.api.post("/api/sites", &new).await;
    let path = format!("/api/sites/{}/clusters", site["id"].as_str().unwrap());
    let (status, clusters) = app.api.call(Method::PUT, &path, Some(&json!(["c-m-stage001", "local"]))).await;
    assert_eq!(status, 200, "{clusters}");
    let managed = clusters.as_array().unwrap().iter().filter(|cluster| cluster["managed"] == true);
    let managed: Vec<&str> = managed.map(|cluster| cluster["externalId"].as_str().unwrap()).collect();
    assert_eq!(managed, ["local", "c-m-stage001"]);
    let (status, problem) = app.api.call(Method::PUT, &path, Some(&json!(["nowhere"]))).await;
    assert_eq!(status, 422, "{problem}");
    app.stop().await;
}
