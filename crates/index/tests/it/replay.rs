//! A consumer that knows nothing but the facts of a chain's partition, and a verifier that computes
//! each batch's root again.

use crate::world::World;
use chain::Connector;
use index::ChainFact;
use serde_json::Value;
use store::{Cell, Row, StoredFact};
use types::merkle_root;

/// What a consumer knows after it has read all facts: the canonical blocks, and the watermark.
pub(crate) struct Replayed {
    pub(crate) blocks: Vec<(i64, String)>,
    pub(crate) finalized: Option<(i64, String)>,
}

/// Read facts as a consumer does, holding each against what is known so far. `rewound_final` says
/// that an operator once let the chain be rewound below what was final.
pub(crate) fn replay(facts: &[StoredFact], rewound_final: bool) -> Replayed {
    let mut known = Replayed {
        blocks: Vec::new(),
        finalized: None,
    };
    let mut versions = std::collections::BTreeMap::new();
    for fact in facts {
        for subject in &fact.subjects {
            let before = versions.insert(
                (fact.namespace.clone(), subject.id.clone()),
                subject.version,
            );
            assert!(
                before.is_none_or(|before| before < subject.version),
                "{} does not rise: {fact:?}",
                subject.id
            );
        }
        let payload = fact.payload.as_ref().unwrap();
        match ChainFact::read(&fact.kind, payload.as_str()) {
            Some(ChainFact::Block { block, .. }) => {
                let height = block.height.stored();
                assert!(
                    known.blocks.last().is_none_or(|(tip, _)| tip + 1 == height),
                    "a gap below {height}"
                );
                known.blocks.push((height, block.hash));
            }
            Some(ChainFact::Reorg { dropped }) => {
                for block in dropped {
                    assert_eq!(
                        known.blocks.pop(),
                        Some((block.height.stored(), block.hash)),
                        "dropped from the top"
                    );
                }
                let top = known.blocks.last().cloned();
                let kept = known.finalized.is_none() || known.finalized <= top;
                assert!(kept || rewound_final, "what was final was dropped");
                if !kept {
                    known.finalized = top;
                }
            }
            Some(ChainFact::Final(moved)) => {
                assert_eq!(
                    moved.above.map(|above| above.stored()),
                    known.finalized.as_ref().map(|(height, _)| *height)
                );
                let through = (moved.through.stored(), moved.hash);
                assert!(
                    known
                        .finalized
                        .as_ref()
                        .is_none_or(|(height, _)| *height < through.0),
                    "it falls"
                );
                assert!(
                    known.blocks.contains(&through),
                    "{through:?} is no block of the chain"
                );
                known.finalized = Some(through);
            }
            None => {}
        }
    }
    known
}

/// Compute the root of every batch that a fact of the chain names, from the rows that stand in the
/// database, and compare. How many.
pub(crate) async fn verify_batches<C: Connector + 'static>(world: &World<C>) -> usize {
    let mut count = 0;
    for fact in world.facts().await {
        let payload: Value = serde_json::from_str(fact.payload.as_ref().unwrap().as_str()).unwrap();
        if let Some(batch) = payload.get("batch").filter(|batch| !batch.is_null()) {
            let leaves: Vec<Vec<u8>> = rows(world, batch).await.into_iter().map(leaf).collect();
            assert_eq!(
                Some(leaves.len() as u64),
                batch["count"].as_u64(),
                "{payload}"
            );
            assert_eq!(
                Some(merkle_root(&leaves).to_string().as_str()),
                batch["root"].as_str(),
                "{payload}"
            );
            count += 1;
        }
    }
    count
}

async fn rows<C: Connector + 'static>(world: &World<C>, batch: &Value) -> Vec<Row> {
    let list = |member: &str| -> Vec<String> {
        batch[member]
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap().to_owned())
            .collect()
    };
    let key: Vec<(String, String)> = batch["key"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned()))
        .collect();
    let conditions: Vec<String> = key
        .iter()
        .zip(1..)
        .map(|((column, _), n)| format!("{column} = ?{n}"))
        .collect();
    let sql = format!(
        "SELECT {} FROM {} WHERE {} ORDER BY {}",
        list("columns").join(", "),
        batch["table"].as_str().unwrap(),
        conditions.join(" AND "),
        list("order").join(", ")
    );
    let values: Vec<String> = key.into_iter().map(|(_, value)| value).collect();
    let read = move |tx: &mut store::Unbound<'_, '_>| {
        let [a, b, c] = values.as_slice() else {
            panic!("three equalities")
        };
        tx.rows(&sql, (a, b, c))
    };
    world
        .test
        .db
        .read_unbound(read)
        .await
        .map_err(|error: store::Error| error)
        .unwrap()
}

/// A row's leaf: a tag for each value, and its bytes.
fn leaf(row: Row) -> Vec<u8> {
    let mut bytes = Vec::new();
    for cell in row {
        match cell {
            Cell::Null => bytes.push(0),
            Cell::Int(number) => {
                bytes.push(1);
                bytes.extend(number.to_be_bytes());
            }
            Cell::Text(text) => {
                bytes.push(2);
                bytes.extend((text.len() as u32).to_be_bytes());
                bytes.extend(text.as_bytes());
            }
            Cell::Blob(blob) => {
                bytes.push(3);
                bytes.extend((blob.len() as u32).to_be_bytes());
                bytes.extend(blob);
            }
        }
    }
    bytes
}
