//! Load, by `oha`.

use std::io::Write;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use crate::shell::{command, output, which};

/// What a load came to.
pub(super) struct Load {
    /// Answered requests a second.
    pub(super) per_second: f64,
    /// Milliseconds.
    pub(super) p50: f64,
    /// Milliseconds.
    pub(super) p95: f64,
    /// Bytes of an answer as it came over the wire, in the mean.
    pub(super) bytes: f64,
}

/// How the requests are sent.
pub(super) enum Rate {
    /// That many a second, for ten seconds, waiting for nobody.
    PerSecond(u32),
    /// As many as go, by that many connections, for five seconds.
    Full(u32),
    /// One after the other, that many.
    Alone(u32),
}

/// Sends an even mix of these.
pub(super) fn send(urls: &[String], rate: &Rate, compressed: bool) -> Result<Load> {
    let mut file = tempfile::NamedTempFile::new()?;
    writeln!(file, "{}", urls.join("\n"))?;
    let program = which("oha").context("oha is not installed")?;
    let mut oha = command(program);
    oha.args(["--no-tui", "--output-format", "json", "--urls-from-file", "--disable-color"]);
    match rate {
        Rate::PerSecond(rate) => {
            oha.args(["-z", "10s", "-c", "64", "--latency-correction", "-q"]).arg(rate.to_string())
        }
        Rate::Full(connections) => oha.args(["-z", "5s", "-c"]).arg(connections.to_string()),
        Rate::Alone(count) => oha.args(["-c", "1", "-n"]).arg(count.to_string()),
    };
    let encoding = if compressed { "br, gzip" } else { "identity" };
    oha.arg("-H").arg(format!("accept-encoding: {encoding}")).arg(file.path());
    let told = told(&mut oha)?;
    let codes = codes(&told)?;
    if codes.keys().any(|code| code != "200") || codes.is_empty() {
        bail!("not every answer was 200: {:?}", codes);
    }
    let number = |pointer: &str| {
        told.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("oha told no {pointer}"))
    };
    Ok(Load {
        per_second: number("/summary/requestsPerSec")?,
        p50: number("/latencyPercentiles/p50")? * 1000.0,
        p95: number("/latencyPercentiles/p95")? * 1000.0,
        bytes: number("/summary/sizePerRequest")?,
    })
}

/// Sends so many requests by 16 connections; gives out how many were answered well.
pub(super) fn count(url: &str, requests: usize) -> Result<usize> {
    let mut oha = command(which("oha").context("oha is not installed")?);
    oha.args(["--no-tui", "--output-format", "json", "--disable-color", "-c", "16", "-n"]);
    let told = told(oha.arg(requests.to_string()).arg(url))?;
    Ok(codes(&told)?.get("200").and_then(Value::as_u64).unwrap_or_default() as usize)
}

fn told(oha: &mut Command) -> Result<Value> {
    serde_json::from_str(&output(oha)?).context("oha gave no JSON")
}

fn codes(told: &Value) -> Result<&Map<String, Value>> {
    told["statusCodeDistribution"].as_object().context("oha told of no answers")
}
