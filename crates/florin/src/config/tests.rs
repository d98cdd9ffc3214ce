//! The reference configuration, overrides, and rejected settings.
#![allow(clippy::unwrap_used)]

use super::*;

fn load(text: &str, env: &[(&str, &str)]) -> Result<Config, Error> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let env = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(Some(file.path()), env)
}

#[test]
fn the_reference_is_the_default_and_complete() {
    let config = Config::load(None, std::iter::empty()).unwrap();
    assert!(config.server.listen.ip().is_loopback());
    assert!(!config.keys.allow_export);
    assert_eq!(config.store.engine, Engine::Sqlite);
    // Loading fails if the reference lacks a setting that the code reads: no setting has a default
    // of its own.
    assert!(config.chains.is_empty());
}

/// Assert that a section of the reference equals the defaults of the engine.
fn assert_defaults(section: &str, engine_defaults: impl serde::Serialize) {
    let reference = parse("the default configuration", DEFAULT).unwrap();
    assert_eq!(
        reference[section],
        Value::try_from(engine_defaults).unwrap(),
        "[{section}]"
    );
}

#[test]
fn the_reference_lists_every_setting_of_every_engine_with_its_default() {
    assert_defaults("policy", policy::Settings::default());
    assert_defaults("keys", keys::Settings::default());
    assert_defaults("submit", submit::Settings::default());
    assert_defaults("contracts", contracts::Settings::default());
    assert_defaults("workflow", workflow::Settings::default());
    assert_defaults("streams", streams::Settings::default());
}

/// Every setting of the reference by the name of its environment variable.
fn collect_names(table: &Table, prefix: &str, names: &mut Vec<(String, Value)>) {
    for (name, value) in table {
        let path = format!("{prefix}__{}", name.to_uppercase());
        match value {
            Value::Table(inner) if !inner.is_empty() => collect_names(inner, &path, names),
            value => names.push((path, value.clone())),
        }
    }
}

#[test]
fn the_environment_overrides_every_setting() {
    let mut all = Vec::new();
    collect_names(
        &parse("the default configuration", DEFAULT).unwrap(),
        "FLORIN",
        &mut all,
    );
    assert!(
        all.len() > 70
            && all
                .iter()
                .any(|(name, _)| name == "FLORIN__POLICY__LIMITS__THREADS"),
        "{}",
        all.len()
    );
    for (name, value) in all {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        load("", &[(&name, &text)]).unwrap_or_else(|error| panic!("{name}={text}: {error}"));
    }
    let config = load(
        "",
        &[
            ("FLORIN__POLICY__LIMITS__THREADS", "7"),
            ("FLORIN__STREAMS__IN_FLIGHT", "99"),
        ],
    )
    .unwrap();
    assert_eq!(
        (config.policy.limits.threads, config.streams.in_flight),
        (7, 99)
    );
}

#[test]
fn an_invalid_setting_is_rejected_by_name() {
    for (text, setting) in [
        ("[policy.limits]\nthreads = 0", "policy.limits.threads"),
        ("[policy.limits]\nthread = 1", "policy.limits.thread"),
        (
            "[policy.envelope]\nfee_percent = 99",
            "policy.envelope.fee_percent",
        ),
        (
            "[policy.cancel_envelope]\nsignatures = 0",
            "policy.cancel_envelope.signatures",
        ),
        (
            "[policy.envelope]\nmax_total_fee = {}",
            "policy.envelope.max_total_fee",
        ),
        (
            "[submit]\nin_flight_per_lane = 0",
            "submit.in_flight_per_lane",
        ),
        (
            "[submit]\nin_flight_per_lane = \"many\"",
            "submit.in_flight_per_lane",
        ),
        ("[submit]\nretry_backoff_ms = -1", "submit.retry_backoff_ms"),
        ("[workflow]\nshards = 0", "workflow.shards"),
        (
            "[workflow]\nexpressions_per_namespace = 9",
            "workflow.expressions_per_namespace",
        ),
        (
            "[streams]\nin_flight_per_namespace = 100",
            "streams.in_flight_per_namespace",
        ),
        ("[server]\nconcurrency = 0", "server.concurrency"),
        ("[store]\nlease_ms = 10", "store.lease_ms"),
    ] {
        let error = load(text, &[]).unwrap_err().to_string();
        assert!(error.contains(setting), "{text}: {error}");
    }
}

#[test]
fn the_blocks_per_turn_of_a_chain_are_those_that_the_index_accepts() {
    let load_with = |blocks: &str| {
        let chain = "[[chains]]\npreset = \"anvil\"\nnumber = 1\nurl = \"http://127.0.0.1:1\"";
        load(&format!("{chain}\nblocks_per_turn = {blocks}"), &[])
    };
    let (min, max) = index::BLOCKS_PER_TURN.into_inner();
    for blocks in [min, max] {
        let config = load_with(&blocks.to_string()).unwrap();
        assert_eq!(config.chains[0].index.blocks_per_turn, blocks);
    }
    for blocks in ["-1", "0", &(max + 1).to_string(), "\"many\""] {
        let error = load_with(blocks).unwrap_err().to_string();
        assert!(
            error.contains("blocks_per_turn: expected 1 to 1000"),
            "{error}"
        );
    }
}

#[test]
fn unknown_settings_are_rejected_by_name() {
    let error = load("[server]\nlisten_on = \"x\"", &[])
        .unwrap_err()
        .to_string();
    assert!(error.contains("listen_on"), "{error}");
    let error = load("", &[("FLORIN__SERVER__LISTEN_ON", "x")])
        .unwrap_err()
        .to_string();
    assert!(error.contains("server.listen_on"), "{error}");
    let error = load(
        "[[chains]]\npreset = \"anvil\"\nnumber = 1\nurl = \"http://127.0.0.1:1\"\nstrat = 0",
        &[],
    )
    .unwrap_err();
    assert!(error.to_string().contains("strat"), "{error}");
}

#[test]
fn the_environment_overrides_the_file() {
    let config = load(
        "[server]\nlisten = \"127.0.0.1:1\"\n[submit]\nin_flight_per_lane = 3",
        &[
            ("FLORIN__SERVER__LISTEN", "127.0.0.1:2"),
            ("FLORIN__SUBMIT__IN_FLIGHT_PER_LANE", "5"),
            ("FLORIN__LOG__FILTER", "1"),
        ],
    )
    .unwrap();
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.submit.in_flight_per_lane, 5);
    assert_eq!(config.log.filter, "1");
}

#[test]
fn secrets_are_redacted() {
    let chain = "[[chains]]\npreset = \"anvil\"\nnumber = 31337\nurl = \"http://user:hunter2@127.0.0.1:1\"\n";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), chain).unwrap();
    let env = [(
        "FLORIN__STORE__URL".to_owned(),
        "postgresql://florin:hunter2@db/x".to_owned(),
    )];
    let text = render(Some(file.path()), env.clone().into_iter())
        .unwrap()
        .to_string();
    assert!(!text.contains("hunter2"), "{text}");
    let config = Config::load(Some(file.path()), env.into_iter()).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}
