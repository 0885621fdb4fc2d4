//! Watches: events, bookmarks, and versions that are gone.

use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};
use standin::{Kind, Options};

use crate::client::{client, get, local, start, start_with, watch};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop-dev/deployments";

async fn version(client: &kube::Client, path: &str) -> String {
    get(client, path).await.1["metadata"]["resourceVersion"]
        .as_str()
        .expect("every list has a version")
        .to_owned()
}

fn label(value: &str) -> Value {
    json!({ "metadata": { "labels": { "color": value } } })
}

#[tokio::test]
async fn a_watch_tells_what_happened_since_its_version() {
    let server = start().await;
    let client = client(&server);
    let from = version(&client, DEPLOYMENTS).await;
    let cluster = local(&server);
    cluster.patch(Kind::Deployment, "shop-dev", "cart", label("red")).unwrap();
    cluster.patch(Kind::Deployment, "payments-dev", "refunds", label("red")).unwrap();
    let mut events = watch(&client, &format!("{DEPLOYMENTS}?watch=true&resourceVersion={from}")).await;
    let event = events.next().await.unwrap();
    assert_eq!((&event["type"], &event["object"]["metadata"]["name"]), (&json!("MODIFIED"), &json!("cart")));
    cluster.delete(Kind::Deployment, "shop-dev", "cart").unwrap();
    let event = events.next().await.unwrap();
    assert_eq!((&event["type"], &event["object"]["metadata"]["name"]), (&json!("DELETED"), &json!("cart")));
}

#[tokio::test]
async fn what_begins_or_ceases_to_match_is_added_or_deleted() {
    let server = start().await;
    let client = client(&server);
    let from = version(&client, DEPLOYMENTS).await;
    let path = format!("{DEPLOYMENTS}?watch=true&resourceVersion={from}&labelSelector=color%3Dred");
    let mut events = watch(&client, &path).await;
    for (value, event) in [("red", "ADDED"), ("blue", "DELETED")] {
        local(&server).patch(Kind::Deployment, "shop-dev", "cart", label(value)).unwrap();
        assert_eq!(events.next().await.unwrap()["type"], event);
    }
}

#[tokio::test]
async fn a_watch_without_version_begins_with_what_is_there() {
    let server = start().await;
    let present = local(&server).list(Kind::Deployment, Some("shop-dev")).len();
    let events = watch(&client(&server), &format!("{DEPLOYMENTS}?watch=true")).await;
    let events: Vec<Value> = events.take(present).collect().await;
    assert!(events.iter().all(|event| event["type"] == "ADDED"));
}

#[tokio::test]
async fn a_version_that_is_gone_is_an_error_event() {
    let server = start_with(Options { history: 3, ..Options::default() }).await;
    let client = client(&server);
    let from = version(&client, DEPLOYMENTS).await;
    for value in ["a", "b", "c", "d"] {
        local(&server).patch(Kind::Deployment, "shop-dev", "cart", label(value)).unwrap();
    }
    let mut events = watch(&client, &format!("{DEPLOYMENTS}?watch=true&resourceVersion={from}")).await;
    let event = events.next().await.unwrap();
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert!(events.next().await.is_none(), "the stream ends");
}

#[tokio::test]
async fn bookmarks_carry_the_version_of_a_quiet_watch() {
    let options = Options { bookmarks: Duration::from_millis(20), ..Options::default() };
    let server = start_with(options).await;
    let client = client(&server);
    let from = version(&client, DEPLOYMENTS).await;
    let path = format!("{DEPLOYMENTS}?watch=true&allowWatchBookmarks=true&resourceVersion={from}");
    let mut events = watch(&client, &path).await;
    local(&server).patch(Kind::StatefulSet, "shop-dev", "session-cache", label("red")).unwrap();
    let moved = version(&client, DEPLOYMENTS).await.parse::<u64>().unwrap();
    loop {
        let event = events.next().await.unwrap();
        assert_eq!((&event["type"], &event["object"]["kind"]), (&json!("BOOKMARK"), &json!("Deployment")));
        let version = event["object"]["metadata"]["resourceVersion"].as_str().unwrap();
        if version.parse::<u64>().unwrap() >= moved {
            break;
        }
    }
}

#[tokio::test]
async fn a_watch_ends_at_its_time_out_and_with_the_server() {
    let server = start().await;
    let client = client(&server);
    let from = version(&client, DEPLOYMENTS).await;
    let path = format!("{DEPLOYMENTS}?watch=true&resourceVersion={from}");
    assert!(watch(&client, &format!("{path}&timeoutSeconds=1")).await.next().await.is_none());
    let mut events = watch(&client, &path).await;
    server.shutdown().await;
    assert!(events.next().await.is_none());
}
