//! The entry point: open a database, write under a lease, read a snapshot.

use crate::dispatch::Dispatch;
use crate::engine::{Connection, postgres::Postgres, sqlite::Sqlite};
use crate::group::Queued;
use crate::hash_chain::HeadCache;
use crate::reader::Reads;
use crate::serve::{Reader, Writer, spawn};
use crate::task::{await_result, task};
use crate::{Error, Lease, Result, Tx, UnscopedTx, lock, migrate};
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::watch;
use types::{Clock, Entropy, Namespace, Ulid};

/// How many reads may wait in all, and how many closures per partition, before more are rejected.
const QUEUE_LIMIT: usize = 20_000;

/// Which database to open.
#[derive(Debug, Clone)]
pub enum Config {
    /// One file, one process.
    Sqlite {
        /// Created if it is missing.
        path: PathBuf,
        /// Maximum concurrent reads.
        readers: usize,
    },
    /// A server that several processes share.
    Postgres {
        /// `postgresql://user:password@host/database`.
        url: String,
        /// Maximum concurrent write transactions.
        writers: usize,
        /// Maximum concurrent reads.
        readers: usize,
    },
}

/// The database engine in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    Sqlite,
    Postgres,
}

/// The clock that decides whether a lease has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LeaseClock {
    /// The database server's clock, which all processes share.
    #[default]
    Database,
    /// The clock passed to [`Db::open`], so that a test can advance it.
    Injected,
}

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

/// A database together with the lease of the partition that its writes and facts go to.
pub struct LeasedDb<'d> {
    db: &'d Db,
    lease: Lease,
}

impl Config {
    /// SQLite with the default number of readers.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self::Sqlite {
            path: path.into(),
            readers: 4,
        }
    }

    /// PostgreSQL with the default pool sizes.
    pub fn postgres(url: impl Into<String>) -> Self {
        Self::Postgres {
            url: url.into(),
            writers: 6,
            readers: 4,
        }
    }

    fn resolved(self) -> Result<Self> {
        Ok(match self {
            Config::Sqlite { path, readers } => Config::Sqlite {
                path: lock::resolve(&path)?,
                readers,
            },
            other => other,
        })
    }

    fn connect(&self) -> Result<Box<dyn Connection>> {
        Ok(match self {
            Config::Sqlite { path, .. } => Box::new(Sqlite::open(path)?),
            Config::Postgres { url, .. } => Box::new(Postgres::connect(url)?),
        })
    }

    fn pool(&self) -> (usize, usize) {
        match self {
            Config::Sqlite { readers, .. } => (1, (*readers).max(1)),
            Config::Postgres {
                writers, readers, ..
            } => ((*writers).max(1), (*readers).max(1)),
        }
    }
}

impl Db {
    /// Open the database, apply migrations, and start the threads that serve it. Errors:
    /// [`Error::Locked`], [`Error::Schema`], [`Error::Database`].
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
        match self.0.config {
            Config::Sqlite { .. } => EngineKind::Sqlite,
            Config::Postgres { .. } => EngineKind::Postgres,
        }
    }

    /// Write on the partition that this lease owns.
    pub fn on(&self, lease: &Lease) -> LeasedDb<'_> {
        LeasedDb {
            db: self,
            lease: lease.clone(),
        }
    }

    /// Read within one namespace, in one snapshot.
    pub fn read<T, E, F>(
        &self,
        namespace: &Namespace,
        mut read: F,
    ) -> impl Future<Output = std::result::Result<T, E>> + use<T, E, F>
    where
        F: FnMut(&mut Tx<'_, '_>) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let namespace = *namespace;
        self.read_unscoped(move |tx| read(&mut tx.scoped(&namespace)))
    }

    /// Read across namespaces, in one snapshot: only for chain ingestion, workers and audits.
    pub fn read_unscoped<T, E, F>(
        &self,
        read: F,
    ) -> impl Future<Output = std::result::Result<T, E>> + use<T, E, F>
    where
        F: FnMut(&mut UnscopedTx<'_, '_>) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, result) = task(read);
        let queued = self.0.reads.push(job);
        await_result(queued, result)
    }

    /// As [`Db::read`], with arguments that the closure borrows.
    pub fn read_with<A, T, E, F>(
        &self,
        namespace: &Namespace,
        args: A,
        mut read: F,
    ) -> impl Future<Output = std::result::Result<T, E>> + use<A, T, E, F>
    where
        A: Send + 'static,
        F: FnMut(&mut Tx<'_, '_>, &A) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.read(namespace, move |tx| read(tx, &args))
    }

    /// As [`Db::read_unscoped`], with arguments that the closure borrows.
    pub fn read_unscoped_with<A, T, E, F>(
        &self,
        args: A,
        mut read: F,
    ) -> impl Future<Output = std::result::Result<T, E>> + use<A, T, E, F>
    where
        A: Send + 'static,
        F: FnMut(&mut UnscopedTx<'_, '_>, &A) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
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

    /// Maintain leases. These writes are not fenced, because they are what fencing relies on.
    pub(crate) fn unfenced<T, F>(&self, write: F) -> impl Future<Output = Result<T>> + use<T, F>
    where
        F: FnMut(&mut UnscopedTx<'_, '_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let (job, result) = task(write);
        // A queue of its own, so that only these transactions read the database's clock.
        let queued = self.0.writes.push(
            "".into(),
            Queued {
                partition: None,
                job,
            },
        );
        await_result(queued, result)
    }
}

impl LeasedDb<'_> {
    /// Write within one namespace. The closure may run more than once and must have no side effect
    /// outside the transaction.
    ///
    /// This call queues the closure, not the first poll, and the closure runs even if the future is
    /// dropped. [`Error::Database`] may mean that the connection broke during the commit and that
    /// its outcome is unknown, so commands that must not happen twice carry an idempotency key
    /// or a version.
    pub fn write<T, E, F>(
        &self,
        namespace: &Namespace,
        mut write: F,
    ) -> impl Future<Output = std::result::Result<T, E>> + use<T, E, F>
    where
        F: FnMut(&mut Tx<'_, '_>) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let namespace = *namespace;
        self.write_unscoped(move |tx| write(&mut tx.scoped(&namespace)))
    }

    /// Write across namespaces: only for chain ingestion and claims of workers.
    pub fn write_unscoped<T, E, F>(
        &self,
        write: F,
    ) -> impl Future<Output = std::result::Result<T, E>> + use<T, E, F>
    where
        F: FnMut(&mut UnscopedTx<'_, '_>) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, result) = task(write);
        let partition = self.lease.partition().clone();
        let key = match self.db.engine() {
            EngineKind::Sqlite => "write".into(),
            EngineKind::Postgres => partition.name().into(),
        };
        let queued = self.db.0.writes.push(
            key,
            Queued {
                partition: Some(partition),
                job,
            },
        );
        await_result(queued, result)
    }

    /// As [`LeasedDb::write`], with arguments that the closure borrows, since it may run again.
    pub fn write_with<A, T, E, F>(
        &self,
        namespace: &Namespace,
        args: A,
        mut write: F,
    ) -> impl Future<Output = std::result::Result<T, E>> + use<A, T, E, F>
    where
        A: Send + 'static,
        F: FnMut(&mut Tx<'_, '_>, &A) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.write(namespace, move |tx| write(tx, &args))
    }

    /// As [`LeasedDb::write_unscoped`], with arguments that the closure borrows.
    pub fn write_unscoped_with<A, T, E, F>(
        &self,
        args: A,
        mut write: F,
    ) -> impl Future<Output = std::result::Result<T, E>> + use<A, T, E, F>
    where
        A: Send + 'static,
        F: FnMut(&mut UnscopedTx<'_, '_>, &A) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.write_unscoped(move |tx| write(tx, &args))
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
