//! What every handler can reach.

use std::sync::Arc;
use store::{Db, Lease};
use types::{ChainId, Namespace};

/// The engines, ready to be asked. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Engines>);

/// Who hears of a namespace's new default chain.
pub type Moved = Arc<dyn Fn(&Namespace, &ChainId) + Send + Sync>;

/// What the binary puts together.
pub struct Engines {
    /// The database.
    pub db: Db,
    /// The partition of this process's facts.
    pub lease: Lease,
    /// Wallets and keys.
    pub keys: keys::Keys,
    /// Policies and decisions.
    pub policy: policy::Policy,
    /// Submissions.
    pub submit: submit::Submit,
    /// The index.
    pub index: index::Index,
    /// The data model.
    pub data: data::Data,
    /// Tasks, runs and listeners.
    pub workflow: workflow::Workflow,
    /// Subscriptions.
    pub streams: streams::Streams,
    /// The namespace whose administrators operate the installation: what concerns all namespaces
    /// (a halted chain) is theirs to do.
    pub operators: Namespace,
    /// Told of each default chain that is changed here, so that the next request means it.
    pub moved: Moved,
    /// Renders the metrics of this process as Prometheus text.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// The largest body, in bytes.
    pub body_limit_bytes: usize,
    /// How long a request may take.
    pub request_timeout_ms: u64,
    /// Requests at a time.
    pub concurrency: usize,
}

impl App {
    /// From the engines.
    pub fn new(engines: Engines) -> Self {
        Self(Arc::new(engines))
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.0.db
    }
}

impl std::ops::Deref for App {
    type Target = Engines;
    fn deref(&self) -> &Engines {
        &self.0
    }
}
