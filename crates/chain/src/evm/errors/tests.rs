//! Every row of the table, ambiguous texts, and the answers of four real nodes to thirty cases.

use super::*;
use serde_json::Value;
use std::collections::BTreeMap;

fn any(code: i64, message: &str) -> RefusalClass {
    classify(Client::Any, &[], code, message)
}

fn at_besu(code: i64, message: &str) -> RefusalClass {
    classify(Client::Besu, &[], code, message)
}

#[test]
fn every_known_text_has_its_class() {
    for (class, texts) in [
        (
            RefusalClass::Known,
            &[
                "already known",
                "Known transaction",
                "Transaction with the same hash was already imported.",
                "transaction already imported",
                "transaction already in pool",
            ][..],
        ),
        (
            RefusalClass::ReplacementUnderpriced,
            &[
                "replacement transaction underpriced",
                "Replacement transaction underpriced",
            ],
        ),
        (
            RefusalClass::Underpriced,
            &[
                "transaction underpriced",
                "fee too low",
                "Gas price below configured minimum gas price",
            ],
        ),
        (
            RefusalClass::BelowBaseFee,
            &[
                "max fee per gas less than block base fee: address 0x…, maxFeePerGas: 1, baseFee: 7",
                "Gas price below current base fee",
            ],
        ),
        (
            RefusalClass::NonceUsed,
            &[
                "nonce too low: next nonce 1, tx nonce 0",
                "Nonce is too low",
            ],
        ),
        (
            RefusalClass::NonceAhead,
            &[
                "nonce too high",
                "nonce is too high",
                "Transaction nonce is too distant from current sender nonce",
                "nonce too far in the future",
                "tx nonce 9 exceeds next nonce 3",
                "nonce out of range",
                "tx-nonce-too-high",
                "gapped-nonce tx from delegated accounts",
                "in-flight transaction limit reached for delegated accounts",
            ],
        ),
        (
            RefusalClass::LowerNonceInvalid,
            &["An invalid transaction with a lower nonce exists"],
        ),
        (
            RefusalClass::Funds,
            &[
                "insufficient funds for gas * price + value: address 0x…",
                "insufficient funds for transfer",
                "Upfront cost exceeds account balance",
                "User cant pay the bills",
            ],
        ),
        (
            RefusalClass::GasLimit,
            &[
                "intrinsic gas too low",
                "exceeds block gas limit",
                "Transaction gas limit exceeds block gas limit",
            ],
        ),
        (
            RefusalClass::Size,
            &[
                "oversized data",
                "max initcode size exceeded",
                "rlp: value size exceeds available input length",
            ],
        ),
        (
            RefusalClass::PoolFull,
            &["txpool is full", "account limit exceeded"],
        ),
        (
            RefusalClass::Reserved,
            &[
                "address already reserved",
                "authority already reserved",
                "future transaction tries to replace pending transaction",
            ],
        ),
        (
            RefusalClass::Permission,
            &["Sender account not authorized to send transactions"],
        ),
        (
            RefusalClass::FeeCap,
            &[
                "Transaction fee cap exceeded",
                "tx fee (1.56 ether) exceeds the configured cap (1.00 ether)",
            ],
        ),
        (
            RefusalClass::NotReady,
            &[
                "Transaction pool not enabled. (Either txpool explicitly disabled, or node not yet in sync).",
                "Initial sync is still in progress",
            ],
        ),
        (
            RefusalClass::WrongChain,
            &["invalid sender", "Wrong chainId", "Invalid signature"],
        ),
        (
            RefusalClass::Throttled,
            &[
                "Too Many Requests",
                "daily request count exceeded, request rate limited",
                "rate limit hit",
            ],
        ),
        (
            RefusalClass::Unsupported,
            &["transaction type not supported"],
        ),
    ] {
        for text in texts {
            assert_eq!(any(-32000, text), class, "{text}");
        }
    }
}

#[test]
fn besu_codes_have_specific_meanings() {
    for (code, text, class) in [
        (-32000, "Known transaction", RefusalClass::Known),
        (
            -32000,
            "Replacement transaction underpriced",
            RefusalClass::ReplacementUnderpriced,
        ),
        (
            -32000,
            "Transaction nonce is too distant from current sender nonce",
            RefusalClass::NonceAhead,
        ),
        (
            -32000,
            "An invalid transaction with a lower nonce exists",
            RefusalClass::LowerNonceInvalid,
        ),
        (-32000, "Transaction fee cap exceeded", RefusalClass::FeeCap),
        (-32000, "Wrong chainId", RefusalClass::WrongChain),
        (-32001, "another text", RefusalClass::NonceUsed),
        (-32003, "another text", RefusalClass::GasLimit),
        (-32004, "another text", RefusalClass::Funds),
        (-32006, "another text", RefusalClass::NonceAhead),
        (-32007, "another text", RefusalClass::Permission),
        (-32008, "another text", RefusalClass::NotReady),
        (
            -32009,
            "Gas price below configured minimum gas price",
            RefusalClass::Underpriced,
        ),
        (
            -32009,
            "Gas price below current base fee",
            RefusalClass::BelowBaseFee,
        ),
        (-32009, "another text", RefusalClass::Unclassified),
    ] {
        assert_eq!(at_besu(code, text), class, "{code} {text}");
    }
    for code in [-32001, -32003, -32004, -32006, -32007, -32008] {
        assert_eq!(
            any(code, "another text"),
            RefusalClass::Unclassified,
            "{code} means nothing elsewhere"
        );
    }
}

#[test]
fn a_phrase_inside_another_does_not_decide() {
    assert_eq!(
        any(-32000, "replacement transaction underpriced"),
        RefusalClass::ReplacementUnderpriced
    );
    assert_eq!(
        any(-32000, "transaction underpriced: tip needed 1"),
        RefusalClass::Underpriced
    );
    assert_eq!(
        any(-32000, "unknown transaction"),
        RefusalClass::Unclassified
    );
    assert_eq!(
        any(-32000, "Unknown transaction type"),
        RefusalClass::Unclassified
    );
    assert_eq!(any(-32000, "known transaction: 0xabc"), RefusalClass::Known);
}

#[test]
fn a_code_with_several_meanings_is_classified_by_its_text() {
    assert_eq!(
        at_besu(-32005, "Transaction gas limit exceeds block gas limit"),
        RefusalClass::GasLimit
    );
    assert_eq!(
        at_besu(-32005, "Requested range exceeds maximum RPC range limit"),
        RefusalClass::Unclassified
    );
    assert_eq!(
        at_besu(-32005, "Number of requests exceeds max batch size"),
        RefusalClass::Unclassified
    );
    assert_eq!(
        any(-32005, "Number of requests exceeds max batch size"),
        RefusalClass::Unclassified
    );
    assert_eq!(any(-32005, "limit exceeded"), RefusalClass::Throttled);
    assert_eq!(any(-32029, "anything"), RefusalClass::Throttled);
    assert_eq!(any(429, "anything"), RefusalClass::Throttled);
    assert_eq!(
        at_besu(-32002, "Invalid signature"),
        RefusalClass::WrongChain
    );
    assert_eq!(
        at_besu(-32002, "Transaction pool not enabled"),
        RefusalClass::NotReady
    );
    assert_eq!(at_besu(-32002, "another text"), RefusalClass::Unclassified);
    // anvil uses -32003 for nearly everything; Besu's meaning of it must not apply to others.
    assert_eq!(any(-32003, "nonce too low"), RefusalClass::NonceUsed);
}

#[test]
fn rate_limits_differ_from_limits_that_waiting_does_not_resolve() {
    assert!(is_rate_limit(-32005, "limit exceeded"));
    assert!(is_rate_limit(
        -32000,
        "Your app has exceeded its compute units per second capacity"
    ));
    assert!(is_rate_limit(429, ""));
    assert!(!is_rate_limit(
        -32005,
        "query returned more than 10000 results"
    ));
    assert!(!is_rate_limit(
        -32005,
        "Requested range exceeds maximum RPC range limit"
    ));
    assert!(!is_rate_limit(-32000, "execution reverted: rate limiter"));
}

#[test]
fn an_unknown_answer_proves_nothing() {
    for text in [
        "",
        "internal error",
        "Internal error",
        "timeout",
        "\u{0}\u{202e}",
    ] {
        assert_eq!(any(-32603, text), RefusalClass::Unclassified, "{text:?}");
    }
}

#[test]
fn configured_rules_come_first() {
    let rule = |class, code, contains: &[&str]| ErrorRule {
        class,
        code,
        contains: contains.iter().map(|phrase| (*phrase).to_owned()).collect(),
    };
    let rules = [
        rule(RefusalClass::PoolFull, None, &["Nonce Too Low"]),
        rule(RefusalClass::Permission, Some(-5), &[]),
    ];
    assert_eq!(
        classify(Client::Any, &rules, -32000, "nonce too low"),
        RefusalClass::PoolFull
    );
    assert_eq!(
        classify(Client::Any, &rules, -5, "already known"),
        RefusalClass::Permission
    );
    assert_eq!(
        classify(Client::Any, &rules, -6, "already known"),
        RefusalClass::Known
    );
    assert!(rules.iter().all(ErrorRule::is_valid));
    assert!(!rule(RefusalClass::Known, None, &[]).is_valid());
    assert!(!rule(RefusalClass::Known, None, &[""]).is_valid());
}

/// The answers of four nodes, and the expected classes, are in `vectors/`.
#[test]
fn the_answers_of_real_nodes() {
    let answers: BTreeMap<String, BTreeMap<String, Value>> =
        serde_json::from_str(include_str!("../../../vectors/node-errors.json")).unwrap();
    let expected: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_str(include_str!("../../../vectors/node-errors.expected.json")).unwrap();
    assert_eq!(
        answers.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    let mut count = 0;
    for (node, cases) in &answers {
        assert_eq!(cases.len(), expected[node].len(), "{node}");
        for (case, answer) in cases {
            assert_eq!(
                class_of(answer),
                expected[node][case],
                "{node}: {case}: {answer}"
            );
            count += 1;
        }
    }
    assert!(count > 120, "{count}");
}

fn class_of(answer: &Value) -> String {
    match answer.get("code").and_then(Value::as_i64) {
        Some(code) => {
            let class = classify(Client::Geth, &[], code, answer["message"].as_str().unwrap());
            serde_json::to_value(class)
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned()
        }
        None if answer.as_str().is_some_and(|hash| hash.starts_with("0x")) => "hash".to_owned(),
        None => "no_answer".to_owned(),
    }
}
