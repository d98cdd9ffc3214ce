//! Key rotation: re-encrypts variable sets and the secrets of runs under the newest data key, in
//! small batches.

use crate::table::encrypted::{
    self as table, COLUMNS, Column, EncryptedValue, ReencryptedValue, Start, ValuePosition,
};
use crate::{Error, Result, Workflow};
use secrets::{EncryptionContext, ReencryptionStep};
use store::{Fact, UnscopedTx};
use types::{Namespace, Principal};

/// Values re-encrypted in one transaction.
const BATCH: u32 = 200;

/// Counts the values encrypted under an older data key.
pub async fn count_outdated(workflow: &Workflow) -> Result<u64> {
    let head = workflow.parts().keyring.current_prefix();
    let count = move |tx: &mut UnscopedTx| {
        COLUMNS.into_iter().try_fold(0, |sum, column| {
            Ok(sum + table::count_outdated(tx, column, &head)?)
        })
    };
    workflow.db().read_unscoped(count).await
}

/// Re-encrypts one batch of values that are under an older data key, starting after the position
/// that the previous batch returned.
pub async fn reencrypt(workflow: &Workflow, after: &str) -> Result<ReencryptionStep> {
    let cursor = BatchCursor::parse(after);
    let Some(column) = COLUMNS.get(cursor.column).copied() else {
        return Ok(ReencryptionStep::default());
    };
    let args = (
        workflow.parts().keyring.current_prefix(),
        cursor.start.clone(),
    );
    let read = move |tx: &mut UnscopedTx, (head, start): &(Vec<u8>, Start)| {
        table::outdated(tx, column, head, start, BATCH)
    };
    let outdated = workflow.db().read_unscoped_with(args, read).await?;
    let Some(last) = outdated.last() else {
        return Ok(cursor.next_column());
    };
    let after = Some(cursor.after_row(&last.position).text());
    let total = outdated.len() as u64;
    let rows: Vec<ReencryptedValue> = outdated
        .into_iter()
        .filter_map(|row| reencrypt_value(workflow, column, row))
        .collect();
    let broken = total - rows.len() as u64;
    Ok(ReencryptionStep {
        reencrypted: put(workflow, column, rows).await?,
        undecryptable: broken,
        after,
    })
}

async fn put(workflow: &Workflow, column: Column, rows: Vec<ReencryptedValue>) -> Result<u64> {
    let version = workflow.parts().keyring.current_version();
    let write = workflow.on().write_unscoped_with(rows, move |tx, rows| {
        let reencrypted = table::put(tx, column, rows)?;
        if reencrypted > 0 {
            let payload =
                serde_json::json!({ "version": version, "of": column.table, "reencrypted": reencrypted });
            let principal = Principal::system("rotation", Namespace::installation());
            tx.append(
                &Namespace::installation(),
                Fact::new("keyring.reencrypted", 1).actor(&principal).payload(&payload),
            );
        }
        Ok::<_, Error>(reencrypted)
    });
    write.await
}

fn reencrypt_value(
    workflow: &Workflow,
    target: Column,
    outdated: EncryptedValue,
) -> Option<ReencryptedValue> {
    let ValuePosition { namespace, id, seq } = &outdated.position;
    let row = match target.table {
        "run_step" => format!("{namespace}/{id}/{seq}"),
        _ => format!("{namespace}/{id}"),
    };
    let context = EncryptionContext {
        table: target.table,
        row: &row,
        column: target.column,
    };
    match workflow.parts().keyring.reencrypt(
        &context,
        &outdated.ciphertext,
        workflow.db().entropy().as_ref(),
    ) {
        Ok(new) => Some(ReencryptedValue {
            position: outdated.position,
            old: outdated.ciphertext,
            new,
        }),
        Err(error) => {
            tracing::error!(event = "secret.decryption_failed", table = target.table, row, %error, "an encrypted value cannot be decrypted");
            None
        }
    }
}

/// Where a batch starts: in this column, after this row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct BatchCursor {
    column: usize,
    start: Start,
}

impl BatchCursor {
    const BEFORE_FIRST_STEP: i64 = -1; // steps are numbered from 0

    /// An invalid cursor means the beginning: values that are already re-encrypted are skipped
    /// cheaply.
    fn parse(text: &str) -> Self {
        let mut parts = text.split('/');
        let mut next = || parts.next().unwrap_or_default();
        Self {
            column: next().parse().unwrap_or_default(),
            start: Start {
                namespace: next().to_owned(),
                id: next().to_owned(),
                seq: next().parse().unwrap_or(Self::BEFORE_FIRST_STEP),
            },
        }
    }

    fn text(&self) -> String {
        let Start { namespace, id, seq } = &self.start;
        format!("{}/{namespace}/{id}/{seq}", self.column)
    }

    fn after_row(&self, row: &ValuePosition) -> Self {
        Self {
            column: self.column,
            start: Start {
                namespace: row.namespace.to_string(),
                id: row.id.clone(),
                seq: row.seq,
            },
        }
    }

    fn next_column(&self) -> ReencryptionStep {
        let next = Self {
            column: self.column + 1,
            start: Start {
                seq: Self::BEFORE_FIRST_STEP,
                ..Start::default()
            },
        };
        ReencryptionStep {
            after: (next.column < COLUMNS.len()).then(|| next.text()),
            ..ReencryptionStep::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_round_trips_and_ends_after_the_last_column() {
        let cursor = BatchCursor {
            column: 2,
            start: Start {
                namespace: "acme".into(),
                id: "run:1".into(),
                seq: 7,
            },
        };
        assert_eq!(BatchCursor::parse(&cursor.text()), cursor);
        assert_eq!(
            BatchCursor::parse("").start.seq,
            BatchCursor::BEFORE_FIRST_STEP
        );
        assert_eq!(cursor.next_column().after.as_deref(), Some("3///-1"));
        assert_eq!(BatchCursor::parse("3///-1").next_column().after, None);
    }
}
