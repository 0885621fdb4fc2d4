//! `cargo xtask bench`: what Lockstep is to hold to at scale, measured on this machine.
//!
//! Machines differ and are noisy, so a figure is a ratio within one run or a percentile under a fixed load, and each has
//! its bound. `docs/performance.md` says how to read the table.

mod browser;
mod churn;
mod fleet;
mod load;
mod pages;
mod report;
mod start;
mod sync;

use std::path::PathBuf;

use anyhow::Result;

use crate::shell::{cargo, root, run as run_command, say, target};
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
}

/// The programs that are measured, and those that measure.
struct Programs {
    lockstep: PathBuf,
    standin: PathBuf,
    yardstick: PathBuf,
}

/// Builds what is to be measured, measures it, and prints the table. Misses do not fail the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    tools::oha()?;
    let programs = programs(args.no_build)?;
    let wanted = |part| args.only.is_empty() || args.only.contains(&part);
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

fn programs(as_they_are: bool) -> Result<Programs> {
    let programs = Programs {
        lockstep: site::dist(),
        standin: target().join("release/standin"),
        yardstick: target().join("release/bench"),
    };
    if !as_they_are {
        site::build(true)?;
        site::build_standin(true)?;
        say("building the yardsticks");
        run_command(cargo(&["build", "--release", "-p", "bench"]).current_dir(root()))?;
    }
    Ok(programs)
}
