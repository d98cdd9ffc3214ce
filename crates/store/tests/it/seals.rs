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
        let mut sealer =
            Sealer::new(test.db.clone(), seal_lease.clone(), [3; 32], Box::new(export.clone())).await.unwrap();
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
        let mut sealer = Sealer::new(test.db.clone(), seal_lease, [3; 32], Box::new(export.clone())).await.unwrap();
        assert!(!sealer.turn().await.unwrap(), "it was sealed already");
        say(&test, &lease).await;
        assert!(sealer.turn().await.unwrap());
        let lines = export.0.lock().unwrap().0.clone();
        let seals: Vec<Seal> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            seals.iter().map(|seal| (seal.number, seal.heads[0].seq)).collect::<Vec<_>>(),
            vec![(1, 1), (2, 2), (3, 3)]
        );
        assert_eq!(seals[1].prev, seals[0].hash());
        assert_eq!(seals[2].prev, seals[1].hash());
    })
    .await;
}
