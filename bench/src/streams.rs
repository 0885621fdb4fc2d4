//! Many event streams, as many browsers would hold them open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::{StreamExt, future::try_join_all};

/// Opens `count` streams, says so, and prints each second how many messages they were told, until it is stopped.
pub(crate) async fn hold(origin: &str, count: usize) -> Result<()> {
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build()?;
    let told = Arc::new(AtomicU64::new(0));
    let streams = (0..count).map(|_| open(&client, origin, told.clone()));
    try_join_all(streams).await?;
    println!("open {count}");
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        second.tick().await;
        println!("told {}", told.swap(0, Ordering::Relaxed));
    }
}

async fn open(client: &reqwest::Client, origin: &str, told: Arc<AtomicU64>) -> Result<()> {
    let answer = client.get(format!("{origin}/api/events")).send().await?;
    ensure!(answer.status().is_success(), "an event stream was answered with {}", answer.status());
    let mut body = answer.bytes_stream();
    ensure!(body.next().await.is_some(), "an event stream ended before its first message");
    tokio::spawn(async move {
        while let Some(Ok(bytes)) = body.next().await {
            let messages = bytes.windows(2).filter(|pair| *pair == b"\n\n").count();
            told.fetch_add(messages as u64, Ordering::Relaxed);
        }
    });
    Ok(())
}
