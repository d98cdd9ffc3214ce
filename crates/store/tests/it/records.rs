//! Rows with named columns.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{
    Error, Group, InNamespace, Lease, Record as _, ScopedTable as _, UnscopedTable as _, list,
};
use strum::{EnumString, IntoStaticStr, VariantArray};
use testkit::{TestDb, namespace, on_each_engine};
use types::{Digest, Height, Namespace, Time};

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray, Serialize)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
enum State {
    Waiting,
    NeverAgain,
}
store::text_columns! { as_in_json: State }

#[derive(Debug, Clone, PartialEq, store::Record)]
struct Tip {
    height: Height,
    hash: Digest,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Labels(BTreeMap<String, u32>);

/// A row as most are: scoped, with the version as read.
#[derive(Debug, Clone, PartialEq, store::Record)]
#[record(table = "job")]
struct Job {
    #[record(key)]
    id: u64,
    #[record(update, column = "state")]
    phase: State,
    #[record(update, columns("tip_height", "tip_hash"))]
    tip: Option<Tip>,
    #[record(json)]
    labels: Labels,
    #[record(update, json)]
    note: Option<Labels>,
    r#type: Arc<str>,
    #[record(version)]
    version: u64,
}

/// The same table, by a struct that holds the next version.
#[derive(Debug, Clone, PartialEq, store::Record)]
#[record(table = "job")]
struct NextJob {
    namespace: Namespace,
    #[record(key)]
    id: u64,
    #[record(update)]
    state: State,
    labels: String,
    r#type: String,
    #[record(next_version)]
    version: u64,
}

/// The same table, borrowed.
#[derive(store::Record)]
#[record(table = "job", write)]
struct NewJob<'a> {
    id: u64,
    state: State,
    labels: &'static str,
    r#type: Cow<'a, str>,
    version: u64,
}

#[derive(Debug, Clone, PartialEq, store::Record)]
#[record(table = "total", global)]
struct Total {
    #[record(key)]
    name: String,
    #[record(update)]
    count: u64,
    at: Time,
}

/// The result of a join.
#[derive(Debug, PartialEq, store::Record)]
struct Counted {
    count: u64,
    #[record(flatten)]
    job: Job,
    #[record(flatten)]
    total: Option<Total>,
}

fn job(id: u64) -> Job {
    Job {
        id,
        phase: State::Waiting,
        tip: None,
        labels: Labels([("a".to_owned(), 1)].into()),
        note: None,
        r#type: "test".into(),
        version: 1,
    }
}

fn next(id: u64, version: u64) -> NextJob {
    NextJob {
        namespace: namespace("a"),
        id,
        state: State::NeverAgain,
        labels: "{}".to_owned(),
        r#type: "next".to_owned(),
        version,
    }
}

async fn tables(test: &TestDb) -> Lease {
    let lease = test.lease("p/0").await;
    let blob = if test.server().is_some() {
        "BYTEA"
    } else {
        "BLOB"
    };
    let job = format!(
        "CREATE TABLE job (namespace TEXT NOT NULL, id BIGINT NOT NULL, state TEXT NOT NULL, tip_height BIGINT, tip_hash {blob}, \
         labels TEXT NOT NULL, note TEXT, type TEXT NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (namespace, id))"
    );
    let total = "CREATE TABLE total (name TEXT NOT NULL, count BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (name))";
    test.db
        .on(&lease)
        .write_unscoped_with((job, total), |tx, (job, total)| {
            tx.execute(job, ())?;
            tx.execute(total, ())
        })
        .await
        .map_err(|error: Error| error)
        .unwrap();
    lease
}

async fn insert(test: &TestDb, lease: &Lease, ns: &str, jobs: Vec<Job>) -> u64 {
    let db = test.db.on(lease);
    db.write_with(&namespace(ns), jobs, |tx, jobs| Job::insert(tx, jobs, ""))
        .await
        .unwrap()
}

async fn jobs(test: &TestDb, ns: &str) -> Result<Vec<Job>, Error> {
    let sql = Job::select("WHERE namespace = ?ns ORDER BY id");
    test.db
        .read_with(&namespace(ns), sql, |tx, sql| tx.rows(sql, ()))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_reads_as_it_was_written() {
    on_each_engine(|test| async move {
        let lease = tables(&test).await;
        let tip = Tip {
            height: Height(7),
            hash: Digest([9; 32]),
        };
        let full = Job {
            tip: Some(tip),
            note: Some(Labels(BTreeMap::new())),
            phase: State::NeverAgain,
            ..job(2)
        };
        let written = vec![job(1), full];
        assert_eq!(insert(&test, &lease, "a", written.clone()).await, 2);
        assert_eq!(jobs(&test, "a").await, Ok(written));
        assert_eq!(jobs(&test, "b").await, Ok(vec![]));

        let again = test
            .db
            .on(&lease)
            .write_with(&namespace("a"), job(1), |tx, job| {
                let sql = "ON CONFLICT (namespace, id) DO NOTHING RETURNING id";
                let new = Job {
                    id: 3,
                    ..job.clone()
                };
                Job::insert_returning::<(u64,)>(tx, &[job.clone(), new], sql)
            });
        assert_eq!(again.await.map_err(|e: Error| e), Ok(vec![(3,)]));
        let borrowed = test.db.on(&lease).write(&namespace("a"), |tx| {
            let job = NewJob {
                id: 4,
                state: State::Waiting,
                labels: "{}",
                r#type: "borrowed".into(),
                version: 1,
            };
            NewJob::insert(tx, &[job], "")
        });
        assert_eq!(borrowed.await.map_err(|e: Error| e), Ok(1));
        assert_eq!(&*jobs(&test, "a").await.unwrap()[3].r#type, "borrowed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_column_is_an_error_that_names_it() {
    on_each_engine(|test| async move {
        let lease = tables(&test).await;
        insert(&test, &lease, "a", vec![job(1)]).await;
        for (column, value) in [
            ("state", "'waitingly'"),
            ("labels", "'[]'"),
            ("note", "'no JSON'"),
            ("version", "-1"),
            // Half a group.
            ("tip_hash", "labels"),
        ] {
            let value = match (column, test.server().is_some()) {
                ("tip_hash", true) => "'\\x00'::bytea",
                ("tip_hash", false) => "x'00'",
                _ => value,
            };
            let set = format!("UPDATE job SET {column} = {value}");
            let damaged = test.db.on(&lease).write_unscoped_with(set, |tx, set| {
                tx.execute(set, ())?;
                let read = tx.rows::<Job>(&Job::select(""), ());
                let reset = "UPDATE job SET state = 'waiting', labels = '{}', note = NULL, version = 1, tip_hash = NULL";
                tx.execute(reset, ())?;
                read
            });
            let expected = if column == "tip_hash" { "tip_height" } else { column };
            match damaged.await {
                Err(Error::UnexpectedValue { column, .. }) => assert_eq!(column, expected),
                other => panic!("{column}: {other:?}"),
            }
        }
        let more = test.db.read_unscoped(|tx| {
            let sql = format!("SELECT {}, 1 FROM job", Job::COLUMNS);
            tx.rows::<Job>(&sql, ())
        });
        let error = more.await.unwrap_err();
        assert!(matches!(error, Error::UnexpectedValue { .. }), "{error}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_stays_in_its_namespace() {
    on_each_engine(|test| async move {
        let lease = tables(&test).await;
        for ns in ["a", "b"] {
            insert(&test, &lease, ns, vec![job(1), job(2)]).await;
        }
        let changed = Job {
            phase: State::NeverAgain,
            r#type: "inserted only".into(),
            ..job(1)
        };
        let update = |row: Job| {
            let db = test.db.on(&lease);
            db.write_with(&namespace("a"), row, |tx, row| row.update(tx))
        };
        assert_eq!(
            update(changed.clone()).await.map_err(|e: Error| e),
            Ok(true)
        );
        let expected = Job {
            phase: State::NeverAgain,
            version: 2,
            ..job(1)
        };
        assert_eq!(jobs(&test, "a").await, Ok(vec![expected, job(2)]));
        assert_eq!(jobs(&test, "b").await, Ok(vec![job(1), job(2)]));

        // The row names another namespace than the transaction.
        let foreign = test
            .db
            .on(&lease)
            .write(&namespace("b"), |tx| next(2, 2).update(tx));
        assert_eq!(foreign.await.map_err(|e: Error| e), Ok(true));
        assert_eq!(jobs(&test, "a").await.unwrap()[1], job(2));
        assert_eq!(jobs(&test, "b").await.unwrap()[1].version, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_with_a_stale_version_is_not_written() {
    on_each_engine(|test| async move {
        let lease = tables(&test).await;
        insert(&test, &lease, "a", vec![job(1)]).await;
        let db = test.db.on(&lease);
        let twice = db.write(&namespace("a"), |tx| {
            let row = job(1);
            Ok::<_, Error>((row.update(tx)?, row.update(tx)?))
        });
        assert_eq!(twice.await, Ok((true, false)));
        // The row has version 2.
        for (version, updated) in [(2, false), (4, false), (3, true), (3, false)] {
            let update = db.write(&namespace("a"), move |tx| next(1, version).update(tx));
            assert_eq!(update.await.map_err(|e: Error| e), Ok(updated), "{version}");
        }
        for (version, updated) in [(3, vec![]), (4, vec![(1u64,)])] {
            let update = db.write_unscoped(move |tx| {
                NextJob::update_all::<(u64,)>(tx, &[next(1, version), next(2, 1)], "job.id")
            });
            assert_eq!(update.await.map_err(|e: Error| e), Ok(updated), "{version}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upsert_replaces_the_version_before() {
    on_each_engine(|test| async move {
        let lease = tables(&test).await;
        insert(&test, &lease, "b", vec![job(1)]).await;
        let upsert = |rows: Vec<NextJob>| {
            let db = test.db.on(&lease);
            db.write_with(&namespace("a"), rows, |tx, rows| NextJob::upsert(tx, rows))
        };
        for (rows, written) in [
            (vec![next(1, 1)], 1),
            (vec![next(1, 1)], 0),
            (vec![next(1, 3)], 0),
            (vec![next(1, 2), next(2, 1)], 2),
        ] {
            assert_eq!(upsert(rows).await.map_err(|e: Error| e), Ok(written));
        }
        let versions: Vec<u64> = (jobs(&test, "a").await.unwrap().iter())
            .map(|job| job.version)
            .collect();
        assert_eq!(versions, [2, 1]);
        assert_eq!(jobs(&test, "b").await, Ok(vec![job(1)]));

        let total = |count| Total {
            name: "jobs".to_owned(),
            count,
            at: Time::from_micros(5),
        };
        let totals = test.db.on(&lease).write_unscoped(move |tx| {
            Total::insert_unscoped(tx, &[total(1)], "")?;
            Total::upsert_unscoped(tx, &[total(2)])?;
            assert!(total(3).update_unscoped(tx)?);
            let other = Total {
                name: "other".to_owned(),
                ..total(9)
            };
            assert!(!other.update_unscoped(tx)?);
            Total::bulk_insert(tx, &[other])?;
            tx.rows::<Total>(&Total::select("ORDER BY name"), ())
        });
        let totals = totals.await.map_err(|e: Error| e).unwrap();
        assert_eq!(totals.iter().map(|t| t.count).collect::<Vec<_>>(), [3, 9]);
        assert_eq!(totals[0], total(3));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_all_namespaces_name_theirs() {
    on_each_engine(|test| async move {
        let lease = tables(&test).await;
        for ns in ["a", "b"] {
            insert(&test, &lease, ns, vec![job(1)]).await;
        }
        let read = test.db.read_unscoped(|tx| {
            let sql = InNamespace::<Job>::select("ORDER BY namespace");
            let all = tx.rows::<InNamespace<Job>>(&sql, ())?;
            let columns = InNamespace::<Job>::columns_of("j");
            let sql = format!("SELECT {columns} FROM job j WHERE j.namespace = ?1");
            Ok::<_, Error>((all, tx.row::<InNamespace<Job>>(&sql, ("b",))?))
        });
        let (all, one) = read.await.unwrap();
        let in_namespace = |ns| InNamespace {
            namespace: namespace(ns),
            row: job(1),
        };
        assert_eq!(all, [in_namespace("a"), in_namespace("b")]);
        assert_eq!(one, Some(in_namespace("b")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_has_the_columns_of_both_tables() {
    on_each_engine(|test| async move {
        let lease = tables(&test).await;
        insert(&test, &lease, "a", vec![job(1), job(2)]).await;
        let (jobs, totals) = (Job::columns_of("j"), Total::columns_of("t"));
        let sql = format!(
            "SELECT j.id + 10, {jobs}, {totals} FROM job j LEFT JOIN total t ON t.count = j.id WHERE j.namespace = ?ns ORDER BY j.id"
        );
        let total = Total {
            name: "n".to_owned(),
            count: 2,
            at: Time::from_micros(0),
        };
        let read = test.db.on(&lease).write_with(&namespace("a"), (sql, total.clone()), |tx, (sql, total)| {
            let sql_total = "INSERT INTO total (name, count, at) SELECT ?1, ?2, ?3 WHERE ?ns <> ''";
            tx.execute(sql_total, (&total.name, total.count, total.at))?;
            tx.rows::<Counted>(sql, ())
        });
        let counted = |id, total| Counted {
            count: id + 10,
            job: job(id),
            total,
        };
        let rows = read.await.map_err(|e: Error| e).unwrap();
        assert_eq!(rows, [counted(1, None), counted(2, Some(total))]);
        assert_eq!(<Counted as Group>::KINDS.len(), 1 + 8 + 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn single_values_need_no_row() {
    on_each_engine(|test| async move {
        let lease = tables(&test).await;
        insert(&test, &lease, "a", vec![job(1), job(2), job(3)]).await;
        let read = test.db.read(&namespace("a"), |tx| {
            let of = "FROM job WHERE namespace = ?ns";
            let max = format!("SELECT MAX(tip_height) {of}");
            assert_eq!(tx.value::<Height>(&max, ())?, None);
            let id = format!("SELECT id {of} AND id = ?1");
            assert_eq!(tx.value::<u64>(&id, (2u64,))?, Some(2));
            assert_eq!(tx.value::<u64>(&id, (9u64,))?, None);
            let ids = format!("SELECT id {of} ORDER BY id");
            assert_eq!(tx.values::<u64>(&ids, ())?, [1, 2, 3]);
            assert_eq!(tx.count(&format!("SELECT COUNT(*) {of}"), ())?, 3);
            assert!(tx.exists(&id, (3u64,))? && !tx.exists(&id, (4u64,))?);
            let in_list = format!("SELECT id {of} AND id IN ({{rows}})");
            let mut listed = tx.query_rows::<(u64,), _>(&in_list, (), &list(&[2u64, 3, 4]))?;
            listed.sort_unstable();
            assert_eq!(listed, [(2,), (3,)]);
            Ok::<_, Error>(())
        });
        read.await.unwrap();
    })
    .await;
}
