//! Rotations of the data key.

use crate::rotate::{Rotation, RotationState};
use crate::{Error, Result};
use store::{Row, RowReader, UnscopedTx};

/// The latest rotation.
pub(crate) fn last(tx: &mut UnscopedTx<'_, '_>) -> Result<Option<Rotation>> {
    let row: Option<Row> = tx.row(
        "SELECT version, state, total, reencrypted, broken, target, position, begun_by, begun_at, ended_at
           FROM keyring_rotation ORDER BY version DESC LIMIT 1",
        (),
    )?;
    row.map(rotation).transpose()
}

/// Insert a new rotation.
pub(crate) fn insert(tx: &mut UnscopedTx<'_, '_>, begun: &Rotation) -> Result<()> {
    tx.execute(
        "INSERT INTO keyring_rotation (version, state, total, reencrypted, broken, target, position, begun_by, begun_at, ended_at)
         VALUES (?1, ?2, NULL, 0, 0, '', '', ?3, ?4, NULL)",
        (begun.version, begun.state.as_str(), &begun.begun_by, begun.begun),
    )?;
    Ok(())
}

/// Update the progress of a rotation.
pub(crate) fn update(tx: &mut UnscopedTx<'_, '_>, now: &Rotation) -> Result<()> {
    tx.execute(
        "UPDATE keyring_rotation SET state = ?2, total = ?3, reencrypted = ?4, broken = ?5, target = ?6, position = ?7, ended_at = ?8
          WHERE version = ?1",
        (
            now.version,
            now.state.as_str(),
            now.total.map(stored),
            stored(now.reencrypted),
            stored(now.broken),
            &now.target,
            &now.position,
            now.ended,
        ),
    )?;
    Ok(())
}

fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn rotation(row: Row) -> Result<Rotation> {
    let mut columns = RowReader::new(row);
    let (version, state) = (columns.take()?, columns.take::<String>()?);
    let unknown_state = || {
        Error::from(store::Error::UnexpectedValue {
            column: "state",
            found: "an unknown text",
            expected: "a state",
        })
    };
    Ok(Rotation {
        version,
        state: RotationState::parse(&state).ok_or_else(unknown_state)?,
        total: columns
            .take::<Option<i64>>()?
            .map(|count| count.max(0).cast_unsigned()),
        reencrypted: columns.take::<i64>()?.max(0).cast_unsigned(),
        broken: columns.take::<i64>()?.max(0).cast_unsigned(),
        target: columns.take()?,
        position: columns.take()?,
        begun_by: columns.take()?,
        begun: columns.take()?,
        ended: columns.take()?,
    })
}
