//! The command line interface.

mod call;
mod client;
mod columns;
mod contracts;
mod init;
mod output;
mod passphrase;
mod progress;
mod replay;
mod rotate;
mod session;
mod signature;
mod verify;

use crate::config::{self, Config};
use anyhow::{Context as _, Result, bail};
use call::Server;
use clap::{CommandFactory as _, Parser, Subcommand};
use output::Output;
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Parser)]
#[command(
    name = "florin",
    version,
    about = "Digital assets for regulated enterprises: one binary between your systems and blockchains"
)]
struct Cli {
    /// Configuration file; default: `florin.toml` if it exists.
    #[arg(long, short, global = true, env = "FLORIN_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the API server and the workers of the configured roles
    Serve,
    /// Create the secrets, the database, a namespace and its first API key
    Init(init::Options),
    /// Migrate the database schema to this release
    Migrate,
    /// Verify a database against its facts and its exported tree heads
    Verify(verify::Options),
    /// Show the effective configuration, without secrets
    Config {
        /// Print the commented reference configuration instead.
        #[arg(long)]
        reference: bool,
    },
    /// Evaluate expressions for the parent server process (internal)
    #[command(hide = true)]
    Evaluate,
    /// Print shell completions
    Completion {
        /// The shell that uses the script.
        shell: clap_complete::Shell,
    },
    #[command(flatten)]
    Client(client::Command),
}

/// Parse the arguments and run the command.
pub(crate) fn run() -> Result<()> {
    let cli = Cli::parse();
    let output = cli.output;
    let file = cli
        .config
        .or_else(|| Some(PathBuf::from("florin.toml")).filter(|path| path.exists()));
    let load = || Ok(Config::load(file.as_deref(), config::environment())?);
    match cli.command {
        Command::Serve => block_on(crate::serve::serve(load()?)),
        Command::Init(options) => block_on(init::run(&load()?, options, &output)),
        Command::Migrate => block_on(migrate(&load()?, &output)),
        Command::Verify(options) => verify::run(&load()?, &options, &output),
        Command::Config { reference } => config(file.as_deref(), reference, &output),
        Command::Evaluate => Ok(workflow::evaluate_expressions()?),
        Command::Completion { shell } => {
            let mut script = Vec::new(); // written at once: a closed pipe is not an error
            clap_complete::generate(shell, &mut Cli::command(), "florin", &mut script);
            output::text(&String::from_utf8_lossy(&script));
            Ok(())
        }
        Command::Client(command) => block_on(client::run(command, &cli.server, output, load)),
    }
}

fn block_on<F: Future<Output = Result<()>>>(work: F) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime
        .context("cannot start the async runtime")?
        .block_on(work)
}

async fn migrate(config: &Config, output: &Output) -> Result<()> {
    crate::engines::open_db(config).await?;
    if output.json {
        let release = env!("CARGO_PKG_VERSION");
        return output.response(&json!({ "release": release, "migrated": true }), "");
    }
    output::text("the database schema is up to date\n");
    Ok(())
}

fn config(file: Option<&Path>, reference: bool, output: &Output) -> Result<()> {
    match (reference, output.json) {
        (true, true) => bail!("--reference is TOML with comments and cannot be printed as JSON"),
        (true, false) => output::text(config::DEFAULT),
        (false, true) => {
            let table = config::render(file, config::environment())?;
            return output.response(&serde_json::to_value(table)?, "");
        }
        (false, false) => {
            let table = config::render(file, config::environment())?;
            output::text(&toml::to_string_pretty(&table)?);
        }
    }
    Ok(())
}
