//! What services write, read while they write it, by real processes.

use std::collections::BTreeSet;

use domain::{local_service::LocalServiceSpec, output::OutputStream};
use futures::StreamExt;
use local::Observed;

use crate::support::{App, cart, ready, script, sleeping};

/// Says its version and port, and something on its standard error.
const TALKS: &str = r#"echo "$LOCKSTEP_VERSION at $PORT"; echo oops >&2; exec sleep 1000"#;

#[tokio::test]
async fn all_replicas_are_read_and_followed_also_new_ones() {
    let app = App::new().await;
    app.site().put(&cart(), script(TALKS, "1.0", 2), None, 0).unwrap();
    let before = app.settled(&cart(), "shop/cart:1.0").await;
    let ports: Vec<u16> = before.replicas.iter().map(|replica| replica.port).collect();
    let mut follow = app.site().output(&cart(), None).follow();
    let (mut told, mut streams) = (BTreeSet::new(), BTreeSet::new());
    while told.len() < 4 {
        let line = follow.next().await.unwrap();
        assert!(line.at.is_some() && !line.partial, "{line:?}");
        streams.insert(line.stream);
        told.insert((line.port, line.text));
    }
    let expected = ports.iter().flat_map(|port| [(*port, format!("1.0 at {port}")), (*port, "oops".into())]);
    assert_eq!(told, expected.collect());
    assert_eq!(streams, BTreeSet::from([Some(OutputStream::Stdout), Some(OutputStream::Stderr)]));

    app.site().put(&cart(), script(TALKS, "1.1", 1), None, 1).unwrap();
    while !follow.next().await.unwrap().text.starts_with("1.1 at ") {}
    app.settled(&cart(), "shop/cart:1.1").await;
    let (_, one) = app.site().output(&cart(), Some(ports[0])).last(100).await.unwrap();
    assert!(!one.is_empty() && one.iter().all(|line| line.port == ports[0]), "{one:?}");
    app.site().remove(&cart()).unwrap();
    while follow.next().await.is_some() {}
}

/// How far one counts.
const COUNTED: u64 = 330_000;

#[tokio::test]
async fn what_is_followed_begins_behind_the_last_lines() {
    let app = App::new().await;
    // Enough for the files to be put away, and not enough for one to go.
    let counts = format!("i=0; while [ $i -lt {COUNTED} ]; do i=$((i+1)); echo $i; done; exec sleep 1000");
    app.site().put(&cart(), script(&counts, "1.0", 1), None, 0).unwrap();
    app.settled(&cart(), "shop/cart:1.0").await;
    let mut last = Vec::new();
    let mut output = app.site().output(&cart(), None);
    while last.len() < 5 {
        (output, last) = app.site().output(&cart(), None).last(5).await.unwrap();
    }
    let first: u64 = last[0].text.parse().unwrap();
    let mut lines = futures::stream::iter(last).chain(output.follow());
    for expected in first..=COUNTED {
        let number: u64 = lines.next().await.unwrap().text.parse().unwrap();
        assert_eq!(number, expected);
    }
}

#[tokio::test]
async fn the_last_words_of_what_failed_are_kept() {
    let app = App::new().await;
    app.site().put(&cart(), sleeping("1.0", 1), None, 0).unwrap();
    app.settled(&cart(), "shop/cart:1.0").await;
    let mut generation = 1;
    for tag in ["1.1", "1.2", "1.3", "1.4"] {
        let fails = LocalServiceSpec {
            ready_after_ms: 1_000_000,
            ..script("echo $LOCKSTEP_VERSION has no database; exit 1", tag, 1)
        };
        generation = app.site().put(&cart(), fails, None, generation).unwrap().generation;
        let ended = |observed: &Observed| {
            let state = observed.replicas.iter().find(|replica| replica.current)?.state.as_ref()?;
            state.last_exit.as_ref().map(|_| ())
        };
        app.until(&cart(), |observed| ended(observed).is_some(), |_| {}).await;
        generation = app.site().put(&cart(), sleeping("1.0", 1), None, generation).unwrap().generation;
        app.until(&cart(), |observed| observed.replicas.len() == 1 && ready(observed) == 1, |_| {}).await;
    }
    let (_, lines) = app.site().output(&cart(), None).last(2_000).await.unwrap();
    let mut words: Vec<&str> = lines.iter().map(|line| &*line.text).collect();
    words.dedup();
    assert_eq!(words, ["1.2", "1.3", "1.4"].map(|tag| format!("{tag} has no database")));
}
