//! The only SQL of submissions.

use crate::state::State;
use crate::submission::{Filter, Sent, Submission};
use store::{Columns, Error, Result, Row, ToValue, Tx, Unbound, Value};
use types::{ChainId, Namespace, Page, Status, SubmissionId, Time, Witness};

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
    State::parse(text).ok_or(Error::Column { column: 10, found: "other text", expected: "a state" })
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
        paused_from: row.take::<Option<String>>()?.map(|text| read_state(&text)).transpose()?,
        reason: row.take()?,
        quote: row.take::<Option<String>>()?.map(|text| read_json(&text)).transpose()?,
        decision: row.take()?,
        permit: row.take::<Option<String>>()?.map(|text| read_json(&text)).transpose()?,
        place: row.take()?,
        supersedes: row.take()?,
        transaction: row.take()?,
        block_hash: row.take()?,
        block_height: row.take()?,
        outcome: row
            .take::<Option<String>>()?
            .map(|text| if text == "succeeded" { Status::Succeeded } else { Status::Reverted }),
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
    let rows: Vec<Vec<Value<'_>>> = new.iter().map(|(one, shard)| insert_row(one, *shard)).collect();
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

/// Write submissions that changed, each only if nobody changed it since it was read. The ids that were written.
pub(crate) fn update(tx: &mut Unbound<'_, '_>, changed: &[Submission]) -> Result<Vec<SubmissionId>> {
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
        one.paused_from.map_or(Value::Null(store::Kind::Text), |state| Value::Text(state.as_str().into())),
        one.reason.to_value(),
        one.quote.map_or(Value::Null(store::Kind::Text), |quote| Value::Text(json(&quote).into())),
        one.decision.to_value(),
        one.permit.as_ref().map_or(Value::Null(store::Kind::Text), |permit| Value::Text(json(permit).into())),
        one.place.to_value(),
        one.transaction.to_value(),
        one.block_hash.to_value(),
        one.block_height.to_value(),
        one.outcome.map_or(Value::Null(store::Kind::Text), |status| Value::Text(status_text(status).into())),
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
    submissions(tx.rows(&sql, (state, &filter.signer, &filter.chain, page.limit, page.skip, &page.after))?)
}

/// Submissions of a shard in one of these states whose time has come, oldest first.
pub(crate) fn due(
    tx: &mut Unbound<'_, '_>,
    shard: i64,
    states: &[State],
    now: Time,
    limit: u32,
) -> Result<Vec<Submission>> {
    let mut params: Vec<Value<'_>> = vec![Value::Int(shard), now.to_value(), limit.to_value()];
    params.extend(states.iter().map(|state| Value::Text(state.as_str().into())));
    let marks: Vec<String> = (0..states.len()).map(|place| format!("?{}", place + 4)).collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM submission WHERE shard = ?1 AND state IN ({}) AND next_at <= ?2
          ORDER BY arrival, id LIMIT ?3",
        marks.join(", ")
    );
    submissions(tx.rows(&sql, params)?)
}

/// When the next submission of a shard in one of these states is due.
pub(crate) fn next_due(tx: &mut Unbound<'_, '_>, shard: i64) -> Result<Option<Time>> {
    let row: Option<(Option<Time>,)> = tx.row(
        "SELECT MIN(next_at) FROM submission
          WHERE shard = ?1 AND state IN ('received', 'deciding', 'permitted', 'signed', 'accepted', 'reorged', 'paused')",
        (shard,),
    )?;
    Ok(row.and_then(|(at,)| at))
}

/// Permitted submissions of a lane in their order.
pub(crate) fn permitted(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    signer: &str,
    limit: u32,
) -> Result<Vec<Submission>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM submission WHERE chain = ?1 AND signer = ?2 AND state = 'permitted' ORDER BY place LIMIT ?3"
    );
    submissions(tx.rows(&sql, (chain, signer, limit))?)
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
pub(crate) fn count_under_way(tx: &mut Unbound<'_, '_>, chain: &ChainId, signer: &str) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM submission WHERE chain = ?1 AND signer = ?2 AND tx_id IS NOT NULL
            AND state IN ('nonce_reserved', 'signing', 'signed', 'accepted', 'reorged', 'paused')",
        (chain, signer),
    )?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Lanes of a shard with something permitted.
pub(crate) fn ready_lanes(
    tx: &mut Unbound<'_, '_>,
    shard: i64,
    now: Time,
    limit: u32,
) -> Result<Vec<(ChainId, String)>> {
    tx.rows(
        "SELECT chain, signer FROM submission WHERE shard = ?1 AND state = 'permitted' AND next_at <= ?2
          GROUP BY chain, signer ORDER BY MIN(place) LIMIT ?3",
        (shard, now, limit),
    )
}

/// Submissions that hold these things open.
pub(crate) fn holders(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    witnesses: &[Witness],
) -> Result<Vec<(Witness, Submission)>> {
    let rows: Vec<(&Witness,)> = witnesses.iter().map(|witness| (witness,)).collect();
    let qualified = COLUMNS.split(", ").map(|column| format!("s.{column}")).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "WITH n(w) AS ({{rows}})
         SELECT h.witness, {qualified} FROM submission_witness h
           JOIN n ON h.witness = n.w JOIN submission s ON s.namespace = h.namespace AND s.id = h.submission
          WHERE h.chain = ?1 ORDER BY s.arrival, s.id"
    );
    let found: Vec<Row> = tx.query_rows(&sql, (chain,), &rows)?;
    found
        .into_iter()
        .map(|mut row| {
            let witness = Columns::of(vec![row.remove(0)]).take()?;
            Ok((witness, submission(row)?))
        })
        .collect()
}

/// Submissions in these blocks.
pub(crate) fn in_blocks(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    shard: i64,
    hashes: &[String],
) -> Result<Vec<Submission>> {
    let rows: Vec<(&String,)> = hashes.iter().map(|hash| (hash,)).collect();
    let qualified = COLUMNS.split(", ").map(|column| format!("s.{column}")).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "WITH n(h) AS ({{rows}}) SELECT {qualified} FROM submission s JOIN n ON s.block_hash = n.h
          WHERE s.chain = ?1 AND s.shard = ?2 AND s.state = 'mined'"
    );
    submissions(tx.query_rows(&sql, (chain, shard), &rows)?)
}

/// Remember transactions that were signed.
pub(crate) fn insert_sent(
    tx: &mut Unbound<'_, '_>,
    sent: &[(Namespace, ChainId, String, SubmissionId, Time, String)],
) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO submission_sent (namespace, chain, tx_id, submission, signed_at, terms) {rows}",
        (),
        sent,
    )?;
    Ok(())
}

/// Remember what nodes said of transactions.
pub(crate) fn note_answers(tx: &mut Unbound<'_, '_>, answers: &[(ChainId, String, String)]) -> Result<()> {
    tx.execute_rows(
        "WITH n(chain, tx_id, answer) AS ({rows}) UPDATE submission_sent SET answer = n.answer
           FROM n WHERE submission_sent.chain = n.chain AND submission_sent.tx_id = n.tx_id",
        (),
        answers,
    )?;
    Ok(())
}

/// Every transaction that was signed for a submission, oldest first.
pub(crate) fn sent(tx: &mut Tx<'_, '_>, id: SubmissionId) -> Result<Vec<Sent>> {
    let rows: Vec<(String, Time, String, Option<String>)> = tx.rows(
        "SELECT tx_id, signed_at, terms, answer FROM submission_sent WHERE namespace = ?ns AND submission = ?1
          ORDER BY signed_at, tx_id",
        (id,),
    )?;
    rows.into_iter()
        .map(|(transaction, signed, terms, answer)| Ok(Sent { transaction, signed, terms: read_json(&terms)?, answer }))
        .collect()
}

/// Which submission signed each of these transactions.
pub(crate) fn signed_for(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    ids: &[String],
) -> Result<Vec<(String, SubmissionId)>> {
    let rows: Vec<(&String,)> = ids.iter().map(|id| (id,)).collect();
    tx.query_rows(
        "WITH n(t) AS ({rows}) SELECT tx_id, submission FROM submission_sent JOIN n ON tx_id = n.t WHERE chain = ?1",
        (chain,),
        &rows,
    )
}

/// Hold things open for submissions.
pub(crate) fn hold(
    tx: &mut Unbound<'_, '_>,
    held: &[(Namespace, ChainId, Witness, SubmissionId, String, i64)],
) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO submission_witness (namespace, chain, witness, submission, signer, open) {rows} ON CONFLICT DO NOTHING",
        (),
        held,
    )?;
    Ok(())
}

/// The chain has settled these things.
pub(crate) fn settle(tx: &mut Unbound<'_, '_>, chain: &ChainId, witnesses: &[Witness]) -> Result<()> {
    let rows: Vec<(&Witness,)> = witnesses.iter().map(|witness| (witness,)).collect();
    tx.execute_rows(
        "WITH n(w) AS ({rows}) UPDATE submission_witness SET open = 0 FROM n WHERE chain = ?1 AND witness = n.w",
        (chain,),
        &rows,
    )?;
    Ok(())
}

/// What the submissions of a signer hold open.
pub(crate) fn held(tx: &mut Unbound<'_, '_>, chain: &ChainId, signer: &str) -> Result<Vec<(Witness, SubmissionId)>> {
    tx.rows(
        "SELECT witness, submission FROM submission_witness WHERE chain = ?1 AND signer = ?2 AND open = 1",
        (chain, signer),
    )
}

/// What one submission holds.
pub(crate) fn witnesses_of(tx: &mut Unbound<'_, '_>, chain: &ChainId, id: SubmissionId) -> Result<Vec<(Witness,)>> {
    tx.rows("SELECT witness FROM submission_witness WHERE chain = ?1 AND submission = ?2 ORDER BY witness", (chain, id))
}

/// A lane: what its signer has come to on its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lane {
    pub(crate) chain: ChainId,
    pub(crate) signer: String,
    pub(crate) next_nonce: u64,
    pub(crate) paused: Option<String>,
    pub(crate) paused_until: Option<Time>,
    pub(crate) version: i64,
}

/// A lane, if it was ever used.
pub(crate) fn lane(tx: &mut Unbound<'_, '_>, chain: &ChainId, signer: &str) -> Result<Option<Lane>> {
    let row: Option<(i64, Option<String>, Option<Time>, i64)> = tx.row(
        "SELECT next_nonce, paused, paused_until, version FROM submission_lane WHERE chain = ?1 AND signer = ?2",
        (chain, signer),
    )?;
    Ok(row.map(|(next_nonce, paused, paused_until, version)| Lane {
        chain: chain.clone(),
        signer: signer.to_owned(),
        next_nonce: u64::try_from(next_nonce).unwrap_or(0),
        paused,
        paused_until,
        version,
    }))
}

/// Write a lane; false if another changed it since it was read.
pub(crate) fn put_lane(tx: &mut Unbound<'_, '_>, lane: &Lane) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE submission_lane SET next_nonce = ?3, paused = ?4, paused_until = ?5, version = version + 1
          WHERE chain = ?1 AND signer = ?2 AND version = ?6",
        (
            &lane.chain,
            &lane.signer,
            i64::try_from(lane.next_nonce).unwrap_or(i64::MAX),
            &lane.paused,
            lane.paused_until,
            lane.version,
        ),
    )?;
    Ok(changed == 1)
}

/// Places in a lane, in order: the first of `count` that are taken now.
pub(crate) fn take_places(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    signer: &str,
    shard: i64,
    count: i64,
) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "INSERT INTO submission_lane (chain, signer, shard, next_nonce, next_place, version) VALUES (?1, ?2, ?3, 0, ?4, 1)
         ON CONFLICT (chain, signer) DO UPDATE SET next_place = submission_lane.next_place + ?4
         RETURNING next_place",
        (chain, signer, shard, count),
    )?;
    let (end,) = row.ok_or(Error::Column { column: 0, found: "no row", expected: "a lane" })?;
    Ok(end - count)
}

/// How far a shard has read the facts of a partition.
pub(crate) fn cursor(tx: &mut Unbound<'_, '_>, shard: i64, partition: &str) -> Result<i64> {
    let row: Option<(i64,)> =
        tx.row("SELECT seq FROM submission_cursor WHERE shard = ?1 AND partition = ?2", (shard, partition))?;
    Ok(row.map_or(0, |(seq,)| seq))
}

/// Move that cursor.
pub(crate) fn put_cursor(tx: &mut Unbound<'_, '_>, shard: i64, partition: &str, seq: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO submission_cursor (shard, partition, seq) VALUES (?1, ?2, ?3)
         ON CONFLICT (shard, partition) DO UPDATE SET seq = ?3",
        (shard, partition, seq),
    )?;
    Ok(())
}
