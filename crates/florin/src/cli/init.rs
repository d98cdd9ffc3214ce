//! `florin init`: secrets, database, a namespace and its first API key. Doing it again makes only
//! what is missing.

use crate::cli::show;
use crate::clock::OsEntropy;
use crate::config::{Config, SecretSource};
use crate::{engines, secrets};
use clap::Args;
use types::{ChainId, Kind, Namespace, Principal, Role};

#[derive(Args)]
pub(crate) struct Options {
    /// The namespace to make.
    #[arg(long, default_value = "default")]
    namespace: Namespace,
    /// The chain that is meant where none is named; the first that is configured if nothing is
    /// said.
    #[arg(long)]
    chain: Option<ChainId>,
    /// Give the new API key these roles instead of reader, operator, controller and admin.
    #[arg(long, value_delimiter = ',')]
    roles: Vec<Role>,
    /// Issue an API key although the namespace is there already.
    #[arg(long)]
    new_key: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(config: Config, options: Options) -> Result<(), String> {
    if config.secrets.from == SecretSource::File {
        secrets::make(&config.secrets.file, &OsEntropy)?;
    }
    secrets::make(&config.seal.key_file, &OsEntropy)?;
    let engines = engines::build(&config).await?;
    let who = Principal::system("init", options.namespace.clone());
    let first = config.chains.first().map(|chain| chain.node.chain());
    let chain = options.chain.or(first);
    let made =
        api::access::create_namespace(&engines.db, &engines.lease, &who, &options.namespace, chain)
            .await
            .map_err(|error| error.to_string())?;
    let issued = if made || options.new_key {
        Some(issue(&engines, &who, options.roles).await?)
    } else {
        None
    };
    let answer = serde_json::json!({
        "namespace": options.namespace, "created": made, "apiKey": issued, "url": format!("http://{}", config.server.listen),
    });
    engines
        .db
        .release(&engines.lease)
        .await
        .map_err(|error| error.to_string())?;
    show::answer(&answer, options.json)
}

/// An API key for a person; what it shows is never seen again.
async fn issue(
    engines: &engines::Engines,
    who: &Principal,
    roles: Vec<Role>,
) -> Result<String, String> {
    let all = vec![Role::Reader, Role::Operator, Role::Controller, Role::Admin];
    let roles = if roles.is_empty() { all } else { roles };
    let new = api::access::NewApiKey {
        name: "admin".to_owned(),
        kind: Kind::Person,
        roles,
        expires: None,
    };
    let issued = api::access::issue(&engines.db, &engines.lease, who, new)
        .await
        .map_err(|error| error.to_string())?;
    Ok(issued.secret)
}
