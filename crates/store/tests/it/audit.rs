//! The audit trail of a namespace, page by page.

use store::{Cursor, Error, Fact, audit};
use testkit::{namespace, on_each_engine};
use types::Principal;

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_reads_only_its_own_facts_page_by_page() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        for n in 0..6 {
            let name = ["a", "b"][n % 2];
            let write = test.db.on(&lease).write(&namespace(name), move |tx| {
                tx.append(Fact::new("test.written", 1).payload(&n));
                Ok::<_, Error>(())
            });
            write.await.unwrap();
        }
        let reader = Principal::system("test", namespace("b"));
        let (mut seq, mut pages) = (0, Vec::<Vec<i64>>::new());
        loop {
            let partition = "p/0".to_owned();
            let page = audit::facts(&test.db, &reader, Cursor { partition, seq }, 2).await;
            let page = page.unwrap();
            pages.push(page.facts.iter().map(|fact| fact.cursor.seq).collect());
            match page.next {
                Some(next) => seq = next,
                None => break,
            }
        }
        assert_eq!(pages, [vec![2, 4], vec![6]]);
        let partitions = audit::partitions(&test.db).await.unwrap();
        assert_eq!(partitions[0].seq, 6);
    })
    .await;
}
