//! Starts processes that go on without the server: holders, and the one that has the front doors.

use std::{env, path::Path, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
    time::timeout,
};

use crate::{Error, limits::CGROUPS};

/// Of the server's environment such a process, and what it starts, get these only.
const PASSED_ON: [&str; 6] = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", CGROUPS];
/// So soon it has said its word.
const WITHIN: Duration = Duration::from_secs(30);

/// Starts a program for a directory, by one of its subcommands; done once it has said a line on its standard output.
///
/// # Errors
/// [`Error::Launch`] with its words when it has said something else.
pub(crate) async fn start(
    program: &Path,
    subcommand: &'static str,
    directory: &Path,
    line: &str,
) -> Result<(), Error> {
    let mut command = Command::new(program);
    let own = PASSED_ON.iter().filter_map(|name| Some((*name, env::var_os(name)?)));
    command.arg(subcommand).arg(directory).env_clear().envs(own);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().map_err(Error::file(program, "started"))?;
    let mut said = String::new();
    if let Some(pipe) = process.stdout.take() {
        let read = timeout(WITHIN, BufReader::new(pipe).read_line(&mut said)).await;
        let read =
            read.map_err(|_| Error::Launch(subcommand, "it has not said that it has begun".to_owned()))?;
        read.map_err(|error| Error::System("a process that was started cannot be heard", error))?;
    }
    if said == line {
        return Ok(());
    }
    let mut words = String::new();
    if let Some(mut pipe) = process.stderr.take() {
        let _ = pipe.read_to_string(&mut words).await;
    }
    Err(Error::Launch(subcommand, words.trim().to_owned()))
}
