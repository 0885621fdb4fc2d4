//! SIGKILL in the middle of a sync: the record says truthfully what happened, and nothing takes effect twice.

use std::{collections::HashMap, time::Duration};

use serde_json::{Value, json};

use crate::support::{CLUSTER, On, database, on_both, process::Server};

on_both!(a_killed_server_goes_on);
async fn a_killed_server_goes_on(on: On) {
    let dir = tempfile::tempdir().unwrap();
    let Some(database) = database(on, dir.path()).await else { return };
    // Of 75 services in each of three stages, 50 differ between the first two.
    let fleet = Some(standin::Fleet { clusters: 1, services: 225, ..Default::default() });
    let options = standin::Options { rollout: Duration::from_millis(40), fleet, ..Default::default() };
    let rancher = standin::start(options).await.unwrap();
    let mut server = Server::start(dir.path(), &database);
    let (dev, staging) = server.api.connect_fleet(rancher.url(), 150).await;
    let services = server.api.get(&format!("/api/services?env={dev}")).await;
    let ids: Vec<&Value> = services.as_array().unwrap().iter().map(|service| &service["id"]).collect();
    let request = json!({
        "sourceEnvironmentId": dev,
        "targetEnvironmentId": staging,
        "serviceIds": ids,
        "onFailure": "go_on",
    });
    let sync = server.api.post("/api/sync", &request).await;
    let path = format!("/api/sync/{}", sync["id"].as_str().unwrap());
    let total = sync["counts"]["total"].as_u64().unwrap();
    assert_eq!(total, 50);
    for share in [1, 2] {
        let far = move |sync: &Value| sync["counts"]["success"].as_u64().unwrap() >= total * share / 4;
        server.api.until(&path, far).await;
        server.kill();
        server = Server::start(dir.path(), &database);
    }
    let ended = server.api.until(&path, |sync| sync["endTime"].is_string()).await;
    assert_eq!(
        (&ended["status"], &ended["counts"]["success"]),
        (&json!("complete"), &json!(total)),
        "{ended}"
    );

    let staging = rancher.cluster(CLUSTER).unwrap();
    let mut patched: HashMap<(String, String), u64> = HashMap::new();
    for record in staging.records() {
        *patched.entry((format!("{:?}", record.kind), record.name)).or_default() += 1;
    }
    assert_eq!(patched.len() as u64, total);
    assert!(patched.values().all(|times| *times == 1), "a change took effect twice: {patched:?}");
    server.kill();
}
