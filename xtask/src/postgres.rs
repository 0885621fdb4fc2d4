//! A PostgreSQL server for one run of the tests, thrown away afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::process::free_address;
use crate::shell::{apt_install, command, is_root, output, say, which};

/// The variable that tells the tests where PostgreSQL is.
pub(crate) const VARIABLE: &str = "LOCKSTEP_TEST_POSTGRES";

/// A running server. Dropping it stops it and deletes its data.
pub(crate) struct Postgres {
    programs: PathBuf,
    directory: TempDir,
    /// Where the tests find it.
    pub(crate) url: String,
}

impl Postgres {
    /// Starts a server, installing PostgreSQL first when it is missing.
    pub(crate) fn start() -> Result<Self> {
        let programs = match find_programs() {
            Some(programs) => programs,
            None => {
                apt_install("postgresql")?;
                find_programs().context("postgresql is installed, but has no initdb and pg_ctl")?
            }
        };
        let directory = tempfile::Builder::new().prefix("lockstep-postgres-").tempdir()?;
        if is_root() {
            // PostgreSQL refuses to run as root.
            output(command("chown").arg("postgres:").arg(directory.path()))?;
        }
        let port = free_address()?.port();
        let server =
            Self { programs, directory, url: format!("postgres://postgres@127.0.0.1:{port}/postgres") };
        say(format!("starting a PostgreSQL for the tests on port {port}"));
        output(
            server
                .command("initdb")
                .args([
                    "--username=postgres",
                    "--auth=trust",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--no-sync",
                    "-D",
                ])
                .arg(server.data()),
        )?;
        // Its data is thrown away, so nothing needs to reach the disk.
        let options = format!(
            "-h 127.0.0.1 -p {port} -k {} -c fsync=off -c full_page_writes=off -c synchronous_commit=off \
             -c max_connections=400",
            server.directory.path().display()
        );
        let log = server.directory.path().join("log");
        let mut start = server.command("pg_ctl");
        start.args(["start", "-w", "-s", "-D"]).arg(server.data()).arg("-l").arg(&log).args(["-o", &options]);
        // Its output is not captured: the server would keep the pipe open, and this would wait for ever.
        let started = crate::shell::run(&mut start);
        started.with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        Ok(server)
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// One of PostgreSQL's programs, as the user `postgres` when this program runs as root.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = command("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            command(program)
        };
        command.current_dir(self.directory.path());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        stop.args(["stop", "-s", "-m", "immediate", "-D"]).arg(self.data());
        if let Err(error) = output(&mut stop) {
            say(format!("PostgreSQL could not be stopped: {error:#}"));
        }
    }
}

/// The directory with `initdb` and `pg_ctl`: the newest that Debian installed, or the one on the path.
fn find_programs() -> Option<PathBuf> {
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let debian =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let newest = debian
        .filter(|path| path.join("bin/initdb").is_file() && path.join("bin/pg_ctl").is_file())
        .max_by_key(|path| version(path))
        .map(|path| path.join("bin"));
    newest.or_else(|| {
        let initdb = which("initdb")?;
        which("pg_ctl")?;
        initdb.parent().map(Path::to_path_buf)
    })
}
