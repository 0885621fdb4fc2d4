//! Deterministic simulation of what decides: the engine and the queue with servers that are killed, and the strategies with
//! replicas that fail. One seed is one history; every promise is checked after every step of it.
//!
//! `LOCKSTEP_SEEDS=100000` tries so many seeds, `LOCKSTEP_SEED=7` that one alone with all that happens in it:
//!
//! ```text
//! LOCKSTEP_SEED=7 cargo test -p domain --test simulation deployments -- --nocapture
//! ```

mod deployments;
mod history;
mod replicas;
mod scheduler;
mod seeds;

#[test]
fn deployments() {
    seeds::try_all("deployments", deployments::run, deployments::TO_BE_MET);
}

#[test]
fn replicas() {
    seeds::try_all("replicas", replicas::run, replicas::TO_BE_MET);
}
