//! The schemas against the tables of both engines.
#![allow(clippy::unwrap_used)]

use crate::Type;
use std::collections::BTreeMap;
use store::{EngineKind, UnscopedTx, ValueKind};

const SQLITE: &str = "SELECT name, type FROM pragma_table_info(?1)";
const POSTGRES: &str =
    "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT) FROM information_schema.columns
  WHERE table_schema = current_schema() AND table_name = ?1";

/// The columns of a table or view, with their types.
fn columns(
    tx: &mut UnscopedTx,
    engine: EngineKind,
    table: &str,
) -> store::Result<BTreeMap<String, String>> {
    let sql = match engine {
        EngineKind::Sqlite => SQLITE,
        EngineKind::Postgres => POSTGRES,
    };
    let rows: Vec<(String, String)> = tx.rows(sql, (table,))?;
    Ok(rows.into_iter().collect())
}

/// Whether a column of this type holds such values. SQLite does not know the types of a view's
/// expressions.
fn holds(column_type: &str, kind: ValueKind) -> bool {
    match column_type.to_ascii_lowercase().as_str() {
        "" => true,
        "bigint" | "int" | "integer" => kind == ValueKind::Int,
        "text" => kind == ValueKind::Text,
        "blob" | "bytea" => kind == ValueKind::Blob,
        _ => false,
    }
}

#[tokio::test]
async fn each_schema_has_exactly_the_columns_of_its_table() {
    testkit::on_each_engine(|test| async move {
        for schema in Type::ALL.map(Type::schema) {
            let engine = test.engine();
            let mut actual = test
                .db
                .read_unscoped(move |tx| columns(tx, engine, schema.table))
                .await
                .unwrap();
            assert!(actual.remove("namespace").is_some(), "{}", schema.table);
            for field in schema.stored() {
                let column_type = actual.remove(field.column).unwrap_or_else(|| {
                    panic!(
                        "{engine:?}: {} has no column {}",
                        schema.table, field.column
                    )
                });
                assert!(
                    holds(&column_type, field.storage()),
                    "{engine:?}: {}.{} is {column_type}",
                    schema.table,
                    field.column
                );
            }
            assert!(
                actual.is_empty(),
                "{engine:?}: {} also has {actual:?}",
                schema.table
            );
            for column in schema
                .key
                .iter()
                .chain(schema.row_key)
                .chain(schema.tie_breakers)
            {
                assert!(schema.has(column), "{}.{column}", schema.table);
            }
            assert!(schema.has(schema.default_sort), "{}", schema.table);
        }
    })
    .await;
}
