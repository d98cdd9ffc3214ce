//! Commands that talk to a running server through its API.

use crate::cli::call::{Call, Server, client, part, perform};
use crate::cli::{passphrase, replay, rotate, show};
use crate::config::Config;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Submissions: chain transactions in Florin's care
    #[command(subcommand)]
    Submission(Submission),
    /// Wallets and keys
    #[command(subcommand)]
    Key(Key),
    /// Policies and decisions
    #[command(subcommand)]
    Policy(Policy),
    /// Tasks and runs
    #[command(subcommand)]
    Task(Task),
    /// Chains and how far they are read
    #[command(subcommand)]
    Chain(Chain),
    /// Any route of the API: `florin api GET /wallets`
    Api {
        /// The method.
        method: Method,
        /// The path below /api/v1.
        path: String,
        /// A JSON body; `-` reads it from standard input.
        body: Option<String>,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Subcommand)]
pub(crate) enum Submission {
    /// List submissions, newest first
    List {
        /// Only in this state.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        server: Server,
    },
    /// Show one submission
    Show {
        /// Its id.
        id: String,
        #[command(flatten)]
        server: Server,
    },
    /// Say where one stands, why it waits, and what can be done
    Explain {
        /// Its id.
        id: String,
        #[command(flatten)]
        server: Server,
    },
    /// Cancel one
    Cancel {
        /// Its id.
        id: String,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Subcommand)]
pub(crate) enum Key {
    #[command(flatten)]
    Call(KeyCall),
    /// A new data key for all secrets; every one is sealed anew
    Rotate(rotate::Options),
    /// Another passphrase; no secret is touched. With SQLite the server must be stopped
    Passphrase(passphrase::Options),
}

#[derive(Subcommand)]
pub(crate) enum KeyCall {
    /// List wallets
    Wallets {
        #[command(flatten)]
        server: Server,
    },
    /// Hand out addresses of a wallet
    Addresses {
        /// The wallet, by name or id.
        wallet: String,
        /// How many.
        #[arg(long, default_value_t = 1)]
        count: u32,
        /// The chain; the namespace's own if nothing is said.
        #[arg(long)]
        chain: Option<String>,
        #[command(flatten)]
        server: Server,
    },
    /// Stop all signing of the namespace
    Freeze {
        /// Why, for the record.
        reason: String,
        /// Stop cancels, too.
        #[arg(long)]
        hard: bool,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Subcommand)]
pub(crate) enum Policy {
    #[command(flatten)]
    Call(PolicyCall),
    /// Decide again what was decided, and show what would be decided otherwise
    Replay(replay::Options),
}

#[derive(Subcommand)]
pub(crate) enum PolicyCall {
    /// List policies
    List {
        #[command(flatten)]
        server: Server,
    },
    /// Upload a document as the newest version of a policy, which is made if it is missing
    Push {
        /// The policy's name.
        name: String,
        /// The Rego document.
        document: PathBuf,
        /// An example input, as JSON.
        #[arg(long)]
        example: Option<PathBuf>,
        #[command(flatten)]
        server: Server,
    },
    /// List decisions, newest first
    Decisions {
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Subcommand)]
pub(crate) enum Task {
    /// List tasks
    List {
        #[command(flatten)]
        server: Server,
    },
    /// Upload steps as the newest version of a task, which is made if it is missing
    Push {
        /// The task's name.
        name: String,
        /// The version, YAML or JSON.
        file: PathBuf,
        #[command(flatten)]
        server: Server,
    },
    /// Start a run
    Run {
        /// The task.
        name: String,
        /// The input, as JSON.
        #[arg(long, default_value = "{}")]
        input: String,
        #[command(flatten)]
        server: Server,
    },
    /// List runs, newest first
    Runs {
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Subcommand)]
pub(crate) enum Chain {
    /// List chains
    List {
        #[command(flatten)]
        server: Server,
    },
    /// Let a halted chain go on
    Resume {
        /// The chain.
        chain: String,
        /// Why, for the record.
        #[arg(long)]
        reason: String,
        /// The lowest height that may stay common.
        #[arg(long)]
        rewind_to: Option<u64>,
        #[command(flatten)]
        server: Server,
    },
}

/// Do what a command says; the last answer is shown. `config` is read only by what does not ask a
/// server.
pub(crate) async fn run(
    command: Command,
    config: impl FnOnce() -> Result<Config, String>,
) -> Result<(), String> {
    match command {
        Command::Key(Key::Rotate(options)) => rotate::run(options).await,
        Command::Key(Key::Passphrase(options)) => passphrase::run(&config()?, options).await,
        Command::Key(Key::Call(command)) => perform_all(key(command)).await,
        Command::Policy(Policy::Replay(options)) => replay::run(options).await,
        Command::Policy(Policy::Call(command)) => perform_all(policy(command)?).await,
        other => perform_all(calls(other)?).await,
    }
}

async fn perform_all((server, calls): (Server, Vec<Call>)) -> Result<(), String> {
    let client = client()?;
    let mut answer = Value::Null;
    for call in calls {
        answer = perform(&client, &server, call).await?;
    }
    show::answer(&answer, server.json)
}

fn calls(command: Command) -> Result<(Server, Vec<Call>), String> {
    match command {
        Command::Key(_) | Command::Policy(_) => Err("this command is done elsewhere".to_owned()),
        Command::Submission(command) => Ok(submission(command)),
        Command::Task(command) => task(command),
        Command::Chain(command) => Ok(chain(command)),
        Command::Api {
            method,
            path,
            body,
            server,
        } => {
            let body = body.map(|body| {
                if body == "-" {
                    std::io::read_to_string(std::io::stdin())
                } else {
                    Ok(body)
                }
            });
            let body = body.transpose().map_err(|error| error.to_string())?;
            Ok((
                server,
                vec![Call {
                    method,
                    path,
                    body: body.map(|body| (body, "application/json")),
                }],
            ))
        }
    }
}

fn submission(command: Submission) -> (Server, Vec<Call>) {
    match command {
        Submission::List { state, server } => {
            let filter = state
                .map(|state| format!("?state={}", part(&state)))
                .unwrap_or_default();
            (server, vec![Call::get(format!("/submissions{filter}"))])
        }
        Submission::Show { id, server } => (
            server,
            vec![Call::get(format!("/submissions/{}", part(&id)))],
        ),
        Submission::Explain { id, server } => (
            server,
            vec![Call::get(format!("/submissions/{}/explain", part(&id)))],
        ),
        Submission::Cancel { id, server } => (
            server,
            vec![Call::send(
                Method::POST,
                format!("/submissions/{}/cancel", part(&id)),
                &json!({}),
            )],
        ),
    }
}

fn key(command: KeyCall) -> (Server, Vec<Call>) {
    match command {
        KeyCall::Wallets { server } => (server, vec![Call::get("/wallets")]),
        KeyCall::Addresses {
            wallet,
            count,
            chain,
            server,
        } => {
            let body = json!({ "count": count, "chain": chain });
            (
                server,
                vec![Call::send(
                    Method::POST,
                    format!("/wallets/{}/addresses", part(&wallet)),
                    &body,
                )],
            )
        }
        KeyCall::Freeze {
            reason,
            hard,
            server,
        } => {
            let body = json!({ "scope": "namespace", "hard": hard, "reason": reason });
            (server, vec![Call::send(Method::POST, "/freezes", &body)])
        }
    }
}

fn policy(command: PolicyCall) -> Result<(Server, Vec<Call>), String> {
    Ok(match command {
        PolicyCall::List { server } => (server, vec![Call::get("/policies")]),
        PolicyCall::Decisions { server } => (server, vec![Call::get("/policy-decisions")]),
        PolicyCall::Push {
            name,
            document,
            example,
            server,
        } => {
            let mut version = json!({ "document": read(&document)? });
            if let Some(example) = example {
                version["exampleInput"] = json!(read(&example)?);
            }
            let made = Call::send(
                Method::PUT,
                format!("/policies/{}", part(&name)),
                &json!({ "name": name }),
            );
            (
                server,
                vec![
                    made,
                    Call::send(
                        Method::POST,
                        format!("/policies/{}/versions", part(&name)),
                        &version,
                    ),
                ],
            )
        }
    })
}

fn task(command: Task) -> Result<(Server, Vec<Call>), String> {
    Ok(match command {
        Task::List { server } => (server, vec![Call::get("/tasks")]),
        Task::Runs { server } => (server, vec![Call::get("/runs")]),
        Task::Push { name, file, server } => {
            let made = Call::send(
                Method::PUT,
                format!("/tasks/{}", part(&name)),
                &json!({ "name": name }),
            );
            let path = format!("/tasks/{}/versions", part(&name));
            let version = Call {
                method: Method::POST,
                path,
                body: Some((read(&file)?, "application/x-yaml")),
            };
            (server, vec![made, version])
        }
        Task::Run {
            name,
            input,
            server,
        } => {
            let input: Value =
                serde_json::from_str(&input).map_err(|error| format!("--input: {error}"))?;
            (
                server,
                vec![Call::send(
                    Method::POST,
                    format!("/tasks/{}/runs", part(&name)),
                    &json!({ "input": input }),
                )],
            )
        }
    })
}

fn chain(command: Chain) -> (Server, Vec<Call>) {
    match command {
        Chain::List { server } => (server, vec![Call::get("/chains")]),
        Chain::Resume {
            chain,
            reason,
            rewind_to,
            server,
        } => {
            let body = json!({ "reason": reason, "rewindTo": rewind_to });
            (
                server,
                vec![Call::send(
                    Method::POST,
                    format!("/chains/{}/resume", part(&chain)),
                    &body,
                )],
            )
        }
    }
}

fn read(path: &PathBuf) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
