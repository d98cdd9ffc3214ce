//! Values in PostgreSQL's binary format: single, or many rows as one array per column.

use crate::Value;
use postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};
use std::error::Error as StdError;

/// One column of many rows, encoded as an array.
#[derive(Debug)]
pub(super) struct Column<'a> {
    rows: &'a [Vec<Value<'a>>],
    index: usize,
}

pub(super) fn columns<'a>(rows: &'a [Vec<Value<'a>>], width: usize) -> Vec<Column<'a>> {
    (0..width).map(|index| Column { rows, index }).collect()
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        type_: &Type,
        out: &mut postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Value::Null(_) => Ok(IsNull::Yes),
            Value::Int(value) => value.to_sql(type_, out),
            Value::Text(text) => text.as_ref().to_sql(type_, out),
            Value::Blob(bytes) => bytes.as_ref().to_sql(type_, out),
        }
    }

    fn accepts(type_: &Type) -> bool {
        matches!(*type_, Type::INT8 | Type::TEXT | Type::BYTEA)
    }

    to_sql_checked!();
}

impl ToSql for Column<'_> {
    /// The binary format of a one-dimensional array: number of dimensions, null flag, element type,
    /// length, lower bound, elements.
    fn to_sql(
        &self,
        type_: &Type,
        out: &mut postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        let postgres::types::Kind::Array(element) = type_.kind() else {
            return Err("not an array".into());
        };
        let nulls = self
            .rows
            .iter()
            .any(|row| matches!(row[self.index], Value::Null(_)));
        for number in [1, i32::from(nulls)] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&element.oid().to_be_bytes());
        for number in [i32::try_from(self.rows.len())?, 1] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        for row in self.rows {
            push_element(&row[self.index], out)?;
        }
        Ok(IsNull::No)
    }

    fn accepts(type_: &Type) -> bool {
        matches!(
            *type_,
            Type::INT8_ARRAY | Type::TEXT_ARRAY | Type::BYTEA_ARRAY
        )
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Binary
    }

    to_sql_checked!();
}

fn push_element(
    value: &Value<'_>,
    out: &mut postgres::types::private::BytesMut,
) -> Result<(), Box<dyn StdError + Sync + Send>> {
    let mut sized = |bytes: &[u8]| -> Result<(), Box<dyn StdError + Sync + Send>> {
        out.extend_from_slice(&i32::try_from(bytes.len())?.to_be_bytes());
        out.extend_from_slice(bytes);
        Ok(())
    };
    match value {
        Value::Null(_) => out.extend_from_slice(&(-1i32).to_be_bytes()),
        Value::Int(value) => sized(&value.to_be_bytes())?,
        Value::Text(text) => sized(text.as_bytes())?,
        Value::Blob(bytes) => sized(bytes)?,
    }
    Ok(())
}
