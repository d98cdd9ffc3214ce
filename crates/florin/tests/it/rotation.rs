//! Rotation of the data key and change of the passphrase: command line, crashes, several processes.

use crate::installation::{Installation, Process, on_each_engine, read};
use serde_json::{Value, json};
use testkit::http::Server;
use testkit::{http::ServerReply, postgres, wait_until};

const WALLETS: usize = 40;

/// Create secrets of every kind.
fn create_secrets(installation: &Installation, process: &Process, webhook: &str) {
    for number in 1..=WALLETS {
        let secret = json!({ "kind": "privateKey", "key": format!("0x{number:064x}"), "chain": "eip155:31337" });
        installation.request_ok(
            process,
            "POST",
            "/wallets",
            &json!({ "name": format!("w{number}"), "kind": "org", "secret": secret }),
        );
    }
    installation.request_ok(
        process,
        "PUT",
        "/variable-sets/bank",
        &json!({ "variables": { "token": "tok-1" } }),
    );
    let hook = json!({ "name": "hook", "filter": { "types": ["wallet.*"] }, "delivery": { "type": "webhook", "url": webhook } });
    installation.request_ok(process, "POST", "/subscriptions", &hook);
}

/// Assert that secrets can be decrypted.
fn assert_decryptable(installation: &Installation, process: &Process) {
    let set = installation.request_ok(process, "GET", "/variable-sets/bank", &Value::Null);
    assert_eq!(set["variables"]["token"], "tok-1");
}

/// The data key versions in use, read from the ciphertexts in the database.
fn key_versions(installation: &Installation) -> Vec<u32> {
    let database = installation.database.as_ref().expect("PostgreSQL");
    let sql =
        "SELECT DISTINCT get_byte(s, 4) FROM (SELECT secret s FROM wallet UNION ALL SELECT encrypted FROM variable_set
               UNION ALL SELECT encrypted FROM subscription UNION ALL SELECT encrypted FROM policy_key) x ORDER BY 1";
    database
        .psql(sql)
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect()
}

fn keyring(installation: &Installation, process: &Process) -> Value {
    installation.request_ok(process, "GET", "/keyring", &Value::Null)
}

#[test]
fn a_killed_rotation_is_completed_by_the_next_process() {
    on_each_engine(|installation| {
        let hook = Server::with_handler(|_| ServerReply::json(&json!({})));
        let allow = [("FLORIN__OUTBOUND__ALLOW", "[\"127.0.0.1\"]")];
        let process = installation.try_serve(&allow).unwrap();
        create_secrets(&installation, &process, &hook.url("/hook"));
        let rotation = installation.json(&[
            "key",
            "rotate",
            "--detach",
            "--json",
            "--url",
            &process.url(),
        ]);
        assert_eq!(
            (rotation["version"].as_u64(), rotation["state"].as_str()),
            (Some(2), Some("reencrypting"))
        );
        process.kill();

        let process = installation.try_serve(&allow).unwrap();
        assert_decryptable(&installation, &process);
        let done = wait_until(60_000, || {
            keyring(&installation, &process)["rotation"]["state"] == "done"
        });
        assert!(
            done,
            "{}\n{}",
            keyring(&installation, &process),
            read(&process.log)
        );
        let keyring_view = keyring(&installation, &process);
        assert_eq!(keyring_view["version"], 2);
        assert_eq!(keyring_view["rotation"]["broken"], 0);
        assert!(keyring_view["rotation"]["reencrypted"].as_u64().unwrap() <= WALLETS as u64 + 3);
        assert!(
            keyring_view["keys"][0]["retired"].is_string()
                && keyring_view["keys"][1]["retired"].is_null(),
            "{keyring_view}"
        );

        let next = installation.json(&["key", "rotate", "--json", "--url", &process.url()]);
        assert_eq!(
            (next["version"].as_u64(), next["state"].as_str()),
            (Some(3), Some("done"))
        );
        assert_eq!(
            next["reencrypted"].as_u64(),
            Some(WALLETS as u64 + 3),
            "wallets, policy key, variables, subscription"
        );
        assert_decryptable(&installation, &process);
        if installation.database.is_some() {
            assert_eq!(key_versions(&installation), [3]);
        }
        // A process started after the rotation signs webhooks with the re-encrypted secret.
        process.kill();
        let process = installation.try_serve(&allow).unwrap();
        installation.request_ok(
            &process,
            "POST",
            "/wallets",
            &json!({ "name": "late", "kind": "org", "metadata": {} }),
        );
        assert!(wait_until(30_000, || hook.requests().iter().any(|call| {
            String::from_utf8_lossy(&call.body).contains("wallet.created")
        })));
        process.stop();
    });
}

#[test]
fn a_process_decrypts_secrets_under_a_data_key_it_has_not_loaded_yet() {
    let Some(database) = postgres::fresh_database() else {
        return;
    };
    let installation = Installation::new(Some(database), "");
    let (first, second) = (installation.serve(), installation.serve());
    installation.request_ok(
        &first,
        "PUT",
        "/variable-sets/bank",
        &json!({ "variables": { "token": "tok-1" } }),
    );
    assert_decryptable(&installation, &second);
    installation.json(&["key", "rotate", "--detach", "--json", "--url", &first.url()]);
    installation.request_ok(
        &first,
        "PUT",
        "/variable-sets/bank",
        &json!({ "variables": { "token": "tok-1" } }),
    );
    assert!(wait_until(10_000, || installation
        .request(&second, "GET", "/variable-sets/bank", &Value::Null)
        .status
        == 200));
    assert_decryptable(&installation, &second);
    installation.request_ok(
        &second,
        "PUT",
        "/variable-sets/more",
        &json!({ "variables": { "a": "b" } }),
    );
    let set = "SELECT get_byte(encrypted, 4) FROM variable_set WHERE name = 'more'";
    assert_eq!(
        installation.database.as_ref().unwrap().psql(set).trim(),
        "2"
    );
}

#[test]
fn the_passphrase_can_be_changed_and_an_interrupted_change_is_completed() {
    on_each_engine(|installation| {
        let process = installation.serve();
        installation.request_ok(
            &process,
            "PUT",
            "/variable-sets/bank",
            &json!({ "variables": { "token": "tok-1" } }),
        );
        process.stop();
        let (file, next) = (
            installation.path("passphrase"),
            installation.path("passphrase.new"),
        );
        let old = read(&file);
        assert!(installation.run(&["key", "passphrase"]).status.success());
        let new = read(&file);
        assert!(old != new && !next.exists());
        let process = installation.serve();
        assert_decryptable(&installation, &process);
        process.stop();

        // The state after a crash between re-wrapping the data keys and replacing the file.
        std::fs::rename(&file, &next).unwrap();
        std::fs::copy(&next, &file).unwrap();
        std::fs::write(&file, &old).unwrap();
        let refused = installation
            .try_serve(&[])
            .err()
            .expect("the old passphrase does not unlock the keyring");
        assert!(refused.contains("florin key passphrase"), "{refused}");
        let finished = installation.run(&["key", "passphrase"]);
        assert!(
            finished.status.success(),
            "{}",
            String::from_utf8_lossy(&finished.stderr)
        );
        assert_eq!((read(&file), next.exists()), (new, false));
        let process = installation.serve();
        assert_decryptable(&installation, &process);
        process.stop();
    });
}

#[test]
fn only_operators_rotate() {
    on_each_engine(|installation| {
        let output = installation.json(&["init", "--namespace", "tenant", "--json"]);
        let tenant = Installation {
            key: output["apiKey"].as_str().unwrap().to_owned(),
            ..installation
        };
        let process = tenant.serve();
        for (method, path) in [("GET", "/keyring"), ("POST", "/keyring/rotate")] {
            let answer = tenant.request(&process, method, path, &Value::Null);
            assert_eq!(answer.status, 403);
            assert!(String::from_utf8_lossy(&answer.body).contains("api.operators_only"));
        }
        let refused = tenant.run(&["key", "rotate", "--url", &process.url()]);
        assert!(!refused.status.success());
        process.stop();
    });
}
