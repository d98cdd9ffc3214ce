//! Public functions, traits and types have a doc comment. Fields and variants need none: their
//! names and the text of an error say it.

use syn::{ImplItem, Item, TraitItem, Visibility};

use super::Finding;
use super::syntax::{each_item, is_documented, is_public};
use super::tree::{File, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let crates = tree.production().filter(|file| file.is_source_of_crate());
    crates.flat_map(findings).collect()
}

fn findings(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let items = file.syntax().map_or(&[][..], |syntax| &syntax.items);
    each_item(items, &mut |item| {
        for name in undocumented(item) {
            let message = format!("{name} is public and has no doc comment");
            findings.push(Finding::new(&file.path, name.span().start().line, message));
        }
    });
    findings
}

fn undocumented(item: &Item) -> Vec<&syn::Ident> {
    let missing = |visibility: &Visibility, attributes: &[syn::Attribute]| {
        is_public(visibility) && !is_documented(attributes)
    };
    let one = |is_missing: bool, name| is_missing.then_some(name).into_iter().collect();
    match item {
        Item::Fn(item) => one(missing(&item.vis, &item.attrs), &item.sig.ident),
        Item::Struct(item) => one(missing(&item.vis, &item.attrs), &item.ident),
        Item::Enum(item) => one(missing(&item.vis, &item.attrs), &item.ident),
        Item::Trait(item) => {
            let methods = item.items.iter().filter_map(|method| match method {
                TraitItem::Fn(method) if !is_documented(&method.attrs) => Some(&method.sig.ident),
                _ => None,
            });
            let own = Some(&item.ident).filter(|_| !is_documented(&item.attrs));
            let all = own.into_iter().chain(methods);
            all.filter(|_| is_public(&item.vis)).collect()
        }
        Item::Impl(block) if block.trait_.is_none() => {
            let methods = block.items.iter().filter_map(|item| match item {
                ImplItem::Fn(method) => Some(method),
                _ => None,
            });
            let methods = methods.filter(|method| missing(&method.vis, &method.attrs));
            methods.map(|method| &method.sig.ident).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_items_need_a_doc_comment_and_fields_do_not() {
        let lines = |path: &str, source: &str| -> Vec<usize> {
            let tree = Tree::of(&[(path, source)]);
            check(&tree).iter().map(|finding| finding.line).collect()
        };
        let source = "pub fn a() {}
            pub struct B { pub field: u8 }
            pub trait C { fn c(); }
            impl B { pub fn d() {} fn private() {} }
            /// Documented.
            pub enum E { Variant }
            pub(crate) fn f() {}
            impl C for B { fn c() {} }
            mod inside { pub fn g() {} }";
        assert_eq!(lines("crates/x/src/lib.rs", source), [1, 2, 3, 3, 4, 9]);
        assert_eq!(lines("crates/x/tests/it/main.rs", source), [0; 0]);
        assert_eq!(lines("xtask/src/main.rs", source), [0; 0]);
    }
}
