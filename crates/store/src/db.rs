//! The entry point: open a database, read a snapshot.

use crate::closure::{TxResult, as_job, await_result};
use crate::config::{Config, EngineKind, LeaseClock};
use crate::dispatch::Dispatch;
use crate::engine::Connection;
use crate::group::Queued;
use crate::hash_chain::HeadCache;
use crate::partition::Partition;
use crate::reader::Reads;
use crate::serve::{Reader, Writer, spawn};
use crate::{Error, Result, Tx, UnscopedTx, lock, migrate};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::watch;
use types::{Clock, Entropy, Namespace, Ulid};

/// How many reads may wait in all, and how many closures per partition, before more are rejected.
const QUEUE_LIMIT: usize = 20_000;

/// An open database. Clones share it; it closes when the last clone is dropped.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    config: Config,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    holder: String,
    writes: Arc<Dispatch>,
    reads: Arc<Reads>,
    committed: watch::Receiver<u64>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    _lock: Option<lock::Lock>,
}

impl Db {
    /// Open the database, apply migrations, and start the threads that serve it. Errors:
    /// [`Error::Locked`], [`Error::UnknownMigration`], [`Error::Database`].
    pub async fn open(
        config: Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        lease_clock: LeaseClock,
    ) -> Result<Self> {
        tokio::task::spawn_blocking(move || {
            Self::open_blocking(config, clock, entropy, lease_clock)
        })
        .await
        .map_err(|error| Error::Database {
            why: error.to_string(),
        })?
    }

    fn open_blocking(
        config: Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        lease_clock: LeaseClock,
    ) -> Result<Self> {
        let config = config.resolved()?;
        let lock = match &config {
            Config::Sqlite { path, .. } => Some(lock::take(path)?),
            Config::Postgres { .. } => None,
        };
        let mut first = config.connect()?;
        migrate::migrate(first.as_mut(), clock.now())?;
        let (notify, committed) = watch::channel(0);
        let inner = Inner {
            holder: Ulid::new(clock.now(), entropy.as_ref()).to_string(),
            writes: Arc::new(Dispatch::new(QUEUE_LIMIT)),
            reads: Arc::new(Reads::new(QUEUE_LIMIT)),
            threads: Mutex::new(Vec::new()),
            _lock: lock,
            config,
            clock,
            entropy,
            committed,
        };
        inner.start(first, &Arc::new(notify), lease_clock)?;
        Ok(Self(Arc::new(inner)))
    }

    /// The database engine in use.
    pub fn engine(&self) -> EngineKind {
        self.0.config.engine()
    }

    /// Read within one namespace, in one snapshot.
    pub fn read<R, F>(
        &self,
        namespace: &Namespace,
        mut read: F,
    ) -> impl Future<Output = R> + use<R, F>
    where
        F: FnMut(&mut Tx) -> R + Send + 'static,
        R: TxResult,
    {
        let namespace = *namespace;
        self.read_unscoped(move |tx| read(&mut tx.scoped(&namespace)))
    }

    /// Read across namespaces, in one snapshot: only for chain ingestion, workers and audits.
    pub fn read_unscoped<R, F>(&self, read: F) -> impl Future<Output = R> + use<R, F>
    where
        F: FnMut(&mut UnscopedTx) -> R + Send + 'static,
        R: TxResult,
    {
        let (job, result) = as_job(read);
        let queued = self.0.reads.push(job);
        await_result(queued, result)
    }

    /// As [`Db::read`], with arguments that the closure borrows.
    pub fn read_with<A, R, F>(
        &self,
        namespace: &Namespace,
        args: A,
        mut read: F,
    ) -> impl Future<Output = R> + use<A, R, F>
    where
        A: Send + 'static,
        F: FnMut(&mut Tx, &A) -> R + Send + 'static,
        R: TxResult,
    {
        self.read(namespace, move |tx| read(tx, &args))
    }

    /// As [`Db::read_unscoped`], with arguments that the closure borrows.
    pub fn read_unscoped_with<A, R, F>(
        &self,
        args: A,
        mut read: F,
    ) -> impl Future<Output = R> + use<A, R, F>
    where
        A: Send + 'static,
        F: FnMut(&mut UnscopedTx, &A) -> R + Send + 'static,
        R: TxResult,
    {
        self.read_unscoped(move |tx| read(tx, &args))
    }

    /// A counter that increases with every commit of facts in this process. It is a hint to poll
    /// again; it may increase without new facts.
    pub fn commit_counter(&self) -> watch::Receiver<u64> {
        self.0.committed.clone()
    }

    /// The clock passed to [`Db::open`].
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// The source of randomness passed to [`Db::open`].
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.0.entropy
    }

    /// The name of this process as a lease holder. It differs after each start.
    pub fn holder(&self) -> &str {
        &self.0.holder
    }

    /// Whether this process alone has the database open. With SQLite the file lock guarantees it.
    pub(crate) fn is_sole_process(&self) -> bool {
        self.engine() == EngineKind::Sqlite
    }

    /// Queue a closure: for a partition, or for the maintenance of leases, which is not fenced.
    pub(crate) fn queue<R, F>(
        &self,
        partition: Option<Partition>,
        write: F,
    ) -> impl Future<Output = R> + use<R, F>
    where
        F: FnMut(&mut UnscopedTx) -> R + Send + 'static,
        R: TxResult,
    {
        let (job, result) = as_job(write);
        let key = match (&partition, self.engine()) {
            // A queue of its own, so that only these transactions read the database's clock.
            (None, _) => "".into(),
            (Some(_), EngineKind::Sqlite) => "write".into(),
            (Some(partition), EngineKind::Postgres) => partition.name().into(),
        };
        let queued = self.0.writes.push(key, Queued { partition, job });
        await_result(queued, result)
    }
}

impl Inner {
    fn start(
        &self,
        first: Box<dyn Connection>,
        notify: &Arc<watch::Sender<u64>>,
        lease_clock: LeaseClock,
    ) -> Result<()> {
        let (writers, readers) = self.config.pool();
        let heads = Arc::new(HeadCache::default());
        let mut first = Some(first);
        let mut threads = self.threads.lock().expect("no other thread exists yet");
        for _ in 0..writers {
            let connection = first.take().map_or_else(|| self.config.connect(), Ok)?;
            let thread = Writer {
                connection,
                queue: self.writes.clone(),
                heads: heads.clone(),
                clock: self.clock.clone(),
                entropy: self.entropy.clone(),
                notify: notify.clone(),
                lease_clock,
            };
            threads.push(spawn("store-write", move || thread.run())?);
        }
        for _ in 0..readers {
            let connection = self.config.connect()?;
            let (queue, clock, entropy) =
                (self.reads.clone(), self.clock.clone(), self.entropy.clone());
            let thread = Reader {
                connection,
                queue,
                clock,
                entropy,
            };
            threads.push(spawn("store-read", move || thread.run())?);
        }
        Ok(())
    }
}

impl Drop for Inner {
    /// Closures accepted before are still run. Then the threads end, which releases the connections
    /// and the lock.
    fn drop(&mut self) {
        self.writes.close();
        self.reads.close();
        let threads = std::mem::take(
            &mut *self
                .threads
                .lock()
                .expect("no thread panics while it holds this lock"),
        );
        for thread in threads {
            // The last clone may be dropped by a closure on one of these threads, which cannot join
            // itself.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}
