//! Move the position of a subscription.

use crate::engine::{Streams, shard_of};
use crate::error::{Error, Result};
use crate::state::Phase;
use crate::subscription::{StartAt, Subscription, cursor_text};
use crate::table::{cursor, delivery, progress, subscription};
use std::collections::HashSet;
use store::{Cursor, Tx};
use types::{Principal, SubscriptionId};

/// Read again from a position: events after it are delivered again, with the same ids and new
/// sequences. Waiting events after it are deleted first, so that the rewind does not duplicate
/// them. Dead letters stay. The outcome of a batch in flight is ignored.
///
/// Errors: `streams.unknown_subscription`, `streams.invalid_field` with the field `from`.
pub async fn rewind(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
    from: StartAt,
) -> Result<Subscription> {
    let args = (principal.clone(), from);
    let write = streams
        .on()
        .write_unscoped_with(args, move |tx, (principal, from)| {
            let heads = store::partitions(tx)?;
            let tx = &mut tx.scoped(&principal.namespace);
            let mut row = subscription::find(tx, id)?;
            let targets = targets(from, &heads)?;
            delete_waiting(tx, id, from)?;
            cursor::put(tx, id, shard_of(id), targets)?;
            restart(tx, id)?;
            subscription::save(tx, &mut row)?;
            let payload = serde_json::json!({ "from": from });
            tx.append(
                row.fact("subscription.rewound", principal)
                    .payload(&payload),
            );
            Ok::<_, Error>(row.into())
        });
    let rewound = write.await?;
    streams.notify_ready();
    Ok(rewound)
}

/// Delete waiting events after the new position; reading will create them again.
fn delete_waiting(tx: &mut Tx, id: SubscriptionId, from: &StartAt) -> Result<()> {
    let StartAt::After(cursors) = from else {
        delivery::delete_waiting(tx, id)?;
        return Ok(());
    };
    for cursor in cursors {
        delivery::delete_waiting_after(tx, id, &cursor.partition, cursor.seq)?;
    }
    Ok(())
}

fn restart(tx: &mut Tx, id: SubscriptionId) -> Result<()> {
    let mut progress = progress::find(tx, id)?;
    progress.generation += 1;
    progress.enter(Phase::Ready, tx.now());
    progress.holder.clear();
    progress.save(tx)
}

/// The cursors of a new subscription.
pub(super) fn initial_cursors(from: &StartAt, heads: &[Cursor]) -> Result<Vec<Cursor>> {
    let mut cursors = heads.to_vec();
    if *from == StartAt::Oldest {
        cursors.iter_mut().for_each(|cursor| cursor.seq = 0);
    }
    for named in named_cursors(from, heads)? {
        cursors.retain(|cursor| cursor.partition != named.partition);
        cursors.push(named);
    }
    Ok(cursors)
}

/// The new positions of the cursors that a rewind moves.
fn targets(from: &StartAt, heads: &[Cursor]) -> Result<Vec<Cursor>> {
    match from {
        StartAt::After(_) => named_cursors(from, heads),
        all => initial_cursors(all, heads),
    }
}

/// The cursors of [`StartAt::After`], checked: each partition exists and occurs once, and no cursor
/// is beyond its head.
fn named_cursors(from: &StartAt, heads: &[Cursor]) -> Result<Vec<Cursor>> {
    let StartAt::After(cursors) = from else {
        return Ok(Vec::new());
    };
    let mut partitions = HashSet::new();
    for cursor in cursors {
        let is_known =
            (heads.iter()).any(|head| head.partition == cursor.partition && cursor.seq <= head.seq);
        let why = match partitions.insert(&cursor.partition) {
            false => "its partition occurs twice",
            true if !is_known => "there is no such position",
            true => continue,
        };
        return Err(Error::invalid(
            "from",
            format!("{}: {why}", cursor_text(cursor)),
        ));
    }
    Ok(cursors.clone())
}
