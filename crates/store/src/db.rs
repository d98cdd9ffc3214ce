//! The door: open a database, write on a lease, read a snapshot.

use crate::chain::Heads;
use crate::dispatch::Dispatch;
use crate::engine::{Connection, postgres::Postgres, sqlite::Sqlite};
use crate::group::Queued;
use crate::reader::Reads;
use crate::serve::{Reader, Writer, spawn};
use crate::task::{await_answer, task};
use crate::{Error, Lease, Result, Tx, Unbound, lock, migrate};
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::watch;
use types::{Clock, Entropy, Namespace, Time, Ulid};

/// Reads that may wait, and closures that may wait for one partition, before more are refused.
const QUEUE_LIMIT: usize = 20_000;

/// Which database.
#[derive(Debug, Clone)]
pub enum Config {
    /// One file, one process.
    Sqlite {
        /// The file; made if it is missing.
        path: PathBuf,
        /// Reads at a time.
        readers: usize,
    },
    /// A server that several processes share.
    Postgres {
        /// `postgresql://user:password@host/database`.
        url: String,
        /// Write transactions at a time.
        writers: usize,
        /// Reads at a time.
        readers: usize,
    },
}

/// Which engine serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// By which clock leases are reckoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LeaseTime {
    /// By the database's, which all processes share.
    #[default]
    Database,
    /// By the clock that was handed in, so that a test can advance it.
    Clock,
}

/// An open database. Clones share it; it closes when the last is gone.
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

/// A partition, held by its lease: where facts of a transaction go.
pub struct On<'d> {
    db: &'d Db,
    lease: Lease,
}

impl Config {
    /// SQLite with the usual number of readers.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self::Sqlite {
            path: path.into(),
            readers: 4,
        }
    }

    /// PostgreSQL with the usual bounds of its pool.
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
    /// Open, migrate, and start the threads that serve it. Errors: [`Error::Locked`],
    /// [`Error::Schema`], [`Error::Database`].
    pub async fn open(
        config: Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        lease_time: LeaseTime,
    ) -> Result<Self> {
        tokio::task::spawn_blocking(move || Self::open_blocking(config, clock, entropy, lease_time))
            .await
            .map_err(|error| Error::Database {
                why: error.to_string(),
            })?
    }

    fn open_blocking(
        config: Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        lease_time: LeaseTime,
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
        inner.start(first, &Arc::new(notify), lease_time)?;
        Ok(Self(Arc::new(inner)))
    }

    /// Which engine serves.
    pub fn engine(&self) -> EngineKind {
        match self.0.config {
            Config::Sqlite { .. } => EngineKind::Sqlite,
            Config::Postgres { .. } => EngineKind::Postgres,
        }
    }

    /// Write on the partition of a lease.
    pub fn on(&self, lease: &Lease) -> On<'_> {
        On {
            db: self,
            lease: lease.clone(),
        }
    }

    /// Read one namespace, in one snapshot.
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
        let namespace = namespace.clone();
        self.read_unbound(move |tx| read(&mut tx.bound(&namespace)))
    }

    /// Read all namespaces, in one snapshot: for chain ingestion, workers and the verifier's kin
    /// only.
    pub fn read_unbound<T, E, F>(
        &self,
        read: F,
    ) -> impl Future<Output = std::result::Result<T, E>> + use<T, E, F>
    where
        F: FnMut(&mut Unbound<'_, '_>) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answer) = task(read);
        let pushed = self.0.reads.push(job);
        await_answer(pushed, answer)
    }

    /// Rises with every commit in this process that left facts: a hint to look again, never a proof
    /// that there is something.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.0.committed.clone()
    }

    /// The clock that was handed in.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// The source of chance that was handed in.
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.0.entropy
    }

    /// What this process is called among the holders of leases; another one after each start.
    pub fn holder(&self) -> &str {
        &self.0.holder
    }

    /// Whether no other process can have the database open (the file lock proves it).
    pub(crate) fn is_sole_process(&self) -> bool {
        self.engine() == EngineKind::Sqlite
    }

    /// Upkeep of leases: written without a fence, since it is what the fence is made of.
    pub(crate) fn unfenced<T, F>(&self, mut write: F) -> impl Future<Output = Result<T>> + use<T, F>
    where
        F: FnMut(&mut Unbound<'_, '_>, Time) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let (job, answer) = task(move |tx: &mut Unbound<'_, '_>| {
            let now = tx.now();
            write(tx, now)
        });
        // A queue of its own, so that the clock of the database is asked only for this.
        let pushed = self.0.writes.push(
            "".into(),
            Queued {
                partition: None,
                job,
            },
        );
        await_answer(pushed, answer)
    }
}

impl On<'_> {
    /// Write one namespace. The closure may run more than once; it must have no side effect outside
    /// the transaction.
    ///
    /// It is queued by this call, not by the first poll, and runs even if the future is dropped:
    /// what was asked is done, whoever waits. [`Error::Database`] may mean that the connection
    /// broke during the commit and nobody can tell whether it counted; commands that must
    /// not happen twice carry an idempotency key or a version.
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
        let namespace = namespace.clone();
        self.write_unbound(move |tx| write(&mut tx.bound(&namespace)))
    }

    /// Write several namespaces: for chain ingestion and workers' claims only.
    pub fn write_unbound<T, E, F>(
        &self,
        write: F,
    ) -> impl Future<Output = std::result::Result<T, E>> + use<T, E, F>
    where
        F: FnMut(&mut Unbound<'_, '_>) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answer) = task(write);
        let partition = self.lease.partition().clone();
        let key = match self.db.engine() {
            EngineKind::Sqlite => "write".into(),
            EngineKind::Postgres => partition.name().into(),
        };
        let pushed = self.db.0.writes.push(
            key,
            Queued {
                partition: Some(partition),
                job,
            },
        );
        await_answer(pushed, answer)
    }
}

impl Inner {
    fn start(
        &self,
        first: Box<dyn Connection>,
        notify: &Arc<watch::Sender<u64>>,
        lease_time: LeaseTime,
    ) -> Result<()> {
        let (writers, readers) = self.config.pool();
        let heads = Arc::new(Heads::default());
        let mut first = Some(first);
        let mut threads = self.threads.lock().expect("nobody else holds it yet");
        for _ in 0..writers {
            let connection = first.take().map_or_else(|| self.config.connect(), Ok)?;
            let serve = Writer {
                connection,
                queue: self.writes.clone(),
                heads: heads.clone(),
                clock: self.clock.clone(),
                entropy: self.entropy.clone(),
                notify: notify.clone(),
                lease_time,
            };
            threads.push(spawn("store-write", move || serve.run())?);
        }
        for _ in 0..readers {
            let connection = self.config.connect()?;
            let (queue, clock, entropy) =
                (self.reads.clone(), self.clock.clone(), self.entropy.clone());
            let serve = Reader {
                connection,
                queue,
                clock,
                entropy,
            };
            threads.push(spawn("store-read", move || serve.run())?);
        }
        Ok(())
    }
}

impl Drop for Inner {
    /// What was accepted is still served; then the threads end, and with them the connections and
    /// the lock.
    fn drop(&mut self) {
        self.writes.close();
        self.reads.close();
        let threads = std::mem::take(
            &mut *self
                .threads
                .lock()
                .expect("no thread panics while it holds the threads"),
        );
        for thread in threads {
            // The last owner may be a closure that is dropped on one of these threads: it cannot
            // wait for itself.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}
