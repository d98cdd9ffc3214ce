//! One process of the installation: started, told what happens at its places, signalled, read.

use crate::stage::api::is_ready;
use std::fs;
use std::path::{Path, PathBuf};
use testkit::{Leash, Tether, free_port, wait_until};

/// A process of the dev profile on a busy machine is ready within this.
const READY_MS: u64 = 60_000;
/// What a process says when its commit was refused, or its lease was seen to be another's.
const REFUSED: [&str; 2] = ["a commit was refused", "lost its lease"];

/// A process, running or not.
pub(super) struct Process {
    /// From 0.
    pub(super) number: usize,
    /// `127.0.0.1:PORT`.
    pub(super) address: String,
    /// What it says.
    pub(super) log: PathBuf,
    florin: PathBuf,
    config: PathBuf,
    orders: PathBuf,
    leash: Option<Leash>,
}

impl Process {
    pub(super) fn new(number: usize, florin: &Path, config: &Path, folder: &Path) -> Self {
        Self {
            number,
            address: format!("127.0.0.1:{}", free_port()),
            log: folder.join(format!("florin-{number}.log")),
            florin: florin.to_owned(),
            config: config.to_owned(),
            orders: folder.join(format!("orders-{number}")),
            leash: None,
        }
    }

    /// Start it, and wait until it takes requests.
    pub(super) fn start(&mut self) -> Result<(), String> {
        let environment = [
            (
                "FLORIN_FAIL".to_owned(),
                format!("@{}", self.orders.display()).into(),
            ),
            (
                "FLORIN__SERVER__LISTEN".to_owned(),
                self.address.clone().into(),
            ),
        ];
        let tether = Tether {
            log: Some(self.log.clone()),
            environment: environment.to_vec(),
            ..Tether::default()
        };
        let arguments = [
            "--config".as_ref(),
            self.config.as_os_str(),
            "serve".as_ref(),
        ];
        let leash = Leash::start(&tether, self.florin.as_os_str(), &arguments)
            .map_err(|error| error.to_string())?;
        self.leash = Some(leash);
        let mut alive = true;
        let ready = wait_until(READY_MS, || {
            alive = self.is_alive();
            !alive || is_ready(&self.address)
        });
        if ready && alive {
            Ok(())
        } else {
            Err(format!(
                "{} does not start: see {}",
                self.name(),
                self.log.display()
            ))
        }
    }

    pub(super) fn name(&self) -> String {
        format!("process {}", self.number)
    }

    pub(super) fn is_alive(&mut self) -> bool {
        self.leash.as_mut().is_some_and(Leash::is_alive)
    }

    /// kill -9, and wait until it is gone.
    pub(super) fn kill(&mut self) -> Result<(), String> {
        self.disarm();
        self.leash
            .take()
            .map_or(Ok(()), Leash::kill)
            .map_err(|error| error.to_string())
    }

    /// Stop it as it stands (SIGSTOP), or let it go on (SIGCONT).
    pub(super) fn signal(&self, name: &str) -> Result<(), String> {
        self.leash
            .as_ref()
            .map_or(Ok(()), |leash| leash.signal(name))
            .map_err(|error| error.to_string())
    }

    /// Say what happens at its places from now on.
    pub(super) fn arm(&self, orders: &str) -> Result<(), String> {
        let new = self.orders.with_extension("new");
        fs::write(&new, orders)
            .and_then(|()| fs::rename(&new, &self.orders))
            .map_err(|error| error.to_string())
    }

    /// Nothing happens at its places from now on.
    pub(super) fn disarm(&self) {
        let _ = fs::remove_file(&self.orders);
    }

    /// How much it has said so far.
    pub(super) fn said(&self) -> usize {
        fs::metadata(&self.log).map_or(0, |log| usize::try_from(log.len()).unwrap_or(0))
    }

    /// What it says from a place of its log on.
    pub(super) fn says_from(&self, start: usize) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(log.get(start..).unwrap_or_default()).into_owned()
    }

    /// Whether it says, from a place of its log on, that what it did as an owner was refused.
    pub(super) fn was_refused(&self, start: usize) -> bool {
        let log = self.says_from(start);
        REFUSED.iter().any(|words| log.contains(words))
    }

    /// Whether a commit itself was refused, rather than the loss seen before it.
    pub(super) fn commit_was_refused(&self, start: usize) -> bool {
        self.says_from(start).contains(REFUSED[0])
    }

    /// The last epoch under which it said to hold a partition, for each.
    pub(super) fn holdings(&self) -> Vec<(String, i64)> {
        let log = self.says_from(0);
        let mut found = std::collections::BTreeMap::new();
        for line in log.lines().filter(|line| line.contains(" holds ")) {
            let field = |name: &str| {
                let rest = line.split_once(&format!("{name}="))?.1;
                Some(rest.split_whitespace().next()?.trim_matches('"').to_owned())
            };
            if let (Some(partition), Some(Ok(epoch))) =
                (field("partition"), field("epoch").map(|e| e.parse()))
            {
                found.insert(partition, epoch);
            }
        }
        found.into_iter().collect()
    }
}
