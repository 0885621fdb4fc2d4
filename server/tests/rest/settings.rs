//! `/api/environments/{id}/settings`, and what they demand of deployments

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    deployments::{deployed, version},
    support::{App, On, on_both},
};

/// Sets staging's settings.
async fn set(app: &App, settings: Value) -> (u16, Value) {
    let path = format!("/api/environments/{}/settings", app.api.environment("Staging").await);
    let (status, answer) = app.api.call(Method::PUT, &path, Some(&settings)).await;
    (status.as_u16(), answer)
}

on_both!(what_is_protected_or_frozen_wants_its_own_words);
async fn what_is_protected_or_frozen_wants_its_own_words(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let freeze =
        json!({ "from": "2020-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z", "reason": "Holidays" });
    let (_, stored) = set(&app, json!({ "protected": true, "freezes": [freeze] })).await;
    assert_eq!(stored["version"], 1, "{stored}");
    let (status, problem) = set(&app, json!({ "protected": false })).await;
    assert_eq!(
        (status, &problem["code"], &problem["current"]["version"]),
        (409, &json!("edit_conflict"), &json!(1))
    );

    let mut request = version(&app, "cart", "1.14.1").await;
    let refused = async |path: &str, body: &Value| {
        let (status, problem) = app.api.call(Method::POST, path, Some(body)).await;
        assert_eq!(status, 409, "{problem}");
        (
            problem["code"].as_str().unwrap().to_owned(),
            problem["errors"][0]["field"].as_str().unwrap().to_owned(),
        )
    };
    let named = |code: &str, field: &str| (code.to_owned(), field.to_owned());
    let shown = app.api.post("/api/deployments/preview", &request).await;
    assert_eq!(
        (&shown["guard"]["protected"], &shown["guard"]["frozen"]["reason"]),
        (&json!(true), &json!("Holidays"))
    );
    assert_eq!(refused("/api/deployments", &request).await, named("frozen", "overrideFreeze"));
    request["overrideFreeze"] = json!("the shop is down");
    assert_eq!(refused("/api/deployments", &request).await, named("confirmation_needed", "confirm"));
    request["confirm"] = json!("staging");
    assert_eq!(refused("/api/deployments", &request).await, named("confirmation_needed", "confirm"));
    let sync = app.api.sync_request(&["cart"]).await;
    assert_eq!(
        refused("/api/sync", &sync).await,
        named("frozen", "overrideFreeze"),
        "a sync is a deployment too"
    );

    request["confirm"] = json!("Staging");
    let ended = app.api.post("/api/deployments?wait=true", &request).await;
    assert_eq!(ended["status"], "success", "{ended}");
    let path = format!("/api/deployments/{}", ended["id"].as_str().unwrap());
    let log = app.api.get(&format!("{path}/logs")).await;
    assert!(log.as_str().unwrap().contains("the shop is down"), "{log}");
    assert_eq!(refused(&format!("{path}/rollback"), &json!({})).await, named("frozen", "overrideFreeze"));
    let back = json!({ "overrideFreeze": "worse than before", "confirm": "Staging" });
    let back = app.api.post(&format!("{path}/rollback?wait=true"), &back).await;
    assert_eq!(back["status"], "success", "{back}");
    app.stop().await;
}

on_both!(rules_hold_up_what_they_do_not_allow_and_no_way_back);
async fn rules_hold_up_what_they_do_not_allow_and_no_way_back(on: On) {
    let Some(app) = App::connected(on).await else { return };
    deployed(&app, "cart", "1.14.2").await;
    let rules = json!({ "tags": ["2.*"], "repositories": ["registry.example.com/shop/*"] });
    let (status, stored) = set(&app, json!({ "rules": rules })).await;
    assert_eq!(status, 200, "{stored}");
    let codes = async |tag: &str| {
        let shown = app.api.post("/api/deployments/preview", &version(&app, "cart", tag).await).await;
        let warnings = shown["items"][0]["warnings"].as_array().unwrap();
        warnings.iter().map(|warning| warning["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(codes("3.0.0").await, ["tag_not_allowed"]);
    assert_eq!(codes("elsewhere.example.com/cart:2.0.0").await, ["repository_not_allowed"]);
    assert_eq!(codes("2.0.0").await, [""; 0]);

    // A rule that comes between a preview and its start holds too.
    let mut request = version(&app, "cart", "2.0.0").await;
    request["previewId"] = app.api.post("/api/deployments/preview", &request).await["id"].clone();
    set(&app, json!({ "rules": { "tags": ["4.*"] }, "version": 1 })).await;
    let (status, problem) = app.api.call(Method::POST, "/api/deployments", Some(&request)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("rule_broken")), "{problem}");

    let last = app.api.get("/api/deployments").await[0]["id"].clone();
    let path = format!("/api/deployments/{}/rollback?wait=true", last.as_str().unwrap());
    assert_eq!(app.api.post(&path, &json!({})).await["status"], "success");
    app.stop().await;
}

/// Starts a deployment for in a moment, and gives its id.
pub(crate) async fn soon(app: &App, more: Value) -> String {
    let mut request = version(app, "cart", "1.14.1").await;
    request["scheduledFor"] = json!(chrono::Utc::now() + chrono::TimeDelta::seconds(2));
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let started = app.api.post("/api/deployments", &request).await;
    started["id"].as_str().unwrap().to_owned()
}

/// How it ended, and what was told of it.
pub(crate) async fn end_of(app: &App, id: &str) -> (Value, String) {
    let ended = app.api.until(&format!("/api/deployments/{id}"), |one| one["completedAt"].is_string()).await;
    (ended["status"].clone(), app.api.get(&format!("/api/deployments/{id}/events")).await.to_string())
}

on_both!(what_is_set_while_a_deployment_waits_holds_at_its_turn);
async fn what_is_set_while_a_deployment_waits_holds_at_its_turn(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let freeze =
        json!({ "from": "2020-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z", "reason": "Holidays" });
    let id = soon(&app, json!({})).await;
    set(&app, json!({ "freezes": [freeze] })).await;
    let (status, told) = end_of(&app, &id).await;
    assert_eq!(status, "cancelled");
    assert!(told.contains("frozen until 2099-01-01 00:00 UTC (Holidays)"), "{told}");

    set(&app, json!({ "version": 1 })).await;
    let id = soon(&app, json!({})).await;
    set(&app, json!({ "rules": { "tags": ["2.*"] }, "version": 2 })).await;
    let (status, told) = end_of(&app, &id).await;
    assert_eq!(status, "cancelled");
    assert!(told.contains("allows tags such as 2.*"), "{told}");

    set(&app, json!({ "version": 3 })).await;
    let id = soon(&app, json!({})).await;
    let cluster = app.api.service("Staging", "cart").await["clusterId"].as_str().unwrap().to_owned();
    let cordon = |on: bool| json!({ "cordoned": on });
    let path = format!("/api/clusters/{cluster}");
    app.api.call(Method::PUT, &path, Some(&cordon(true))).await;
    let (status, told) = end_of(&app, &id).await;
    assert_eq!(status, "cancelled");
    assert!(told.contains("is cordoned"), "{told}");
    app.api.call(Method::PUT, &path, Some(&cordon(false))).await;

    // A reason that was given holds for a freeze that comes later, too.
    let id = soon(&app, json!({ "overrideFreeze": "it has to be tonight" })).await;
    set(&app, json!({ "freezes": [freeze], "version": 4 })).await;
    assert_eq!(end_of(&app, &id).await.0, "success");
    app.stop().await;
}

/// Staging's path with something after it, and its newest revision.
async fn newest(app: &App) -> (String, Value) {
    let env = format!("/api/environments/{}", app.api.environment("Staging").await);
    let revisions = app.api.get(&format!("{env}/revisions")).await;
    (env, revisions[0].clone())
}

/// Settings that differ, as sentences.
fn told(changes: &Value) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or("–").to_owned();
    let changes = changes.as_array().unwrap().iter();
    changes
        .map(|one| format!("{}: {} → {}", word(&one["name"]), word(&one["from"]), word(&one["to"])))
        .collect()
}

on_both!(a_change_of_settings_is_a_revision);
async fn a_change_of_settings_is_a_revision(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let env = newest(&app).await.0;
    app.api.post(&format!("{env}/revisions"), &json!({ "capture": true })).await;
    let freeze =
        json!({ "from": "2020-12-20T00:00:00Z", "until": "2021-01-04T06:00:00Z", "reason": "Holidays" });
    let protected =
        |base: i64| json!({ "protected": true, "freezes": [freeze], "base": base, "reason": "go-live" });
    let (status, stored) = set(&app, protected(1)).await;
    assert_eq!((status, &stored["revision"], &stored["version"]), (200, &json!(2), &json!(1)), "{stored}");
    let made = newest(&app).await.1;
    assert_eq!(
        (&made["active"], &made["reason"]),
        (&json!(true), &json!("go-live")),
        "they hold at once: {made}"
    );
    assert_eq!((&made["author"], &made["changed"]), (&json!("local operator"), &json!(0)), "{made}");
    let window = "2020-12-20 00:00 – 2021-01-04 06:00 UTC (Holidays)";
    assert_eq!(
        told(&made["settings"]),
        ["Protection: off → on".to_owned(), format!("Freeze window: – → {window}")]
    );
    let page = app.api.get(&format!("{}?tab=revisions", env.trim_start_matches("/api"))).await;
    for words in ["Protection: off → on", &format!("Freeze window added: {window}"), "2 settings changed"] {
        assert!(page.as_str().unwrap().contains(words), "the timeline tells it: {words}");
    }
    let drift = app.api.get(&format!("{env}/drift")).await;
    assert_eq!((&drift["revision"], &drift["changes"]), (&json!(2), &json!([])));

    assert_eq!(set(&app, protected(2)).await, (200, stored), "what is set already makes no revision");
    assert_eq!(newest(&app).await.1["number"], 2);
    let (status, problem) = set(&app, json!({ "kind": "staging", "base": 1 })).await;
    assert_eq!((status, &problem["code"]), (409, &json!("edit_conflict")), "{problem}");
    assert_eq!(
        (&problem["current"]["protected"], &problem["current"]["revision"]),
        (&json!(true), &json!(2)),
        "both sides are told"
    );

    let mut request = version(&app, "cart", "1.14.1").await;
    request["confirm"] = json!("Staging");
    app.api.post("/api/deployments?wait=true", &request).await;
    let (status, stored) = set(&app, json!({ "kind": "staging", "protected": true, "base": 2 })).await;
    assert_eq!((status, &stored["revision"]), (200, &json!(4)), "a deployment is no conflict: {stored}");
    let diff = app.api.get(&format!("{env}/diff?from=1&to=4")).await;
    assert_eq!(told(&diff["settings"]), ["Kind: not said → staging", "Protection: off → on"]);
    let development = app.api.environment("Development").await;
    let compared = app.api.get(&format!("{env}/compare?with={development}")).await;
    assert_eq!(
        compared["settings"],
        json!([
            { "field": "Kind", "left": "staging", "right": "not said" },
            { "field": "Protection", "left": "on", "right": "off" },
        ])
    );

    let environment = &request["environmentId"];
    let back = json!({ "environmentId": environment, "revision": 1, "rollback": true, "confirm": "Staging" });
    let ended = app.api.post("/api/deployments?wait=true", &back).await;
    assert_eq!((&ended["status"], &ended["revision"]), (&json!("success"), &json!(5)), "{ended}");
    assert_eq!(app.api.get(&format!("{env}/settings")).await["protected"], true, "it lifts no protection");
    let made = newest(&app).await.1;
    assert_eq!(
        (&made["reason"], &made["settings"]),
        (&json!("rollback to revision 1, without its settings"), &json!([]))
    );
    app.stop().await;
}

on_both!(settings_do_not_make_active_what_waits_to_be_deployed);
async fn settings_do_not_make_active_what_waits_to_be_deployed(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let (env, none) = newest(&app).await;
    assert_eq!(none, Value::Null);
    set(&app, json!({ "kind": "staging", "base": 0 })).await;
    let (_, first) = newest(&app).await;
    assert_eq!((&first["number"], &first["active"]), (&json!(1), &json!(false)), "nothing was brought there");
    let captured = app.api.post(&format!("{env}/revisions"), &json!({ "base": 1, "capture": true })).await;
    assert_eq!((&captured["number"], &captured["active"]), (&json!(2), &json!(true)), "{captured}");

    let mut edit = version(&app, "cart", "1.14.1").await;
    edit["base"] = json!(2);
    app.api.post(&format!("{env}/revisions"), &edit).await;
    set(&app, json!({ "kind": "testing", "base": 3 })).await;
    let (_, waiting) = newest(&app).await;
    assert_eq!((&waiting["number"], &waiting["active"]), (&json!(4), &json!(false)), "{waiting}");
    let deploy = json!({ "environmentId": edit["environmentId"], "revision": 3 });
    let ended = app.api.post("/api/deployments?wait=true", &deploy).await;
    assert_eq!(ended["status"], "success", "{ended}");
    let found = app.api.get(&env).await;
    assert_eq!(
        (&found["activeRevision"], &found["latestRevision"]),
        (&json!(4), &json!(4)),
        "nothing is left to deploy"
    );
    app.stop().await;
}

on_both!(deployments_take_from_the_settings_what_nobody_says);
async fn deployments_take_from_the_settings_what_nobody_says(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let (status, problem) =
        set(&app, json!({ "defaults": { "onFailure": "shrug", "timeLimitSeconds": 0 } })).await;
    assert_eq!(status, 422, "{problem}");
    set(&app, json!({ "defaults": { "onFailure": "go_on", "timeLimitSeconds": 1800 } })).await;
    let how = |one: &Value| (one["onFailure"].clone(), one["timeLimitSeconds"].clone());
    let mut request = version(&app, "cart", "1.14.1").await;
    let ended = app.api.post("/api/deployments?wait=true", &request).await;
    assert_eq!(how(&ended), (json!("go_on"), json!(1800)), "{ended}");
    let undone = format!("/api/deployments/{}/rollback?wait=true", ended["id"].as_str().unwrap());
    assert_eq!(how(&app.api.post(&undone, &json!({})).await).1, Value::Null, "the way back is not cut short");
    request["onFailure"] = json!("put_back");
    request["timeLimitSeconds"] = json!(60);
    let ended = app.api.post("/api/deployments?wait=true", &request).await;
    assert_eq!(how(&ended), (json!("put_back"), json!(60)), "{ended}");

    let mut sync = app.api.sync_request(&["checkout"]).await;
    sync.as_object_mut().unwrap().remove("onFailure");
    let ended = app.api.post("/api/sync?wait=true", &sync).await;
    assert_eq!(how(&ended), (json!("go_on"), json!(1800)), "{ended}");
    app.stop().await;
}
