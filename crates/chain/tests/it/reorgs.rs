//! Orphaned blocks, and finality tags.

use crate::fixture::{UNUSED_ACCOUNT, start, watch_all};
use chain::{Connector, Finality, FinalityTag, SubmitOutcome};
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
async fn the_chain_is_followed_by_parent_hashes() {
    let Some(fixture) = start(&on_demand(), json!({})) else {
        return;
    };
    fixture.anvil.mine(5);
    let mut block = fixture.evm.head().await.unwrap();
    assert_eq!(block.height, Height(5));
    while let Some(parent) = fixture.evm.header(&block.parent).await.unwrap() {
        assert_eq!(parent.height.next(), block.height);
        assert_eq!(
            fixture.evm.block_at(parent.height).await.unwrap().as_ref(),
            Some(&parent)
        );
        block = parent;
    }
    assert_eq!(block.height, Height(0));
    assert_eq!(fixture.evm.block_at(Height(6)).await.unwrap(), None);
    assert_eq!(fixture.evm.header("no hash").await.unwrap(), None);
    assert_eq!(
        fixture.evm.block("0x12", &watch_all(&[])).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn an_orphaned_block_is_missing_or_complete() {
    for receipts in ["block", "transaction"] {
        let Some(fixture) = start(&on_demand(), json!({"receipts": receipts})) else {
            return;
        };
        let (signed, submitted) = fixture.send(&fixture.payment(0, UNUSED_ACCOUNT, 1)).await;
        assert_eq!(submitted, SubmitOutcome::Accepted);
        fixture.anvil.mine(1);
        let watch = watch_all(&[fixture.account(0)]);
        let before = fixture.newest(&watch).await;
        fixture.anvil.mine(2);

        fixture.anvil.reorg(3, &[]);
        let current = fixture.evm.block_at(before.height).await.unwrap().unwrap();
        assert_ne!(current.hash, before.hash);
        assert_eq!(
            fixture
                .evm
                .block(&current.hash, &watch)
                .await
                .unwrap()
                .unwrap()
                .inclusions,
            []
        );
        let orphaned = fixture.evm.block(&before.hash, &watch).await.unwrap();
        assert!(
            orphaned.is_none_or(|block| block == before),
            "a block is never returned in part"
        );

        assert_eq!(
            fixture.submit(&signed).await,
            SubmitOutcome::Accepted,
            "the same bytes again"
        );
        fixture.anvil.mine(1);
        let after = fixture.newest(&watch).await;
        assert_eq!(after.inclusions[0].transaction, signed.id);
    }
}

#[tokio::test]
async fn tagged_blocks_are_returned() {
    let Some(fixture) = start(&on_demand(), json!({})) else {
        return;
    };
    assert!(matches!(
        fixture.evm.finality(),
        Finality::Tag {
            tag: FinalityTag::Finalized,
            ..
        }
    ));
    fixture.anvil.mine(10);
    let tagged = |tag| fixture.evm.tagged(tag);
    let finalized = tagged(FinalityTag::Finalized).await.unwrap().unwrap();
    assert_eq!(finalized.height, Height(8));
    assert_eq!(
        fixture.evm.block_at(Height(8)).await.unwrap(),
        Some(finalized)
    );
    assert_eq!(
        tagged(FinalityTag::Safe).await.unwrap().unwrap().height,
        Height(9)
    );
}
