//! The shared vocabulary of all crates: ids, principals, amounts, units, time, pages, error codes,
//! the canonical byte form, and the values that engines exchange.
//!
//! What it never does: I/O, async, reading a clock or a random source. Code that needs the time or
//! randomness takes a [`Time`] or an [`Entropy`] as an argument.
//!
//! Invariants, each with the test that checks it:
//! - an [`Amount`] is an exact integer 0..2^256-1, in JSON a decimal string (`amount::tests`);
//! - the stored form of a [`Quantity`] sorts as bytes in the order of the numbers
//!   (`quantity::tests`);
//! - two different values never share a canonical byte form (`canon::tests`, and the vectors of
//!   `vectors/canon.json` in `tests/it`).
#[macro_use]
mod id;
mod amount;
mod backoff;
mod cache;
mod canon;
mod chain;
mod clock;
mod code;
mod event;
mod json;
mod merkle;
mod name;
mod namespace;
mod page;
mod principal;
mod quantity;
mod replay_key;
pub mod schema;
mod text;
mod time;
mod trace;
mod unit;

pub use amount::{Amount, AmountError};
pub use backoff::Backoff;
pub use cache::Cache;
pub use canon::{Canon, Digest};
pub use chain::{ChainId, ChainIdError, Family, Height};
pub use clock::{Clock, Entropy};
pub use code::{Code, Coded, Retry};
pub use event::{Block, ChainEvent, ExecutionStatus, Inclusion, Transfer, TransferKind};
pub use id::{IdError, Ulid};
pub use json::{Json, canonical_json};
pub use merkle::merkle_root;
pub use name::{Characters, NameRule};
pub use namespace::{Namespace, NamespaceError};
pub use page::{Page, PageError, Sort};
pub use principal::{Author, Cause, Permission, Principal, PrincipalKind, Role, Via};
pub use quantity::Quantity;
pub use replay_key::ReplayKey;
pub use text::{clip, sanitize_text};
pub use time::{Time, TimeError};
pub use trace::{TraceContext, TraceContextError};
pub use unit::{AmountInput, Unit, UnitError};

ids! {
    /// A submission: a chain transaction that Florin sends.
    SubmissionId = "sub";
    /// A statement: a message, typed data or an authorization to sign.
    StatementId = "stm";
    /// A policy decision.
    DecisionId = "dec";
    /// A permit to sign.
    PermitId = "pmt";
    /// A wallet.
    WalletId = "wal";
    /// A key of a wallet.
    KeyId = "key";
    /// A signature request that is answered later.
    SignatureRequestId = "req";
    /// A run of a task.
    RunId = "run";
    /// A task.
    TaskId = "tsk";
    /// A policy.
    PolicyId = "pol";
    /// A list that policies look up.
    ListId = "lst";
    /// An entry of a list.
    ListEntryId = "lse";
    /// A version of a task or a policy.
    VersionId = "ver";
    /// A listener.
    ListenerId = "lsn";
    /// A subscription of an application to events.
    SubscriptionId = "sbn";
    /// A set of variables for tasks.
    VariableSetId = "vst";
    /// An API key (its public part).
    ApiKeyId = "apk";
    /// An object of the data model that carries an id.
    ObjectId = "obj";
    /// A binding of a name to a chain, a contract and a signer.
    BindingId = "bnd";
    /// A contract that a namespace knows.
    ContractId = "ctr";
}
