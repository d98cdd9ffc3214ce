//! The bare driver: the same rows, the same durability, multi-row statements (arrays on
//! PostgreSQL), no hashing, no lease, no group commit.

use crate::shape::{self, Movement};
use postgres::types::ToSql;
use rusqlite::types::Value as V;
use std::collections::HashMap;
use std::fmt::Write as _;
use store::Config;
use types::Quantity;

pub(crate) struct Baseline {
    driver: Driver,
    seq: i64,
}

enum Driver {
    Sqlite(rusqlite::Connection),
    /// The synchronous client runs its own runtime, which panics on a tokio worker: a thread owns
    /// it.
    Postgres(std::sync::mpsc::Sender<Job>),
}

type Job = (Vec<Movement>, i64, std::sync::mpsc::Sender<()>);

/// Columns of the fact table, as the store writes them.
const FACT: &str = "INSERT INTO bare_fact (partition, seq, type, schema_version, namespace, subjects, actor, causation, correlation, \
     at, payload, salt, payload_hash, prev, hash) VALUES ";
const TRANSFER: &str =
    "INSERT INTO bench_transfer (namespace, id, account, amount, tx_id, at) VALUES ";
const BALANCE: &str = "INSERT INTO bench_balance (namespace, account, amount) VALUES ";
const BALANCE_END: &str =
    " ON CONFLICT (namespace, account) DO UPDATE SET amount = excluded.amount";

impl Baseline {
    pub(crate) fn open(config: &Config) -> Self {
        let driver = match config {
            Config::Sqlite { path, .. } => Driver::Sqlite(open_sqlite(path)),
            Config::Postgres { url, .. } => Driver::Postgres(serve_postgres(url.clone())),
        };
        Self { driver, seq: 0 }
    }

    /// Write a slice in one transaction.
    pub(crate) fn record(&mut self, slice: &[Movement]) {
        let first = self.seq + 1;
        self.seq += slice.len() as i64;
        match &mut self.driver {
            Driver::Sqlite(connection) => record_sqlite(connection, slice, first),
            Driver::Postgres(jobs) => {
                let (done, wait) = std::sync::mpsc::channel();
                jobs.send((slice.to_vec(), first, done)).unwrap();
                wait.recv().unwrap();
            }
        }
    }
}

fn schema(postgres: bool) -> String {
    let (text, blob, int) = if postgres {
        ("TEXT COLLATE \"C\"", "BYTEA", "BIGINT")
    } else {
        ("TEXT", "BLOB", "INTEGER")
    };
    let strict = if postgres { "" } else { " STRICT" };
    let [transfer, balance] = shape::tables(postgres);
    format!(
        "{transfer}; {balance};
         CREATE TABLE bare_head (partition {text} PRIMARY KEY, seq {int} NOT NULL, hash {blob} NOT NULL){strict};
         INSERT INTO bare_head VALUES ('p', 0, '');
         CREATE TABLE bare_fact (partition {text} NOT NULL, seq {int} NOT NULL, type {text} NOT NULL, schema_version {int} NOT NULL,
           namespace {text} NOT NULL, subjects {text} NOT NULL, actor {text} NOT NULL, causation {text}, correlation {text},
           at {int} NOT NULL, payload {text}, salt {blob}, payload_hash {blob} NOT NULL, prev {blob} NOT NULL, hash {blob} NOT NULL,
           PRIMARY KEY (partition, seq)){strict};"
    )
}

/// Placeholders such as `(?1,?2),(?3,?4)`.
fn placeholders(width: usize, rows: usize) -> String {
    let mut text = String::new();
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..width {
            let _ = write!(
                text,
                "{}?{}",
                if column == 0 { "" } else { "," },
                row * width + column + 1
            );
        }
        text.push(')');
    }
    text
}

fn subjects(movement: &Movement) -> String {
    format!("[{{\"id\":\"{}\",\"version\":1}}]", movement.id)
}

fn open_sqlite(path: &std::path::Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .unwrap();
    connection
        .pragma_update(None, "synchronous", "FULL")
        .unwrap();
    connection
        .pragma_update(None, "cache_size", -8_192)
        .unwrap();
    connection.set_prepared_statement_cache_capacity(64);
    connection
        .execute_batch(&schema(false).replace("('p', 0, '')", "('p', 0, x'')"))
        .unwrap();
    connection
}

fn run_sqlite(connection: &rusqlite::Connection, sql: &str, values: Vec<rusqlite::types::Value>) {
    connection
        .prepare_cached(sql)
        .unwrap()
        .execute(rusqlite::params_from_iter(values))
        .unwrap();
}

/// SQLite allows 32,766 parameters, so a thousand facts of 15 columns fit in one statement.
fn record_sqlite(connection: &mut rusqlite::Connection, slice: &[Movement], first: i64) {
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let rows = slice.iter().flat_map(|movement| {
        let amount = Quantity::from(movement.amount).to_ordered_bytes();
        [
            V::from("bench".to_owned()),
            movement.id.clone().into(),
            movement.account.clone().into(),
            amount.into(),
            movement.transaction.clone().into(),
            0i64.into(),
        ]
    });
    run_sqlite(
        connection,
        &format!("{TRANSFER}{}", placeholders(6, slice.len())),
        rows.collect(),
    );
    balances_sqlite(connection, slice);
    facts_sqlite(connection, slice, first);
    let last = first + slice.len() as i64 - 1;
    let head = vec![last.into(), vec![3u8; 32].into()];
    run_sqlite(
        connection,
        "UPDATE bare_head SET seq = ?1, hash = ?2 WHERE partition = 'p'",
        head,
    );
    connection.execute_batch("COMMIT").unwrap();
}

fn balances_sqlite(connection: &rusqlite::Connection, slice: &[Movement]) {
    let net = shape::net(slice);
    let marks: Vec<String> = (1..=net.len()).map(|n| format!("?{n}")).collect();
    let sql = format!(
        "SELECT account, amount FROM bench_balance WHERE namespace = 'bench' AND account IN ({})",
        marks.join(",")
    );
    let mut before: HashMap<String, Quantity> = HashMap::new();
    let mut statement = connection.prepare_cached(&sql).unwrap();
    let mut result_rows = statement
        .query(rusqlite::params_from_iter(net.keys()))
        .unwrap();
    while let Some(row) = result_rows.next().unwrap() {
        let amount = Quantity::from_ordered_bytes(&row.get::<_, Vec<u8>>(1).unwrap()).unwrap();
        before.insert(row.get(0).unwrap(), amount);
    }
    let rows = net.iter().flat_map(|(account, change)| {
        let after = before.get(*account).cloned().unwrap_or_default() + change;
        [
            V::from("bench".to_owned()),
            (*account).to_owned().into(),
            after.to_ordered_bytes().into(),
        ]
    });
    run_sqlite(
        connection,
        &format!("{BALANCE}{}{BALANCE_END}", placeholders(3, net.len())),
        rows.collect(),
    );
}

fn facts_sqlite(connection: &rusqlite::Connection, slice: &[Movement], first: i64) {
    let rows = slice.iter().zip(first..).flat_map(|(movement, seq)| {
        [
            V::from("p".to_owned()),
            seq.into(),
            "bench.moved".to_owned().into(),
            1i64.into(),
            "bench".to_owned().into(),
            subjects(movement).into(),
            "system/bench".to_owned().into(),
            V::Null,
            V::Null,
            0i64.into(),
            movement.payload().to_string().into(),
            vec![7u8; 16].into(),
            vec![1u8; 32].into(),
            vec![2u8; 32].into(),
            vec![3u8; 32].into(),
        ]
    });
    run_sqlite(
        connection,
        &format!("{FACT}{}", placeholders(15, slice.len())),
        rows.collect(),
    );
}

fn serve_postgres(url: String) -> std::sync::mpsc::Sender<Job> {
    let (jobs, work) = std::sync::mpsc::channel::<Job>();
    std::thread::spawn(move || {
        let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
        client
            .batch_execute("SET synchronous_commit = on; SET jit = off")
            .unwrap();
        client.batch_execute(&schema(true)).unwrap();
        let mut prepared = HashMap::new();
        while let Ok((slice, first, done)) = work.recv() {
            record_postgres(&mut client, &mut prepared, &slice, first);
            done.send(()).unwrap();
        }
    });
    jobs
}

/// Statements by their text, with the number of uses.
type Prepared = HashMap<String, (postgres::Statement, u64)>;

/// Prepare a statement, again each time its uses have doubled. The server keeps the plan from the
/// first executions, when the tables were empty; with that plan the baseline would be slower than
/// necessary and the comparison unfair.
fn prepare(
    client: &mut postgres::Client,
    prepared: &mut Prepared,
    sql: &str,
) -> postgres::Statement {
    let uses = prepared.get(sql).map_or(0, |(_, uses)| *uses) + 1;
    let statement = match prepared.get(sql) {
        Some((statement, _)) if !uses.is_power_of_two() => statement.clone(),
        _ => client.prepare(sql).unwrap(),
    };
    prepared.insert(sql.to_owned(), (statement.clone(), uses));
    statement
}

fn run_postgres(
    client: &mut postgres::Client,
    prepared: &mut Prepared,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
) {
    let statement = prepare(client, prepared, sql);
    client.execute(&statement, values).unwrap();
}

/// Arrays are the fastest multi-row form on PostgreSQL: parsing `VALUES` with a thousand rows takes
/// the server several times as long, which would make the comparison unfair.
fn record_postgres(
    client: &mut postgres::Client,
    prepared: &mut Prepared,
    slice: &[Movement],
    first: i64,
) {
    client
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        .unwrap();
    let ids: Vec<&str> = slice.iter().map(|movement| movement.id.as_str()).collect();
    let accounts: Vec<&str> = slice
        .iter()
        .map(|movement| movement.account.as_str())
        .collect();
    let amounts: Vec<Vec<u8>> = slice
        .iter()
        .map(|movement| Quantity::from(movement.amount).to_ordered_bytes())
        .collect();
    let transactions: Vec<&str> = slice
        .iter()
        .map(|movement| movement.transaction.as_str())
        .collect();
    let times = vec![0i64; slice.len()];
    let sql = "INSERT INTO bench_transfer (namespace, id, account, amount, tx_id, at)
               SELECT 'bench', r.* FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::bigint[]) AS r";
    run_postgres(
        client,
        prepared,
        sql,
        &[&ids, &accounts, &amounts, &transactions, &times],
    );
    move_balances(client, prepared, slice);
    insert_facts(client, prepared, slice, first);
    let (last, hash) = (first + slice.len() as i64 - 1, vec![3u8; 32]);
    run_postgres(
        client,
        prepared,
        "UPDATE bare_head SET seq = $1, hash = $2 WHERE partition = 'p'",
        &[&last, &hash],
    );
    client.batch_execute("COMMIT").unwrap();
}

fn move_balances(client: &mut postgres::Client, prepared: &mut Prepared, slice: &[Movement]) {
    let net = shape::net(slice);
    let accounts: Vec<&str> = net.keys().copied().collect();
    // A join, because `= ANY` scans the index once per account, over every dead version left by
    // earlier updates.
    let sql = "WITH n(a) AS (SELECT * FROM unnest($1::text[]) AS r)
               SELECT account, amount FROM bench_balance JOIN n ON account = n.a WHERE namespace = 'bench'";
    let statement = prepare(client, prepared, sql);
    let before: HashMap<String, Quantity> = client
        .query(&statement, &[&accounts])
        .unwrap()
        .iter()
        .map(|row| {
            (
                row.get(0),
                Quantity::from_ordered_bytes(&row.get::<_, Vec<u8>>(1)).unwrap(),
            )
        })
        .collect();
    let after: Vec<Vec<u8>> = net
        .iter()
        .map(|(account, change)| {
            (before.get(*account).cloned().unwrap_or_default() + change).to_ordered_bytes()
        })
        .collect();
    let sql = format!(
        "{} SELECT 'bench', r.* FROM unnest($1::text[], $2::bytea[]) AS r{BALANCE_END}",
        BALANCE.trim_end_matches("VALUES ")
    );
    run_postgres(client, prepared, &sql, &[&accounts, &after]);
}

fn insert_facts(
    client: &mut postgres::Client,
    prepared: &mut Prepared,
    slice: &[Movement],
    first: i64,
) {
    let count = slice.len();
    let seqs: Vec<i64> = (first..).take(count).collect();
    let subjects: Vec<String> = slice.iter().map(subjects).collect();
    let payloads: Vec<String> = slice
        .iter()
        .map(|movement| movement.payload().to_string())
        .collect();
    let text = |value: &'static str| vec![value; count];
    let (ones, times, nulls) = (
        vec![1i64; count],
        vec![0i64; count],
        vec![None::<String>; count],
    );
    let bytes = |byte: u8, width: usize| vec![vec![byte; width]; count];
    let sql = format!(
        "{} SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[],
           $9::text[], $10::bigint[], $11::text[], $12::bytea[], $13::bytea[], $14::bytea[], $15::bytea[]) AS r",
        FACT.trim_end_matches("VALUES ")
    );
    let values: [&(dyn ToSql + Sync); 15] = [
        &text("p"),
        &seqs,
        &text("bench.moved"),
        &ones,
        &text("bench"),
        &subjects,
        &text("system/bench"),
        &nulls,
        &nulls,
        &times,
        &payloads,
        &bytes(7, 16),
        &bytes(1, 32),
        &bytes(2, 32),
        &bytes(3, 32),
    ];
    run_postgres(client, prepared, &sql, &values);
}
