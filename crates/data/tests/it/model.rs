//! Random sequences of blocks, reorgs, bulk updates, replacements and deletions, compared with a
//! model that keeps only what counts.

use crate::queries::bulk_query;
use crate::world::{ALICE, BOB, TOKEN, World, ZERO, ann, erc20, with_each_engine};
use data::Type;
use num_bigint::BigInt;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use testkit::SeededEntropy;
use types::{Amount, Transfer, TransferKind};

const OTHER: &str = "0x8888888888888888888888888888888888888888";
const PEOPLE: [&str; 4] = [
    ALICE,
    BOB,
    ZERO,
    "0xcccccccccccccccccccccccccccccccccccccccc",
];

/// The effect of a transfer: addresses and signed amounts in a pool.
#[derive(Debug, Clone, Default, PartialEq)]
struct Effect {
    pool: String,
    moves: Vec<(String, BigInt)>,
    height: Option<u64>,
}

/// A reverted block, with the edits of its transfers.
type RevertedBlock = (u64, String, Vec<Transfer>, BTreeMap<String, Effect>);

#[derive(Default)]
struct Model {
    /// Counted transfers, by protocol id.
    live: BTreeMap<String, Effect>,
    /// Blocks on the chain, lowest first.
    chain: Vec<(u64, String, Vec<Transfer>)>,
    /// Reverted blocks, with the edits of their transfers.
    reverted: Vec<RevertedBlock>,
    /// Transfers of reverted blocks, which can be included again.
    dropped: Vec<Transfer>,
}

fn derived(pool: &str, from: &str, to: &str, amount: &BigInt, height: Option<u64>) -> Effect {
    let moves = [(from, -amount.clone()), (to, amount.clone())];
    let moves = moves
        .into_iter()
        .filter(|(address, _)| *address != ZERO)
        .map(|(address, n)| (address.to_owned(), n))
        .collect();
    Effect {
        pool: pool.to_owned(),
        moves,
        height,
    }
}

fn pool_of(transfer: &Transfer) -> String {
    match &transfer.what {
        TransferKind::Fungible { token_id: Some(id) } => format!("{}/id-{id}", transfer.contract),
        _ => format!("{}/main", transfer.contract),
    }
}

fn chain_effect(transfer: &Transfer, height: u64) -> Effect {
    let amount: BigInt = transfer.amount.to_string().parse().unwrap();
    derived(
        &pool_of(transfer),
        &transfer.from,
        &transfer.to,
        &amount,
        Some(height),
    )
}

struct Simulation<'w> {
    world: &'w World,
    entropy: SeededEntropy,
    model: Model,
    next: u64,
}

impl Simulation<'_> {
    fn below(&self, bound: u64) -> u64 {
        self.entropy.below(bound)
    }

    fn pick<'v>(&self, of: &[&'v str]) -> &'v str {
        of[self.below(of.len() as u64) as usize]
    }

    fn amount(&self) -> BigInt {
        let digits = 1 + self.below(77) as usize;
        Amount::MAX.to_string()[..digits].parse().unwrap()
    }

    fn transfer(&mut self) -> Transfer {
        self.next += 1;
        let mut transfer = erc20(
            &format!("0xt{}", self.next),
            "0",
            "",
            self.pick(&PEOPLE),
            self.pick(&PEOPLE),
            0,
        );
        transfer.amount = self.amount().to_string().parse().unwrap();
        transfer.contract = self.pick(&[TOKEN, OTHER]).to_owned();
        if self.below(3) == 0 {
            transfer.what = TransferKind::Fungible {
                token_id: Some(Amount::from(self.below(2))),
            };
        }
        transfer
    }

    async fn step(&mut self) {
        match self.below(9) {
            0..=2 => self.extend().await,
            3 => self.undo().await,
            4 => self.restore().await,
            5 | 6 => self.write().await,
            7 => self.set_changes().await,
            _ => self.delete().await,
        }
    }

    async fn extend(&mut self) {
        let height = self.model.chain.last().map_or(1, |(height, ..)| height + 1);
        self.next += 1;
        let hash = format!("0xblock{}", self.next);
        let mut transfers: Vec<Transfer> = Vec::new();
        for _ in 0..self.below(4) {
            let again = self.below(2) == 0;
            let transfer = self.model.dropped.pop().filter(|_| again);
            transfers.push(match transfer {
                Some(transfer) => transfer,
                None => self.transfer(),
            });
        }
        for (index, transfer) in transfers.iter_mut().enumerate() {
            transfer.protocol_id = format!("{height:012}/{index:06}/000000");
        }
        self.add(height, hash, transfers, BTreeMap::new()).await;
    }

    async fn add(
        &mut self,
        height: u64,
        hash: String,
        transfers: Vec<Transfer>,
        edits: BTreeMap<String, Effect>,
    ) {
        self.world.apply(height, &hash, &transfers).await;
        for transfer in &transfers {
            let effect = edits
                .get(&transfer.protocol_id)
                .cloned()
                .unwrap_or_else(|| chain_effect(transfer, height));
            self.model.live.insert(transfer.protocol_id.clone(), effect);
        }
        self.model.chain.push((height, hash, transfers));
    }

    async fn undo(&mut self) {
        let Some((height, hash, transfers)) = self.model.chain.pop() else {
            return;
        };
        self.world.undo(height, &hash).await;
        let mut edits = BTreeMap::new();
        for transfer in &transfers {
            edits.insert(
                transfer.protocol_id.clone(),
                self.model.live.remove(&transfer.protocol_id).unwrap(),
            );
        }
        self.model.dropped.extend(transfers.clone());
        self.model.reverted.push((height, hash, transfers, edits));
    }

    /// Restore a reverted block, if it fits and none of its transfers was included elsewhere.
    async fn restore(&mut self) {
        let top = self.model.chain.last().map_or(0, |(height, ..)| *height);
        let Some((height, hash, transfers, edits)) = self.model.reverted.pop() else {
            return;
        };
        let included = |transfer: &Transfer| {
            self.model
                .chain
                .iter()
                .flat_map(|(_, _, all)| all)
                .any(|other| other.transaction == transfer.transaction)
        };
        if height != top + 1 || transfers.iter().any(included) {
            return;
        }
        self.model.dropped.retain(|transfer| {
            transfers
                .iter()
                .all(|back| back.transaction != transfer.transaction)
        });
        self.add(height, hash, transfers, edits).await;
    }

    fn parents(&self) -> Vec<String> {
        vec![format!("{TOKEN}/desk"), format!("{OTHER}/desk")]
    }

    async fn write(&mut self) {
        let id = format!("manual-{}", self.below(5));
        let parents = self.parents();
        let pool = parents[self.below(2) as usize].clone();
        let (from, to, amount) = (self.pick(&PEOPLE), self.pick(&PEOPLE), self.amount());
        let item = json!({"updateType": "create_or_replace", "protocolId": id, "from": from, "to": to,
            "amount": amount.to_string(), "parent": {"type": "pool", "ref": pool}});
        let mut transfers = vec![item];
        let mut effect = derived(&pool, from, to, &amount, None);
        if self.below(2) == 0 {
            let second = self.amount();
            transfers.push(json!({"updateType": "update_only", "protocolId": id, "amount": second.to_string()}));
            effect = derived(&pool, from, to, &second, None);
        }
        self.world
            .bulk(json!({ "transfers": transfers }))
            .await
            .unwrap();
        self.model.live.insert(id, effect);
    }

    /// Set explicit balance changes of a transfer of the caller. Those of the chain refuse them.
    async fn set_changes(&mut self) {
        let ids: Vec<String> = self.model.live.keys().cloned().collect();
        let (ids, of_chain): (Vec<String>, Vec<String>) =
            ids.into_iter().partition(|id| id.starts_with("manual"));
        if let Some(id) = of_chain.first() {
            let change = json!({"address": ALICE, "operation": "add", "amount": "1"});
            let item = json!({"updateType": "update_only", "protocolId": id, "balanceChanges": [change, change, change]});
            let refused = self.world.bulk(json!({"transfers": [item]})).await;
            assert!(matches!(
                refused,
                Err(data::Error::ImmutableTransfer { .. })
            ));
        }
        if ids.is_empty() {
            return;
        }
        let id = ids[self.below(ids.len() as u64) as usize].clone();
        let (address, amount) = (self.pick(&PEOPLE), self.amount());
        let (operation, signed) = if self.below(2) == 0 {
            ("add", amount.clone())
        } else {
            ("subtract", -amount.clone())
        };
        let change =
            json!({"address": address, "operation": operation, "amount": amount.to_string()});
        let item = json!({"updateType": "update_only", "protocolId": id, "balanceChanges": [change, change]});
        self.world.bulk(json!({"transfers": [item]})).await.unwrap();
        let effect = self.model.live.get_mut(&id).unwrap();
        effect.moves = vec![
            (address.to_owned(), signed.clone()),
            (address.to_owned(), signed),
        ];
    }

    async fn delete(&mut self) {
        let manual: Vec<String> = self
            .model
            .live
            .keys()
            .filter(|id| id.starts_with("manual"))
            .cloned()
            .collect();
        if let Some(id) = manual.first() {
            data::delete(&self.world.data, &ann(), Type::Transfer, id)
                .await
                .unwrap();
            self.model.live.remove(id);
        }
    }

    fn balances(&self, counts: impl Fn(&Effect) -> bool) -> BTreeMap<(String, String), BigInt> {
        let mut balances: BTreeMap<(String, String), BigInt> = BTreeMap::new();
        for effect in self.model.live.values().filter(|effect| counts(effect)) {
            for (address, amount) in &effect.moves {
                *balances
                    .entry((address.clone(), effect.pool.clone()))
                    .or_default() += amount;
            }
        }
        balances.retain(|_, amount| *amount != BigInt::ZERO);
        balances
    }

    async fn check(&self, at: &str) {
        let final_height = self.model.chain.last().map_or(0, |(height, ..)| height / 2);
        self.world.finalize(final_height);
        let answer = bulk_query(
            self.world,
            json!({"balances": {"limit": 1000}, "transfers": {"limit": 1000}}),
        )
        .await
        .unwrap();
        let shown = |field: &str| -> BTreeMap<(String, String), BigInt> {
            let items = answer["balances"]["items"].as_array().unwrap().iter();
            let amount = |item: &Value| item[field].as_str().unwrap().parse::<BigInt>().unwrap();
            let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
            let all = items.map(|item| ((text(item, "address"), text(item, "pool")), amount(item)));
            all.filter(|(_, amount)| *amount != BigInt::ZERO).collect()
        };
        assert_eq!(shown("balanceAfter"), self.balances(|_| true), "{at}");
        let is_final = |effect: &Effect| effect.height.is_none_or(|height| height <= final_height);
        assert_eq!(
            shown("balanceFinal"),
            self.balances(is_final),
            "{at}: final"
        );
        let transfers = answer["transfers"]["items"].as_array().unwrap();
        let mut ids: Vec<&str> = transfers
            .iter()
            .map(|item| item["protocolId"].as_str().unwrap())
            .collect();
        ids.sort_unstable();
        assert_eq!(
            ids,
            self.model
                .live
                .keys()
                .map(String::as_str)
                .collect::<Vec<_>>(),
            "{at}"
        );
        self.check_changes(at).await;
    }

    /// The totals of each change must match, and the last total of each history must be the
    /// balance.
    async fn check_changes(&self, at: &str) {
        let answer = bulk_query(self.world, json!({"balanceChanges": {"limit": 1000}}))
            .await
            .unwrap();
        let page = &answer["balanceChanges"];
        assert_eq!(page["allItems"], true);
        let mut now: BTreeMap<(String, String), BigInt> = BTreeMap::new();
        for item in page["items"].as_array().unwrap().iter().rev() {
            let number = |name: &str| item[name].as_str().unwrap().parse::<BigInt>().unwrap();
            let key = (
                item["address"].as_str().unwrap().to_owned(),
                item["parent"]["ref"].as_str().unwrap().to_owned(),
            );
            let running = now.entry(key).or_default();
            assert_eq!(number("balanceBefore"), *running, "{at}: {item}");
            *running += if item["operation"] == "add" {
                number("amount")
            } else {
                -number("amount")
            };
            assert_eq!(number("balanceAfter"), *running, "{at}: {item}");
        }
        now.retain(|_, amount| *amount != BigInt::ZERO);
        // Explicit changes of the zero address count like any other.
        assert_eq!(now, self.balances(|_| true), "{at}: changes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn balances_are_the_sum_of_all_counted_transfers() {
    let setting = |name: &str, default: u64| {
        std::env::var(name)
            .ok()
            .and_then(|n| n.parse().ok())
            .unwrap_or(default)
    };
    let (steps, first) = (setting("FLORIN_STEPS", 50), setting("FLORIN_SEED", 1));
    for seed in first..first + setting("FLORIN_ROUNDS", 2) {
        with_each_engine(|world| async move {
            world
                .bulk(json!({"addresses": [{"address": TOKEN}, {"address": OTHER}],
                    "pools": [{"name": "main", "address": TOKEN}, {"name": "main", "address": OTHER},
                        {"name": "desk", "address": TOKEN}, {"name": "desk", "address": OTHER}]}))
                .await
                .unwrap();
            let entropy = SeededEntropy::new(seed);
            let mut simulation = Simulation { world: &world, entropy, model: Model::default(), next: 0 };
            for step in 0..steps {
                simulation.step().await;
                if step % 3 == 2 {
                    simulation.check(&format!("seed {seed} step {step} {:?}", world.test.engine())).await;
                }
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_verifier_recomputes_the_merkle_root_of_a_batch() {
    with_each_engine(|world| async move {
        let entropy = SeededEntropy::new(77);
        let mut simulation = Simulation { world: &world, entropy, model: Model::default(), next: 0 };
        for _ in 0..8 {
            simulation.extend().await;
        }
        simulation.undo().await;
        simulation.extend().await;
        let id = simulation.model.live.keys().next().unwrap().clone();
        world
            .bulk(json!({"transfers": [{"protocolId": id, "labels": {"seen": "yes"}, "info": {"n": 1}}]}))
            .await
            .unwrap();
        let report = verify_database(&world).await;
        assert!(report.is_valid(), "{:?}", report.problems);
        let forged = id.clone();
        world
            .test
            .db
            .on(&world.lease)
            .write(&ann().namespace, move |tx| {
                tx.execute(
                    "UPDATE transfer SET amount = ?1 WHERE namespace = ?ns AND protocol_id = ?2",
                    (Amount::from(1), &forged),
                )
            })
            .await
            .map_err(|error: store::Error| error)
            .unwrap();
        assert!(!verify_database(&world).await.is_valid(), "a changed amount is detected");
    })
    .await;
}

async fn verify_database(world: &World) -> verify::Report {
    let source = match world.test.config() {
        store::Config::Sqlite { path, .. } => verify::Source::Sqlite(path.clone()),
        store::Config::Postgres { url, .. } => verify::Source::Postgres(url.clone()),
    };
    let options = verify::Options {
        batches: true,
        ..verify::Options::default()
    };
    tokio::task::spawn_blocking(move || verify::run(&source, &options, &mut |_| {}).unwrap())
        .await
        .unwrap()
}
