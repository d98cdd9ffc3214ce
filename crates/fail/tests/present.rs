//! With the feature a process stops, fails and ends where it is told to. Each case is this test
//! itself in a child process.
#![cfg(feature = "fail-points")]
#![allow(clippy::unwrap_used)]

use fail::{Action, Injected, parse, point};
use std::process::{Child, Command, Stdio};

fn spawn(actions: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env("FLORIN_FAIL", actions)
        .env("FAIL_CHILD", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn said(child: Child) -> (bool, String) {
    let output = child.wait_with_output().unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

/// The child: passes one place, and says how.
#[tokio::test]
#[allow(clippy::print_stdout)]
async fn child() {
    if std::env::var_os("FAIL_CHILD").is_some() {
        let outcome = point("here").await;
        println!("went on: {outcome:?}");
    }
}

#[test]
fn it_ends_fails_and_leaves_other_places_alone() {
    let (well, text) = said(spawn("here:abort"));
    assert!(!well && !text.contains("went on"), "{text}");
    let (well, text) = said(spawn("there:abort, here:error"));
    assert!(well && text.contains("went on: Err(Injected)"), "{text}");
    let (well, text) = said(spawn("there:abort"));
    assert!(well && text.contains("went on: Ok(())"), "{text}");
    let (well, text) = said(spawn("here:hodl:x"));
    assert!(
        !well && !text.contains("went on"),
        "a text that cannot be read is no silent nothing: {text}"
    );
}

#[test]
fn it_holds_until_it_may_go() {
    let file = std::env::temp_dir().join(format!("florin-fail-{}", std::process::id()));
    let beside = |ending: &str| std::path::PathBuf::from(format!("{}.{ending}", file.display()));
    let mut held = spawn(&format!("here:hold:{}", file.display()));
    while !beside("held").exists() {
        assert!(
            held.try_wait().unwrap().is_none(),
            "it ended before it held"
        );
        std::thread::yield_now();
    }
    assert!(held.try_wait().unwrap().is_none());
    std::fs::write(beside("go"), []).unwrap();
    let (well, text) = said(held);
    assert!(well && text.contains("went on: Ok(())"), "{text}");
    std::fs::remove_file(beside("held")).unwrap();
    std::fs::remove_file(beside("go")).unwrap();
}

#[test]
fn a_file_says_it_to_a_process_that_runs() {
    let file = std::env::temp_dir().join(format!("florin-fail-file-{}", std::process::id()));
    let named = file.display();
    let (well, text) = said(spawn(&format!("@{named}")));
    assert!(
        well && text.contains("went on: Ok(())"),
        "no file, nothing happens: {text}"
    );
    std::fs::write(&file, format!("here:error:{named}\n")).unwrap();
    let (well, text) = said(spawn(&format!("@{named}")));
    assert!(well && text.contains("went on: Err(Injected)"), "{text}");
    std::fs::remove_file(format!("{named}.failed")).unwrap();
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn the_text_says_what_happens_where() {
    let parsed = parse("submit.signed:hold:/tmp/a:b, x:abort,y:error,").unwrap();
    assert_eq!(parsed["submit.signed"], Action::Hold("/tmp/a:b".into()));
    assert_eq!(
        (&parsed["x"], &parsed["y"]),
        (&Action::Abort, &Action::Error(None))
    );
    assert_eq!(
        parse("z:error:/tmp/c").unwrap()["z"],
        Action::Error(Some("/tmp/c".into()))
    );
    assert_eq!(parse("x"), Err("x".to_owned()));
    assert_eq!(parse("x:hold"), Err("x:hold".to_owned()));
    assert_eq!(Injected, Injected);
}
