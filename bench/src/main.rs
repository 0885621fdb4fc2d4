//! What `cargo xtask bench` measures Lockstep against.
//!
//! Each command is one yardstick, in a process of its own so that its work is counted apart.

mod follow;
mod memory;
mod patches;
mod plain;
mod plain_matrix;
mod seed;
mod streams;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use axum::Router;
use clap::Parser;
use tokio::net::TcpListener;

#[derive(Parser)]
enum Command {
    /// Plain handlers that run Lockstep's SQL by sqlx and answer the same bytes
    Plain {
        /// Lockstep's SQLite file
        #[arg(long)]
        database: PathBuf,
        #[arg(long)]
        addr: SocketAddr,
    },
    /// Answers what Lockstep answers to these paths from memory
    Memory {
        /// Lockstep's address, such as `http://127.0.0.1:3000`
        #[arg(long)]
        origin: String,
        #[arg(long)]
        addr: SocketAddr,
        paths: Vec<String>,
    },
    /// Holds many event streams open and counts what they tell
    Streams {
        #[arg(long)]
        origin: String,
        #[arg(long)]
        count: usize,
    },
    /// Follows events by many streams to their end, and says whether any was lost or out of order
    Follow(follow::Args),
    /// Fills Lockstep's SQLite file with very much of everything
    Seed(seed::Args),
    /// Patches workloads in a bare loop; reads them from standard input, one JSON object a line
    Patches(patches::Args),
}

#[tokio::main]
async fn main() -> Result<()> {
    match Command::parse() {
        Command::Plain { database, addr } => serve(addr, plain::routes(&database).await?).await,
        Command::Memory { origin, addr, paths } => serve(addr, memory::routes(&origin, &paths).await?).await,
        Command::Streams { origin, count } => streams::hold(&origin, count).await,
        Command::Follow(args) => follow::run(&args).await,
        Command::Seed(args) => seed::run(&args).await,
        Command::Patches(args) => patches::run(&args).await,
    }
}

async fn serve(addr: SocketAddr, routes: Router) -> Result<()> {
    let listener = TcpListener::bind(addr).await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, routes).await?)
}
