use std::sync::{Arc, Mutex};
use store::{Error, Export, Fact, Seal, Sealer};
use testkit::{TestDb, namespace, on_each_engine};

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<(Vec<String>, bool)>>);

impl Export for Memory {
    fn put(&self, number: i64, line: &str) -> std::io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if state.1 {
            return Err(std::io::Error::other("the disk is full"));
        }
        assert_eq!(number as usize, state.0.len() + 1, "in order, without gaps");
        state.0.push(line.to_owned());
        Ok(())
    }
    fn last(&self) -> std::io::Result<i64> {
        Ok(self.0.lock().unwrap().0.len() as i64)
    }
}

async fn say(test: &TestDb, lease: &store::Lease) {
    test.db
        .on(lease)
        .write(&namespace("ns"), |tx| {
            tx.append(Fact::new("test.said", 1));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn seals_chain_and_are_made_only_when_something_moved() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let seal_lease = test.lease("seal").await;
        let export = Memory::default();
        let mut sealer = Sealer::new(
            test.db.clone(),
            seal_lease.clone(),
            [3; 32],
            Box::new(export.clone()),
        )
        .await
        .unwrap();
        assert!(!sealer.turn().await.unwrap(), "nothing to seal");
        say(&test, &lease).await;
        assert!(sealer.turn().await.unwrap());
        assert!(!sealer.turn().await.unwrap());
        say(&test, &lease).await;
        // A sealer that starts anew goes on where the last one ended, and exports what is missing.
        export.0.lock().unwrap().1 = true;
        assert!(sealer.turn().await.is_err(), "the export fails");
        export.0.lock().unwrap().1 = false;
        drop(sealer);
        let mut sealer = Sealer::new(
            test.db.clone(),
            seal_lease,
            [3; 32],
            Box::new(export.clone()),
        )
        .await
        .unwrap();
        assert!(!sealer.turn().await.unwrap(), "it was sealed already");
        say(&test, &lease).await;
        assert!(sealer.turn().await.unwrap());
        let lines = export.0.lock().unwrap().0.clone();
        let seals: Vec<Seal> = lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            seals
                .iter()
                .map(|seal| (seal.number, seal.heads[0].seq))
                .collect::<Vec<_>>(),
            vec![(1, 1), (2, 2), (3, 3)]
        );
        assert_eq!(seals[1].prev, seals[0].hash());
        assert_eq!(seals[2].prev, seals[1].hash());
    })
    .await;
}

/// The sealer may share its partition with others: their facts are sealed too.
#[tokio::test(flavor = "multi_thread")]
async fn the_partition_of_the_sealer_is_sealed_as_well() {
    on_each_engine(|test| async move {
        let lease = test.lease("api/0").await;
        let export = Memory::default();
        let mut sealer = Sealer::new(
            test.db.clone(),
            lease.clone(),
            [3; 32],
            Box::new(export.clone()),
        )
        .await
        .unwrap();
        say(&test, &lease).await;
        assert!(sealer.turn().await.unwrap());
        assert!(
            !sealer.turn().await.unwrap(),
            "a seal is no reason for another"
        );
        let line = export.0.lock().unwrap().0[0].clone();
        assert_eq!(
            serde_json::from_str::<Seal>(&line).unwrap().heads[0].partition,
            "api/0"
        );
    })
    .await;
}

/// Seals that were exported and are not in the database tell of a restore: no new seal is made
/// under a number that was used.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_behind_its_seals_is_recognised() {
    on_each_engine(|test| async move {
        let (lease, seal_lease) = (test.lease("p/0").await, test.lease("seal").await);
        let export = Memory::default();
        let make = || {
            Sealer::new(
                test.db.clone(),
                seal_lease.clone(),
                [3; 32],
                Box::new(export.clone()),
            )
        };
        let mut sealer = make().await.unwrap();
        for _ in 0..3 {
            say(&test, &lease).await;
            assert!(sealer.turn().await.unwrap());
        }
        let cut = |sql: &'static str| {
            test.db
                .on(&seal_lease)
                .write_unbound(move |tx| tx.execute(sql, ()))
        };
        cut("UPDATE sealed_head SET seq = 2")
            .await
            .map_err(|e: Error| e)
            .unwrap();
        assert!(
            matches!(make().await.err(), Some(Error::Seals { .. })),
            "heads that are not those of the last seal"
        );
        cut("UPDATE sealed_head SET seq = 3")
            .await
            .map_err(|e: Error| e)
            .unwrap();
        make().await.unwrap();
        cut("DELETE FROM seal WHERE number = 3")
            .await
            .map_err(|e: Error| e)
            .unwrap();
        cut("DELETE FROM sealed_head")
            .await
            .map_err(|e: Error| e)
            .unwrap();
        assert!(
            matches!(make().await.err(), Some(Error::Seals { .. })),
            "a seal is missing"
        );
        cut("DELETE FROM seal").await.map_err(|e: Error| e).unwrap();
        assert!(
            matches!(make().await.err(), Some(Error::Seals { .. })),
            "all seals are missing"
        );
    })
    .await;
}

/// A seal whose commit failed, or whose answer was lost, does not stop the next.
#[tokio::test(flavor = "multi_thread")]
async fn the_sealer_goes_on_after_a_failure() {
    on_each_engine(|test| async move {
        let Some(server) = test.server() else { return };
        let (lease, seal_lease) = (test.lease("p/0").await, test.lease("seal").await);
        let export = Memory::default();
        let mut sealer = Sealer::new(
            test.db.clone(),
            seal_lease,
            [3; 32],
            Box::new(export.clone()),
        )
        .await
        .unwrap();
        say(&test, &lease).await;
        assert!(sealer.turn().await.unwrap());
        say(&test, &lease).await;
        // As if this very seal had been stored and the answer lost: the number is taken.
        server.psql("INSERT INTO seal SELECT number + 1, at, line, hash FROM seal");
        assert!(sealer.turn().await.is_err());
        server.psql("DELETE FROM seal WHERE number = 2");
        assert!(sealer.turn().await.unwrap());
        assert_eq!(export.0.lock().unwrap().0.len(), 2);
    })
    .await;
}
