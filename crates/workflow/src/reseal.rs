//! A new data key: variable sets and the secrets of runs are sealed anew under it, in small steps.

use crate::table::sealed::{self as table, Anew, COLUMNS, Column, Sealed};
use crate::{Error, Result, Workflow};
use store::secret::{Place, Resealed};
use store::{Fact, Unbound};
use types::{Namespace, Principal};

/// Values sealed anew in one transaction.
const STEP: u32 = 200;

/// How many values are sealed under an older data key than the newest.
pub async fn sealed_before(workflow: &Workflow) -> Result<u64> {
    let head = workflow.parts().keyring.head();
    let count = move |tx: &mut Unbound<'_, '_>| {
        COLUMNS.into_iter().try_fold(0, |sum, column| {
            Ok(sum + table::count_before(tx, column, &head)?)
        })
    };
    let count: Result<i64> = workflow.db().read_unbound(count).await;
    Ok(count?.max(0).cast_unsigned())
}

/// Seal anew under the newest data key what is under older ones: a step, behind a place that the
/// step before has named.
pub async fn reseal(workflow: &Workflow, after: &str) -> Result<Resealed> {
    let mark = Mark::parse(after);
    let Some(column) = COLUMNS.get(mark.column).copied() else {
        return Ok(Resealed::default());
    };
    let (head, from) = (workflow.parts().keyring.head(), mark.clone());
    let read = move |tx: &mut Unbound<'_, '_>| {
        table::before(
            tx,
            column,
            &head,
            (&from.namespace, &from.id, from.seq),
            STEP,
        )
    };
    let old = workflow.db().read_unbound(read).await?;
    let Some(last) = old.last() else {
        return Ok(mark.next_column());
    };
    let after = Some(mark.behind(last).text());
    let seen = old.len() as u64;
    let rows: Vec<Anew> = old
        .into_iter()
        .filter_map(|row| anew(workflow, column, row))
        .collect();
    let broken = seen - rows.len() as u64;
    Ok(Resealed {
        resealed: put(workflow, column, rows).await?,
        broken,
        after,
    })
}

async fn put(workflow: &Workflow, column: Column, rows: Vec<Anew>) -> Result<u64> {
    let version = workflow.parts().keyring.version();
    let write = workflow.on().write_unbound(move |tx| {
        let resealed = table::put(tx, column, &rows)?;
        if resealed > 0 {
            let says =
                serde_json::json!({ "version": version, "of": column.table, "resealed": resealed });
            let who = Principal::system("rotation", Namespace::installation());
            tx.append(
                &Namespace::installation(),
                Fact::new("keyring.resealed", 1).by(&who).says(&says),
            );
        }
        Ok::<_, Error>(resealed)
    });
    write.await
}

fn anew(workflow: &Workflow, of: Column, (namespace, id, seq, old): Sealed) -> Option<Anew> {
    let row = match of.table {
        "run_step" => format!("{namespace}/{id}/{seq}"),
        _ => format!("{namespace}/{id}"),
    };
    let place = Place {
        table: of.table,
        row: &row,
        column: of.column,
    };
    match workflow
        .parts()
        .keyring
        .reseal(&place, &old, workflow.db().entropy().as_ref())
    {
        Ok(new) => Some((namespace, id, seq, old, new)),
        Err(error) => {
            tracing::error!(table = of.table, row, %error, "a sealed value does not open");
            None
        }
    }
}

/// Where a step begins: in this column, behind this row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Mark {
    column: usize,
    namespace: String,
    id: String,
    seq: i64,
}

impl Mark {
    const BEGIN: i64 = -1; // steps are numbered from 0

    /// What is no mark is the beginning: to seal anew what is sealed anew costs a look.
    fn parse(text: &str) -> Self {
        let mut parts = text.split('/');
        let column = parts
            .next()
            .and_then(|part| part.parse().ok())
            .unwrap_or_default();
        let (namespace, id) = (
            parts.next().unwrap_or_default().to_owned(),
            parts.next().unwrap_or_default().to_owned(),
        );
        let seq = parts
            .next()
            .and_then(|part| part.parse().ok())
            .unwrap_or(Self::BEGIN);
        Self {
            column,
            namespace,
            id,
            seq,
        }
    }

    fn text(&self) -> String {
        format!(
            "{}/{}/{}/{}",
            self.column, self.namespace, self.id, self.seq
        )
    }

    fn behind(&self, row: &Sealed) -> Self {
        Self {
            column: self.column,
            namespace: row.0.to_string(),
            id: row.1.clone(),
            seq: row.2,
        }
    }

    fn next_column(&self) -> Resealed {
        let next = Self {
            column: self.column + 1,
            seq: Self::BEGIN,
            ..Self::default()
        };
        Resealed {
            after: (next.column < COLUMNS.len()).then(|| next.text()),
            ..Resealed::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_and_columns_end() {
        let mark = Mark {
            column: 2,
            namespace: "acme".into(),
            id: "run:1".into(),
            seq: 7,
        };
        assert_eq!(Mark::parse(&mark.text()), mark);
        assert_eq!(Mark::parse("").seq, Mark::BEGIN);
        assert_eq!(mark.next_column().after.as_deref(), Some("3///-1"));
        assert_eq!(Mark::parse("3///-1").next_column().after, None);
    }
}
