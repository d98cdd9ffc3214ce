//! `docs/streams.md` has the settings of the sinks as declared. `UPDATE_DOCS=1` rewrites them.

use std::fmt::Write as _;
use streams::{Field, sinks};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/streams.md");
const BEGIN: &str = "<!-- begin: sinks, generated -->\n";
const END: &str = "<!-- end: sinks -->\n";

#[test]
fn the_reference_lists_the_settings_as_declared() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected = format!("{before}{BEGIN}\n{}\n{END}{after}", settings());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, expected).unwrap();
    } else {
        assert!(page == expected, "run this test with UPDATE_DOCS=1");
    }
}

fn settings() -> String {
    let mut text = "| type | setting | meaning | default |\n|---|---|---|---|\n".to_owned();
    for sink in sinks() {
        for (index, field) in sink.fields.iter().enumerate() {
            let first = if index == 0 {
                format!("`{}`", sink.name)
            } else {
                String::new()
            };
            writeln!(text, "| {first} | {} |", row(field)).unwrap();
        }
    }
    text
}

fn row(field: &Field) -> String {
    let range = field
        .range()
        .map_or(String::new(), |range| format!(" ({range})"));
    let default = field.default().unwrap_or_else(|| "required".to_owned());
    format!("`{}` | {}{range} | {default}", field.name, field.doc)
}
