//! `cargo xtask test`: the Rust tests on SQLite and on PostgreSQL, then the browser's.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use anyhow::Result;
use clap::ValueEnum;

use crate::postgres::{self, Postgres};
use crate::shell::{apt_install, cargo, command, root, run as run_command, say, which};
use crate::{site, tools};

/// Options of `cargo xtask test`.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// Runs only these tests
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// Which tests to run: parts of their names (Rust) or of their file names (browser)
    #[arg(last = true)]
    filters: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Only {
    /// Every Rust test, on SQLite and on PostgreSQL
    Rust,
    /// The browser's tests
    Browser,
    /// The Rust tests with `postgres` in their name
    Postgres,
}

/// Runs the tests.
pub(crate) fn run(args: &Args) -> Result<()> {
    tools::setup()?;
    match args.only {
        None => {
            rust(&args.filters)?;
            browser(&args.filters)
        }
        Some(Only::Rust) => rust(&args.filters),
        Some(Only::Browser) => browser(&args.filters),
        Some(Only::Postgres) if args.filters.is_empty() => rust(&["postgres".to_owned()]),
        Some(Only::Postgres) => rust(&args.filters),
    }
}

fn rust(filters: &[String]) -> Result<()> {
    // Kept until the end of the tests, then stopped.
    let server = match env::var(postgres::VARIABLE) {
        Ok(_) => None,
        Err(_) => Some(Postgres::start()?),
    };
    if env::var_os("KUBECONFIG").is_none() {
        say("KUBECONFIG is not set: the tests on a real cluster will say that they skipped");
    }
    say("running the Rust tests");
    let mut tests = cargo(&["test", "--workspace", "--exclude", "frontend", "--no-fail-fast", "--"]);
    // Most tests wait for something most of the time.
    let threads = thread::available_parallelism().map_or(4, |cores| 2 * cores.get());
    tests
        .args(filters)
        .env("RUST_TEST_THREADS", env::var("RUST_TEST_THREADS").unwrap_or(threads.to_string()));
    if let Some(server) = &server {
        tests.env(postgres::VARIABLE, &server.url);
    }
    run_command(&mut tests)
}

fn browser(filters: &[String]) -> Result<()> {
    let mut tests = playwright("end2end/playwright.config.ts")?;
    say("running the browser tests");
    run_command(tests.arg("--pass-with-no-tests").args(filters))
}

/// Takes the README's pictures anew, of the running program.
pub(crate) fn pictures() -> Result<()> {
    tools::setup()?;
    let mut pictures = playwright("end2end/pictures/playwright.config.ts")?;
    say("taking the pictures");
    run_command(pictures.env("LOCKSTEP_PICTURES", root().join("docs/pictures")))
}

/// The browser's driver, with everything built that it drives.
fn playwright(config: &str) -> Result<Command> {
    let dist = site::build(true)?;
    // Optimised like the server, with which it shares what it is made of.
    let standin = site::build_standin(true)?;
    let mut playwright = command("playwright");
    playwright
        .args(["test", "-c", config])
        .env("LOCKSTEP_DIST", dist)
        .env("LOCKSTEP_STANDIN", standin)
        .env("LOCKSTEP_CHROMIUM", chromium()?);
    Ok(playwright)
}

/// The browser, installed first when it is missing.
pub(crate) fn chromium() -> Result<PathBuf> {
    let find = || ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|name| which(name));
    if let Some(path) = env::var_os("LOCKSTEP_CHROMIUM").map(PathBuf::from).or_else(find) {
        return Ok(path);
    }
    apt_install("chromium")?;
    Ok(find().unwrap_or_else(|| PathBuf::from("/usr/bin/chromium")))
}
