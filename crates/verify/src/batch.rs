//! A batch: reads the rows that a fact stands for, and recomputes their Merkle root.

use crate::Error;
use crate::canon::{CanonHasher, hex};
use crate::database::{Cell, Database, Param, Row};
use crate::merkle::Tree;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The maximum length of a table or column name.
const MAX_NAME: usize = 63;
/// The maximum number of columns and conditions of one batch.
const MAX_NAMES: usize = 64;

/// The result of checking a batch.
pub(crate) struct BatchOutcome {
    /// The number of rows read.
    pub(crate) rows: u64,
    /// What does not match, if anything.
    pub(crate) error: Option<String>,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    batch: Option<Batch>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    table: String,
    columns: Vec<String>,
    key: Map<String, Value>,
    order: Vec<String>,
    count: u64,
    root: String,
}

/// Check the batch of a payload; none if it has none.
pub(crate) fn check(
    database: &mut dyn Database,
    payload: &[u8],
) -> Result<Option<BatchOutcome>, Error> {
    // Most payloads have no batch and are not parsed: the member's name contains these letters or a
    // JSON escape.
    if !payload.windows(5).any(|part| part == b"batch") && !payload.contains(&b'\\') {
        return Ok(None);
    }
    match serde_json::from_slice::<Payload>(payload) {
        Ok(Payload { batch: None }) => Ok(None),
        Ok(Payload { batch: Some(batch) }) => Ok(Some(batch.check(database))),
        Err(_) if !names_a_batch(payload) => Ok(None),
        Err(error) => Ok(Some(BatchOutcome {
            rows: 0,
            error: Some(format!("its member batch is invalid: {error}")),
        })),
    }
}

/// Whether the payload is an object with a member `batch` of any type.
fn names_a_batch(payload: &[u8]) -> bool {
    serde_json::from_slice::<Map<String, Value>>(payload).is_ok_and(|map| map.contains_key("batch"))
}

impl Batch {
    fn check(self, database: &mut dyn Database) -> BatchOutcome {
        let (sql, params) = match self.query() {
            Ok(query) => query,
            Err(why) => {
                return BatchOutcome {
                    rows: 0,
                    error: Some(why),
                };
            }
        };
        let mut tree = Tree::default();
        let result = database.each(&sql, &params, &mut |row| tree.push(leaf(&row)));
        let error = match result {
            Err(error) => Some(error.to_string()),
            Ok(()) if tree.count() != self.count => Some(format!(
                "table {} has {} rows, not {}",
                self.table,
                tree.count(),
                self.count
            )),
            Ok(()) if hex(&tree.root()) != self.root => {
                Some(format!("a row of table {} was changed", self.table))
            }
            Ok(()) => None,
        };
        BatchOutcome {
            rows: tree.count(),
            error,
        }
    }

    /// The query of the rows. Names cannot be parameters, so each one is validated.
    fn query(&self) -> Result<(String, Vec<Param>), String> {
        let names = self
            .columns
            .iter()
            .chain(self.key.keys())
            .chain(&self.order);
        if self.columns.is_empty() || names.clone().count() > MAX_NAMES {
            return Err("it names no columns, or too many".to_owned());
        }
        if let Some(invalid) = std::iter::once(&self.table)
            .chain(names)
            .find(|name| !is_name(name))
        {
            return Err(format!("{invalid:?} is not a valid table or column name"));
        }
        let mut sql = format!("SELECT {} FROM {}", self.columns.join(", "), self.table);
        let mut params = Vec::new();
        for (column, value) in &self.key {
            params.push(param(column, value)?);
            let keyword = if params.len() == 1 { "WHERE" } else { "AND" };
            sql += &format!(" {keyword} {column} = ?{}", params.len());
        }
        if !self.order.is_empty() {
            sql += &format!(" ORDER BY {}", self.order.join(", "));
        }
        Ok((sql, params))
    }
}

fn is_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let starts_validly = name.bytes().next().is_some_and(letter);
    starts_validly
        && name.len() <= MAX_NAME
        && name
            .bytes()
            .all(|byte| letter(byte) || byte.is_ascii_digit())
}

fn param(column: &str, value: &Value) -> Result<Param, String> {
    let invalid = || format!("the condition on {column} is neither text nor an integer");
    match value {
        Value::String(text) => Ok(Param::Text(text.clone())),
        Value::Number(number) => number.as_i64().map(Param::Int).ok_or_else(invalid),
        _ => Err(invalid()),
    }
}

fn leaf(row: &Row) -> crate::canon::Hash {
    let mut bytes = vec![0];
    for cell in row {
        match cell {
            Cell::Null => bytes.push(0),
            Cell::Int(number) => {
                bytes.push(1);
                bytes.extend_from_slice(&number.to_be_bytes());
            }
            Cell::Text(content) => push(&mut bytes, 2, content),
            Cell::Blob(content) => push(&mut bytes, 3, content),
        }
    }
    CanonHasher::sha256(&bytes)
}

fn push(bytes: &mut Vec<u8>, tag: u8, content: &[u8]) {
    bytes.push(tag);
    bytes.extend_from_slice(
        &u32::try_from(content.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes(),
    );
    bytes.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::tests::vectors;

    #[test]
    fn the_committed_vectors() {
        for vector in vectors()["batch_rows"].as_array().unwrap() {
            let cell = |value: &Value| match value.as_object().unwrap().iter().next().unwrap() {
                (kind, Value::String(text)) => match kind.as_str() {
                    "int" => Cell::Int(text.parse().unwrap()),
                    "text" => Cell::Text(text.clone().into_bytes()),
                    _ => Cell::Blob(::hex::decode(text).unwrap()),
                },
                _ => Cell::Null,
            };
            let row: Row = vector["values"]
                .as_array()
                .unwrap()
                .iter()
                .map(cell)
                .collect();
            let mut bytes = vec![0];
            bytes.extend(::hex::decode(vector["leaf"].as_str().unwrap()).unwrap());
            assert_eq!(leaf(&row), CanonHasher::sha256(&bytes), "{vector}");
        }
    }

    #[test]
    fn valid_and_invalid_names() {
        for good in ["t", "chain_event", "a1", "_"] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "",
            "1a",
            "A",
            "a b",
            "a;",
            "a\"",
            "ä",
            "a.b",
            &"a".repeat(64),
        ] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
