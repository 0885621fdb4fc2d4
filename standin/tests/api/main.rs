//! The stand-in over HTTP, as its clients see it.

mod auth;
mod client;
mod control;
mod faults;
mod lists;
mod patches;
mod proxy;
mod rollouts;
mod watches;
