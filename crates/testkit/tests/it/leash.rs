//! No child outlives its test.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use testkit::{Leash, Tether, wait_until};

const VICTIM: &str = "FLORIN_TESTKIT_VICTIM";

fn runs(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

fn sleeper(tether: &Tether) -> Leash {
    Leash::start(tether, OsStr::new("sleep"), &["1000"]).unwrap()
}

#[test]
fn dropping_the_leash_ends_the_child_and_removes_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let junk = folder.path().join("junk");
    std::fs::create_dir(&junk).unwrap();
    let mut leash = sleeper(&Tether {
        remove: Some(junk.clone()),
        ..Tether::default()
    });
    let pid = leash.pid();
    assert!(leash.is_alive() && runs(pid));
    drop(leash);
    assert!(!runs(pid));
    assert!(!junk.exists());
}

#[test]
fn a_child_that_ends_by_itself_is_seen_to_have_ended() {
    let mut leash = Leash::start(&Tether::default(), OsStr::new("true"), &[""; 0]).unwrap();
    assert!(wait_until(10_000, || !leash.is_alive()));
    let mut missing =
        Leash::start(&Tether::default(), OsStr::new("/no/such/program"), &[""; 0]).unwrap();
    assert!(wait_until(10_000, || !missing.is_alive()));
}

#[test]
fn what_the_child_says_is_in_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let tether = Tether {
        log: Some(log.clone()),
        environment: vec![("WORD".into(), "florin".into())],
        ..Tether::default()
    };
    let mut leash = Leash::start(
        &tether,
        OsStr::new("sh"),
        &["-c", "echo $WORD; echo $0 >&2"],
    )
    .unwrap();
    assert!(wait_until(10_000, || !leash.is_alive()));
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "florin\nsh\n");
}

#[test]
fn a_child_can_be_stopped_continued_and_killed() {
    let leash = sleeper(&Tether::default());
    let pid = leash.pid();
    let state = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
    };
    leash.signal("STOP").unwrap();
    assert!(wait_until(10_000, || state() == 'T'));
    leash.signal("CONT").unwrap();
    assert!(wait_until(10_000, || state() == 'S'));
    leash.kill().unwrap();
    assert!(!runs(pid));
}

/// Not a test of its own: the process that the next one kills.
#[test]
fn victim() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    let child = sleeper(&Tether::default());
    println!("\nchild {}", child.pid());
    let mut nothing = String::new();
    std::io::stdin().read_line(&mut nothing).unwrap();
    std::mem::forget(child);
}

#[test]
fn a_test_process_that_is_killed_takes_its_children_along() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["leash::victim", "--exact", "--nocapture"])
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
    assert!(runs(child));
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert!(wait_until(10_000, || !runs(child)));
}
