//! Commands about signatures of messages, typed data and authorizations.

use crate::cli::call::{Call, path_segment};
use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum Signature {
    /// Request a signature; print it with `show` once it is signed
    Create(Create),
    /// List signatures, newest first
    List {
        /// Only signatures in this state.
        #[arg(long)]
        state: Option<String>,
    },
    /// Show one signature
    Show {
        /// Signature id.
        id: String,
    },
    /// Cancel a request for a signature that is not signed
    Cancel {
        /// Signature id.
        id: String,
    },
}

/// What is signed, and by which account.
#[derive(Args)]
pub(crate) struct Create {
    /// Signing account.
    signer: String,
    /// Chain id; default: the default chain of the namespace.
    #[arg(long)]
    chain: Option<String>,
    #[command(flatten)]
    statement: Statement,
    /// Nonce of the signer that the authorization uses.
    #[arg(long, conflicts_with_all = ["message", "message_hex", "typed_data"])]
    nonce: Option<u64>,
    /// Make the authorization valid on every chain.
    #[arg(long, conflicts_with_all = ["message", "message_hex", "typed_data"])]
    any_chain: bool,
    /// Sign a message of 32 bytes, which may be a hash.
    #[arg(long, conflicts_with_all = ["message", "typed_data", "delegate"])]
    allow_hash: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Statement {
    /// Message (EIP-191) as text.
    #[arg(long)]
    message: Option<String>,
    /// Message (EIP-191) as bytes in hexadecimal.
    #[arg(long)]
    message_hex: Option<String>,
    /// File with typed data (EIP-712), as JSON.
    #[arg(long)]
    typed_data: Option<PathBuf>,
    /// Account whose code the signer runs (EIP-7702).
    #[arg(long, requires = "nonce")]
    delegate: Option<String>,
}

/// The request of a command.
pub(crate) fn call(command: Signature) -> Result<Call> {
    let path = |id: &str| format!("/signatures/{}", path_segment(id));
    Ok(match command {
        Signature::Create(create) => Call::post("/signatures", &body(create)?),
        Signature::List { state: None } => Call::get("/signatures"),
        Signature::List { state: Some(state) } => {
            Call::get(format!("/signatures?state={}", path_segment(&state)))
        }
        Signature::Show { id } => Call::get(path(&id)),
        Signature::Cancel { id } => Call::post(format!("{}/cancel", path(&id)), &json!({})),
    })
}

fn body(create: Create) -> Result<Value> {
    let mut body = json!({ "signer": create.signer });
    let Statement {
        message,
        message_hex,
        typed_data,
        delegate,
    } = create.statement;
    if let Some(file) = typed_data {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(&file).with_context(|| name.clone())?;
        body["typedData"] = serde_json::from_str(&text).context(name)?;
    }
    if let Some(delegate) = delegate {
        let (nonce, any_chain) = (create.nonce, create.any_chain);
        body["authorization"] =
            json!({ "delegate": delegate, "nonce": nonce, "anyChain": any_chain });
    }
    for (name, text) in [
        ("message", message),
        ("messageHex", message_hex),
        ("chain", create.chain),
    ] {
        if let Some(text) = text {
            body[name] = json!(text);
        }
    }
    if create.allow_hash {
        body["allowHash"] = json!(true);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: Signature,
    }

    fn sent(line: &str) -> Option<(String, Value)> {
        let words = ["signature"].into_iter().chain(line.split(' '));
        let call = call(Line::try_parse_from(words).ok()?.command).unwrap();
        let body = call.body.map_or(Value::Null, |(body, _)| {
            serde_json::from_str(&body).unwrap()
        });
        Some((format!("{} {}", call.method, call.path), body))
    }

    #[test]
    fn each_form_becomes_a_request() {
        let create = |body: Value| Some(("POST /signatures".to_owned(), body));
        for (line, expected) in [
            (
                "create 0x1 --message hello",
                create(json!({ "signer": "0x1", "message": "hello" })),
            ),
            (
                "create 0x1 --chain eip155:5 --message-hex 0xab --allow-hash",
                create(
                    json!({ "signer": "0x1", "chain": "eip155:5", "messageHex": "0xab", "allowHash": true }),
                ),
            ),
            (
                "create 0x1 --delegate 0x2 --nonce 3",
                create(
                    json!({ "signer": "0x1", "authorization": { "delegate": "0x2", "nonce": 3, "anyChain": false } }),
                ),
            ),
            (
                "show stm:1",
                Some(("GET /signatures/stm:1".to_owned(), Value::Null)),
            ),
            (
                "list --state signed",
                Some(("GET /signatures?state=signed".to_owned(), Value::Null)),
            ),
            (
                "cancel stm:1",
                Some(("POST /signatures/stm:1/cancel".to_owned(), json!({}))),
            ),
            ("create 0x1", None),
            ("create 0x1 --message a --message-hex 0x00", None),
            ("create 0x1 --delegate 0x2", None),
            ("create 0x1 --message a --nonce 3", None),
        ] {
            assert_eq!(sent(line), expected, "{line}");
        }
    }
}
