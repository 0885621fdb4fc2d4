//! Leases: who has one writes, and nobody else does.

use std::collections::HashSet;

use chrono::{TimeDelta, Utc};
use domain::{cluster::WatchState, id::ClusterId};
use futures::future::join_all;
use store::{Error, Store, WatchLease};

use super::{deployment, furnish, open};

const TIME: TimeDelta = TimeDelta::seconds(10);

/// What a server watches once it has asked to, at a time so many seconds from now.
async fn share(store: &Store, owner: &str, wanted: &[ClusterId], later: i64) -> Vec<WatchLease> {
    let now = Utc::now() + TimeDelta::seconds(later);
    let mut write = store.write().await.unwrap();
    let leases = write.share_watches(owner, wanted, now, TIME).await.unwrap();
    write.commit().await.unwrap();
    leases
}

async fn mark(store: &Store, lease: &WatchLease) -> Result<(), Error> {
    let mut write = store.write().await?;
    write.hold_watches(&[lease]).await?;
    write.set_watch(lease.cluster, WatchState::Live, None, None).await?;
    write.commit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_belongs_to_one_server_and_only_that_one_writes() {
    let Some((store, _dir, _)) = open(true).await else { return };
    let (cluster, _) = furnish(&store).await;
    let wanted = [cluster.id];
    let first = share(&store, "first", &wanted, 0).await;
    assert_eq!(first.len(), 1);
    assert_eq!(share(&store, "second", &wanted, 5).await, [], "it is taken");
    assert_eq!(share(&store, "first", &wanted, 5).await, first, "it is kept");
    mark(&store, &first[0]).await.unwrap();
    let times = store.observed_times().await.unwrap();

    let second = share(&store, "second", &wanted, 16).await;
    assert!(second[0].epoch > first[0].epoch, "it had run out");
    let mut late = store.write().await.unwrap();
    assert!(matches!(late.hold_watches(&[&first[0]]).await, Err(Error::LeaseLost)));
    drop(late);
    assert_eq!(share(&store, "first", &wanted, 16).await, []);
    assert_eq!(store.observed_times().await.unwrap(), times, "nothing was written");
    mark(&store, &second[0]).await.unwrap();
    assert_ne!(store.observed_times().await.unwrap(), times, "others can see that there is something new");

    assert_eq!(share(&store, "second", &[], 17).await, [], "it is not wanted any more");
    assert!(matches!(mark(&store, &second[0]).await, Err(Error::LeaseLost)), "what is given up is lost");
    assert_eq!(share(&store, "first", &wanted, 17).await.len(), 1, "and taken at once");
    let mut write = store.write().await.unwrap();
    write.release_watches("first").await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(share(&store, "second", &wanted, 17).await.len(), 1, "a server that stops gives all up");
}

/// Whoever is alone on SQLite stores nothing about it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_nobody_is_asked() {
    let (store, _dir, _) = open(false).await.unwrap();
    let (cluster, _) = furnish(&store).await;
    mark(&store, &WatchLease::alone(cluster.id)).await.unwrap();
    assert!(store.observed_times().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_claim_at_the_same_moment_get_each_deployment_once() {
    let Some((store, _dir, url)) = open(true).await else { return };
    let (_, instances) = furnish(&store).await;
    let other = Store::open(&url).await.unwrap();
    for _ in 0..10 {
        // Both are of one environment, so only one of them may begin, whoever asks for which.
        let ids = [deployment(&store, &instances).await, deployment(&store, &instances).await];
        let claims = [&store, &other, &store, &other].into_iter().enumerate().map(|(n, store)| async move {
            let owner = if n % 2 == 0 { "first" } else { "second" };
            let mut write = store.write().await.unwrap();
            let lease = write.claim(ids[n / 2], owner, Utc::now(), TIME).await.unwrap();
            write.commit().await.unwrap();
            lease
        });
        let claimed: Vec<_> = join_all(claims).await.into_iter().flatten().collect();
        assert_eq!(claimed.len(), 1, "{claimed:?}");
        let mut write = store.write().await.unwrap();
        for id in ids {
            write.request_cancel(id).await.unwrap();
        }
        let cancelled = domain::deployment::DeploymentStatus::Cancelled;
        let open: HashSet<_> = ids.into_iter().filter(|id| *id != claimed[0].deployment).collect();
        write.set_deployment_status(&claimed[0], &cancelled, Utc::now()).await.unwrap();
        write.commit().await.unwrap();
        for id in open {
            let mut write = store.write().await.unwrap();
            let lease = write.claim(id, "first", Utc::now(), TIME).await.unwrap().unwrap();
            write.set_deployment_status(&lease, &cancelled, Utc::now()).await.unwrap();
            write.commit().await.unwrap();
        }
    }
}

/// A server that is paused in the middle of a transaction keeps nobody waiting for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_transaction_is_ended() {
    let Some((store, _dir, _)) = open(true).await else { return };
    let (cluster, _) = furnish(&store).await;
    let lease = share(&store, "first", &[cluster.id], 0).await.remove(0);
    let mut paused = store.write().await.unwrap();
    paused.hold_watches(&[&lease]).await.unwrap();
    let taken = share(&store, "second", &[cluster.id], 11).await;
    assert!(taken[0].epoch > lease.epoch, "whoever waits for its locks gets them");
    assert!(paused.set_watch(cluster.id, WatchState::Live, None, None).await.is_err());
}
