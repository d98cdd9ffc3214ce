//! The configuration: the commented defaults, overridden by the file, overridden by the
//! environment.

mod bounds;

use chain::evm::EvmConfig;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The reference configuration: every setting with its default.
pub(crate) const DEFAULT: &str = include_str!("../../florin.default.toml");
/// Prefix of environment variables that override a setting.
const ENV_PREFIX: &str = "FLORIN__";
/// Settings that are redacted in output.
const SECRET: [&str; 2] = ["store.url", "chains.url"];

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot read {path}: {why}")]
    Read { path: PathBuf, why: std::io::Error },
    #[error("{source_name} is not a valid configuration: {why}")]
    Parse { source_name: String, why: String },
    #[error("the environment sets {setting}, which is not a known setting")]
    Unknown { setting: String },
    #[error("{setting}: {why}")]
    Setting { setting: String, why: String },
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) store: Store,
    pub(crate) secrets: Secrets,
    pub(crate) tree_head: TreeHead,
    pub(crate) log: Log,
    pub(crate) trace: Trace,
    pub(crate) roles: Roles,
    pub(crate) policy: policy::Settings,
    pub(crate) keys: keys::Settings,
    pub(crate) submit: submit::Settings,
    pub(crate) contracts: contracts::Settings,
    pub(crate) workflow: workflow::Settings,
    pub(crate) streams: streams::Settings,
    pub(crate) outbound: Outbound,
    #[serde(default)]
    pub(crate) chains: Vec<Chain>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) listen: std::net::SocketAddr,
    pub(crate) body_limit_bytes: usize,
    pub(crate) concurrency: usize,
    pub(crate) request_timeout_ms: u64,
    pub(crate) shutdown_timeout_ms: u64,
    pub(crate) operators: types::Namespace,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    pub(crate) engine: Engine,
    pub(crate) path: PathBuf,
    pub(crate) url: String,
    pub(crate) writers: usize,
    pub(crate) readers: usize,
    pub(crate) lease_ms: u64,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("engine", &self.engine)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Secrets {
    pub(crate) source: SecretSource,
    pub(crate) file: PathBuf,
    pub(crate) env: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SecretSource {
    File,
    Env,
    Prompt,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TreeHead {
    pub(crate) enabled: bool,
    pub(crate) export: PathBuf,
    pub(crate) key_file: PathBuf,
    pub(crate) interval_ms: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) filter: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trace {
    pub(crate) endpoint: String,
    #[cfg_attr(
        not(feature = "otlp"),
        expect(dead_code, reason = "read by the exporter")
    )]
    pub(crate) sample_percent: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each role is switched independently"
)]
pub(crate) struct Roles {
    pub(crate) api: bool,
    pub(crate) index: bool,
    pub(crate) submit: bool,
    pub(crate) signer: bool,
    pub(crate) workflow: bool,
    pub(crate) streams: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outbound {
    pub(crate) allow: Vec<String>,
    pub(crate) connect_timeout_ms: u64,
}

/// An indexed chain: how the index reads it and how its node is reached.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    pub(crate) index: index::Settings,
    pub(crate) node: EvmConfig,
}

impl<'de> Deserialize<'de> for Chain {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let mut table = Table::deserialize(d)?;
        let start = match table.remove("start") {
            None => index::Start::Latest,
            Some(Value::String(text)) if text == "latest" => index::Start::Latest,
            Some(Value::Integer(height)) => index::Start::Height(
                u64::try_from(height)
                    .map_err(|_| D::Error::custom("start: a height must not be negative"))?,
            ),
            Some(_) => return Err(D::Error::custom("start: expected \"latest\" or a height")),
        };
        let store_all_events = match table.remove("store_all_events") {
            None => false,
            Some(Value::Boolean(store_all_events)) => store_all_events,
            Some(_) => return Err(D::Error::custom("store_all_events: expected true or false")),
        };
        let blocks_per_turn = match table.remove("blocks_per_turn") {
            None => 50,
            Some(value) => {
                let count = value.as_integer().and_then(|count| count.try_into().ok());
                let count = count.filter(|count| index::BLOCKS_PER_TURN.contains(count));
                count.ok_or_else(|| {
                    let (min, max) = index::BLOCKS_PER_TURN.into_inner();
                    D::Error::custom(format!("blocks_per_turn: expected {min} to {max}"))
                })?
            }
        };
        let node = Value::Table(table).try_into().map_err(D::Error::custom)?;
        let index = index::Settings {
            start,
            store_all_events,
            blocks_per_turn,
        };
        Ok(Self { index, node })
    }
}

impl Config {
    /// Merge the defaults, the file and the environment, in rising precedence, and check the
    /// result.
    pub(crate) fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        let merged = merge(file, env)?;
        let config: Self =
            serde_path_to_error::deserialize(Value::Table(merged.clone())).map_err(|error| {
                Error::Setting {
                    setting: error.path().to_string(),
                    why: error.inner().message().to_owned(),
                }
            })?;
        bounds::check(&merged)?;
        Ok(config)
    }
}

/// The environment of the process. Nothing else reads it.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment is part of the configuration"
)]
pub(crate) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars()
}

/// A variable that the configuration names.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment is part of the configuration"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The effective configuration, with secrets redacted.
pub(crate) fn render(
    file: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
) -> Result<Table, Error> {
    let mut table = merge(file, env)?;
    for path in SECRET {
        let names: Vec<&str> = path.split('.').collect();
        redact(&mut table, &names);
    }
    Ok(table)
}

fn redact(table: &mut Table, path: &[&str]) {
    let Some((name, rest)) = path.split_first() else {
        return;
    };
    match table.get_mut(*name) {
        Some(Value::Table(inner)) => redact(inner, rest),
        Some(Value::Array(items)) => {
            for item in items {
                if let Value::Table(inner) = item {
                    redact(inner, rest);
                }
            }
        }
        Some(Value::String(text)) if rest.is_empty() && !text.is_empty() => "•••".clone_into(text),
        _ => {}
    }
}

fn merge(file: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Result<Table, Error> {
    let mut table = parse("the default configuration", DEFAULT)?;
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|why| Error::Read {
            path: path.to_owned(),
            why,
        })?;
        merge_into(&mut table, parse(&path.display().to_string(), &text)?);
    }
    for (name, value) in env {
        if let Some(setting) = name.strip_prefix(ENV_PREFIX) {
            override_setting(&mut table, &setting.to_lowercase(), &value)?;
        }
    }
    Ok(table)
}

fn parse(source_name: &str, text: &str) -> Result<Table, Error> {
    // The message names line and column and never quotes the text, which may contain a secret.
    text.parse().map_err(|why: toml::de::Error| Error::Parse {
        source_name: source_name.to_owned(),
        why: why.message().to_owned(),
    })
}

fn merge_into(base: &mut Table, overlay: Table) {
    for (name, value) in overlay {
        match (base.get_mut(&name), value) {
            (Some(Value::Table(base)), Value::Table(overlay)) => merge_into(base, overlay),
            (_, value) => {
                base.insert(name, value);
            }
        }
    }
}

/// Override one setting: `server__listen` sets `server.listen`, `policy__limits__threads` sets
/// `policy.limits.threads`. The setting must exist in the reference. Lists are TOML; `chains` is
/// replaced as a whole.
fn override_setting(table: &mut Table, setting: &str, raw: &str) -> Result<(), Error> {
    let unknown = || Error::Unknown {
        setting: setting.replace("__", "."),
    };
    let parse_value = || {
        format!("value = {raw}")
            .parse::<Table>()
            .ok()
            .and_then(|mut table| table.remove("value"))
    };
    if setting == "chains" {
        let chains = parse_value().filter(Value::is_array).ok_or_else(unknown)?;
        table.insert(setting.to_owned(), chains);
        return Ok(());
    }
    let (sections, name) = setting.rsplit_once("__").ok_or_else(unknown)?;
    let inner = |table, name| Table::get_mut(table, name).and_then(Value::as_table_mut);
    let section = sections
        .split("__")
        .try_fold(table, inner)
        .ok_or_else(unknown)?;
    let current = section.get_mut(name).ok_or_else(unknown)?;
    // A text setting takes the value as is, even if it looks like a number.
    *current = match current {
        Value::String(_) => Value::String(raw.to_owned()),
        _ => parse_value().unwrap_or_else(|| Value::String(raw.to_owned())),
    };
    Ok(())
}

#[cfg(test)]
mod tests;
