//! Commands that talk to a running server through its API.

use crate::cli::call::{Call, Server, client, path_segment, send};
use crate::cli::{passphrase, replay, rotate, show};
use crate::config::Config;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Submissions: chain transactions that Florin manages
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
    /// Chains and their indexing progress
    #[command(subcommand)]
    Chain(Chain),
    /// Any route of the API: `florin api GET /wallets`
    Api {
        /// HTTP method.
        method: Method,
        /// Path below /api/v1.
        path: String,
        /// JSON body; `-` reads it from standard input.
        body: Option<String>,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Subcommand)]
pub(crate) enum Submission {
    /// List submissions, newest first
    List {
        /// Only submissions in this state.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        server: Server,
    },
    /// Show one submission
    Show {
        /// Submission id.
        id: String,
        #[command(flatten)]
        server: Server,
    },
    /// Explain the state of a submission: why it waits and which actions are possible
    Explain {
        /// Submission id.
        id: String,
        #[command(flatten)]
        server: Server,
    },
    /// Cancel a submission
    Cancel {
        /// Submission id.
        id: String,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Subcommand)]
pub(crate) enum Key {
    #[command(flatten)]
    Call(KeyCall),
    /// Create a new data key and re-encrypt every secret under it
    Rotate(rotate::Options),
    /// Change the passphrase; secrets are not re-encrypted. With SQLite the server must be stopped
    Passphrase(passphrase::Options),
}

#[derive(Subcommand)]
pub(crate) enum KeyCall {
    /// List wallets
    Wallets {
        #[command(flatten)]
        server: Server,
    },
    /// Issue addresses of a wallet
    Addresses {
        /// Wallet name or id.
        wallet: String,
        /// Number of addresses.
        #[arg(long, default_value_t = 1)]
        count: u32,
        /// Chain id; default: the default chain of the namespace.
        #[arg(long)]
        chain: Option<String>,
        #[command(flatten)]
        server: Server,
    },
    /// Stop all signing in the namespace
    Freeze {
        /// Reason, recorded with the action.
        reason: String,
        /// Block cancels too.
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
    /// Re-evaluate past decisions and list those with a different result
    Replay(replay::Options),
}

#[derive(Subcommand)]
pub(crate) enum PolicyCall {
    /// List policies
    List {
        #[command(flatten)]
        server: Server,
    },
    /// Upload a document as the newest version of a policy; creates the policy if needed
    Push {
        /// Policy name.
        name: String,
        /// File with the Rego document.
        document: PathBuf,
        /// File with an example input, as JSON.
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
    /// Upload steps as the newest version of a task; creates the task if needed
    Push {
        /// Task name.
        name: String,
        /// File with the version, YAML or JSON.
        file: PathBuf,
        #[command(flatten)]
        server: Server,
    },
    /// Start a run
    Run {
        /// Task name.
        name: String,
        /// Input, as JSON.
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
    /// Resume a halted chain
    Resume {
        /// Chain id.
        chain: String,
        /// Reason, recorded with the action.
        #[arg(long)]
        reason: String,
        /// Lowest height at which the stored chain and the node may still agree.
        #[arg(long)]
        rewind_to: Option<u64>,
        #[command(flatten)]
        server: Server,
    },
}

/// Execute a command and print the last response. `config` is loaded only for commands that do not
/// talk to a server.
pub(crate) async fn run(
    command: Command,
    config: impl FnOnce() -> Result<Config, String>,
) -> Result<(), String> {
    match command {
        Command::Key(Key::Rotate(options)) => rotate::run(options).await,
        Command::Key(Key::Passphrase(options)) => passphrase::run(&config()?, options).await,
        Command::Key(Key::Call(command)) => send_all(key(command)).await,
        Command::Policy(Policy::Replay(options)) => replay::run(options).await,
        Command::Policy(Policy::Call(command)) => send_all(policy(command)?).await,
        other => send_all(calls(other)?).await,
    }
}

async fn send_all((server, calls): (Server, Vec<Call>)) -> Result<(), String> {
    let client = client()?;
    let mut response = Value::Null;
    for call in calls {
        response = send(&client, &server, call).await?;
    }
    show::response(&response, server.json)
}

fn calls(command: Command) -> Result<(Server, Vec<Call>), String> {
    match command {
        Command::Key(_) | Command::Policy(_) => Err("this command has its own handler".to_owned()),
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
                .map(|state| format!("?state={}", path_segment(&state)))
                .unwrap_or_default();
            (server, vec![Call::get(format!("/submissions{filter}"))])
        }
        Submission::Show { id, server } => (
            server,
            vec![Call::get(format!("/submissions/{}", path_segment(&id)))],
        ),
        Submission::Explain { id, server } => (
            server,
            vec![Call::get(format!(
                "/submissions/{}/explain",
                path_segment(&id)
            ))],
        ),
        Submission::Cancel { id, server } => (
            server,
            vec![Call::send(
                Method::POST,
                format!("/submissions/{}/cancel", path_segment(&id)),
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
                    format!("/wallets/{}/addresses", path_segment(&wallet)),
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
            let create_policy = Call::send(
                Method::PUT,
                format!("/policies/{}", path_segment(&name)),
                &json!({ "name": name }),
            );
            (
                server,
                vec![
                    create_policy,
                    Call::send(
                        Method::POST,
                        format!("/policies/{}/versions", path_segment(&name)),
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
            let create_task = Call::send(
                Method::PUT,
                format!("/tasks/{}", path_segment(&name)),
                &json!({ "name": name }),
            );
            let path = format!("/tasks/{}/versions", path_segment(&name));
            let version = Call {
                method: Method::POST,
                path,
                body: Some((read(&file)?, "application/x-yaml")),
            };
            (server, vec![create_task, version])
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
                    format!("/tasks/{}/runs", path_segment(&name)),
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
                    format!("/chains/{}/resume", path_segment(&chain)),
                    &body,
                )],
            )
        }
    }
}

fn read(path: &PathBuf) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
