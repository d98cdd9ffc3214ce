//! Child processes never outlive the test process.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use testkit::{ChildOptions, ChildProcess, wait_until};

const VICTIM: &str = "FLORIN_TESTKIT_VICTIM";

fn is_running(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

fn sleeper(options: &ChildOptions) -> ChildProcess {
    ChildProcess::start(options, OsStr::new("sleep"), &["1000"]).unwrap()
}

#[test]
fn dropping_ends_the_child_and_removes_its_directory() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("remove");
    std::fs::create_dir(&directory).unwrap();
    let mut child = sleeper(&ChildOptions {
        remove: Some(directory.clone()),
        ..ChildOptions::default()
    });
    let pid = child.pid();
    assert!(child.is_alive() && is_running(pid));
    drop(child);
    assert!(!is_running(pid));
    assert!(!directory.exists());
}

#[test]
fn a_child_that_has_ended_is_not_alive() {
    let mut child =
        ChildProcess::start(&ChildOptions::default(), OsStr::new("true"), &[""; 0]).unwrap();
    assert!(wait_until(10_000, || !child.is_alive()));
    let mut missing = ChildProcess::start(
        &ChildOptions::default(),
        OsStr::new("/no/such/program"),
        &[""; 0],
    )
    .unwrap();
    assert!(wait_until(10_000, || !missing.is_alive()));
}

#[test]
fn the_output_of_the_child_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let options = ChildOptions {
        log: Some(log.clone()),
        environment: vec![("WORD".into(), "florin".into())],
        ..ChildOptions::default()
    };
    let mut child = ChildProcess::start(
        &options,
        OsStr::new("sh"),
        &["-c", "echo $WORD; echo $0 >&2"],
    )
    .unwrap();
    assert!(wait_until(10_000, || !child.is_alive()));
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "florin\nsh\n");
}

#[test]
fn signals_stop_continue_and_kill_the_child() {
    let child = sleeper(&ChildOptions::default());
    let pid = child.pid();
    let state = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
    };
    child.signal("STOP").unwrap();
    assert!(wait_until(10_000, || state() == 'T'));
    child.signal("CONT").unwrap();
    assert!(wait_until(10_000, || state() == 'S'));
    child.kill().unwrap();
    assert!(!is_running(pid));
}

/// Not a test of its own: the process that the next test kills.
#[test]
fn victim() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    let child = sleeper(&ChildOptions::default());
    println!("\nchild {}", child.pid());
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    std::mem::forget(child);
}

#[test]
fn a_killed_test_process_ends_its_children() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["child::victim", "--exact", "--nocapture"])
        .env(VICTIM, "1");
    let mut victim = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let child = lines
        .find_map(|line| {
            line.strip_prefix("child ")
                .map(|pid| pid.parse::<u32>().unwrap())
        })
        .unwrap();
    assert!(is_running(child));
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert!(wait_until(10_000, || !is_running(child)));
}
