//! `florin policy replay` asks page by page, and says how far it is. What a page judges, the
//! stories of `policy` tell.

use crate::house::on_each_engine;
use serde_json::json;

#[test]
fn a_replay_tells_programs_json_and_people_how_far_it_is() {
    on_each_engine(|house| {
        let process = house.serve();
        let url = process.url();
        let replayed = house.json(&["policy", "replay", "--json", "--url", &url]);
        assert_eq!(
            replayed,
            json!({ "judged": 0, "skipped": 0, "different": 0, "differences": [] })
        );
        let told = house.run(&["policy", "replay", "--url", &url]);
        let progress = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(
            told.status.success() && progress.contains("0 of 0 decisions"),
            "{progress}"
        );
        let unknown = house.run(&[
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
