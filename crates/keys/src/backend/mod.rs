//! The interface of signing back ends.

mod cache;
mod software;

pub(crate) use software::Software;

use crate::Result;
use intent::{RequiredSignature, Signature};
use types::{Namespace, WalletId};

/// The name of the back end that keeps keys encrypted in this database.
pub(crate) const SOFTWARE: &str = "software";

/// A signing back end, as named in the column `backend` of a wallet. One that answers at once signs
/// within [`sign`](crate::sign). One that takes seconds to days gets a signature request, and its
/// answer is recorded by [`complete_request`](crate::complete_request).
pub(crate) trait Backend {
    /// The name of the back end in rows.
    fn name(&self) -> &'static str;

    /// Sign the requests of one transaction, in order. Called on a blocking thread, never inside a
    /// database transaction.
    fn sign(&self, task: &SigningTask) -> Result<Vec<Signature>>;
}

/// The signatures required for one transaction.
pub(crate) struct SigningTask {
    pub(crate) namespace: Namespace,
    pub(crate) wallet: WalletId,
    pub(crate) path: String,
    /// The index of the key in the branch.
    pub(crate) position: u32,
    /// The wallet's encrypted secret.
    pub(crate) secret: std::sync::Arc<EncryptedSecret>,
    pub(crate) requests: Vec<RequiredSignature>,
}

/// An encrypted secret, and the version of its data key.
#[derive(Clone, store::Record)]
pub(crate) struct EncryptedSecret {
    pub(crate) bytes: Vec<u8>,
    pub(crate) version: u32,
}
