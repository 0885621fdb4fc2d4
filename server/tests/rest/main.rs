//! The REST API, over HTTP, against the stand-in Rancher; every test on SQLite and on PostgreSQL.

mod documents;
mod environments;
mod guard;
mod kill;
mod lists;
mod sites;
mod support;
mod syncs;
