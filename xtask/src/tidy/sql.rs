//! SQL is in table files only: `table.rs`, files below `table/`, migrations, and the crates `store`
//! and `verify`, which own their tables, and `store-derive`, which writes that of records. Tests
//! may contain any SQL.

use std::sync::LazyLock;

use regex::Regex;

use super::tree::{File, Tree};
use super::{Finding, tokens};

/// SQL anywhere in a text, distinguished from prose by its capitals.
static IN_CAPITALS: LazyLock<Regex> = LazyLock::new(|| {
    any(&[
        r"\bSELECT\b[\s\S]*\bFROM\b",
        r"\bINSERT\s+INTO\b",
        r"\bUPDATE\s+\w+\s+(AS\s+\w+\s+)?SET\b",
        r"\bDELETE\s+FROM\b",
        r"\b(CREATE|ALTER|DROP)\s+(UNIQUE\s+)?(TABLE|INDEX|VIEW)\b",
        r"\bORDER\s+BY\b",
        r"\bGROUP\s+BY\b",
        r"\bON\s+CONFLICT\b",
        r"\bWHERE\b[\s\S]*(\?\d|\?ns|\$\d)",
    ])
});

/// The start of a statement, in any case.
static AT_THE_START: LazyLock<Regex> = LazyLock::new(|| {
    any(&[
        r"^\s*select\s[\s\S]*\sfrom\s",
        r"^\s*insert\s+into\s",
        r"^\s*update\s+\w+\s+set\s",
        r"^\s*delete\s+from\s",
        r"^\s*(create|alter|drop)\s+(unique\s+)?(table|index|view)\s",
        r"^\s*with\s+\w+\s*(\([^)]*\)\s*)?as\s*\(",
        r"^\s*pragma\s+\w+",
    ])
});

fn any(patterns: &[&str]) -> Regex {
    Regex::new(&patterns.join("|")).expect("a constant pattern")
}

fn is_sql(text: &str) -> bool {
    IN_CAPITALS.is_match(text) || AT_THE_START.is_match(&text.to_ascii_lowercase())
}

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.production()
        .filter(|file| !may_hold_sql(file))
        .flat_map(findings)
        .collect()
}

fn may_hold_sql(file: &File) -> bool {
    let owner = matches!(
        file.crate_name(),
        Some("store" | "store-derive" | "verify" | "testkit")
    );
    // The development tools contain SQL patterns, and the benchmarks measure SQL.
    owner
        || file.name() == "table.rs"
        || file.is_below("table")
        || file.path.starts_with("xtask/")
        || file.is_below("benches")
}

fn findings(file: &File) -> Vec<Finding> {
    match tokens::read(&file.text) {
        Err(why) => vec![Finding::new(&file.path, 0, why)],
        Ok(source) => {
            let sql = source.texts.iter().filter(|(_, text)| is_sql(text));
            sql.map(|(line, _)| {
                Finding::new(
                    &file.path,
                    *line,
                    "SQL belongs in the table.rs of the crate",
                )
            })
            .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, source: &str) -> Vec<usize> {
        check(&Tree::of(&[(path, source)]))
            .into_iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn sql_is_found_in_any_notation() {
        let source = "
            fn a() { tx.rows(\"SELECT a\\n FROM b WHERE c = ?1\", ()) }
            fn b() { tx.rows(\"select a from b\", ()) }
            fn c() { let tail = format!(\"{head} ORDER BY {column}\"); }
            fn d() { tx.run(r#\"WITH n(a) AS (VALUES (1)) UPDATE t SET a = 1\"#) }
            fn e() { tx.run(concat!(\"x\", \" WHERE namespace = ?ns\")) }
            fn f() { tx.run(\"\\x44ELETE FROM t\") }";
        assert_eq!(
            lines("crates/data/src/query.rs", source),
            [2, 3, 4, 5, 6, 7]
        );
    }

    #[test]
    fn prose_comments_and_tests_are_ignored() {
        let source = "
            /// SELECT a FROM b
            #[error(\"SELECT a FROM b\")]
            fn a() { say(\"select one of the lines from the list above, then update the set\") /* DELETE FROM t */ }
            fn b() { say(\"where is it\"); say(\"with love\"); say(\"created table 5\") }
            #[cfg(test)] mod tests { const A: &str = \"SELECT a FROM b\"; }";
        assert_eq!(lines("crates/data/src/query.rs", source), [4; 1]);
        assert_eq!(
            lines(
                "crates/data/src/query.rs",
                &source.replace("select one", "take one")
            ),
            [0; 0]
        );
    }

    #[test]
    fn table_files_and_table_owners_may_contain_sql() {
        let source = "const A: &str = \"SELECT a FROM b\";";
        for path in [
            "crates/data/src/table.rs",
            "crates/data/src/table/pool.rs",
            "crates/store/src/facts.rs",
            "crates/data/tests/it/main.rs",
        ] {
            assert_eq!(lines(path, source), [0; 0], "{path}");
        }
        for path in [
            "crates/data/src/tables.rs",
            "crates/data/src/table_of.rs",
            "crates/florin/src/adapters/a.rs",
        ] {
            assert_eq!(lines(path, source), [1], "{path}");
        }
    }
}
