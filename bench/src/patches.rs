//! The bare loop that a sync is measured against: the same patches with the same parallelism, and nothing else.

use std::io::{Read, stdin};
use std::time::Instant;

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The platform's address, such as `http://127.0.0.1:8440`
    #[arg(long)]
    origin: String,
    /// A token of it
    #[arg(long, env = "BENCH_TOKEN")]
    token: String,
    /// How many patches are under way at once in each cluster
    #[arg(long)]
    parallel: usize,
}

/// A Deployment and the image that its container is to have.
#[derive(Clone, Deserialize)]
struct Patch {
    cluster: String,
    namespace: String,
    name: String,
    container: String,
    image: String,
}

/// Patches each workload without looking at it first, which no safe tool may; prints the milliseconds from the first request to the
/// last accepted patch.
pub(crate) async fn run(args: &Args) -> Result<()> {
    let mut text = String::new();
    stdin().read_to_string(&mut text)?;
    let patches: Vec<Patch> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let mut clusters: Vec<Vec<Patch>> = Vec::new();
    for patch in patches {
        match clusters.iter_mut().find(|of| of[0].cluster == patch.cluster) {
            Some(of) => of.push(patch),
            None => clusters.push(vec![patch]),
        }
    }
    let client = reqwest::Client::new();
    let begun = Instant::now();
    let each = clusters.into_iter().map(|patches| {
        let client = &client;
        let sent = patches.into_iter().map(move |patch| send(client, args, patch));
        async move { stream::iter(sent).buffer_unordered(args.parallel).try_collect::<Vec<()>>().await }
    });
    futures::future::try_join_all(each).await?;
    println!("{}", begun.elapsed().as_secs_f64() * 1000.0);
    Ok(())
}

async fn send(client: &reqwest::Client, args: &Args, patch: Patch) -> Result<()> {
    let Patch { cluster, namespace, name, container, image } = patch;
    let url = format!(
        "{}/k8s/clusters/{cluster}/apis/apps/v1/namespaces/{namespace}/deployments/{name}",
        args.origin
    );
    let body = json!({
        "spec": { "template": { "spec": { "containers": [{ "name": container, "image": image }] } } },
    });
    let request = client
        .patch(&url)
        .bearer_auth(&args.token)
        .header(CONTENT_TYPE, "application/strategic-merge-patch+json")
        .body(body.to_string());
    request.send().await?.error_for_status()?.bytes().await?;
    Ok(())
}
