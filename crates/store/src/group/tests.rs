//! Commits whose answer is lost: a real SQLite file behind a line that breaks at the worst moment
//! and stays broken for a while.

use super::*;
use crate::engine::Statement;
use crate::engine::sqlite::Sqlite;
use crate::sql::Dialect;
use crate::{Fact, Kind, LeaseTime, Row, Value, chain::Heads, migrate, task::task};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use types::Time;

/// What becomes of the next commit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Answered,
    /// It counts, and the answer is lost.
    Counts,
    /// It never arrives.
    Lost,
}

struct Line {
    inner: Sqlite,
    next: Next,
    /// How many calls the line stays broken for once it broke, and how many of them are left.
    outage: u32,
    dead: u32,
    /// What another process does meanwhile, if the line breaks.
    meanwhile: &'static str,
}

impl Line {
    fn broken() -> Failure {
        Failure::Disconnected(Error::Database {
            why: "the line broke".to_owned(),
        })
    }

    fn alive(&mut self) -> Answer<&mut Sqlite> {
        if self.dead == 0 {
            return Ok(&mut self.inner);
        }
        self.dead -= 1;
        Err(Self::broken())
    }
}

impl Connection for Line {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn begin(&mut self, mode: Mode) -> Answer<()> {
        self.alive()?.begin(mode)
    }

    fn commit(&mut self) -> Answer<()> {
        match std::mem::replace(&mut self.next, Next::Answered) {
            Next::Answered => return self.alive()?.commit(),
            Next::Counts => self.inner.commit()?,
            Next::Lost => self.inner.rollback(),
        }
        self.dead = self.outage;
        self.inner.script(self.meanwhile)?;
        Err(Self::broken())
    }

    fn rollback(&mut self) {
        self.inner.rollback();
    }

    fn query(&mut self, statement: &Statement<'_>) -> Answer<Vec<Row>> {
        self.alive()?.query(statement)
    }

    fn execute(&mut self, statement: &Statement<'_>) -> Answer<u64> {
        self.alive()?.execute(statement)
    }

    fn query_rows(
        &mut self,
        statement: &Statement<'_>,
        kinds: &[Kind],
        rows: &[Vec<Value<'_>>],
    ) -> Answer<Vec<Row>> {
        self.alive()?.query_rows(statement, kinds, rows)
    }

    fn execute_rows(
        &mut self,
        statement: &Statement<'_>,
        kinds: &[Kind],
        rows: &[Vec<Value<'_>>],
    ) -> Answer<u64> {
        self.alive()?.execute_rows(statement, kinds, rows)
    }

    fn bulk_insert(
        &mut self,
        table: &str,
        columns: &[&str],
        kinds: &[Kind],
        rows: &[Vec<Value<'_>>],
    ) -> Answer<u64> {
        self.alive()?.bulk_insert(table, columns, kinds, rows)
    }

    fn script(&mut self, sql: &str) -> Answer<()> {
        self.alive()?.script(sql)
    }

    fn shared_clock(&mut self) -> Answer<Option<i64>> {
        Ok(None)
    }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Time {
        Time::from_secs(1_767_225_600)
    }
}

impl Entropy for Still {
    fn fill(&self, into: &mut [u8]) {
        into.fill(7);
    }
}

struct World {
    _dir: tempfile::TempDir,
    line: Line,
    heads: Heads,
    partition: Partition,
    runs: Arc<AtomicU32>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut inner = Sqlite::open(&dir.path().join("t.db")).unwrap();
        migrate::migrate(&mut inner, Still.now()).unwrap();
        inner
            .script("INSERT INTO partition_head VALUES ('p/0', 0, zeroblob(32), 0, 1, 'me', 0)")
            .unwrap();
        let line = Line {
            inner,
            next: Next::Answered,
            outage: 0,
            dead: 0,
            meanwhile: "",
        };
        let runs = Arc::new(AtomicU32::new(0));
        Self {
            _dir: dir,
            line,
            heads: Heads::default(),
            partition: Partition::new("p/0", 1),
            runs,
        }
    }

    /// Three closures in one group; what each caller hears.
    fn three(&mut self, with_facts: bool) -> Vec<Result<()>> {
        let (group, answers): (Vec<_>, Vec<_>) = (0..3)
            .map(|n| {
                let runs = self.runs.clone();
                let (job, answer) = task(move |tx: &mut crate::Unbound<'_, '_>| {
                    runs.fetch_add(1, Ordering::SeqCst);
                    if with_facts {
                        tx.append(
                            &types::Namespace::installation(),
                            Fact::new("test.said", 1).says(&n),
                        );
                        return Ok(());
                    }
                    tx.execute(
                        "INSERT INTO installation (name, value) VALUES (?1, '')",
                        (format!("{n}"),),
                    )
                    .map(drop)
                });
                (
                    Queued {
                        partition: Some(self.partition.clone()),
                        job,
                    },
                    answer,
                )
            })
            .unzip();
        let mut turn = Turn {
            connection: &mut self.line,
            heads: &self.heads,
            clock: &Still,
            entropy: &Still,
            lease_time: LeaseTime::Clock,
        };
        run(&mut turn, group);
        answers
            .into_iter()
            .map(|mut answer| answer.try_recv().unwrap())
            .collect()
    }

    fn count(&mut self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let rows = self
            .line
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
fn a_commit_that_may_have_counted_is_never_run_again() {
    for next in [Next::Counts, Next::Lost] {
        let mut world = World::new();
        world
            .three(true)
            .into_iter()
            .for_each(|result| result.unwrap());
        (world.line.next, world.line.outage) = (next, 100_000);
        let results = world.three(true);
        assert!(
            results
                .iter()
                .all(|result| matches!(result, Err(Error::Database { .. }))),
            "{results:?}"
        );
        assert_eq!(world.runs(), 6, "no closure ran twice");
        world.line.dead = 0;
        world
            .three(true)
            .into_iter()
            .for_each(|result| result.unwrap());
        assert_eq!(
            world.count("fact"),
            if next == Next::Counts { 9 } else { 6 }
        );
    }
}

#[test]
fn an_answer_that_is_found_out_is_given() {
    for (next, runs) in [(Next::Counts, 3), (Next::Lost, 6)] {
        for with_facts in [true, false] {
            let mut world = World::new();
            (world.line.next, world.line.outage) = (next, 7);
            world
                .three(with_facts)
                .into_iter()
                .for_each(|result| result.unwrap());
            assert_eq!(
                world.count(if with_facts { "fact" } else { "installation" }),
                3
            );
            assert_eq!(world.runs(), runs);
        }
    }
}

/// Another owner took the partition over during the outage. With facts their place tells; without,
/// nobody can know, and nobody guesses.
#[test]
fn after_a_takeover_the_facts_tell() {
    for (next, with_facts) in [
        (Next::Counts, true),
        (Next::Lost, true),
        (Next::Counts, false),
        (Next::Lost, false),
    ] {
        let mut world = World::new();
        world
            .three(true)
            .into_iter()
            .for_each(|result| result.unwrap());
        (world.line.next, world.line.outage) = (next, 3);
        world.line.meanwhile = "UPDATE partition_head SET epoch = 2, turn = turn + 1";
        let results = world.three(with_facts);
        let told = |wanted: fn(&Result<()>) -> bool| {
            assert!(results.iter().all(wanted), "{with_facts}: {results:?}")
        };
        match (next, with_facts) {
            (Next::Counts, true) => told(|result| result.is_ok()),
            (_, true) => told(|result| matches!(result, Err(Error::Fenced { .. }))),
            (_, false) => told(|result| matches!(result, Err(Error::Database { .. }))),
        }
        assert_eq!(
            world.count("fact"),
            if next == Next::Counts && with_facts {
                6
            } else {
                3
            }
        );
    }
}
