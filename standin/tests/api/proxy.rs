//! Real API servers behind the stand-in: here a second stand-in plays the real one, over TLS.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use http::StatusCode;
use serde_json::json;
use standin::{ADMIN_TOKEN, Kind, Options, RealCluster, Server, Tls, VIEW_TOKEN};

use crate::client::{client_at, get, image, local, management, patch, start_with, watch};

const CART: &str = "/apis/apps/v1/namespaces/shop-dev/deployments/cart";

/// A stand-in behind a stand-in: the outer one, and the inner one that plays the real cluster.
async fn pair(directory: &tempfile::TempDir) -> (Server, Server) {
    let ca_file = directory.path().join("ca.pem");
    let tls = Tls { ca_file: Some(ca_file.clone()) };
    let inner = start_with(Options { tls: Some(tls), ..Options::default() }).await;
    let pem = std::fs::read(ca_file).expect("the certificate was written");
    let kubeconfig = directory.path().join("kubeconfig");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "only",
        "contexts": [{ "name": "only", "context": { "cluster": "only", "user": "only" } }],
        "clusters": [{ "name": "only", "cluster": {
            "server": format!("{}/k8s/clusters/local", inner.url()),
            "certificate-authority-data": STANDARD.encode(pem),
        }}],
        "users": [{ "name": "only", "user": { "token": ADMIN_TOKEN } }],
    });
    std::fs::write(&kubeconfig, config.to_string()).expect("the directory is writable");
    let real = RealCluster { name: "Real Lab".to_owned(), kubeconfig };
    let outer = start_with(Options { real_clusters: vec![real], ..Options::default() }).await;
    (outer, inner)
}

async fn id(outer: &Server) -> String {
    let (_, clusters) = get(&management(outer), "/v3/clusters?name=Real+Lab").await;
    clusters["data"][0]["id"].as_str().expect("it is listed").to_owned()
}

#[tokio::test]
async fn requests_and_watches_pass_through() {
    let directory = tempfile::tempdir().unwrap();
    let (outer, inner) = pair(&directory).await;
    let path = format!("/k8s/clusters/{}", id(&outer).await);
    let client = client_at(&outer, &path, &format!("Bearer {ADMIN_TOKEN}"));
    let (_, list) = get(&client, "/apis/apps/v1/namespaces/shop-dev/deployments").await;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let watched =
        format!("/apis/apps/v1/namespaces/shop-dev/deployments?watch=true&resourceVersion={version}");
    let mut events = watch(&client, &watched).await;
    assert_eq!(patch(&client, CART, image("cart:2")).await.0, StatusCode::OK);
    assert_eq!(events.next().await.unwrap()["object"]["metadata"]["name"], "cart");
    assert_eq!(local(&inner).records().len(), 1);
    let own = local(&outer).get(Kind::Deployment, "shop-dev", "cart").unwrap();
    assert_eq!(own["metadata"]["generation"], 1, "the outer cluster is another one");
}

#[tokio::test]
async fn a_reader_changes_nothing_on_a_real_cluster() {
    let directory = tempfile::tempdir().unwrap();
    let (outer, inner) = pair(&directory).await;
    let path = format!("/k8s/clusters/{}", id(&outer).await);
    let reader = client_at(&outer, &path, &format!("Bearer {VIEW_TOKEN}"));
    assert_eq!(get(&reader, CART).await.0, StatusCode::OK);
    assert_eq!(patch(&reader, CART, image("cart:2")).await.0, StatusCode::FORBIDDEN);
    assert!(local(&inner).records().is_empty());
}
