//! The metrics at `/metrics`.

use crate::installation::{Process, on_each_engine};
use serde_json::json;
use testkit::http::{Server, ServerReply, send};
use testkit::{wait_until, workspace_root};

fn scrape(process: &Process) -> String {
    let answer = send(&process.address, "GET", "/metrics", &[], &[]).unwrap();
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// Every metric that the documentation lists.
fn documented_metrics() -> Vec<String> {
    let text = std::fs::read_to_string(workspace_root().join("docs/metrics.md")).unwrap();
    let rows = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `florin_")?.split_once(['`', '{']));
    rows.map(|(name, _)| format!("florin_{name}")).collect()
}

#[test]
fn metrics_count_outcomes_of_runs_and_deliveries() {
    on_each_engine(|installation| {
        let hook = Server::with_handler(|_| ServerReply::status(500));
        // No node listens here.
        let chains = r#"[{ preset = "anvil", number = 31337, url = "http://127.0.0.1:9" }]"#;
        let environment = [
            ("FLORIN__OUTBOUND__ALLOW", "[\"127.0.0.1\"]"),
            ("FLORIN__CHAINS", chains),
        ];
        let process = installation.try_serve(&environment).unwrap();
        let signer = json!({ "name": "w", "kind": "org", "secret": { "kind": "privateKey", "key": format!("{:064x}", 7), "chain": "eip155:31337" } });
        installation.request_ok(&process, "POST", "/wallets", &signer);
        let key =
            installation.request_ok(&process, "GET", "/wallets/w/keys", &serde_json::Value::Null);
        let pay = json!({ "chain": "eip155:31337", "signer": key["items"][0]["address"], "to": format!("0x{:040x}", 9) });
        installation.request_ok(&process, "POST", "/submissions", &pay);
        let delivery = json!({ "type": "webhook", "url": hook.url("/hook") });
        installation.request_ok(
            &process,
            "POST",
            "/subscriptions",
            &json!({ "name": "hook", "delivery": delivery }),
        );
        installation.request_ok(&process, "PUT", "/tasks/t", &json!({}));
        let template = |text: &str| json!({ "name": "a", "type": "jsonata_template", "options": { "template": text } });
        installation.request_ok(
            &process,
            "POST",
            "/tasks/t/versions",
            &json!({ "steps": [template("1")] }),
        );
        installation.request_ok(&process, "POST", "/tasks/t/runs", &json!({ "input": {} }));
        installation.request_ok(
            &process,
            "POST",
            "/tasks/t/versions",
            &json!({ "steps": [template("$error('no')")] }),
        );
        installation.request_ok(&process, "POST", "/tasks/t/runs", &json!({ "input": {} }));
        let expected = [
            r#"florin_steps_total{type="jsonata_template",outcome="done"} 1"#,
            r#"florin_steps_total{type="jsonata_template",outcome="failed"} 1"#,
            r#"florin_runs_ended_total{state="succeeded"} 1"#,
            r#"florin_runs_ended_total{state="failed"} 1"#,
            r#"florin_runs{state="waiting"} 0"#,
            "florin_runs_due 0",
            "florin_dead_letters 0",
            r#"florin_lane_depth{chain="eip155:31337"} 1"#,
            r#"florin_submissions{chain="eip155:31337",state="mined"} 0"#,
        ];
        let missing = || {
            expected
                .iter()
                .filter(|line| !scrape(&process).contains(**line))
                .collect::<Vec<_>>()
        };
        assert!(
            wait_until(30_000, || missing().is_empty()),
            "{:?} not in\n{}",
            missing(),
            scrape(&process)
        );
        // The receiver rejects deliveries: they wait.
        let is_failed = || scrape(&process).contains("florin_deliveries_total{outcome=\"failed\"}");
        assert!(wait_until(30_000, is_failed), "{}", scrape(&process));
        let is_waiting = || {
            let text = scrape(&process);
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("florin_deliveries_waiting "));
            line.is_some_and(|count| count.parse::<u64>().is_ok_and(|count| count > 0))
        };
        assert!(wait_until(30_000, is_waiting), "{}", scrape(&process));
        // Histograms have the declared buckets, and each metric its help.
        for line in [
            "# HELP florin_commit_seconds duration of a transaction",
            "# TYPE florin_commit_seconds histogram",
            r#"florin_commit_seconds_bucket{le="0.0001"}"#,
            r#"florin_request_seconds_bucket{method="POST",route="/api/v1/wallets",le="30"} 1"#,
            r#"florin_rpc_failures_total{chain="eip155:31337",reason="unanswered"}"#,
            "# TYPE florin_delivery_seconds histogram",
            "# TYPE florin_rpc_seconds histogram",
        ] {
            let text = scrape(&process);
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        // Every metric is documented, and none has a namespace label.
        let text = scrape(&process);
        assert!(!text.contains("namespace="), "{text}");
        let known = documented_metrics();
        for name in text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        {
            assert!(
                known.iter().any(|known| known == name),
                "{name} is not in docs/metrics.md"
            );
        }
        process.stop();
    });
}
