//! Policy decisions: Rego documents evaluated over a typed input decide what may be signed, and a
//! permit is signed for it.
//!
//! [`decide`] takes [`DecisionRequest`]s (who wants which intent signed, at what fee) and answers
//! each with a signed [`Permit`](intent::Permit), a denial with reasons, or obligations to fulfill
//! first. Policies are versioned documents ([`put_policy`], [`add_version`]), evaluated where they
//! are attached ([`attach`]): to a namespace, a wallet, a key, an account, an asset, a contract, a
//! task. Every evaluated policy must allow the intent. A document declares the data it needs
//! besides the transaction as lookups ([`Lookups`]), among them lists of accounts and calls
//! ([`put_list`], [`add_entries`]), whose entries count after a cooling time. What the contracts in
//! an intent are is not the caller's to say ([`Contracts`]). `docs/policies.md` explains how to
//! write one.
//!
//! What it never does: hold a wallet's private key, sign a transaction, query a chain, read a clock
//! within a rule, run Rego inside a database transaction, or permit what it does not understand.
//!
//! ```text
//! request -> read effects -> select documents -> answer lookups -> evaluate -> outcome -> log
//! outcome: permit | denied | needs -> (approvals) -> request again
//! ```
//!
//! Invariants, each with the test that checks it (in `tests/it`, on both engines):
//! - what no policy allows is denied, and so is what a policy cannot decide: a failed lookup, a
//!   timeout, a failed evaluation (`fail_closed`);
//! - amounts are compared exactly up to 2^256-1 (`library`, and `policies/lib/amount_test.rego` on
//!   stock OPA);
//! - what a second voice does not permit is denied, and so is its silence (`decisions`);
//! - a permit is bound to its namespace, intent, envelope and decision, and verifies under the
//!   policy key alone (`permits`);
//! - evaluating a past decision again on the same versions gives the same outcome (`replays`);
//! - what it permits to an API key ends with the key, and with the roles that it had then (`authority`);
//! - a request that cannot be evaluated does not affect the others (`fail_closed`);
//! - an entry of a list counts only after the cooling time that applied when it was added, and no
//!   longer when it is removed (`lists`).

mod api_keys;
mod attach;
mod contracts;
mod decide;
mod decision;
mod document;
mod document_cache;
mod dry_run;
mod engine;
mod envelope;
mod error;
mod evaluate;
mod evaluation_pool;
mod input;
mod lists;
mod lookup;
mod outcome;
mod own_lookups;
mod permits;
mod policies;
mod rego;
mod replay;
mod request;
mod second_voice;
mod signer;
mod standing;
mod table;
mod target;

pub use api_keys::{ApiKeys, KeyStanding, Lock, NoApiKeys};
pub use attach::{attach, attachments, detach};
pub use contracts::{AccountInfo, ContractInfo, Contracts, NoContracts};
pub use decide::{Verdict, decide};
pub use decision::{DecisionPage, decision, decisions};
pub use document::DocumentError;
pub use dry_run::{DryRun, DryRunTarget, RequestedLookup, dry_run};
pub use engine::{Limits, Parts, Policy, Settings};
pub use envelope::EnvelopeRules;
pub use error::{Error, Result};
pub use evaluate::Evaluator;
pub use input::{ReservedMember, task_input};
pub use lists::{NewEntry, NewList, add_entries, entries, list, lists, put_list, remove_entry};
pub use lookup::{Lookup, LookupError, Lookups, NoLookups};
pub use outcome::{Obligation, Outcome, Reason, ReasonCode};
pub use permits::{open_permits, permit};
pub use policies::{
    NewPolicy, NewVersion, add_version, delete_policy, patch_policy, policies, policy, put_policy,
    version, versions,
};
pub use replay::{Difference, Replay, ReplayProgress, ReplayTarget, replay, replay_page};
pub use request::{Approval, DecisionRequest, Purpose, TaskRef, WalletRef, approvals_hash};
pub use second_voice::{OpaServer, SecondVoice};
pub use signer::{LocalSigner, PermitSigner};
pub use standing::{standing, withdraw_standing};
pub use table::attachment::Attachment;
pub use table::decision::{Decision, DecisionFilter, DocumentSource, IssuedPermit};
pub use table::list::{EntryFilter, List, ListEntry, ListKind, ShorterCooling};
pub use table::policy::{StoredPolicy, VersionName};
pub use table::version::StoredVersion;
pub use target::Target;
