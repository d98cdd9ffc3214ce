//! Blocks that are gone, and words for blocks that stay.

use crate::stand::{NOBODY, stand, watch_all};
use chain::{Connector, Finality, FinalityTag, Submitted};
use serde_json::json;
use testkit::anvil::{Mining, Options};
use types::Height;

fn on_demand() -> Options {
    Options {
        mining: Mining::OnDemand,
        ..Options::default()
    }
}

#[tokio::test]
async fn the_chain_is_walked_by_hashes() {
    let Some(stand) = stand(&on_demand(), json!({})) else {
        return;
    };
    stand.anvil.mine(5);
    let mut block = stand.evm.head().await.unwrap();
    assert_eq!(block.height, Height(5));
    while let Some(below) = stand.evm.header(&block.parent).await.unwrap() {
        assert_eq!(below.height.next(), block.height);
        assert_eq!(
            stand.evm.block_at(below.height).await.unwrap().as_ref(),
            Some(&below)
        );
        block = below;
    }
    assert_eq!(block.height, Height(0));
    assert_eq!(stand.evm.block_at(Height(6)).await.unwrap(), None);
    assert_eq!(stand.evm.header("no hash").await.unwrap(), None);
    assert_eq!(
        stand.evm.block("0x12", &watch_all(&[])).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn a_block_of_a_branch_that_was_left_is_gone_or_still_whole() {
    for receipts in ["block", "transaction"] {
        let Some(stand) = stand(&on_demand(), json!({"receipts": receipts})) else {
            return;
        };
        let (signed, submitted) = stand.send(&stand.payment(0, NOBODY, 1)).await;
        assert_eq!(submitted, Submitted::Accepted);
        stand.anvil.mine(1);
        let watch = watch_all(&[stand.account(0)]);
        let before = stand.newest(&watch).await;
        stand.anvil.mine(2);

        stand.anvil.reorg(3, &[]);
        let now = stand.evm.block_at(before.height).await.unwrap().unwrap();
        assert_ne!(now.hash, before.hash);
        assert_eq!(
            stand
                .evm
                .block(&now.hash, &watch)
                .await
                .unwrap()
                .unwrap()
                .included,
            []
        );
        let gone = stand.evm.block(&before.hash, &watch).await.unwrap();
        assert!(
            gone.is_none_or(|block| block == before),
            "half a block is no block"
        );

        assert_eq!(
            stand.submit(&signed).await,
            Submitted::Accepted,
            "the same bytes again"
        );
        stand.anvil.mine(1);
        let after = stand.newest(&watch).await;
        assert_eq!(after.included[0].transaction, signed.id);
    }
}

#[tokio::test]
async fn the_chains_own_words_for_settled_blocks() {
    let Some(stand) = stand(&on_demand(), json!({})) else {
        return;
    };
    assert!(matches!(
        stand.evm.finality(),
        Finality::Tag {
            tag: FinalityTag::Finalized,
            ..
        }
    ));
    stand.anvil.mine(10);
    let tagged = |tag| stand.evm.tagged(tag);
    let finalized = tagged(FinalityTag::Finalized).await.unwrap().unwrap();
    assert_eq!(finalized.height, Height(8));
    assert_eq!(
        stand.evm.block_at(Height(8)).await.unwrap(),
        Some(finalized)
    );
    assert_eq!(
        tagged(FinalityTag::Safe).await.unwrap().unwrap().height,
        Height(9)
    );
}
