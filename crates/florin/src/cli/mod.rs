//! The command line interface.

mod call;
mod client;
mod init;
mod passphrase;
mod progress;
mod replay;
mod rotate;
mod show;
mod verify;

use crate::config::{self, Config};
use clap::{CommandFactory as _, Parser, Subcommand};
use std::path::PathBuf;

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
    Migrate {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Verify a database against its facts and its exported tree heads
    Verify(verify::Options),
    /// Show the effective configuration, without secrets
    Config {
        /// Print the commented reference configuration instead.
        #[arg(long)]
        reference: bool,
        /// Print JSON.
        #[arg(long, conflicts_with = "reference")]
        json: bool,
    },
    /// Evaluate expressions for the parent server process (internal)
    #[command(hide = true)]
    Evaluate,
    /// Print shell completions
    Completion {
        /// Shell.
        shell: clap_complete::Shell,
    },
    #[command(flatten)]
    Client(client::Command),
}

/// Parse the arguments and run the command.
pub(crate) fn run() -> Result<(), String> {
    let cli = Cli::parse();
    let file = cli
        .config
        .or_else(|| Some(PathBuf::from("florin.toml")).filter(|path| path.exists()));
    let env = || std::env::vars();
    let load = || Config::load(file.as_deref(), env()).map_err(|error| error.to_string());
    match cli.command {
        Command::Serve => block_on(crate::serve::serve(load()?)),
        Command::Init(options) => block_on(init::run(load()?, options)),
        Command::Migrate { json } => block_on(migrate(load()?, json)),
        Command::Verify(options) => verify::run(&load()?, &options),
        Command::Config {
            reference: true, ..
        } => show::text(config::DEFAULT),
        Command::Config { json, .. } => {
            let text = config::render(file.as_deref(), env()).map_err(|error| error.to_string())?;
            let value = || {
                toml::from_str::<serde_json::Value>(&text)
                    .map_err(|error| error.message().to_owned())
            };
            if json {
                show::response(&value()?, true)
            } else {
                show::text(&text)
            }
        }
        Command::Evaluate => workflow::evaluate_expressions().map_err(|error| error.to_string()),
        Command::Completion { shell } => {
            let mut script = Vec::new(); // written at once: a closed pipe is not an error
            clap_complete::generate(shell, &mut Cli::command(), "florin", &mut script);
            show::text(&String::from_utf8_lossy(&script))
        }
        Command::Client(command) => block_on(client::run(command, load)),
    }
}

fn block_on<F: Future<Output = Result<(), String>>>(work: F) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime
        .map_err(|error| format!("cannot start the async runtime: {error}"))?
        .block_on(work)
}

async fn migrate(config: Config, json: bool) -> Result<(), String> {
    crate::engines::open_db(&config).await?;
    if json {
        return show::response(
            &serde_json::json!({ "release": env!("CARGO_PKG_VERSION"), "migrated": true }),
            true,
        );
    }
    show::text("the database schema is up to date\n")
}
