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

    /// Starts the program on a database that others use too: with the same key, and under a name of its own there.
    pub(crate) fn start_beside(dir: &Path, database: &str, name: &str, patience: f64) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
        command.args(["serve", "--addr", "127.0.0.1:0", "--data-dir"]).arg(dir);
        command.arg("--database-url").arg(format!("{database}?application_name={name}"));
        command.arg("--patience").arg(patience.to_string());
        command.env("LOCKSTEP_SECRET_KEY", "c2hhcmVkIGJ5IGFsbCBzZXJ2ZXJzIG9mIGEgdGVzdC4=");
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

    /// Sends it a signal, by name.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.process.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// Ends it as whoever stops it does, and waits until it has.
    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        self.process.wait().unwrap();
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        // It may have ended already: nothing is lost then.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
