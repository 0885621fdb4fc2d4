//! The holder, and the process that has the front doors, as a program of its own, for tests; the `lockstep` binary has the same
//! as `lockstep hold` and `lockstep door`.

use std::{env, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let words = |arguments: &[std::ffi::OsString]| match arguments {
        [what, directory] if what == "hold" => {
            local::hold(Path::new(directory)).map_err(|error| error.in_full())
        }
        [what, directory] if what == "door" => {
            door::keep(Path::new(directory)).map_err(|error| error.in_full())
        }
        _ => Err("usage: lockstep-hold hold|door DIRECTORY".to_owned()),
    };
    match words(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("{words}");
            ExitCode::FAILURE
        }
    }
}
