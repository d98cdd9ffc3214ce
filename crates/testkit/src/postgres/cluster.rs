//! A private cluster: initialization, start, queries, end.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::{ChildOptions, ChildProcess, free_port, wait_until};

use super::{locale, programs};

/// Start attempts: another process may take the free port first.
const TRIES: u32 = 5;
/// A busy machine needs a few seconds.
const READY_MS: u64 = 60_000;
const USER: &str = "florin";

/// Options of a cluster.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether commits wait for the disk. Off for tests, which discard the cluster; must be on for
    /// benchmarks.
    pub fsync: bool,
    /// Parent directory of the data; default: the temporary directory. Benchmarks need one on a
    /// real disk.
    pub folder: Option<PathBuf>,
    pub max_connections: u32,
    /// Additional `postgresql.conf` settings.
    pub settings: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            fsync: false,
            folder: None,
            max_connections: 300,
            settings: Vec::new(),
        }
    }
}

impl Options {
    /// For benchmarks: `fsync` on.
    pub fn durable() -> Self {
        Self {
            fsync: true,
            ..Self::default()
        }
    }
}

/// PostgreSQL's server is not installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotInstalled;

/// A running cluster. Dropping it ends the server and removes its data.
#[derive(Debug)]
pub struct Cluster {
    port: u16,
    programs: PathBuf,
    child: ChildProcess,
}

impl Cluster {
    /// Initialize and start a cluster.
    ///
    /// # Errors
    /// [`NotInstalled`] if PostgreSQL is not installed.
    ///
    /// # Panics
    /// If it is installed and does not start; the message ends with the server's log.
    pub fn start(options: &Options) -> Result<Self, NotInstalled> {
        let programs = programs::directory().ok_or(NotInstalled)?;
        let mut log = String::new();
        for _ in 0..TRIES {
            match try_start(&programs, options) {
                Ok(cluster) => return Ok(cluster),
                Err(output) => log = output,
            }
        }
        panic!("postgres did not start, {TRIES} times: {log}")
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Create an empty database; returns its URL.
    ///
    /// # Panics
    /// If it exists.
    pub fn create_database(&self, name: &str) -> String {
        self.psql(
            "postgres",
            &format!("CREATE DATABASE {name} TEMPLATE template0"),
        );
        self.url(name)
    }

    /// Run SQL with `psql`: rows as text, unaligned, columns separated by `|`.
    ///
    /// # Panics
    /// If the statement fails.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let output = self.run_psql(database, sql);
        assert!(
            output.status.success(),
            "psql: {sql}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    pub(super) fn drop_database(&self, name: &str) {
        // A failed test may have ended the server; the data is removed with the cluster.
        let _ = self.run_psql(
            "postgres",
            &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        );
    }

    fn run_psql(&self, database: &str, sql: &str) -> Output {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .arg(self.url(database));
        psql.env_clear()
            .env("PATH", "/usr/bin:/bin")
            .output()
            .expect("psql is installed with postgres")
    }

    /// Wait until the server's lock file shows that it is ready, or the server ends.
    fn wait_ready(&mut self, folder: &Path) -> bool {
        let lock = folder.join("data/postmaster.pid");
        let ready = || {
            std::fs::read_to_string(&lock)
                .is_ok_and(|text| text.lines().nth(7).is_some_and(|l| l.trim() == "ready"))
        };
        let mut alive = true;
        wait_until(READY_MS, || {
            alive = self.child.is_alive();
            !alive || ready()
        }) && alive
    }
}

/// One start attempt; returns the server's log if it ended.
fn try_start(programs: &Path, options: &Options) -> Result<Cluster, String> {
    let user = programs::unprivileged_user();
    let folder = make_home(options, user);
    initialize(programs, folder.path(), user);
    configure(folder.path(), options);
    let log_path = folder.path().join("log");
    // Kept open: the directory is removed as soon as the server ends.
    let log = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&log_path)
        .expect("a log file can be created in a new directory");
    change_owner(&log_path, user);
    let port = free_port();
    let child = serve(programs, folder.path(), user, port);
    let folder = folder.keep();
    let mut cluster = Cluster {
        port,
        programs: programs.to_owned(),
        child,
    };
    if cluster.wait_ready(&folder) {
        return Ok(cluster);
    }
    drop(cluster);
    Err(std::io::read_to_string(log).unwrap_or_default())
}

/// A directory owned by the server's user. Under `/tmp` for root, whose own temporary directory may
/// not be accessible to other users.
fn make_home(options: &Options, user: Option<(u32, u32)>) -> TempDir {
    let default = if user.is_some() {
        PathBuf::from("/tmp")
    } else {
        std::env::temp_dir()
    };
    let parent = options.folder.clone().unwrap_or(default);
    let folder = tempfile::Builder::new()
        .prefix("florin-pg-")
        .tempdir_in(parent)
        .expect("a temporary directory can be created");
    change_owner(folder.path(), user);
    folder
}

fn change_owner(path: &Path, user: Option<(u32, u32)>) {
    if let Some((user, group)) = user {
        chown(path, Some(user), Some(group)).expect("root can change the owner of a file");
    }
}

fn initialize(programs: &Path, folder: &Path, user: Option<(u32, u32)>) {
    let mut initdb = Command::new(programs.join("initdb"));
    initdb
        .args([
            "-A",
            "trust",
            "--no-sync",
            "--no-instructions",
            "-E",
            "UTF8",
            "-U",
            USER,
            "-D",
        ])
        .arg(folder.join("data"));
    initdb.args(locale::arguments()).current_dir("/");
    if let Some((user, group)) = user {
        initdb.uid(user).gid(group);
    }
    let output = initdb.output().expect("initdb can be started");
    assert!(
        output.status.success(),
        "initdb: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn configure(folder: &Path, options: &Options) {
    let on_off = if options.fsync { "on" } else { "off" };
    let mut settings = vec![
        ("listen_addresses".to_owned(), "127.0.0.1".to_owned()),
        (
            "unix_socket_directories".to_owned(),
            folder.display().to_string(),
        ),
        (
            "max_connections".to_owned(),
            options.max_connections.to_string(),
        ),
        ("fsync".to_owned(), on_off.to_owned()),
        ("full_page_writes".to_owned(), on_off.to_owned()),
    ];
    settings.extend(options.settings.iter().cloned());
    let line =
        |(name, value): &(String, String)| format!("{name} = '{}'\n", value.replace('\'', "''"));
    let text: String = settings.iter().map(line).collect();
    let file = OpenOptions::new()
        .append(true)
        .open(folder.join("data/postgresql.conf"));
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .expect("initdb has written postgresql.conf");
}

fn serve(programs: &Path, folder: &Path, user: Option<(u32, u32)>, port: u16) -> ChildProcess {
    // QUIT: immediate shutdown without a checkpoint; this cluster is never started again.
    let options = ChildOptions {
        signal: "QUIT",
        log: Some(folder.join("log")),
        remove: Some(folder.to_owned()),
        user,
        ..ChildOptions::default()
    };
    let arguments = [
        "-D".into(),
        folder.join("data").into_os_string(),
        "-p".into(),
        OsString::from(port.to_string()),
    ];
    ChildProcess::start(&options, programs.join("postgres").as_os_str(), &arguments)
        .expect("a shell to start postgres is available")
}
