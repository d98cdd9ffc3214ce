//! The engine: what every verb is given first.

use crate::keyring::MasterSource;
use crate::software::Software;
use crate::{Error, Result, Settings};
use intent::PolicyKey;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use store::secret::Keyring;
use store::{Db, Lease, Tx};
use types::{Entropy, Namespace, Time};

/// Wallets, keys and signatures of an installation. Clones share it.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    db: Db,
    lease: Lease,
    policy_key: PolicyKey,
    settings: Arc<Settings>,
    software: Software,
    master: OnceLock<MasterSource>,
    large_hand_outs: tokio::sync::Mutex<()>,
}

impl Keys {
    /// Keys in this database. Facts of what is done here go to the lease's partition; permits are
    /// believed under this policy key only.
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
            large_hand_outs: tokio::sync::Mutex::new(()),
        }))
    }

    /// Where the master key is read again when the keyring is rotated, here or by another process.
    /// Said once.
    pub fn unlock_with(&self, source: MasterSource) {
        let _ = self.0.master.set(source);
    }

    /// Wait until somebody meets a data key that this process does not know: time to
    /// [`refresh`](crate::refresh).
    pub async fn missed(&self) {
        self.0.software.keyring().missed().await;
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

    /// What the installation decides. Shared, so that what waits for the database holds no database
    /// open.
    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.0.settings
    }

    pub(crate) fn software(&self) -> &Software {
        &self.0.software
    }

    /// Held by the one large hand-out of addresses that is under way.
    pub(crate) fn large_hand_outs(&self) -> &tokio::sync::Mutex<()> {
        &self.0.large_hand_outs
    }

    pub(crate) fn now(&self) -> Time {
        self.0.db.clock().now()
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        self.0.db.entropy().as_ref()
    }

    /// Write one namespace, with facts in the engine's partition.
    pub(crate) fn write<T, E, F>(
        &self,
        namespace: &Namespace,
        write: F,
    ) -> impl Future<Output = std::result::Result<T, E>> + use<T, E, F>
    where
        F: FnMut(&mut Tx<'_, '_>) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<store::Error> + Send + 'static,
    {
        self.0.db.on(&self.0.lease).write(namespace, write)
    }
}

/// Run what takes the processor for long on a thread that may be held.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(lost(&error)),
    }
}

/// The same for each of many, in their order, on as many threads as there are processors.
pub(crate) async fn spread<T, R>(
    items: Vec<T>,
    each: impl Fn(T) -> R + Clone + Send + 'static,
) -> Result<Vec<R>>
where
    T: Send + 'static,
    R: Send + 'static,
{
    const AT_LEAST: usize = 16; // below that a thread costs more than it saves
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = items.len().div_ceil(threads).max(AT_LEAST);
    let mut results = Vec::with_capacity(items.len());
    let mut running = Vec::new();
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() {
        let part: Vec<T> = items.by_ref().take(share).collect();
        let each = each.clone();
        running.push(tokio::task::spawn_blocking(move || {
            part.into_iter().map(each).collect::<Vec<R>>()
        }));
    }
    for part in running {
        results.extend(part.await.map_err(|error| lost(&error))?);
    }
    Ok(results)
}

fn lost(error: &tokio::task::JoinError) -> Error {
    store::Error::Assertion {
        what: error.to_string(),
    }
    .into()
}
