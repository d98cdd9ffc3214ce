use proptest::strategy::{Strategy, ValueTree};
use store::{Error, RowCells, Tx, UnscopedTx, Value, params};
use testkit::{namespace, on_each_engine};
use types::{Amount, Quantity};

async fn table(test: &testkit::TestDb) -> store::Lease {
    let lease = test.lease("p/0").await;
    let blob = if test.server().is_some() {
        "BYTEA"
    } else {
        "BLOB"
    };
    let text = if test.server().is_some() {
        "TEXT COLLATE \"C\""
    } else {
        "TEXT"
    };
    let sql = format!(
        "CREATE TABLE t (namespace {text} NOT NULL, k BIGINT NOT NULL, name {text}, q {blob}, PRIMARY KEY (namespace, k))"
    );
    test.db
        .on(&lease)
        .write_unscoped(move |tx| tx.execute(&sql, ()))
        .await
        .map_err(|e: Error| e)
        .unwrap();
    lease
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_are_inserted_and_updated_alike() {
    on_each_engine(|test| async move {
        let lease = table(&test).await;
        let ns = namespace("ns");
        let rows: Vec<(i64, Option<String>, Vec<u8>)> = (0..1_777).map(|k| (k, (k % 3 != 0).then(|| format!("n{k}")), vec![k as u8; 3])).collect();
        let inserted = test.db.on(&lease).write(&ns, move |tx| {
            tx.execute_rows("INSERT INTO t (namespace, k, name, q) {ns_rows}", (), &rows)
        }).await.unwrap();
        assert_eq!(inserted, 1_777);
        let updates: Vec<(i64, String)> = (0..2_000).filter(|k| k % 2 == 0).map(|k| (k, format!("u{k}"))).collect();
        let mut updated = test.db.on(&lease).write(&ns, move |tx| {
            tx.query_rows::<(i64,), _>(
                "WITH n(k, name) AS ({rows}) UPDATE t SET name = n.name FROM n WHERE t.namespace = ?ns AND t.k = n.k AND t.k >= ?1 RETURNING t.k",
                (10i64,), &updates)
        }).await.unwrap();
        updated.sort_unstable();
        assert_eq!(updated.len(), 884);
        assert_eq!((updated[0].0, updated[883].0), (10, 1_776));
        let rows: Vec<(i64, Option<String>)> = test.db.read(&ns, |tx| tx.rows("SELECT k, name FROM t WHERE namespace = ?ns AND k IN (?1, ?2, ?3) ORDER BY k", (9i64, 10i64, 11i64))).await.map_err(|e: Error| e).unwrap();
        assert_eq!(rows, vec![(9, None), (10, Some("u10".into())), (11, Some("n11".into()))]);
    }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_insert_stores_what_it_gets() {
    on_each_engine(|test| async move {
        let lease = table(&test).await;
        let rows: Vec<(String, i64, Option<String>, Vec<u8>)> = (0..3_000)
            .map(|k| {
                (
                    "ns".to_owned(),
                    k,
                    (k % 2 == 0).then(|| format!("é{k}")),
                    vec![0, 255, k as u8],
                )
            })
            .collect();
        let expected = rows[..5]
            .iter()
            .map(|row| (row.1, row.2.clone(), row.3.clone()))
            .collect::<Vec<_>>();
        let count = test
            .db
            .on(&lease)
            .write_unscoped(move |tx| tx.bulk_insert("t", &["namespace", "k", "name", "q"], &rows))
            .await
            .map_err(|e: Error| e)
            .unwrap();
        assert_eq!(count, 3_000);
        let rows: Vec<(i64, Option<String>, Vec<u8>)> = test
            .db
            .read(&namespace("ns"), |tx| {
                tx.rows(
                    "SELECT k, name, q FROM t WHERE namespace = ?ns ORDER BY k LIMIT 5",
                    (),
                )
            })
            .await
            .map_err(|e: Error| e)
            .unwrap();
        assert_eq!(rows, expected);
    })
    .await;
}

/// Text sorts by bytes, whatever the locale of the cluster. Quantities sort as numbers. NUL is
/// rejected on both engines.
#[tokio::test(flavor = "multi_thread")]
async fn order_is_the_same_everywhere() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let quantities: Vec<Quantity> = (0..500)
        .map(|_| {
            let tree = (
                proptest::arbitrary::any::<[u8; 32]>(),
                0..32usize,
                proptest::bool::ANY,
            )
                .new_tree(&mut runner)
                .unwrap();
            let (mut bytes, zeros, negative) = tree.current();
            bytes[..zeros].fill(0);
            let amount = Amount::from_be_bytes(bytes);
            if negative {
                Quantity::minus(amount)
            } else {
                amount.into()
            }
        })
        .collect();
    on_each_engine(|test| {
        let quantities = quantities.clone();
        async move {
            let lease = table(&test).await;
            let ns = namespace("ns");
            let names = ["a", "B", "_", "ä", "aa", "Z", "é", "\u{10ffff}", " "];
            let rows: Vec<(i64, String, Quantity)> = quantities
                .iter()
                .enumerate()
                .map(|(k, q)| (k as i64, names[k % names.len()].to_owned(), q.clone()))
                .collect();
            test.db
                .on(&lease)
                .write(&ns, move |tx| {
                    tx.execute_rows("INSERT INTO t (namespace, k, name, q) {ns_rows}", (), &rows)
                })
                .await
                .unwrap();
            let rows: Vec<(Quantity,)> = test
                .db
                .read(&ns, |tx| {
                    tx.rows("SELECT q FROM t WHERE namespace = ?ns ORDER BY q", ())
                })
                .await
                .map_err(|e: Error| e)
                .unwrap();
            assert!(rows.is_sorted());
            let median = rows[250].0.clone();
            let above: Vec<(i64,)> = test
                .db
                .read(&ns, move |tx| {
                    tx.rows(
                        "SELECT COUNT(*) FROM t WHERE namespace = ?ns AND q >= ?1",
                        (median.clone(),),
                    )
                })
                .await
                .map_err(|e: Error| e)
                .unwrap();
            let expected = rows.iter().filter(|q| *q >= &rows[250]).count() as i64;
            assert_eq!(above, vec![(expected,)]);
            let texts: Vec<(String,)> = test
                .db
                .read(&ns, |tx| {
                    tx.rows(
                        "SELECT DISTINCT name FROM t WHERE namespace = ?ns ORDER BY name",
                        (),
                    )
                })
                .await
                .map_err(|e: Error| e)
                .unwrap();
            assert!(texts.is_sorted(), "{texts:?}");
            let nul = test
                .db
                .read(&ns, |tx| {
                    tx.rows::<(i64,)>(
                        "SELECT k FROM t WHERE namespace = ?ns AND name = ?1",
                        ("a\0".to_owned(),),
                    )
                })
                .await;
            assert_eq!(nul, Err(Error::NulCharacter));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unexpected_value_is_reported_with_its_column() {
    on_each_engine(|test| async move {
        let read = |sql: &'static str| {
            test.db
                .read_unscoped(move |tx| tx.rows::<(i64,)>(sql, vec![Value::Int(1)]))
        };
        let result = read("SELECT 'x' WHERE 1 = ?1").await;
        assert!(
            matches!(
                result,
                Err(Error::UnexpectedValue {
                    column: "1",
                    found: "text",
                    ..
                })
            ),
            "{result:?}"
        );
        assert_eq!(read("SELECT ?1").await, Ok(vec![(1,)]));
        let flag = test
            .db
            .read_unscoped(|tx| tx.rows::<(bool,)>("SELECT 2 > ?1", (1i64,)))
            .await;
        assert_eq!(flag.map_err(|e: Error| e), Ok(vec![(true,)]));
    })
    .await;
}

/// None, one, and more rows than one statement can take; with and without the namespace column.
#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_rows() {
    on_each_engine(|test| async move {
        let lease = table(&test).await;
        let ns = namespace("ns");
        for count in [0i64, 1, 2, 511, 512, 513, 40_000] {
            let rows: Vec<(i64,)> = (0..count).map(|k| (k,)).collect();
            let again = rows.clone();
            let put = test.db.on(&lease).write(&ns, move |tx| {
                tx.execute("DELETE FROM t WHERE namespace = ?ns", ())?;
                tx.execute_rows("INSERT INTO t (namespace, k) {ns_rows}", (), &rows)
            });
            assert_eq!(put.await, Ok(count as u64));
            let mut rows: Vec<(i64,)> = test
                .db
                .read(&ns, move |tx| {
                    tx.query_rows(
                        "WITH n(k) AS ({rows}) SELECT t.k FROM n JOIN t ON t.namespace = ?ns AND t.k = n.k AND t.k <> ?1",
                        (-1i64,),
                        &again,
                    )
                })
                .await
                .map_err(|e: Error| e)
                .unwrap();
            rows.sort_unstable();
            assert_eq!(rows, (0..count).map(|k| (k,)).collect::<Vec<_>>());
        }
    })
    .await;
}

/// Too few or too many parameters are an error on both engines, not a NULL on one of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_needs_as_many_parameters_as_it_names() {
    on_each_engine(|test| async move {
        let few = test.db.read_unscoped(|tx| tx.rows::<(i64,)>("SELECT ?1 WHERE 1 = ?2", (1i64,))).await;
        assert!(matches!(few, Err(Error::Database { .. })), "{few:?}");
        let many = test.db.read_unscoped(|tx| tx.rows::<(i64,)>("SELECT ?1", (1i64, 2i64))).await;
        assert!(matches!(many, Err(Error::Database { .. })), "{many:?}");
        let eleven = test
            .db
            .read_unscoped(|tx| {
                tx.rows::<(i64, i64)>(
                    "SELECT ?11, ?1 WHERE ?2+?3+?4+?5+?6+?7+?8+?9+?10 = 54 AND 'it''s ?1 -- ?2' <> '' -- don't ?12\n AND ?2 = 2",
                    (1..=11).map(Value::Int).collect::<Vec<_>>(),
                )
            })
            .await;
        assert_eq!(eleven.map_err(|e: Error| e), Ok(vec![(11, 1)]));
    })
    .await;
}

/// A name that is missing or not used is an error, not a NULL.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_uses_each_parameter_that_it_names() {
    on_each_engine(|test| async move {
        let found = test.db.read(&namespace("ns"), |tx| {
            let one = 1i64;
            tx.row(
                "SELECT ?two, '?one' WHERE ?one = 1 AND ?ns = 'ns'",
                params! { one, two: "b" },
            )
        });
        let row = ("b".to_owned(), "?one".to_owned());
        assert_eq!(found.await, Ok::<_, Error>(Some(row)));
        let scoped = [
            ("SELECT ?two WHERE ?ns = 'ns'", "?one"),
            ("SELECT ?one WHERE ?ns = 'ns'", "?two"),
            ("SELECT ?one + ?two + ?three WHERE ?ns = 'ns'", "?three"),
            ("SELECT ?one + ?two + ?1 WHERE ?ns = 'ns'", "?1"),
        ];
        for (sql, wrong) in scoped {
            let read = move |tx: &mut Tx| tx.rows(sql, params! { one: 1i64, two: 2i64 });
            assert_wrong(test.db.read(&namespace("ns"), read).await, wrong);
        }
        let twice = |tx: &mut UnscopedTx| tx.rows("SELECT ?one", params! { one: 1i64, one: 2i64 });
        assert_wrong(test.db.read_unscoped(twice).await, "?one");
        let ns = |tx: &mut Tx| tx.rows("SELECT ?ns", params! { ns: "other" });
        assert_wrong(test.db.read(&namespace("ns"), ns).await, "?ns");
    })
    .await;
}

fn assert_wrong(result: Result<Vec<RowCells>, Error>, name: &str) {
    let is_named =
        matches!(&result, Err(Error::WrongParameter { parameter, .. }) if parameter == name);
    assert!(is_named, "{result:?}");
}

/// Rows of unequal width or type are rejected before they reach a database.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_one_statement_have_the_same_columns() {
    on_each_engine(|test| async move {
        let lease = table(&test).await;
        for other in [vec![Value::Int(2)], vec![Value::Int(2), Value::Int(3)]] {
            let rows = vec![vec![Value::Int(1), Value::Text("a".into())], other];
            let put = test.db.on(&lease).write(&namespace("ns"), move |tx| {
                tx.execute_rows("INSERT INTO t (namespace, k, name) {ns_rows}", (), &rows)
            });
            let result = put.await;
            assert!(
                matches!(result, Err(Error::AssertionFailed { .. })),
                "{result:?}"
            );
        }
    })
    .await;
}

/// A double-quoted word is a column name, and an unknown one is an error. SQLite would otherwise
/// read it as a string.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_column_is_not_a_string() {
    on_each_engine(|test| async move {
        let result = test
            .db
            .read_unscoped(|tx| tx.rows::<(String,)>("SELECT \"no_such_column\" FROM fact", ()))
            .await;
        assert!(matches!(result, Err(Error::Database { .. })), "{result:?}");
    })
    .await;
}

/// Hostile content is stored or rejected alike on both engines; deep JSON can be read back.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_facts() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let append = |fact: store::Fact| {
            test.db.on(&lease).write(&namespace("ns"), move |tx| {
                tx.append(fact.clone());
                Ok::<_, Error>(())
            })
        };
        assert_eq!(
            append(store::Fact::new("t", 1).causation(&"a\0b")).await,
            Err(Error::NulCharacter)
        );
        assert_eq!(
            append(store::Fact::new("t", 1).correlation(&"a\0b")).await,
            Err(Error::NulCharacter)
        );
        let huge = "x".repeat(17 << 20);
        assert!(matches!(
            append(store::Fact::new("t", 1).payload(&huge)).await,
            Err(Error::LimitExceeded { .. })
        ));
        append(
            store::Fact::new("t", 1)
                .subject(&"a\0b", 1)
                .payload(&"a\0b"),
        )
        .await
        .unwrap();
        let deep = (0..500).fold(serde_json::json!(1), |inner, _| serde_json::json!([inner]));
        append(store::Fact::new("t", 1).payload(&deep))
            .await
            .unwrap();
        let facts = test
            .db
            .read_unscoped(|tx| {
                store::facts_after(
                    tx,
                    &store::Cursor {
                        partition: "p/0".into(),
                        seq: 0,
                    },
                    9,
                )
            })
            .await
            .unwrap();
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[0].subjects[0].id, "a\0b");
    })
    .await;
}
