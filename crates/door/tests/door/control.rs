//! How front doors open and close.

use std::{io::ErrorKind, net::TcpListener, time::Duration};

use domain::front_door::{Route, Routes, Shut};
use door::Client;
use http::StatusCode;
use tokio::net::TcpStream;

use crate::support::{Door, Process, Replica, free_port, version};

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_it_opens_with_the_last_routes_by_itself() {
    let mut door = Door::new();
    let replica = Replica::saying("here").await;
    door.serve(vec![version("cart:1", None, &[replica.port])]).await;
    let mut client = door.client().await;
    assert_eq!(client.pid(), Some(door.process.pid()));
    door.process.kill();
    client.closed().await;
    assert!(Client::connect(door.directory.path()).await.unwrap().is_none());
    door.process = Process::start(door.directory.path());
    assert_eq!(door.get().await, (StatusCode::OK, "here".to_owned()));
    assert_eq!(door.client().await.pid(), Some(door.process.pid()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_another_s_is_said_and_the_others_open() {
    let door = Door::new();
    let replica = Replica::saying("here").await;
    let other = TcpListener::bind(("127.0.0.1", free_port())).unwrap();
    let route = |service: &str, port| Route {
        service: service.into(),
        port,
        versions: vec![version("cart:1", None, &[replica.port])],
    };
    let taken = other.local_addr().unwrap().port();
    let routes = Routes { routes: vec![route("a", taken), route("b", door.port)] };
    let [Shut { port, why }] = &door.client().await.set(&routes).await.unwrap().shut[..] else {
        panic!("one is shut")
    };
    assert_eq!(*port, taken);
    assert!(why.contains("in use"), "{why}");
    assert_eq!(door.get().await.1, "here");
    drop(other);
    // What another test starts at this moment has it too, until it has become another program.
    let opened = async { while !door.client().await.set(&routes).await.unwrap().shut.is_empty() {} };
    tokio::time::timeout(Duration::from_secs(20), opened).await.expect("it opens once the port is free");
    let answer = door.http.get(format!("http://127.0.0.1:{taken}/")).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "here");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nothing_to_serve_it_ends() {
    let door = Door::new();
    let replica = Replica::saying("here").await;
    door.serve(vec![version("cart:1", None, &[replica.port])]).await;
    assert_eq!(door.get().await.1, "here");
    let mut client = door.client().await;
    client.set(&Routes::default()).await.unwrap();
    client.closed().await;
    assert!(Client::connect(door.directory.path()).await.unwrap().is_none());
    // By a connection of its own: one that is kept may end as this is asked.
    let refused = TcpStream::connect(("127.0.0.1", door.port)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    door.process.ended().await;
}
