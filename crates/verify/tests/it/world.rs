//! A database with two partitions, a batch and three seals, and a hand that reaches into it past
//! the store.

use ed25519_dalek::SigningKey;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use store::{Batch, Config, Db, Error, Export, Fact, Lease, Sealer, Value};
use testkit::{TestDb, namespace, on_each_engine};
use types::Principal;
use verify::{Flaw, Options, Place, Report, Source};

/// The sealer's secret.
pub(crate) const SECRET: [u8; 32] = [3; 32];
/// Facts in partition `p/0`; the last two of them are sealed by no seal.
pub(crate) const FACTS: i64 = 12;

/// A row of table `thing`.
type Thing = (String, i64, i64, Option<String>, Vec<u8>);

/// A world on one engine.
pub(crate) struct World {
    pub(crate) test: TestDb,
    pub(crate) leases: [Lease; 2],
    pub(crate) dir: tempfile::TempDir,
    pub(crate) options: Options,
}

/// The public half.
pub(crate) fn public(secret: [u8; 32]) -> [u8; 32] {
    SigningKey::from_bytes(&secret).verifying_key().to_bytes()
}

/// Run a story in a fresh world on each engine.
pub(crate) async fn in_each_world<F, Fut>(story: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    on_each_engine(|test| async { story(World::new(test, SECRET, "as it was").await).await }).await;
}

/// A file that seals go to.
#[derive(Clone)]
struct Lines(PathBuf, Arc<Mutex<i64>>);

impl Export for Lines {
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
    /// `twist` is what fact 3 of `p/0` says: all else is the same in every world.
    pub(crate) async fn new(test: TestDb, secret: [u8; 32], twist: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let leases = [test.lease("p/0").await, test.lease("p/1").await];
        let export = Lines(dir.path().join("seals.jsonl"), Arc::default());
        let sealing = test.lease("seal").await;
        let mut sealer = Sealer::new(test.db.clone(), sealing, secret, Box::new(export))
            .await
            .unwrap();
        let options = Options {
            seals: Some(dir.path().join("seals.jsonl")),
            keys: vec![public(SECRET)],
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
            let says = if n == 3 {
                twist.to_owned()
            } else {
                format!("number {n}")
            };
            say(&world.test.db, &world.leases[0], n, says).await;
            if n % 3 == 0 {
                say(&world.test.db, &world.leases[1], n, "beside".to_owned()).await;
            }
            if n == 5 {
                world.batch().await;
            }
            if [4, 7, 10].contains(&n) {
                assert!(sealer.turn().await.unwrap());
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
            "CREATE TABLE thing (chain {text} NOT NULL, height BIGINT NOT NULL, place BIGINT NOT NULL, name {text}, body {blob})"
        );
        self.write(move |tx| tx.execute(&sql, ()).map(drop)).await;
    }

    /// Forty rows, and one fact that stands for the even half of them.
    async fn batch(&self) {
        let put = |tx: &mut store::Unbound<'_, '_>| {
            let rows: Vec<Thing> = (0..40)
                .map(|n: i64| {
                    (
                        "c".to_owned(),
                        n % 2,
                        100 - n,
                        (n % 3 > 0).then(|| format!("ä{n}")),
                        vec![n.to_le_bytes()[0]],
                    )
                })
                .collect();
            tx.execute_rows(
                "INSERT INTO thing (chain, height, place, name, body) {rows}",
                (),
                &rows,
            )?;
            let mut even: Vec<_> = rows.iter().filter(|row| row.1 == 0).collect();
            even.sort_by_key(|row| row.2);
            let values: Vec<Vec<Value<'_>>> =
                even.iter().map(|row| store::Params::values(*row)).collect();
            let key = [
                ("chain", serde_json::json!("c")),
                ("height", serde_json::json!(0)),
            ];
            let batch = Batch::of(
                "thing",
                &["chain", "height", "place", "name", "body"],
                &key,
                &["place"],
                &values,
            );
            let payload = serde_json::json!({ "why": "many", "batch": batch });
            tx.append(&namespace("ns"), Fact::new("thing.many", 1).says(&payload));
            Ok(())
        };
        self.write(put).await;
    }

    async fn write<F>(&self, write: F)
    where
        F: FnMut(&mut store::Unbound<'_, '_>) -> store::Result<()> + Send + 'static,
    {
        self.test
            .db
            .on(&self.leases[1])
            .write_unbound(write)
            .await
            .unwrap();
    }

    /// Where the verifier looks.
    pub(crate) fn source(&self) -> Source {
        match self.test.config() {
            Config::Sqlite { path, .. } => Source::Sqlite(path.clone()),
            Config::Postgres { url, .. } => Source::Postgres(url.clone()),
        }
    }

    /// Reach into the database past the store. `x'00'` stands for bytes.
    pub(crate) fn tamper(&self, sql: &str) {
        match (self.test.server(), self.test.config()) {
            (Some(server), _) => drop(server.psql(&sql.replace("x'", "'\\x"))),
            (None, Config::Sqlite { path, .. }) => {
                let hand = rusqlite::Connection::open(path).unwrap();
                hand.busy_timeout(std::time::Duration::from_secs(10))
                    .unwrap();
                hand.execute_batch(sql).unwrap();
            }
            _ => unreachable!("a test database has a server or a file"),
        }
    }

    /// One text that the database answers with.
    pub(crate) async fn asked(&self, sql: &'static str) -> String {
        let row: Option<(String,)> = self
            .test
            .db
            .read_unbound(move |tx| tx.row(sql, ()))
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

    /// The lines of the export.
    pub(crate) fn lines(&self) -> Vec<String> {
        std::fs::read_to_string(self.dir.path().join("seals.jsonl"))
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Other lines in their place.
    pub(crate) fn put_lines(&self, lines: &[String]) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(self.dir.path().join("seals.jsonl"), text).unwrap();
    }
}

/// A fact that says something, with every column filled.
pub(crate) async fn say(db: &Db, lease: &Lease, n: i64, says: String) {
    let who = Principal::system("test", namespace("ns"));
    db.on(lease)
        .write(&namespace("ns"), move |tx| {
            let fact = Fact::new("test.said", 2)
                .about(&"thing:1", n.unsigned_abs())
                .by(&who);
            tx.append(
                fact.because_of(&"cmd:9")
                    .part_of(&"affair:1")
                    .says(&serde_json::json!({ "says": says })),
            );
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

/// The problems of a report as words.
pub(crate) fn words(report: &Report) -> Vec<String> {
    report.problems.iter().map(ToString::to_string).collect()
}

/// Whether a report names this flaw at this place.
pub(crate) fn names(report: &Report, place: &Place, flaw: impl Fn(&Flaw) -> bool) -> bool {
    report
        .problems
        .iter()
        .any(|problem| problem.place == *place && flaw(&problem.flaw))
}

/// A fact of `p/0`.
pub(crate) fn fact(seq: i64) -> Place {
    Place::Fact {
        partition: "p/0".to_owned(),
        seq,
    }
}
