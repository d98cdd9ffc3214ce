//! `deferred`: holds keys as `software` does, and answers later, through signature requests. The
//! reference for back ends that take seconds to days: trials and tests of wallets that wait for
//! their signatures need no hardware.

use super::{Answers, Backend, SignOutcome, SigningTask, WalletSecrets};
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

    fn answers(&self) -> Answers {
        Answers::Later
    }

    fn sign(&self, task: &SigningTask) -> Result<SignOutcome> {
        self.0.sign(task).map(SignOutcome::Signed)
    }
}
