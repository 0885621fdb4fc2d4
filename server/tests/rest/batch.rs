//! `/api/batch`

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{App, On, on_both};

on_both!(each_operation_has_a_result_of_its_own);
async fn each_operation_has_a_result_of_its_own(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let [development, staging, production] = [
        app.api.environment("Development").await,
        app.api.environment("Staging").await,
        app.api.environment("Production").await,
    ];
    let cart = app.api.service("Staging", "cart").await;
    let freeze =
        |until: &str| json!({ "from": "2026-01-01T00:00:00Z", "until": until, "reason": "Holidays" });
    let deploy = |environment: &str| {
        json!({ "operation": "deploy", "start": {
            "environmentId": environment,
            "versions": [{ "serviceId": cart["id"], "version": "1.14.2" }],
        } })
    };
    let answer = app
        .api
        .post(
            "/api/batch",
            &json!({ "operations": [
                { "operation": "capture", "environmentId": staging, "reason": "as it is" },
                deploy(&staging),
                { "operation": "freeze", "environmentId": production, "freeze": freeze("2126-01-01T00:00:00Z") },
                { "operation": "freeze", "environmentId": production, "freeze": freeze("2025-01-01T00:00:00Z") },
                deploy(&production),
                { "operation": "delete_environment", "environmentId": development },
                { "operation": "edit_environment", "environmentId": development, "edit": { "description": "first" } },
            ] }),
        )
        .await;
    let results = answer["results"].as_array().unwrap();
    let done: Vec<bool> = results.iter().map(|result| result["done"] == true).collect();
    assert_eq!(done, [true, true, true, false, false, false, true], "{answer}");
    assert_eq!(answer["failed"], 3);
    assert_eq!(results[0]["revision"], 1);
    assert_eq!(results[3]["problem"]["errors"][0]["field"], "freezes");
    assert_eq!(results[5]["problem"]["code"], "environment_in_use");
    let settings = app.api.get(&format!("/api/environments/{production}/settings")).await;
    assert_eq!(settings["freezes"].as_array().map(Vec::len), Some(1));
    let started = results[1]["deploymentId"].as_str().unwrap();
    let ended =
        app.api.until(&format!("/api/deployments/{started}"), |it| it["completedAt"].is_string()).await;
    assert_eq!(ended["status"], "success");

    let back = json!({ "operations": [{ "operation": "rollback", "deploymentId": started, "how": { "note": "no" } }] });
    let back = app.api.post("/api/batch", &back).await;
    assert_eq!(back["results"][0]["done"], true, "{back}");

    for wrong in
        [json!([]), Value::Array(vec![json!({ "operation": "cancel", "deploymentId": started }); 1_001])]
    {
        let body = json!({ "operations": wrong });
        let (status, problem) = app.api.call(Method::POST, "/api/batch", Some(&body)).await;
        assert_eq!((status.as_u16(), &problem["errors"][0]["field"]), (422, &json!("operations")));
    }
    app.stop().await;
}
