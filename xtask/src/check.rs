//! `cargo xtask check`: everything that can be judged without running the program.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::shell::{cargo, command, root, run as run_command, say};
use crate::{imports, tools};

/// How long fetching the advisories may take before they are skipped.
const ADVISORIES_PATIENCE: Duration = Duration::from_secs(60);

/// The REST API's description, which must be valid OpenAPI.
const OPENAPI: &str = "docs/openapi.json";

/// Runs all checks, the quick ones first.
pub(crate) fn run() -> Result<()> {
    say("checking the formatting");
    run_command(&mut cargo(&["fmt", "--all", "--check"]))?;
    say("checking who imports whom");
    imports::check()?;
    deny()?;
    openapi()?;
    say("linting the server's side");
    let server = ["clippy", "--workspace", "--exclude", "frontend", "--all-targets", "--", "-D", "warnings"];
    run_command(&mut cargo(&server))?;
    say("linting the browser's side");
    let browser = ["clippy", "-p", "frontend", "--target", "wasm32-unknown-unknown", "--", "-D", "warnings"];
    run_command(&mut cargo(&browser))
}

/// Licences, sources and banned crates always; advisories when their database can be had.
fn deny() -> Result<()> {
    tools::cargo_deny()?;
    say("checking licences, sources and banned crates");
    run_command(&mut cargo(&["deny", "--workspace", "check", "bans", "licenses", "sources"]))?;
    if fetch_advisories() {
        say("checking advisories");
        run_command(&mut cargo(&["deny", "--workspace", "check", "--disable-fetch", "advisories"]))
    } else {
        say("advisories skipped: their database cannot be fetched from here");
        Ok(())
    }
}

/// Fetches the advisory database, and gives up after a minute: a closed network may answer nothing at all.
fn fetch_advisories() -> bool {
    let mut fetch = cargo(&["deny", "fetch", "db"]);
    fetch.env("GIT_TERMINAL_PROMPT", "0");
    fetch
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let Ok(mut child) = fetch.spawn() else { return false };
    let since = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if since.elapsed() < ADVISORIES_PATIENCE && !crate::process::stopping() => {
                sleep(Duration::from_millis(100));
            }
            _ => {
                // It may have ended in this instant: nothing is lost then.
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
}

fn openapi() -> Result<()> {
    if !root().join(OPENAPI).is_file() {
        say(format!("{OPENAPI} is not there: no API description to validate"));
        return Ok(());
    }
    tools::npm()?;
    say("validating the API description");
    run_command(command("validate-api").arg(OPENAPI))
}
