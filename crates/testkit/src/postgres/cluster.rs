//! One private cluster: made, started, asked, ended.

use std::ffi::OsString;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::{Leash, Tether, free_port};

use super::{locale, programs};

/// Nobody else may have taken a free port more often than this in a row.
const TRIES: u32 = 5;
/// A busy machine starts a cluster in some seconds.
const READY_MS: u64 = 60_000;
/// The user that owns everything in the cluster.
const USER: &str = "florin";

/// How a cluster is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether a commit waits for the disk. Off for tests, which lose the cluster anyway; never off in a benchmark.
    pub fsync: bool,
    /// Where to put the data; the temporary folder without one. A benchmark wants a folder on a real disk.
    pub folder: Option<PathBuf>,
    /// How many may be connected.
    pub max_connections: u32,
    /// Further settings, as in `postgresql.conf`.
    pub settings: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { fsync: false, folder: None, max_connections: 300, settings: Vec::new() }
    }
}

impl Options {
    /// For benchmarks: commits wait for the disk.
    pub fn durable() -> Self {
        Self { fsync: true, ..Self::default() }
    }
}

/// PostgreSQL's server is not installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing;

/// A running cluster. Dropping it ends the server and removes its data.
#[derive(Debug)]
pub struct Cluster {
    port: u16,
    programs: PathBuf,
    leash: Leash,
}

impl Cluster {
    /// Make and start a cluster.
    ///
    /// # Errors
    /// [`Missing`] where PostgreSQL is not installed.
    ///
    /// # Panics
    /// If it is installed and does not start; the message ends with the server's log.
    pub fn start(options: &Options) -> Result<Self, Missing> {
        let programs = programs::folder().ok_or(Missing)?;
        let user = programs::other_than_root();
        let home = make_home(options, user);
        initialise(&programs, &home, user);
        configure(&home, options);
        for _ in 0..TRIES {
            let port = free_port();
            let leash = serve(&programs, &home, user, port);
            let mut cluster = Self { port, programs: programs.clone(), leash };
            if cluster.becomes_ready() {
                return Ok(cluster);
            }
            // Ending the leash removed the folder, unless the server never held the port.
            assert!(home.exists(), "postgres did not start");
        }
        panic!("postgres did not start on {TRIES} ports: {}", tail(&home))
    }

    /// The address of a database in this cluster.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process id, for faults.
    pub fn pid(&self) -> u32 {
        self.leash.pid()
    }
}
