//! The holder, the launcher, and the process that has the front doors, as a program of its own, for tests; the `lockstep` binary
//! has the same as `lockstep hold`, `lockstep launch` and `lockstep door`.

use std::{env, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let ended = match arguments.as_slice() {
        [verb, directory] if verb == "hold" => {
            local::hold(Path::new(directory)).map_err(|error| error.in_full())
        }
        [verb, directory] if verb == "door" => {
            door::keep(Path::new(directory)).map_err(|error| error.in_full())
        }
        [verb, within, _, command @ ..] if verb == "launch" => {
            return local::launch(&within.to_string_lossy(), command);
        }
        _ => Err("usage: lockstep-hold hold|door DIRECTORY".to_owned()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("{words}");
            ExitCode::FAILURE
        }
    }
}
