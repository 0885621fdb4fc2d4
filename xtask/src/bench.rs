//! `cargo xtask bench`: what Lockstep is to hold to at scale, measured on this machine.
//!
//! Machines differ and are noisy, so a figure is a ratio within one run or a percentile under a fixed load, and each has
//! its bound. `docs/performance.md` says how to read the table.

mod browser;
mod churn;
mod deployments;
mod events;
mod fleet;
mod front_door;
mod lists;
mod load;
mod local;
mod pages;
mod report;
mod rollback;
mod server;
mod stages;
mod start;
mod sync;

use std::path::PathBuf;

use anyhow::Result;

use crate::shell::{say, target};
use crate::{site, tools};
use fleet::Fleet;
use report::Report;

/// Options of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Prints the table as JSON on standard output
    #[arg(long)]
    json: bool,
    /// Only these groups of rows; may be repeated
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// How many minutes of churn
    #[arg(long, default_value_t = 60)]
    churn_minutes: u64,
    /// For a try: this share of the deployments, and of the minute of events
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Measures what stands in `target` as it is
    #[arg(long)]
    no_build: bool,
}

/// A group of rows.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Starting, and memory
    Start,
    /// Lists and the matrix over REST and server-rendered
    Pages,
    /// The same with ten times as many services
    Tenfold,
    /// First load, navigation, and from a change to its pixel
    Browser,
    /// Scrolling, filtering and selecting in a matrix of 2,000 rows and six columns
    Scroll,
    /// A sync of 500 services
    Sync,
    /// Churn for a long time
    Churn,
    /// Many deployments at once, on this machine and to the stand-in
    Deployments,
    /// The way back of a service of this machine
    Rollback,
    /// Requests through a front door while versions come and go
    FrontDoor,
    /// Lists with 10,000 environments and 1,000,000 events
    Lists,
    /// 5,000 events a second, followed by 100 streams, on both databases
    Events,
}

/// The programs that are measured, and those that measure.
struct Programs {
    lockstep: PathBuf,
    standin: PathBuf,
    yardstick: PathBuf,
    /// A server that appends events by itself.
    events: PathBuf,
}

/// Builds what is to be measured, measures it, and prints the table. Misses do not fail the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    tools::oha()?;
    let wanted = |part| args.only.is_empty() || args.only.contains(&part);
    let programs = programs(args.no_build, wanted(Part::Events))?;
    let mut report = Report::default();
    if [Part::Start, Part::Pages, Part::Browser, Part::Churn].into_iter().any(wanted) {
        let fleet = Fleet::start(&programs, fleet::TEN_THOUSAND)?;
        measure(&programs, fleet, args, &mut report)?;
    }
    if wanted(Part::Scroll) {
        browser::scroll(&Fleet::start(&programs, fleet::SIX_STAGES)?, &mut report)?;
    }
    if wanted(Part::Sync) {
        sync::measure(&programs, &mut report)?;
    }
    if wanted(Part::Tenfold) {
        pages::tenfold(&programs, &mut report)?;
    }
    if wanted(Part::Deployments) {
        deployments::measure(&programs, args.scale, &mut report)?;
    }
    if wanted(Part::Rollback) {
        rollback::measure(&programs, &mut report)?;
    }
    if wanted(Part::FrontDoor) {
        front_door::measure(&programs, &mut report)?;
    }
    if wanted(Part::Lists) {
        lists::measure(&programs, &mut report)?;
    }
    if wanted(Part::Events) {
        events::measure(&programs, ((60.0 * args.scale) as u64).max(1), &mut report)?;
    }
    report.print(args.json)
}

fn measure(programs: &Programs, mut fleet: Fleet, args: &Args, report: &mut Report) -> Result<()> {
    let wanted = |part| args.only.is_empty() || args.only.contains(&part);
    if wanted(Part::Start) {
        start::measure(&mut fleet, report)?;
    }
    if wanted(Part::Pages) {
        pages::measure(programs, &fleet, report)?;
    }
    if wanted(Part::Browser) {
        browser::measure(programs, &fleet, report)?;
    }
    if wanted(Part::Churn) {
        churn::measure(&fleet, args.churn_minutes, report)?;
    }
    Ok(())
}

fn programs(as_they_are: bool, events: bool) -> Result<Programs> {
    let programs = Programs {
        lockstep: site::dist(),
        standin: target().join("release/standin"),
        yardstick: target().join("release/bench"),
        events: target().join("release/examples/events"),
    };
    if !as_they_are {
        site::build(true)?;
        say("building the stand-in and the yardsticks");
        let events: &[&str] = if events { &["--example", "events"] } else { &[] };
        site::build_beside(true, &[&["--bin", "standin", "-p", "bench", "--bin", "bench"], events].concat())?;
    }
    Ok(programs)
}
