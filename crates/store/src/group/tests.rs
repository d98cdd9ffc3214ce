//! Commits whose reply is lost: a real SQLite file behind a connection that breaks during the
//! commit and stays broken for a while.

use super::*;
use crate::engine::Statement;
use crate::engine::sqlite::Sqlite;
use crate::sql::Dialect;
use crate::{
    Fact, LeaseClock, RowCells, Value, ValueKind, closure::as_job, hash_chain::HeadCache, migrate,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use types::Time;

/// The outcome of the next commit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NextCommit {
    Succeeds,
    /// It commits, and the reply is lost.
    ReplyLost,
    /// It is lost before it reaches the database.
    RequestLost,
}

struct FaultyConnection {
    inner: Sqlite,
    next: NextCommit,
    /// How many calls fail after a break, and how many of them are left.
    outage: u32,
    failures_left: u32,
    /// What another process executes during the outage.
    meanwhile: &'static str,
}

impl FaultyConnection {
    fn broken() -> Failure {
        Failure::Disconnected(Error::Database {
            why: "the connection broke".to_owned(),
        })
    }

    fn connected(&mut self) -> EngineResult<&mut Sqlite> {
        if self.failures_left == 0 {
            return Ok(&mut self.inner);
        }
        self.failures_left -= 1;
        Err(Self::broken())
    }
}

impl Connection for FaultyConnection {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn begin(&mut self, mode: Mode) -> EngineResult<()> {
        self.connected()?.begin(mode)
    }

    fn commit(&mut self) -> EngineResult<()> {
        match std::mem::replace(&mut self.next, NextCommit::Succeeds) {
            NextCommit::Succeeds => return self.connected()?.commit(),
            NextCommit::ReplyLost => self.inner.commit()?,
            NextCommit::RequestLost => self.inner.rollback(),
        }
        self.failures_left = self.outage;
        self.inner.script(self.meanwhile)?;
        Err(Self::broken())
    }

    fn rollback(&mut self) {
        self.inner.rollback();
    }

    fn query(&mut self, statement: &Statement<'_>) -> EngineResult<Vec<RowCells>> {
        self.connected()?.query(statement)
    }

    fn execute(&mut self, statement: &Statement<'_>) -> EngineResult<u64> {
        self.connected()?.execute(statement)
    }

    fn query_rows(
        &mut self,
        statement: &Statement<'_>,
        kinds: &[ValueKind],
        rows: &[Vec<Value<'_>>],
    ) -> EngineResult<Vec<RowCells>> {
        self.connected()?.query_rows(statement, kinds, rows)
    }

    fn execute_rows(
        &mut self,
        statement: &Statement<'_>,
        kinds: &[ValueKind],
        rows: &[Vec<Value<'_>>],
    ) -> EngineResult<u64> {
        self.connected()?.execute_rows(statement, kinds, rows)
    }

    fn bulk_insert(
        &mut self,
        table: &str,
        columns: &[&str],
        kinds: &[ValueKind],
        rows: &[Vec<Value<'_>>],
    ) -> EngineResult<u64> {
        self.connected()?.bulk_insert(table, columns, kinds, rows)
    }

    fn script(&mut self, sql: &str) -> EngineResult<()> {
        self.connected()?.script(sql)
    }

    fn shared_clock(&mut self) -> EngineResult<Option<i64>> {
        Ok(None)
    }
}

struct FixedSource;

impl Clock for FixedSource {
    fn now(&self) -> Time {
        Time::from_secs(1_767_225_600)
    }
}

impl Entropy for FixedSource {
    fn fill(&self, into: &mut [u8]) {
        into.fill(7);
    }
}

struct World {
    _dir: tempfile::TempDir,
    connection: FaultyConnection,
    heads: HeadCache,
    partition: Partition,
    runs: Arc<AtomicU32>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut inner = Sqlite::open(&dir.path().join("t.db")).unwrap();
        migrate::migrate(&mut inner, FixedSource.now()).unwrap();
        inner
            .script(
                "INSERT INTO partition_head VALUES ('p/0', 0, zeroblob(32), 0, 1, 'me', 0);
                 CREATE TABLE note (name TEXT NOT NULL)",
            )
            .unwrap();
        let connection = FaultyConnection {
            inner,
            next: NextCommit::Succeeds,
            outage: 0,
            failures_left: 0,
            meanwhile: "",
        };
        let runs = Arc::new(AtomicU32::new(0));
        Self {
            _dir: dir,
            connection,
            heads: HeadCache::default(),
            partition: Partition::new("p/0", 1),
            runs,
        }
    }

    /// Run three closures in one group and return the result of each.
    fn three(&mut self, with_facts: bool) -> Vec<Result<()>> {
        let (group, results): (Vec<_>, Vec<_>) = (0..3)
            .map(|n| {
                let runs = self.runs.clone();
                let (job, result) = as_job(move |tx: &mut crate::UnscopedTx| {
                    runs.fetch_add(1, Ordering::SeqCst);
                    if with_facts {
                        tx.append(
                            &types::Namespace::installation(),
                            Fact::new("test.written", 1).payload(&n),
                        );
                        return Ok(());
                    }
                    tx.execute("INSERT INTO note (name) VALUES (?1)", (format!("{n}"),))
                        .map(drop)
                });
                (
                    Queued {
                        partition: Some(self.partition.clone()),
                        job,
                    },
                    result,
                )
            })
            .unzip();
        let mut context = GroupContext {
            connection: &mut self.connection,
            heads: &self.heads,
            clock: &FixedSource,
            entropy: &FixedSource,
            lease_clock: LeaseClock::Injected,
        };
        run(&mut context, group);
        results
            .into_iter()
            .map(|mut result| result.try_recv().unwrap())
            .collect()
    }

    fn count(&mut self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let rows = self
            .connection
            .inner
            .query(&Statement {
                sql: &sql,
                params: &[],
                namespace: None,
            })
            .unwrap();
        let [crate::Cell::Int(count)] = rows[0][..] else {
            panic!("a count")
        };
        count
    }

    fn runs(&self) -> u32 {
        self.runs.load(Ordering::SeqCst)
    }
}

#[test]
fn a_commit_that_may_have_succeeded_is_never_run_again() {
    for next in [NextCommit::ReplyLost, NextCommit::RequestLost] {
        let mut world = World::new();
        world
            .three(true)
            .into_iter()
            .for_each(|result| result.unwrap());
        (world.connection.next, world.connection.outage) = (next, 100_000);
        let results = world.three(true);
        assert!(
            results
                .iter()
                .all(|result| matches!(result, Err(Error::Database { .. }))),
            "{results:?}"
        );
        assert_eq!(world.runs(), 6, "no closure ran twice");
        world.connection.failures_left = 0;
        world
            .three(true)
            .into_iter()
            .for_each(|result| result.unwrap());
        assert_eq!(
            world.count("fact"),
            if next == NextCommit::ReplyLost { 9 } else { 6 }
        );
    }
}

#[test]
fn the_outcome_of_a_lost_commit_is_found_out() {
    for (next, runs) in [(NextCommit::ReplyLost, 3), (NextCommit::RequestLost, 6)] {
        for with_facts in [true, false] {
            let mut world = World::new();
            (world.connection.next, world.connection.outage) = (next, 7);
            world
                .three(with_facts)
                .into_iter()
                .for_each(|result| result.unwrap());
            assert_eq!(world.count(if with_facts { "fact" } else { "note" }), 3);
            assert_eq!(world.runs(), runs);
        }
    }
}

/// Another owner takes over the partition during the outage. The facts show the outcome; without
/// facts it stays unknown, and nothing is run again.
#[test]
fn after_a_takeover_the_facts_show_the_outcome() {
    for (next, with_facts) in [
        (NextCommit::ReplyLost, true),
        (NextCommit::RequestLost, true),
        (NextCommit::ReplyLost, false),
        (NextCommit::RequestLost, false),
    ] {
        let mut world = World::new();
        world
            .three(true)
            .into_iter()
            .for_each(|result| result.unwrap());
        (world.connection.next, world.connection.outage) = (next, 3);
        world.connection.meanwhile = "UPDATE partition_head SET epoch = 2, commits = commits + 1";
        let results = world.three(with_facts);
        let expect = |expected: fn(&Result<()>) -> bool| {
            assert!(results.iter().all(expected), "{with_facts}: {results:?}")
        };
        match (next, with_facts) {
            (NextCommit::ReplyLost, true) => expect(|result| result.is_ok()),
            (_, true) => expect(|result| matches!(result, Err(Error::Fenced { .. }))),
            (_, false) => expect(|result| matches!(result, Err(Error::Database { .. }))),
        }
        assert_eq!(
            world.count("fact"),
            if next == NextCommit::ReplyLost && with_facts {
                6
            } else {
                3
            }
        );
    }
}
