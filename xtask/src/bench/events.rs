//! Events appended at a rate, while many streams follow them: none may be lost or out of order.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Programs;
use super::report::{Bound, Report, Unit};
use crate::postgres::Postgres;
use crate::process::free_address;
use crate::shell::{command, say};

/// Events a second, in transactions of [`BATCH`].
const RATE: usize = 5000;
const BATCH: usize = 50;
/// Streams that follow one deployment each.
const OF_ONE: usize = 90;
/// Streams that follow all events.
const OF_ALL: usize = 10;

/// Both databases; on PostgreSQL four append at the same time.
pub(super) fn measure(programs: &Programs, seconds: u64, report: &mut Report) -> Result<()> {
    on("events, SQLite", programs, seconds, 1, None, report)?;
    let postgres = Postgres::start()?;
    on("events, PostgreSQL", programs, seconds, 4, Some(&postgres.url), report)
}

fn on(
    group: &'static str,
    programs: &Programs,
    seconds: u64,
    writers: usize,
    database: Option<&str>,
    report: &mut Report,
) -> Result<()> {
    say(format!("{group}: {RATE} a second for {seconds} s"));
    let (address, data) = (free_address()?, tempfile::tempdir()?);
    let mut server = command(&programs.events);
    server
        .args(["--local-site", "off", "--addr"])
        .arg(address.to_string())
        .arg("--data-dir")
        .arg(data.path());
    for (option, number) in [("--rate", RATE), ("--batch", BATCH), ("--deployments", OF_ONE)] {
        server.arg(option).arg(number.to_string());
    }
    server.args(["--seconds", &seconds.to_string(), "--writers", &writers.to_string()]);
    if let Some(database) = database {
        server.args(["--database-url", database]);
    }
    let mut server = Spoken::start("the server", server.env("LOCKSTEP_LOG", "warn"))?;
    let deployments = server.hear()?["deployments"].clone();
    let mut follow = command(&programs.yardstick);
    follow.args(["follow", "--origin", &format!("http://{address}"), "--all", &OF_ALL.to_string()]);
    for id in deployments.as_array().into_iter().flatten().filter_map(Value::as_str) {
        follow.args(["--deployment", id]);
    }
    let mut follow = Spoken::start("the streams", &mut follow)?;
    let open = follow.line()?;
    ensure!(open == format!("open {}", OF_ALL + OF_ONE), "the streams were not opened: {open}");
    server.tell()?;
    let (appended, told) = (server.hear()?, follow.hear()?);
    let number =
        |told: &Value, name: &str| told[name].as_f64().with_context(|| format!("no {name} was told"));
    let all = number(&appended, "appended")?;
    // Each stream of all tells the last of each deployment too.
    let expected = all * (OF_ALL + 1) as f64 + (OF_ALL * OF_ONE) as f64;
    let missing = (expected - number(&told, "events")?).abs() + number(&told, "lost")?;
    let mut row = |what: &str, figure, unit, bound| report.row(group, what, figure, unit, bound);
    let rate = all / number(&appended, "seconds")?;
    row("appended a second", rate, Unit::Count, Bound::AtLeast(RATE as f64 * 0.99));
    row("a transaction of 50, p95", number(&appended, "p95")?, Unit::Milliseconds, Bound::None);
    row("lost by 100 streams", missing, Unit::Count, Bound::AtMost(0.0));
    row("out of order", number(&told, "disordered")?, Unit::Count, Bound::AtMost(0.0));
    row("from appending to a stream, p95", number(&told, "delay")?, Unit::Milliseconds, Bound::None);
    Ok(())
}

/// A program that is spoken with, line by line. It is killed when it is dropped.
struct Spoken {
    name: &'static str,
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Spoken {
    fn start(name: &'static str, command: &mut Command) -> Result<Self> {
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = started.with_context(|| format!("{name} could not be started"))?;
        let told = child.stdout.take().context("no standard output")?;
        Ok(Self { name, child, lines: BufReader::new(told).lines() })
    }

    fn line(&mut self) -> Result<String> {
        let line = self.lines.next().transpose()?;
        line.with_context(|| format!("{} ended by itself; its messages are above", self.name))
    }

    fn hear(&mut self) -> Result<Value> {
        serde_json::from_str(&self.line()?).with_context(|| format!("{} told no JSON", self.name))
    }

    fn tell(&mut self) -> Result<()> {
        Ok(writeln!(self.child.stdin.as_mut().context("no standard input")?, "go")?)
    }
}

impl Drop for Spoken {
    fn drop(&mut self) {
        // It may have ended in this instant: nothing is lost then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
