//! The `lockstep` binary.

use std::{error::Error, ffi::OsString, io::IsTerminal, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use server::{
    Running,
    config::{LogFormat, Serve, sqlite_url},
    demo::{self, service},
};

/// Watches make and drop small strings all the time, on many threads: ADR 16 has the figures.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Shows what version of what runs where, and moves it safely.
#[derive(Parser)]
#[command(name = "lockstep", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the web UI and the REST API.
    Serve(Serve),
    /// Serves a demo: three environments on this machine, with services that really run. Its data is kept in demo-data
    Demo(Demo),
    /// Prints the OpenAPI document of the REST API.
    Openapi,
    /// Holds a replica of a local service. The server starts it; it goes on without the server.
    #[command(hide = true)]
    Hold {
        /// The replica's directory.
        directory: PathBuf,
    },
    /// Starts a local service within its limits, in its own place. Its holder does.
    #[command(hide = true)]
    Launch {
        /// The limits, as the holder writes them.
        within: String,
        /// The program and its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<OsString>,
    },
    /// Has the front doors of local services. The server starts it; it goes on without the server.
    #[command(hide = true)]
    Door {
        /// The front doors' directory.
        directory: PathBuf,
    },
    /// A service of the demo.
    #[command(hide = true)]
    DemoService(service::Args),
}

#[derive(Args)]
struct Demo {
    #[command(flatten)]
    serve: Serve,
    /// Ends what ran and forgets its data first
    #[arg(long)]
    fresh: bool,
    /// Ends what ran, forgets its data, and stops
    #[arg(long, conflicts_with = "fresh")]
    end: bool,
}

fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Serve(options) => run(serve(options)),
        Command::Demo(options) => run(demo(options)),
        Command::DemoService(args) => run(async { Ok(service::serve(args).await?) }),
        Command::Launch { within, command } => return local::launch(&within, &command),
        Command::Hold { directory } => local::hold(&directory).map_err(Into::into),
        Command::Door { directory } => door::keep(&directory).map_err(Into::into),
        Command::Openapi => print_openapi(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error),
    }
}

/// What is logged unless something else is wanted; `notify` says that it no longer watches what is gone.
const LOGGED: &str = "info,notify=warn";

/// How a command ends.
type Ended = Result<(), Box<dyn Error>>;

fn run(command: impl Future<Output = Ended>) -> Ended {
    let runtime = tokio::runtime::Runtime::new()?;
    let ended = runtime.block_on(command);
    // What still waits for a process of the local site is taken up again at the next start.
    runtime.shutdown_background();
    ended
}

async fn serve(options: Serve) -> Ended {
    log(&options.log_format);
    until_stopped(server::start(options.settings()?).await?).await
}

async fn demo(Demo { mut serve, fresh, end }: Demo) -> Ended {
    log(&serve.log_format);
    serve.data_dir.get_or_insert_with(|| "demo-data".into());
    let mut settings = serve.settings()?;
    // Never one that is given for a real server.
    settings.database_url = sqlite_url(&settings.data_dir);
    if fresh || end {
        demo::clear(&settings).await?;
    }
    if end {
        return Ok(());
    }
    demo::claim(&settings)?;
    let running = server::start(settings).await?;
    demo::seed(&running.context("demo")).await?;
    until_stopped(running).await
}

async fn until_stopped(running: Running) -> Ended {
    println!("Lockstep on http://{}", running.addr());
    server::told_to_stop().await;
    tracing::info!("stopping");
    Ok(running.stop().await?)
}

fn print_openapi() -> Ended {
    println!("{}", server::rest::document().to_pretty_json()?);
    Ok(())
}

fn log(format: &LogFormat) {
    let filter =
        tracing_subscriber::EnvFilter::try_from_env("LOCKSTEP_LOG").unwrap_or_else(|_| LOGGED.into());
    let ansi = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_writer(std::io::stderr);
    match format {
        LogFormat::Json => log.json().init(),
        LogFormat::Text => log.init(),
    }
}

/// Prints an error and what caused it.
fn fail(error: &dyn Error) -> ExitCode {
    eprintln!("lockstep: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}
