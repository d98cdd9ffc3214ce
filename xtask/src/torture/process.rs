//! One process of the installation: start, fail point actions, signals, log.

use crate::harness::api::is_ready;
use anyhow::{Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use testkit::{ChildOptions, ChildProcess, free_port, wait_until};

/// Timeout for a process of the dev profile on a busy machine to become ready.
const READY_MS: u64 = 60_000;
/// Log event of a commit that was rejected because the lease was lost.
const COMMIT_REJECTED: &str = "commit.fenced";
/// Log event of a lease loss noticed before a commit.
const LEASE_LOST: &str = "lease.lost";
/// Log event of an acquired lease.
const LEASE_ACQUIRED: &str = "lease.acquired";

/// A process, running or not.
pub(super) struct Process {
    /// From 0.
    pub(super) number: usize,
    /// `127.0.0.1:PORT`.
    pub(super) address: String,
    pub(super) log: PathBuf,
    florin: PathBuf,
    config: PathBuf,
    actions: PathBuf,
    child: Option<ChildProcess>,
}

impl Process {
    pub(super) fn new(number: usize, florin: &Path, config: &Path, folder: &Path) -> Self {
        Self {
            number,
            address: format!("127.0.0.1:{}", free_port()),
            log: folder.join(format!("florin-{number}.log")),
            florin: florin.to_owned(),
            config: config.to_owned(),
            actions: folder.join(format!("fail-points-{number}")),
            child: None,
        }
    }

    /// Start it and wait until it is ready.
    pub(super) fn start(&mut self) -> Result<()> {
        let environment = [
            (
                "FLORIN_FAIL".to_owned(),
                format!("@{}", self.actions.display()).into(),
            ),
            (
                "FLORIN__SERVER__LISTEN".to_owned(),
                self.address.clone().into(),
            ),
        ];
        let options = ChildOptions {
            log: Some(self.log.clone()),
            environment: environment.to_vec(),
            ..ChildOptions::default()
        };
        let arguments = [
            "--config".as_ref(),
            self.config.as_os_str(),
            "serve".as_ref(),
        ];
        let child = ChildProcess::start(&options, self.florin.as_os_str(), &arguments)?;
        self.child = Some(child);
        let mut alive = true;
        let ready = wait_until(READY_MS, || {
            alive = self.is_alive();
            !alive || is_ready(&self.address)
        });
        ensure!(
            ready && alive,
            "{} did not start: see {}",
            self.name(),
            self.log.display()
        );
        Ok(())
    }

    pub(super) fn name(&self) -> String {
        format!("process {}", self.number)
    }

    pub(super) fn is_alive(&mut self) -> bool {
        self.child.as_mut().is_some_and(ChildProcess::is_alive)
    }

    /// Kill it (SIGKILL) and wait until it has exited.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.disarm();
        Ok(self.child.take().map_or(Ok(()), ChildProcess::kill)?)
    }

    /// Stop it (SIGSTOP) or resume it (SIGCONT).
    pub(super) fn signal(&self, name: &str) -> Result<()> {
        let signal = |child: &ChildProcess| child.signal(name);
        Ok(self.child.as_ref().map_or(Ok(()), signal)?)
    }

    /// Set the actions of its fail points.
    pub(super) fn arm(&self, actions: &str) -> Result<()> {
        let new = self.actions.with_extension("new");
        fs::write(&new, actions)?;
        Ok(fs::rename(&new, &self.actions)?)
    }

    /// Remove the actions of its fail points.
    pub(super) fn disarm(&self) {
        let _ = fs::remove_file(&self.actions);
    }

    /// The current length of its log.
    pub(super) fn log_length(&self) -> usize {
        fs::metadata(&self.log).map_or(0, |log| usize::try_from(log.len()).unwrap_or(0))
    }

    /// Its log from an offset on.
    pub(super) fn log_from(&self, start: usize) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(log.get(start..).unwrap_or_default()).into_owned()
    }

    /// Whether the log, from an offset on, reports a rejected commit or a lost lease.
    pub(super) fn lost_its_lease(&self, start: usize) -> bool {
        let log = self.log_from(start);
        log.contains(COMMIT_REJECTED) || log.contains(LEASE_LOST)
    }

    /// Whether the log, from an offset on, reports a rejected commit rather than a lost lease.
    pub(super) fn commit_was_rejected(&self, start: usize) -> bool {
        self.log_from(start).contains(COMMIT_REJECTED)
    }

    /// The last epoch of each partition that it acquired, according to its log.
    pub(super) fn acquired_leases(&self) -> Vec<(String, i64)> {
        let log = self.log_from(0);
        let mut epochs = std::collections::BTreeMap::new();
        for line in log.lines().filter(|line| line.contains(LEASE_ACQUIRED)) {
            let field = |name: &str| {
                let rest = line.split_once(&format!("{name}="))?.1;
                Some(rest.split_whitespace().next()?.trim_matches('"').to_owned())
            };
            if let (Some(partition), Some(Ok(epoch))) =
                (field("partition"), field("epoch").map(|e| e.parse()))
            {
                epochs.insert(partition, epoch);
            }
        }
        epochs.into_iter().collect()
    }
}
