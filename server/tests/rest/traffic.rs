//! What comes through front doors: counted by version, and shared by weight.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    local::{Swept, bind, path, put, script},
    support::{App, On, on_both},
};

/// Requests that are counted.
const REQUESTS: u64 = 20;

on_both!(requests_are_counted_by_version_and_shared_by_weight);
async fn requests_are_counted_by_version_and_shared_by_weight(on: On) {
    let Some(app) = App::start(on).await else { return };
    let _swept = Swept::of(app.dir.path());
    app.api.post("/api/clusters", &json!({ "name": "here" })).await;
    let service = json!({
        "image": "shop/cart:1.0",
        "program": env!("CARGO_BIN_EXE_lockstep"),
        "arguments": ["demo-service"],
        "health": { "path": "/healthz", "everyMs": 50 },
    });
    put(&app.api, "shop", &service).await;
    bind(&app.api, "Development", "shop").await;
    let ready = |service: &Value| service["running"][0]["ready"] == true && service["address"].is_string();
    let address = app.api.until(&path("shop"), ready).await["address"].as_str().unwrap().to_owned();
    let status = async || reqwest::get(&address).await.map_or(0, |answer| answer.status().as_u16());
    // What is ready is served a moment later.
    while status().await != 200 {}
    for _ in 1..REQUESTS {
        assert_eq!(status().await, 200);
    }
    let (traffic, weights) = (format!("{}/traffic", path("shop")), format!("{}/weights", path("shop")));
    let told = app.api.get(&traffic).await;
    let version = &told["versions"][0];
    assert_eq!(
        (&version["image"], &version["requests"]),
        (&json!("shop/cart:1.0"), &json!(REQUESTS)),
        "{told}"
    );
    assert_eq!(
        (&version["failures"], &version["ready"], &version["weight"]),
        (&json!(0), &json!(1), &Value::Null)
    );
    assert!(version["p50Us"].as_u64().unwrap() <= version["p99Us"].as_u64().unwrap(), "{told}");
    assert_eq!(told["address"], address);

    let nothing = json!({ "weights": { "shop/cart:1.0": 0, "shop/cart:2.0": 1 } });
    let (code, shared) = app.api.call(Method::PUT, &weights, Some(&nothing)).await;
    assert_eq!((code.as_u16(), &shared["versions"][0]["weight"]), (200, &json!(0)), "{shared}");
    assert_eq!(shared["versions"][1]["image"], "shop/cart:2.0", "a version to come");
    while status().await != 503 {}
    assert!(app.api.get(&traffic).await["unserved"].as_u64().unwrap() > 0);
    app.api.call(Method::PUT, &weights, Some(&json!({ "weights": {} }))).await;
    while status().await != 200 {}

    let absurd = json!({ "weights": { "shop/cart:1.0": 4_000_000_000u32 } });
    let (code, problem) = app.api.call(Method::PUT, &weights, Some(&absurd)).await;
    assert_eq!((code.as_u16(), &problem["errors"][0]["field"]), (422, &json!("weights")), "{problem}");
    let mut shut = script("exec sleep 1000", "1.0", 0);
    shut["frontDoor"] = json!(false);
    put(&app.api, "other", &shut).await;
    let (code, problem) = app.api.call(Method::GET, &format!("{}/traffic", path("other")), None).await;
    assert_eq!((code.as_u16(), &problem["code"]), (409, &json!("no_front_door")), "{problem}");
    app.stop().await;
}
