//! Each `pub` item of a crate is used by another crate, a test folder, a benchmark or a tool, or is
//! part of the signature of another public item. What nothing else uses is `pub(crate)` or dead.
//!
//! The check compares names, not paths: an item whose name is common is never found.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::{Fields, ImplItem, Item, Type, Visibility};

use super::Finding;
use super::syntax::{each_item, each_name, is_public};
use super::tree::{File, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let users = users(tree);
    let mut signatures: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let crates = || tree.production().filter(|file| file.is_source_of_crate());
    for file in crates() {
        let names = signatures.entry(owner(file)).or_default();
        for tokens in public_signatures(file) {
            each_name(tokens, &mut |name| {
                names.insert(name);
            });
        }
    }
    let mut findings = Vec::new();
    for file in crates() {
        for (line, name) in public_items(file) {
            let is_used_by = |users: &BTreeSet<&str>| users.iter().any(|user| *user != owner(file));
            let is_used = users.get(&name).is_some_and(is_used_by);
            if !is_used && !signatures[owner(file)].contains(&name) {
                let message = format!("{name} is public and nothing outside the crate uses it");
                findings.push(Finding::new(&file.path, line, message));
            }
        }
    }
    findings
}

/// The crate whose sources contain the file; empty for tests, benchmarks and tools.
fn owner(file: &File) -> &str {
    let name = file.crate_name().unwrap_or_default();
    if file.is_source_of_crate() { name } else { "" }
}

/// The owners of the files that contain each name.
fn users(tree: &Tree) -> BTreeMap<String, BTreeSet<&str>> {
    let mut users: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for file in tree.rust() {
        let tokens: TokenStream = file.text.parse().unwrap_or_default();
        each_name(tokens, &mut |name| {
            users.entry(name).or_default().insert(owner(file));
        });
    }
    users
}

/// The public items of a file and the public functions and constants of its types.
fn public_items(file: &File) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    let mut add = |visibility: &Visibility, name: &syn::Ident| {
        if is_public(visibility) {
            all.push((name.span().start().line, name.to_string()));
        }
    };
    let items = file.syntax().map_or(&[][..], |syntax| &syntax.items);
    each_item(items, &mut |item| match item {
        Item::Const(item) => add(&item.vis, &item.ident),
        Item::Enum(item) => add(&item.vis, &item.ident),
        Item::Fn(item) => add(&item.vis, &item.sig.ident),
        Item::Static(item) => add(&item.vis, &item.ident),
        Item::Struct(item) => add(&item.vis, &item.ident),
        Item::Trait(item) => add(&item.vis, &item.ident),
        Item::Type(item) => add(&item.vis, &item.ident),
        Item::Impl(block) => {
            for item in &block.items {
                match item {
                    ImplItem::Const(item) => add(&item.vis, &item.ident),
                    ImplItem::Fn(item) => add(&item.vis, &item.sig.ident),
                    _ => {}
                }
            }
        }
        _ => {}
    });
    all
}

/// What a caller sees of the public items of a file, without the names of the items themselves.
fn public_signatures(file: &File) -> Vec<TokenStream> {
    let mut all = Vec::new();
    let items = file.syntax().map_or(&[][..], |syntax| &syntax.items);
    each_item(items, &mut |item| match item {
        Item::Const(item) if is_public(&item.vis) => all.push(item.ty.to_token_stream()),
        Item::Static(item) if is_public(&item.vis) => all.push(item.ty.to_token_stream()),
        Item::Enum(item) if is_public(&item.vis) => {
            for variant in &item.variants {
                all.push(variant.fields.to_token_stream());
            }
        }
        Item::Fn(item) if is_public(&item.vis) => all.extend(types_of(&item.sig)),
        Item::Struct(item) if is_public(&item.vis) => {
            all.push(item.generics.to_token_stream());
            all.extend(public_fields(&item.fields));
        }
        Item::Trait(item) if is_public(&item.vis) => {
            all.push(item.supertraits.to_token_stream());
            all.extend(item.items.iter().map(|item| item.to_token_stream()));
        }
        Item::Type(item) if is_public(&item.vis) => all.push(item.ty.to_token_stream()),
        Item::Impl(block) => all.extend(of_impl(block)),
        Item::Macro(item) if is_exported(&item.attrs) => {
            all.push(item.mac.tokens.clone());
        }
        _ => {}
    });
    all
}

fn types_of(signature: &syn::Signature) -> [TokenStream; 3] {
    [
        signature.generics.to_token_stream(),
        signature.inputs.to_token_stream(),
        signature.output.to_token_stream(),
    ]
}

fn public_fields(fields: &Fields) -> Vec<TokenStream> {
    let public = fields.iter().filter(|field| is_public(&field.vis));
    public.map(|field| field.ty.to_token_stream()).collect()
}

/// Public functions, or the arguments and types of an implemented trait.
fn of_impl(block: &syn::ItemImpl) -> Vec<TokenStream> {
    let mut all = Vec::new();
    if let Some((_, path, _)) = &block.trait_ {
        all.push(path.to_token_stream());
        all.push(arguments(&block.self_ty));
    }
    for item in &block.items {
        match item {
            ImplItem::Fn(item) if is_public(&item.vis) => all.extend(types_of(&item.sig)),
            ImplItem::Const(item) if is_public(&item.vis) => all.push(item.ty.to_token_stream()),
            ImplItem::Type(item) => all.push(item.ty.to_token_stream()),
            _ => {}
        }
    }
    all
}

/// The generic arguments of a type, without its own name.
fn arguments(of: &Type) -> TokenStream {
    let Type::Path(path) = of else {
        return of.to_token_stream();
    };
    let last = path.path.segments.last();
    last.map(|segment| segment.arguments.to_token_stream())
        .unwrap_or_default()
}

fn is_exported(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|a| a.path().is_ident("macro_export"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[(&str, &str)]) -> Vec<String> {
        let findings = check(&Tree::of(files)).into_iter();
        let name = |finding: Finding| finding.message.split(' ').next().map(str::to_owned);
        findings.filter_map(name).collect()
    }

    const SOURCE: (&str, &str) = (
        "crates/x/src/lib.rs",
        "pub fn used() -> Part { own(); todo() }
         pub fn unused() { own() }
         pub fn own() {}
         pub struct Part { pub inner: Inner, hidden: Hidden }
         pub struct Inner;
         pub struct Hidden;
         impl Part { pub fn method(&self) {} pub fn dead(&self) {} }
         #[macro_export] macro_rules! m { () => { $crate::for_macro() } }
         pub fn for_macro() {}
         pub(crate) fn private() {}
         #[cfg(test)] mod tests { pub fn of_test() {} }",
    );

    #[test]
    fn items_that_nothing_else_uses_are_found() {
        let user = ("crates/y/src/lib.rs", "fn f() { x::used().method() }");
        assert_eq!(names(&[SOURCE, user]), ["unused", "own", "Hidden", "dead"]);
    }

    #[test]
    fn tests_benchmarks_and_tools_are_users_and_comments_are_not() {
        let own = "// unused\nfn f() { used().method(); dead(); own(); Hidden; }";
        assert_eq!(
            names(&[SOURCE, ("crates/x/tests/it/main.rs", own)]),
            ["unused"]
        );
        assert_eq!(names(&[SOURCE, ("benches/src/main.rs", own)]), ["unused"]);
        let tool = "x::unused(); used().method(); dead(); own(); Hidden";
        assert_eq!(names(&[SOURCE, ("xtask/src/main.rs", tool)]), [""; 0]);
    }
}
