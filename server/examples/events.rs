//! Serves like `lockstep serve` and appends events at a rate: what `cargo xtask bench --only events` follows.
//!
//! Prints the deployments that the events are of, as JSON; begins with the first line of standard input; prints how it
//! went; and stops when standard input ends.

use std::{error::Error, time::Duration};

use chrono::{TimeDelta, Utc};
use clap::Parser;
use domain::{
    deployment::{Deployment, DeploymentStatus, Origin, TaskCounts},
    event::NewEvent,
    id::{DeploymentId, EnvironmentId},
    sync::OnFailure,
};
use serde_json::json;
use server::config::Serve;
use store::{NewDeployment, Store};
use tokio::time::{Instant, interval};
use uuid::Uuid;

#[derive(Clone, Parser)]
struct Args {
    #[command(flatten)]
    serve: Serve,
    /// Events a second
    #[arg(long, default_value_t = 5000)]
    rate: usize,
    /// Events of one transaction
    #[arg(long, default_value_t = 50)]
    batch: usize,
    /// For how long
    #[arg(long, default_value_t = 60)]
    seconds: usize,
    /// How many append at the same time
    #[arg(long, default_value_t = 1)]
    writers: usize,
    /// How many deployments the events are of
    #[arg(long, default_value_t = 90)]
    deployments: usize,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let running = server::start(args.serve.settings()?).await?;
    let store = running.store().clone();
    let mut ids = Vec::new();
    for _ in 0..args.deployments {
        ids.push(deployment(&store).await?);
    }
    println!("{}", json!({ "deployments": ids }));
    if asked().await?.is_some() {
        println!("{}", append(&args, &store, &ids).await?);
        asked().await?;
    }
    Ok(running.stop().await?)
}

/// The next line of standard input; none at its end.
async fn asked() -> Result<Option<String>, Box<dyn Error>> {
    let line = tokio::task::spawn_blocking(|| std::io::stdin().lines().next()).await?;
    Ok(line.transpose()?)
}

/// Stores a deployment that waits for its time, so that its log goes on.
async fn deployment(store: &Store) -> Result<DeploymentId, store::Error> {
    let (id, environment) = (DeploymentId::from(Uuid::now_v7()), EnvironmentId::from(Uuid::now_v7()));
    let now = Utc::now();
    let deployment = Deployment {
        id,
        origin: Origin::Deploy,
        source_environment_id: environment,
        source_name: "Stage".into(),
        target_environment_id: environment,
        target_name: "Stage".into(),
        service_ids: Vec::new(),
        status: DeploymentStatus::Pending,
        on_failure: OnFailure::PutBack,
        cancel_requested: false,
        note: String::new(),
        ticket: String::new(),
        initiated_by: "bench".into(),
        undo_of: None,
        retry_of: None,
        revision: 1,
        scheduled_for: Some(now + TimeDelta::days(1)),
        time_limit_seconds: None,
        begun_at: None,
        start_time: now,
        end_time: None,
        results: Vec::new(),
        counts: TaskCounts::default(),
    };
    let mut write = store.write().await?;
    write
        .insert_deployment(&NewDeployment { deployment, tasks: Vec::new(), overrides_freeze: false })
        .await?;
    write.commit().await?;
    Ok(id)
}

/// Appends by all writers; each has deployments of its own, so that the numbers in theirs follow its commits.
async fn append(args: &Args, store: &Store, ids: &[DeploymentId]) -> Result<String, Box<dyn Error>> {
    let begun = Instant::now();
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..args.writers {
        let own = ids.iter().skip(number).step_by(args.writers).copied().collect();
        writers.spawn(write_all(args.clone(), store.clone(), own));
    }
    let mut took = Vec::new();
    while let Some(written) = writers.join_next().await {
        took.extend(written??);
    }
    let seconds = begun.elapsed().as_secs_f64();
    took.sort_by(f64::total_cmp);
    let p95 = took.get(took.len() * 95 / 100).copied().unwrap_or_default();
    Ok(json!({ "appended": took.len() * args.batch, "seconds": seconds, "p95": p95 }).to_string())
}

/// One writer's part; gives out how long each transaction took, in milliseconds.
async fn write_all(args: Args, store: Store, own: Vec<DeploymentId>) -> Result<Vec<f64>, store::Error> {
    let batches = args.rate * args.seconds / args.batch / args.writers;
    let every = Duration::from_secs_f64((args.batch * args.writers) as f64 / args.rate as f64);
    let (mut tick, mut took, mut number) = (interval(every), Vec::with_capacity(batches), 0);
    for _ in 0..batches {
        tick.tick().await;
        let begun = Instant::now();
        let mut write = store.write().await?;
        let next = number..number + args.batch;
        let of = |number: usize| event(own[number % own.len()], (number / own.len() + 1).to_string());
        write.append_all(next.map(of).collect()).await?;
        number += args.batch;
        write.commit().await?;
        took.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    let mut write = store.write().await?;
    write.append_all(own.into_iter().map(|id| event(id, "last".into())).collect()).await?;
    write.commit().await?;
    Ok(took)
}

fn event(id: DeploymentId, message: String) -> NewEvent {
    NewEvent::new("task.changed", "bench", message).deployment(id)
}
