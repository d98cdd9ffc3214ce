//! Tasks: durable, step-by-step execution of definitions, runs that survive crashes, and listeners
//! that start them.
//!
//! A task is a named, versioned list of steps ([`post_version`]). A run ([`start`]) executes them
//! in order with a shared context; its position is a row, so that a restart finds it. Listeners
//! ([`put_listener`]) start runs for chain events and for new entries of the data model, each in
//! its own order and with its own cursor. The names in steps are resolved by namespace: bindings
//! ([`put_binding`]) to chain, contract and signer, variable sets ([`put_variable_set`]) to values
//! that are encrypted at rest.
//!
//! Each step type is one file in `kinds`; `docs/tasks.md` is the reference of definitions.
//!
//! This crate never evaluates an expression inside a transaction, never holds a future where a row
//! is enough, never signs, never shows a secret in a run or a fact, never repeats an external
//! effect that may have happened unless the step declares it, and never lets a run block another
//! one outside its queue.
//!
//! ```text
//! queued ─▶ running ⇄ waiting (for a submission, or for the next attempt)
//!              ├─▶ succeeded
//!              ├─▶ failed ── retry ─▶ running, at the step that failed
//!              └─▶ parked (outcome unknown) ── decide ─▶ running | failed
//! any but succeeded ─▶ cancelled
//!
//! a step:  pending ─▶ open ─▶ waiting ─▶ acted ─▶ done
//!            internal: pending ─▶ done, in one transaction with its writes
//!            chain:    the request is stored, then enqueued under the step's key; the wait is
//!                      a row
//!            external: the request is stored, then sent with an Idempotency-Key; after a crash in
//!                      between, the step's `ambiguity` decides
//! ```
//!
//! Invariants, each with the test that checks it:
//! - a succeeded or cancelled run never changes, and an effect starts only after it was recorded
//!   (`state::tests`);
//! - an internal effect happens once, a chain effect once, an external effect once or as declared,
//!   whatever crashes (`tests/it/crash`);
//! - no secret of a variable set appears in a run or a fact (`tests/it/secrecy`);
//! - an expression neither panics nor grows without bound, and never loses a digit silently
//!   (`expression::tests`);
//! - an expression that cannot be interrupted is killed with its sandbox process, and the next
//!   one is evaluated (`expression::sandbox::tests`);
//! - a run, listener or namespace that fails delays no other (`tests/it/isolation`).

mod binding;
mod definition;
mod effect;
mod engine;
mod error;
mod expression;
mod kinds;
mod listener;
mod metrics;
mod names;
mod reencrypt;
mod run;
mod secrets;
pub mod state;
mod table;
mod task;
mod variables;
mod worker;

pub use self::metrics::{Metrics, metrics};
pub use binding::{Binding, NewBinding, binding, bindings, delete_binding, put_binding};
pub use definition::{Format, Warning};
pub use engine::{Parts, Settings, Workflow, shard_partition};
pub use error::{Error, Result};
pub use expression::{EvaluatorCommand, evaluate_expressions};
pub use listener::{
    Listener, ListenerCursor, ListenerKind, ListenerSpec, NewListener, delete_listener, listener,
    listeners, put_listener,
};
pub use reencrypt::{count_outdated, reencrypt};
pub use run::{
    Attempt, Decision, Failure, NewRun, Origin, RunFilter, RunStep, RunView, Started, cancel,
    decide, dismiss, retry, run, runs, start,
};
pub use table::binding::binding_of;
pub use task::{
    NewTask, Task, Version, delete_task, patch_task, post_version, put_task, task, tasks, version,
    versions,
};
pub use variables::{
    NewVariables, VariableSet, delete_variable_set, put_variable_set, variable_set, variable_sets,
};
pub use worker::{Progress, Worker};
