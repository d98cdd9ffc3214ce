//! `florin contracts`: the contract registry of a running server.

use crate::cli::call::{Call, path_segment};
use anyhow::{Context as _, Result};
use clap::Subcommand;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Subcommand)]
pub(crate) enum Contracts {
    /// Register a contract that has code on its chain
    Register {
        /// Name of the contract.
        name: String,
        /// Address of the contract.
        address: String,
        /// Chain id; default: the default chain of the namespace.
        #[arg(long)]
        chain: Option<String>,
        /// File with the JSON ABI, or with an artifact that contains it; for a proxy, that of its
        /// implementation.
        #[arg(long)]
        abi: Option<PathBuf>,
        /// Standard, such as `erc20`; repeat it for several. Default: those that the ABI shows.
        #[arg(long = "standard")]
        standards: Vec<String>,
    },
    /// List contracts
    List {
        /// Only contracts on this chain.
        #[arg(long)]
        chain: Option<String>,
        /// Only contracts with this standard.
        #[arg(long)]
        standard: Option<String>,
        /// Also contracts that are only mentioned by a binding or a tracked source.
        #[arg(long)]
        all: bool,
    },
    /// Show one contract
    Show {
        /// Contract name or id.
        contract: String,
    },
    /// Compare a contract with its chain
    Verify {
        /// Contract name or id.
        contract: String,
        /// Trust the code and the implementation that the chain has now.
        #[arg(long)]
        accept: bool,
        /// File with the new ABI; requires `--accept`.
        #[arg(long, requires = "accept")]
        abi: Option<PathBuf>,
    },
}

/// The call of a command.
pub(crate) fn call(command: Contracts) -> Result<Call> {
    Ok(match command {
        Contracts::Register {
            name,
            address,
            chain,
            abi,
            standards,
        } => {
            let mut body = json!({ "name": name, "address": address, "chain": chain });
            if !standards.is_empty() {
                body["standards"] = json!(standards);
            }
            add_abi(&mut body, abi.as_deref())?;
            Call::post("/contracts", &body)
        }
        Contracts::List {
            chain,
            standard,
            all,
        } => {
            let filters = [
                ("chain", chain),
                ("standard", standard),
                ("registered", (!all).then(|| "true".to_owned())),
            ];
            let filters: Vec<String> = (filters.into_iter())
                .filter_map(|(name, value)| Some(format!("{name}={}", path_segment(&value?))))
                .collect();
            Call::get(format!("/contracts?{}", filters.join("&")))
        }
        Contracts::Show { contract } => Call::get(path(&contract)),
        Contracts::Verify {
            contract,
            accept,
            abi,
        } => {
            let mut body = json!({ "accept": accept });
            add_abi(&mut body, abi.as_deref())?;
            Call::post(format!("{}/verify", path(&contract)), &body)
        }
    })
}

fn path(contract: &str) -> String {
    format!("/contracts/{}", path_segment(contract))
}

fn add_abi(body: &mut Value, file: Option<&Path>) -> Result<()> {
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        body["abi"] = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_list_shows_registered_contracts_unless_all_are_wanted() {
        let list = |all| Contracts::List {
            chain: Some("eip155:1".to_owned()),
            standard: None,
            all,
        };
        let path = |all| call(list(all)).unwrap().path;
        assert_eq!(path(false), "/contracts?chain=eip155:1&registered=true");
        assert_eq!(path(true), "/contracts?chain=eip155:1");
    }

    #[test]
    fn a_registration_has_only_what_is_given() {
        let register = Contracts::Register {
            name: "token".to_owned(),
            address: "0x1".to_owned(),
            chain: None,
            abi: None,
            standards: Vec::new(),
        };
        let (body, _) = call(register).unwrap().body.unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        let expected = json!({ "name": "token", "address": "0x1", "chain": null });
        assert_eq!(body, expected);
    }
}
