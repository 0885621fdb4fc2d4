//! `cargo xtask`: the one front door of the project, for people and for CI.
//!
//! Each command is a file of its own. They say what they do in short lines and stop with a sentence on failure.

mod bench;
mod budget;
mod chaos;
mod check;
mod ci;
mod demo;
mod dev;
mod imports;
mod postgres;
mod process;
mod rest;
mod shell;
mod site;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, runs and checks Lockstep.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Installs the tools that are missing; does nothing when all are there
    Setup,
    /// Builds the site and the server into `target/dist/lockstep`, a directory that runs anywhere
    Build(site::Args),
    /// Starts Lockstep beside a stand-in for a Rancher server, filled with something to look at
    Demo(demo::Args),
    /// Starts Lockstep and rebuilds it on every change
    Dev(dev::Args),
    /// Runs the tests: Rust (on SQLite and PostgreSQL), then the browser
    Test(test::Args),
    /// Takes the README's pictures anew, of the running program
    Pictures,
    /// Checks formatting, lints, import rules, licences and advisories
    Check,
    /// Weighs what a browser loads on its first visit, and fails when that is too much
    Budget,
    /// Measures what Lockstep is to hold to at scale, and prints the table
    Bench(bench::Args),
    /// Kills the server at random points of syncs and deployments, and checks that all it tells afterwards is true
    Chaos(chaos::Args),
    /// Does what CI does: check, test, budget
    Ci,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = process::catch_signals().and_then(|()| match cli.command {
        Command::Setup => tools::setup(),
        Command::Build(args) => site::build(args.release).map(drop),
        Command::Demo(args) => demo::run(&args),
        Command::Dev(args) => dev::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Pictures => test::pictures(),
        Command::Check => check::run(),
        Command::Bench(args) => bench::run(&args),
        Command::Chaos(args) => chaos::run(&args),
        Command::Budget => budget::run(),
        Command::Ci => ci::run(),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("✗ {error:#}");
            ExitCode::FAILURE
        }
    }
}
