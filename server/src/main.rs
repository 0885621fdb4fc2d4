//! The `lockstep` binary.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use server::{
    Running,
    config::{LogFormat, Serve},
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
    match Cli::parse().command {
        Command::Serve(options) => run(serve(options)),
        Command::Demo(options) => run(demo(options)),
        Command::DemoService(args) => run(async {
            match service::serve(args).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => fail(&error),
            }
        }),
        Command::Hold { directory } => match local::hold(&directory) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        },
        Command::Openapi => match server::rest::document().to_pretty_json() {
            Ok(text) => {
                println!("{text}");
                ExitCode::SUCCESS
            }
            Err(error) => fail(&error),
        },
    }
}

fn run(command: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => fail(&error),
    }
}

async fn serve(options: Serve) -> ExitCode {
    log(&options.log_format);
    let settings = match options.settings() {
        Ok(settings) => settings,
        Err(error) => return fail(&error),
    };
    match server::start(settings).await {
        Ok(running) => until_stopped(running).await,
        Err(error) => fail(&error),
    }
}

async fn demo(Demo { mut serve, fresh, end }: Demo) -> ExitCode {
    log(&serve.log_format);
    serve.data_dir.get_or_insert_with(|| "demo-data".into());
    let settings = match serve.settings() {
        Ok(settings) => settings,
        Err(error) => return fail(&error),
    };
    if (fresh || end)
        && let Err(error) = demo::clear(&settings).await
    {
        return fail(&error);
    }
    if end {
        return ExitCode::SUCCESS;
    }
    if let Err(error) = demo::claim(&settings) {
        return fail(&error);
    }
    let running = match server::start(settings).await {
        Ok(running) => running,
        Err(error) => return fail(&error),
    };
    match demo::seed(&running.context("demo")).await {
        Ok(()) => until_stopped(running).await,
        Err(error) => fail(&error),
    }
}

async fn until_stopped(running: Running) -> ExitCode {
    println!("Lockstep on http://{}", running.addr());
    server::told_to_stop().await;
    tracing::info!("stopping");
    match running.stop().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn log(format: &LogFormat) {
    let filter =
        tracing_subscriber::EnvFilter::try_from_env("LOCKSTEP_LOG").unwrap_or_else(|_| "info".into());
    let ansi = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_writer(std::io::stderr);
    match format {
        LogFormat::Json => log.json().init(),
        LogFormat::Text => log.init(),
    }
}

/// Prints an error and what caused it.
fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("lockstep: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}
