//! Commands that talk to a running server through its API.

use crate::cli::call::{Call, Client, Server, path_segment};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cli::signature::{self, Signature};
use crate::cli::{contracts, passphrase, replay, rotate};
use crate::config::Config;
use anyhow::{Context as _, Result};
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Submissions: chain transactions that Florin manages
    #[command(subcommand)]
    Submission(Submission),
    /// Signatures of messages, typed data and authorizations
    #[command(subcommand)]
    Signature(Signature),
    /// Wallets and keys
    #[command(subcommand)]
    Key(Key),
    /// Policies and decisions
    #[command(subcommand)]
    Policy(Policy),
    /// Lists that policies look up
    #[command(subcommand)]
    List(Lists),
    /// Tasks and runs
    #[command(subcommand)]
    Task(Task),
    /// Chains and their indexing progress
    #[command(subcommand)]
    Chain(Chain),
    /// Contracts that policies may rely on
    #[command(subcommand)]
    Contracts(contracts::Contracts),
    /// Any route of the API: `florin api GET /wallets`
    Api {
        /// HTTP method.
        method: Method,
        /// Path below /api/v1.
        path: String,
        /// JSON body; `-` reads it from standard input.
        body: Option<String>,
    },
}

#[derive(Subcommand)]
pub(crate) enum Submission {
    /// List submissions, newest first
    List {
        /// Only submissions in this state.
        #[arg(long)]
        state: Option<String>,
    },
    /// Show one submission
    Show {
        /// Submission id.
        id: String,
    },
    /// Explain the state of a submission: why it waits and which actions are possible
    Explain {
        /// Submission id.
        id: String,
    },
    /// Cancel a submission
    Cancel {
        /// Submission id.
        id: String,
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
    Wallets,
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
    },
    /// Stop all signing in the namespace
    Freeze {
        /// Reason, recorded with the action.
        reason: String,
        /// Block cancels too.
        #[arg(long)]
        hard: bool,
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
    List,
    /// Upload a document as the newest version of a policy; creates the policy if needed
    Push {
        /// Policy name.
        name: String,
        /// File with the Rego document.
        document: PathBuf,
        /// File with an example input, as JSON.
        #[arg(long)]
        example: Option<PathBuf>,
    },
    /// List decisions, newest first
    Decisions,
}

#[derive(Subcommand)]
pub(crate) enum Lists {
    /// Show all lists
    List,
    /// Create a list, or change its description or cooling time
    Put {
        /// List name.
        name: String,
        /// `account` or `call`; required for a new list.
        #[arg(long)]
        kind: Option<String>,
        #[arg(long)]
        description: Option<String>,
        /// How long a new entry waits before it counts, in milliseconds; default: a day.
        #[arg(long)]
        cooling_ms: Option<u64>,
    },
    /// Show the entries of a list
    Entries {
        /// List name or id.
        list: String,
    },
    /// Add an account or a call; it counts after the cooling time
    Add {
        /// List name or id.
        list: String,
        /// Account, or the contract of a call.
        address: String,
        /// Signature or selector of the function, in a list of calls.
        function: Option<String>,
        /// Chain id; default: the default chain of the namespace.
        #[arg(long)]
        chain: Option<String>,
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Remove an entry, at once
    Remove {
        /// List name or id.
        list: String,
        /// Entry id.
        entry: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum Task {
    /// List tasks
    List,
    /// Upload steps as the newest version of a task; creates the task if needed
    Push {
        /// Task name.
        name: String,
        /// File with the version, YAML or JSON.
        file: PathBuf,
    },
    /// Start a run
    Run {
        /// Task name.
        name: String,
        /// Input, as JSON.
        #[arg(long, default_value = "{}")]
        input: String,
    },
    /// List runs, newest first
    Runs,
}

#[derive(Subcommand)]
pub(crate) enum Chain {
    /// List chains
    List,
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
    },
}

/// Execute a command and print the last response. `config` is loaded only for commands that do not
/// talk to a server.
pub(crate) async fn run(
    command: Command,
    server: &Server,
    output: Output,
    config: impl FnOnce() -> Result<Config>,
) -> Result<()> {
    if let Command::Key(Key::Passphrase(options)) = command {
        return passphrase::run(&config()?, options).await;
    }
    let client = Client::new(server)?;
    let session = Session { client, output };
    match command {
        Command::Key(Key::Rotate(options)) => rotate::run(&session, &options).await,
        Command::Policy(Policy::Replay(options)) => replay::run(&session, options).await,
        other => session.send_all(calls(other)?).await,
    }
}

fn calls(command: Command) -> Result<Vec<Call>> {
    Ok(match command {
        Command::Key(Key::Rotate(_) | Key::Passphrase(_)) | Command::Policy(Policy::Replay(_)) => {
            Vec::new() // these have their own handlers
        }
        Command::Submission(command) => vec![submission(command)],
        Command::Signature(command) => vec![signature::call(command)?],
        Command::Key(Key::Call(command)) => vec![key(command)],
        Command::Policy(Policy::Call(command)) => policy(command)?,
        Command::List(command) => vec![list(command)],
        Command::Task(command) => task(command)?,
        Command::Chain(command) => vec![chain(command)],
        Command::Contracts(command) => vec![contracts::call(command)?],
        Command::Api { method, path, body } => {
            let read = |body: String| match body.as_str() {
                "-" => std::io::read_to_string(std::io::stdin()),
                _ => Ok(body),
            };
            let body = body.map(read).transpose().context("standard input")?;
            let body = body.map(|body| (body, "application/json"));
            vec![Call { method, path, body }]
        }
    })
}

fn submission(command: Submission) -> Call {
    let path = |id: &str| format!("/submissions/{}", path_segment(id));
    match command {
        Submission::List { state: None } => Call::get("/submissions"),
        Submission::List { state: Some(state) } => {
            Call::get(format!("/submissions?state={}", path_segment(&state)))
        }
        Submission::Show { id } => Call::get(path(&id)),
        Submission::Explain { id } => Call::get(format!("{}/explain", path(&id))),
        Submission::Cancel { id } => Call::post(format!("{}/cancel", path(&id)), &json!({})),
    }
}

fn key(command: KeyCall) -> Call {
    match command {
        KeyCall::Wallets => Call::get("/wallets"),
        KeyCall::Addresses {
            wallet,
            count,
            chain,
        } => Call::post(
            format!("/wallets/{}/addresses", path_segment(&wallet)),
            &json!({ "count": count, "chain": chain }),
        ),
        KeyCall::Freeze { reason, hard } => {
            let freeze = json!({ "scope": "namespace", "hard": hard, "reason": reason });
            Call::post("/freezes", &freeze)
        }
    }
}

fn policy(command: PolicyCall) -> Result<Vec<Call>> {
    Ok(match command {
        PolicyCall::List => vec![Call::get("/policies")],
        PolicyCall::Decisions => vec![Call::get("/policy-decisions")],
        PolicyCall::Push {
            name,
            document,
            example,
        } => {
            let mut version = json!({ "document": read(&document)? });
            if let Some(example) = example {
                version["exampleInput"] = json!(read(&example)?);
            }
            let path = format!("/policies/{}", path_segment(&name));
            let create_policy = Call::put(&path, &json!({ "name": name }));
            vec![
                create_policy,
                Call::post(format!("{path}/versions"), &version),
            ]
        }
    })
}

fn list(command: Lists) -> Call {
    let path = |name: &str| format!("/lists/{}", path_segment(name));
    match command {
        Lists::List => Call::get("/lists"),
        Lists::Put {
            name,
            kind,
            description,
            cooling_ms,
        } => Call::put(
            path(&name),
            &json!({ "kind": kind, "description": description, "coolingMs": cooling_ms }),
        ),
        Lists::Entries { list } => Call::get(format!("{}/entries", path(&list))),
        Lists::Add {
            list,
            address,
            function,
            chain,
            note,
        } => {
            let entry = match function {
                None => json!({ "chain": chain, "address": address, "note": note }),
                Some(function) => {
                    json!({ "chain": chain, "contract": address, "selector": function, "note": note })
                }
            };
            let entries = json!({ "entries": [entry] });
            Call::post(format!("{}/entries", path(&list)), &entries)
        }
        Lists::Remove { list, entry } => Call {
            method: Method::DELETE,
            path: format!("{}/entries/{}", path(&list), path_segment(&entry)),
            body: None,
        },
    }
}

fn task(command: Task) -> Result<Vec<Call>> {
    let path = |name: &str| format!("/tasks/{}", path_segment(name));
    Ok(match command {
        Task::List => vec![Call::get("/tasks")],
        Task::Runs => vec![Call::get("/runs")],
        Task::Push { name, file } => {
            let version = Call {
                method: Method::POST,
                path: format!("{}/versions", path(&name)),
                body: Some((read(&file)?, "application/x-yaml")),
            };
            vec![Call::put(path(&name), &json!({ "name": name })), version]
        }
        Task::Run { name, input } => {
            let input: Value = serde_json::from_str(&input).context("--input")?;
            let run = json!({ "input": input });
            vec![Call::post(format!("{}/runs", path(&name)), &run)]
        }
    })
}

fn chain(command: Chain) -> Call {
    match command {
        Chain::List => Call::get("/chains"),
        Chain::Resume {
            chain,
            reason,
            rewind_to,
        } => Call::post(
            format!("/chains/{}/resume", path_segment(&chain)),
            &json!({ "reason": reason, "rewindTo": rewind_to }),
        ),
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}
