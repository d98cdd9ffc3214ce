//! The first step of a signature, outside of any transaction. Its bytes stay hidden until it is
//! recorded.

use crate::backend::{AnswerTime, EncryptedSecret, SignOutcome, SigningTask};
use crate::blocking::map_parallel;
use crate::job::{Signed, SigningJob, VerifiedJob};
use crate::path::family;
use crate::state::{PermitState, SigningAttempt, Stage};
use crate::table::address::{self, AddressKey};
use crate::table::wallet;
use crate::{Error, Freeze, Keys, Result, freeze, record};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use store::Tx;
use telemetry::{SIGNING_SECONDS, Timer};
use types::{Namespace, Principal, Time, WalletId};

/// The largest number of jobs per call.
pub const MAX_JOBS: usize = 1_000;

/// Sign jobs independently: a rejected job does not affect the others. At most [`MAX_JOBS`] per
/// call.
///
/// The permit must be genuine, of this namespace, not expired, revoked or spent, and allow exactly
/// what the bytes do within its envelope. The key must be held here and not frozen. No other permit
/// chain may own the replay keys. Errors: `intent.invalid_permit_signature`, `intent.undecodable`,
/// `keys.foreign_permit`, `keys.intent_mismatch`, `keys.envelope_exceeded`, `keys.permit_expired`,
/// `keys.permit_revoked`, `keys.permit_spent`, `keys.replay_key_mismatch`, `keys.replay_key_used`,
/// `keys.superseded`, `keys.cannot_supersede`, `keys.frozen`, `keys.unknown_signer`,
/// `keys.backend_unavailable`, `keys.signing_refused`, `keys.keyring_locked`.
pub async fn sign(
    keys: &Keys,
    principal: &Principal,
    jobs: Vec<SigningJob>,
) -> Vec<Result<Signed>> {
    let count = jobs.len();
    match sign_all(keys, &principal.namespace, jobs).await {
        Ok(results) => results,
        Err(error) => std::iter::repeat_with(|| Err(error.clone()))
            .take(count)
            .collect(),
    }
}

async fn sign_all(
    keys: &Keys,
    namespace: &Namespace,
    jobs: Vec<SigningJob>,
) -> Result<Vec<Result<Signed>>> {
    if jobs.len() > MAX_JOBS {
        return Err(Error::LimitExceeded {
            what: "signing jobs",
            limit: MAX_JOBS,
        });
    }
    let (engine, owner) = (keys.clone(), *namespace);
    let checked = map_parallel(jobs, move |job: SigningJob| {
        job.check(engine.policy_key(), &owner)
    })
    .await?;
    let checked = Arc::new(checked);
    let db = keys.db();
    let read = db.read_with(namespace, checked.clone(), |tx, checked| {
        let attempts = checked.iter().flatten().map(|checked| &checked.attempt);
        SigningContext::load(tx, &attempts.collect::<Vec<_>>())
    });
    let mut context = read.await?;
    context.observe(keys, namespace);
    let checked = Arc::unwrap_or_clone(checked);
    let now = keys.now();
    let approved: Vec<_> = checked
        .into_iter()
        .map(|checked| context.admit(checked?, now))
        .collect();
    let (engine, owner) = (keys.clone(), *namespace);
    map_parallel(approved, move |approved| {
        sign_one(&engine, &owner, approved?)
    })
    .await
}

/// The keys of accounts, by family and address.
pub(crate) type Signers = HashMap<(&'static str, String), AddressKey>;

/// The data against which a batch of signatures is checked.
pub(crate) struct SigningContext {
    pub(crate) state: PermitState,
    freezes: Vec<Freeze>,
    signers: Signers,
    secrets: HashMap<WalletId, Arc<EncryptedSecret>>,
    generations: HashMap<WalletId, i64>,
}

/// A job that may be signed, and everything required to sign it.
struct ApprovedJob {
    checked: VerifiedJob,
    key: SigningKey,
}

/// What signs: the task, and the name of the back end.
pub(crate) struct SigningKey {
    pub(crate) task: SigningTask,
    pub(crate) backend: String,
}

impl SigningContext {
    pub(crate) fn load(tx: &mut Tx, attempts: &[&SigningAttempt]) -> Result<Self> {
        let signers = signers(tx, attempts)?;
        let mut wallets: Vec<WalletId> = signers.values().map(|signer| signer.wallet).collect();
        wallets.sort();
        wallets.dedup();
        let secrets = wallet::secrets(tx, &wallets)?.into_iter();
        Ok(Self {
            state: record::load(tx, attempts)?,
            freezes: freeze::in_force(tx, wallets.iter().copied())?,
            secrets: secrets.map(|row| (row.id, Arc::new(row.secret))).collect(),
            generations: freeze::generations(tx, &wallets)?,
            signers,
        })
    }

    /// Drop what was decrypted before the last freeze or rotation.
    pub(crate) fn observe(&self, keys: &Keys, namespace: &Namespace) {
        keys.wallet_secrets().observe(namespace, &self.generations);
    }

    /// The key that signs for an attempt. Error: `keys.unknown_signer`.
    pub(crate) fn key(&self, job: &VerifiedJob) -> Result<SigningKey> {
        let attempt = &job.attempt;
        let signer = signer_of(&self.signers, attempt)?;
        let secret = self.secrets.get(&signer.wallet);
        let task = SigningTask {
            namespace: job.namespace,
            wallet: signer.wallet,
            path: signer.path.clone(),
            position: signer.position,
            permit: job.permit.clone(),
            unsigned: job.unsigned.clone(),
            supersedes: attempt.supersedes,
            required: job.required.clone(),
            secret: secret.ok_or_else(|| unknown_signer(attempt))?.clone(),
        };
        let backend = signer.backend.clone();
        Ok(SigningKey { task, backend })
    }

    /// The freeze that applies to a wallet, hard ones first.
    pub(crate) fn frozen(&self, wallet: &WalletId) -> Option<&Freeze> {
        let mut freezes = self.freezes.iter();
        freezes.find(|freeze| freeze.applies_to(wallet))
    }

    fn admit(&mut self, checked: VerifiedJob, now: Time) -> Result<ApprovedJob> {
        let key = self.key(&checked)?;
        let mut freezes = self.freezes.iter();
        let frozen = freezes.find(|freeze| freeze.applies_to(&key.task.wallet));
        self.state
            .admit(&checked.attempt, Stage::Signature, frozen, now)?;
        Ok(ApprovedJob { checked, key })
    }
}

/// The keys that sign for the accounts of these attempts.
pub(crate) fn signers(tx: &mut Tx, attempts: &[&SigningAttempt]) -> Result<Signers> {
    let mut by_family: BTreeMap<&'static str, BTreeSet<&str>> = BTreeMap::new();
    for attempt in attempts {
        let addresses = by_family.entry(family(&attempt.chain)?).or_default();
        addresses.insert(&attempt.signer);
    }
    let mut signers = HashMap::new();
    for (family, addresses) in by_family {
        let addresses: Vec<&str> = addresses.into_iter().collect();
        let rows = address::signers(tx, family, &addresses)?;
        signers.extend(
            rows.into_iter()
                .map(|row| ((family, row.address.clone()), row)),
        );
    }
    Ok(signers)
}

/// The key of an attempt's account. Error: `keys.unknown_signer`.
pub(crate) fn signer_of<'s>(
    signers: &'s Signers,
    attempt: &SigningAttempt,
) -> Result<&'s AddressKey> {
    let key = (family(&attempt.chain)?, attempt.signer.clone());
    signers.get(&key).ok_or_else(|| unknown_signer(attempt))
}

fn unknown_signer(attempt: &SigningAttempt) -> Error {
    Error::UnknownSigner {
        chain: attempt.chain,
        signer: attempt.signer.clone(),
    }
}

/// [`intent::assemble`] checks each signature against the account, so a wrong key cannot produce a
/// signed transaction.
fn sign_one(
    keys: &Keys,
    namespace: &Namespace,
    ApprovedJob { checked, key }: ApprovedJob,
) -> Result<Signed> {
    let unable = |why| Error::BackendUnavailable {
        signer: checked.attempt.signer.clone(),
        backend: key.backend.clone(),
        why,
    };
    let backend = keys.backend(&key.backend);
    let backend = backend.map_err(|_| unable("is not one of this installation"))?;
    if backend.answer_time() == AnswerTime::Later {
        return Err(unable("answers later, to a signature request"));
    }
    let timer = Timer::start();
    let signatures = match backend.sign(&key.task)? {
        SignOutcome::Signed(signatures) => signatures,
        SignOutcome::Pending => return Err(unable("has not answered")),
        SignOutcome::Refused(reason) => {
            return Err(Error::SigningRefused {
                signer: checked.attempt.signer,
                backend: key.backend,
                reason,
            });
        }
    };
    let signed = intent::assemble(&checked.unsigned, &signatures)?;
    SIGNING_SECONDS.record(timer.seconds(), []);
    Ok(Signed {
        namespace: *namespace,
        attempt: checked.attempt,
        wallet: key.task.wallet,
        signed,
    })
}
