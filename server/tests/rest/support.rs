//! A server with a stand-in Rancher behind it, and a client that waits for events instead of time.

pub(crate) mod process;

use std::{
    net::SocketAddr,
    ops::RangeInclusive,
    path::Path,
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use domain::patience::Patience;
use futures::StreamExt;
use reqwest::{Client, Method, Response, StatusCode};
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use server::{Running, config::Settings};
use tempfile::TempDir;

/// How long an awaited state may take before the test has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which database a test runs on.
#[derive(Clone, Copy)]
pub(crate) enum On {
    Sqlite,
    Postgres,
}

/// Declares a test that runs on both databases.
macro_rules! on_both {
    ($(#[$meta:meta])* $name:ident) => {
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(crate::support::On::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(crate::support::On::Postgres).await;
            }
        }
    };
}
pub(crate) use on_both;

/// An empty database; `None` where there is no PostgreSQL to make one in.
pub(crate) async fn database(on: On, dir: &Path) -> Option<String> {
    let On::Postgres = on else { return Some(server::config::sqlite_url(dir)) };
    let Ok(admin) = std::env::var("LOCKSTEP_TEST_POSTGRES") else {
        println!("skipped: LOCKSTEP_TEST_POSTGRES names no PostgreSQL");
        return None;
    };
    let name = format!("rest_{}", domain::id::SiteId(uuid::Uuid::now_v7()).to_string().replace('-', ""));
    let db = Database::connect(&admin).await.unwrap();
    db.execute_unprepared(&format!("create database {name}")).await.unwrap();
    let (server, _) = admin.rsplit_once('/').unwrap();
    Some(format!("{server}/{name}"))
}

/// The generated cluster of a fleet of one.
pub(crate) const CLUSTER: &str = "c-m-00000001";

/// Ports for one server, so that those that run beside it do not take them away.
fn local_ports() -> RangeInclusive<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    let first = NEXT.fetch_add(10, Ordering::Relaxed);
    first..=first + 9
}

/// A running server with its stand-in.
pub(crate) struct App {
    pub(crate) rancher: standin::Server,
    pub(crate) dir: TempDir,
    pub(crate) api: Api,
    database_url: String,
    running: Running,
}

/// A client of a server.
#[derive(Clone)]
pub(crate) struct Api {
    base: String,
    client: Client,
}

/// A quick stand-in.
pub(crate) async fn rancher() -> standin::Server {
    let options = standin::Options { rollout: Duration::from_millis(20), ..Default::default() };
    standin::start(options).await.unwrap()
}

impl App {
    /// Starts both; `None` where the database is not to be had.
    pub(crate) async fn start(on: On) -> Option<Self> {
        Self::start_with(on, Patience::default(), rancher().await).await
    }

    /// Starts a server that waits for clusters as long as `patience` says, beside a stand-in.
    pub(crate) async fn start_with(on: On, patience: Patience, rancher: standin::Server) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let database_url = database(on, dir.path()).await?;
        let settings = Settings {
            addr: "127.0.0.1:0".parse().unwrap(),
            database_url: database_url.clone(),
            data_dir: dir.path().to_owned(),
            allowed_hosts: Vec::new(),
            secret_key: None,
            site_root: dir.path().join("site"),
            hashed: false,
            patience,
            local: Some(local::Options {
                root: dir.path().join("local"),
                holder: env!("CARGO_BIN_EXE_lockstep").into(),
                ports: local_ports(),
            }),
        };
        let running = server::start(settings).await.unwrap();
        let api = Api::new(running.addr());
        Some(Self { rancher, dir, api, database_url, running })
    }

    /// Starts both and binds the stand-in's namespaces to Development, Staging and Production; waits for all services.
    pub(crate) async fn connected(on: On) -> Option<Self> {
        let app = Self::start(on).await?;
        app.api.connect(app.rancher.url()).await;
        Some(app)
    }

    /// The name of its database, where it is one of PostgreSQL's.
    pub(crate) fn database(&self) -> &str {
        self.database_url.rsplit('/').next().unwrap()
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await.unwrap();
        self.rancher.shutdown().await;
    }
}

impl Api {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self { base: format!("http://{addr}"), client: Client::new() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let request = self.request(method, path);
        match body {
            Some(body) => request.json(body),
            None => request,
        }
        .send()
        .await
        .unwrap()
    }

    /// The status and the body.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let response = self.send(method, path, body).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, None).await;
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.call(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "POST {path}: {status} {answer}");
        answer
    }

    /// Reads again after each message of the event stream until `holds`.
    pub(crate) async fn until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let wait = async {
            let events = self.send(Method::GET, "/api/events", None).await;
            let mut events = events.bytes_stream();
            loop {
                let found = self.get(path).await;
                if holds(&found) {
                    return found;
                }
                events.next().await.expect("the stream goes on").unwrap();
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(found) => found,
            Err(_) => panic!("{path} never got there: {:.4000}", self.get(path).await.to_string()),
        }
    }

    /// Connects a stand-in as three environments.
    pub(crate) async fn connect(&self, url: String) {
        let site = json!({ "name": "Rancher", "url": url, "token": standin::ADMIN_TOKEN });
        let site = self.post("/api/sites", &site).await;
        let stages = [
            ("Development", "local", "dev"),
            ("Staging", "c-m-stage001", "staging"),
            ("Production", "c-m-prod0001", "prod"),
        ];
        for (name, cluster, suffix) in stages {
            let environment = self.post("/api/environments", &json!({ "name": name })).await;
            for application in ["shop", "payments", "platform"] {
                let instance = json!({
                    "name": format!("{application} in {name}"),
                    "rancherSiteId": site["id"],
                    "cluster": cluster,
                    "namespace": format!("{application}-{suffix}"),
                    "environmentId": environment["id"],
                });
                self.post("/api/app-instances", &instance).await;
            }
        }
        self.until("/api/services", |services| services.as_array().unwrap().len() == 84).await;
        let all_live = |clusters: &Value| {
            clusters.as_array().unwrap().iter().all(|c| c["managed"] == false || c["watch"] == "live")
        };
        self.until(&format!("/api/sites/{}/clusters", site["id"].as_str().unwrap()), all_live).await;
    }

    /// Binds two stages of a stand-in's only generated cluster, and waits for their services; gives the environments.
    pub(crate) async fn connect_fleet(&self, url: String, count: usize) -> (String, String) {
        let site = json!({ "name": "Rancher", "url": url, "token": standin::ADMIN_TOKEN });
        let site = self.post("/api/sites", &site).await;
        let mut environments = Vec::new();
        for (name, namespace) in [("Development", "app-001-dev"), ("Staging", "app-001-staging")] {
            let environment = self.post("/api/environments", &json!({ "name": name })).await;
            let instance = json!({
                "rancherSiteId": site["id"],
                "cluster": CLUSTER,
                "namespace": namespace,
                "environmentId": environment["id"],
                "application": "app",
            });
            self.post("/api/app-instances", &instance).await;
            environments.push(environment["id"].as_str().unwrap().to_owned());
        }
        let running = |services: &Value| {
            let services = services.as_array().unwrap();
            services.len() == count && services.iter().all(|service| service["status"] == "running")
        };
        self.until("/api/services?pageSize=500", running).await;
        (environments.remove(0), environments.remove(0))
    }

    /// An environment's id.
    pub(crate) async fn environment(&self, name: &str) -> String {
        let all = self.get("/api/environments").await;
        let found = all.as_array().unwrap().iter().find(|environment| environment["name"] == name);
        found.unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// A service of an environment.
    pub(crate) async fn service(&self, environment: &str, name: &str) -> Value {
        let env = self.environment(environment).await;
        let found = self.get(&format!("/api/services?env={env}&q={name}")).await;
        found.as_array().unwrap().iter().find(|service| service["name"] == name).unwrap().clone()
    }

    /// The request that brings services from Development to Staging.
    pub(crate) async fn sync_request(&self, names: &[&str]) -> Value {
        let mut ids = Vec::new();
        for name in names {
            ids.push(self.service("Development", name).await["id"].clone());
        }
        json!({
            "sourceEnvironmentId": self.environment("Development").await,
            "targetEnvironmentId": self.environment("Staging").await,
            "serviceIds": ids,
        })
    }
}
