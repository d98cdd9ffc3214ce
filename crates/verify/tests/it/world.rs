//! A database with two partitions, a batch and three tree heads, and a way to modify it without the
//! store.

use ed25519_dalek::SigningKey;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use store::{Batch, Config, Db, Error, Fact, Lease, TreeHeadExport, TreeHeadSigner, Value};
use testkit::{TestDb, namespace, on_each_engine};
use types::Principal;
use verify::{Flaw, Location, Options, Report, Source};

/// The private key of the signer.
pub(crate) const PRIVATE_KEY: [u8; 32] = [3; 32];
/// The number of facts in partition `p/0`; no tree head covers the last two.
pub(crate) const FACTS: i64 = 12;

/// A row of table `item`.
#[derive(store::Record)]
struct Item {
    chain: String,
    height: i64,
    position: i64,
    name: Option<String>,
    body: Vec<u8>,
}

/// A test database on one engine.
pub(crate) struct World {
    pub(crate) test: TestDb,
    pub(crate) leases: [Lease; 2],
    pub(crate) dir: tempfile::TempDir,
    pub(crate) options: Options,
}

/// The public key of a private key.
pub(crate) fn public(secret: [u8; 32]) -> [u8; 32] {
    SigningKey::from_bytes(&secret).verifying_key().to_bytes()
}

/// Run a test in a fresh world on each engine.
pub(crate) async fn in_each_world<F, Fut>(test_body: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    on_each_engine(|test| async {
        test_body(World::new(test, PRIVATE_KEY, "the original text").await).await
    })
    .await;
}

/// Exports tree heads to a file.
#[derive(Clone)]
struct FileExport(PathBuf, Arc<Mutex<i64>>);

impl TreeHeadExport for FileExport {
    fn put(&self, number: i64, line: &str) -> std::io::Result<()> {
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.0)?;
        writeln!(file, "{line}")?;
        *self.1.lock().unwrap() = number;
        Ok(())
    }

    fn last(&self) -> std::io::Result<i64> {
        Ok(*self.1.lock().unwrap())
    }
}

impl World {
    /// `twist` is the text of fact 3 of `p/0`; everything else is the same in every world.
    pub(crate) async fn new(test: TestDb, secret: [u8; 32], twist: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let leases = [test.lease("p/0").await, test.lease("p/1").await];
        let export = FileExport(dir.path().join("tree-heads.jsonl"), Arc::default());
        let signer_lease = test.lease("tree-heads").await;
        let mut signer =
            TreeHeadSigner::new(test.db.clone(), signer_lease, secret, Box::new(export))
                .await
                .unwrap();
        let options = Options {
            tree_heads: Some(dir.path().join("tree-heads.jsonl")),
            keys: vec![public(PRIVATE_KEY)],
            ..Options::default()
        };
        let world = Self {
            test,
            leases,
            dir,
            options,
        };
        world.table().await;
        for n in 1..=FACTS {
            let text = if n == 3 {
                twist.to_owned()
            } else {
                format!("number {n}")
            };
            write_fact(&world.test.db, &world.leases[0], n, text).await;
            if n % 3 == 0 {
                write_fact(&world.test.db, &world.leases[1], n, "second".to_owned()).await;
            }
            if n == 5 {
                world.batch().await;
            }
            if [4, 7, 10].contains(&n) {
                assert!(signer.turn().await.unwrap());
            }
        }
        world
    }

    async fn table(&self) {
        let (text, blob) = match self.test.server() {
            Some(_) => ("TEXT COLLATE \"C\"", "BYTEA"),
            None => ("TEXT", "BLOB"),
        };
        let sql = format!(
            "CREATE TABLE item (chain {text} NOT NULL, height BIGINT NOT NULL, position BIGINT NOT NULL, name {text}, body {blob})"
        );
        self.write(move |tx| tx.execute(&sql, ()).map(drop)).await;
    }

    /// Insert forty rows, and one fact that stands for the even half of them.
    async fn batch(&self) {
        let put = |tx: &mut store::UnscopedTx| {
            let rows: Vec<Item> = (0..40)
                .map(|n: i64| Item {
                    chain: "c".to_owned(),
                    height: n % 2,
                    position: 100 - n,
                    name: (n % 3 > 0).then(|| format!("ä{n}")),
                    body: vec![n.to_le_bytes()[0]],
                })
                .collect();
            tx.execute_rows(
                "INSERT INTO item (chain, height, position, name, body) {rows}",
                (),
                &rows,
            )?;
            let mut even: Vec<_> = rows.iter().filter(|row| row.height == 0).collect();
            even.sort_by_key(|row| row.position);
            let values: Vec<Vec<Value<'_>>> =
                even.iter().map(|row| store::Params::values(*row)).collect();
            let key = [
                ("chain", serde_json::json!("c")),
                ("height", serde_json::json!(0)),
            ];
            let batch = Batch::new(
                "item",
                &["chain", "height", "position", "name", "body"],
                &key,
                &["position"],
                &values,
            );
            let payload = serde_json::json!({ "why": "many", "batch": batch });
            tx.append(
                &namespace("ns"),
                Fact::new("item.many", 1).payload(&payload),
            );
            Ok(())
        };
        self.write(put).await;
    }

    async fn write<F>(&self, write: F)
    where
        F: FnMut(&mut store::UnscopedTx) -> store::Result<()> + Send + 'static,
    {
        self.test
            .db
            .on(&self.leases[1])
            .write_unscoped(write)
            .await
            .unwrap();
    }

    /// The database, as the verifier opens it.
    pub(crate) fn source(&self) -> Source {
        match self.test.config() {
            Config::Sqlite { path, .. } => Source::Sqlite(path.clone()),
            Config::Postgres { url, .. } => Source::Postgres(url.clone()),
        }
    }

    /// Modify the database without the store. `x'00'` stands for bytes.
    pub(crate) fn tamper(&self, sql: &str) {
        match (self.test.server(), self.test.config()) {
            (Some(server), _) => drop(server.psql(&sql.replace("x'", "'\\x"))),
            (None, Config::Sqlite { path, .. }) => {
                let connection = rusqlite::Connection::open(path).unwrap();
                connection
                    .busy_timeout(std::time::Duration::from_secs(10))
                    .unwrap();
                connection.execute_batch(sql).unwrap();
            }
            _ => unreachable!("a test database has a server or a file"),
        }
    }

    /// Run a query that returns one text.
    pub(crate) async fn query_text(&self, sql: &'static str) -> String {
        let row: Option<(String,)> = self
            .test
            .db
            .read_unscoped(move |tx| tx.row(sql, ()))
            .await
            .map_err(|e: Error| e)
            .unwrap();
        row.unwrap().0
    }

    pub(crate) async fn verify(&self) -> Report {
        self.verify_with(self.options.clone()).await
    }

    pub(crate) async fn verify_with(&self, options: Options) -> Report {
        let source = self.source();
        tokio::task::spawn_blocking(move || verify::run(&source, &options, &mut |_| ()).unwrap())
            .await
            .unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        std::fs::read_to_string(self.dir.path().join("tree-heads.jsonl"))
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Replace the lines of the export.
    pub(crate) fn put_lines(&self, lines: &[String]) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(self.dir.path().join("tree-heads.jsonl"), text).unwrap();
    }
}

/// The trace of the facts.
pub(crate) const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Write a fact with every column filled.
pub(crate) async fn write_fact(db: &Db, lease: &Lease, n: i64, text: String) {
    let trace = TRACEPARENT.parse().unwrap();
    let principal = Principal::system("test", namespace("ns")).traced(Some(trace));
    db.on(lease)
        .write(&namespace("ns"), move |tx| {
            let fact = Fact::new("test.written", 2)
                .subject(&"object:1", n.unsigned_abs())
                .actor(&principal);
            tx.append(
                fact.causation(&"cmd:9")
                    .correlation(&"operation:1")
                    .payload(&serde_json::json!({ "text": text })),
            );
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

/// The problems of a report as texts.
pub(crate) fn texts(report: &Report) -> Vec<String> {
    report.problems.iter().map(ToString::to_string).collect()
}

/// Whether a report has this flaw at this location.
pub(crate) fn has_flaw(report: &Report, location: &Location, flaw: impl Fn(&Flaw) -> bool) -> bool {
    report
        .problems
        .iter()
        .any(|problem| problem.location == *location && flaw(&problem.flaw))
}

/// A fact of `p/0`.
pub(crate) fn fact(seq: i64) -> Location {
    Location::Fact {
        partition: "p/0".to_owned(),
        seq,
    }
}
