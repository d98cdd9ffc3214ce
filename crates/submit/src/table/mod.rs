//! The only SQL of submissions; what is signed for them and their lanes have files of their own.

pub(crate) mod figures;
mod held;
mod lane;

pub(crate) use held::{
    held, hold, holders, insert_sent, left_open, let_go, note_answers, sent, settle, signed_for,
    still_held, witnesses_of,
};
pub(crate) use lane::{Lane, cursor, lane, put_cursor, put_lane, take_places};

use crate::state::State;
use crate::submission::{Filter, Submission};
use std::collections::BTreeSet;
use store::{Columns, Error, Result, Row, ToValue, Tx, Unbound, Value};
use types::{ChainId, Page, Status, SubmissionId, Time};

const COLUMNS: &str = "namespace, id, chain, signer, idempotency_key, initiator, intent, interface, policies, context, state, \
     paused_from, reason, quote, decision, permit, place, supersedes, tx_id, block_hash, block_height, outcome, fee, \
     created_contract, attempts, next_at, arrival, created_at, updated_at, version";

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data always serializes")
}

fn read_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| Error::Column {
        column: 0,
        found: "other text",
        expected: "JSON of a submission",
    })
}

fn read_state(text: &str) -> Result<State> {
    State::parse(text).ok_or(Error::Column {
        column: 10,
        found: "other text",
        expected: "a state",
    })
}

fn status_text(status: Status) -> &'static str {
    match status {
        Status::Succeeded => "succeeded",
        Status::Reverted => "reverted",
    }
}

fn submission(row: Row) -> Result<Submission> {
    let mut row = Columns::of(row);
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
        place: row.take()?,
        supersedes: row.take()?,
        transaction: row.take()?,
        block_hash: row.take()?,
        block_height: row.take()?,
        outcome: row.take::<Option<String>>()?.map(|text| {
            if text == "succeeded" {
                Status::Succeeded
            } else {
                Status::Reverted
            }
        }),
        fee: row.take()?,
        created_contract: row.take()?,
        attempts: row.take()?,
        next_at: row.take()?,
        arrival: row.take()?,
        created: row.take()?,
        updated: row.take()?,
        version: u64::try_from(row.take::<i64>()?).unwrap_or(0),
    })
}

fn submissions(rows: Vec<Row>) -> Result<Vec<Submission>> {
    rows.into_iter().map(submission).collect()
}

/// Store new submissions.
pub(crate) fn insert(tx: &mut Tx<'_, '_>, new: &[(Submission, i64)]) -> Result<()> {
    let rows: Vec<Vec<Value<'_>>> = new
        .iter()
        .map(|(one, shard)| insert_row(one, *shard))
        .collect();
    tx.execute_rows(
        "INSERT INTO submission (namespace, id, chain, signer, shard, idempotency_key, initiator, intent, interface, policies,
                                 context, state, attempts, next_at, arrival, created_at, updated_at, version, supersedes) {ns_rows}",
        (),
        &rows,
    )?;
    Ok(())
}

fn insert_row(one: &Submission, shard: i64) -> Vec<Value<'_>> {
    vec![
        one.id.to_value(),
        one.chain.to_value(),
        one.signer.to_value(),
        Value::Int(shard),
        one.idempotency_key.to_value(),
        Value::Text(json(&one.initiator).into()),
        Value::Text(json(&one.intent).into()),
        one.interface.to_value(),
        Value::Text(json(&one.policies).into()),
        Value::Text(json(&one.context).into()),
        Value::Text(one.state.as_str().into()),
        one.attempts.to_value(),
        one.next_at.to_value(),
        Value::Int(one.arrival),
        one.created.to_value(),
        one.updated.to_value(),
        Value::Int(1),
        one.supersedes.to_value(),
    ]
}

/// Write submissions that changed, each only if nobody changed it since it was read. The ids that
/// were written.
pub(crate) fn update(
    tx: &mut Unbound<'_, '_>,
    changed: &[Submission],
) -> Result<Vec<SubmissionId>> {
    let rows: Vec<Vec<Value<'_>>> = changed.iter().map(update_row).collect();
    let written: Vec<(SubmissionId,)> = tx.query_rows(
        "WITH n(ns, id, version, state, paused_from, reason, quote, decision, permit, place, tx_id, block_hash, block_height,
                outcome, fee, created_contract, attempts, next_at, updated_at) AS ({rows})
         UPDATE submission SET state = n.state, paused_from = n.paused_from, reason = n.reason, quote = n.quote,
                decision = n.decision, permit = n.permit, place = n.place, tx_id = n.tx_id, block_hash = n.block_hash,
                block_height = n.block_height, outcome = n.outcome, fee = n.fee, created_contract = n.created_contract,
                attempts = n.attempts, next_at = n.next_at, updated_at = n.updated_at, version = submission.version + 1
           FROM n WHERE submission.namespace = n.ns AND submission.id = n.id AND submission.version = n.version
         RETURNING submission.id",
        (),
        &rows,
    )?;
    Ok(written.into_iter().map(|(id,)| id).collect())
}

fn update_row(one: &Submission) -> Vec<Value<'_>> {
    vec![
        one.namespace.to_value(),
        one.id.to_value(),
        Value::Int(i64::try_from(one.version).unwrap_or(i64::MAX)),
        Value::Text(one.state.as_str().into()),
        one.paused_from
            .map_or(Value::Null(store::Kind::Text), |state| {
                Value::Text(state.as_str().into())
            }),
        one.reason.to_value(),
        one.quote.map_or(Value::Null(store::Kind::Text), |quote| {
            Value::Text(json(&quote).into())
        }),
        one.decision.to_value(),
        one.permit
            .as_ref()
            .map_or(Value::Null(store::Kind::Text), |permit| {
                Value::Text(json(permit).into())
            }),
        one.place.to_value(),
        one.transaction.to_value(),
        one.block_hash.to_value(),
        one.block_height.to_value(),
        one.outcome
            .map_or(Value::Null(store::Kind::Text), |status| {
                Value::Text(status_text(status).into())
            }),
        one.fee.to_value(),
        one.created_contract.to_value(),
        one.attempts.to_value(),
        one.next_at.to_value(),
        one.updated.to_value(),
    ]
}

/// One submission of the namespace.
pub(crate) fn get(tx: &mut Tx<'_, '_>, id: SubmissionId) -> Result<Option<Submission>> {
    let sql = format!("SELECT {COLUMNS} FROM submission WHERE namespace = ?ns AND id = ?1");
    tx.row::<Row>(&sql, (id,))?.map(submission).transpose()
}

/// Submissions of the namespace, newest first.
pub(crate) fn list(tx: &mut Tx<'_, '_>, filter: &Filter, page: &Page) -> Result<Vec<Submission>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM submission WHERE namespace = ?ns AND (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR signer = ?2)
            AND (?3 IS NULL OR chain = ?3) AND (?6 IS NULL OR arrival < (SELECT arrival FROM submission WHERE namespace = ?ns AND id = ?6))
          ORDER BY arrival DESC, id DESC LIMIT ?4 OFFSET ?5"
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

/// The cancel of a submission that is under way, if one is.
pub(crate) fn cancel_under_way(
    tx: &mut Tx<'_, '_>,
    target: SubmissionId,
) -> Result<Option<Submission>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM submission WHERE namespace = ?ns AND supersedes = ?1
            AND state NOT IN ('final', 'denied', 'expired', 'failed', 'replaced', 'cancelled') ORDER BY arrival LIMIT 1"
    );
    tx.row::<Row>(&sql, (target,))?.map(submission).transpose()
}

/// Those of these submissions that nobody changed since they were read.
pub(crate) fn unchanged(
    tx: &mut Unbound<'_, '_>,
    read: &[Submission],
) -> Result<BTreeSet<SubmissionId>> {
    let rows: Vec<_> = read
        .iter()
        .map(|one| {
            (
                &one.namespace,
                one.id,
                i64::try_from(one.version).unwrap_or(i64::MAX),
            )
        })
        .collect();
    let found: Vec<(SubmissionId,)> = tx.query_rows(
        "WITH n(ns, id, version) AS ({rows}) SELECT s.id FROM submission s
           JOIN n ON s.namespace = n.ns AND s.id = n.id AND s.version = n.version",
        (),
        &rows,
    )?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Submissions of a lane that are paused.
pub(crate) fn paused_in(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    signer: &str,
    limit: u32,
) -> Result<Vec<Submission>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM submission WHERE chain = ?1 AND signer = ?2 AND state = 'paused' ORDER BY place LIMIT ?3"
    );
    submissions(tx.rows(&sql, (chain, signer, limit))?)
}

/// Submissions of a shard on a chain in one of these states whose time has come, oldest first.
pub(crate) fn due(
    tx: &mut Unbound<'_, '_>,
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
    let marks: Vec<String> = (0..states.len())
        .map(|place| format!("?{}", place + 5))
        .collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM submission WHERE shard = ?1 AND chain = ?4 AND state IN ({}) AND next_at <= ?2
          ORDER BY arrival, id LIMIT ?3",
        marks.join(", ")
    );
    submissions(tx.rows(&sql, params)?)
}

/// When the next submission of a shard on a chain is due.
pub(crate) fn next_due(
    tx: &mut Unbound<'_, '_>,
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

/// Permitted submissions of a lane whose time has come, in their order: cancels, or all others.
pub(crate) fn permitted(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    signer: &str,
    cancels: bool,
    now: Time,
    limit: u32,
) -> Result<Vec<Submission>> {
    let which = if cancels { "IS NOT NULL" } else { "IS NULL" };
    let sql = format!(
        "SELECT {COLUMNS} FROM submission WHERE chain = ?1 AND signer = ?2 AND state = 'permitted' AND next_at <= ?3
            AND supersedes {which} ORDER BY place LIMIT ?4"
    );
    submissions(tx.rows(&sql, (chain, signer, now, limit))?)
}

/// How many submissions of a signer the namespace has between received and mined.
pub(crate) fn count_own_waiting(tx: &mut Tx<'_, '_>, chain: &ChainId, signer: &str) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM submission WHERE namespace = ?ns AND chain = ?1 AND signer = ?2
            AND state IN ('received', 'deciding', 'awaiting_approval', 'permitted', 'nonce_reserved', 'signing', 'signed',
                          'accepted', 'reorged', 'paused')",
        (chain, signer),
    )?;
    Ok(row.map_or(0, |(count,)| count))
}

/// How many transactions of a signer are under way: signed and not mined.
pub(crate) fn count_under_way(
    tx: &mut Unbound<'_, '_>,
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

/// Signers of a shard, behind one in the order of names, with something permitted: in a paused lane
/// only a cancel counts.
pub(crate) fn ready_lanes(
    tx: &mut Unbound<'_, '_>,
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

/// Submissions in these blocks.
pub(crate) fn in_blocks(
    tx: &mut Unbound<'_, '_>,
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
