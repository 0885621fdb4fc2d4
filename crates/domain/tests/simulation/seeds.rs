//! Tries seeds, and says how to run one that fails again.

use std::{
    any::Any,
    collections::BTreeMap,
    env,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::history::History;

/// Seeds that are tried unless it is said how many.
const SEEDS: u64 = 2_000;
/// From so many on, every situation that a simulation is made for has to come up.
const ENOUGH: u64 = 1_000;
/// Lines of a failing seed that are shown.
const LAST_LINES: usize = 80;

/// Runs a simulation under many seeds, or under the one that is asked for.
pub(crate) fn try_all(name: &str, run: fn(u64, &History), to_be_met: &[&str]) {
    if let Some(seed) = number("LOCKSTEP_SEED") {
        let history = History::in_full();
        let outcome = catch_unwind(AssertUnwindSafe(|| run(seed, &history)));
        println!("{history}");
        return outcome.unwrap_or_else(|panic| panic!("{name}, seed {seed}: {}", words(&*panic)));
    }
    let seeds = number("LOCKSTEP_SEEDS").unwrap_or(SEEDS);
    let mut met: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..seeds {
        let history = History::default();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(seed, &history))) {
            again(name, run, seed, &words(&*panic));
        }
        for (situation, times) in history.met() {
            *met.entry(situation).or_default() += times;
        }
    }
    println!("{name}, {seeds} seeds: {met:#?}");
    let missing: Vec<_> = to_be_met.iter().filter(|situation| !met.contains_key(*situation)).collect();
    assert!(seeds < ENOUGH || missing.is_empty(), "{name} never meets {missing:?}");
}

/// Runs a seed that failed once more, to show what led to it.
fn again(name: &str, run: fn(u64, &History), seed: u64, words: &str) -> ! {
    let history = History::in_full();
    let repeated = catch_unwind(AssertUnwindSafe(|| run(seed, &history))).is_err();
    let doubt = if repeated { "" } else { "\nIt did not fail again: something is not decided by the seed." };
    panic!(
        "{name}, seed {seed}: {words}{doubt}\n\n{}\n\nRun it again, with all that happens in it:\n  \
         LOCKSTEP_SEED={seed} cargo test -p domain --test simulation {name} -- --nocapture",
        history.last(LAST_LINES)
    )
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is to be a number, not “{text}”")))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}
