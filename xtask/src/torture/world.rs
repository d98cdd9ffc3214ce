//! The world of the rounds: a node, a database, the processes, and the receivers outside.

use super::load::{ATTEMPT_TIMEOUT, Order, Target};
use super::miner::Miner;
use super::plan::ReceiverMode;
use super::process::Process;
use super::receiver::Receiver;
use super::{Engine, report::Counts};
use crate::harness::api::{Api, text};
use crate::run;
use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testkit::anvil::Anvil;
use testkit::postgres::{Cluster, Options as ClusterOptions};

/// Lease time: a process that is stopped for longer loses its partitions.
pub(super) const LEASE_MS: u64 = 2_000;
/// Timeout of every wait, on a busy machine too: a stopped process may hold row locks until the
/// database ends its connection after 15 seconds, and a run polls its submission only every 30.
pub(super) const TIMEOUT_MS: u64 = 120_000;
/// Finality depth.
pub(super) const DEPTH: u64 = 5;
const DATABASE: &str = "torture";

/// A period in which a process may have been interrupted.
pub(super) type Interruption = (Instant, Instant);

pub(super) struct World {
    pub(super) engine: Engine,
    pub(super) node: Arc<Anvil>,
    pub(super) miner: Miner,
    pub(super) processes: Vec<Process>,
    pub(super) target: Arc<Target>,
    pub(super) signers: Vec<String>,
    /// Receives the calls of task steps.
    pub(super) http_receiver: Receiver,
    /// Receives the deliveries of subscriptions.
    pub(super) webhook_receiver: Receiver,
    /// All orders that have a response.
    pub(super) orders: Vec<Order>,
    pub(super) interruptions: Vec<Interruption>,
    pub(super) counts: Counts,
    cluster: Option<Cluster>,
    florin: PathBuf,
    folder: TempDir,
}

impl World {
    /// Create the database and the first API key, and start the processes.
    pub(super) fn open(engine: Engine, florin: &Path) -> Result<Self> {
        let node = Arc::new(crate::harness::node()?);
        let folder = tempfile::Builder::new()
            .prefix("florin-torture-")
            .tempdir()?;
        let cluster = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(
                Cluster::start(&ClusterOptions::default())
                    .ok()
                    .context("PostgreSQL is not installed")?,
            ),
        };
        let url = cluster
            .as_ref()
            .map(|cluster| cluster.create_database(DATABASE));
        let config = write_config(folder.path(), url.as_deref(), &node)?;
        let output = run::read(
            Command::new(florin)
                .arg("--config")
                .arg(&config)
                .args(["init", "--json"]),
        )?;
        let output: Value = serde_json::from_str(&output).context(output)?;
        let mut processes: Vec<Process> = (0..engine.processes())
            .map(|number| Process::new(number, florin, &config, folder.path()))
            .collect();
        processes.iter_mut().try_for_each(Process::start)?;
        let api = |process: &Process| {
            Ok(Api {
                address: process.address.clone(),
                key: text(&output, "apiKey")?,
                timeout: ATTEMPT_TIMEOUT,
            })
        };
        let apis = processes.iter().map(api).collect::<Result<_>>()?;
        let abi = testkit::artifact("DemoToken").abi;
        Ok(Self {
            engine,
            miner: Miner::start(&node),
            node,
            processes,
            target: Arc::new(Target {
                apis,
                token: String::new(),
                abi,
            }),
            signers: Vec::new(),
            http_receiver: Receiver::start("idempotency-key"),
            webhook_receiver: Receiver::start("florin-delivery"),
            orders: Vec::new(),
            interruptions: Vec::new(),
            counts: Counts::default(),
            cluster,
            florin: florin.to_owned(),
            folder,
        })
    }

    /// A file in the folder of the world.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Keep the folder with the logs. Returns its path.
    pub(super) fn keep_folder(self) -> PathBuf {
        let Self {
            folder, processes, ..
        } = self;
        drop(processes);
        folder.keep()
    }

    /// Send a request to any process that responds.
    pub(super) fn get(&self, path: &str) -> Result<Value> {
        let mut last = Err(anyhow!("no request was sent"));
        for attempt in 0..20 * self.target.apis.len() {
            last = self.target.apis[attempt % self.target.apis.len()].get(path);
            if last.is_ok() {
                return last;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        last
    }

    /// Every item of a list, over all pages.
    pub(super) fn list(&self, path: &str) -> Result<Vec<Value>> {
        const PAGE: usize = 200;
        let (mut all, separator) = (Vec::new(), if path.contains('?') { '&' } else { '?' });
        loop {
            let page = self.get(&format!("{path}{separator}limit={PAGE}&skip={}", all.len()))?;
            let items = page["items"].as_array().cloned().unwrap_or_default();
            let is_last = items.len() < PAGE;
            all.extend(items);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// The epoch of each partition, read from the database.
    pub(super) fn epochs(&self) -> Vec<(String, i64)> {
        let Some(cluster) = &self.cluster else {
            return Vec::new();
        };
        let rows = cluster.psql(DATABASE, "SELECT partition, epoch FROM partition_head");
        let row = |line: &str| {
            line.split_once('|')
                .and_then(|(name, epoch)| Some((name.to_owned(), epoch.parse().ok()?)))
        };
        rows.lines().filter_map(row).collect()
    }

    /// Restart dead processes. Returns their number.
    pub(super) fn restart_dead(&mut self) -> Result<u64> {
        let mut count = 0;
        for process in &mut self.processes {
            if !process.is_alive() {
                process.kill()?;
                process.start()?;
                count += 1;
            }
        }
        self.counts.restarts += count;
        Ok(count)
    }

    /// Let the receivers respond normally.
    pub(super) fn restore_receivers(&self) {
        self.http_receiver.set_mode(ReceiverMode::Normal);
        self.webhook_receiver.set_mode(ReceiverMode::Normal);
    }

    /// Kill every process and run the verifier on the database.
    pub(super) fn verify(&mut self) -> Result<Value> {
        self.processes.iter_mut().try_for_each(Process::kill)?;
        let tree_heads = std::fs::read_to_string(self.file("tree-heads.jsonl"))?;
        let first = tree_heads.lines().next();
        let first: Value = serde_json::from_str(first.context("no tree head was exported")?)?;
        let mut verify = Command::new(&self.florin);
        verify.arg("--config").arg(self.file("florin.toml")).args([
            "verify",
            "--json",
            "--key",
            &text(&first, "key")?,
        ]);
        // It exits with an error if it finds problems, and prints the report in either case.
        let output = verify.output()?;
        let stderr_text = || String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("verifier: {}", stderr_text().trim()))
    }
}

fn write_config(folder: &Path, url: Option<&str>, node: &Anvil) -> Result<PathBuf> {
    let path_text = |name: &str| folder.join(name).display().to_string();
    let store = match url {
        None => format!("engine = \"sqlite\"\npath = \"{}\"", path_text("florin.db")),
        Some(url) => format!("engine = \"postgres\"\nurl = \"{url}\""),
    };
    let config = format!(
        "[store]\n{store}\nlease_ms = {LEASE_MS}\n[secrets]\nfile = \"{}\"\n[tree_head]\nexport = \"{}\"\nkey_file = \"{}\"\n\
         interval_ms = 200\n[outbound]\nallow = [\"127.0.0.1\"]\n[submit]\nshards = 2\nretry_backoff_ms = 100\nrebroadcast_ms = 2000\n\
         [workflow]\nshards = 2\n{}",
        path_text("passphrase"),
        path_text("tree-heads.jsonl"),
        path_text("tree-head.key"),
        crate::harness::chain_settings(node, DEPTH),
    );
    let path = folder.join("florin.toml");
    std::fs::write(&path, config)?;
    Ok(path)
}
