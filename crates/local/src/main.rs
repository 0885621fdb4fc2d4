//! The holder as a program of its own, for tests; the `lockstep` binary has the same as `lockstep hold`.

use std::{env, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().collect();
    let directory = match &arguments[..] {
        [_, verb, directory] if verb == "hold" => directory,
        [_, verb, within, _, command @ ..] if verb == "launch" => {
            return local::launch(&within.to_string_lossy(), command);
        }
        _ => {
            eprintln!("usage: lockstep-hold hold DIRECTORY");
            return ExitCode::FAILURE;
        }
    };
    match local::hold(&PathBuf::from(directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.in_full());
            ExitCode::FAILURE
        }
    }
}
