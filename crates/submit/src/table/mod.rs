//! The only SQL of the crate: submissions here, their transactions, replay keys and lanes in files
//! of their own.

mod lane;
pub(crate) mod metrics;
mod replay_key;

pub(crate) use lane::{Lane, cursor, lane, put_cursor, put_lane, take_lane_indexes};
pub(crate) use replay_key::{
    close_replay_keys, close_replay_keys_of, holders, insert_replay_keys, insert_transactions,
    open_replay_keys, open_replay_keys_of, record_answers, replay_keys_of, signed_for, still_open,
    transactions,
};

use crate::state::State;
use crate::submission::{Filter, Submission};
use std::collections::BTreeSet;
use store::{Error, Result, Row, RowReader, ToValue, Tx, UnscopedTx, Value};
use types::{ChainId, ExecutionStatus, Page, SubmissionId, Time};

const COLUMNS: &str = "namespace, id, chain, signer, idempotency_key, initiator, intent, interface, policies, context, state, \
     paused_from, reason, quote, decision, permit, lane_index, supersedes, tx_id, block_hash, block_height, outcome, fee, \
     created_contract, attempts, next_at, received_seq, created_at, updated_at, version";

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data always serializes")
}

fn read_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| Error::UnexpectedValue {
        column: "json",
        found: "other text",
        expected: "JSON of a submission",
    })
}

fn read_state(text: &str) -> Result<State> {
    State::parse(text).ok_or(Error::UnexpectedValue {
        column: "state",
        found: "other text",
        expected: "a state",
    })
}

fn status_text(status: ExecutionStatus) -> &'static str {
    match status {
        ExecutionStatus::Succeeded => "succeeded",
        ExecutionStatus::Reverted => "reverted",
    }
}

/// Decodes a row of [`COLUMNS`], in their order.
fn submission_from_row(row: Row) -> Result<Submission> {
    let mut row = RowReader::new(row);
    Ok(Submission {
        namespace: row.take()?,
        id: row.take()?,
        chain: row.take()?,
        signer: row.take()?,
        idempotency_key: row.take()?,
        initiator: read_json(&row.take::<String>()?)?,
        intent: read_json(&row.take::<String>()?)?,
        interface: row.take()?,
        policies: read_json(&row.take::<String>()?)?,
        context: read_json(&row.take::<String>()?)?,
        state: read_state(&row.take::<String>()?)?,
        paused_from: row
            .take::<Option<String>>()?
            .map(|text| read_state(&text))
            .transpose()?,
        reason: row.take()?,
        quote: row
            .take::<Option<String>>()?
            .map(|text| read_json(&text))
            .transpose()?,
        decision: row.take()?,
        permit: row
            .take::<Option<String>>()?
            .map(|text| read_json(&text))
            .transpose()?,
        lane_index: row.take()?,
        supersedes: row.take()?,
        transaction: row.take()?,
        block_hash: row.take()?,
        block_height: row.take()?,
        outcome: row.take::<Option<String>>()?.map(|text| {
            if text == "succeeded" {
                ExecutionStatus::Succeeded
            } else {
                ExecutionStatus::Reverted
            }
        }),
        fee: row.take()?,
        created_contract: row.take()?,
        attempts: row.take()?,
        next_at: row.take()?,
        received_seq: row.take()?,
        created: row.take()?,
        updated: row.take()?,
        version: u64::try_from(row.take::<i64>()?).unwrap_or(0),
    })
}

fn submissions(rows: Vec<Row>) -> Result<Vec<Submission>> {
    rows.into_iter().map(submission_from_row).collect()
}

/// Stores new submissions, each with its shard.
pub(crate) fn insert(tx: &mut Tx<'_, '_>, new: &[(Submission, i64)]) -> Result<()> {
    let rows: Vec<Vec<Value<'_>>> = new
        .iter()
        .map(|(submission, shard)| insert_row(submission, *shard))
        .collect();
    tx.execute_rows(
        "INSERT INTO submission (namespace, id, chain, signer, shard, idempotency_key, initiator, intent, interface, policies,
                                 context, state, attempts, next_at, received_seq, created_at, updated_at, version, supersedes) {ns_rows}",
        (),
        &rows,
    )?;
    Ok(())
}

fn insert_row(submission: &Submission, shard: i64) -> Vec<Value<'_>> {
    vec![
        submission.id.to_value(),
        submission.chain.to_value(),
        submission.signer.to_value(),
        Value::Int(shard),
        submission.idempotency_key.to_value(),
        Value::Text(json(&submission.initiator).into()),
        Value::Text(json(&submission.intent).into()),
        submission.interface.to_value(),
        Value::Text(json(&submission.policies).into()),
        Value::Text(json(&submission.context).into()),
        Value::Text(submission.state.as_str().into()),
        submission.attempts.to_value(),
        submission.next_at.to_value(),
        Value::Int(submission.received_seq),
        submission.created.to_value(),
        submission.updated.to_value(),
        Value::Int(1),
        submission.supersedes.to_value(),
    ]
}

/// Writes submissions whose version is unchanged since they were read. Returns the written ids.
pub(crate) fn update(
    tx: &mut UnscopedTx<'_, '_>,
    changed: &[Submission],
) -> Result<Vec<SubmissionId>> {
    let rows: Vec<Vec<Value<'_>>> = changed.iter().map(update_row).collect();
    let written: Vec<(SubmissionId,)> = tx.query_rows(
        "WITH n(ns, id, version, state, paused_from, reason, quote, decision, permit, lane_index, tx_id, block_hash, block_height,
                outcome, fee, created_contract, attempts, next_at, updated_at) AS ({rows})
         UPDATE submission SET state = n.state, paused_from = n.paused_from, reason = n.reason, quote = n.quote,
                decision = n.decision, permit = n.permit, lane_index = n.lane_index, tx_id = n.tx_id, block_hash = n.block_hash,
                block_height = n.block_height, outcome = n.outcome, fee = n.fee, created_contract = n.created_contract,
                attempts = n.attempts, next_at = n.next_at, updated_at = n.updated_at, version = submission.version + 1
           FROM n WHERE submission.namespace = n.ns AND submission.id = n.id AND submission.version = n.version
         RETURNING submission.id",
        (),
        &rows,
    )?;
    Ok(written.into_iter().map(|(id,)| id).collect())
}

fn update_row(submission: &Submission) -> Vec<Value<'_>> {
    vec![
        submission.namespace.to_value(),
        submission.id.to_value(),
        Value::Int(i64::try_from(submission.version).unwrap_or(i64::MAX)),
        Value::Text(submission.state.as_str().into()),
        submission
            .paused_from
            .map_or(Value::Null(store::ValueKind::Text), |state| {
                Value::Text(state.as_str().into())
            }),
        submission.reason.to_value(),
        submission
            .quote
            .map_or(Value::Null(store::ValueKind::Text), |quote| {
                Value::Text(json(&quote).into())
            }),
        submission.decision.to_value(),
        submission
            .permit
            .as_ref()
            .map_or(Value::Null(store::ValueKind::Text), |permit| {
                Value::Text(json(permit).into())
            }),
        submission.lane_index.to_value(),
        submission.transaction.to_value(),
        submission.block_hash.to_value(),
        submission.block_height.to_value(),
        submission
            .outcome
            .map_or(Value::Null(store::ValueKind::Text), |status| {
                Value::Text(status_text(status).into())
            }),
        submission.fee.to_value(),
        submission.created_contract.to_value(),
        submission.attempts.to_value(),
        submission.next_at.to_value(),
        submission.updated.to_value(),
    ]
}

/// One submission of the namespace.
pub(crate) fn get(tx: &mut Tx<'_, '_>, id: SubmissionId) -> Result<Option<Submission>> {
    let sql = format!("SELECT {COLUMNS} FROM submission WHERE namespace = ?ns AND id = ?1");
    tx.row::<Row>(&sql, (id,))?
        .map(submission_from_row)
        .transpose()
}

/// Submissions of the namespace, newest first.
pub(crate) fn list(tx: &mut Tx<'_, '_>, filter: &Filter, page: &Page) -> Result<Vec<Submission>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM submission WHERE namespace = ?ns AND (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR signer = ?2)
            AND (?3 IS NULL OR chain = ?3) AND (?6 IS NULL OR received_seq < (SELECT received_seq FROM submission WHERE namespace = ?ns AND id = ?6))
          ORDER BY received_seq DESC, id DESC LIMIT ?4 OFFSET ?5"
    );
    let state = filter.state.map(State::as_str);
    submissions(tx.rows(
        &sql,
        (
            state,
            &filter.signer,
            &filter.chain,
            page.limit,
            page.skip,
            &page.after,
        ),
    )?)
}

/// The oldest cancel of a submission that has not ended, if any.
pub(crate) fn cancel_in_progress(
    tx: &mut Tx<'_, '_>,
    target: SubmissionId,
) -> Result<Option<Submission>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM submission WHERE namespace = ?ns AND supersedes = ?1
            AND state NOT IN ('final', 'denied', 'expired', 'failed', 'replaced', 'cancelled') ORDER BY received_seq LIMIT 1"
    );
    tx.row::<Row>(&sql, (target,))?
        .map(submission_from_row)
        .transpose()
}

/// The ids of those submissions whose version is unchanged since they were read.
pub(crate) fn unchanged(
    tx: &mut UnscopedTx<'_, '_>,
    read: &[Submission],
) -> Result<BTreeSet<SubmissionId>> {
    let rows: Vec<_> = read
        .iter()
        .map(|submission| {
            (
                &submission.namespace,
                submission.id,
                i64::try_from(submission.version).unwrap_or(i64::MAX),
            )
        })
        .collect();
    let unchanged: Vec<(SubmissionId,)> = tx.query_rows(
        "WITH n(ns, id, version) AS ({rows}) SELECT s.id FROM submission s
           JOIN n ON s.namespace = n.ns AND s.id = n.id AND s.version = n.version",
        (),
        &rows,
    )?;
    Ok(unchanged.into_iter().map(|(id,)| id).collect())
}

/// Paused submissions of a lane, in lane order.
pub(crate) fn paused_in(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    signer: &str,
    limit: u32,
) -> Result<Vec<Submission>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM submission WHERE chain = ?1 AND signer = ?2 AND state = 'paused' ORDER BY lane_index LIMIT ?3"
    );
    submissions(tx.rows(&sql, (chain, signer, limit))?)
}

/// Due submissions of a shard on a chain in one of these states, oldest first.
pub(crate) fn due(
    tx: &mut UnscopedTx<'_, '_>,
    shard: i64,
    chain: &ChainId,
    states: &[State],
    now: Time,
    limit: u32,
) -> Result<Vec<Submission>> {
    let mut params: Vec<Value<'_>> = vec![
        Value::Int(shard),
        now.to_value(),
        limit.to_value(),
        chain.to_value(),
    ];
    params.extend(
        states
            .iter()
            .map(|state| Value::Text(state.as_str().into())),
    );
    let placeholders: Vec<String> = (0..states.len())
        .map(|index| format!("?{}", index + 5))
        .collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM submission WHERE shard = ?1 AND chain = ?4 AND state IN ({}) AND next_at <= ?2
          ORDER BY received_seq, id LIMIT ?3",
        placeholders.join(", ")
    );
    submissions(tx.rows(&sql, params)?)
}

/// The earliest time at which a submission of a shard on a chain is due.
pub(crate) fn next_due(
    tx: &mut UnscopedTx<'_, '_>,
    shard: i64,
    chain: &ChainId,
) -> Result<Option<Time>> {
    let row: Option<(Option<Time>,)> = tx.row(
        "SELECT MIN(next_at) FROM submission
          WHERE shard = ?1 AND chain = ?2
            AND state IN ('received', 'deciding', 'permitted', 'signed', 'accepted', 'reorged', 'paused')",
        (shard, chain),
    )?;
    Ok(row.and_then(|(at,)| at))
}

/// Due permitted submissions of a lane, in lane order: only cancels, or all others.
pub(crate) fn permitted(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    signer: &str,
    cancels: bool,
    now: Time,
    limit: u32,
) -> Result<Vec<Submission>> {
    let condition = if cancels { "IS NOT NULL" } else { "IS NULL" };
    let sql = format!(
        "SELECT {COLUMNS} FROM submission WHERE chain = ?1 AND signer = ?2 AND state = 'permitted' AND next_at <= ?3
            AND supersedes {condition} ORDER BY lane_index LIMIT ?4"
    );
    submissions(tx.rows(&sql, (chain, signer, now, limit))?)
}

/// Number of submissions of a signer that the namespace has between received and mined.
pub(crate) fn count_waiting(tx: &mut Tx<'_, '_>, chain: &ChainId, signer: &str) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM submission WHERE namespace = ?ns AND chain = ?1 AND signer = ?2
            AND state IN ('received', 'deciding', 'awaiting_approval', 'permitted', 'nonce_reserved', 'signing', 'signed',
                          'accepted', 'reorged', 'paused')",
        (chain, signer),
    )?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Number of a signer's transactions in flight: signed and not mined.
pub(crate) fn count_in_flight(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    signer: &str,
) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM submission WHERE chain = ?1 AND signer = ?2 AND tx_id IS NOT NULL
            AND state IN ('nonce_reserved', 'signing', 'signed', 'accepted', 'reorged', 'paused')",
        (chain, signer),
    )?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Signers of a shard with due permitted submissions, ordered by name and starting after `after`.
/// In a paused lane only a cancel counts.
pub(crate) fn ready_lanes(
    tx: &mut UnscopedTx<'_, '_>,
    shard: i64,
    chain: &ChainId,
    after: &str,
    now: Time,
    limit: u32,
) -> Result<Vec<(String,)>> {
    tx.rows(
        "SELECT s.signer FROM submission s
          WHERE s.shard = ?1 AND s.chain = ?2 AND s.state = 'permitted' AND s.next_at <= ?4 AND s.signer > ?3
            AND (s.supersedes IS NOT NULL OR NOT EXISTS (
                 SELECT 1 FROM submission_lane l WHERE l.chain = s.chain AND l.signer = s.signer AND l.paused IS NOT NULL
                    AND (l.paused_until IS NULL OR l.paused_until > ?4)))
          GROUP BY s.signer ORDER BY s.signer LIMIT ?5",
        (shard, chain, after, now, limit),
    )
}

/// Mined submissions of a shard in these blocks.
pub(crate) fn in_blocks(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    shard: i64,
    hashes: &[String],
) -> Result<Vec<Submission>> {
    let rows: Vec<(&String,)> = hashes.iter().map(|hash| (hash,)).collect();
    let qualified = COLUMNS
        .split(", ")
        .map(|column| format!("s.{column}"))
        .collect::<Vec<_>>()
        .join(", ");
    let sql = format!(
        "WITH n(h) AS ({{rows}}) SELECT {qualified} FROM submission s JOIN n ON s.block_hash = n.h
          WHERE s.chain = ?1 AND s.shard = ?2 AND s.state = 'mined'"
    );
    submissions(tx.query_rows(&sql, (chain, shard), &rows)?)
}
