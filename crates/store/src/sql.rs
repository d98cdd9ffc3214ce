//! One SQL text for two engines.
//!
//! Parameters are written `?1`, `?2`, … and `?ns` for the namespace of a bound transaction. `{rows}` stands for many rows at once, in
//! the place of `VALUES …` or a `SELECT`: `INSERT INTO t (a, b) {rows} ON CONFLICT …`, `WITH n(a, b) AS ({rows}) UPDATE …`; `{ns_rows}`
//! does the same with the namespace as first column. The numbers of `?1` … count the fixed parameters only. A `SELECT … {share}` in a
//! write keeps others from changing its rows until this transaction ends (`FOR SHARE`; SQLite has but one writer).

use crate::Kind;
use std::fmt::Write as _;

/// Which engine a text is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// The placeholder of the namespace.
pub(crate) const NS: &str = "?ns";
const ROWS: &str = "{rows}";
const NS_ROWS: &str = "{ns_rows}";
const SHARE: &str = "{share}";

/// Whether a statement names the namespace of its transaction.
pub(crate) fn uses_namespace(sql: &str) -> bool {
    sql.contains(NS) || sql.contains(NS_ROWS)
}

/// The text for an engine. The namespace, where used, is the parameter behind the `fixed` ones.
pub(crate) fn translate(dialect: Dialect, sql: &str, fixed: usize) -> String {
    let mark = match dialect {
        Dialect::Sqlite => '?',
        Dialect::Postgres => '$',
    };
    let mut text = String::with_capacity(sql.len() + 8);
    let mut quoted = false;
    let mut rest = sql;
    while let Some(character) = rest.chars().next() {
        if character == '\'' {
            quoted = !quoted;
        }
        if !quoted && rest.starts_with(NS) {
            let _ = write!(text, "{mark}{}", fixed + 1);
            rest = &rest[NS.len()..];
            continue;
        }
        if !quoted && rest.starts_with(SHARE) {
            text.push_str(if dialect == Dialect::Postgres { "FOR SHARE" } else { "" });
            rest = &rest[SHARE.len()..];
            continue;
        }
        text.push(if character == '?' && !quoted { mark } else { character });
        rest = &rest[character.len_utf8()..];
    }
    text
}

/// The text for SQLite with `count` rows of `width` columns spelled out, behind `before` other parameters.
pub(crate) fn spell_rows(sql: &str, before: usize, width: usize, count: usize, ns: usize) -> String {
    let with_namespace = sql.contains(NS_ROWS);
    let mut values = String::with_capacity(count * (width * 6 + 4));
    values.push_str("VALUES ");
    for row in 0..count {
        values.push_str(if row == 0 { "(" } else { ",(" });
        if with_namespace {
            let _ = write!(values, "?{ns},");
        }
        for column in 0..width {
            let _ = write!(values, "{}?{}", if column == 0 { "" } else { "," }, before + row * width + column + 1);
        }
        values.push(')');
    }
    sql.replace(if with_namespace { NS_ROWS } else { ROWS }, &values)
}

/// The text for PostgreSQL: one array a column, so that one prepared statement serves any number of rows.
pub(crate) fn unnest_rows(sql: &str, before: usize, kinds: &[Kind], ns: usize) -> String {
    let with_namespace = sql.contains(NS_ROWS);
    let mut select = String::from(if with_namespace { "SELECT " } else { "SELECT * FROM unnest(" });
    if with_namespace {
        let _ = write!(select, "${ns}::text, r.* FROM unnest(");
    }
    for (place, kind) in kinds.iter().enumerate() {
        let array = match kind {
            Kind::Int => "bigint",
            Kind::Text => "text",
            Kind::Blob => "bytea",
        };
        let _ = write!(select, "{}${}::{array}[]", if place == 0 { "" } else { "," }, before + place + 1);
    }
    select.push_str(") AS r");
    sql.replace(if with_namespace { NS_ROWS } else { ROWS }, &select)
}

/// A migration's text for an engine: portable types become the engine's, text sorts by bytes, SQLite checks types.
pub(crate) fn ddl(dialect: Dialect, text: &str) -> String {
    let without_comments: Vec<&str> =
        text.lines().map(|line| line.split("--").next().unwrap_or("").trim_end()).collect();
    let plain = without_comments.join("\n");
    match dialect {
        Dialect::Sqlite => replace_word(&plain, "BIGINT", "INTEGER").replace("\n);", "\n) STRICT;"),
        Dialect::Postgres => replace_word(&replace_word(&plain, "BLOB", "BYTEA"), "TEXT", "TEXT COLLATE \"C\""),
    }
}

fn replace_word(text: &str, word: &str, by: &str) -> String {
    let boundary = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, behind) = (rest[..at].chars().next_back(), rest[at + word.len()..].chars().next());
        out.push_str(&rest[..at]);
        out.push_str(if boundary(before) && boundary(behind) { by } else { word });
        rest = &rest[at + word.len()..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_for_each_engine() {
        let sql = "SELECT ?2, ?1 FROM t WHERE namespace = ?ns AND note <> 'why?ns'";
        assert_eq!(
            translate(Dialect::Postgres, sql, 2),
            "SELECT $2, $1 FROM t WHERE namespace = $3 AND note <> 'why?ns'"
        );
        assert_eq!(
            translate(Dialect::Sqlite, sql, 2),
            "SELECT ?2, ?1 FROM t WHERE namespace = ?3 AND note <> 'why?ns'"
        );
    }

    #[test]
    fn rows_are_shared_where_there_are_others() {
        let sql = "SELECT a FROM t WHERE b = '{share}' {share}";
        assert_eq!(translate(Dialect::Postgres, sql, 0), "SELECT a FROM t WHERE b = '{share}' FOR SHARE");
        assert_eq!(translate(Dialect::Sqlite, sql, 0), "SELECT a FROM t WHERE b = '{share}' ");
    }

    #[test]
    fn rows_are_spelled_out_or_unnested() {
        let sql = "INSERT INTO t (namespace, a, b) {ns_rows} ON CONFLICT DO NOTHING";
        assert_eq!(
            spell_rows(sql, 1, 2, 2, 1),
            "INSERT INTO t (namespace, a, b) VALUES (?1,?2,?3),(?1,?4,?5) ON CONFLICT DO NOTHING"
        );
        assert_eq!(
            unnest_rows(sql, 1, &[Kind::Int, Kind::Blob], 1),
            "INSERT INTO t (namespace, a, b) SELECT $1::text, r.* FROM unnest($2::bigint[],$3::bytea[]) AS r ON CONFLICT DO NOTHING"
        );
    }

    #[test]
    fn types_become_the_engines() {
        let text = "CREATE TABLE t ( -- a TEXT\n  texts TEXT NOT NULL,\n  b BLOB,\n  n BIGINT\n);";
        assert_eq!(
            ddl(Dialect::Postgres, text),
            "CREATE TABLE t (\n  texts TEXT COLLATE \"C\" NOT NULL,\n  b BYTEA,\n  n BIGINT\n);"
        );
        assert_eq!(
            ddl(Dialect::Sqlite, text),
            "CREATE TABLE t (\n  texts TEXT NOT NULL,\n  b BLOB,\n  n INTEGER\n) STRICT;"
        );
    }
}
