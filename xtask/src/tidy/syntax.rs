//! Rust source as a syntax tree, without the code under `#[cfg(test)]`.

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, File, ImplItem, Item, Visibility};

/// Parse a file. `None` if it is not Rust, which the SQL check reports.
pub(super) fn parse(text: &str) -> Option<File> {
    let mut file = syn::parse_file(text).ok()?;
    if file.attrs.iter().any(is_for_tests) {
        file.items.clear();
    }
    remove_tests(&mut file.items);
    Some(file)
}

fn remove_tests(items: &mut Vec<Item>) {
    items.retain(|item| !attributes(item).iter().any(is_for_tests));
    for item in items {
        match item {
            Item::Mod(module) => {
                if let Some((_, items)) = &mut module.content {
                    remove_tests(items);
                }
            }
            Item::Impl(block) => block.items.retain(|item| match item {
                ImplItem::Fn(function) => !function.attrs.iter().any(is_for_tests),
                _ => true,
            }),
            _ => {}
        }
    }
}

/// Whether the attribute is `cfg(test)` or `cfg(all(test, …))`.
fn is_for_tests(attribute: &Attribute) -> bool {
    let Ok(list) = attribute.meta.require_list() else {
        return false;
    };
    let condition = list.tokens.to_string().replace(' ', "");
    list.path.is_ident("cfg") && (condition == "test" || condition.starts_with("all(test,"))
}

pub(super) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether a doc comment is among the attributes.
pub(super) fn is_documented(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|a| a.path().is_ident("doc"))
}

/// Whether an item is `pub`, without restriction. Rust's `unreachable_pub` lint makes sure that
/// such an item can be named by other crates.
pub(super) fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Call `visit` with every item, those of inline modules included.
pub(super) fn each_item<'a>(items: &'a [Item], visit: &mut impl FnMut(&'a Item)) {
    for item in items {
        visit(item);
        if let Item::Mod(module) = item
            && let Some((_, items)) = &module.content
        {
            each_item(items, visit);
        }
    }
}

/// Call `visit` with every identifier, and with each part of a path written as text, such as in
/// `#[serde(with = "types::time")]`.
pub(super) fn each_name(tokens: TokenStream, visit: &mut impl FnMut(String)) {
    for token in tokens {
        match token {
            TokenTree::Ident(name) => visit(name.to_string()),
            TokenTree::Group(group) => each_name(group.stream(), visit),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                let path = text.trim_matches('"');
                if path.contains("::") && path.chars().all(is_of_path) {
                    path.split("::").for_each(|part| visit(part.to_owned()));
                }
            }
            TokenTree::Punct(_) => {}
        }
    }
}

fn is_of_path(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_code_is_left_out() {
        let source = "#[cfg(test)] mod tests { fn a() {} } #[cfg(all(test, unix))] fn b() {}
            #[cfg(not(test))] fn c() {} mod inside { #[cfg(test)] fn d() {} fn e() {} }";
        let file = parse(source).expect("Rust");
        let mut names = Vec::new();
        each_item(&file.items, &mut |item| {
            if let Item::Fn(function) = item {
                names.push(function.sig.ident.to_string());
            }
        });
        assert_eq!(names, ["c", "e"]);
        assert_eq!(
            parse("#![cfg(test)] fn a() {}").expect("Rust").items.len(),
            0
        );
        assert!(parse("fn {").is_none());
    }

    #[test]
    fn names_include_paths_in_texts() {
        let mut names = Vec::new();
        let tokens = "#[serde(with = \"types::time\")] fn f() { g(\"no path\") }";
        each_name(tokens.parse().expect("tokens"), &mut |name| {
            names.push(name)
        });
        assert_eq!(names, ["serde", "with", "types", "time", "fn", "f", "g"]);
    }
}
