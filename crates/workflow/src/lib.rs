//! Tasks, durable step by step: definitions with expressions, runs that survive crashes, listeners
//! that begin them.
//!
//! A task is a named, versioned list of steps ([`post_version`]). A run ([`start`]) does them one
//! after the other with a shared context; where it stands is a row, so that a restart finds it.
//! Listeners ([`put_listener`]) begin runs for chain events and for new entries of the data model,
//! each in its own order and with its own cursor. What steps name is resolved by namespace:
//! bindings ([`put_binding`]) to chain, contract and signer, variable sets ([`put_variables`]) to
//! values that are sealed at rest.
//!
//! What it never does: evaluate an expression inside a transaction, hold a future where a row would
//! do, sign, show a secret in a run or a fact, repeat an outside effect that may have happened
//! unless it was told to, let one run hold another but in its own lane.
//!
//! ```text
//! queued ─▶ running ⇄ waiting (a submission; the time of the next attempt)
//!              ├─▶ succeeded        ├─▶ failed ── retry ─▶ running, at the step that failed
//!              └─▶ parked (nobody knows whether it happened) ── decide ─▶ running | failed        any but succeeded ─▶ cancelled
//!
//! a step:  pending ─▶ open ─▶ waiting ─▶ acted ─▶ done
//!            internal: pending ─▶ done, in one transaction with what it writes
//!            chain:    the request is stored, then enqueued under a key of the step's; the wait is a row
//!            external: the request is stored, then sent under an Idempotency-Key; after a crash in between the step's `ambiguity` decides
//! ```
//!
//! Invariants, each with the test that holds it:
//! - what ended never changes, and an effect is begun only after it was written down
//!   (`state::tests`);
//! - an internal effect happens once, a chain effect once, an external one once or as declared,
//!   whatever crashes (`tests/it/crash`);
//! - no secret of a variable set is in a run or a fact (`tests/it/secrecy`);
//! - an expression neither panics nor grows without end, and loses no digit unseen
//!   (`expression::tests`);
//! - one that cannot be stopped is killed in a process of its own, and the next is answered
//!   (`expression::apart::tests`);
//! - one run, listener or namespace that fails delays no other (`tests/it/poison`).

mod binding;
mod definition;
mod effect;
mod engine;
mod error;
mod expression;
mod figures;
mod listener;
mod named;
mod reseal;
mod run;
mod secrets;
mod shelf;
pub mod state;
mod table;
mod task;
mod variables;
mod work;

pub use binding::{Binding, NewBinding, binding, bindings, delete_binding, put_binding};
pub use definition::{Format, Warning};
pub use engine::{Parts, Settings, Workflow};
pub use error::{Error, Result};
pub use expression::{Launch, evaluate_expressions};
pub use figures::{Figures, figures};
pub use listener::{
    Given, Listener, ListenerKind, NewListener, Place, delete_listener, listener, listeners,
    put_listener,
};
pub use reseal::{reseal, sealed_before};
pub use run::{
    Attempt, Decision, Failure, NewRun, Origin, RunFilter, RunStep, RunView, Started, cancel,
    decide, dismiss, retry, run, runs, start, start_all,
};
pub use task::{
    NewTask, Task, Version, delete_task, patch_task, post_version, put_task, task, tasks, version,
    versions,
};
pub use variables::{
    NewVariables, VariableSet, delete_variables, put_variables, variable_sets, variables,
};
pub use work::{Progress, Worker};
