//! More than one transaction may do: blocks and reorganisations go in slices.

use crate::ledger::{self, Ledger, counted};
use crate::tree::{Tree, tx};
use crate::world::{EVERYTHING, World, events_of, names};
use chain::Finality;
use index::{Applied, Dropped, Follower, Progress, Projection, Settings};
use std::sync::Arc;
use store::Unbound;
use testkit::on_each_engine;
use types::Height;

/// A ledger whose blocks cost as much as if a hundred namespaces wanted them.
struct Costly;

impl Projection for Costly {
    fn name(&self) -> &'static str {
        ledger::NAME
    }

    fn apply(&self, tx: &mut Unbound<'_, '_>, applied: &[Applied]) -> store::Result<()> {
        applied
            .iter()
            .flat_map(|one| &one.work)
            .try_for_each(|_| spend(tx))?;
        Ledger.apply(tx, applied)
    }

    fn undo(&self, tx: &mut Unbound<'_, '_>, dropped: &[Dropped]) -> store::Result<()> {
        Ledger.undo(tx, dropped)?;
        dropped.iter().try_for_each(|_| spend(tx))
    }
}

/// A third of what a transaction may do.
fn spend(tx: &mut Unbound<'_, '_>) -> store::Result<()> {
    (0..1_500).try_for_each(|_| {
        tx.row::<(i64,)>("SELECT COUNT(*) FROM counted WHERE times < 0", ())
            .map(drop)
    })
}

fn follower(world: &World) -> Follower {
    let settings = Settings {
        blocks_per_turn: 10,
        ..EVERYTHING
    };
    Follower::new(
        world.test.db.clone(),
        world.lease.clone(),
        world.chain.clone(),
        vec![Arc::new(Costly)],
        settings,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_for_one_transaction_goes_in_several() {
    on_each_engine(|test| async move {
        let world = World::new(test, Tree::new(Finality::Depth { blocks: 6 }), EVERYTHING).await;
        world.track("ns-a", "*", 0).await;
        assert_eq!(world.settle().await, Progress::Idle);
        for number in 0..10 {
            world.chain.mine(&[tx(number, &[0])]);
        }
        let follower = follower(&world);
        assert_eq!(
            follower.turn().await,
            Ok(Progress::Extended { to: Height(2) }),
            "two of ten blocks at a time"
        );
        while follower.turn().await.unwrap() != Progress::Idle {}
        assert_eq!(
            world.final_height().await,
            Some(4),
            "the watermark is of what is stored"
        );

        let mut end = world.chain.at(&world.chain.head_hash(), Height(5)).unwrap();
        for number in 20..26 {
            end = world.chain.grow(&end, &[tx(number, &[1])]);
        }
        world.chain.switch_to(&end);
        assert_eq!(
            follower.turn().await,
            Ok(Progress::Rewound { to: Height(7) }),
            "part of the way"
        );
        assert_eq!(
            follower.turn().await,
            Ok(Progress::Rewound { to: Height(5) }),
            "and the rest"
        );
        while follower.turn().await.unwrap() != Progress::Idle {}
        agrees(&world, &end).await;
    })
    .await;
}

async fn agrees(world: &World, end: &str) {
    let blocks = world.chain.branch(end, Height(0));
    assert_eq!(
        (world.canonical().await, world.events().await),
        (names(&blocks), events_of(&blocks))
    );
    let times: Vec<i64> = counted(&world.test.db)
        .await
        .into_iter()
        .map(|row| row.4)
        .collect();
    assert_eq!(times, vec![1; 11], "each once");
}
