//! Starts a service within its limits: a process puts itself within them, and becomes the service.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read, Write, pipe},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, ExitCode},
};

use rustix::{
    io::fcntl_dupfd_cloexec,
    process::{Resource, Rlimit, setrlimit},
    stdio::{dup2_stdin, stdin},
};
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command as AsyncCommand};

use crate::cgroup::enter;

/// This program, also when its file was replaced meanwhile.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// What a service runs within.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Within {
    /// Control groups, by their directories.
    pub(crate) groups: Vec<PathBuf>,
    /// The most address space of each process, in bytes.
    pub(crate) address_space: Option<u64>,
}

impl Within {
    /// What becomes a program within these limits; [`started`] starts it.
    pub(crate) fn command(&self, program: &str) -> io::Result<AsyncCommand> {
        let mut command = AsyncCommand::new(OWN_PROGRAM);
        command.arg("launch").arg(serde_json::to_string(self)?).arg("--").arg(program);
        Ok(command)
    }
}

/// Starts such a command, which hears through its standard input whether it has become the service.
///
/// # Errors
/// When it has not, with its words.
pub(crate) fn started(mut command: AsyncCommand) -> io::Result<Child> {
    let (mut told, tell) = pipe()?;
    let child = command.stdin(tell).spawn()?;
    // It holds this process's end of the pipe, which closes with the last one.
    drop(command);
    let mut words = String::new();
    told.read_to_string(&mut words)?;
    if words.is_empty() { Ok(child) } else { Err(io::Error::other(words)) }
}

/// Puts this process within limits and becomes a program: the rest of what [`crate::hold`] does for a service with limits.
/// Returns only where that cannot be done, having said why to the holder.
pub fn launch(within: &str, command: &[OsString]) -> ExitCode {
    // It closes when the program has begun, and so says that it has.
    let Ok(mut holder) = fcntl_dupfd_cloexec(stdin(), 3).map(File::from) else { return ExitCode::FAILURE };
    let error = begun(within, command);
    // A holder that was killed meanwhile needs no words.
    let _ = holder.write_all(error.to_string().as_bytes());
    ExitCode::FAILURE
}

fn begun(within: &str, command: &[OsString]) -> io::Error {
    let [program, arguments @ ..] = command else { return io::ErrorKind::InvalidInput.into() };
    let mut command = Command::new(program);
    command.args(arguments);
    match put(within) {
        Ok(()) => command.exec(),
        Err(error) => io::Error::new(error.kind(), format!("it cannot be put within its limits: {error}")),
    }
}

fn put(within: &str) -> io::Result<()> {
    let Within { groups, address_space } = serde_json::from_str(within)?;
    dup2_stdin(File::open("/dev/null")?)?;
    groups.iter().try_for_each(|group| enter(group))?;
    if address_space.is_some() {
        setrlimit(Resource::As, Rlimit { current: address_space, maximum: address_space })?;
    }
    Ok(())
}
