//! What is started as a process of its own: this test's program once more, as a service that serves or as a server.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    time::Duration,
};

use domain::local_service::{HealthCheck, LocalServiceSpec};
use local::{Options, Site};

use crate::support::script;

/// In a server's environment: its site's directory, its holder, and its first and last port.
pub(crate) const SITE: &str = "LOCKSTEP_TEST_SITE";

/// The cart as a service that says its version to whoever asks, and dies at once when it is told to stop.
pub(crate) fn serving(tag: &str, replicas: u16) -> LocalServiceSpec {
    let health =
        HealthCheck { path: "/".into(), status: Some(200), every_ms: 10, within_ms: 5_000, threshold: 3 };
    LocalServiceSpec {
        program: env::current_exe().unwrap().to_str().unwrap().into(),
        arguments: ["--exact", "replica::service", "--ignored", "--nocapture"].map(Into::into).into(),
        health: Some(health),
        front_door: true,
        ..script("", tag, replicas)
    }
}

#[test]
#[ignore = "started as a process by other tests"]
fn service() {
    let Ok(port) = env::var("PORT") else { return };
    let listener = TcpListener::bind(("127.0.0.1", port.parse().unwrap())).unwrap();
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || answer(stream));
    }
}

/// Answers each request of a connection after a little work.
fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let said = env::var("LOCKSTEP_VERSION").unwrap();
    let mut read = BufReader::new(stream.try_clone()?);
    loop {
        let (mut length, mut line) = (0, String::new());
        while line != "\r\n" {
            line.clear();
            if read.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some(told) = line.to_lowercase().strip_prefix("content-length:") {
                length = told.trim().parse().unwrap();
            }
        }
        read.read_exact(&mut vec![0; length])?;
        std::thread::sleep(Duration::from_millis(1));
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{said}", said.len())?;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "started as a process by other tests"]
async fn site() {
    let Ok(told) = env::var(SITE) else { return };
    let (root, holder, first, last): (PathBuf, PathBuf, u16, u16) = serde_json::from_str(&told).unwrap();
    loop {
        // The test looks whether it has the site by trying to have it itself.
        if let Ok(_site) =
            Site::open(Options { root: root.clone(), holder: holder.clone(), ports: first..=last }).await
        {
            std::future::pending::<()>().await;
        }
    }
}
