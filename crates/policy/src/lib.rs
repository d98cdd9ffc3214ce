//! Policy: Rego over a typed input decides what may be signed, and signs its word.
//!
//! [`decide`] takes questions (who wants which intent signed, at what fee) and answers each with a
//! signed [`Permit`](intent::Permit), a denial with reasons, or obligations that must come before.
//! Policies are versioned documents ([`put`], [`add_version`]), asked where they are attached
//! ([`attach`]): to a namespace, a wallet, a key, an account, an asset, a contract, a task. Every
//! one that is asked has to allow. What a document has to know besides the transaction it declares
//! as lookups ([`Lookups`]). `docs/policies.md` shows how to write one.
//!
//! What it never does: hold a signing key of a wallet, sign a transaction, look at a chain, read a
//! clock in a rule, run Rego inside a database transaction, or let pass what it does not
//! understand.
//!
//! ```text
//! question -> read effects -> find documents -> ask lookups -> evaluate -> permit | denied | needs -> log
//!                                                                                             needs -> (approvals) -> question again
//! ```
//!
//! Invariants, each with the test that holds it (in `tests/it`, on both engines):
//! - what no policy allows is denied, and so is what a policy cannot judge: no lookup, no time, no
//!   answer (`closed`);
//! - amounts are compared exactly up to 2^256-1 (`library`, and `policies/lib/amount_test.rego` on
//!   stock OPA);
//! - a permit is bound to its namespace, intent, envelope and decision, and verifies under the
//!   policy key alone (`permits`);
//! - a decision judged again on the same versions comes out the same (`replays`);
//! - one question that cannot be judged stops no other (`closed`).

mod attach;
mod config;
mod decide;
mod decision;
mod document;
mod dry_run;
mod engine;
mod error;
mod evaluate;
mod input;
mod lookup;
mod outcome;
mod policies;
mod question;
mod replay;
mod second;
mod shelf;
mod signer;
mod table;
mod threads;

pub use attach::{Attachment, Target, attach, attachments, detach};
pub use config::{Config, EnvelopeRules, Limits};
pub use decide::{Verdict, decide};
pub use decision::{Decision, Decisions, Filter, Source, decision, decisions};
pub use document::Refusal;
pub use dry_run::{DryRun, Trial, Wanted, dry_run};
pub use engine::Policy;
pub use error::{Error, Result};
pub use lookup::{Lookup, LookupError, Lookups, NoLookups};
pub use outcome::{Obligation, Outcome, Reason, Why};
pub use policies::{
    NewVersion, StoredPolicy, StoredVersion, VersionName, add_version, delete, get, list, patch,
    put, version, versions,
};
pub use question::{Approval, Question, TaskRef, WalletRef, approvals_hash};
pub use replay::{Against, Difference, Progress, Replay, replay, replay_page};
pub use signer::{LocalSigner, PermitSigner};
