//! Test environment: a data model over a fresh database, final heights that the test sets, and
//! chain transfers.

use data::{BlockTransfers, Chains, Data, Error, Parts, Type, View};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use store::{Cursor, StoredFact, UnscopedTx};
use testkit::TestDb;
use types::{
    Amount, ChainId, Height, Namespace, Principal, PrincipalKind, Role, Time, Transfer,
    TransferKind,
};

pub(crate) const ZERO: &str = "0x0000000000000000000000000000000000000000";
pub(crate) const TOKEN: &str = "0x7777777777777777777777777777777777777777";
pub(crate) const ALICE: &str = "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub(crate) const BOB: &str = "0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// One chain with a final height.
#[derive(Default)]
pub(crate) struct Watermarks(Mutex<BTreeMap<ChainId, Height>>);

impl Chains for Watermarks {
    fn default_chain(&self, _: &Namespace) -> ChainId {
        chain()
    }

    fn final_heights(&self, _: &mut UnscopedTx) -> store::Result<Vec<(ChainId, Height)>> {
        Ok(self.0.lock().unwrap().clone().into_iter().collect())
    }
}

pub(crate) fn chain() -> ChainId {
    ChainId::evm(1337)
}

pub(crate) struct World {
    pub(crate) data: Data,
    pub(crate) test: TestDb,
    pub(crate) watermarks: Arc<Watermarks>,
    pub(crate) lease: store::Lease,
}

pub(crate) fn principal(namespace: &str) -> Principal {
    Principal {
        id: "ann".into(),
        kind: PrincipalKind::Person,
        namespace: testkit::namespace(namespace),
        roles: vec![Role::Operator],
        key: None,
        chain_of: Vec::new(),
        trace: None,
    }
}

pub(crate) fn ann() -> Principal {
    principal("ns")
}

/// Run a test on both engines.
pub(crate) async fn with_each_engine<F, Fut>(test_body: F)
where
    F: Fn(Arc<World>) -> Fut,
    Fut: std::future::Future<Output = ()>,
{
    testkit::on_each_engine(|test| {
        let test_body = &test_body;
        async move {
            let lease = test.lease("api/0").await;
            let watermarks = Arc::new(Watermarks::default());
            let data = Data::new(Parts {
                db: test.db.clone(),
                lease: lease.clone(),
                chains: watermarks.clone(),
            });
            test_body(Arc::new(World {
                data,
                test,
                watermarks,
                lease,
            }))
            .await;
        }
    })
    .await;
}

impl World {
    pub(crate) fn finalize(&self, height: u64) {
        self.watermarks
            .0
            .lock()
            .unwrap()
            .insert(chain(), Height(height));
    }

    pub(crate) async fn bulk(&self, body: serde_json::Value) -> Result<serde_json::Value, Error> {
        let answer = data::bulk_update(&self.data, &ann(), &body.to_string()).await?;
        Ok(serde_json::to_value(answer).unwrap())
    }

    pub(crate) async fn get(
        &self,
        kind: Type,
        reference: &str,
    ) -> Result<serde_json::Value, Error> {
        data::object(&self.data, &ann(), kind, reference)
            .await
            .map(json)
    }

    pub(crate) async fn apply(&self, height: u64, hash: &str, transfers: &[Transfer]) {
        self.apply_to("ns", height, hash, transfers).await;
    }

    pub(crate) async fn apply_to(
        &self,
        namespace: &str,
        height: u64,
        hash: &str,
        transfers: &[Transfer],
    ) {
        let (namespace, hash, transfers) = (
            testkit::namespace(namespace),
            hash.to_owned(),
            transfers.to_vec(),
        );
        self.test
            .db
            .on(&self.lease)
            .write_unscoped(move |tx| {
                let block = BlockTransfers {
                    height: Height(height),
                    hash: &hash,
                    time: Time::from_secs(1_700_000_000 + height as i64),
                    transfers: &transfers,
                };
                data::apply(tx, &namespace, &chain(), &[block])
            })
            .await
            .unwrap();
    }

    pub(crate) async fn undo(&self, height: u64, hash: &str) {
        let hash = hash.to_owned();
        self.test
            .db
            .on(&self.lease)
            .write_unscoped(move |tx| data::undo(tx, &chain(), Height(height), &hash))
            .await
            .unwrap();
    }

    /// The stored balance of an address in a pool, read directly in SQL.
    pub(crate) async fn balance(&self, address: &str, parent: &str) -> String {
        let (address, parent) = (address.to_owned(), parent.to_owned());
        let rows: Vec<(types::Quantity,)> = self
            .test
            .db
            .read(&ann().namespace, move |tx| {
                tx.rows(
                    "SELECT b.quantity FROM balance b WHERE b.namespace = ?ns AND b.address = ?1 AND b.parent_id IN (
                       SELECT p.id FROM pool p WHERE p.namespace = ?ns AND p.address || '/' || p.name = ?2 UNION ALL
                       SELECT n.id FROM nft n WHERE n.namespace = ?ns AND n.address || '/' || n.name = ?2)",
                    (&address, &parent),
                )
            })
            .await
            .map_err(|error: store::Error| error)
            .unwrap();
        rows.first()
            .map_or_else(|| "0".to_owned(), |(quantity,)| quantity.to_string())
    }

    pub(crate) async fn facts(&self) -> Vec<StoredFact> {
        let cursor = Cursor {
            partition: "api/0".into(),
            seq: 0,
        };
        self.test
            .db
            .read_unscoped(move |tx| store::facts_after(tx, &cursor, 10_000))
            .await
            .unwrap()
    }
}

pub(crate) fn json(view: View) -> serde_json::Value {
    serde_json::to_value(&view).unwrap()
}

/// An ERC-20 transfer.
pub(crate) fn erc20(
    transaction: &str,
    path: &str,
    at: &str,
    from: &str,
    to: &str,
    amount: u64,
) -> Transfer {
    Transfer {
        transaction: transaction.into(),
        path: path.into(),
        protocol_id: at.into(),
        contract: TOKEN.into(),
        standard: "ERC-20".into(),
        what: TransferKind::Fungible { token_id: None },
        from: from.into(),
        to: to.into(),
        operator: None,
        amount: Amount::from(amount),
    }
}

/// An ERC-721 transfer.
pub(crate) fn erc721(transaction: &str, at: &str, token: u64, from: &str, to: &str) -> Transfer {
    Transfer {
        standard: "ERC-721".into(),
        what: TransferKind::NonFungible {
            token_id: Amount::from(token),
        },
        ..erc20(transaction, "0", at, from, to, 1)
    }
}
