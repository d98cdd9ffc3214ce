//! With the feature a process waits, fails or aborts at a fail point. Each case runs this test
//! binary as a child process.
#![cfg(feature = "fail-points")]
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "the child process of a test")]

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

fn output(child: Child) -> (bool, String) {
    let output = child.wait_with_output().unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

/// The child process: passes one fail point and prints the outcome.
#[tokio::test]
#[allow(clippy::print_stdout)]
async fn child() {
    if std::env::var_os("FAIL_CHILD").is_some() {
        let outcome = point("here").await;
        println!("continued: {outcome:?}");
    }
}

#[test]
fn abort_and_error_affect_only_their_fail_point() {
    let (succeeded, text) = output(spawn("here:abort"));
    assert!(!succeeded && !text.contains("continued"), "{text}");
    let (succeeded, text) = output(spawn("there:abort, here:error"));
    assert!(
        succeeded && text.contains("continued: Err(Injected)"),
        "{text}"
    );
    let (succeeded, text) = output(spawn("there:abort"));
    assert!(succeeded && text.contains("continued: Ok(())"), "{text}");
    let (succeeded, text) = output(spawn("here:hodl:x"));
    assert!(
        !succeeded && !text.contains("continued"),
        "malformed text is not ignored: {text}"
    );
}

#[test]
fn a_held_process_waits_for_the_go_file() {
    let file = std::env::temp_dir().join(format!("florin-fail-{}", std::process::id()));
    let with_suffix =
        |suffix: &str| std::path::PathBuf::from(format!("{}.{suffix}", file.display()));
    let mut held = spawn(&format!("here:hold:{}", file.display()));
    while !with_suffix("held").exists() {
        assert!(
            held.try_wait().unwrap().is_none(),
            "it ended before it was held"
        );
        std::thread::yield_now();
    }
    assert!(held.try_wait().unwrap().is_none());
    std::fs::write(with_suffix("go"), []).unwrap();
    let (succeeded, text) = output(held);
    assert!(succeeded && text.contains("continued: Ok(())"), "{text}");
    std::fs::remove_file(with_suffix("held")).unwrap();
    std::fs::remove_file(with_suffix("go")).unwrap();
}

#[test]
fn actions_are_read_from_a_file() {
    let file = std::env::temp_dir().join(format!("florin-fail-file-{}", std::process::id()));
    let named = file.display();
    let (succeeded, text) = output(spawn(&format!("@{named}")));
    assert!(
        succeeded && text.contains("continued: Ok(())"),
        "no file, no action: {text}"
    );
    std::fs::write(&file, format!("here:error:{named}\n")).unwrap();
    let (succeeded, text) = output(spawn(&format!("@{named}")));
    assert!(
        succeeded && text.contains("continued: Err(Injected)"),
        "{text}"
    );
    std::fs::remove_file(format!("{named}.failed")).unwrap();
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn the_text_lists_actions_by_fail_point() {
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
