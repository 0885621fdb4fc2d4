//! `cargo xtask ci`: what CI does, and what a person runs before pushing.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::shell::say;
use crate::{budget, check, test};

/// One step: its name, and what it does.
type Step = (&'static str, fn() -> Result<()>);

/// In the order in which a fault is found soonest. `budget` weighs what `test` has built.
const STEPS: [Step; 3] =
    [("check", check::run), ("test", || test::run(&test::Args::default())), ("budget", budget::run)];

/// Runs the steps in order, up to the first that fails, and says how long each took.
pub(crate) fn run() -> Result<()> {
    let mut lines = Vec::new();
    let mut result = Ok(());
    for (name, step) in STEPS {
        say(format!("── {name} ──"));
        let since = Instant::now();
        result = step().with_context(|| format!("{name} failed"));
        let word = if result.is_ok() { "passed" } else { "failed" };
        lines.push(format!("  {name:<8} {word} after {}", minutes(since.elapsed())));
        if result.is_err() {
            break;
        }
    }
    println!("{}", lines.join("\n"));
    result
}

fn minutes(time: Duration) -> String {
    format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
}
