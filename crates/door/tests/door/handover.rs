//! One process after another, and nobody who asks can tell.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use domain::front_door::{Route, Routes};
use http::Response;
use http_body_util::Either;

use crate::support::{Door, Load, Pieces, Process, Replica, free_port, version};

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_takes_over_and_no_request_is_lost() {
    let mut door = Door::new();
    let (first, second) = (Replica::saying("1").await, Replica::saying("1").await);
    door.serve(vec![version("cart:1", None, &[first.port, second.port])]).await;
    let load = Load::begin(&door.url(), 8);
    for _ in 0..5 {
        load.more(200).await;
        let next = tokio::task::block_in_place(|| Process::start(door.directory.path()));
        let before = std::mem::replace(&mut door.process, next);
        assert_eq!(door.client().await.pid(), Some(door.process.pid()));
        load.more(200).await;
        // Nobody keeps a connection to it: each was told that it ends.
        before.ended().await;
    }
    let (sent, failed) = load.end().await;
    assert_eq!(failed, [""; 0], "of {sent}");
    assert!(sent >= 2_000);
    assert_eq!(first.answered() + second.answered(), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_ends_with_the_predecessor_and_is_waited_for() {
    let mut door = Door::new();
    let (send, pieces) = Pieces::new();
    let pieces = Arc::new(Mutex::new(Some(pieces)));
    let slow = Replica::new(move |_| {
        let pieces = pieces.lock().unwrap().take().unwrap();
        async move { Response::new(Either::Right(pieces)) }
    })
    .await;
    let next = Replica::saying("next").await;
    door.serve(vec![version("cart:1", None, &[slow.port])]).await;
    send.send(Bytes::from("1")).unwrap();
    let mut answer = door.http.get(door.url()).send().await.unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "1");
    let next_process = Process::start(door.directory.path());
    let before = std::mem::replace(&mut door.process, next_process);
    door.serve(vec![version("cart:2", None, &[next.port])]).await;
    let mut client = door.client().await;
    let mut drained = std::pin::pin!(client.drained(slow.port));
    tokio::select! {
        biased;
        _ = &mut drained => panic!("the predecessor has a request under way"),
        (_, words) = door.get() => assert_eq!(words, "next"),
    }
    send.send(Bytes::from("2")).unwrap();
    drop(send);
    assert_eq!(answer.bytes().await.unwrap(), "2");
    drained.await.unwrap();
    drop(door.http);
    before.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_idle_leads_to_where_requests_go_now() {
    let mut door = Door::new();
    let (old, new) = (Replica::saying("old").await, Replica::saying("new").await);
    door.serve(vec![version("cart:1", None, &[old.port])]).await;
    assert_eq!(door.get().await.1, "old");
    let next = Process::start(door.directory.path());
    let before = std::mem::replace(&mut door.process, next);
    door.serve(vec![version("cart:2", None, &[new.port])]).await;
    assert_eq!(door.get().await.1, "new");
    before.ended().await;
    assert_eq!(door.get().await.1, "new");
    assert_eq!((old.answered(), new.answered()), (1, 2));
    let versions = door.counts().await.services.remove(0).versions;
    assert_eq!(versions.last().map(|version| version.requests), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_many_go_over() {
    let mut door = Door::new();
    let replica = Replica::saying("here").await;
    let ports: Vec<u16> = std::iter::repeat_with(free_port).take(150).collect();
    let route = |port: &u16| Route {
        service: port.to_string(),
        port: *port,
        versions: vec![version("cart:1", None, &[replica.port])],
    };
    let routes = Routes { routes: ports.iter().map(route).collect() };
    assert_eq!(door.client().await.set(&routes).await.unwrap().shut, []);
    let next = Process::start(door.directory.path());
    std::mem::replace(&mut door.process, next).ended().await;
    assert_eq!(door.client().await.set(&routes).await.unwrap().shut, []);
    for port in ports {
        let answer = door.http.get(format!("http://127.0.0.1:{port}/")).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "here");
    }
}
