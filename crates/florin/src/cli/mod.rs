//! The command line: what a person or a script can tell Florin.

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
struct Line {
    /// The configuration file; `florin.toml` is read if it is there.
    #[arg(long, short, global = true, env = "FLORIN_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve: the API and every worker that the roles name
    Serve,
    /// Make the secrets, the database, a namespace and its first API key
    Init(init::Options),
    /// Bring the database's schema up to this release
    Migrate {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check a database against its facts and its exported seals
    Verify(verify::Options),
    /// Show the configuration that holds, without secrets
    Config {
        /// Print the commented reference instead.
        #[arg(long)]
        reference: bool,
        /// Print JSON.
        #[arg(long, conflicts_with = "reference")]
        json: bool,
    },
    /// Evaluate expressions for the server that started it, and nothing else
    #[command(hide = true)]
    Evaluate,
    /// Print completions for a shell
    Completion {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    #[command(flatten)]
    Client(client::Command),
}

/// Read the line and do what it says; the process's exit code.
pub(crate) fn run() -> Result<(), String> {
    let line = Line::parse();
    let file = line
        .config
        .or_else(|| Some(PathBuf::from("florin.toml")).filter(|path| path.exists()));
    let env = || std::env::vars();
    let load = || Config::load(file.as_deref(), env()).map_err(|error| error.to_string());
    match line.command {
        Command::Serve => block_on(crate::serve::serve(load()?)),
        Command::Init(options) => block_on(init::run(load()?, options)),
        Command::Migrate { json } => block_on(migrate(load()?, json)),
        Command::Verify(options) => verify::run(&load()?, &options),
        Command::Config {
            reference: true, ..
        } => show::text(config::DEFAULT),
        Command::Config { json, .. } => {
            let text = config::shown(file.as_deref(), env()).map_err(|error| error.to_string())?;
            let read = || {
                toml::from_str::<serde_json::Value>(&text)
                    .map_err(|error| error.message().to_owned())
            };
            if json {
                show::answer(&read()?, true)
            } else {
                show::text(&text)
            }
        }
        Command::Evaluate => workflow::evaluate_expressions().map_err(|error| error.to_string()),
        Command::Completion { shell } => {
            let mut script = Vec::new(); // written in one go: a reader that went away is no failure
            clap_complete::generate(shell, &mut Line::command(), "florin", &mut script);
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
        .map_err(|error| format!("no runtime: {error}"))?
        .block_on(work)
}

async fn migrate(config: Config, json: bool) -> Result<(), String> {
    crate::engines::open_db(&config).await?;
    if json {
        return show::answer(
            &serde_json::json!({ "release": env!("CARGO_PKG_VERSION"), "migrated": true }),
            true,
        );
    }
    show::text("the schema is that of this release\n")
}
