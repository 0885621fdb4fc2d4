//! The real program, in a process of its own.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::Api;

/// A running server that ends with its owner.
pub(crate) struct Server {
    process: Child,
    pub(crate) api: Api,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Server {
    /// Starts the program and waits for the line that tells its address.
    pub(crate) fn start(dir: &Path, database: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
        command.args(["serve", "--addr", "127.0.0.1:0", "--database-url", database, "--data-dir"]).arg(dir);
        Self::spawn(&mut command).unwrap()
    }

    /// Starts the program with its data on a small disk, which is mounted at `disk` for it alone; `None` where that is not
    /// to be had.
    pub(crate) fn on_small_disk(disk: &Path) -> Option<Self> {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c"]);
        command.arg(
            r#"mount -t tmpfs -o size=8m tmpfs "$1" && exec "$0" serve --addr 127.0.0.1:0 --data-dir "$1""#,
        );
        command.arg(env!("CARGO_BIN_EXE_lockstep")).arg(disk);
        Self::spawn(&mut command)
    }

    /// The small disk as it can be reached from outside.
    pub(crate) fn disk(&self, disk: &Path) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.process.id(), disk.display()))
    }

    fn spawn(command: &mut Command) -> Option<Self> {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take()?).read_line(&mut line).ok()?;
        let addr = line.trim().rsplit('/').next()?.parse().ok()?;
        Some(Self { process, api: Api::new(addr) })
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        // It may have ended already: nothing is lost then.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
