//! Random closures over several partitions at once, against a model that says what must be left.

use std::collections::BTreeMap;
use store::{Cursor, Db, Error, Fact, Lease};
use testkit::{SeededEntropy, namespace, on_each_engine};

const UPSERT: &str = "INSERT INTO installation (name, value) VALUES (?1, ?2)
     ON CONFLICT (name) DO UPDATE SET value = ?2";

/// What a closure does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Writes,
    WritesWithoutFact,
    Reads,
    RefusesFirst,
    RefusesAfterWriting,
    Panics,
    Fails,
    /// A statement fails, and the closure looks away and says that all is well.
    LooksAway,
    SaysNul,
}

const WAYS: [Way; 12] = [
    Way::Writes,
    Way::Writes,
    Way::Writes,
    Way::WritesWithoutFact,
    Way::Reads,
    Way::Writes,
    Way::RefusesFirst,
    Way::RefusesAfterWriting,
    Way::Panics,
    Way::Fails,
    Way::LooksAway,
    Way::SaysNul,
];

impl Way {
    fn counts(self) -> bool {
        matches!(self, Way::Writes | Way::WritesWithoutFact | Way::Reads)
    }
}

fn act(
    db: &Db,
    lease: &Lease,
    way: Way,
    id: u64,
) -> impl Future<Output = store::Result<()>> + use<> {
    let row = format!("{}/{}", lease.partition().name(), id % 3);
    db.on(lease).write_unbound(move |tx| {
        if way == Way::RefusesFirst {
            return Err(Error::Nul);
        }
        let _: Option<(String,)> =
            tx.row("SELECT value FROM installation WHERE name = ?1", (&row,))?;
        if way == Way::Reads {
            return Ok(());
        }
        tx.execute(UPSERT, (&row, id.to_string()))?;
        if way != Way::WritesWithoutFact {
            tx.append(&namespace("ns"), Fact::new("test.did", 1).says(&id));
        }
        match way {
            Way::RefusesAfterWriting => Err(Error::Nul),
            Way::Panics => panic!("on purpose"),
            Way::Fails => tx
                .execute(
                    "INSERT INTO installation (name, value) VALUES ('x', NULL)",
                    (),
                )
                .map(drop),
            Way::LooksAway => {
                let _ = tx.execute(
                    "INSERT INTO installation (name, value) VALUES ('x', NULL)",
                    (),
                );
                Ok(())
            }
            Way::SaysNul => {
                tx.append(
                    &namespace("ns"),
                    Fact::new("test.did", 1).because_of(&"a\0b").says(&id),
                );
                Ok(())
            }
            _ => Ok(()),
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_in_between_what_was_confirmed_is_there_in_order() {
    on_each_engine(|test| async move {
        let chance = SeededEntropy::new(20_260_101);
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
            for _ in 0..chance.below(60) {
                id += 1;
                let (lease, way) = (
                    &leases[chance.below(4) as usize],
                    WAYS[chance.below(WAYS.len() as u64) as usize],
                );
                planned.push((lease.partition().name().to_owned(), way, id));
                running.push(act(&test.db, lease, way, id));
            }
            let results = futures::future::join_all(running).await;
            for ((partition, way, id), result) in planned.into_iter().zip(results) {
                assert_eq!(
                    result.is_ok(),
                    way.counts(),
                    "round {round}, {way:?} {id}: {result:?}"
                );
                if matches!(way, Way::Writes | Way::WritesWithoutFact) {
                    rows.insert(format!("{partition}/{}", id % 3), id.to_string());
                }
                if way == Way::Writes {
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
                .read_unbound(move |tx| store::facts_after(tx, &all, 10_000))
                .await
                .unwrap();
            let said: Vec<String> = stored
                .iter()
                .map(|f| f.payload.clone().unwrap().as_str().to_owned())
                .collect();
            assert_eq!(Some(&said), facts.get(&partition), "{partition}");
        }
        let stored: Vec<(String, String)> = test
            .db
            .read_unbound(|tx| tx.rows("SELECT name, value FROM installation ORDER BY name", ()))
            .await
            .map_err(|e: Error| e)
            .unwrap();
        assert_eq!(stored, rows.into_iter().collect::<Vec<_>>());
    })
    .await;
}
