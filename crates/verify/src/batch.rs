//! A fact that stands for many rows: its rows are read again and their root computed anew.

use crate::Error;
use crate::book::{Book, Cell, Param, Row};
use crate::canon::{Form, hex};
use crate::merkle::Tree;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest name of a table or column.
const MAX_NAME: usize = 63;
/// The most columns or conditions that one batch may name.
const MAX_NAMES: usize = 64;

/// What came of a batch.
pub(crate) struct Checked {
    /// Rows found.
    pub(crate) rows: u64,
    /// What is wrong.
    pub(crate) wrong: Option<String>,
}

#[derive(Deserialize)]
struct Says {
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
pub(crate) fn check(book: &mut dyn Book, payload: &[u8]) -> Result<Option<Checked>, Error> {
    // Most payloads have none, and need not be parsed for it: the member's name cannot be spelled
    // without these letters or an escape.
    if !payload.windows(5).any(|part| part == b"batch") && !payload.contains(&b'\\') {
        return Ok(None);
    }
    match serde_json::from_slice::<Says>(payload) {
        Ok(Says { batch: None }) => Ok(None),
        Ok(Says { batch: Some(batch) }) => Ok(Some(batch.check(book))),
        Err(_) if !names_a_batch(payload) => Ok(None),
        Err(error) => Ok(Some(Checked {
            rows: 0,
            wrong: Some(format!("its member batch is not one: {error}")),
        })),
    }
}

/// Whether the payload is an object with a member of this name, whatever that is.
fn names_a_batch(payload: &[u8]) -> bool {
    serde_json::from_slice::<Map<String, Value>>(payload).is_ok_and(|map| map.contains_key("batch"))
}

impl Batch {
    fn check(self, book: &mut dyn Book) -> Checked {
        let (sql, params) = match self.question() {
            Ok(question) => question,
            Err(why) => {
                return Checked {
                    rows: 0,
                    wrong: Some(why),
                };
            }
        };
        let mut tree = Tree::default();
        let asked = book.each(&sql, &params, &mut |row| tree.push(leaf(&row)));
        let wrong = match asked {
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
        Checked {
            rows: tree.count(),
            wrong,
        }
    }

    /// The rows' question. Names are checked letter by letter, for they cannot be parameters.
    fn question(&self) -> Result<(String, Vec<Param>), String> {
        let names = self
            .columns
            .iter()
            .chain(self.key.keys())
            .chain(&self.order);
        if self.columns.is_empty() || names.clone().count() > MAX_NAMES {
            return Err("it names no column, or too many".to_owned());
        }
        if let Some(odd) = std::iter::once(&self.table)
            .chain(names)
            .find(|name| !is_name(name))
        {
            return Err(format!("{odd:?} is no name of a table or column"));
        }
        let mut sql = format!("SELECT {} FROM {}", self.columns.join(", "), self.table);
        let mut params = Vec::new();
        for (column, value) in &self.key {
            params.push(param(column, value)?);
            let joint = if params.len() == 1 { "WHERE" } else { "AND" };
            sql += &format!(" {joint} {column} = ?{}", params.len());
        }
        if !self.order.is_empty() {
            sql += &format!(" ORDER BY {}", self.order.join(", "));
        }
        Ok((sql, params))
    }
}

fn is_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let begins = name.bytes().next().is_some_and(letter);
    begins
        && name.len() <= MAX_NAME
        && name
            .bytes()
            .all(|byte| letter(byte) || byte.is_ascii_digit())
}

fn param(column: &str, value: &Value) -> Result<Param, String> {
    let odd = || format!("the condition on {column} is neither text nor an integer");
    match value {
        Value::String(text) => Ok(Param::Text(text.clone())),
        Value::Number(number) => number.as_i64().map(Param::Int).ok_or_else(odd),
        _ => Err(odd()),
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
    Form::bare(&bytes)
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
            assert_eq!(leaf(&row), Form::bare(&bytes), "{vector}");
        }
    }

    #[test]
    fn names_are_words() {
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
