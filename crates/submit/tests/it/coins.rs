//! The same engine on a chain of coins: nothing here knows of nonces.

use crate::world::PAY_SMALL;
use chain::{Class, Connector};
use index::{Follower, Settings, Start};
use intent::Intent;
use keys::{Keys, NewSecret, NewWallet, WalletKind};
use policy::{LocalSigner, NewVersion, NoLookups, PermitSigner as _, Policy, Target};
use std::sync::Arc;
use store::secret::{Cost, Master};
use submit::{Enqueue, State, Submission, Submit, Worker};
use testkit::utxo::{CoinKey, Fate};
use testkit::{FakeCoins, TestDb, namespace, on_each_engine};
use types::{Amount, Json, Kind, Principal, Role, SubmissionId};
use zeroize::Zeroizing;

/// A treasury with coins, and somebody who is paid.
struct World {
    test: TestDb,
    coins: Arc<FakeCoins>,
    who: Principal,
    /// Known to the test as well: somebody else may sign with it.
    key: CoinKey,
    signer: String,
    shop: String,
    submit: Submit,
    worker: Worker,
    follower: Follower,
    leases: Vec<store::Lease>,
}

impl World {
    async fn new(test: TestDb, coins: &[u64]) -> Self {
        let chain = Arc::new(FakeCoins::new());
        let world = Self::build(test, chain).await;
        for satoshi in coins {
            world.coins.fund(&world.signer, *satoshi);
        }
        world.settle().await;
        world
    }

    async fn build(test: TestDb, coins: Arc<FakeCoins>) -> Self {
        let db = test.db.clone();
        let api = test.lease("api/0").await;
        let keyring = keys::open_keyring(
            &db,
            &api,
            Master::Passphrase("test".to_owned().into(), Cost::TEST),
        )
        .await
        .unwrap();
        let permits = Arc::new(LocalSigner::open(&db, &api, &keyring).await.unwrap());
        let keys = Keys::new(
            db.clone(),
            api.clone(),
            keyring,
            permits.public(),
            keys::Settings::default(),
        );
        let policy = Policy::new(
            db.clone(),
            api.clone(),
            permits,
            Arc::new(NoLookups),
            policy::Config::default(),
        );
        let roles = vec![Role::Admin, Role::Operator, Role::Controller];
        let who = Principal {
            id: "ann".into(),
            kind: Kind::Person,
            namespace: namespace("ns"),
            roles,
        };
        let connector: Arc<dyn Connector> = coins.clone();
        let settings = submit::Settings::default();
        let submit = Submit::new(
            db.clone(),
            api.clone(),
            keys.clone(),
            policy.clone(),
            vec![connector.clone()],
            settings,
        );
        let lanes = test.lease("lanes/0").await;
        let worker = Worker::new(submit.clone(), 0, lanes.clone());
        let blocks = test.lease(&format!("chain/{}", connector.chain())).await;
        let follow = Settings {
            start: Start::Height(0),
            keep_all: true,
            blocks_per_turn: 20,
        };
        let follower = Follower::new(db, blocks.clone(), connector, Vec::new(), follow);
        let key = CoinKey::new(7);
        let (signer, shop) = (
            key.address(coins.chain()),
            CoinKey::new(9).address(coins.chain()),
        );
        let leases = vec![api, lanes, blocks];
        let world = Self {
            test,
            coins,
            who,
            key,
            signer,
            shop,
            submit,
            worker,
            follower,
            leases,
        };
        world.settle_in(&keys, &policy).await;
        world
    }

    /// The treasury's key and its policy, unless they are there.
    async fn settle_in(&self, keys: &Keys, policy: &Policy) {
        if keys::wallet_named(keys, &self.who, "treasury")
            .await
            .is_ok()
        {
            return;
        }
        let new = NewWallet {
            name: "treasury".into(),
            kind: WalletKind::User,
            metadata: Json::parse("{}").unwrap(),
            account: 0,
            secret: NewSecret::PrivateKey {
                key: Zeroizing::new([7; 32]),
                chain: self.coins.chain().clone(),
            },
        };
        keys::create_wallet(keys, &self.who, new).await.unwrap();
        policy::put(policy, &self.who, "small", "").await.unwrap();
        let version = NewVersion {
            description: String::new(),
            document: PAY_SMALL.into(),
            example_input: None,
        };
        policy::add_version(policy, &self.who, "small", version)
            .await
            .unwrap();
        policy::attach(policy, &self.who, "small", Target::Namespace)
            .await
            .unwrap();
    }

    async fn crash_and_restart(self) -> Self {
        let Self {
            test,
            coins,
            submit,
            worker,
            follower,
            ..
        } = self;
        drop((submit, worker, follower));
        Self::build(test.reopen().await, coins).await
    }

    async fn pay(&self, satoshi: u64) -> SubmissionId {
        let (chain, signer, shop) = (
            self.coins.chain().clone(),
            self.signer.clone(),
            self.shop.clone(),
        );
        let intent = Intent::call(chain, signer, Some(shop), Amount::from(satoshi), Vec::new());
        let new = Enqueue {
            key: None,
            intent,
            interface: None,
            policies: vec![],
            context: submit::Context::default(),
        };
        submit::enqueue(&self.submit, &self.who, new)
            .await
            .unwrap()
            .submission()
            .id
    }

    async fn get(&self, id: SubmissionId) -> Submission {
        submit::get(&self.submit, &self.who, id).await.unwrap()
    }

    async fn state(&self, id: SubmissionId) -> State {
        self.get(id).await.state
    }

    async fn sent(&self, id: SubmissionId) -> Vec<String> {
        let sent = submit::sent(&self.submit, &self.who, id).await.unwrap();
        sent.into_iter().map(|one| one.transaction).collect()
    }

    async fn work(&self) {
        self.worker.turn().await.unwrap();
    }

    async fn settle(&self) {
        for _ in 0..50 {
            let mut moved = false;
            for _ in 0..40 {
                match self.follower.turn().await.unwrap() {
                    index::Progress::Idle | index::Progress::Halted => break,
                    _ => moved = true,
                }
            }
            moved |= self.worker.turn().await.unwrap().changed > 0;
            if !moved {
                return;
            }
        }
        panic!("the workers never come to rest");
    }

    async fn wait(&self, millis: i64) {
        self.test.clock.advance_millis(millis);
        for lease in &self.leases {
            self.test.db.renew(lease).await.unwrap();
        }
        self.settle().await;
    }

    async fn mine(&self, blocks: u64) {
        for _ in 0..blocks {
            self.coins.mine();
        }
        self.settle().await;
    }

    /// What the chain itself counts: satoshi of each payment to the shop.
    fn paid(&self) -> Vec<u64> {
        self.coins
            .payments_to(&self.shop)
            .into_iter()
            .map(|(_, _, satoshi)| satoshi)
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_coins_pay_once_through_a_lost_reply_a_crash_and_two_reorganisations() {
    on_each_engine(|test| async move {
        let mut world = World::new(test, &[60_000, 50_000]).await;
        world.coins.lose_reply_next_submit();
        let id = world.pay(90_000).await;
        for _ in 0..4 {
            world.work().await;
            world = world.crash_and_restart().await;
        }
        world.wait(3_000).await;
        let accepted = world.get(id).await;
        assert_eq!(accepted.state, State::Accepted, "{:?}", accepted.reason);
        let transaction = accepted.transaction.clone().unwrap();
        assert!(
            world.coins.arrivals(&transaction) >= 2,
            "the lost reply was asked for again"
        );
        world.mine(1).await;
        assert_eq!(
            (world.state(id).await, world.paid()),
            (State::Mined, vec![90_000])
        );

        // It falls out of its block and waits; then out of another, and is mined elsewhere at once.
        world.coins.reorg(1, |_| Fate::Lost);
        world.mine_empty().await;
        assert!(matches!(
            world.state(id).await,
            State::Reorged | State::Accepted
        ));
        assert_eq!(world.paid(), [0u64; 0]);
        world = world.crash_and_restart().await;
        world.wait(31_000).await;
        assert_eq!(
            world.coins.pool(),
            std::slice::from_ref(&transaction),
            "sent again, same bytes"
        );
        world.mine(1).await;
        let mined = world.get(id).await.block_hash;
        world.coins.reorg(1, |_| Fate::Mined);
        world.mine(1).await;
        let again = world.get(id).await;
        assert_eq!(again.state, State::Mined);
        assert_ne!(again.block_hash, mined, "mined elsewhere");
        world.mine(4).await;
        assert_eq!(
            (world.state(id).await, world.paid()),
            (State::Final, vec![90_000])
        );
        assert_eq!(
            (world.sent(id).await, world.coins.mined()),
            (vec![transaction.clone()], vec![transaction])
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_submission_never_spends_what_the_first_holds() {
    on_each_engine(|test| async move {
        let world = World::new(test, &[60_000, 50_000]).await;
        world.coins.next_submit(testkit::utxo::Fault::LoseCall); // so that the pool does not know that the coins are taken
        let first = world.pay(90_000).await;
        world.work().await;
        assert_eq!(world.state(first).await, State::Signed);
        let second = world.pay(40_000).await;
        let third = world.pay(3_000).await;
        world.work().await;
        world.work().await;
        let waiting = world.get(second).await;
        assert_eq!(waiting.state, State::Permitted, "{:?}", waiting.reason);
        assert_eq!(world.sent(second).await, [""; 0]);
        // A coin for the small one: it need not wait for the large one before it.
        world.coins.fund(&world.signer, 5_000);
        world.wait(6_000).await;
        assert_eq!(
            world.state(third).await,
            State::Accepted,
            "{:?}",
            world.get(third).await.reason
        );
        world.coins.fund(&world.signer, 45_000);
        world.wait(6_000).await;
        world.mine(6).await;
        for id in [first, second, third] {
            assert_eq!(
                world.state(id).await,
                State::Final,
                "{:?}",
                world.get(id).await.reason
            );
        }
        let mut paid = world.paid();
        paid.sort_unstable();
        assert_eq!(paid, [3_000, 40_000, 90_000]);
        assert_eq!(world.coins.mined().len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_spends_the_same_coins() {
    on_each_engine(|test| async move {
        let world = World::new(test, &[60_000, 50_000]).await;
        let id = world.pay(90_000).await;
        world.settle().await;
        assert_eq!(world.state(id).await, State::Accepted);
        let cancel = submit::cancel(&world.submit, &world.who, id).await.unwrap();
        world.settle().await;
        world.wait(40_000).await;
        let on_its_way = world.get(cancel.id).await;
        assert_eq!(on_its_way.state, State::Accepted, "{:?}", on_its_way.reason);
        assert_eq!(
            world.coins.pool(),
            [on_its_way.transaction.unwrap()],
            "it took the other's place"
        );
        world.mine(1).await;
        // Even the cancel may fall out of its block, and the other come back in its place.
        world.mine(5).await;
        assert_eq!(
            (world.state(id).await, world.state(cancel.id).await),
            (State::Cancelled, State::Final)
        );
        assert_eq!((world.paid(), world.coins.mined().len()), (vec![], 1));
        let next = world.pay(100_000).await;
        world.settle().await;
        world.mine(5).await;
        assert_eq!(
            (world.state(next).await, world.paid()),
            (State::Final, vec![100_000])
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_falls_out_of_its_block_may_lose_after_all() {
    on_each_engine(|test| async move {
        let world = World::new(test, &[60_000]).await;
        let id = world.pay(20_000).await;
        world.settle().await;
        let payment = world.get(id).await.transaction.unwrap();
        let cancel = submit::cancel(&world.submit, &world.who, id).await.unwrap();
        world.settle().await;
        let (_, base) = world.coins.tip();
        world.mine(1).await;
        assert_eq!(
            world.state(cancel.id).await,
            State::Mined,
            "{:?}",
            world.get(cancel.id).await.reason
        );
        // Another branch holds the payment instead.
        let branch = world.coins.grow(&base, &[&payment]);
        let branch = world.coins.grow(&branch, &[]);
        world.coins.switch_to(&branch);
        world.settle().await;
        assert_eq!(world.state(id).await, State::Mined);
        world.wait(31_000).await;
        world.mine(5).await;
        assert_eq!(
            (world.state(id).await, world.state(cancel.id).await),
            (State::Final, State::Replaced)
        );
        assert_eq!(world.paid(), [20_000]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coin_beside_one_that_a_thief_spent_is_free_again_once_that_is_final() {
    on_each_engine(|test| async move {
        let world = World::new(test, &[60_000, 50_000]).await;
        let id = world.pay(90_000).await;
        world.settle().await;
        let ours = world.get(id).await.transaction.unwrap();
        assert!(world.coins.drop_from_pool(&ours));
        // Somebody else has the key, and spends one of the two coins.
        let (chain, signer) = (world.coins.chain().clone(), world.signer.clone());
        let thief = CoinKey::new(13).address(&chain);
        let intent = Intent::call(chain, signer, Some(thief), Amount::from(58_000), Vec::new());
        let quote = world
            .coins
            .quote(std::slice::from_ref(&intent))
            .await
            .remove(0)
            .unwrap();
        let reservations = chain::Reservations::default();
        let plan = chain::Plan {
            intent: &intent,
            terms: quote.terms,
            reservations: &reservations,
            authorisations: &[],
        };
        let stolen = world
            .key
            .sign(&world.coins.plan(&[plan]).await.remove(0).unwrap());
        assert_eq!(
            world.coins.submit(&[stolen]).await,
            [chain::Submitted::Accepted]
        );
        world.mine(1).await;
        let lane = submit::lane_status(
            &world.submit,
            &world.who,
            world.coins.chain(),
            &world.signer,
        )
        .await;
        assert!(
            lane.unwrap()
                .unwrap()
                .paused
                .is_some_and(|why| why.contains("foreign use"))
        );
        world.mine(5).await;
        assert_eq!(world.state(id).await, State::Replaced);
        submit::resume_lane(
            &world.submit,
            &world.who,
            world.coins.chain(),
            &world.signer,
            "looked",
        )
        .await
        .unwrap();
        let rest = world.pay(40_000).await;
        world.settle().await;
        world.mine(5).await;
        assert_eq!(
            world.state(rest).await,
            State::Final,
            "{:?}",
            world.get(rest).await.reason
        );
        assert_eq!(world.paid(), [40_000]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_rose_is_paid_within_the_permit_and_no_further() {
    on_each_engine(|test| async move {
        let world = World::new(test, &[600_000]).await;
        world
            .coins
            .refuse_next(Class::Underpriced, "min relay fee not met");
        let id = world.pay(20_000).await;
        world.settle().await;
        world.wait(2_000).await;
        let one = world.get(id).await;
        assert_eq!(one.state, State::Accepted, "{:?}", one.reason);
        assert_eq!(world.sent(id).await.len(), 2);
        world.mine(5).await;
        assert_eq!(
            (world.state(id).await, world.paid()),
            (State::Final, vec![20_000])
        );

        // Beyond the permit it waits, says why, and goes when the price has fallen.
        let dear = world.pay(30_000).await;
        world.work().await;
        world.coins.set_fee_rates(10_000, 10_000);
        let late = world.pay(1_000).await;
        world
            .coins
            .drop_from_pool(&world.get(dear).await.transaction.unwrap_or_default());
        world.wait(31_000).await;
        let waiting = world.get(dear).await;
        assert_eq!(waiting.state, State::Paused, "{:?}", waiting.reason);
        assert!(waiting.reason.is_some_and(|why| why.contains("fee cap")));
        world.coins.set_fee_rates(2, 1);
        world.wait(61_000).await;
        world.wait(61_000).await;
        world.mine(5).await;
        assert_eq!(
            world.state(dear).await,
            State::Final,
            "{:?}",
            world.get(dear).await.reason
        );
        world.wait(61_000).await;
        world.mine(5).await;
        assert!(
            world.state(late).await.is_terminal(),
            "{:?}",
            world.get(late).await
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_long_offers_more_once_the_chain_asks_more() {
    on_each_engine(|test| async move {
        let world = World::new(test, &[60_000, 90_000]).await;
        let id = world.pay(20_000).await;
        world.settle().await;
        world.wait(400_000).await;
        assert_eq!(world.sent(id).await.len(), 1, "the price has not risen");
        world.coins.set_fee_rates(3, 1);
        world.wait(31_000).await;
        let sent = world.sent(id).await;
        assert_eq!(sent.len(), 2, "{:?}", world.get(id).await.reason);
        assert_eq!(world.coins.pool(), [sent[1].clone()]);
        world.wait(31_000).await;
        assert_eq!(
            world.sent(id).await.len(),
            2,
            "once is enough for the time being"
        );
        world.mine(5).await;
        assert_eq!(
            (world.state(id).await, world.paid()),
            (State::Final, vec![20_000])
        );
    })
    .await;
}

impl World {
    async fn mine_empty(&self) {
        self.coins.mine_empty(1);
        self.settle().await;
    }
}
