//! Statements: decided by policy, and signed at once or by a back end that answers later. They have
//! neither fees nor a position in a lane, and nothing of them is sent.

mod collect;
mod decide;
mod sign;

pub(super) use collect::collect;
pub(super) use decide::decide;
pub(super) use sign::sign;

use super::Worker;
use crate::statement::{Statement, StatementState};
use crate::{Result, table};
use store::UnscopedTx;
use tracing::Span;
use types::ChainId;

/// Statements of one chain decided or signed per turn.
const PER_TURN: u32 = 200;

/// Due statements of this shard on a chain in one of these states, oldest first.
async fn due<const N: usize>(
    worker: &Worker,
    chain: ChainId,
    states: [StatementState; N],
) -> Result<Vec<Statement>> {
    let (shard, now) = (worker.shard, worker.now());
    let read =
        move |tx: &mut UnscopedTx| table::statement::due(tx, shard, &chain, &states, now, PER_TURN);
    Ok(worker.db().read_unscoped(read).await?)
}

/// The spans of statements in a stage, which end when they are dropped.
fn open_spans(stage: &'static str, statements: &[Statement]) -> Vec<Span> {
    let open = |statement: &Statement| {
        let (id, namespace, chain) = (&statement.id, &statement.namespace, &statement.chain);
        let trace = tracing::field::Empty;
        let span = tracing::info_span!("statement", %id, %namespace, %chain, stage, trace);
        telemetry::continue_trace(&span, statement.initiator.trace);
        span
    };
    statements.iter().map(open).collect()
}
