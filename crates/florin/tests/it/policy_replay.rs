//! `florin policy replay`: paging and progress. The evaluation itself is tested in `policy`.

use crate::installation::on_each_engine;
use serde_json::json;

#[test]
fn a_replay_prints_json_or_progress() {
    on_each_engine(|installation| {
        let process = installation.serve();
        let url = process.url();
        let replayed = installation.json(&["policy", "replay", "--json", "--url", &url]);
        assert_eq!(
            replayed,
            json!({ "evaluated": 0, "skipped": 0, "different": 0, "differences": [] })
        );
        let output = installation.run(&["policy", "replay", "--url", &url]);
        let progress = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success() && progress.contains("0 of 0 decisions"),
            "{progress}"
        );
        let unknown = installation.run(&[
            "policy",
            "replay",
            "--version",
            "polv:01J00000000000000000000000",
            "--url",
            &url,
        ]);
        assert!(!unknown.status.success());
        process.stop();
    });
}
