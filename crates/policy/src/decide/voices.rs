//! The questions to a second voice, before a permit is given.

use super::pending::PendingDecision;
use crate::Policy;
use crate::outcome::{Reason, ReasonCode};
use futures::StreamExt;

/// Questions that are open at the same time.
const CONCURRENT: usize = 16;

/// Ask about every decision that documents are evaluated for. What it does not permit is denied.
/// Cancels are not asked about: no policy may prevent a nonce from being freed.
pub(crate) async fn ask(policy: &Policy, pending: &mut [PendingDecision]) {
    let Some(voice) = policy.second_voice() else {
        return;
    };
    let asked = |decision: &&mut PendingDecision| {
        !decision.request.is_cancel() && decision.is_readable() && !decision.documents.is_empty()
    };
    let asked = pending.iter_mut().filter(asked);
    let questions: Vec<_> = asked
        .map(|decision| async move {
            if let Err(why) = voice.permits(&decision.input).await {
                let text = format!("the second voice does not permit it: {why}");
                let reason = Reason::new(ReasonCode::Denied, None, text);
                decision.problems.push(reason);
            }
        })
        .collect();
    let questions = futures::stream::iter(questions).buffer_unordered(CONCURRENT);
    questions.collect::<()>().await;
}
