//! Children that never outlive the test that started them, not even one that is killed.
//!
//! A child is started by a shell that holds the reading end of a pipe. The writing end is ours
//! alone: when this process ends, by whatever cause, the kernel closes it, the shell reads the end
//! of its input, ends the child and removes what it is told to remove.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// How the child is held.
#[derive(Debug, Clone, Default)]
pub struct Tether {
    /// The signal that asks the child to end, such as `TERM` (the default when empty). `KILL`
    /// follows ten seconds later.
    pub signal: &'static str,
    /// Where its output goes; nowhere without one.
    pub log: Option<PathBuf>,
    /// A folder that is removed after it.
    pub remove: Option<PathBuf>,
    /// User and group to run as, for one who may change them.
    pub user: Option<(u32, u32)>,
    /// Environment variables beside the inherited ones.
    pub environment: Vec<(String, OsString)>,
}

/// A running child. Dropping it ends the child and waits for that.
#[derive(Debug)]
pub struct Leash {
    shell: Child,
    pid: u32,
}

/// Arguments: signal, folder to remove or nothing, log, then the command. File 3 is the pipe, file
/// 4 tells the child's id; the child inherits neither. Run as a group of its own, so that Ctrl-C
/// reaches only the test, and the pipe does the rest.
const SCRIPT: &str = r#"
signal=$1; junk=$2; log=$3; shift 3
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
if [ -n "$junk" ]; then rm -rf -- "$junk"; fi
exit "$code"
"#;

impl Leash {
    /// Start `program` with `arguments`.
    ///
    /// # Errors
    /// If the shell cannot be started, or ended before it told the child's id. A program that
    /// cannot be run shows as a child that ended at once ([`Leash::is_alive`]).
    pub fn start<A: AsRef<OsStr>>(
        tether: &Tether,
        program: &OsStr,
        arguments: &[A],
    ) -> io::Result<Self> {
        let mut shell = shell(tether, program, arguments).spawn()?;
        let pid = child_id(&mut shell)?;
        Ok(Self { shell, pid })
    }

    /// The child's process id, for signals.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Send the child a signal by its name: `STOP`, `CONT`, `KILL`. A child that has ended gets
    /// none.
    ///
    /// # Errors
    /// If there is no shell.
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

    /// Kill the child from one instruction to the next, as a power cut would, and wait until it is
    /// gone.
    ///
    /// # Errors
    /// If there is no shell.
    pub fn kill(mut self) -> io::Result<()> {
        self.signal("KILL")?;
        self.shell.wait().map(drop)
    }

    /// Whether the child still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.shell.try_wait(), Ok(None))
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // The shell ends by itself within ten seconds; that it cannot be waited for means that it
        // is gone.
        let _ = self.shell.wait();
    }
}

fn shell<A: AsRef<OsStr>>(tether: &Tether, program: &OsStr, arguments: &[A]) -> Command {
    let signal = if tether.signal.is_empty() {
        "TERM"
    } else {
        tether.signal
    };
    let or_default =
        |path: &Option<PathBuf>, default: &str| path.clone().unwrap_or_else(|| default.into());
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", SCRIPT, "leash", signal]);
    shell.args([
        or_default(&tether.remove, ""),
        or_default(&tether.log, "/dev/null"),
    ]);
    shell.arg(program).args(arguments);
    shell.envs(tether.environment.iter().map(|(name, value)| (name, value)));
    shell.current_dir("/").process_group(0);
    shell
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some((user, group)) = tether.user {
        shell.uid(user).gid(group);
    }
    shell
}

fn child_id(shell: &mut Child) -> io::Result<u32> {
    let mut line = String::new();
    if let Some(told) = shell.stdout.take() {
        BufReader::new(told).read_line(&mut line)?;
    }
    line.trim()
        .parse()
        .map_err(|_| io::Error::other("the shell ended before it had started the child"))
}
