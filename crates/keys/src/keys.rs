//! The engine handle: the first argument of every verb.

use crate::keyring::MasterSource;
use crate::software::Software;
use crate::{Error, Result, Settings};
use intent::PolicyKey;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use store::secrets::Keyring;
use store::{Db, Lease, Tx};
use types::{Entropy, Principal, Time};

/// The wallets, keys and signatures of an installation. Clones share the state.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    db: Db,
    lease: Lease,
    policy_key: PolicyKey,
    settings: Arc<Settings>,
    software: Software,
    master: OnceLock<MasterSource>,
    large_issue_lock: tokio::sync::Mutex<()>,
}

impl Keys {
    /// Create the engine on a database. Facts go to the lease's partition; only permits signed by
    /// this policy key are accepted.
    pub fn new(
        db: Db,
        lease: Lease,
        keyring: Keyring,
        policy_key: PolicyKey,
        settings: Settings,
    ) -> Self {
        let software = Software::new(keyring, settings.cached_branches);
        Self(Arc::new(Inner {
            db,
            lease,
            policy_key,
            settings: Arc::new(settings),
            software,
            master: OnceLock::new(),
            large_issue_lock: tokio::sync::Mutex::new(()),
        }))
    }

    /// Set where the master key is read when the keyring must be unlocked again, after a rotation
    /// by this or another process. Only the first call has an effect.
    pub fn set_master_source(&self, source: MasterSource) {
        let _ = self.0.master.set(source);
    }

    /// Wait until a secret under a data key is found that this process has not unlocked: time to
    /// call [`refresh`](crate::refresh).
    pub async fn wait_for_unknown_key(&self) {
        self.0.software.keyring().wait_for_unknown_key().await;
    }

    pub(crate) fn master_source(&self) -> Option<&MasterSource> {
        self.0.master.get()
    }

    pub(crate) fn db(&self) -> &Db {
        &self.0.db
    }

    pub(crate) fn lease(&self) -> &Lease {
        &self.0.lease
    }

    pub(crate) fn policy_key(&self) -> &PolicyKey {
        &self.0.policy_key
    }

    /// The settings. Shared, so that a closure waiting for the database does not keep the database
    /// open.
    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.0.settings
    }

    pub(crate) fn software(&self) -> &Software {
        &self.0.software
    }

    /// Serializes large address requests: at most one runs at a time.
    pub(crate) fn large_issue_lock(&self) -> &tokio::sync::Mutex<()> {
        &self.0.large_issue_lock
    }

    pub(crate) fn now(&self) -> Time {
        self.0.db.clock().now()
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        self.0.db.entropy().as_ref()
    }

    /// Read in the namespace of a principal.
    pub(crate) fn read<A, T, F>(
        &self,
        principal: &Principal,
        args: A,
        read: F,
    ) -> impl Future<Output = Result<T>> + use<A, T, F>
    where
        A: Send + 'static,
        F: FnMut(&mut Tx<'_, '_>, &A) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.0.db.read_with(&principal.namespace, args, read)
    }

    /// Write in the namespace of a principal, with facts in the engine's partition.
    pub(crate) fn write<A, T, E, F>(
        &self,
        principal: &Principal,
        args: A,
        mut write: F,
    ) -> impl Future<Output = std::result::Result<T, E>> + use<A, T, E, F>
    where
        A: Send + 'static,
        F: FnMut(&mut Tx<'_, '_>, &Principal, &A) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<store::Error> + Send + 'static,
    {
        let db = self.0.db.on(&self.0.lease);
        let args = (principal.clone(), args);
        db.write_with(&principal.namespace, args, move |tx, (principal, args)| {
            write(tx, principal, args)
        })
    }
}

/// Run CPU-bound work on a blocking thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(join_error(&error)),
    }
}

/// Map items in parallel on as many threads as there are processors, keeping their order.
pub(crate) async fn map_parallel<T, R>(
    items: Vec<T>,
    each: impl Fn(T) -> R + Clone + Send + 'static,
) -> Result<Vec<R>>
where
    T: Send + 'static,
    R: Send + 'static,
{
    const MIN_CHUNK: usize = 16; // for fewer items a thread costs more than it saves
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let chunk = items.len().div_ceil(threads).max(MIN_CHUNK);
    let mut results = Vec::with_capacity(items.len());
    let mut running = Vec::new();
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() {
        let chunk_items: Vec<T> = items.by_ref().take(chunk).collect();
        let each = each.clone();
        running.push(tokio::task::spawn_blocking(move || {
            chunk_items.into_iter().map(each).collect::<Vec<R>>()
        }));
    }
    for task in running {
        results.extend(task.await.map_err(|error| join_error(&error))?);
    }
    Ok(results)
}

fn join_error(error: &tokio::task::JoinError) -> Error {
    store::Error::Assertion {
        what: error.to_string(),
    }
    .into()
}
