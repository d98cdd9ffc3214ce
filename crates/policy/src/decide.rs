//! The verb that everything else is for: questions in, verdicts out.

mod answers;
mod case;
pub(crate) mod find;
mod judge;
mod record;

pub(crate) use answers::Answers;
pub(crate) use case::Asked;
pub(crate) use judge::judge;

use crate::{Obligation, Policy, Question, Reason, Result};
use case::Case;
use intent::Permit;
use types::DecisionId;

/// Questions that are answered in one go: their log is written in one transaction for each
/// namespace.
const SLICE: usize = 500;

/// How often a question is judged anew because policies change under it.
const ATTEMPTS: u32 = 5;

/// The answer to a question. The decision is in the log, whichever it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may be signed.
    Permit {
        /// What whoever signs wants to see.
        permit: Box<Permit>,
        /// The decision.
        decision: DecisionId,
    },
    /// It may not be signed.
    Denied {
        /// The decision.
        decision: DecisionId,
        /// Why, at least one.
        reasons: Vec<Reason>,
    },
    /// It may be signed once this has come; then ask again.
    Needs {
        /// The decision.
        decision: DecisionId,
        /// What, at least one.
        obligations: Vec<Obligation>,
    },
}

impl Verdict {
    /// The decision behind it.
    pub fn decision(&self) -> DecisionId {
        match self {
            Self::Permit { decision, .. }
            | Self::Denied { decision, .. }
            | Self::Needs { decision, .. } => *decision,
        }
    }
}

/// Decide. One verdict for each question, in their order; a question that cannot be judged is
/// denied and stops no other.
///
/// Every policy that is attached to what a question touches is asked, and every one has to allow
/// it; no policy at all is a denial. Cancels and fills are asked of the shipped rule alone. Lookups
/// and Rego run outside any transaction; then the decisions are written to the log. Errors: the
/// database, or the key that signs permits; then no verdict counts.
pub async fn decide(policy: &Policy, questions: &[Question]) -> Result<Vec<Verdict>> {
    let mut verdicts = Vec::with_capacity(questions.len());
    for slice in questions.chunks(SLICE) {
        verdicts.extend(settle(policy, slice).await?);
    }
    Ok(verdicts)
}

/// Judge a slice; again what was judged while the policies of its namespace were changed, so that
/// whoever changed them and was told so sees no decision on the old ones afterwards.
async fn settle(policy: &Policy, questions: &[Question]) -> Result<Vec<Verdict>> {
    let mut verdicts: Vec<Option<Verdict>> = vec![None; questions.len()];
    for _ in 0..ATTEMPTS {
        let open: Vec<usize> = (0..verdicts.len())
            .filter(|place| verdicts[*place].is_none())
            .collect();
        if open.is_empty() {
            break;
        }
        let asked = open.iter().map(|place| questions[*place].clone()).collect();
        for (place, verdict) in open.into_iter().zip(once(policy, asked).await?) {
            verdicts[place] = verdict;
        }
    }
    let contended = || store::Error::Contended { attempts: ATTEMPTS }.into();
    verdicts
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .ok_or_else(contended)
}

async fn once(policy: &Policy, questions: Vec<Question>) -> Result<Vec<Option<Verdict>>> {
    let began_ms = policy.db.clock().monotonic_ms();
    let cases = read(policy, questions).await?;
    let cases = find::documents(policy, cases).await?;
    let cases = answers::asks(policy, cases).await?;
    let answers = answers::gather(policy, &cases).await;
    let judged = judge::all(policy, cases, answers, began_ms).await?;
    record::all(policy, judged).await
}

/// What each intent does, and the input that follows.
async fn read(policy: &Policy, questions: Vec<Question>) -> Result<Vec<Case>> {
    let (config, now) = (policy.config.clone(), policy.db.clock().now());
    policy
        .threads
        .each(questions, move |question| {
            Case::read(question, &config, now)
        })
        .await
}
