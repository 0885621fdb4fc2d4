//! Faults of the database: requests say so, and work goes on by itself when they are over.

use std::{path::Path, time::Duration};

use reqwest::Method;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use serde_json::{Value, json};

use crate::support::{Api, App, CLUSTER, On, process::Server};

/// How many services each of the two stages has.
const SERVICES: usize = 75;

async fn fleet() -> standin::Server {
    let fleet = Some(standin::Fleet { services: SERVICES * 3, ..Default::default() });
    let options = standin::Options { rollout: Duration::from_millis(40), fleet, ..Default::default() };
    standin::start(options).await.unwrap()
}

/// Begins a sync of everything that differs; gives its path.
async fn begin_sync(api: &Api, (dev, staging): &(String, String)) -> String {
    let services = api.get(&format!("/api/services?env={dev}&pageSize=1000")).await;
    let ids: Vec<&Value> = services.as_array().unwrap().iter().map(|service| &service["id"]).collect();
    let request = json!({
        "sourceEnvironmentId": dev, "targetEnvironmentId": staging, "serviceIds": ids, "onFailure": "go_on",
    });
    format!("/api/sync/{}", api.post("/api/sync", &request).await["id"].as_str().unwrap())
}

/// Waits until a sync has ended without events, whose stream may be gone with the fault; each change was made once.
async fn completes_once(api: &Api, path: &str, rancher: &standin::Server) {
    let ended = loop {
        let (status, sync) = api.call(Method::GET, path, None).await;
        if status.is_success() && sync["endTime"].is_string() {
            break sync;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!((&ended["status"], &ended["counts"]["success"]), (&json!("complete"), &json!(50)), "{ended}");
    let mut patched: Vec<String> =
        rancher.cluster(CLUSTER).unwrap().records().into_iter().map(|record| record.name).collect();
    patched.sort_unstable();
    let all = patched.len();
    patched.dedup();
    assert_eq!((all, patched.len()), (50, 50), "each once");
}

/// Tries to write until the server says that its database does not answer.
async fn says_that_it_cannot_write(api: &Api) {
    for number in 0..10_000 {
        let name = format!("{number} {}", "x".repeat(60));
        let (status, problem) =
            api.call(Method::POST, "/api/environments", Some(&json!({ "name": name }))).await;
        if !status.is_success() {
            assert_eq!(
                (status.as_u16(), &problem["code"]),
                (503, &json!("database_unavailable")),
                "{problem}"
            );
            return;
        }
    }
    panic!("it never came to its end");
}

async fn can_write_again(api: &Api) {
    api.post("/api/environments", &json!({ "name": "Afterwards" })).await;
    assert_eq!(api.call(Method::GET, "/readyz", None).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_outlived() {
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let Some(mut server) = Server::on_small_disk(&disk) else {
        println!("skipped: no file system can be mounted here");
        return;
    };
    let rancher = fleet().await;
    let both = server.api.connect_fleet(rancher.url(), SERVICES * 2).await;
    let sync = begin_sync(&server.api, &both).await;
    server.api.until(&sync, |sync| sync["counts"]["success"].as_u64().unwrap() >= 5).await;
    // As the server sees it: the file system is mounted for it alone.
    let filler = server.disk(&disk).join("filler");
    fill(&filler);
    says_that_it_cannot_write(&server.api).await;
    std::fs::remove_file(&filler).unwrap();
    completes_once(&server.api, &sync, &rancher).await;
    can_write_again(&server.api).await;
    server.kill();
}

/// Writes until nothing more fits.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_file_is_told_and_outlived() {
    let rancher = fleet().await;
    let app = App::start_with(On::Sqlite, Default::default(), rancher).await.unwrap();
    let both = app.api.connect_fleet(app.rancher.url(), SERVICES * 2).await;
    let sync = begin_sync(&app.api, &both).await;
    app.api.until(&sync, |sync| sync["counts"]["success"].as_u64().unwrap() >= 5).await;
    // A copy or a shell of someone's, say.
    let other = Database::connect(server::config::sqlite_url(app.dir.path())).await.unwrap();
    let locked = other.get_sqlite_connection_pool().begin_with("BEGIN EXCLUSIVE").await.unwrap();
    says_that_it_cannot_write(&app.api).await;
    assert_eq!(app.api.get("/api/services?pageSize=1").await.as_array().unwrap().len(), 1, "it still reads");
    locked.rollback().await.unwrap();
    completes_once(&app.api, &sync, &app.rancher).await;
    can_write_again(&app.api).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_postgresql_is_told_and_outlived() {
    let Ok(admin) = std::env::var("LOCKSTEP_TEST_POSTGRES") else {
        println!("skipped: LOCKSTEP_TEST_POSTGRES names no PostgreSQL");
        return;
    };
    let rancher = fleet().await;
    let app = App::start_with(On::Postgres, Default::default(), rancher).await.unwrap();
    let both = app.api.connect_fleet(app.rancher.url(), SERVICES * 2).await;
    let sync = begin_sync(&app.api, &both).await;
    app.api.until(&sync, |sync| sync["counts"]["success"].as_u64().unwrap() >= 5).await;
    let admin = Database::connect(&admin).await.unwrap();
    stop_serving(&admin, app.database()).await;
    says_that_it_cannot_write(&app.api).await;
    let (status, _) = app.api.call(Method::GET, "/readyz", None).await;
    assert_eq!(status, 503);
    admin
        .execute_unprepared(&format!("alter database {} allow_connections true", app.database()))
        .await
        .unwrap();
    completes_once(&app.api, &sync, &app.rancher).await;
    can_write_again(&app.api).await;
    app.stop().await;
}

/// What a server that stops does to everyone who uses a database, and only to them: other tests share the server.
async fn stop_serving(admin: &DatabaseConnection, database: &str) {
    let end = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}'");
    for statement in [format!("alter database {database} allow_connections false"), end] {
        admin.execute_unprepared(&statement).await.unwrap();
    }
}
