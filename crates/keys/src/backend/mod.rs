//! Signing back ends: where private keys are, and where signatures come from. Each has a file and
//! an entry in [`ALL`]; a process may register further ones.

mod cache;
mod deferred;
mod software;
mod wallet_secrets;

pub(crate) use wallet_secrets::WalletSecrets;

use crate::{Error, Result};
use intent::{Permit, RequiredSignature, Signature, Unsigned};
use std::collections::BTreeMap;
use std::sync::Arc;
use types::{Namespace, PermitId, WalletId};

/// Creates a back end that signs with the encrypted secrets of wallets.
type Create = fn(Arc<WalletSecrets>) -> Arc<dyn Backend>;

/// The back ends of every process.
const ALL: [Create; 2] = [software::create, deferred::create];

/// The back end of a wallet that names none.
pub const DEFAULT_BACKEND: &str = software::NAME;

/// A signing back end, as named in the column `backend` of a wallet.
pub trait Backend: Send + Sync {
    /// The name of the back end in rows and in the API.
    fn name(&self) -> &'static str;

    /// When it answers.
    fn answer_time(&self) -> AnswerTime;

    /// Sign what a task requires. Called on a blocking thread, never inside a database transaction.
    /// A back end that answers later is asked by the [`Worker`](crate::Worker), after the use of
    /// the permit is committed, and may be asked for the same task again. It must return within
    /// [`Settings::backend_deadline_ms`](crate::Settings::backend_deadline_ms), and remember its
    /// answer: one that is returned after the deadline is discarded, and it is asked again. An
    /// error means that it could not be asked.
    fn sign(&self, task: &SigningTask) -> Result<SignOutcome>;
}

/// When a back end answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerTime {
    /// Within [`sign`](crate::sign).
    AtOnce,
    /// In seconds to days, to a signature request.
    Later,
}

/// What a back end answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignOutcome {
    /// The signatures, in the order of the task.
    Signed(Vec<Signature>),
    /// No answer yet: it is asked again.
    Pending,
    /// It refuses to sign, with the reason.
    Refused(String),
}

/// The signatures required for one transaction.
pub struct SigningTask {
    pub namespace: Namespace,
    pub wallet: WalletId,
    /// The path of the key's branch in the wallet.
    pub path: String,
    /// The index of the key in the branch.
    pub position: u32,
    /// The permit, signed by policy, and the bytes that it allows: a module of its own can verify
    /// both under the policy key that it pins, instead of trusting this process.
    pub permit: Arc<Permit>,
    pub unsigned: Arc<Unsigned>,
    /// The permit that this one supersedes, on the same replay key.
    pub supersedes: Option<PermitId>,
    /// The signatures that the bytes require.
    pub required: Vec<RequiredSignature>,
    /// The wallet's encrypted secret.
    pub(crate) secret: Arc<EncryptedSecret>,
}

/// An encrypted secret, and the version of its data key.
#[derive(Clone, store::Record)]
pub(crate) struct EncryptedSecret {
    pub(crate) bytes: Vec<u8>,
    pub(crate) version: u32,
}

/// The back ends of a process, by name.
pub(crate) struct Backends(BTreeMap<&'static str, Arc<dyn Backend>>);

impl Backends {
    /// Those of every process, and `further` ones.
    pub(crate) fn new(secrets: &Arc<WalletSecrets>, further: Vec<Arc<dyn Backend>>) -> Self {
        let own = ALL.iter().map(|create| create(secrets.clone()));
        let all = own.chain(further);
        Self(all.map(|backend| (backend.name(), backend)).collect())
    }

    /// A back end. Error: `keys.unknown_backend`.
    pub(crate) fn get(&self, name: &str) -> Result<&Arc<dyn Backend>> {
        self.0.get(name).ok_or_else(|| Error::UnknownBackend {
            backend: name.to_owned(),
            known: self.0.keys().copied().collect::<Vec<_>>().join(", "),
        })
    }
}
