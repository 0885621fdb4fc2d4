//! Deployments, with servers that are killed and paused between any two effects, requests and answers that are lost, late,
//! doubled and out of order, clusters that are away, rollouts that fail or hang, an operator who cancels, and people who
//! change the same workloads.
//!
//! The shell around the engine is played here as `control::engine` has it (`runner`, `act`), the record as `store` has it
//! (`record`), and `set_images` as `platform` has it (`act`). What they and the engine come to together is judged by
//! `judge` and `truth` alone, which know what really happened.

mod act;
mod judge;
mod network;
mod people;
mod platform;
mod record;
mod runner;
mod truth;
mod world;

use crate::history::History;
use world::World;

/// Situations that a run of many seeds has to come by.
pub(crate) const TO_BE_MET: &[&str] = &[
    "a change came in an answer that was lost",
    "a change came late, after its task had ended",
    "a change was found to be there already",
    "a change was withdrawn that had got through",
    "a change was withdrawn that had not",
    "a deployment was bound anew",
    "a deployment was cancelled before it began",
    "a deployment waited for another",
    "a patch met an object that had moved on",
    "a server was killed",
    "a server was paused",
    "a write with an older epoch was refused",
    "deployment cancelled",
    "deployment complete",
    "deployment failed",
    "deployment put_back",
    "in doubt",
    "something was put back in a cluster where others had much under way",
    "task cancelled",
    "task failed",
    "task put_back",
    "task put_back_failed",
    "task refused",
    "task skipped",
    "task success",
    "the limit of a cluster held something back",
];

/// Runs one seed.
pub(crate) fn run(seed: u64, history: &History) {
    let mut world = World::new(seed, history);
    while world.step() {
        world.judge();
    }
    world.judge_end();
}
