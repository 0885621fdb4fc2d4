//! The REST API, over HTTP, against the stand-in Rancher; every test on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batch;
mod capacity;
mod database;
mod deployments;
mod documents;
mod environments;
mod faults;
mod guard;
mod kill;
mod kube_variables;
mod lists;
mod local;
mod local_faults;
mod local_revisions;
mod local_variables;
mod matching;
mod moves;
mod past;
mod replicas;
mod revisions;
mod scale;
mod settings;
mod sites;
mod support;
mod syncs;
mod traffic;
mod two_servers;
mod variables;
