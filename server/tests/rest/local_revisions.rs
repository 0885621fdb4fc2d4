//! What services of the server's own machine are, as a part of their environment's revisions.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    local::{Swept, bind, path, put, script},
    support::{App, On, on_both},
};

/// The environment's revisions, newest first.
async fn revisions(app: &App) -> Vec<Value> {
    let path = format!("/api/environments/{}/revisions", app.api.environment("Staging").await);
    app.api.get(&path).await.as_array().unwrap().clone()
}

/// The number of the newest event, with which a new stream begins.
async fn newest_event(app: &App) -> String {
    let mut events = app.api.send(Method::GET, "/api/events", None).await;
    let hello = String::from_utf8(events.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    hello.lines().find(|line| line.starts_with("id:")).unwrap().to_owned()
}

on_both!(a_definition_is_part_of_its_environments_revisions);
async fn a_definition_is_part_of_its_environments_revisions(on: On) {
    let Some(app) = App::start(on).await else { return };
    let _swept = Swept::of(app.dir.path());
    app.api.post("/api/clusters", &json!({ "name": "here" })).await;
    bind(&app.api, "Staging", "shop").await;
    let mut service = script("exec sleep 1000", "1.0", 0);
    let stored = put(&app.api, "shop", &service).await;
    assert_eq!(stored["generation"], 1);
    let made = revisions(&app).await;
    assert_eq!(
        (made.len(), &made[0]["active"], &made[0]["reason"]),
        (1, &json!(true), &json!("cart is new"))
    );

    let before = newest_event(&app).await;
    service["generation"] = json!(1);
    assert_eq!(put(&app.api, "shop", &service).await["generation"], 1, "it is so already");
    assert_eq!(newest_event(&app).await, before, "nothing is told where nothing changes");
    assert_eq!(revisions(&app).await.len(), 1);

    service["replicas"] = json!(1);
    put(&app.api, "shop", &service).await;
    let made = revisions(&app).await;
    assert_eq!(
        (&made[0]["number"], &made[0]["reason"]),
        (&json!(2), &json!("cart: replicas: 2 → 1")),
        "{made:?}"
    );
    assert_eq!((&made[0]["author"], &made[0]["active"]), (&json!("local operator"), &json!(true)));
    let field = json!([{ "field": "replicas", "from": "2", "to": "1" }]);
    assert_eq!(made[0]["changes"][0]["definition"], field, "{made:?}");
    let runs = |services: &Value| services.as_array().unwrap().iter().any(|one| one["status"] == "running");
    app.api.until("/api/services", runs).await;
    let drift = format!("/api/environments/{}/drift", app.api.environment("Staging").await);
    assert_eq!(app.api.get(&drift).await["changes"], json!([]), "what was put is what should run");

    // A version that a deployment brings leaves the definition as it is.
    let id = app.api.get("/api/services").await[0]["id"].clone();
    let versions = json!([{ "serviceId": id, "version": "2.0" }]);
    let request = json!({ "environmentId": app.api.environment("Staging").await, "versions": versions });
    let ended = app.api.post("/api/deployments?wait=true", &request).await;
    assert_eq!(ended["status"], "success", "{ended}");
    let made = revisions(&app).await;
    assert_eq!(
        (&made[0]["number"], &made[0]["changes"][0]["definition"]),
        (&json!(3), &Value::Null),
        "{made:?}"
    );

    let (status, _) = app.api.call(Method::DELETE, &path("shop"), None).await;
    assert_eq!(status, 202);
    let made = revisions(&app).await;
    assert_eq!(
        (&made[0]["changes"][0]["change"], &made[0]["reason"]),
        (&json!("removed"), &json!("cart is removed"))
    );
    app.stop().await;
}
