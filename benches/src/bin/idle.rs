//! Idle cost: memory after a while with one indexed chain, and the time from start to ready on a
//! large database, also after kill -9. Runs the release binary as an operator would.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]
#![allow(clippy::disallowed_methods, reason = "a benchmark measures time")]

use benches::{Options, Report};
use clap::Parser as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Config, Db, Error, Fact, LeaseClock};
use testkit::anvil::{Anvil, Mining, Options as Node};
use testkit::{ManualClock, SeededEntropy, free_port, http};
use types::{Clock as _, Principal};

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let options = Options::parse();
    let (megabytes, idle) = if options.quick {
        (100, Duration::from_secs(15))
    } else {
        (1_024, Duration::from_secs(300))
    };
    let florin = PathBuf::from(
        std::env::var_os("FLORIN_BINARY").expect("FLORIN_BINARY names the release binary"),
    );
    let node = Anvil::start(&Node {
        mining: Mining::EverySeconds(1),
        ..Node::default()
    })
    .expect("anvil is installed");
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    write_config(folder.path(), port, &node);
    let initialized = Command::new(&florin)
        .args(["init", "--json"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(initialized.success(), "florin init");
    let size = fill(&folder.path().join("florin-data/florin.db"), megabytes).await;

    let mut report = Report::default();
    report.table(
        "idle: one chain indexed, embedded database",
        &["metric", "value"],
    );
    let (first_start, mut server) = start(&florin, folder.path(), port);
    std::thread::sleep(idle);
    let resident = resident_mb(server.id());
    server.kill().unwrap();
    server.wait().unwrap();
    let (start_after_kill, mut server) = start(&florin, folder.path(), port);
    server.kill().unwrap();
    server.wait().unwrap();
    for (name, value) in [
        ("database_mb", size),
        ("rss_mb", resident),
        ("start_ms", first_start.as_secs_f64() * 1e3),
        ("start_after_kill_ms", start_after_kill.as_secs_f64() * 1e3),
    ] {
        report.row(&[name.to_owned(), format!("{value:.0}")]);
        report.value(name, value);
    }
    report.finish();
}

fn write_config(folder: &Path, port: u16, node: &Anvil) {
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\n[[chains]]\npreset = \"anvil\"\nnumber = {}\nurl = \"{}\"\nstart = 0\nstore_all_events = true\n",
        node.chain_id(),
        node.url()
    );
    std::fs::write(folder.join("florin.toml"), text).unwrap();
}

/// Append facts until the file has the given size. Returns the size in megabytes.
async fn fill(path: &Path, megabytes: u64) -> f64 {
    let clock = Arc::new(ManualClock::default());
    let db = Db::open(
        Config::sqlite(path),
        clock.clone(),
        Arc::new(SeededEntropy::new(3)),
        LeaseClock::Injected,
    )
    .await
    .unwrap();
    let lease = db.lease("filler", 86_400_000).await.unwrap().unwrap();
    let namespace = testkit::namespace("default");
    let principal = Principal::system("filler", namespace);
    let size = || std::fs::metadata(path).map_or(0, |file| file.len()) / 1_048_576;
    while size() < megabytes {
        let principal = principal.clone();
        db.on(&lease)
            .write(&namespace, move |tx| {
                for number in 0..5_000u64 {
                    let payload = serde_json::json!({ "number": number, "text": "a fact of ordinary length, as most of them are" });
                    tx.append(Fact::new("bench.filled", 1).subject(&format!("thing:{number}"), 1).actor(&principal).payload(&payload));
                }
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
    let _ = clock.now();
    size() as f64
}

/// Start the server and wait until it is ready. Returns the time that took.
fn start(florin: &Path, folder: &Path, port: u16) -> (Duration, Child) {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .unwrap();
    let started = Instant::now();
    let server = Command::new(florin)
        .arg("serve")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let address = format!("127.0.0.1:{port}");
    let ready = || {
        http::send(&address, "GET", "/readyz", &[], &[]).is_ok_and(|answer| answer.status == 200)
    };
    let is_ready = testkit::wait_until(60_000, ready);
    assert!(
        is_ready,
        "not ready: {}",
        std::fs::read_to_string(folder.join("log")).unwrap()
    );
    (started.elapsed(), server)
}

/// Resident memory of a process in megabytes, from /proc.
fn resident_mb(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 1_024.0
}
