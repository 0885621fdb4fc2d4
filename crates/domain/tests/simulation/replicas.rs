//! Replicas that start slowly, become ready late or never, crash, are killed from outside and stop slowly, kept by a caller
//! of the planners that is killed between plan and act, and sees late what became of them.

mod caller;
mod fates;
mod promise;
mod world;

use crate::history::History;
use world::World;

/// Situations that a run of many seeds has to come by.
pub(crate) const TO_BE_MET: &[&str] = &[
    "a replica crashed",
    "a replica was killed from outside",
    "a replica was retired that served",
    "a replica was made",
    "a replica could not be made",
    "as wanted in the end",
    "the caller was killed while stopping replicas",
    "the caller was killed with steps to take",
    "the last version never becomes ready",
    "the specification changed while steps were taken",
    "the view was late",
];

/// Runs one seed.
pub(crate) fn run(seed: u64, history: &History) {
    let mut world = World::new(seed, history);
    while world.step() {
        world.check();
    }
    world.check_end();
}
