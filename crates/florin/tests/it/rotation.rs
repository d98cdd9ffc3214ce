//! A new data key and another passphrase, from the command line, through crashes, in all processes.

use crate::house::{House, Process, on_each_engine, read};
use serde_json::{Value, json};
use testkit::http::Server;
use testkit::{http::Answer, postgres, wait_until};

const WALLETS: usize = 40;

/// Something sealed of each kind.
fn furnish(house: &House, process: &Process, webhook: &str) {
    for number in 1..=WALLETS {
        let secret = json!({ "kind": "privateKey", "key": format!("0x{number:064x}"), "chain": "eip155:31337" });
        house.good(
            process,
            "POST",
            "/wallets",
            &json!({ "name": format!("w{number}"), "kind": "org", "secret": secret }),
        );
    }
    house.good(
        process,
        "PUT",
        "/variable-sets/bank",
        &json!({ "variables": { "token": "tok-1" } }),
    );
    let hook = json!({ "name": "hook", "filter": { "types": ["wallet.*"] }, "delivery": { "type": "webhook", "url": webhook } });
    house.good(process, "POST", "/subscriptions", &hook);
}

/// Everything opens that was sealed.
fn all_opens(house: &House, process: &Process) {
    let set = house.good(process, "GET", "/variable-sets/bank", &Value::Null);
    assert_eq!(set["variables"]["token"], "tok-1");
}

/// How many secrets there are under each data key, judged by their bytes from outside.
fn versions(house: &House) -> Vec<u32> {
    let database = house.database.as_ref().expect("PostgreSQL");
    let sql =
        "SELECT DISTINCT get_byte(s, 4) FROM (SELECT secret s FROM wallet UNION ALL SELECT sealed FROM variable_set
               UNION ALL SELECT sealed FROM subscription UNION ALL SELECT sealed FROM policy_key) x ORDER BY 1";
    database
        .psql(sql)
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect()
}

fn keyring(house: &House, process: &Process) -> Value {
    house.good(process, "GET", "/keyring", &Value::Null)
}

#[test]
fn a_rotation_that_is_killed_is_finished_by_the_next_process_and_seals_everything_anew() {
    on_each_engine(|house| {
        let hook = Server::answering(|_| Answer::json(&json!({})));
        let allow = [("FLORIN__OUTBOUND__ALLOW", "[\"127.0.0.1\"]")];
        let process = house.try_serve(&allow).unwrap();
        furnish(&house, &process, &hook.url("/hook"));
        let begun = house.json(&[
            "key",
            "rotate",
            "--detach",
            "--json",
            "--url",
            &process.url(),
        ]);
        assert_eq!(
            (begun["version"].as_u64(), begun["state"].as_str()),
            (Some(2), Some("sealing"))
        );
        process.kill();

        let process = house.try_serve(&allow).unwrap();
        all_opens(&house, &process);
        let done = wait_until(60_000, || {
            keyring(&house, &process)["rotation"]["state"] == "done"
        });
        assert!(
            done,
            "{}\n{}",
            keyring(&house, &process),
            read(&process.log)
        );
        let over = keyring(&house, &process);
        assert_eq!(over["version"], 2);
        assert_eq!(over["rotation"]["broken"], 0);
        assert!(over["rotation"]["resealed"].as_u64().unwrap() <= WALLETS as u64 + 3);
        assert!(
            over["keys"][0]["retired"].is_string() && over["keys"][1]["retired"].is_null(),
            "{over}"
        );

        let next = house.json(&["key", "rotate", "--json", "--url", &process.url()]);
        assert_eq!(
            (next["version"].as_u64(), next["state"].as_str()),
            (Some(3), Some("done"))
        );
        assert_eq!(
            next["resealed"].as_u64(),
            Some(WALLETS as u64 + 3),
            "wallets, policy key, variables, subscription"
        );
        all_opens(&house, &process);
        if house.database.is_some() {
            assert_eq!(versions(&house), [3]);
        }
        // A webhook is signed with what was sealed anew, by a process that began after it.
        process.kill();
        let process = house.try_serve(&allow).unwrap();
        house.good(
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
fn another_process_opens_what_was_sealed_under_a_key_that_it_does_not_know_yet() {
    let Some(database) = postgres::fresh_database() else {
        return;
    };
    let house = House::new(Some(database), "");
    let (one, other) = (house.serve(), house.serve());
    house.good(
        &one,
        "PUT",
        "/variable-sets/bank",
        &json!({ "variables": { "token": "tok-1" } }),
    );
    all_opens(&house, &other);
    house.json(&["key", "rotate", "--detach", "--json", "--url", &one.url()]);
    house.good(
        &one,
        "PUT",
        "/variable-sets/bank",
        &json!({ "variables": { "token": "tok-1" } }),
    );
    assert!(wait_until(10_000, || house
        .ask(&other, "GET", "/variable-sets/bank", &Value::Null)
        .status
        == 200));
    all_opens(&house, &other);
    house.good(
        &other,
        "PUT",
        "/variable-sets/more",
        &json!({ "variables": { "a": "b" } }),
    );
    let set = "SELECT get_byte(sealed, 4) FROM variable_set WHERE name = 'more'";
    assert_eq!(house.database.as_ref().unwrap().psql(set).trim(), "2");
}

#[test]
fn another_passphrase_opens_everything_and_an_interrupted_change_is_finished() {
    on_each_engine(|house| {
        let process = house.serve();
        house.good(
            &process,
            "PUT",
            "/variable-sets/bank",
            &json!({ "variables": { "token": "tok-1" } }),
        );
        process.stop();
        let (file, next) = (house.path("passphrase"), house.path("passphrase.new"));
        let old = read(&file);
        assert!(house.run(&["key", "passphrase"]).status.success());
        let new = read(&file);
        assert!(old != new && !next.exists());
        let process = house.serve();
        all_opens(&house, &process);
        process.stop();

        // As after a crash between the wrapping and the new file's being put in place.
        std::fs::rename(&file, &next).unwrap();
        std::fs::copy(&next, &file).unwrap();
        std::fs::write(&file, &old).unwrap();
        let refused = house
            .try_serve(&[])
            .err()
            .expect("the old passphrase does not open");
        assert!(refused.contains("florin key passphrase"), "{refused}");
        let finished = house.run(&["key", "passphrase"]);
        assert!(
            finished.status.success(),
            "{}",
            String::from_utf8_lossy(&finished.stderr)
        );
        assert_eq!((read(&file), next.exists()), (new, false));
        let process = house.serve();
        all_opens(&house, &process);
        process.stop();
    });
}

#[test]
fn only_operators_rotate() {
    on_each_engine(|house| {
        let made = house.json(&["init", "--namespace", "tenant", "--json"]);
        let tenant = House {
            key: made["apiKey"].as_str().unwrap().to_owned(),
            ..house
        };
        let process = tenant.serve();
        for (method, path) in [("GET", "/keyring"), ("POST", "/keyring/rotate")] {
            let answer = tenant.ask(&process, method, path, &Value::Null);
            assert_eq!(answer.status, 403);
            assert!(String::from_utf8_lossy(&answer.body).contains("api.operators"));
        }
        let refused = tenant.run(&["key", "rotate", "--url", &process.url()]);
        assert!(!refused.status.success());
        process.stop();
    });
}
