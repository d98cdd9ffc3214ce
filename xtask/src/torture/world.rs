//! The world of an engine's rounds: a node, a database, the processes, and the judges that stand
//! outside.

use super::load::{ATTEMPT, Order, Town};
use super::miner::Miner;
use super::plan::Mood;
use super::process::Process;
use super::receiver::Receiver;
use super::{Engine, report::Figures};
use crate::run;
use crate::stage::api::{Api, text};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testkit::anvil::Anvil;
use testkit::postgres::{Cluster, Options as ClusterOptions};

/// How long a lease lasts: whoever is stopped for longer is succeeded.
pub(super) const LEASE_MS: u64 = 2_000;
/// Nothing that must happen takes longer, on a busy machine too: a stopped process may hold rows
/// until the database gives it up after 15 seconds, and a wait for a submission looks by itself
/// only every 30.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// Blocks above a final one.
pub(super) const DEPTH: u64 = 5;
const DATABASE: &str = "torture";

/// A time in which some process may have broken off what it was doing.
pub(super) type Break = (Instant, Instant);

pub(super) struct World {
    pub(super) engine: Engine,
    pub(super) node: Arc<Anvil>,
    pub(super) miner: Miner,
    pub(super) processes: Vec<Process>,
    pub(super) town: Arc<Town>,
    pub(super) signers: Vec<String>,
    /// Whom steps of the task call.
    pub(super) counter: Receiver,
    /// Whom subscriptions tell.
    pub(super) listener: Receiver,
    /// Everything that was asked for and answered.
    pub(super) orders: Vec<Order>,
    pub(super) breaks: Vec<Break>,
    pub(super) figures: Figures,
    cluster: Option<Cluster>,
    florin: PathBuf,
    folder: TempDir,
}

impl World {
    /// A database with its first key, and processes that are ready.
    pub(super) fn open(engine: Engine, florin: &Path) -> Result<Self, String> {
        let node = Arc::new(crate::stage::node()?);
        let folder = tempfile::Builder::new()
            .prefix("florin-torture-")
            .tempdir()
            .map_err(|error| error.to_string())?;
        let cluster = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(
                Cluster::start(&ClusterOptions::default())
                    .map_err(|_| "PostgreSQL is not installed".to_owned())?,
            ),
        };
        let url = cluster
            .as_ref()
            .map(|cluster| cluster.create_database(DATABASE));
        let config = write_config(folder.path(), url.as_deref(), &node)?;
        let made = run::read(
            Command::new(florin)
                .arg("--config")
                .arg(&config)
                .args(["init", "--json"]),
        )?;
        let made: Value =
            serde_json::from_str(&made).map_err(|error| format!("{made}: {error}"))?;
        let mut processes: Vec<Process> = (0..engine.processes())
            .map(|number| Process::new(number, florin, &config, folder.path()))
            .collect();
        processes.iter_mut().try_for_each(Process::start)?;
        let api = |process: &Process| {
            Ok(Api {
                address: process.address.clone(),
                key: text(&made, "apiKey")?,
                patience: ATTEMPT,
            })
        };
        let apis = processes.iter().map(api).collect::<Result<_, String>>()?;
        let abi = testkit::artifact("DemoToken").abi;
        Ok(Self {
            engine,
            miner: Miner::start(&node),
            node,
            processes,
            town: Arc::new(Town {
                apis,
                token: String::new(),
                abi,
            }),
            signers: Vec::new(),
            counter: Receiver::by("idempotency-key"),
            listener: Receiver::by("florin-delivery"),
            orders: Vec::new(),
            breaks: Vec::new(),
            figures: Figures::default(),
            cluster,
            florin: florin.to_owned(),
            folder,
        })
    }

    /// A file in the world's folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Keep the folder with the logs; where it is.
    pub(super) fn keep(self) -> PathBuf {
        let Self {
            folder, processes, ..
        } = self;
        drop(processes);
        folder.keep()
    }

    /// Ask any process that answers.
    pub(super) fn get(&self, path: &str) -> Result<Value, String> {
        let mut last = Err("nobody was asked".to_owned());
        for turn in 0..20 * self.town.apis.len() {
            last = self.town.apis[turn % self.town.apis.len()].get(path);
            if last.is_ok() {
                return last;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        last
    }

    /// Every item of a listing.
    pub(super) fn list(&self, path: &str) -> Result<Vec<Value>, String> {
        const PAGE: usize = 200;
        let (mut all, joint) = (Vec::new(), if path.contains('?') { '&' } else { '?' });
        loop {
            let page = self.get(&format!("{path}{joint}limit={PAGE}&skip={}", all.len()))?;
            let items = page["items"].as_array().cloned().unwrap_or_default();
            let is_last = items.len() < PAGE;
            all.extend(items);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Who holds each partition, and under which epoch, as the database itself says.
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

    /// Start again whoever is dead; how many.
    pub(super) fn restart_dead(&mut self) -> Result<u64, String> {
        let mut count = 0;
        for process in &mut self.processes {
            if !process.is_alive() {
                process.kill()?;
                process.start()?;
                count += 1;
            }
        }
        self.figures.restarts += count;
        Ok(count)
    }

    /// The receivers answer everything from now on.
    pub(super) fn calm(&self) {
        self.counter.be(Mood::Well);
        self.listener.be(Mood::Well);
    }

    /// End every process, and let the verifier read what they left behind.
    pub(super) fn verify(&mut self) -> Result<Value, String> {
        self.processes.iter_mut().try_for_each(Process::kill)?;
        let seals =
            std::fs::read_to_string(self.file("seals.jsonl")).map_err(|error| error.to_string())?;
        let first: Value = serde_json::from_str(seals.lines().next().ok_or("nothing was sealed")?)
            .map_err(|error| error.to_string())?;
        let mut verify = Command::new(&self.florin);
        verify.arg("--config").arg(self.file("florin.toml")).args([
            "verify",
            "--json",
            "--key",
            &text(&first, "key")?,
        ]);
        // It fails where it finds problems, and tells them all the same.
        let output = verify.output().map_err(|error| error.to_string())?;
        let complaint = || String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_slice(&output.stdout)
            .map_err(|_| format!("the verifier: {}", complaint().trim()))
    }
}

fn write_config(folder: &Path, url: Option<&str>, node: &Anvil) -> Result<PathBuf, String> {
    let at = |name: &str| folder.join(name).display().to_string();
    let store = match url {
        None => format!("engine = \"sqlite\"\npath = \"{}\"", at("florin.db")),
        Some(url) => format!("engine = \"postgres\"\nurl = \"{url}\""),
    };
    let config = format!(
        "[store]\n{store}\nlease_ms = {LEASE_MS}\n[secrets]\nfile = \"{}\"\n[seal]\nexport = \"{}\"\nkey_file = \"{}\"\n\
         interval_ms = 200\n[outbound]\nallow = [\"127.0.0.1\"]\n[submit]\nshards = 2\nretry_ms = 100\nresubmit_ms = 2000\n\
         [workflow]\nshards = 2\n{}",
        at("passphrase"),
        at("seals.jsonl"),
        at("seal.key"),
        crate::stage::chain_settings(node, DEPTH),
    );
    let path = folder.join("florin.toml");
    std::fs::write(&path, config).map_err(|error| error.to_string())?;
    Ok(path)
}
