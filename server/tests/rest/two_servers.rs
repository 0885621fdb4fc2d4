//! Two servers on one PostgreSQL: one at a time watches a cluster, carries a deployment out, and reaches its machine.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::future::join_all;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use serde_json::{Value, json};
use standin::Kind;
use tempfile::TempDir;

use crate::{
    local::{Swept, path, put, script},
    support::{Api, CLUSTER, On, database, process::Server},
};

/// Services in each stage; two thirds of them differ.
const SERVICES: usize = 75;
const STAGING: &str = "app-001-staging";
/// How soon the other server has to go on.
const SOON: Duration = Duration::from_secs(15);
/// For leases of five seconds, which outlast a machine that runs many tests at once.
const HURRY: f64 = 0.5;

/// Two servers, and a stand-in that the first of them watches.
struct Two {
    first: Server,
    second: Server,
    rancher: standin::Server,
    dev: String,
    staging: String,
    database: String,
    first_dir: TempDir,
    _second_dir: TempDir,
}

impl Two {
    async fn start(patience: f64) -> Option<Self> {
        let (first_dir, second_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let database = database(On::Postgres, first_dir.path()).await?;
        let fleet = Some(standin::Fleet { clusters: 1, services: SERVICES * 3, ..Default::default() });
        let options = standin::Options { rollout: Duration::from_millis(40), fleet, ..Default::default() };
        let rancher = standin::start(options).await.unwrap();
        let first = Server::start_beside(first_dir.path(), &database, "first", patience);
        let (dev, staging) = first.api.connect_fleet(rancher.url(), SERVICES * 2).await;
        let second = Server::start_beside(second_dir.path(), &database, "second", patience);
        let _second_dir = second_dir;
        Some(Self { first, second, rancher, dev, staging, database, first_dir, _second_dir })
    }

    /// Gives a service of Staging another version, past Lockstep.
    fn set(&self, name: &str, tag: &str) {
        let image = json!({ "spec": { "template": { "spec": { "containers": [
            { "name": "app", "image": format!("registry.example.com/app-001/{name}:{tag}") }
        ] } } } });
        let cluster = self.rancher.cluster(CLUSTER).unwrap();
        cluster.patch(Kind::Deployment, STAGING, name, image).unwrap();
    }

    /// Services of Development that differ in Staging, by name.
    async fn differing(&self) -> Vec<(String, Value)> {
        let services = self.first.api.get(&format!("/api/services?env={}&pageSize=500", self.dev)).await;
        let all = services.as_array().unwrap().iter();
        let all = all.map(|it| (it["name"].as_str().unwrap().to_owned(), it["id"].clone()));
        all.filter(|(name, _)| !number(name).is_multiple_of(3)).collect()
    }

    fn request(&self, services: &[(String, Value)]) -> Value {
        json!({
            "sourceEnvironmentId": self.dev,
            "targetEnvironmentId": self.staging,
            "serviceIds": services.iter().map(|(_, id)| id).collect::<Vec<_>>(),
            "onFailure": "go_on",
        })
    }

    /// How often each service was changed by Lockstep.
    fn changes(&self) -> BTreeMap<String, usize> {
        let mut changes = BTreeMap::new();
        for record in self.rancher.cluster(CLUSTER).unwrap().records() {
            if record.who != "standin" {
                *changes.entry(record.name).or_default() += 1;
            }
        }
        changes
    }

    /// Waits until a server shows of Staging what is there.
    async fn shows_the_truth(&self, api: &Api) {
        let cluster = self.rancher.cluster(CLUSTER).unwrap();
        let holds = |services: &Value| {
            let there = cluster.list(Kind::Deployment, Some(STAGING));
            let truth: BTreeMap<&str, &Value> = there
                .iter()
                .map(|it| {
                    (
                        it["metadata"]["name"].as_str().unwrap(),
                        &it["spec"]["template"]["spec"]["containers"][0]["image"],
                    )
                })
                .collect();
            let all = services.as_array().unwrap().iter();
            let fresh = all.filter(|it| it["staleSince"].is_null() && it["status"] == "running");
            let shown: BTreeMap<&str, &Value> =
                fresh.map(|it| (it["name"].as_str().unwrap(), &it["containers"][0]["image"])).collect();
            shown == truth
        };
        api.until(&format!("/api/services?env={}&pageSize=500", self.staging), holds).await;
    }

    /// Waits until a server shows a service in such a version.
    async fn shows(&self, api: &Api, name: &str, tag: &str) {
        let services = format!("/api/services?env={}&q={name}", self.staging);
        api.until(&services, |found| found[0]["imageTag"] == tag).await;
    }
}

fn number(name: &str) -> usize {
    name.rsplit('-').next().unwrap().parse().unwrap()
}

fn of(sync: &Value) -> String {
    format!("/api/sync/{}", sync["id"].as_str().unwrap())
}

fn has_ended(sync: &Value) -> bool {
    sync["endTime"].is_string()
}

fn succeeded(sync: &Value) -> u64 {
    sync["counts"]["success"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_servers_sync_and_watch_go_on_in_the_other() {
    let Some(mut two) = Two::start(1.0).await else { return };
    let services = two.differing().await;
    let sync = of(&two.first.api.post("/api/sync", &two.request(&services)).await);
    two.first.api.until(&sync, |sync| succeeded(sync) >= services.len() as u64 / 4).await;
    two.first.kill();
    let killed = Instant::now();
    let by_then = succeeded(&two.second.api.get(&sync).await);
    two.set("service-00000", "9.9.9");
    let goes_on = async {
        two.second.api.until(&sync, |sync| succeeded(sync) > by_then || has_ended(sync)).await;
        killed.elapsed()
    };
    let is_seen = async {
        two.shows(&two.second.api, "service-00000", "9.9.9").await;
        killed.elapsed()
    };
    let (went_on, was_seen) = tokio::join!(goes_on, is_seen);
    assert!(went_on < SOON && was_seen < SOON, "went on after {went_on:?}, seen after {was_seen:?}");
    let ended = two.second.api.until(&sync, has_ended).await;
    assert_eq!((&ended["status"], succeeded(&ended)), (&json!("complete"), services.len() as u64), "{ended}");
    let changes = two.changes();
    assert_eq!(changes.len(), services.len());
    assert!(changes.values().all(|times| *times == 1), "a change took effect twice: {changes:?}");
    two.shows_the_truth(&two.second.api).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_server_observes_the_other_tells_and_takes_over_at_its_stop() {
    let Some(mut two) = Two::start(1.0).await else { return };
    let (name, _) = two.differing().await.remove(0);
    two.set(&name, "9.9.1");
    // It is told by the stream of the server that does not watch.
    two.shows(&two.second.api, &name, "9.9.1").await;
    // What is bound by one is watched by the other.
    let production = two.second.api.post("/api/environments", &json!({ "name": "Production" })).await;
    let instance = json!({
        "rancherSiteId": two.second.api.get("/api/sites").await.as_array().unwrap().iter()
            .find(|site| site["kind"] == "rancher").unwrap()["id"],
        "cluster": CLUSTER,
        "namespace": "app-001-prod",
        "environmentId": production["id"],
        "application": "app",
    });
    two.second.api.post("/api/app-instances", &instance).await;
    let bound = Instant::now();
    let services = format!("/api/services?env={}&pageSize=500", production["id"].as_str().unwrap());
    two.second.api.until(&services, |found| found.as_array().unwrap().len() == SERVICES).await;
    assert!(bound.elapsed() < SOON, "{:?}", bound.elapsed());

    two.first.stop();
    let stopped = Instant::now();
    two.set(&name, "9.9.2");
    two.shows(&two.second.api, &name, "9.9.2").await;
    let taken_over = stopped.elapsed();
    assert!(taken_over < Duration::from_secs(8), "no lease is waited for: {taken_over:?}");
}

/// Counts what each server writes of what it observes and carries out.
async fn count_writes(db: &DatabaseConnection) {
    let mut script = String::from(
        "create table written (by text not null);
         create function count_write() returns trigger language plpgsql as $$
         begin insert into written values (current_setting('application_name')); return null; end $$;",
    );
    for table in ["service", "cluster", "deployment", "task", "event"] {
        script.push_str(&format!(
            "create trigger count_write after insert or update or delete on {table}
             for each statement execute function count_write();"
        ));
    }
    db.execute_unprepared(&script).await.unwrap();
}

async fn written_by(db: &DatabaseConnection, name: &str) -> i64 {
    let query = format!("select count(*) as times from written where by = '{name}'");
    let query = Statement::from_string(db.get_database_backend(), query);
    db.query_one_raw(query).await.unwrap().unwrap().try_get("", "times").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_server_writes_nothing_afterwards() {
    let Some(mut two) = Two::start(HURRY).await else { return };
    let db = Database::connect(&two.database).await.unwrap();
    count_writes(&db).await;
    let services = two.differing().await;
    let sync = of(&two.first.api.post("/api/sync", &two.request(&services)).await);
    two.first.api.until(&sync, |sync| succeeded(sync) >= services.len() as u64 / 4).await;
    two.first.signal("STOP");
    // It may have been stopped in the middle of a transaction that is committed all the same.
    let ended = two.second.api.until(&sync, has_ended).await;
    assert_eq!((&ended["status"], succeeded(&ended)), (&json!("complete"), services.len() as u64), "{ended}");
    two.shows_the_truth(&two.second.api).await;
    let name = "service-00000";
    two.set(name, "9.9.1");
    two.shows(&two.second.api, name, "9.9.1").await;
    let before = written_by(&db, "first").await;
    assert!(before > 0 && written_by(&db, "second").await > 0);
    let log = format!("/api/deployments/{}/events", sync.rsplit('/').next().unwrap());
    let events = two.second.api.get(&log).await;

    two.first.signal("CONT");
    two.set(name, "9.9.2");
    two.shows(&two.first.api, name, "9.9.2").await;
    two.shows_the_truth(&two.first.api).await;
    assert_eq!(written_by(&db, "first").await, before, "it knew no better, and was kept from it");
    assert_eq!(two.first.api.get(&sync).await, ended);
    assert_eq!(two.first.api.get(&log).await, events);
    let changes = two.changes();
    assert!(changes.values().all(|times| *times == 1), "a change took effect twice: {changes:?}");

    // It is as good as any other.
    two.second.kill();
    two.set(name, "9.9.3");
    two.shows(&two.first.api, name, "9.9.3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deployments_started_on_both_at_once_are_carried_out_once() {
    let Some(two) = Two::start(1.0).await else { return };
    let services = two.differing().await;
    let starts = services.chunks(8).enumerate().map(|(n, chunk)| {
        let api = if n % 2 == 0 { &two.first.api } else { &two.second.api };
        let request = two.request(chunk);
        async move { of(&api.post("/api/sync", &request).await) }
    });
    let syncs = join_all(starts).await;
    let ended = syncs.iter().map(|sync| two.second.api.until(sync, has_ended));
    for ended in join_all(ended).await {
        assert_eq!(ended["status"], "complete", "{ended}");
        let log = format!("/api/deployments/{}/events", ended["id"].as_str().unwrap());
        let events = two.first.api.get(&log).await;
        let begun = events
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["message"].as_str().is_some_and(|message| message.starts_with("running")));
        assert_eq!(begun.count(), 1, "{events}");
    }
    let changes = two.changes();
    assert_eq!(changes.len(), services.len());
    assert!(changes.values().all(|times| *times == 1), "a change took effect twice: {changes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_on_a_machine_waits_for_its_server() {
    let Some(mut two) = Two::start(HURRY).await else { return };
    let _swept = Swept::of(two.first_dir.path());
    let here = &two.first.api;
    here.post("/api/clusters", &json!({ "name": "here" })).await;
    put(here, "shop", &script("exec sleep 1000", "1.0", 0)).await;
    // Its own machine's site is told from the other server's by the cluster that was made there.
    let site = here.get("/api/clusters").await;
    let site = site.as_array().unwrap().iter().find(|it| it["name"] == "here").unwrap()["siteId"].clone();
    let environment = here.post("/api/environments", &json!({ "name": "Machine" })).await;
    let instance = json!({
        "rancherSiteId": site, "cluster": "here", "namespace": "shop", "application": "shop",
        "environmentId": environment["id"],
    });
    here.post("/api/app-instances", &instance).await;
    let services = format!("/api/services?env={}", environment["id"].as_str().unwrap());
    let found = two.second.api.until(&services, |found| found[0]["status"] == "running").await;
    let mut request = json!({
        "environmentId": environment["id"],
        "versions": [{ "serviceId": found[0]["id"], "version": "2.0" }],
    });
    let shown = two.second.api.post("/api/deployments/preview", &request).await;
    assert!(shown.to_string().contains("machine of another server"), "{shown}");

    request["scheduledFor"] = json!(chrono::Utc::now() + chrono::TimeDelta::seconds(2));
    let started = here.post("/api/deployments", &request).await;
    let deployment = format!("/api/deployments/{}", started["id"].as_str().unwrap());
    two.first.kill();
    let waits = |events: &Value| {
        let message = |event: &Value| event["message"].as_str().unwrap_or_default().to_owned();
        events.as_array().unwrap().iter().any(|event| message(event).starts_with("waits for the server of"))
    };
    two.second.api.until(&format!("{deployment}/events"), waits).await;
    assert_eq!(two.second.api.get(&deployment).await["status"], "pending");
    two.first = Server::start_beside(two.first_dir.path(), &two.database, "first", HURRY);
    let ended = two.second.api.until(&deployment, |it| it["completedAt"].is_string()).await;
    assert_eq!(ended["status"], "success", "{ended}");
    let runs = two.first.api.get(&path("shop")).await;
    assert_eq!(runs["image"], "shop/cart:2.0");
}
