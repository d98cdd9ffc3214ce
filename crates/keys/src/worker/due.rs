//! The requests of a namespace that are due: verified, and compared with the use of their permits.

use super::answer::RequestOutcome;
use super::verify::{mismatch, verify};
use crate::backend::{AnswerTime, Backend, SigningTask};
use crate::blocking::map_parallel;
use crate::job::VerifiedJob;
use crate::sign::SigningContext;
use crate::state::SigningAttempt;
use crate::table::request::{self as table, StoredRequest, UnreadableRow};
use crate::{Error, Keys, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use types::{Namespace, Time};

/// Requests of a namespace per turn, so that no namespace waits for all requests of another.
const REQUESTS_PER_NAMESPACE: u32 = 100;

/// The requests of a namespace that are due.
pub(super) struct Due {
    pub(super) requests: Vec<DueRequest>,
    pub(super) unreadable: Vec<UnreadableRow>,
}

/// A request that is due, and what its back end may be asked, or else its outcome.
pub(super) struct DueRequest {
    pub(super) row: StoredRequest,
    pub(super) question: std::result::Result<Question, RequestOutcome>,
}

/// What a back end is asked: to sign what a permit allows.
pub(super) struct Question {
    pub(super) job: VerifiedJob,
    pub(super) task: SigningTask,
    pub(super) backend: Arc<dyn Backend>,
}

/// Load what is due. Nothing of a row is trusted.
pub(super) async fn load(keys: &Keys, namespace: Namespace) -> Result<Due> {
    let read = |tx: &mut store::Tx| table::due(tx, REQUESTS_PER_NAMESPACE);
    let (mut rows, mut unreadable) = (Vec::new(), Vec::new());
    for row in keys.db().read(&namespace, read).await? {
        match row {
            Ok(row) => rows.push(row),
            Err(row) => unreadable.push(row),
        }
    }
    let policy_key = *keys.policy_key();
    let rows = map_parallel(rows, move |row| {
        let job = catch_unwind(AssertUnwindSafe(|| verify(&row, &policy_key, &namespace)));
        (row, job.unwrap_or_else(|_| Err(panicked())))
    });
    let rows = rows.await?;
    let jobs = rows.iter().filter_map(|(_, job)| job.as_ref().ok());
    let attempts: Vec<SigningAttempt> = jobs.map(|job| job.attempt.clone()).collect();
    let shared = load_context(keys, &namespace, attempts).await;
    let now = keys.now();
    let mut requests = Vec::with_capacity(rows.len());
    for (row, job) in rows {
        let question = match (job, &shared) {
            (Err(error), _) => Err(error),
            (Ok(job), Ok(context)) => question(keys, context, &row, job, now),
            // Something that belongs to one request cannot be read: the others are still served.
            (Ok(job), Err(_)) => load_context(keys, &namespace, vec![job.attempt.clone()])
                .await
                .and_then(|context| question(keys, &context, &row, job, now)),
        };
        let question =
            question.map_err(|error| RequestOutcome::without_signature(&row, error, now));
        requests.push(DueRequest { row, question });
    }
    Ok(Due {
        requests,
        unreadable,
    })
}

async fn load_context(
    keys: &Keys,
    namespace: &Namespace,
    attempts: Vec<SigningAttempt>,
) -> Result<SigningContext> {
    let read = keys.db().read_with(namespace, attempts, |tx, attempts| {
        SigningContext::load(tx, &attempts.iter().collect::<Vec<_>>())
    });
    let context = read.await?;
    context.observe(keys, namespace);
    Ok(context)
}

fn question(
    keys: &Keys,
    context: &SigningContext,
    row: &StoredRequest,
    job: VerifiedJob,
    now: Time,
) -> Result<Question> {
    let key = context.key(&job);
    let wallet = key.as_ref().ok().map(|key| key.task.wallet);
    let frozen = wallet.and_then(|wallet| context.frozen(&wallet));
    context.state.confirm(&job.attempt, frozen, now)?;
    let key = key?;
    let backend = keys.backend(&key.backend)?;
    if backend.answer_time() != AnswerTime::Later {
        return Err(mismatch("the back end of its wallet answers at once"));
    }
    if row.request.backend != key.backend {
        return Err(mismatch("it names another back end than its wallet"));
    }
    Ok(Question {
        job,
        task: key.task,
        backend: backend.clone(),
    })
}

fn panicked() -> Error {
    let what = "the verification of a signature request panicked".to_owned();
    store::Error::AssertionFailed { what }.into()
}
