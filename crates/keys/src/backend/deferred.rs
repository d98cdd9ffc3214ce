//! `deferred`: holds keys as `software` does, and answers later, through signature requests. It
//! protects keys no better: with it, callers and operators try wallets that wait for their
//! signatures (the state `signing`, the role `signer`) before an external signer is connected, and
//! tests need no hardware. A back end for an external signer implements [`Backend`] like this one.

use super::{AnswerTime, Backend, SignOutcome, SigningTask, WalletSecrets};
use crate::Result;
use std::sync::Arc;

struct Deferred(Arc<WalletSecrets>);

pub(super) fn create(secrets: Arc<WalletSecrets>) -> Arc<dyn Backend> {
    Arc::new(Deferred(secrets))
}

impl Backend for Deferred {
    fn name(&self) -> &'static str {
        "deferred"
    }

    fn answer_time(&self) -> AnswerTime {
        AnswerTime::Later
    }

    fn sign(&self, task: &SigningTask) -> Result<SignOutcome> {
        self.0.sign(task).map(SignOutcome::Signed)
    }
}
