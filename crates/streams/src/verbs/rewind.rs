//! Begin again from another place.

use crate::error::{Error, Result};
use crate::state::Phase;
use crate::streams::{Streams, shard_of};
use crate::subscription::{From, Subscription};
use crate::table::{cursor, delivery, progress, subscription};
use store::{Cursor, Fact, Tx};
use types::{Principal, SubscriptionId};

/// Read again from a place: what was delivered behind it comes again, with the same ids and new
/// sequences; what waits from behind it is dropped first, so that nothing comes twice for that.
/// Dead letters stay. What is under way counts no more.
///
/// Errors: `streams.unknown_subscription`, `streams.invalid` naming `from`.
pub async fn rewind(
    streams: &Streams,
    who: &Principal,
    id: SubscriptionId,
    from: From,
) -> Result<Subscription> {
    let who = who.clone();
    let namespace = who.namespace.clone();
    let write = streams.writer().write_unbound(move |tx| {
        let heads = store::partitions(tx)?;
        let tx = &mut tx.bound(&namespace);
        let mut row = subscription::find(tx, id)?;
        let targets = targets(&from, &heads)?;
        forget(tx, id, &from)?;
        cursor::put(tx, id, shard_of(id), &targets)?;
        restart(tx, id)?;
        subscription::save(tx, &mut row)?;
        let says = serde_json::json!({ "from": from });
        tx.append(
            Fact::new("subscription.rewound", 1)
                .about(&id, version(&row))
                .by(&who)
                .says(&says),
        );
        Ok::<_, Error>(row.shown())
    });
    let rewound = write.await?;
    streams.announce();
    Ok(rewound)
}

pub(super) fn version(row: &subscription::Stored) -> u64 {
    u64::try_from(row.version).unwrap_or_default()
}

/// What waits from behind the new place would come twice.
fn forget(tx: &mut Tx<'_, '_>, id: SubscriptionId, from: &From) -> Result<()> {
    let From::After(cursors) = from else {
        delivery::drop_waiting(tx, id)?;
        return Ok(());
    };
    for at in cursors {
        delivery::drop_waiting_behind(tx, id, &at.partition, at.seq)?;
    }
    Ok(())
}

fn restart(tx: &mut Tx<'_, '_>, id: SubscriptionId) -> Result<()> {
    let mut now = progress::find(tx, id)?;
    now.generation += 1;
    now.phase = Phase::Ready;
    now.holder.clear();
    progress::save(tx, id, &now)
}

/// The cursors of a new subscription.
pub(super) fn starting(from: &From, heads: &[Cursor]) -> Result<Vec<Cursor>> {
    let mut cursors = match from {
        From::Oldest => heads
            .iter()
            .map(|head| Cursor {
                seq: 0,
                ..head.clone()
            })
            .collect(),
        From::Newest | From::After(_) => heads.to_vec(),
    };
    for named in named(from, heads)? {
        cursors.retain(|at: &Cursor| at.partition != named.partition);
        cursors.push(named);
    }
    Ok(cursors)
}

/// The cursors that a rewind moves.
fn targets(from: &From, heads: &[Cursor]) -> Result<Vec<Cursor>> {
    match from {
        From::After(_) => named(from, heads),
        all => starting(all, heads),
    }
}

/// The cursors that are named, checked: they exist, none lies beyond its head, none comes twice.
fn named(from: &From, heads: &[Cursor]) -> Result<Vec<Cursor>> {
    let From::After(cursors) = from else {
        return Ok(Vec::new());
    };
    for (place, at) in cursors.iter().enumerate() {
        let known = heads
            .iter()
            .any(|head| head.partition == at.partition && at.seq <= head.seq);
        let again = cursors[..place]
            .iter()
            .any(|before| before.partition == at.partition);
        if !known || again {
            let what = if again {
                "its partition comes twice"
            } else {
                "there is no such place"
            };
            return Err(Error::invalid(
                "from",
                format!("{}/{}: {what}", at.partition, at.seq),
            ));
        }
    }
    Ok(cursors.clone())
}
