//! Blocks with many logs, and a real node's blocks under every fork it knows.

use crate::stand::{NOBODY, stand, watch_all};
use chain::Connector;
use serde_json::json;
use testkit::anvil::{Mining, Options};

#[tokio::test]
async fn blocks_of_every_fork_have_the_hash_and_the_root_of_what_is_in_them() {
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
        let Some(stand) = stand(
            &Options {
                arguments,
                ..Options::default()
            },
            json!({}),
        ) else {
            return;
        };
        let (_, submitted) = stand.send(&stand.payment(0, NOBODY, 1)).await;
        assert_eq!(submitted, chain::Submitted::Accepted, "{fork}");
        assert!(
            testkit::wait_until(10_000, || stand.anvil.height() == 1),
            "{fork}"
        );
        let block = stand.newest(&watch_all(&[stand.account(0)])).await;
        assert_eq!((block.height.0, block.included.len()), (1, 1), "{fork}");
    }
}

#[tokio::test]
async fn a_hostile_tokens_logs_come_whole_and_in_order() {
    let Some(stand) = stand(
        &Options {
            mining: Mining::OnDemand,
            ..Options::default()
        },
        json!({}),
    ) else {
        return;
    };
    stand.anvil.set_automine(true);
    let token = stand
        .anvil
        .deploy(&testkit::artifact("HostileToken").bytecode);
    stand.anvil.set_automine(false);
    for from in 0..3 {
        let mint = stand.call(from, &token, "HostileToken", "mint", json!([NOBODY, "40"]));
        assert_eq!(stand.send(&mint).await.1, chain::Submitted::Accepted);
    }
    for topics in 1..=4 {
        let lie = json!([topics.to_string(), NOBODY, NOBODY, "9"]);
        let lie = stand.call(4, &token, "HostileToken", "lieWithTopics", lie);
        assert_eq!(stand.send(&lie).await.1, chain::Submitted::Accepted);
    }
    stand.anvil.mine(1);
    let block = stand.newest(&watch_all(&[stand.account(4)])).await;
    assert_eq!((block.events.len(), block.included.len()), (124, 4));
    let indices: Vec<u32> = block.events.iter().map(|event| event.index).collect();
    assert_eq!(indices, (0..124).collect::<Vec<_>>());
    for transaction in block.events.chunk_by(|a, b| a.transaction == b.transaction) {
        let paths: Vec<String> = transaction.iter().map(|event| event.path.clone()).collect();
        assert_eq!(
            paths,
            (0..paths.len())
                .map(|place| place.to_string())
                .collect::<Vec<_>>()
        );
    }
    let without_signers = stand.newest(&watch_all(&[])).await;
    assert_eq!(without_signers.events, block.events);
    let told: usize = block
        .events
        .iter()
        .map(|event| stand.evm.transfers(block.height, event).len())
        .sum();
    assert!(told >= 120, "{told}");
}
