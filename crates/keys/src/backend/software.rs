//! `software`: keys are encrypted in the database and decrypted in memory. It answers at once.

use super::{AnswerTime, Backend, SignOutcome, SigningTask, WalletSecrets};
use crate::Result;
use std::sync::Arc;

pub(super) const NAME: &str = "software";

struct Software(Arc<WalletSecrets>);

pub(super) fn create(secrets: Arc<WalletSecrets>) -> Arc<dyn Backend> {
    Arc::new(Software(secrets))
}

impl Backend for Software {
    fn name(&self) -> &'static str {
        NAME
    }

    fn answer_time(&self) -> AnswerTime {
        AnswerTime::AtOnce
    }

    fn sign(&self, task: &SigningTask) -> Result<SignOutcome> {
        self.0.sign(task).map(SignOutcome::Signed)
    }
}
