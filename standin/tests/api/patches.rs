//! Patches, and what is refused.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use standin::Kind;

use crate::client::{client, deployment, get, image, local, patch, send, start};

const CART: &str = "/apis/apps/v1/namespaces/shop-dev/deployments/cart";
const AUDIT_LOG: &str = "/apis/apps/v1/namespaces/platform-dev/deployments/audit-log";

#[tokio::test]
async fn a_strategic_patch_merges_containers_and_is_recorded_once() {
    let server = start().await;
    let client = client(&server);
    let (status, after) =
        patch(&client, AUDIT_LOG, image("registry.example.com/platform/audit-log:2.4.0")).await;
    assert_eq!(status, StatusCode::OK);
    let containers = after["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 2);
    assert_eq!(containers[0]["image"], "registry.example.com/platform/audit-log:2.4.0");
    assert_eq!(after["metadata"]["generation"], 2);
    let records = local(&server).records();
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].name.as_str(), records[0].who.as_str()), ("audit-log", "admin"));
}

#[tokio::test]
async fn merge_and_json_patches_apply() {
    let server = start().await;
    let client = client(&server);
    let body = json!({ "metadata": { "annotations": { "note": "x" }, "labels": { "app": null } } });
    let (_, after) = send(&client, Method::PATCH, CART, "application/merge-patch+json", body).await;
    assert_eq!(after["metadata"]["annotations"]["note"], "x");
    assert_eq!(after["metadata"]["labels"]["app"], Value::Null);
    assert_eq!(after["metadata"]["generation"], 1, "metadata is no specification");
    let body = json!([{ "op": "replace", "path": "/spec/replicas", "value": 3 }]);
    let (_, after) = send(&client, Method::PATCH, CART, "application/json-patch+json", body).await;
    assert_eq!((&after["spec"]["replicas"], &after["metadata"]["generation"]), (&json!(3), &json!(2)));
    let (status, _) = send(&client, Method::PATCH, CART, "text/plain", json!({})).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_patch_for_another_version_or_incarnation_is_a_conflict() {
    let server = start().await;
    let client = client(&server);
    let (_, before) = get(&client, CART).await;
    let old = &before["metadata"]["resourceVersion"];
    let versioned = |version: &Value, tag: &str| {
        let mut body = image(tag);
        body["metadata"] = json!({ "resourceVersion": version });
        body
    };
    assert_eq!(patch(&client, CART, versioned(old, "cart:2")).await.0, StatusCode::OK);
    let (status, error) = patch(&client, CART, versioned(old, "cart:3")).await;
    assert_eq!((status, &error["reason"]), (StatusCode::CONFLICT, &json!("Conflict")));
    let other = json!({ "metadata": { "uid": "another" } });
    assert_eq!(patch(&client, CART, other).await.0, StatusCode::CONFLICT);
    assert_eq!(local(&server).records().len(), 1);
}

#[tokio::test]
async fn a_dry_run_checks_and_changes_nothing() {
    let server = start().await;
    let client = client(&server);
    let (_, before) = get(&client, CART).await;
    let dry = format!("{CART}?dryRun=All");
    let (status, would) = patch(&client, &dry, image("registry.example.com/shop/cart:9")).await;
    assert_eq!((status, &would["metadata"]["generation"]), (StatusCode::OK, &json!(2)));
    let system = "/apis/apps/v1/namespaces/kube-system/deployments/coredns?dryRun=All";
    let denied = json!({ "spec": { "template": { "spec": { "containers": [{ "name": "coredns", "image": "coredns:9-denied" }] } } } });
    let (status, error) = patch(&client, system, denied).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(error["message"].as_str().unwrap().contains("admission webhook"));
    assert_eq!(get(&client, CART).await.1, before);
    assert!(local(&server).records().is_empty());
}

#[tokio::test]
async fn invalid_objects_are_refused() {
    let server = start().await;
    let client = client(&server);
    let empty = json!({ "spec": { "template": { "spec": { "containers": [{ "name": "extra" }] } } } });
    assert_eq!(patch(&client, CART, empty).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let odd = json!({ "metadata": "no map" });
    assert_eq!(patch(&client, CART, odd).await.0, StatusCode::BAD_REQUEST);
    let (status, error) = patch(&client, &CART.replace("cart", "carts"), json!({})).await;
    assert_eq!(
        (status, &error["message"]),
        (StatusCode::NOT_FOUND, &json!("deployments.apps \"carts\" not found"))
    );
}

#[tokio::test]
async fn objects_are_created_replaced_and_deleted() {
    let server = start().await;
    let client = client(&server);
    let json = "application/json";
    let namespace = json!({ "metadata": { "name": "fresh" } });
    let (status, _) = send(&client, Method::POST, "/api/v1/namespaces", json, namespace.clone()).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, error) = send(&client, Method::POST, "/api/v1/namespaces", json, namespace).await;
    assert_eq!((status, &error["reason"]), (StatusCode::CONFLICT, &json!("AlreadyExists")));
    let path = "/apis/apps/v1/namespaces/fresh/deployments";
    let (_, mut made) = send(&client, Method::POST, path, json, deployment("web", "web:1", 1)).await;
    made["spec"]["replicas"] = json!(2);
    made["metadata"]["resourceVersion"] = Value::Null;
    let (status, made) = send(&client, Method::PUT, &format!("{path}/web"), json, made).await;
    assert_eq!((status, &made["metadata"]["generation"]), (StatusCode::OK, &json!(2)));
    let options = json!({ "preconditions": { "uid": "another" } });
    let (status, _) = send(&client, Method::DELETE, &format!("{path}/web"), json, options).await;
    assert_eq!(status, StatusCode::CONFLICT);
    send(&client, Method::DELETE, "/api/v1/namespaces/fresh", json, Value::Null).await;
    local(&server).wait_until(|cluster| cluster.list(Kind::Pod, Some("fresh")).is_empty()).await;
    assert!(local(&server).get(Kind::Deployment, "fresh", "web").is_none());
}
