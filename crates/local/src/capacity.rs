//! What the machine has, and what the replicas of a cluster use of it.

use std::{collections::HashSet, thread::available_parallelism, time::Duration};

use domain::capacity::{Capacity, Part, Taken};
use procfs::{Current, Meminfo, ProcResult, process::all_processes};
use tokio::time::{Instant, sleep};

use crate::{Error, Phase, Site};

/// How long it is watched what CPU time replicas use: long against the system's tick, short for whoever waits.
const SPAN: Duration = Duration::from_secs(1);

/// What some processes use.
struct Used {
    memory: u64,
    ticks: u64,
}

impl Site {
    /// The machine's processors and memory, and what a cluster's replicas use of them, with all processes of theirs: memory
    /// now, CPU time over the second that this takes.
    ///
    /// # Errors
    /// When the system does not tell.
    pub async fn capacity(&self, cluster: &str) -> Result<Capacity, Error> {
        let replicas = self.services(cluster).into_iter().flat_map(|(_, observed)| observed.replicas);
        let leaders: HashSet<i32> = replicas
            .filter_map(|replica| match replica.state?.phase {
                Phase::Running { process } => Some(process.pid),
                _ => None,
            })
            .collect();
        let unknown = |error| Error::System("the machine's use cannot be read", std::io::Error::other(error));
        let before = used(&leaders).map_err(unknown)?.ticks;
        let begun = Instant::now();
        sleep(SPAN).await;
        let Used { memory, ticks } = used(&leaders).map_err(unknown)?;
        let seconds = ticks.saturating_sub(before) as f64 / procfs::ticks_per_second() as f64;
        let cpu = (seconds / begun.elapsed().as_secs_f64() * 1_000.0).round() as u64;
        let processors = available_parallelism().map_or(1, usize::from) as u64;
        let all = Meminfo::current().map_err(unknown)?.mem_total;
        Ok(Capacity {
            nodes: Some(1),
            cpu: Part { total: processors * 1_000, taken: Some(cpu) },
            memory: Part { total: all, taken: Some(memory) },
            pods: None,
            taken: Taken::Used,
        })
    }
}

/// What the processes of these groups use, and have used.
fn used(leaders: &HashSet<i32>) -> ProcResult<Used> {
    let mut used = Used { memory: 0, ticks: 0 };
    // A process that has ended meanwhile uses nothing.
    for stat in all_processes()?.flatten().filter_map(|process| process.stat().ok()) {
        if leaders.contains(&stat.pgrp) {
            used.memory += stat.rss * procfs::page_size();
            used.ticks += stat.utime + stat.stime;
        }
    }
    Ok(used)
}
