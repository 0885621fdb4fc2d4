//! The front doors as a program of their own, for tests; the `lockstep` binary has the same as `lockstep door`.

use std::{env, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let Some(directory) = env::args_os().nth(2) else {
        eprintln!("usage: lockstep-door door DIRECTORY");
        return ExitCode::FAILURE;
    };
    match door::keep(&PathBuf::from(directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.in_full());
            ExitCode::FAILURE
        }
    }
}
