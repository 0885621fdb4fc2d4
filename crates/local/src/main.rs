//! The holder as a program of its own, for tests; the `lockstep` binary has the same as `lockstep hold`.

use std::{env, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let Some(directory) = env::args_os().nth(2) else {
        eprintln!("usage: lockstep-hold hold DIRECTORY");
        return ExitCode::FAILURE;
    };
    match local::hold(&PathBuf::from(directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.in_full());
            ExitCode::FAILURE
        }
    }
}
