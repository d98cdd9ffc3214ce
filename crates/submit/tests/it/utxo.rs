//! The same engine on a UTXO chain, where replay keys are coins instead of nonces.

use crate::world::{PAY_SMALL, registry};
use chain::{Connector, RefusalClass};
use index::{Settings, Start};
use intent::Intent;
use keys::{Keys, NewSecret, NewWallet, WalletKind};
use policy::{
    LocalSigner, NewPolicy, NewVersion, NoApiKeys, NoContracts, NoLookups, PermitSigner as _,
    Policy, Target,
};
use secrets::{KdfCost, MasterKey};
use std::sync::Arc;
use submit::{Enqueue, State, Submission, Submit, Worker};
use testkit::utxo::{CoinKey, Fate};
use testkit::{FakeUtxoChain, TestDb, namespace, on_each_engine};
use types::{Amount, Json, Principal, PrincipalKind, Role, SubmissionId};
use zeroize::Zeroizing;

/// A treasury with coins, and a shop that is paid.
struct World {
    test: TestDb,
    coins: Arc<FakeUtxoChain>,
    principal: Principal,
    /// The treasury's key, so that a test can sign with it outside Florin.
    key: CoinKey,
    signer: String,
    shop: String,
    submit: Submit,
    worker: Worker,
    indexer: index::Worker,
    leases: Vec<store::Lease>,
}

impl World {
    async fn new(test: TestDb, coins: &[u64]) -> Self {
        let chain = Arc::new(FakeUtxoChain::new());
        let world = Self::build(test, chain).await;
        for satoshi in coins {
            world.coins.fund(&world.signer, *satoshi);
        }
        world.run_until_idle().await;
        world
    }

    async fn build(test: TestDb, coins: Arc<FakeUtxoChain>) -> Self {
        let db = test.db.clone();
        let api = test.lease("api/0").await;
        let keyring = secrets::open_keyring(
            &db,
            &api,
            MasterKey::Passphrase("test".to_owned().into(), KdfCost::TEST),
        )
        .await
        .unwrap();
        let permits = Arc::new(
            LocalSigner::load_or_create(&db, &api, &keyring)
                .await
                .unwrap(),
        );
        let parts = keys::Parts {
            db: db.clone(),
            lease: api.clone(),
            keyring,
            policy_key: permits.public(),
            backends: Vec::new(),
        };
        let keys = Keys::new(parts, keys::Settings::default());
        let parts = policy::Parts {
            db: db.clone(),
            lease: api.clone(),
            signer: permits,
            lookups: Arc::new(NoLookups),
            contracts: Arc::new(NoContracts),
            api_keys: Arc::new(NoApiKeys),
        };
        let policy = Policy::new(parts, policy::Settings::default());
        let roles = vec![Role::Admin, Role::Operator, Role::Controller];
        let principal = Principal {
            id: "ann".into(),
            kind: PrincipalKind::Person,
            namespace: namespace("ns"),
            roles,
            key: None,
            chain_of: Vec::new(),
            trace: None,
        };
        let connector: Arc<dyn Connector> = coins.clone();
        let settings = submit::Settings::default();
        let contracts = registry(&db, &api, std::slice::from_ref(&connector));
        let submit = Submit::new(
            submit::Parts {
                db: db.clone(),
                lease: api.clone(),
                keys: keys.clone(),
                policy: policy.clone(),
                contracts: contracts.clone(),
                chains: vec![connector.clone()],
            },
            settings,
        );
        let lanes = test.lease(&submit::shard_partition(0)).await;
        let worker = Worker::new(submit.clone(), 0, lanes.clone());
        let blocks = test.lease(&index::partition(connector.chain())).await;
        let index_settings = Settings {
            start: Start::Height(0),
            store_all_events: true,
            blocks_per_turn: 20,
        };
        let parts = index::WorkerParts {
            db,
            lease: blocks.clone(),
            chain: connector,
            projections: Vec::new(),
        };
        let indexer = index::Worker::new(parts, index_settings);
        let key = CoinKey::new(7);
        let (signer, shop) = (
            key.address(coins.chain()),
            CoinKey::new(9).address(coins.chain()),
        );
        let leases = vec![api, lanes, blocks];
        let world = Self {
            test,
            coins,
            principal,
            key,
            signer,
            shop,
            submit,
            worker,
            indexer,
            leases,
        };
        world.set_up_treasury(&keys, &policy).await;
        world
    }

    /// Creates the treasury's key and its policy, unless they exist.
    async fn set_up_treasury(&self, keys: &Keys, policy: &Policy) {
        if keys::wallet(keys, &self.principal, "treasury")
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
            backend: keys::DEFAULT_BACKEND.into(),
            secret: NewSecret::PrivateKey {
                key: Zeroizing::new([7; 32]),
                chain: *self.coins.chain(),
            },
        };
        keys::create_wallet(keys, &self.principal, new)
            .await
            .unwrap();
        policy::put_policy(policy, &self.principal, "small", NewPolicy::default())
            .await
            .unwrap();
        let version = NewVersion {
            description: String::new(),
            document: PAY_SMALL.into(),
            example_input: None,
        };
        policy::add_version(policy, &self.principal, "small", version)
            .await
            .unwrap();
        policy::attach(policy, &self.principal, "small", Target::Namespace)
            .await
            .unwrap();
    }

    async fn crash_and_restart(self) -> Self {
        let Self {
            test,
            coins,
            submit,
            worker,
            indexer,
            ..
        } = self;
        drop((submit, worker, indexer));
        Self::build(test.reopen().await, coins).await
    }

    async fn pay(&self, satoshi: u64) -> SubmissionId {
        let (chain, signer, shop) = (*self.coins.chain(), self.signer.clone(), self.shop.clone());
        let intent = Intent::call(chain, signer, Some(shop), Amount::from(satoshi), Vec::new());
        let new = Enqueue {
            idempotency_key: None,
            intent,
            interface: None,
            policies: vec![],
            context: submit::Context::default(),
        };
        submit::enqueue(&self.submit, &self.principal, new)
            .await
            .unwrap()
            .submission()
            .id
    }

    async fn get(&self, id: SubmissionId) -> Submission {
        submit::submission(&self.submit, &self.principal, id)
            .await
            .unwrap()
    }

    async fn state(&self, id: SubmissionId) -> State {
        self.get(id).await.state
    }

    async fn sent(&self, id: SubmissionId) -> Vec<String> {
        let sent = submit::transactions(&self.submit, &self.principal, id)
            .await
            .unwrap();
        sent.into_iter().map(|sent| sent.transaction).collect()
    }

    async fn turn(&self) {
        self.worker.turn().await.unwrap();
    }

    async fn run_until_idle(&self) {
        for _ in 0..50 {
            let mut progressed = false;
            for _ in 0..40 {
                match self.indexer.turn().await.unwrap() {
                    index::Progress::Idle | index::Progress::Halted => break,
                    _ => progressed = true,
                }
            }
            progressed |= self.worker.turn().await.unwrap().changed > 0;
            if !progressed {
                return;
            }
        }
        panic!("the workers never become idle");
    }

    async fn wait(&self, millis: i64) {
        self.test.clock.advance_millis(millis);
        for lease in &self.leases {
            self.test.db.renew(lease).await.unwrap();
        }
        self.run_until_idle().await;
    }

    async fn mine(&self, blocks: u64) {
        for _ in 0..blocks {
            self.coins.mine();
        }
        self.run_until_idle().await;
    }

    /// The payments to the shop on the chain, in satoshi.
    fn paid(&self) -> Vec<u64> {
        self.coins
            .payments_to(&self.shop)
            .into_iter()
            .map(|(_, _, satoshi)| satoshi)
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_coins_pay_once_through_a_lost_reply_a_crash_and_two_reorganizations() {
    on_each_engine(|test| async move {
        let mut world = World::new(test, &[60_000, 50_000]).await;
        world.coins.lose_reply_next_submit();
        let id = world.pay(90_000).await;
        for _ in 0..4 {
            world.turn().await;
            world = world.crash_and_restart().await;
        }
        world.wait(3_000).await;
        let accepted = world.get(id).await;
        assert_eq!(accepted.state, State::Accepted, "{:?}", accepted.reason);
        let transaction = accepted.transaction.clone().unwrap();
        assert!(
            world.coins.arrivals(&transaction) >= 2,
            "the transaction with the lost reply was not sent again"
        );
        world.mine(1).await;
        assert_eq!(
            (world.state(id).await, world.paid()),
            (State::Mined, vec![90_000])
        );

        // Its block is reorganized away and it waits; then it is reorganized into another block.
        world.coins.reorg(1, |_| Fate::Dropped);
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
            "the same bytes are sent again"
        );
        world.mine(1).await;
        let mined = world.get(id).await.block_hash;
        world.coins.reorg(1, |_| Fate::Mined);
        world.mine(1).await;
        let again = world.get(id).await;
        assert_eq!(again.state, State::Mined);
        assert_ne!(again.block_hash, mined, "mined in another block");
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
async fn a_second_submission_never_spends_coins_held_by_the_first() {
    on_each_engine(|test| async move {
        let world = World::new(test, &[60_000, 50_000]).await;
        // The pool must not know that the coins are spent.
        world.coins.next_submit(testkit::utxo::Fault::LoseCall);
        let first = world.pay(90_000).await;
        world.turn().await;
        assert_eq!(world.state(first).await, State::Signed);
        let second = world.pay(40_000).await;
        let third = world.pay(3_000).await;
        world.turn().await;
        world.turn().await;
        let waiting = world.get(second).await;
        assert_eq!(waiting.state, State::Permitted, "{:?}", waiting.reason);
        assert_eq!(world.sent(second).await, [""; 0]);
        // A coin for the small payment, which need not wait for the large one before it.
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
        world.run_until_idle().await;
        assert_eq!(world.state(id).await, State::Accepted);
        let cancel = submit::cancel(&world.submit, &world.principal, id)
            .await
            .unwrap();
        world.run_until_idle().await;
        world.wait(40_000).await;
        let accepted = world.get(cancel.id).await;
        assert_eq!(accepted.state, State::Accepted, "{:?}", accepted.reason);
        assert_eq!(
            world.coins.pool(),
            [accepted.transaction.unwrap()],
            "the cancel replaces the payment in the pool"
        );
        world.mine(1).await;
        // Until its block is final, the cancel could still be reorganized away.
        world.mine(5).await;
        assert_eq!(
            (world.state(id).await, world.state(cancel.id).await),
            (State::Cancelled, State::Final)
        );
        assert_eq!((world.paid(), world.coins.mined().len()), (vec![], 1));
        let next = world.pay(100_000).await;
        world.run_until_idle().await;
        world.mine(5).await;
        assert_eq!(
            (world.state(next).await, world.paid()),
            (State::Final, vec![100_000])
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganized_cancel_may_lose_to_its_target() {
    on_each_engine(|test| async move {
        let world = World::new(test, &[60_000]).await;
        let id = world.pay(20_000).await;
        world.run_until_idle().await;
        let payment = world.get(id).await.transaction.unwrap();
        let cancel = submit::cancel(&world.submit, &world.principal, id)
            .await
            .unwrap();
        world.run_until_idle().await;
        let (_, base) = world.coins.tip();
        world.mine(1).await;
        assert_eq!(
            world.state(cancel.id).await,
            State::Mined,
            "{:?}",
            world.get(cancel.id).await.reason
        );
        // Another branch contains the payment instead.
        let branch = world.coins.add_block(&base, &[&payment]);
        let branch = world.coins.add_block(&branch, &[]);
        world.coins.switch_to(&branch);
        world.run_until_idle().await;
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
async fn an_unspent_coin_is_released_once_a_foreign_spend_is_final() {
    on_each_engine(|test| async move {
        let world = World::new(test, &[60_000, 50_000]).await;
        let id = world.pay(90_000).await;
        world.run_until_idle().await;
        let ours = world.get(id).await.transaction.unwrap();
        assert!(world.coins.drop_from_pool(&ours));
        // A thief has the key, and spends one of the two coins.
        let (chain, signer) = (*world.coins.chain(), world.signer.clone());
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
            authorizations: &[],
        };
        let stolen = world
            .key
            .sign(&world.coins.plan(&[plan]).await.remove(0).unwrap());
        assert_eq!(
            world.coins.submit(&[stolen]).await,
            [chain::SubmitOutcome::Accepted]
        );
        world.mine(1).await;
        let lane = submit::lane_status(
            &world.submit,
            &world.principal,
            world.coins.chain(),
            &world.signer,
        )
        .await;
        assert!(
            lane.unwrap()
                .paused
                .is_some_and(|reason| reason.contains("foreign use"))
        );
        world.mine(5).await;
        assert_eq!(world.state(id).await, State::Replaced);
        submit::resume_lane(
            &world.submit,
            &world.principal,
            world.coins.chain(),
            &world.signer,
            "explained",
        )
        .await
        .unwrap();
        let rest = world.pay(40_000).await;
        world.run_until_idle().await;
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
async fn a_higher_price_is_paid_up_to_the_cap_of_the_permit() {
    on_each_engine(|test| async move {
        let world = World::new(test, &[600_000]).await;
        world
            .coins
            .refuse_next(RefusalClass::Underpriced, "min relay fee not met");
        let id = world.pay(20_000).await;
        world.run_until_idle().await;
        world.wait(2_000).await;
        let repriced = world.get(id).await;
        assert_eq!(repriced.state, State::Accepted, "{:?}", repriced.reason);
        assert_eq!(world.sent(id).await.len(), 2);
        world.mine(5).await;
        assert_eq!(
            (world.state(id).await, world.paid()),
            (State::Final, vec![20_000])
        );

        // Above the permit's cap it waits with a reason, and is sent once the price has fallen.
        let expensive = world.pay(30_000).await;
        world.turn().await;
        world.coins.set_fee_rates(10_000, 10_000);
        let late = world.pay(1_000).await;
        world
            .coins
            .drop_from_pool(&world.get(expensive).await.transaction.unwrap_or_default());
        world.wait(31_000).await;
        let waiting = world.get(expensive).await;
        assert_eq!(waiting.state, State::Paused, "{:?}", waiting.reason);
        assert!(
            waiting
                .reason
                .is_some_and(|reason| reason.contains("fee cap"))
        );
        world.coins.set_fee_rates(2, 1);
        world.wait(61_000).await;
        world.wait(61_000).await;
        world.mine(5).await;
        assert_eq!(
            world.state(expensive).await,
            State::Final,
            "{:?}",
            world.get(expensive).await.reason
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
async fn a_stale_transaction_is_repriced_when_the_price_rises() {
    on_each_engine(|test| async move {
        let world = World::new(test, &[60_000, 90_000]).await;
        let id = world.pay(20_000).await;
        world.run_until_idle().await;
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
            "repriced once until it is stale again"
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
        self.run_until_idle().await;
    }
}
