//! Requests and their answers.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::{BodyExt, Either};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

use crate::support::{Door, Pieces, Replica, free_port, said, version};

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_shared_by_weight_and_counted() {
    let door = Door::new();
    let (first, second, other) =
        (Replica::saying("1").await, Replica::saying("1").await, Replica::saying("2").await);
    door.serve(vec![
        version("cart:1", Some(3), &[first.port, second.port]),
        version("cart:2", Some(1), &[other.port]),
    ])
    .await;
    for _ in 0..80 {
        assert_eq!(door.get().await.0, StatusCode::OK);
    }
    assert_eq!((first.answered(), second.answered(), other.answered()), (30, 30, 20));
    let counts = door.counts().await;
    let [cart] = &counts.services[..] else { panic!("{counts:?}") };
    assert_eq!((cart.port, cart.unserved), (door.port, 0));
    let told: Vec<_> = cart.versions.iter().map(|it| (&*it.image, it.requests, it.latency.count())).collect();
    assert_eq!(told, [("cart:1", 60, 60), ("cart:2", 20, 20)]);
    assert!(cart.versions.iter().all(|it| (it.under_way, it.failures, it.unreached) == (0, 0, 0)));
    assert!(cart.versions[0].latency.quantile(0.5).unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_gets_what_was_sent_and_is_told_who_asks() {
    let door = Door::new();
    let replica = Replica::new(async |request: http::Request<hyper::body::Incoming>| {
        let (parts, body) = request.into_parts();
        let header = |name: &str| parts.headers.get(name).map(|it| it.to_str().unwrap().to_owned());
        let told = format!(
            "{} {} {:?} {:?} {:?} {:?} ",
            parts.method,
            parts.uri,
            header("x-forwarded-for"),
            header("x-forwarded-host"),
            header("x-forwarded-proto"),
            header("x-once"),
        );
        let body = body.collect().await.unwrap().to_bytes();
        let mut answer = said(told + &body.len().to_string());
        *answer.status_mut() = StatusCode::IM_A_TEAPOT;
        answer.headers_mut().insert("x-own", "1".parse().unwrap());
        answer.headers_mut().insert(header::CONNECTION, "x-hop".parse().unwrap());
        answer.headers_mut().insert("x-hop", "1".parse().unwrap());
        answer
    })
    .await;
    door.serve(vec![version("cart:1", None, &[replica.port])]).await;
    let pieces =
        futures::stream::iter((0..64).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![7; 100_000]))));
    let request = door.http.put(format!("{}a/b?c=%F0%9F%9A%80", door.url()));
    let request = request.header("connection", "x-once").header("x-once", "1");
    let answer = request.body(reqwest::Body::wrap_stream(pieces)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(answer.headers()["x-own"], "1");
    assert!(!answer.headers().contains_key("x-hop"));
    let host = format!("127.0.0.1:{}", door.port);
    let told =
        format!(r#"PUT /a/b?c=%F0%9F%9A%80 Some("127.0.0.1") Some("{host}") Some("http") None 6400000"#);
    assert_eq!(answer.text().await.unwrap(), told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_not_there_costs_no_request() {
    let door = Door::new();
    let (replica, going) = (Replica::saying("here").await, Replica::saying("going").await);
    let gone = free_port();
    door.serve(vec![version("cart:1", None, &[replica.port, going.port]), version("cart:2", None, &[gone])])
        .await;
    let mut going = Some(going);
    for number in 0..60 {
        // Kept connections to it are closed, and no new ones are accepted.
        if let Some(going) = going.take_if(|_| number == 30) {
            going.end().await;
        }
        // A kept one may take a request along as it ends: until it was met, what may be asked twice is asked.
        let request = match (30..40).contains(&number) {
            false => door.http.post(door.url()).body("more"),
            true => door.http.get(door.url()),
        };
        let answer = request.send().await.unwrap();
        let status = answer.status();
        assert_eq!(status, StatusCode::OK, "{number}: {}", answer.text().await.unwrap());
    }
    let counts = door.counts().await.services.remove(0).versions;
    assert!(counts[1].unreached > 0 && counts[1].requests == 0, "{counts:?}");
    assert_eq!(counts[0].requests, 60);
}

/// A replica that reads a request and ends the connection, as often as it is asked.
async fn rude() -> (u16, std::sync::Arc<std::sync::atomic::AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = std::sync::Arc::<std::sync::atomic::AtomicU64>::default();
    let count = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    });
    (port, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_asked_twice_is_asked_again_once() {
    let door = Door::new();
    let replica = Replica::saying("here").await;
    let ((first, _), (second, _)) = (rude().await, rude().await);
    door.serve(vec![version("cart:1", None, &[replica.port, first])]).await;
    for _ in 0..10 {
        assert_eq!(door.get().await, (StatusCode::OK, "here".to_owned()));
    }
    door.serve(vec![version("cart:1", None, &[first, second])]).await;
    assert_eq!(
        door.get().await.0,
        StatusCode::BAD_GATEWAY,
        "a request that ends replicas does not end them all"
    );
    let lost = door.http.post(door.url()).send().await.unwrap();
    assert_eq!(lost.status(), StatusCode::BAD_GATEWAY, "it may have been done");
    let counts = &door.counts().await.services[0].versions[0];
    assert_eq!((counts.requests, counts.failures, counts.latency.count()), (12, 0, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_answer_is_drained_and_nothing_new_goes_there() {
    let door = Door::new();
    let (send, pieces) = Pieces::new();
    let pieces = std::sync::Arc::new(std::sync::Mutex::new(Some(pieces)));
    let slow = Replica::new(move |_| {
        let pieces = pieces.lock().unwrap().take().unwrap();
        async move { Response::new(Either::Right(pieces)) }
    })
    .await;
    let next = Replica::saying("next").await;
    door.serve(vec![version("cart:1", None, &[slow.port])]).await;
    send.send(Bytes::from("data: 1\n\n")).unwrap();
    let mut answer = door.http.get(door.url()).send().await.unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "data: 1\n\n", "each event comes when it is sent");

    door.serve(vec![version("cart:2", None, &[next.port])]).await;
    let mut client = door.client().await;
    let drained = client.drained(slow.port);
    let mut drained = std::pin::pin!(drained);
    for _ in 0..10 {
        let asked = door.get();
        tokio::select! {
            biased;
            _ = &mut drained => panic!("it has a request under way"),
            (_, words) = asked => assert_eq!(words, "next"),
        }
    }
    assert_eq!(door.counts().await.services[0].versions[0].under_way, 1);
    send.send(Bytes::from("data: 2\n\n")).unwrap();
    drop(send);
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "data: 2\n\n");
    assert_eq!(answer.chunk().await.unwrap(), None);
    drained.await.unwrap();
    door.client().await.drained(next.port).await.unwrap();
    assert_eq!(slow.answered(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgraded_connection_is_carried_both_ways_and_drained() {
    let door = Door::new();
    let echo = Replica::new(async |mut request: http::Request<hyper::body::Incoming>| {
        assert_eq!(request.headers()["upgrade"], "websocket");
        let agreed = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let (mut read, mut write) = tokio::io::split(TokioIo::new(agreed.await.unwrap()));
            copy(&mut read, &mut write).await
        });
        let mut answer = said("");
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        answer.headers_mut().insert("connection", "upgrade".parse().unwrap());
        answer.headers_mut().insert("upgrade", "websocket".parse().unwrap());
        answer
    })
    .await;
    door.serve(vec![version("cart:1", None, &[echo.port])]).await;
    let stream = TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
    let mut stream = BufReader::new(stream);
    let ask = "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).await.unwrap() > 0, "{head}");
    }
    assert!(head.starts_with("HTTP/1.1 101") && head.contains("upgrade: websocket"), "{head}");
    let mut said = [0; 5];
    for _ in 0..3 {
        stream.write_all(b"hello").await.unwrap();
        stream.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"hello");
    }
    door.serve(Vec::new()).await;
    assert_eq!(door.counts().await.services[0].versions[0].under_way, 1);
    drop(stream);
    door.client().await.drained(echo.port).await.unwrap();
    assert_eq!(door.counts().await.services[0].versions[0].under_way, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_replica_it_is_said_at_once() {
    let door = Door::new();
    door.serve(Vec::new()).await;
    let began = Instant::now();
    let answer = door.http.get(door.url()).send().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(
        (answer.status(), &answer.headers()[header::RETRY_AFTER]),
        (StatusCode::SERVICE_UNAVAILABLE, &"2".parse().unwrap())
    );
    assert_eq!(answer.text().await.unwrap(), "No replica of shop-dev/cart on here is ready.\n");
    assert_eq!(door.counts().await.services[0].unserved, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_through_a_short_gap() {
    let door = Door::new();
    let (old, new) = (Replica::saying("old").await, Replica::saying("new").await);
    door.serve(vec![version("cart:1", None, &[old.port])]).await;
    assert_eq!(door.get().await.1, "old");
    door.serve(Vec::new()).await;
    let came = Notify::new();
    let asked = async {
        let stream = TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
        let mut stream = BufReader::new(stream);
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        came.notify_one();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let gap = async {
        came.notified().await;
        door.serve(vec![version("cart:2", None, &[new.port])]).await;
    };
    let (answer, ()) = tokio::join!(asked, gap);
    assert!(answer.ends_with("new"), "{answer}");

    door.serve(Vec::new()).await;
    assert_eq!(door.get().await.0, StatusCode::SERVICE_UNAVAILABLE, "nor for ever");
}
