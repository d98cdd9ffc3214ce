//! The UTXO chain rejects what a real node would reject, and keeps what a real node would keep.

use chain::{
    Connector, Error, Plan, Quote, RefusalClass, Reservations, SubmitOutcome, TxStatus, Watch,
};
use intent::utxo::Coin;
use intent::{Act, Intent, Output, Signed, Transaction, Unsigned};
use std::collections::BTreeSet;
use testkit::FakeUtxoChain;
use testkit::utxo::{CoinKey, Fate, Fault, Lie};
use types::{Amount, Height, ReplayKey};

struct World {
    coins: FakeUtxoChain,
    alice: CoinKey,
    bob: CoinKey,
}

impl World {
    fn new() -> Self {
        Self {
            coins: FakeUtxoChain::new(),
            alice: CoinKey::new(1),
            bob: CoinKey::new(2),
        }
    }

    fn address(&self, key: &CoinKey) -> String {
        key.address(self.coins.chain())
    }

    fn payment(&self, from: &CoinKey, to: &CoinKey, satoshi: u64) -> Intent {
        Intent::call(
            *self.coins.chain(),
            self.address(from),
            Some(self.address(to)),
            Amount::from(satoshi),
            vec![],
        )
    }

    async fn quote(&self, intent: &Intent) -> Quote {
        self.coins
            .quote(std::slice::from_ref(intent))
            .await
            .remove(0)
            .unwrap()
    }

    async fn plan(
        &self,
        intent: &Intent,
        rate: u64,
        reservations: &Reservations,
    ) -> Result<Unsigned, Error> {
        let mut terms = self.quote(intent).await.terms;
        (terms.fee_per_gas, terms.tip) = (Amount::from(rate), Amount::from(rate));
        terms.total_fee = Amount::from(rate * terms.gas);
        let plan = Plan {
            intent,
            terms,
            reservations,
            authorizations: &[],
        };
        self.coins.plan(&[plan]).await.remove(0)
    }

    async fn sign_payment(&self, intent: &Intent) -> Signed {
        self.alice.sign(
            &self
                .plan(intent, 2, &Reservations::default())
                .await
                .unwrap(),
        )
    }

    async fn send(&self, signed: &Signed) -> SubmitOutcome {
        self.coins
            .submit(std::slice::from_ref(signed))
            .await
            .remove(0)
    }

    /// A signed transaction that spends exactly these coins, valid or not.
    fn signed_spend(
        &self,
        key: &CoinKey,
        to: &CoinKey,
        satoshi: u64,
        coins: &[Coin],
        fee: u64,
    ) -> Signed {
        key.sign(
            &intent::utxo::build_unsigned(
                &self.payment(key, to, satoshi),
                coins,
                Amount::from(fee),
            )
            .unwrap(),
        )
    }
}

fn class(submitted: SubmitOutcome) -> RefusalClass {
    match submitted {
        SubmitOutcome::Refused { class, .. } => class,
        other => panic!("{other:?}"),
    }
}

fn replay_key(coin: &Coin) -> ReplayKey {
    ReplayKey::outpoint(&coin.transaction, coin.output)
}

#[tokio::test]
async fn a_payment_survives_a_reorg_exactly_once() {
    let world = World::new();
    let (coins, mine) = (&world.coins, world.address(&world.alice));
    let funded = [coins.fund(&mine, 40_000), coins.fund(&mine, 30_000)];
    let intent = world.payment(&world.alice, &world.bob, 60_000);
    let unsigned = world
        .plan(&intent, 2, &Reservations::default())
        .await
        .unwrap();
    let decoded = intent::decode(&unsigned).unwrap();
    assert_eq!(decoded.intent, intent);
    assert_eq!(
        decoded.replay_keys.iter().collect::<BTreeSet<_>>(),
        funded
            .iter()
            .map(replay_key)
            .collect::<BTreeSet<_>>()
            .iter()
            .collect()
    );
    assert!(decoded.fee.gas <= world.quote(&intent).await.terms.gas);

    let signed = world.alice.sign(&unsigned);
    assert_eq!(coins.status(&signed.id).await.unwrap(), TxStatus::Unknown);
    assert_eq!(world.send(&signed).await, SubmitOutcome::Accepted);
    assert_eq!(coins.status(&signed.id).await.unwrap(), TxStatus::Pending);
    let first = coins.mine();
    assert_eq!(coins.block_of(&signed.id), Some(first.clone()));

    coins.mine_empty(1);
    coins.reorg(2, |_| Fate::Pooled);
    assert_eq!(
        (coins.block_of(&signed.id), coins.pool()),
        (None, vec![signed.id.clone()])
    );
    assert_eq!(world.send(&signed).await, SubmitOutcome::AlreadyKnown);
    let second = coins.mine();
    assert_ne!(first, second);
    assert_eq!(world.send(&signed).await, SubmitOutcome::AlreadyKnown);
    assert_eq!(coins.mined(), vec![signed.id.clone()]);
    assert_eq!(
        coins.payments_to(&world.address(&world.bob)),
        vec![(signed.id.clone(), 0, 60_000)]
    );
    assert_eq!(
        (coins.arrivals(&signed.id), coins.confirmations(&signed.id)),
        (3, 1)
    );
    let fee = decoded.fee.total_fee.to_u64().unwrap();
    assert_eq!(
        (
            coins.balance_of(&mine),
            coins.balance_of(&world.address(&world.bob))
        ),
        (10_000 - fee, 60_000)
    );
    assert_eq!(coins.spender(&funded[0].transaction, 0), Some(signed.id));
}

#[tokio::test]
async fn invalid_transactions_are_rejected() {
    let world = World::new();
    let (coins, mine) = (&world.coins, world.address(&world.alice));
    let coin = coins.fund(&mine, 50_000);
    let honest = world.signed_spend(
        &world.alice,
        &world.bob,
        20_000,
        std::slice::from_ref(&coin),
        500,
    );

    let invented = Coin {
        transaction: "ab".repeat(32),
        output: 0,
        value: Amount::from(50_000),
    };
    let from_nowhere = world.signed_spend(&world.alice, &world.bob, 20_000, &[invented], 500);
    assert_eq!(
        class(world.send(&from_nowhere).await),
        RefusalClass::NonceAhead
    );
    let thief = world.signed_spend(
        &world.bob,
        &world.alice,
        20_000,
        std::slice::from_ref(&coin),
        500,
    );
    assert_eq!(class(world.send(&thief).await), RefusalClass::Size);
    let inflated = Coin {
        value: Amount::from(90_000),
        ..coin.clone()
    };
    let inflated = world.signed_spend(&world.alice, &world.bob, 80_000, &[inflated], 500);
    assert_eq!(class(world.send(&inflated).await), RefusalClass::Size);
    let cheap = world.signed_spend(
        &world.alice,
        &world.bob,
        20_000,
        std::slice::from_ref(&coin),
        100,
    );
    assert_eq!(class(world.send(&cheap).await), RefusalClass::Underpriced);
    for length in 0..honest.raw.len() {
        let cut = Signed {
            raw: honest.raw[..length].to_vec(),
            ..honest.clone()
        };
        assert_eq!(class(world.send(&cut).await), RefusalClass::Size);
    }
    for index in 0..honest.raw.len() {
        let mut changed = honest.clone();
        changed.raw[index] ^= 1;
        assert!(
            matches!(world.send(&changed).await, SubmitOutcome::Refused { .. }),
            "byte {index}"
        );
    }
    let elsewhere = Signed {
        chain: "bip122:elsewhere".parse().unwrap(),
        ..honest.clone()
    };
    assert_eq!(
        class(world.send(&elsewhere).await),
        RefusalClass::WrongChain
    );
    let misnamed = Signed {
        id: "cd".repeat(32),
        ..honest.clone()
    };
    assert_eq!(class(world.send(&misnamed).await), RefusalClass::Size);
    assert!(coins.pool().is_empty() && coins.mined().is_empty());

    assert_eq!(world.send(&honest).await, SubmitOutcome::Accepted);
    coins.mine();
    let again = world.signed_spend(&world.alice, &world.bob, 21_000, &[coin], 500);
    assert_eq!(class(world.send(&again).await), RefusalClass::NonceUsed);
    assert_eq!(coins.payments_to(&world.address(&world.bob)).len(), 1);
}

#[tokio::test]
async fn a_replacement_pays_for_all_that_it_evicts() {
    let world = World::new();
    let (coins, mine) = (&world.coins, world.address(&world.alice));
    let coin = coins.fund(&mine, 90_000);
    let spends = std::slice::from_ref(&coin);
    let first = world.signed_spend(&world.alice, &world.bob, 20_000, spends, 300);
    assert_eq!(world.send(&first).await, SubmitOutcome::Accepted);
    let change = Coin {
        transaction: first.id.clone(),
        output: 1,
        value: Amount::from(69_700),
    };
    let child = world.signed_spend(&world.alice, &world.bob, 30_000, &[change], 900);
    assert_eq!(world.send(&child).await, SubmitOutcome::Accepted);

    let same_rate = world.signed_spend(&world.alice, &world.bob, 20_001, spends, 300);
    assert_eq!(
        class(world.send(&same_rate).await),
        RefusalClass::ReplacementUnderpriced
    );
    // A higher rate than the replaced transaction, but a lower total than it and its child paid,
    // and no relay fee.
    let too_little = world.signed_spend(&world.alice, &world.bob, 20_001, spends, 1_200);
    assert_eq!(
        class(world.send(&too_little).await),
        RefusalClass::ReplacementUnderpriced
    );
    assert_eq!(coins.pool(), vec![first.id.clone(), child.id.clone()]);

    let enough = world.signed_spend(&world.alice, &world.bob, 20_001, spends, 1_200 + 141);
    assert_eq!(world.send(&enough).await, SubmitOutcome::Accepted);
    assert_eq!(coins.pool(), vec![enough.id.clone()]);
    assert_eq!(
        class(world.send(&child).await),
        RefusalClass::NonceAhead,
        "its parent was evicted"
    );
    coins.mine();
    assert_eq!(class(world.send(&first).await), RefusalClass::NonceUsed);
    assert_eq!(coins.mined(), vec![enough.id]);
}

#[tokio::test]
async fn plans_do_not_reuse_coins() {
    let world = World::new();
    let (coins, mine) = (&world.coins, world.address(&world.alice));
    let funded: Vec<Coin> = [10_000, 20_000, 30_000]
        .map(|value| coins.fund(&mine, value))
        .into();
    let intent = world.payment(&world.alice, &world.bob, 5_000);
    let (free, terms) = (Reservations::default(), world.quote(&intent).await.terms);
    let plan = || Plan {
        intent: &intent,
        terms,
        reservations: &free,
        authorizations: &[],
    };
    let four = coins.plan(&[plan(), plan(), plan(), plan()]).await;
    let inputs = |unsigned: &Unsigned| intent::decode(unsigned).unwrap().replay_keys;
    let each: Vec<ReplayKey> = four[..3]
        .iter()
        .flat_map(|planned| inputs(planned.as_ref().unwrap()))
        .collect();
    assert_eq!(
        each,
        funded.iter().rev().map(replay_key).collect::<Vec<_>>(),
        "the largest coins first, each once"
    );
    assert!(
        matches!(four[3], Err(Error::RequestRejected { .. })),
        "funds may arrive later: {:?}",
        four[3]
    );

    let held = Reservations {
        excluded: [replay_key(&funded[2])].into(),
        ..Reservations::default()
    };
    assert_eq!(
        inputs(&world.plan(&intent, 2, &held).await.unwrap()),
        [replay_key(&funded[1])]
    );
    let required = Reservations {
        required: [replay_key(&funded[0])].into(),
        ..Reservations::default()
    };
    assert_eq!(
        inputs(&world.plan(&intent, 2, &required).await.unwrap()),
        [replay_key(&funded[0])]
    );
    let large = world.payment(&world.alice, &world.bob, 25_000);
    assert_eq!(
        inputs(&world.plan(&large, 2, &required).await.unwrap()).len(),
        2,
        "the required coin, and another for the rest"
    );

    assert_eq!(
        world.send(&world.sign_payment(&intent).await).await,
        SubmitOutcome::Accepted
    );
    assert_eq!(
        inputs(&world.plan(&intent, 2, &free).await.unwrap()),
        [replay_key(&funded[1])],
        "the largest coin is spent in the mempool"
    );
    let gone = Reservations {
        required: [replay_key(&funded[2])].into(),
        ..Reservations::default()
    };
    assert_eq!(
        inputs(&world.plan(&intent, 9, &gone).await.unwrap()),
        [replay_key(&funded[2])],
        "a replacement may spend it again"
    );
    coins.mine();
    assert!(matches!(
        world.plan(&intent, 9, &gone).await,
        Err(Error::RequestRejected { .. })
    ));
}

#[tokio::test]
async fn change_is_neither_lost_nor_beyond_the_terms() {
    for rest in [0, 1, 150, 280, 293, 294, 295, 400, 575, 576, 577, 800] {
        let world = World::new();
        let (coins, mine) = (&world.coins, world.address(&world.alice));
        coins.fund(&mine, 20_000 + rest);
        coins.fund(&mine, 2_000);
        let intent = world.payment(&world.alice, &world.bob, 20_000);
        let terms = world.quote(&intent).await.terms;
        let unsigned = world
            .plan(&intent, 2, &Reservations::default())
            .await
            .unwrap();
        let decoded = intent::decode(&unsigned).unwrap();
        assert!(
            decoded.fee.fee_per_gas <= terms.fee_per_gas
                && decoded.fee.total_fee <= terms.total_fee,
            "{rest}: {decoded:?}"
        );
        assert_eq!(
            world.send(&world.alice.sign(&unsigned)).await,
            SubmitOutcome::Accepted,
            "{rest}"
        );
    }
}

#[tokio::test]
async fn unsupported_intents_are_rejected() {
    let world = World::new();
    world.coins.fund(&world.address(&world.alice), 50_000);
    let message = Intent {
        act: Act::Message { bytes: vec![1] },
        ..world.payment(&world.alice, &world.bob, 1_000)
    };
    let elsewhere = Intent {
        chain: "bip122:elsewhere".parse().unwrap(),
        ..world.payment(&world.alice, &world.bob, 1_000)
    };
    let outputs = vec![Output {
        to: Some("0xnobody".to_owned()),
        value: Amount::from(1_000),
    }];
    let unknown_recipient = Intent {
        act: Act::Transaction(Transaction {
            outputs,
            ..Transaction::default()
        }),
        ..world.payment(&world.alice, &world.bob, 1_000)
    };
    for unsupported in [message, elsewhere, unknown_recipient] {
        let quote = world
            .coins
            .quote(std::slice::from_ref(&unsupported))
            .await
            .remove(0);
        assert!(matches!(quote, Err(Error::Intent(_))), "{quote:?}");
    }
    assert!(
        world
            .coins
            .sequence(&world.address(&world.alice))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn branches_can_be_switched() {
    let world = World::new();
    let (coins, mine) = (&world.coins, world.address(&world.alice));
    let coin = coins.fund(&mine, 50_000);
    let (_, base) = coins.tip();
    let first = world.signed_spend(
        &world.alice,
        &world.bob,
        20_000,
        std::slice::from_ref(&coin),
        500,
    );
    let other = world.signed_spend(&world.alice, &world.bob, 30_000, &[coin], 900);
    world.send(&first).await;
    let abandoned = coins.mine();
    let fork = coins.add_block(&base, &[]);
    let higher = coins.add_block(&fork, &[]);
    assert_eq!(
        coins.tip().1,
        abandoned,
        "adding to a branch does not move the head"
    );

    coins.switch_to(&higher);
    assert_eq!(
        coins.pool(),
        vec![first.id.clone()],
        "an abandoned transaction returns to the mempool"
    );
    assert_eq!(
        world.send(&other).await,
        SubmitOutcome::Accepted,
        "it pays a higher fee"
    );
    let rival = coins.mine();
    assert_eq!(
        (coins.mined(), coins.pool()),
        (vec![other.id.clone()], vec![])
    );

    coins.switch_to(&abandoned);
    assert_eq!(coins.mined(), vec![first.id.clone()]);
    assert!(coins.pool().is_empty(), "its coin is spent on this branch");
    assert_eq!(class(world.send(&other).await), RefusalClass::NonceUsed);
    coins.switch_to(&rival);
    assert_eq!(coins.mined(), vec![other.id]);
    let header = coins.header(&abandoned).await.unwrap().unwrap();
    assert_eq!(
        (header.height, header.parent),
        (Height(2), base),
        "an abandoned branch is still known"
    );
}

#[tokio::test]
async fn a_reorg_decides_the_fate_of_each_transaction() {
    let world = World::new();
    let (coins, mine) = (&world.coins, world.address(&world.alice));
    let funded: Vec<Coin> = (0..3).map(|_| coins.fund(&mine, 50_000)).collect();
    let sent: Vec<Signed> = funded
        .iter()
        .map(|coin| {
            world.signed_spend(
                &world.alice,
                &world.bob,
                20_000,
                std::slice::from_ref(coin),
                500,
            )
        })
        .collect();
    coins.submit(&sent).await;
    coins.mine();
    let fates = |id: &str| match sent.iter().position(|transaction| transaction.id == id) {
        Some(0) => Fate::Mined,
        Some(1) => Fate::Pooled,
        _ => Fate::Dropped,
    };
    coins.reorg(1, fates);
    assert_eq!(
        (coins.mined(), coins.pool()),
        (vec![sent[0].id.clone()], vec![sent[1].id.clone()])
    );
    assert!(coins.drop_from_pool(&sent[1].id) && !coins.drop_from_pool(&sent[1].id));
    assert_eq!(world.send(&sent[2]).await, SubmitOutcome::Accepted);
    // The faucet's block is replaced too: its coins are gone, and so are their spenders.
    coins.reorg(2, |_| Fate::Mined);
    assert_eq!(coins.mined(), vec![sent[0].id.clone()]);
    coins.reorg(2, |id| {
        if id == sent[0].id {
            Fate::Mined
        } else {
            Fate::Dropped
        }
    });
    assert!(coins.mined().contains(&sent[0].id) && coins.pool().is_empty());
}

#[tokio::test]
async fn blocks_contain_what_is_watched() {
    let world = World::new();
    let (coins, mine, yours) = (
        &world.coins,
        world.address(&world.alice),
        world.address(&world.bob),
    );
    coins.fund(&mine, 40_000);
    coins.fund(&mine, 30_000);
    let signed = world
        .sign_payment(&world.payment(&world.alice, &world.bob, 60_000))
        .await;
    world.send(&signed).await;
    let hash = coins.mine();
    let all = Watch {
        everything: true,
        signers: [mine.clone()].into(),
        ..Watch::default()
    };
    let block = coins.block(&hash, &all).await.unwrap().unwrap();
    let actual: Vec<(&str, &str, &str, u32)> = block
        .events
        .iter()
        .map(|e| {
            (
                e.path.as_str(),
                e.topic.as_str(),
                e.source.as_str(),
                e.index,
            )
        })
        .collect();
    let expected = [
        ("in/0", "utxo.spent", mine.as_str(), 0),
        ("in/1", "utxo.spent", &mine, 1),
        ("out/0", "utxo.created", &yours, 2),
        ("out/1", "utxo.created", &mine, 3),
    ];
    assert_eq!(actual, expected);
    let body: serde_json::Value = serde_json::from_str(&block.events[2].body).unwrap();
    assert_eq!(
        (body["coin"].as_str(), body["value"].as_str()),
        (Some(signed.id.as_str()), Some("60000"))
    );
    assert_eq!(block.inclusions.len(), 1);
    assert_eq!(
        (
            block.inclusions[0].replay_keys.len(),
            &block.inclusions[0].signer
        ),
        (2, &mine)
    );
    let yours_only = Watch {
        sources: [yours.clone()].into(),
        ..Watch::default()
    };
    let block = coins.block(&hash, &yours_only).await.unwrap().unwrap();
    assert_eq!(
        (
            block.events.len(),
            block.events[0].index,
            block.inclusions.len()
        ),
        (1, 2, 0)
    );
}

#[tokio::test]
async fn faults_lose_reject_delay_and_falsify_answers() {
    let world = World::new();
    let (coins, mine) = (&world.coins, world.address(&world.alice));
    coins.fund(&mine, 90_000);
    let signed = world
        .sign_payment(&world.payment(&world.alice, &world.bob, 20_000))
        .await;
    coins.next_submit(Fault::LoseCall);
    coins.refuse_next(RefusalClass::PoolFull, "mempool full");
    coins.lose_reply_next_submit();
    assert!(matches!(
        world.send(&signed).await,
        SubmitOutcome::Unknown { .. }
    ));
    assert_eq!(coins.arrivals(&signed.id), 0);
    assert_eq!(class(world.send(&signed).await), RefusalClass::PoolFull);
    assert!(matches!(
        world.send(&signed).await,
        SubmitOutcome::Unknown { .. }
    ));
    assert_eq!(
        (coins.pool(), coins.arrivals(&signed.id)),
        (vec![signed.id.clone()], 2)
    );

    let (below, hash) = (coins.tip().1, coins.mine());
    coins.set_lag(1);
    assert_eq!(coins.head().await.unwrap().hash, below);
    assert_eq!(
        (
            coins.block_at(Height(2)).await.unwrap(),
            coins.header(&hash).await.unwrap()
        ),
        (None, None)
    );
    assert_eq!(coins.status(&signed.id).await.unwrap(), TxStatus::Unknown);
    coins.clear_faults();
    assert!(matches!(
        coins.status(&signed.id).await.unwrap(),
        TxStatus::Included { .. }
    ));

    coins.lie(Lie::MissingBlock(hash.clone()));
    assert_eq!(coins.header(&hash).await.unwrap(), None);
    coins.lie(Lie::NoResponse);
    assert!(matches!(coins.head().await, Err(Error::Unreachable { .. })));
    coins.clear_faults();
    let fork = coins.add_block(&below, &[]);
    coins.lie(Lie::ForkHeights(fork.clone()));
    assert_eq!(coins.block_at(Height(2)).await.unwrap().unwrap().hash, fork);
    assert_eq!(coins.head().await.unwrap().hash, hash);
    coins.lie(Lie::ParentBlock);
    assert_eq!(
        coins
            .block(&hash, &Watch::default())
            .await
            .unwrap()
            .unwrap()
            .hash,
        below
    );
}
