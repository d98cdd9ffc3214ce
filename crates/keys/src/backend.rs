//! Where private keys are, and signatures come from.

use crate::Result;
use intent::{SignRequest, Signature};
use types::{Namespace, WalletId};

/// The name of the back-end that keeps keys sealed in this database.
pub(crate) const SOFTWARE: &str = "software";

/// What a wallet row names in its column `backend`. One that answers at once signs here; one that
/// takes seconds to days is asked by a request, and its answer is recorded by
/// [`answer`](crate::answer).
pub(crate) trait Backend {
    /// What rows call it.
    fn name(&self) -> &'static str;

    /// The signatures that one transaction needs, in the order of its requests. Called on a thread
    /// that may be held, never in a transaction.
    fn sign(&self, task: &Task) -> Result<Vec<Signature>>;
}

/// One transaction's signatures.
pub(crate) struct Task {
    /// Whose key.
    pub(crate) namespace: Namespace,
    /// Of which wallet.
    pub(crate) wallet: WalletId,
    /// The branch.
    pub(crate) path: String,
    /// The key's position in it.
    pub(crate) position: u32,
    /// The wallet's secret, as it is stored.
    pub(crate) sealed: std::sync::Arc<Sealed>,
    /// What is to be signed.
    pub(crate) requests: Vec<SignRequest>,
}

/// A sealed secret, and the version of the data key that opens it.
#[derive(Clone)]
pub(crate) struct Sealed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) version: u32,
}
