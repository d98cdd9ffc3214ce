//! Child processes that never outlive the test process, even if it is killed.
//!
//! A child is started by a shell that holds the read end of a pipe. This process has the only write
//! end: when it ends for any reason, the kernel closes the pipe, the shell reads end of file, ends
//! the child and removes its directory.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Options of a child process.
#[derive(Debug, Clone, Default)]
pub struct ChildOptions {
    /// The signal that ends the child; `TERM` if empty. `KILL` follows ten seconds later.
    pub signal: &'static str,
    /// File for its output; discarded if `None`.
    pub log: Option<PathBuf>,
    /// A directory to remove after it has ended.
    pub remove: Option<PathBuf>,
    /// User and group to run as; requires root.
    pub user: Option<(u32, u32)>,
    /// Additional environment variables.
    pub environment: Vec<(String, OsString)>,
}

/// A running child process. Dropping it ends the child and waits for it.
#[derive(Debug)]
pub struct ChildProcess {
    shell: Child,
    pid: u32,
}

/// Arguments: signal, directory to remove or empty, log, command. File descriptor 3 is the pipe, 4
/// reports the pid; the child inherits neither. Runs in its own process group, so that Ctrl-C
/// reaches only the test, whose end closes the pipe.
const SCRIPT: &str = r#"
signal=$1; remove=$2; log=$3; shift 3
exec 3<&0 4>&1 >>"$log" 2>&1
"$@" </dev/null 3<&- 4>&- &
child=$!
echo "$child" >&4
exec 4>&-
{ while read -r _; do :; done <&3
  kill -s "$signal" "$child"
  tenths=0
  while [ "$tenths" -lt 100 ]; do sleep 0.1; tenths=$((tenths + 1)); done
  kill -s KILL "$child"; } &
watcher=$!
wait "$child"
code=$?
kill "$watcher"
if [ -n "$remove" ]; then rm -rf -- "$remove"; fi
exit "$code"
"#;

impl ChildProcess {
    /// Start `program` with `arguments`.
    ///
    /// # Errors
    /// If the shell cannot be started, or ends before it reports the pid. A program that cannot be
    /// run appears as a child that ended immediately ([`ChildProcess::is_alive`]).
    pub fn start<A: AsRef<OsStr>>(
        options: &ChildOptions,
        program: &OsStr,
        arguments: &[A],
    ) -> io::Result<Self> {
        let mut shell = shell(options, program, arguments).spawn()?;
        let pid = child_id(&mut shell)?;
        Ok(Self { shell, pid })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Send a signal by name: `STOP`, `CONT`, `KILL`. No effect if the child has ended.
    ///
    /// # Errors
    /// If no shell can be started.
    pub fn signal(&self, name: &str) -> io::Result<()> {
        let mut kill = Command::new("/bin/sh");
        kill.args([
            "-c",
            "kill -s \"$1\" \"$2\"",
            "kill",
            name,
            &self.pid.to_string(),
        ])
        .stderr(Stdio::null());
        kill.status().map(drop)
    }

    /// Kill the child without warning, like a power failure, and wait until it has ended.
    ///
    /// # Errors
    /// If no shell can be started.
    pub fn kill(mut self) -> io::Result<()> {
        self.signal("KILL")?;
        self.shell.wait().map(drop)
    }

    /// Whether the child is running.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.shell.try_wait(), Ok(None))
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // The shell ends within ten seconds. An error means that it has ended already.
        let _ = self.shell.wait();
    }
}

fn shell<A: AsRef<OsStr>>(options: &ChildOptions, program: &OsStr, arguments: &[A]) -> Command {
    let signal = if options.signal.is_empty() {
        "TERM"
    } else {
        options.signal
    };
    let or_default =
        |path: &Option<PathBuf>, default: &str| path.clone().unwrap_or_else(|| default.into());
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", SCRIPT, "leash", signal]);
    shell.args([
        or_default(&options.remove, ""),
        or_default(&options.log, "/dev/null"),
    ]);
    shell.arg(program).args(arguments);
    shell.envs(
        options
            .environment
            .iter()
            .map(|(name, value)| (name, value)),
    );
    shell.current_dir("/").process_group(0);
    shell
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some((user, group)) = options.user {
        shell.uid(user).gid(group);
    }
    shell
}

fn child_id(shell: &mut Child) -> io::Result<u32> {
    let mut line = String::new();
    if let Some(stdout) = shell.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    line.trim()
        .parse()
        .map_err(|_| io::Error::other("the shell ended before it had started the child"))
}
