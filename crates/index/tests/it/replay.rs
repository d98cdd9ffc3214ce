//! A consumer that reads only the facts of a chain's partition, and a verifier that recomputes the
//! root of each batch.

use crate::world::World;
use chain::Connector;
use index::ChainFact;
use serde_json::Value;
use store::{Cell, RowCells, StoredFact};
use types::merkle_root;

/// The state that a consumer derives from all facts: canonical blocks and watermark.
pub(crate) struct Replayed {
    pub(crate) blocks: Vec<(i64, String)>,
    pub(crate) finalized: Option<(i64, String)>,
}

/// Replays facts as a consumer does, and checks each against the state so far. `rewound_final`:
/// an operator allowed a rewind below the final watermark.
pub(crate) fn replay(facts: &[StoredFact], rewound_final: bool) -> Replayed {
    let mut state = Replayed {
        blocks: Vec::new(),
        finalized: None,
    };
    let mut versions = std::collections::BTreeMap::new();
    for fact in facts {
        for subject in &fact.subjects {
            let before = versions.insert((fact.namespace, subject.id.clone()), subject.version);
            assert!(
                before.is_none_or(|before| before < subject.version),
                "the version of {} does not increase: {fact:?}",
                subject.id
            );
        }
        let payload = fact.payload.as_ref().unwrap();
        match ChainFact::parse(&fact.kind, payload.as_str()) {
            Some(ChainFact::Block { block, .. }) => {
                let height = block.height.stored();
                assert!(
                    state.blocks.last().is_none_or(|(tip, _)| tip + 1 == height),
                    "a gap below {height}"
                );
                state.blocks.push((height, block.hash));
            }
            Some(ChainFact::Reorg { dropped }) => {
                for block in dropped {
                    assert_eq!(
                        state.blocks.pop(),
                        Some((block.height.stored(), block.hash)),
                        "dropped from the top"
                    );
                }
                let top = state.blocks.last().cloned();
                let kept = state.finalized.is_none() || state.finalized <= top;
                assert!(kept || rewound_final, "a final block was dropped");
                if !kept {
                    state.finalized = top;
                }
            }
            Some(ChainFact::Final(update)) => {
                assert_eq!(
                    update.above.map(|above| above.stored()),
                    state.finalized.as_ref().map(|(height, _)| *height)
                );
                let through = (update.through.stored(), update.hash);
                assert!(
                    state
                        .finalized
                        .as_ref()
                        .is_none_or(|(height, _)| *height < through.0),
                    "the watermark falls"
                );
                assert!(
                    state.blocks.contains(&through),
                    "{through:?} is not a block of the chain"
                );
                state.finalized = Some(through);
            }
            None => {}
        }
    }
    state
}

/// Recomputes the root of every batch in the chain's facts from the stored rows, and compares it.
/// Returns the number of batches.
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

async fn rows<C: Connector + 'static>(world: &World<C>, batch: &Value) -> Vec<RowCells> {
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
    let read = move |tx: &mut store::UnscopedTx| {
        let [a, b, c] = values.as_slice() else {
            panic!("a batch key has three columns")
        };
        tx.rows(&sql, (a, b, c))
    };
    world
        .test
        .db
        .read_unscoped(read)
        .await
        .map_err(|error: store::Error| error)
        .unwrap()
}

/// The Merkle leaf of a row: for each value a type tag and its bytes.
fn leaf(row: RowCells) -> Vec<u8> {
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
