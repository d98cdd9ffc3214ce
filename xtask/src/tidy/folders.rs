//! A crate contains only code from its own folder: `#[path]` and `include!` would bypass the
//! layering, and could make the verifier a copy of what it verifies.

use proc_macro2::{TokenStream, TokenTree};

use super::tree::{File, Tree};
use super::{Finding, tokens};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let crates = tree
        .production()
        .filter(|file| file.path.starts_with("crates/"));
    crates.flat_map(findings).collect()
}

/// A file that cannot be parsed is reported by the SQL check.
fn findings(file: &File) -> Vec<Finding> {
    let source = tokens::read(&file.text).unwrap_or_default();
    let included = source.macros.iter().filter(|(name, _)| name == "include");
    let included = included.map(|_| Finding::new(&file.path, 0, "include! bypasses the layering"));
    let paths = source
        .attributes
        .iter()
        .filter(|(_, attribute)| sets_path(attribute));
    let paths =
        paths.map(|(line, _)| Finding::new(&file.path, *line, "#[path] bypasses the layering"));
    included.chain(paths).collect()
}

/// `path = …`, or the same within `cfg_attr(…, path = …)`; not `utoipa::path(…, path = …)`.
fn sets_path(attribute: &TokenStream) -> bool {
    let tokens: Vec<TokenTree> = attribute.clone().into_iter().collect();
    match tokens.as_slice() {
        [TokenTree::Ident(name), TokenTree::Punct(mark), ..] => {
            name == "path" && mark.as_char() == '='
        }
        [TokenTree::Ident(name), TokenTree::Group(inside)] if name == "cfg_attr" => {
            let inside: Vec<TokenTree> = inside.stream().into_iter().collect();
            let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
            inside
                .split(is_comma)
                .any(|part| sets_path(&part.iter().cloned().collect()))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn included_code_is_found_and_included_text_is_not() {
        let count = |source: &str| check(&Tree::of(&[("crates/verify/src/lib.rs", source)])).len();
        assert_eq!(
            count("#[\npath = \"../../store/src/facts.rs\"] mod facts;"),
            1
        );
        assert_eq!(
            count("#[cfg_attr(unix, path = \"../../store/src/facts.rs\")] mod facts;"),
            1
        );
        assert_eq!(count("std::include!(\"../../store/src/facts.rs\");"), 1);
        assert_eq!(
            count(
                "#[utoipa::path(get, path = \"/x\")] fn f() { include_str!(\"a.sql\"); } // #[path = \"x\"]"
            ),
            0
        );
    }
}
