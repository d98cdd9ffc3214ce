//! Random closures over several partitions at once, compared with a model of the expected state.

use crate::note;
use std::collections::BTreeMap;
use store::{Cursor, Db, Error, Fact, Lease};
use testkit::{SeededEntropy, namespace, on_each_engine};

const UPSERT: &str = "INSERT INTO note (name, value) VALUES (?1, ?2)
     ON CONFLICT (name) DO UPDATE SET value = ?2";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behavior {
    Writes,
    WritesWithoutFact,
    Reads,
    FailsFirst,
    FailsAfterWriting,
    Panics,
    StatementFails,
    /// A statement fails, and the closure ignores it and returns success.
    IgnoresFailure,
    AppendsNul,
}

const BEHAVIORS: [Behavior; 12] = [
    Behavior::Writes,
    Behavior::Writes,
    Behavior::Writes,
    Behavior::WritesWithoutFact,
    Behavior::Reads,
    Behavior::Writes,
    Behavior::FailsFirst,
    Behavior::FailsAfterWriting,
    Behavior::Panics,
    Behavior::StatementFails,
    Behavior::IgnoresFailure,
    Behavior::AppendsNul,
];

impl Behavior {
    fn succeeds(self) -> bool {
        matches!(
            self,
            Behavior::Writes | Behavior::WritesWithoutFact | Behavior::Reads
        )
    }
}

fn spawn_closure(
    db: &Db,
    lease: &Lease,
    behavior: Behavior,
    id: u64,
) -> impl Future<Output = store::Result<()>> + use<> {
    let row = format!("{}/{}", lease.partition().name(), id % 3);
    db.on(lease).write_unscoped(move |tx| {
        if behavior == Behavior::FailsFirst {
            return Err(Error::NulCharacter);
        }
        let _: Option<(String,)> = tx.row("SELECT value FROM note WHERE name = ?1", (&row,))?;
        if behavior == Behavior::Reads {
            return Ok(());
        }
        tx.execute(UPSERT, (&row, id.to_string()))?;
        if behavior != Behavior::WritesWithoutFact {
            tx.append(&namespace("ns"), Fact::new("test.written", 1).payload(&id));
        }
        match behavior {
            Behavior::FailsAfterWriting => Err(Error::NulCharacter),
            Behavior::Panics => panic!("on purpose"),
            Behavior::StatementFails => tx
                .execute("INSERT INTO note (name, value) VALUES ('x', NULL)", ())
                .map(drop),
            Behavior::IgnoresFailure => {
                let _ = tx.execute("INSERT INTO note (name, value) VALUES ('x', NULL)", ());
                Ok(())
            }
            Behavior::AppendsNul => {
                tx.append(
                    &namespace("ns"),
                    Fact::new("test.written", 1).causation(&"a\0b").payload(&id),
                );
                Ok(())
            }
            _ => Ok(()),
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmed_closures_are_stored_in_order_and_no_others() {
    on_each_engine(|test| async move {
        note::create(&test).await;
        let entropy = SeededEntropy::new(20_260_101);
        let mut leases = Vec::new();
        for n in 0..4 {
            leases.push(test.lease(&format!("p/{n}")).await);
        }
        let mut facts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut rows: BTreeMap<String, String> = BTreeMap::new();
        let mut id = 0;
        for round in 0..25 {
            let mut planned = Vec::new();
            let mut running = Vec::new();
            for _ in 0..entropy.below(60) {
                id += 1;
                let (lease, behavior) = (
                    &leases[entropy.below(4) as usize],
                    BEHAVIORS[entropy.below(BEHAVIORS.len() as u64) as usize],
                );
                planned.push((lease.partition().name().to_owned(), behavior, id));
                running.push(spawn_closure(&test.db, lease, behavior, id));
            }
            let results = futures::future::join_all(running).await;
            for ((partition, behavior, id), result) in planned.into_iter().zip(results) {
                assert_eq!(
                    result.is_ok(),
                    behavior.succeeds(),
                    "round {round}, {behavior:?} {id}: {result:?}"
                );
                if matches!(behavior, Behavior::Writes | Behavior::WritesWithoutFact) {
                    rows.insert(format!("{partition}/{}", id % 3), id.to_string());
                }
                if behavior == Behavior::Writes {
                    facts.entry(partition).or_default().push(id.to_string());
                }
            }
        }
        for lease in &leases {
            let partition = lease.partition().name().to_owned();
            let all = Cursor {
                partition: partition.clone(),
                seq: 0,
            };
            let stored = test
                .db
                .read_unscoped(move |tx| store::facts_after(tx, &all, 10_000))
                .await
                .unwrap();
            let payloads: Vec<String> = stored
                .iter()
                .map(|f| f.payload.clone().unwrap().as_str().to_owned())
                .collect();
            assert_eq!(Some(&payloads), facts.get(&partition), "{partition}");
        }
        let stored: Vec<(String, String)> = test
            .db
            .read_unscoped(|tx| tx.rows("SELECT name, value FROM note ORDER BY name", ()))
            .await
            .map_err(|e: Error| e)
            .unwrap();
        assert_eq!(stored, rows.into_iter().collect::<Vec<_>>());
    })
    .await;
}
