//! Many streams of events, each followed to its end: what was told, and whether any was lost or out of order.

use std::io::Write;

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use futures::{StreamExt, future::try_join_all, stream::BoxStream};
use serde::{Deserialize, Serialize};

/// What the last event of each deployment says.
const LAST: &str = "last";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Lockstep's address, such as `http://127.0.0.1:3000`
    #[arg(long)]
    origin: String,
    /// How many streams follow all events
    #[arg(long)]
    all: usize,
    /// Deployments that a stream follows each. Their events say 1, 2, 3 and so on, and then `last`
    #[arg(long = "deployment")]
    deployments: Vec<String>,
}

/// What streams were told.
#[derive(Default, Serialize)]
struct Told {
    /// Events, by all streams together.
    events: u64,
    /// Numbers that were passed over.
    lost: u64,
    /// Numbers that came after a later one, or again.
    disordered: u64,
    /// The 95th percentile, from when an event was appended until a stream of all told it; in milliseconds.
    delay: f64,
    #[serde(skip)]
    delays: Vec<f64>,
}

/// Opens all, says so, follows them to their ends, and prints what was told as JSON.
pub(crate) async fn run(args: &Args) -> Result<()> {
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build()?;
    let all = (0..args.all).map(|_| open(&client, format!("{}/api/events", args.origin)));
    let of_one =
        |id: &String| open(&client, format!("{}/api/deployments/{id}/logs?follow=true", args.origin));
    let (all, each) = (try_join_all(all).await?, try_join_all(args.deployments.iter().map(of_one)).await?);
    println!("open {}", all.len() + each.len());
    std::io::stdout().flush()?;
    let ends = args.deployments.len();
    let all = all.into_iter().map(|stream| tokio::spawn(follow_all(stream, ends)));
    let each = each.into_iter().map(|stream| tokio::spawn(follow_one(stream)));
    let mut sum = Told::default();
    for told in try_join_all(all.chain(each).collect::<Vec<_>>()).await? {
        let told = told?;
        sum.events += told.events;
        sum.lost += told.lost;
        sum.disordered += told.disordered;
        sum.delays.extend(told.delays);
    }
    sum.delays.sort_by(f64::total_cmp);
    sum.delay = sum.delays.get(sum.delays.len() * 95 / 100).copied().unwrap_or_default();
    println!("{}", serde_json::to_string(&sum)?);
    Ok(())
}

/// What is read of an event: the rest of it is passed over, as this shares the server's processors.
#[derive(Deserialize)]
struct Said {
    at: DateTime<Utc>,
    message: String,
}

/// One message of a stream.
struct Message {
    event: String,
    id: Option<i64>,
    data: String,
}

/// A stream of server-sent events, message by message.
type Messages = BoxStream<'static, Result<Message>>;

async fn open(client: &reqwest::Client, url: String) -> Result<Messages> {
    let answer = client.get(&url).send().await?;
    ensure!(answer.status().is_success(), "{url} was answered with {}", answer.status());
    let begin = (answer.bytes_stream().boxed(), String::new(), 0);
    // What was read is cut off once for each piece that comes: many messages are in one.
    let messages = futures::stream::try_unfold(begin, |(mut bytes, mut text, mut done)| async move {
        loop {
            if let Some(length) = text[done..].find("\n\n") {
                let message = read(&text[done..done + length]);
                return Ok(Some((message, (bytes, text, done + length + 2))));
            }
            text.drain(..done);
            done = 0;
            match bytes.next().await {
                // Events are plain letters, so no character is cut.
                Some(more) => text.push_str(std::str::from_utf8(&more?)?),
                None => return Ok(None),
            }
        }
    });
    Ok(messages.boxed())
}

fn read(text: &str) -> Message {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    Message {
        event: field("event:").unwrap_or_default().to_owned(),
        id: field("id:").and_then(|id| id.parse().ok()),
        data: field("data:").unwrap_or_default().to_owned(),
    }
}

impl Told {
    /// Counts a number that should be the one after another.
    fn count(&mut self, before: i64, number: i64) {
        self.events += 1;
        match number - before {
            1 => {}
            ..=0 => self.disordered += 1,
            further => self.lost += further as u64 - 1,
        }
    }
}

/// Follows a stream of all events until so many deployments have had their last.
async fn follow_all(mut messages: Messages, mut ends: usize) -> Result<Told> {
    let (mut told, mut before) = (Told::default(), None);
    while ends > 0 {
        let message = messages.next().await.context("a stream of all events ended")??;
        match (message.event.as_str(), message.id) {
            ("hello", id) => before = id,
            ("event", Some(id)) => {
                let event: Said = serde_json::from_str(&message.data)?;
                told.count(before.context("an event before the beginning")?, id);
                told.delays.push(since(event.at));
                ends -= usize::from(event.message == LAST);
                before = Some(id.max(before.unwrap_or_default()));
            }
            _ => {}
        }
    }
    Ok(told)
}

fn since(at: DateTime<Utc>) -> f64 {
    (Utc::now() - at).num_microseconds().unwrap_or_default() as f64 / 1000.0
}

/// Follows a stream of one deployment until its last event.
async fn follow_one(mut messages: Messages) -> Result<Told> {
    let (mut told, mut before, mut seq) = (Told::default(), 0, 0);
    while let Some(message) = messages.next().await {
        let message = message?;
        let Some(id) = message.id else { continue };
        let said = message.data.rsplit(' ').next().unwrap_or_default();
        told.disordered += u64::from(id <= seq);
        seq = id;
        if said == LAST {
            return Ok(told);
        }
        let number = said.parse().with_context(|| format!("not an event of this: {}", message.data))?;
        told.count(before, number);
        before = number;
    }
    bail!("a deployment's stream ended before its last event")
}
