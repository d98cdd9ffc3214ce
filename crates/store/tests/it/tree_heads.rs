use std::sync::{Arc, Mutex};
use store::{Error, Fact, TreeHead, TreeHeadExport, TreeHeadSigner};
use testkit::{TestDb, namespace, on_each_engine};

#[derive(Clone, Default)]
struct MemoryExport(Arc<Mutex<(Vec<String>, bool)>>);

impl TreeHeadExport for MemoryExport {
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

async fn append_fact(test: &TestDb, lease: &store::Lease) {
    test.db
        .on(lease)
        .write(&namespace("ns"), |tx| {
            tx.append(Fact::new("test.written", 1));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tree_heads_form_a_chain_and_are_signed_only_when_a_head_moved() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let signer_lease = test.lease("tree-heads").await;
        let export = MemoryExport::default();
        let mut signer = TreeHeadSigner::new(
            test.db.clone(),
            signer_lease.clone(),
            [3; 32],
            Box::new(export.clone()),
        )
        .await
        .unwrap();
        assert!(!signer.turn().await.unwrap(), "nothing to sign");
        append_fact(&test, &lease).await;
        assert!(signer.turn().await.unwrap());
        assert!(!signer.turn().await.unwrap());
        append_fact(&test, &lease).await;
        // A new signer continues where the last one ended, and exports what is missing.
        export.0.lock().unwrap().1 = true;
        assert!(signer.turn().await.is_err(), "the export fails");
        export.0.lock().unwrap().1 = false;
        drop(signer);
        let mut signer = TreeHeadSigner::new(
            test.db.clone(),
            signer_lease,
            [3; 32],
            Box::new(export.clone()),
        )
        .await
        .unwrap();
        assert!(!signer.turn().await.unwrap(), "it is signed already");
        append_fact(&test, &lease).await;
        assert!(signer.turn().await.unwrap());
        let lines = export.0.lock().unwrap().0.clone();
        let tree_heads: Vec<TreeHead> = lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            tree_heads
                .iter()
                .map(|tree_head| (tree_head.number, tree_head.heads[0].seq))
                .collect::<Vec<_>>(),
            vec![(1, 1), (2, 2), (3, 3)]
        );
        assert_eq!(tree_heads[1].prev, tree_heads[0].hash());
        assert_eq!(tree_heads[2].prev, tree_heads[1].hash());
    })
    .await;
}

/// The signer may share its partition with other workers: their facts are covered too.
#[tokio::test(flavor = "multi_thread")]
async fn the_partition_of_the_signer_is_covered_as_well() {
    on_each_engine(|test| async move {
        let lease = test.lease("api/0").await;
        let export = MemoryExport::default();
        let mut signer = TreeHeadSigner::new(
            test.db.clone(),
            lease.clone(),
            [3; 32],
            Box::new(export.clone()),
        )
        .await
        .unwrap();
        append_fact(&test, &lease).await;
        assert!(signer.turn().await.unwrap());
        assert!(
            !signer.turn().await.unwrap(),
            "a tree head is no reason for another one"
        );
        let line = export.0.lock().unwrap().0[0].clone();
        assert_eq!(
            serde_json::from_str::<TreeHead>(&line).unwrap().heads[0].partition,
            "api/0"
        );
    })
    .await;
}

/// Tree heads that were exported and are not in the database indicate a restore: no number is used
/// twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_behind_its_exported_tree_heads_is_recognized() {
    on_each_engine(|test| async move {
        let (lease, signer_lease) = (test.lease("p/0").await, test.lease("tree-heads").await);
        let export = MemoryExport::default();
        let new_signer = || {
            TreeHeadSigner::new(
                test.db.clone(),
                signer_lease.clone(),
                [3; 32],
                Box::new(export.clone()),
            )
        };
        let mut signer = new_signer().await.unwrap();
        for _ in 0..3 {
            append_fact(&test, &lease).await;
            assert!(signer.turn().await.unwrap());
        }
        let tamper = |sql: &'static str| {
            test.db
                .on(&signer_lease)
                .write_unscoped(move |tx| tx.execute(sql, ()))
        };
        tamper("UPDATE tree_head_leaf SET seq = 2")
            .await
            .map_err(|e: Error| e)
            .unwrap();
        assert!(
            matches!(
                new_signer().await.err(),
                Some(Error::TreeHeadMismatch { .. })
            ),
            "leaves that are not those of the last tree head"
        );
        tamper("UPDATE tree_head_leaf SET seq = 3")
            .await
            .map_err(|e: Error| e)
            .unwrap();
        new_signer().await.unwrap();
        tamper("DELETE FROM tree_head WHERE number = 3")
            .await
            .map_err(|e: Error| e)
            .unwrap();
        tamper("DELETE FROM tree_head_leaf")
            .await
            .map_err(|e: Error| e)
            .unwrap();
        assert!(
            matches!(
                new_signer().await.err(),
                Some(Error::TreeHeadMismatch { .. })
            ),
            "a tree head is missing"
        );
        tamper("DELETE FROM tree_head")
            .await
            .map_err(|e: Error| e)
            .unwrap();
        assert!(
            matches!(
                new_signer().await.err(),
                Some(Error::TreeHeadMismatch { .. })
            ),
            "all tree heads are missing"
        );
    })
    .await;
}

/// A tree head whose commit failed, or whose reply was lost, does not stop the next.
#[tokio::test(flavor = "multi_thread")]
async fn the_signer_continues_after_a_failure() {
    on_each_engine(|test| async move {
        let Some(server) = test.server() else { return };
        let (lease, signer_lease) = (test.lease("p/0").await, test.lease("tree-heads").await);
        let export = MemoryExport::default();
        let mut signer = TreeHeadSigner::new(
            test.db.clone(),
            signer_lease,
            [3; 32],
            Box::new(export.clone()),
        )
        .await
        .unwrap();
        append_fact(&test, &lease).await;
        assert!(signer.turn().await.unwrap());
        append_fact(&test, &lease).await;
        // As if this tree head had been stored and the reply lost: the number is taken.
        server.psql("INSERT INTO tree_head SELECT number + 1, at, line, hash FROM tree_head");
        assert!(signer.turn().await.is_err());
        server.psql("DELETE FROM tree_head WHERE number = 2");
        assert!(signer.turn().await.unwrap());
        assert_eq!(export.0.lock().unwrap().0.len(), 2);
    })
    .await;
}
