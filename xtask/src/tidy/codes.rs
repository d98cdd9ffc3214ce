//! Reads error codes from the `codes!` blocks of the crates.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::tokens;
use super::tree::Tree;

/// An error code and the file that declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeclaredCode {
    pub(super) code: String,
    pub(super) path: String,
}

/// Every code declared in a `codes!` block, in file order.
pub(super) fn declared(tree: &Tree) -> Vec<DeclaredCode> {
    let mut all = Vec::new();
    for file in tree.production() {
        let macros = tokens::read(&file.text)
            .map(|source| source.macros)
            .unwrap_or_default();
        for (_, body) in macros.into_iter().filter(|(name, _)| name == "codes") {
            let mut codes = Vec::new();
            collect(body, &mut codes);
            all.extend(codes.into_iter().map(|code| DeclaredCode {
                code,
                path: file.path.clone(),
            }));
        }
    }
    all
}

/// Collect codes from tuples such as `("code", 404, Never)`, anywhere in the block.
fn collect(body: TokenStream, codes: &mut Vec<String>) {
    for token in body {
        if let TokenTree::Group(group) = token {
            let tokens_inside: Vec<TokenTree> = group.stream().into_iter().collect();
            match tokens_inside.as_slice() {
                [
                    TokenTree::Literal(code),
                    TokenTree::Punct(_),
                    TokenTree::Literal(_),
                    TokenTree::Punct(_),
                    TokenTree::Ident(_),
                ] if group.delimiter() == Delimiter::Parenthesis => {
                    codes.extend(tokens::content(code));
                }
                _ => collect(group.stream(), codes),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_codes_from_blocks_and_not_from_comments_or_other_macros() {
        let source = r#"
            // codes! { Error { Self::A => ("x.comment", 400, Never), } }
            other! { Error { Self::A => ("x.other", 400, Never), } }
            codes! { Error {
                Self::A { .. } => ("x.a", 400, Never), // Self::Z => ("x.z", 400, Never),
                Self::B(1, 2, C) => ("x.b", 503, Later),
                ; Self::Inner(inner) => inner,
            }}"#;
        let codes: Vec<String> = declared(&Tree::of(&[("crates/x/src/error.rs", source)]))
            .into_iter()
            .map(|declared| declared.code)
            .collect();
        assert_eq!(codes, ["x.a", "x.b"]);
    }
}
