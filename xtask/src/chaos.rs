//! `cargo xtask chaos`: kills a server at random points of syncs and of deployments to its own machine, and holds what it
//! tells afterwards against what the stand-in recorded, and against the processes that run.

mod judge;
mod machine;
mod round;
mod world;

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::ValueEnum;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::postgres::Postgres;
use crate::process;
use crate::shell::{cargo, run as run_command, say, target};
use machine::Machine;
use round::{Outcome, Phase};
use world::{Programs, World};

/// Each of so many rounds is one of this machine's services.
const ON_THIS_MACHINE: usize = 3;

/// Options of `cargo xtask chaos`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What decides when the server is killed, and whom faults hit
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many syncs and deployments, each with one kill; each third is on this machine
    #[arg(long, default_value_t = 100)]
    rounds: usize,
    /// On which database
    #[arg(long, value_enum, default_value = "both")]
    database: Database,
    /// Lets the stand-in misbehave too: 30% of all requests meet some fault
    #[arg(long)]
    faults: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
    Both,
}

/// Runs the rounds and prints what came of them; fails where anything was not as it has to be.
pub(crate) fn run(args: &Args) -> Result<()> {
    say("building the server and the stand-in");
    run_command(&mut cargo(&["build", "--workspace", "--exclude", "frontend", "--bins"]))?;
    let built = target().join("debug");
    let programs = Programs { lockstep: built.join("lockstep"), standin: built.join("standin") };
    let mut violations = 0;
    if args.database != Database::Postgres {
        violations += on(args, "SQLite", World::start(&programs, None, args.faults)?)?;
    }
    if args.database != Database::Sqlite {
        let postgres = Postgres::start()?;
        violations += on(args, "PostgreSQL", World::start(&programs, Some(&postgres.url), args.faults)?)?;
    }
    if violations > 0 {
        bail!("{violations} violations; run it again with --seed {} to see them again", args.seed);
    }
    Ok(())
}

/// All rounds on one database; gives out how many violations there were.
fn on(args: &Args, database: &str, mut world: World) -> Result<usize> {
    let mut chance = StdRng::seed_from_u64(args.seed);
    let mut summary = Summary::default();
    let begun = Instant::now();
    // How long each kind of sync takes when nobody kills it: kills are spread over that.
    let mut usual = Vec::new();
    for number in 0..round::KINDS {
        let undisturbed = round::run(&mut world, number, &mut chance, None)?;
        usual.push(undisturbed.took);
        summary.judge(&undisturbed);
    }
    let machine = Machine::set_up(&world)?;
    let (undisturbed, violations) = machine.run(&mut world, 1, &mut chance, None)?;
    let usual_here = undisturbed.took;
    summary.count(&undisturbed, violations);
    for number in 1..=args.rounds {
        if process::stopping() {
            bail!("stopped");
        }
        let share = chance.random_range(0.0..1.0);
        if number.is_multiple_of(ON_THIS_MACHINE) {
            let after = Some(usual_here.mul_f64(share));
            let (outcome, violations) = machine.run(&mut world, number, &mut chance, after)?;
            summary.count(&outcome, violations);
        } else {
            let after = usual[number % round::KINDS].mul_f64(share);
            summary.judge(&round::run(&mut world, number, &mut chance, Some(after))?);
        }
        if number.is_multiple_of(10) {
            say(format!(
                "{database}: {number} of {} rounds, {} violations",
                args.rounds,
                summary.violations.len()
            ));
        }
    }
    summary.violations.extend(world.unfinished()?);
    summary.print(&format!(
        "{database}, seed {}, {} rounds{}, {:.0} s",
        args.seed,
        args.rounds,
        if args.faults { " under faults" } else { "" },
        begun.elapsed().as_secs_f64()
    ));
    Ok(summary.violations.len())
}

/// What came of all rounds.
#[derive(Default)]
struct Summary {
    kills: BTreeMap<Phase, usize>,
    syncs: BTreeMap<String, usize>,
    tasks: BTreeMap<String, usize>,
    patches: usize,
    violations: Vec<String>,
}

impl Summary {
    fn judge(&mut self, outcome: &Outcome) {
        self.count(outcome, judge::violations(outcome));
    }

    fn count(&mut self, outcome: &Outcome, violations: Vec<String>) {
        if let Some(phase) = outcome.killed {
            *self.kills.entry(phase).or_default() += 1;
        }
        *self.syncs.entry(outcome.status().to_owned()).or_default() += 1;
        for task in outcome.tasks() {
            *self.tasks.entry(task["status"].as_str().unwrap_or("?").to_owned()).or_default() += 1;
        }
        self.patches += outcome.records.len();
        violations.iter().for_each(|violation| say(format!("VIOLATION {violation}")));
        self.violations.extend(violations);
    }

    fn print(&self, title: &str) {
        let line = |counts: Vec<(String, usize)>| -> String {
            let parts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
            parts.join(" · ")
        };
        let words = |counts: &BTreeMap<String, usize>| line(counts.clone().into_iter().collect());
        let kills = self.kills.iter().map(|(phase, count)| (phase.words().to_owned(), *count)).collect();
        println!();
        println!("  {title}");
        println!("  killed      {}", line(kills));
        println!("  deployments {}", words(&self.syncs));
        println!("  tasks       {}", words(&self.tasks));
        println!("  patches     {} took effect", self.patches);
        println!("  violations  {}", self.violations.len());
        println!();
    }
}
