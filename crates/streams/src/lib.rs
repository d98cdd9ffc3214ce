//! Tells applications what happened: subscriptions, and the delivery of events by webhook and over
//! WebSockets.
//!
//! A subscription names the events it wants and how they travel. The worker of its shard follows
//! every partition of facts by cursors of the subscription's own, turns each fact into events (one,
//! or many where a fact stands for a batch), writes those that are wanted as deliveries, and
//! commits them together with the cursors. Webhooks are posted in batches, signed, in order, one
//! batch at a time for each subscription; WebSockets are served to whoever opens the subscription.
//! A delivery is gone once it was acknowledged.
//!
//! What it never does: read anything but facts, hold one subscription up for another, send a batch
//! it did not write down first, show a secret twice, promise exactly once to the outside: an event
//! comes at least once, and `(id, type, cursor)` tells a repeat.
//!
//! ```text
//!  fact ─▶ events ─▶ waiting ─▶ sending ─▶ (acknowledged: gone)
//!                       ▲          │ refused: waits longer each time
//!                       │          ├─▶ refused for the last time, with others: each alone
//!                       └─ retried ┴─▶ refused for the last time, alone: dead letter, or the subscription holds
//! ```
//!
//! What moves while events are delivered (cursors, attempts, what waits) is no fact: it would have
//! to be told in turn, without end. What people do to subscriptions, a receiver that is gone and
//! each dead letter are.
//!
//! Invariants, each with the test that holds it:
//! - a crash at any point loses no event and, until it is acknowledged, repeats only the same bytes
//!   under the same id (`crashes`);
//! - events of a partition reach a subscription in order, and a receiver that fails holds up only
//!   itself (`order`);
//! - a chain event has one id through pending, final and reverted (`expansion`);
//! - nothing of one namespace reaches another (`tenancy`);
//! - nothing is sent to an address that the guard refuses, whatever its name says (`guard`);
//! - a batch is settled, parted or buried whole, and never tried more often than its rule allows
//!   (`state::tests`).

pub mod outbound;

mod error;
mod event;
mod figures;
mod filter;
mod glob;
mod secrets;
mod session;
mod sign;
mod state;
mod streams;
mod subscription;
mod table;
mod validate;
mod verbs;
mod worker;

pub use error::{Error, Result, Unexpanded};
pub use event::{Event, Expand, Expansion, NothingToExpand};
pub use figures::{Figures, figures};
pub use secrets::{NewSecret, SecretInfo};
pub use session::{Batch, Session, open};
pub use streams::{Limits, SHARDS, Streams, shard_partition};
pub use subscription::{
    Change, Delivery, Filter, Finality, From, NewSubscription, OnError, RetryRule, Subscription,
};
pub use verbs::{
    Created, DeadLetter, Letters, Status, dead_letters, reseal, resume, retire_secret, retry_dead,
    rewind, rotate_secret, sealed_before, secrets, skip, status, subscribe, subscription,
    subscriptions, suspend, unsubscribe, update,
};
pub use worker::{Answer, Outgoing, Progress, Shard};
