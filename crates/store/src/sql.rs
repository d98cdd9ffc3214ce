//! Translates portable SQL to the dialects of the two engines.
//!
//! Parameters are written `?1`, `?2`, … or by their names, and `?ns` for the namespace of a scoped
//! transaction.
//! `{rows}` stands for many rows in place of `VALUES …` or a `SELECT`: `INSERT INTO t (a, b) {rows}
//! ON CONFLICT …`, `WITH n(a, b) AS ({rows}) UPDATE …`. `{ns_rows}` does the same with the
//! namespace as first column. The numbers of `?1` … count only the fixed parameters. A `SELECT …
//! {share}` in a write transaction keeps others from changing its rows until the transaction ends
//! (`FOR SHARE`; SQLite has a single writer).
//!
//! A `{rows}` statement may run as several statements, each with a part of the rows: what happens
//! to a row must not depend on the others (no `NOT IN`, `COUNT`, `LIMIT` or `ORDER BY` over all of
//! them).

use crate::{Error, Result, ValueKind};
use std::borrow::Cow;
use std::fmt::Write as _;

/// The dialect of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// The placeholder of the namespace.
pub(crate) const NS: &str = "?ns";
const ROWS: &str = "{rows}";
const NS_ROWS: &str = "{ns_rows}";
const IN_ROWS: &str = "IN ({rows})";
const NOT_IN_ROWS: &str = "NOT IN ({rows})";
const SHARE: &str = "{share}";

/// Whether a statement uses the namespace of its transaction. In a literal or a comment it does not
/// count.
pub(crate) fn uses_namespace(sql: &str) -> bool {
    Pieces(sql).any(
        |piece| matches!(piece, Piece::Code(code) if code.contains(NS) || code.contains(NS_ROWS)),
    )
}

/// A part of an SQL text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    /// SQL outside literals and comments.
    Code(&'a str),
    /// `'text'` or `"name"`, with its quotes.
    Quoted(&'a str),
    /// `-- to the end of the line`, or `/* … */`.
    Comment(&'a str),
}

/// Iterates over the pieces of an SQL text. Rewriting must leave literals alone.
struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let text = self.0;
        let end_of = |from: usize, mark: &str| {
            text[from..]
                .find(mark)
                .map_or(text.len(), |at| from + at + mark.len())
        };
        let (end, piece): (usize, fn(&'a str) -> Piece<'a>) = match text.as_bytes() {
            [] => return None,
            // A doubled quote inside reads as two adjacent literals, which changes nothing.
            [b'\'', ..] => (end_of(1, "'"), Piece::Quoted),
            [b'"', ..] => (end_of(1, "\""), Piece::Quoted),
            [b'-', b'-', ..] => (text.find('\n').unwrap_or(text.len()), Piece::Comment),
            [b'/', b'*', ..] => (end_of(2, "*/"), Piece::Comment),
            _ => (code_length(text), Piece::Code),
        };
        self.0 = &text[end..];
        Some(piece(&text[..end]))
    }
}

fn code_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let starts_literal = |at: usize| {
        matches!(bytes[at], b'\'' | b'"') || matches!(bytes.get(at..at + 2), Some(b"--" | b"/*"))
    };
    (0..bytes.len())
        .find(|at| starts_literal(*at))
        .unwrap_or(bytes.len())
}

/// The SQL with the numbers of named parameters. It uses each of them, and no other but `?ns`.
pub(crate) fn numbered<'s>(sql: &'s str, names: &[&str]) -> Result<Cow<'s, str>> {
    if names.is_empty() {
        return Ok(Cow::Borrowed(sql));
    }
    let wrong = |parameter: &str, why| Error::WrongParameter {
        parameter: format!("?{parameter}"),
        why,
        sql: sql.to_owned(),
    };
    let mut text = String::with_capacity(sql.len());
    let mut is_used = vec![false; names.len()];
    for piece in Pieces(sql) {
        match piece {
            Piece::Code(code) => number_code(&mut text, code, names, &mut is_used)
                .map_err(|name| wrong(name, "is not given"))?,
            Piece::Quoted(piece) | Piece::Comment(piece) => text.push_str(piece),
        }
    }
    // Only the first of two equal names is used, and none with the name of the namespace.
    match is_used.iter().position(|is_used| !is_used) {
        Some(unused) => Err(wrong(names[unused], "is not used, or given twice")),
        None => Ok(Cow::Owned(text)),
    }
}

/// Append code with the numbers of its parameters, and mark their names. Error: an unknown name.
fn number_code<'c>(
    text: &mut String,
    code: &'c str,
    names: &[&str],
    is_used: &mut [bool],
) -> std::result::Result<(), &'c str> {
    let mut parts = code.split('?');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c == '_' || c.is_ascii_alphanumeric());
        let name = &part[..part.len() - rest.len()];
        if name == &NS[1..] {
            text.push('?');
            text.push_str(part);
            continue;
        }
        let index = names.iter().position(|known| *known == name).ok_or(name)?;
        is_used[index] = true;
        let _ = write!(text, "?{}{rest}", index + 1);
    }
    Ok(())
}

/// The SQL for an engine. The namespace, where used, is the parameter after the `fixed` ones.
pub(crate) fn translate(dialect: Dialect, sql: &str, fixed: usize) -> String {
    let mark = match dialect {
        Dialect::Sqlite => "?",
        Dialect::Postgres => "$",
    };
    let share = if dialect == Dialect::Postgres {
        "FOR SHARE"
    } else {
        ""
    };
    let namespace = format!("{mark}{}", fixed + 1);
    let mut text = String::with_capacity(sql.len() + 8);
    for piece in Pieces(sql) {
        match piece {
            Piece::Code(code) => {
                text.push_str(
                    &code
                        .replace(SHARE, share)
                        .replace(NS, &namespace)
                        .replace('?', mark),
                );
            }
            Piece::Quoted(piece) | Piece::Comment(piece) => text.push_str(piece),
        }
    }
    text
}

/// The number of parameters of a translated text: the highest parameter number.
pub(crate) fn parameters(text: &str) -> usize {
    let numbers = |code: &str| -> usize {
        let digits = |part: &str| {
            part.chars()
                .take_while(char::is_ascii_digit)
                .collect::<String>()
        };
        code.split(['?', '$'])
            .skip(1)
            .filter_map(|part| digits(part).parse().ok())
            .max()
            .unwrap_or(0)
    };
    Pieces(text)
        .map(|piece| {
            if let Piece::Code(code) = piece {
                numbers(code)
            } else {
                0
            }
        })
        .max()
        .unwrap_or(0)
}

/// The SQL for SQLite with `count` rows of `width` columns written out as parameters, after
/// `before` other parameters.
pub(crate) fn expand_rows(
    sql: &str,
    before: usize,
    width: usize,
    count: usize,
    ns: usize,
) -> String {
    let with_namespace = sql.contains(NS_ROWS);
    let mut values = String::with_capacity(count * (width * 6 + 4));
    values.push_str("VALUES ");
    for row in 0..count {
        values.push_str(if row == 0 { "(" } else { ",(" });
        if with_namespace {
            let _ = write!(values, "?{ns},");
        }
        for column in 0..width {
            let _ = write!(
                values,
                "{}?{}",
                if column == 0 { "" } else { "," },
                before + row * width + column + 1
            );
        }
        values.push(')');
    }
    sql.replace(if with_namespace { NS_ROWS } else { ROWS }, &values)
}

/// The SQL for PostgreSQL with one array parameter per column, so that one prepared statement
/// serves any number of rows.
///
/// `x IN ({rows})` becomes `x = ANY(array)`, which always looks up each value in the index. A join
/// with the rows may be planned as a scan of the whole namespace if the table was small when the
/// plan was made, and the plan is kept while the table grows.
pub(crate) fn unnest_rows(sql: &str, before: usize, kinds: &[ValueKind], ns: usize) -> String {
    if let ([kind], true) = (kinds, sql.contains(IN_ROWS) && !sql.contains(NOT_IN_ROWS)) {
        return sql.replace(
            IN_ROWS,
            &format!("= ANY(${}::{}[])", before + 1, array_of(*kind)),
        );
    }
    let with_namespace = sql.contains(NS_ROWS);
    let mut select = String::from(if with_namespace {
        "SELECT "
    } else {
        "SELECT * FROM unnest("
    });
    if with_namespace {
        let _ = write!(select, "${ns}::text, r.* FROM unnest(");
    }
    for (index, kind) in kinds.iter().enumerate() {
        let array = array_of(*kind);
        let _ = write!(
            select,
            "{}${}::{array}[]",
            if index == 0 { "" } else { "," },
            before + index + 1
        );
    }
    select.push_str(") AS r");
    sql.replace(if with_namespace { NS_ROWS } else { ROWS }, &select)
}

fn array_of(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Int => "bigint",
        ValueKind::Text => "text",
        ValueKind::Blob => "bytea",
    }
}

/// The DDL of a migration for an engine: portable types become the engine's, text sorts by bytes,
/// and SQLite tables are strict.
pub(crate) fn ddl(dialect: Dialect, text: &str) -> String {
    let mut plain = String::with_capacity(text.len() + 256);
    for piece in Pieces(text) {
        match piece {
            Piece::Code(code) => plain.push_str(&types_of(dialect, code)),
            Piece::Quoted(text) => plain.push_str(text),
            Piece::Comment(_) => {}
        }
    }
    let lines: Vec<&str> = plain.lines().map(str::trim_end).collect();
    match dialect {
        Dialect::Sqlite => strict(&lines.join("\n")),
        Dialect::Postgres => lines.join("\n"),
    }
}

fn types_of(dialect: Dialect, code: &str) -> String {
    match dialect {
        Dialect::Sqlite => replace_word(code, "BIGINT", "INTEGER"),
        Dialect::Postgres => replace_word(
            &replace_word(code, "BLOB", "BYTEA"),
            "TEXT",
            "TEXT COLLATE \"C\"",
        ),
    }
}

/// Make every table `STRICT`. A table ends with `);` on a line of its own.
fn strict(text: &str) -> String {
    let statements = text.split_inclusive(";\n").map(|statement| {
        if !statement.trim_start().starts_with("CREATE TABLE") {
            return statement.to_owned();
        }
        let (body, end) = statement
            .rsplit_once("\n);")
            .expect("a table ends with \");\" on a line of its own");
        format!("{body}\n) STRICT;{end}")
    });
    statements.collect()
}

fn replace_word(text: &str, word: &str, by: &str) -> String {
    let boundary = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, behind) = (
            rest[..at].chars().next_back(),
            rest[at + word.len()..].chars().next(),
        );
        out.push_str(&rest[..at]);
        out.push_str(if boundary(before) && boundary(behind) {
            by
        } else {
            word
        });
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
    fn named_parameters_get_their_numbers() {
        let sql =
            "SELECT ?to, ?from FROM t WHERE a <> '?to' AND b = ?ns AND c < ?nsp AND d = ?to-1";
        assert_eq!(
            numbered(sql, &["from", "to", "nsp"]).unwrap(),
            "SELECT ?2, ?1 FROM t WHERE a <> '?to' AND b = ?ns AND c < ?3 AND d = ?2-1"
        );
        assert_eq!(numbered("SELECT ?1, ?to", &[]).unwrap(), "SELECT ?1, ?to");
    }

    #[test]
    fn rows_are_locked_where_there_are_other_writers() {
        let sql = "SELECT a FROM t WHERE b = '{share}' {share}";
        assert_eq!(
            translate(Dialect::Postgres, sql, 0),
            "SELECT a FROM t WHERE b = '{share}' FOR SHARE"
        );
        assert_eq!(
            translate(Dialect::Sqlite, sql, 0),
            "SELECT a FROM t WHERE b = '{share}' "
        );
    }

    #[test]
    fn rows_are_written_out_or_unnested() {
        let sql = "INSERT INTO t (namespace, a, b) {ns_rows} ON CONFLICT DO NOTHING";
        assert_eq!(
            expand_rows(sql, 1, 2, 2, 1),
            "INSERT INTO t (namespace, a, b) VALUES (?1,?2,?3),(?1,?4,?5) ON CONFLICT DO NOTHING"
        );
        assert_eq!(
            unnest_rows(sql, 1, &[ValueKind::Int, ValueKind::Blob], 1),
            "INSERT INTO t (namespace, a, b) SELECT $1::text, r.* FROM unnest($2::bigint[],$3::bytea[]) AS r ON CONFLICT DO NOTHING"
        );
    }

    #[test]
    fn literals_and_comments_are_left_alone() {
        let sql =
            "SELECT 'it''s ?1 {rows}', \"?2\" /* ?ns don't */ FROM t -- can't ?3\n WHERE a = ?10";
        assert_eq!(
            translate(Dialect::Postgres, sql, 10),
            "SELECT 'it''s ?1 {rows}', \"?2\" /* ?ns don't */ FROM t -- can't ?3\n WHERE a = $10"
        );
        assert!(!uses_namespace(sql) && !uses_namespace("SELECT '?ns' -- ?ns"));
        assert!(uses_namespace("SELECT '' || ?ns") && uses_namespace("INSERT INTO t {ns_rows}"));
        let text = "CREATE TABLE t (\n  a TEXT DEFAULT 'TEXT -- BIGINT' -- it's\n);\nCREATE INDEX i ON t (\n  a\n);\n";
        assert_eq!(
            ddl(Dialect::Sqlite, text),
            "CREATE TABLE t (\n  a TEXT DEFAULT 'TEXT -- BIGINT'\n) STRICT;\nCREATE INDEX i ON t (\n  a\n);"
        );
        assert_eq!(
            ddl(Dialect::Postgres, text),
            "CREATE TABLE t (\n  a TEXT COLLATE \"C\" DEFAULT 'TEXT -- BIGINT'\n);\nCREATE INDEX i ON t (\n  a\n);"
        );
    }

    proptest::proptest! {
        #[test]
        fn pieces_are_the_whole_text(sql in "[a?'\"/*\\- \n;nsé]{0,40}") {
            let whole: String = Pieces(&sql)
                .map(|piece| match piece { Piece::Code(text) | Piece::Quoted(text) | Piece::Comment(text) => text })
                .collect();
            proptest::prop_assert_eq!(whole, sql);
        }
    }

    #[test]
    fn a_list_becomes_an_index_lookup_not_a_join() {
        let sql = "SELECT a FROM t WHERE namespace = ?ns AND b IN ({rows})";
        assert_eq!(
            unnest_rows(sql, 1, &[ValueKind::Text], 1),
            "SELECT a FROM t WHERE namespace = ?ns AND b = ANY($2::text[])"
        );
        let pairs = "SELECT a FROM t WHERE (b, c) IN ({rows})";
        assert!(
            unnest_rows(pairs, 0, &[ValueKind::Text, ValueKind::Int], 1)
                .contains("IN (SELECT * FROM unnest(")
        );
        let not = "SELECT a FROM t WHERE b NOT IN ({rows})";
        assert!(
            unnest_rows(not, 0, &[ValueKind::Int], 1).contains("NOT IN (SELECT * FROM unnest(")
        );
    }

    #[test]
    fn types_are_translated_for_each_engine() {
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
