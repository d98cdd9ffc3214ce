//! Blocks with many logs, and a real node's blocks under every fork that it supports.

use crate::fixture::{UNUSED_ACCOUNT, start, watch_all};
use chain::Connector;
use serde_json::json;
use testkit::anvil::{Mining, Options};

#[tokio::test]
async fn blocks_of_every_fork_match_their_hash_and_roots() {
    for fork in [
        "frontier",
        "byzantium",
        "istanbul",
        "berlin",
        "london",
        "paris",
        "shanghai",
        "cancun",
        "prague",
        "osaka",
    ] {
        let arguments = vec!["--hardfork".to_owned(), fork.to_owned()];
        let Some(fixture) = start(
            &Options {
                arguments,
                ..Options::default()
            },
            json!({}),
        ) else {
            return;
        };
        let (_, submitted) = fixture.send(&fixture.payment(0, UNUSED_ACCOUNT, 1)).await;
        assert_eq!(submitted, chain::SubmitOutcome::Accepted, "{fork}");
        assert!(
            testkit::wait_until(10_000, || fixture.anvil.height() == 1),
            "{fork}"
        );
        let block = fixture.newest(&watch_all(&[fixture.account(0)])).await;
        assert_eq!((block.height.0, block.inclusions.len()), (1, 1), "{fork}");
    }
}

#[tokio::test]
async fn all_logs_of_a_hostile_token_are_returned_in_order() {
    let Some(fixture) = start(
        &Options {
            mining: Mining::OnDemand,
            ..Options::default()
        },
        json!({}),
    ) else {
        return;
    };
    fixture.anvil.set_automine(true);
    let token = fixture
        .anvil
        .deploy(&testkit::artifact("HostileToken").bytecode);
    fixture.anvil.set_automine(false);
    for from in 0..3 {
        let mint = fixture.call(
            from,
            &token,
            "HostileToken",
            "mint",
            json!([UNUSED_ACCOUNT, "40"]),
        );
        assert_eq!(fixture.send(&mint).await.1, chain::SubmitOutcome::Accepted);
    }
    for topics in 1..=4 {
        let params = json!([topics.to_string(), UNUSED_ACCOUNT, UNUSED_ACCOUNT, "9"]);
        let call = fixture.call(4, &token, "HostileToken", "lieWithTopics", params);
        assert_eq!(fixture.send(&call).await.1, chain::SubmitOutcome::Accepted);
    }
    fixture.anvil.mine(1);
    let block = fixture.newest(&watch_all(&[fixture.account(4)])).await;
    assert_eq!((block.events.len(), block.inclusions.len()), (124, 4));
    let indices: Vec<u32> = block.events.iter().map(|event| event.index).collect();
    assert_eq!(indices, (0..124).collect::<Vec<_>>());
    for transaction in block.events.chunk_by(|a, b| a.transaction == b.transaction) {
        let paths: Vec<String> = transaction.iter().map(|event| event.path.clone()).collect();
        assert_eq!(
            paths,
            (0..paths.len())
                .map(|index| index.to_string())
                .collect::<Vec<_>>()
        );
    }
    let without_signers = fixture.newest(&watch_all(&[])).await;
    assert_eq!(without_signers.events, block.events);
    let transfers: usize = block
        .events
        .iter()
        .map(|event| fixture.evm.transfers(block.height, event).len())
        .sum();
    assert!(transfers >= 120, "{transfers}");
}
