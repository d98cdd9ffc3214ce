//! The engine handle: the first argument of every verb.

use crate::document_cache::{Document, DocumentCache};
use crate::evaluation_pool::EvaluationPool;
use crate::{
    ApiKeys, Contracts, EnvelopeRules, Lookups, OpaServer, PermitSigner, Result, SecondVoice,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{Db, Lease, LeasedDb};

/// The settings of policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whether an invalid document or example input is rejected at upload. If not, such a version
    /// is stored, and denies.
    pub check_documents: bool,
    /// Whether it takes two to sign: a policy counts only if neither its version nor its attachment
    /// is by the initiator, or by one in whose name it acts.
    pub separation_of_duties: bool,
    pub limits: Limits,
    /// The fees that permits of ordinary intents allow.
    pub envelope: EnvelopeRules,
    /// The fees that permits of cancels and fills allow: a cancel must outbid the transaction it
    /// replaces.
    pub cancel_envelope: EnvelopeRules,
    /// An OPA server that must permit as well.
    pub opa: OpaServer,
}

/// Limits, each with its own error or denial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The longest document, and the longest example input, in bytes.
    pub document_bytes: usize,
    pub policies_per_namespace: usize,
    pub versions_per_policy: usize,
    pub attachments_per_namespace: usize,
    /// Policies that one decision may evaluate.
    pub policies_per_decision: usize,
    pub lists_per_namespace: usize,
    pub entries_per_list: usize,
    /// Lookups that one policy may request in one decision.
    pub lookups_per_policy: usize,
    /// The longest answer of a lookup as JSON, in bytes.
    pub lookup_bytes: usize,
    /// The timeout of a lookup.
    pub lookup_ms: u64,
    /// The longest input as JSON without lookups, in bytes.
    pub input_bytes: usize,
    /// Steps that one rule of a document may take.
    pub instructions: usize,
    /// The time limit of one rule of a document.
    pub evaluation_ms: u64,
    /// The number of evaluation threads.
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            check_documents: true,
            separation_of_duties: false,
            limits: Limits::default(),
            envelope: EnvelopeRules::default(),
            cancel_envelope: EnvelopeRules {
                fee_percent: 2_000,
                validity_ms: 3_600_000,
                ..EnvelopeRules::default()
            },
            opa: OpaServer::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: 256 * 1024,
            policies_per_namespace: 1_000,
            versions_per_policy: 1_000,
            attachments_per_namespace: 10_000,
            policies_per_decision: 50,
            lists_per_namespace: 1_000,
            entries_per_list: 100_000,
            lookups_per_policy: 64,
            lookup_bytes: 64 * 1024,
            lookup_ms: 5_000,
            input_bytes: 1024 * 1024,
            instructions: 100_000,
            evaluation_ms: 250,
            threads: 4,
        }
    }
}

/// What the engine works with.
#[derive(Clone)]
pub struct Parts {
    pub db: Db,
    /// Facts go to its partition.
    pub lease: Lease,
    /// Signs the permits.
    pub signer: Arc<dyn PermitSigner>,
    /// Answers the lookups of documents.
    pub lookups: Arc<dyn Lookups>,
    /// Knows the contracts that intents act on.
    pub contracts: Arc<dyn Contracts>,
    /// Tells which API keys are live, and their roles.
    pub api_keys: Arc<dyn ApiKeys>,
}

/// The policy engine. Cheap to clone.
#[derive(Clone)]
pub struct Policy {
    parts: Parts,
    pub(crate) settings: Arc<Settings>,
    pub(crate) cache: Arc<DocumentCache>,
    pub(crate) pool: EvaluationPool,
    second_voice: Option<Arc<dyn SecondVoice>>,
}

impl Policy {
    /// Creates the engine and starts its evaluation threads, which end with the last clone.
    pub fn new(parts: Parts, settings: Settings) -> Self {
        let pool = EvaluationPool::start(settings.limits.threads);
        Self {
            parts,
            settings: Arc::new(settings),
            cache: Arc::default(),
            pool,
            second_voice: None,
        }
    }

    /// This engine with a second voice, which must permit as well.
    #[must_use]
    pub fn with_second_voice(self, voice: Arc<dyn SecondVoice>) -> Self {
        Self {
            second_voice: Some(voice),
            ..self
        }
    }

    pub(crate) fn second_voice(&self) -> Option<&dyn SecondVoice> {
        self.second_voice.as_deref()
    }

    pub(crate) fn db(&self) -> &Db {
        &self.parts.db
    }

    pub(crate) fn signer(&self) -> &dyn PermitSigner {
        self.parts.signer.as_ref()
    }

    pub(crate) fn contracts(&self) -> &dyn Contracts {
        self.parts.contracts.as_ref()
    }

    pub(crate) fn api_keys(&self) -> &dyn ApiKeys {
        self.parts.api_keys.as_ref()
    }

    /// Answers the lookups that this engine does not answer itself.
    pub(crate) fn lookups(&self) -> &dyn Lookups {
        self.parts.lookups.as_ref()
    }

    /// Compile a document on a thread of the pool, and cache it.
    pub(crate) async fn compile(&self, text: String) -> Result<Arc<Document>> {
        let cache = self.cache.clone();
        self.pool.run(move || cache.compile_and_insert(&text)).await
    }

    /// The database on the partition of this process.
    pub(crate) fn on(&self) -> LeasedDb<'_> {
        self.db().on(&self.parts.lease)
    }
}
