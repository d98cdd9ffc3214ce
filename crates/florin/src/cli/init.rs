//! `florin init`: creates secrets, database, a namespace and its first API key. Running it again
//! creates only what is missing.

use crate::cli::output::Output;
use crate::clock::OsEntropy;
use crate::config::{Config, SecretSource};
use crate::{engines, key_files};
use anyhow::{Error, Result};
use clap::Args;
use types::{ChainId, Namespace, Principal, PrincipalKind, Role};

#[derive(Args)]
pub(crate) struct Options {
    /// Namespace to create.
    #[arg(long, default_value = "default")]
    namespace: Namespace,
    /// Default chain of the namespace; default: the first configured chain.
    #[arg(long)]
    chain: Option<ChainId>,
    /// Roles of the new API key; default: reader, operator, controller and admin.
    #[arg(long, value_delimiter = ',')]
    roles: Vec<Role>,
    /// Issue an API key even if the namespace exists.
    #[arg(long)]
    new_key: bool,
}

pub(crate) async fn run(config: &Config, options: Options, output: &Output) -> Result<()> {
    if config.secrets.source == SecretSource::File {
        key_files::create(&config.secrets.file, &OsEntropy).map_err(Error::msg)?;
    }
    key_files::create(&config.tree_head.key_file, &OsEntropy).map_err(Error::msg)?;
    let engines = engines::build(config).await?;
    let principal = Principal::system("init", options.namespace);
    let first = config.chains.first().map(|chain| chain.node.chain());
    let chain = options.chain.or(first);
    let created = api::access::create_namespace(
        &engines.db,
        &engines.lease,
        &principal,
        &options.namespace,
        chain,
    )
    .await?;
    if created && chain.is_none() {
        eprintln!(
            "warning: namespace {} has no default chain; set it with: \
             florin api PUT /namespaces/current '{{\"defaultChain\": \"eip155:1\"}}'",
            options.namespace
        );
    }
    let issued = if created || options.new_key {
        Some(issue_api_key(&engines, &principal, options.roles).await?)
    } else {
        None
    };
    let summary = serde_json::json!({
        "namespace": options.namespace, "created": created, "apiKey": issued, "url": format!("http://{}", config.server.listen),
    });
    engines.db.release(&engines.lease).await?;
    output.response(&summary, "")
}

/// Issue an API key for a person. Its secret is shown only once.
async fn issue_api_key(
    engines: &engines::Engines,
    principal: &Principal,
    roles: Vec<Role>,
) -> Result<String> {
    let all = vec![Role::Reader, Role::Operator, Role::Controller, Role::Admin];
    let roles = if roles.is_empty() { all } else { roles };
    let new = api::access::NewApiKey {
        name: "admin".to_owned(),
        kind: PrincipalKind::Person,
        roles,
        expires: None,
    };
    let issued = api::access::issue_api_key(&engines.db, &engines.lease, principal, new).await?;
    Ok(issued.secret)
}
