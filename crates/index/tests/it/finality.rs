//! The final watermark under each finality rule.

use crate::replay::replay;
use crate::tree::Tree;
use crate::world::{EVERYTHING, World};
use chain::{Error, Finality, FinalityTag};
use index::Progress;
use testkit::on_each_engine;
use types::Height;

fn tagged(blocks: u64) -> std::sync::Arc<Tree> {
    Tree::new(Finality::Tag {
        tag: FinalityTag::Finalized,
        blocks,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_finality_tag_moves_the_watermark_up_and_never_down() {
    on_each_engine(|test| async move {
        let world = World::new(test, tagged(0), EVERYTHING).await;
        let at = |height: u64| {
            Some(Ok(world
                .chain
                .at(&world.chain.head_hash(), Height(height))
                .unwrap()))
        };
        world.chain.mine_empty(10);
        world.chain.tag(at(3));
        world.run_until_idle().await;
        assert_eq!(world.final_height().await, Some(3));
        world.chain.tag(at(1));
        world.chain.mine_empty(1);
        world.run_until_idle().await;
        assert_eq!(
            world.final_height().await,
            Some(3),
            "a lower tag does not lower the watermark"
        );
        world.chain.tag(at(9));
        assert_eq!(
            world.turn().await,
            Progress::Extended { to: Height(11) },
            "the watermark moves without a new block"
        );
        assert_eq!(world.final_height().await, Some(9));
        let before = world.facts().await.len();
        assert_eq!(world.turn().await, Progress::Idle);
        assert_eq!(world.facts().await.len(), before);
        assert_eq!(replay(&world.facts().await, false).finalized.unwrap().0, 9);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_tag_depth_decides_and_without_depth_nothing_is_final() {
    on_each_engine(|test| async move {
        let world = World::new(test, tagged(0), EVERYTHING).await;
        world.chain.mine_empty(10);
        world.run_until_idle().await;
        assert_eq!(
            world.final_height().await,
            None,
            "a node without the tag makes no block final"
        );
        let why = "no answer".to_owned();
        world.chain.tag(Some(Err(Error::Unreachable {
            chain: world.id().to_string(),
            why,
        })));
        world.chain.mine_empty(1);
        world.run_until_idle().await;
        assert_eq!(
            world.head().await,
            Some(world.chain.head_hash()),
            "blocks are appended all the same"
        );
        assert_eq!(world.final_height().await, None);
    })
    .await;
    on_each_engine(|test| async move {
        let world = World::new(test, tagged(4), EVERYTHING).await;
        world.chain.mine_empty(10);
        world.run_until_idle().await;
        assert_eq!(world.final_height().await, Some(6));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_on_another_branch_does_not_move_the_watermark() {
    on_each_engine(|test| async move {
        let world = World::new(test, tagged(0), EVERYTHING).await;
        world.chain.mine_empty(6);
        world.run_until_idle().await;
        let other = world.chain.at(&world.chain.head_hash(), Height(3)).unwrap();
        let other = world.chain.grow(&other, &[]);
        world.chain.tag(Some(Ok(other)));
        let fact_count = world.facts().await.len();
        assert_eq!(world.turn().await, Progress::Idle);
        world.chain.mine_empty(1);
        world.run_until_idle().await;
        assert_eq!(
            (world.final_height().await, world.facts().await.len()),
            (None, fact_count + 1),
            "only the fact of the new block"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watermark_never_passes_the_stored_head_while_catching_up() {
    on_each_engine(|test| async move {
        let world = World::new(test, tagged(0), EVERYTHING).await;
        world.chain.mine_empty(20);
        world.chain.tag(Some(Ok(world
            .chain
            .at(&world.chain.head_hash(), Height(18))
            .unwrap())));
        let mut last = None;
        while world.turn().await != Progress::Idle {
            let status = world.status().await.unwrap();
            let height = status.finalized.as_ref().map(|tip| tip.height);
            assert!(height >= last, "the watermark falls");
            assert!(status.finalized.as_ref().unwrap().height <= status.head.unwrap().height);
            last = height;
        }
        assert_eq!(world.final_height().await, Some(18));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_instant_finality_every_fork_halts_the_chain() {
    on_each_engine(|test| async move {
        let world = World::new(test, Tree::new(Finality::Instant), EVERYTHING).await;
        let base = world.chain.mine_empty(3);
        world.chain.mine_empty(1);
        world.run_until_idle().await;
        assert_eq!(world.final_height().await, Some(4));
        let other = world.chain.grow(&base, &[]);
        world.chain.switch_to(&other);
        assert_eq!(world.run_until_idle().await, Progress::Halted);
    })
    .await;
}
