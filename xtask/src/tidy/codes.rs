//! The error codes of the crates, read from their `codes!` blocks.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::tokens;
use super::tree::Tree;

/// A code and the file that gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) code: String,
    pub(super) path: String,
}

/// Every code that a `codes!` block gives, in the order of files.
pub(super) fn given(tree: &Tree) -> Vec<Given> {
    let mut all = Vec::new();
    for file in tree.production() {
        let macros = tokens::read(&file.text)
            .map(|source| source.macros)
            .unwrap_or_default();
        for (_, body) in macros.into_iter().filter(|(name, _)| name == "codes") {
            let mut codes = Vec::new();
            collect(body, &mut codes);
            all.extend(codes.into_iter().map(|code| Given {
                code,
                path: file.path.clone(),
            }));
        }
    }
    all
}

/// `("code", 404, Never)`, wherever it stands in the block.
fn collect(body: TokenStream, codes: &mut Vec<String>) {
    for token in body {
        if let TokenTree::Group(group) = token {
            let inside: Vec<TokenTree> = group.stream().into_iter().collect();
            match inside.as_slice() {
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
        let codes: Vec<String> = given(&Tree::of(&[("crates/x/src/error.rs", source)]))
            .into_iter()
            .map(|g| g.code)
            .collect();
        assert_eq!(codes, ["x.a", "x.b"]);
    }
}
