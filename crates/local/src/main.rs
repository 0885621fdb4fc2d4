//! The holder as a program of its own, for tests; the `lockstep` binary has the same as `lockstep hold`.

use std::{env, error::Error, iter, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let Some(directory) = env::args_os().nth(2) else {
        eprintln!("usage: lockstep-hold hold DIRECTORY");
        return ExitCode::FAILURE;
    };
    match local::hold(&PathBuf::from(directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes = iter::successors(error.source(), |&cause| cause.source());
            eprintln!("{error}{}", causes.map(|cause| format!(": {cause}")).collect::<String>());
            ExitCode::FAILURE
        }
    }
}
