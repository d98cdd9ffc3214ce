//! Event subscriptions: matches facts against filters and delivers the resulting events by webhook
//! or over WebSockets.
//!
//! A subscription has a filter and a delivery. The worker of its shard reads every partition of
//! facts with cursors that belong to the subscription, expands each fact into events (one, or many
//! for a fact that covers a batch), and commits the matching events as deliveries together with the
//! cursors. Webhook events are posted in signed batches, in order, one batch at a time per
//! subscription; WebSocket events are sent to the consumer that opened the subscription. A delivery
//! is deleted when it is acknowledged.
//!
//! What it never does: read anything but facts, let one subscription delay another, send a batch
//! that is not committed, return a secret twice, or promise exactly-once delivery: events are
//! delivered at least once, and `(id, type, cursor)` identifies a duplicate.
//!
//! ```text
//!  fact ─▶ events ─▶ waiting ─▶ sending ─▶ (acknowledged: deleted)
//!                       ▲          │ failed: retried with backoff
//!                       │          ├─▶ last attempt failed, several events: each sent on its own
//!                       └─ retried ┴─▶ last attempt failed, one event: dead letter, or held
//! ```
//!
//! Delivery progress (cursors, attempts, waiting events) is not recorded as facts: each such fact
//! would itself be delivered, and cause another one. Changes to subscriptions, receivers that
//! answer 410, and dead letters are recorded.
//!
//! Invariants, each with the test that checks it:
//! - a crash at any point loses no event; until a batch is acknowledged, only the same bytes are
//!   sent again, under the same id (`crashes`);
//! - events of a partition reach a subscription in order, and a failing receiver delays only its
//!   own subscription (`order`);
//! - a chain event keeps one id through pending, final and reverted (`expansion`);
//! - no event of one namespace reaches another (`tenancy`);
//! - no request is sent to an address that the address policy rejects, however the name resolves
//!   (`webhook_addresses`);
//! - a batch is acknowledged, split or dead-lettered as a whole, and never attempted more often
//!   than its retry rule allows (`state::tests`).

mod engine;
mod error;
mod event;
mod filter;
mod glob;
mod metrics;
mod retry;
mod secrets;
mod session;
mod sign;
mod sink;
mod state;
mod subscription;
mod table;
mod validate;
mod verbs;
mod worker;

pub use self::metrics::{Metrics, metrics};
pub use crate::secrets::{NewSecret, SecretInfo};
pub use engine::{Parts, SHARDS, Settings, Streams, shard_partition};
pub use error::{Error, ExpandError, Result};
pub use event::{Event, Expand, Expansion, NoExpansion};
pub use retry::{OnError, RetryRule};
pub use session::{Batch, Session, open_session};
pub use sink::{Delivery, DeliveryOutcome, Field, FieldKind, OutgoingBatch, SinkDoc, sinks};
pub use subscription::{Change, Filter, Finality, NewSubscription, StartAt, Subscription};
pub use verbs::{
    Created, DeadLetter, DeadLetterSelection, Status, count_outdated_secrets, dead_letters,
    reencrypt, resume, retire_secret, retry_dead_letters, rewind, rotate_secret, secrets,
    skip_event, status, subscribe, subscription, subscriptions, suspend, unsubscribe, update,
};
pub use worker::{Progress, Worker};
