//! Who is let in, and in which words others are not.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use standin::{EXPIRED_TOKEN, EXPIRING_TOKEN, SCOPED_TOKEN, VIEW_TOKEN};

use crate::client::{client_at, get, image, management, patch, send, start};

const CART: &str = "/apis/apps/v1/namespaces/shop-dev/deployments/cart";

#[tokio::test]
async fn open_paths_need_no_token() {
    let server = start().await;
    let anyone = client_at(&server, "", "");
    let (status, version) = get(&anyone, "/rancherversion").await;
    assert_eq!((status, &version["Version"]), (StatusCode::OK, &json!("v2.9.3")));
    assert_eq!(get(&anyone, "/v3/settings/cacerts").await.0, StatusCode::OK);
}

#[tokio::test]
async fn refusals_are_in_normans_shape() {
    let server = start().await;
    for authorization in ["", "Bearer token-admin:wrong", "Bearer nothing", "Basic ???"] {
        let (status, error) = get(&client_at(&server, "", authorization), "/v3/clusters").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(
            (&error["type"], &error["status"], &error["code"]),
            (&json!("error"), &json!(401), &json!("Unauthorized"))
        );
    }
    let expired = client_at(&server, "", &format!("Bearer {EXPIRED_TOKEN}"));
    let (_, error) = get(&expired, "/v3/clusters").await;
    assert!(error["message"].as_str().unwrap().contains("expired"));
    let (status, error) = get(&management(&server), "/v3/clusters/c-m-none0000").await;
    assert_eq!((status, &error["code"]), (StatusCode::NOT_FOUND, &json!("NotFound")));
}

#[tokio::test]
async fn basic_sign_in_takes_the_two_halves() {
    let server = start().await;
    let basic = client_at(&server, "", "Basic dG9rZW4tYWRtaW46c3RhbmQtaW4tc2VjcmV0");
    let (status, users) = get(&basic, "/v3/users?me=true").await;
    assert_eq!((status, &users["data"][0]["username"]), (StatusCode::OK, &json!("admin")));
}

#[tokio::test]
async fn a_scoped_token_opens_one_cluster_only() {
    let server = start().await;
    let scoped = client_at(&server, "", &format!("Bearer {SCOPED_TOKEN}"));
    assert_eq!(get(&scoped, "/v3/clusters").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(get(&scoped, "/k8s/clusters/c-m-stage001/version").await.0, StatusCode::OK);
    assert_eq!(get(&scoped, "/k8s/clusters/local/version").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_reader_may_not_patch_and_is_told_so_beforehand() {
    let server = start().await;
    let reader = client_at(&server, "/k8s/clusters/local", &format!("Bearer {VIEW_TOKEN}"));
    assert_eq!(get(&reader, CART).await.0, StatusCode::OK);
    let (status, error) = patch(&reader, CART, image("x:1")).await;
    assert_eq!((status, &error["kind"]), (StatusCode::FORBIDDEN, &json!("Status")));
    assert_eq!(error["reason"], "Forbidden");
    for (verb, allowed) in [("patch", false), ("list", true)] {
        let review = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": { "verb": verb, "group": "apps", "resource": "deployments" } } });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let (_, review) = send(&reader, Method::POST, path, "application/json", review).await;
        assert_eq!(review["status"]["allowed"], Value::Bool(allowed), "{verb}");
    }
}

#[tokio::test]
async fn a_token_tells_when_it_expires() {
    let server = start().await;
    let soon = client_at(&server, "", &format!("Bearer {EXPIRING_TOKEN}"));
    let (_, token) = get(&soon, "/v3/tokens/token-soon").await;
    assert!(token["expiresAt"].as_str().unwrap().ends_with('Z'));
    assert_eq!((&token["current"], &token["expired"]), (&json!(true), &json!(false)));
    let (_, token) = get(&soon, "/v3/tokens/token-admin").await;
    assert_eq!((&token["current"], &token["expiresAt"]), (&json!(false), &json!("")));
}

#[tokio::test]
async fn clusters_that_cannot_answer() {
    let server = start().await;
    let client = management(&server);
    let (status, error) = get(&client, "/k8s/clusters/c-m-dead0001/version").await;
    assert_eq!((status, &error["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("ClusterUnavailable")));
    let (status, error) = get(&client, "/k8s/clusters/c-m-none0000/version").await;
    assert_eq!((status, &error["Message"]), (StatusCode::NOT_FOUND, &json!("cluster not found")));
}
