//! Each public type has a name that says what it is. Names such as `Found`, `Which` and `Row` could
//! mean something else in every crate, and a search for them finds nothing.

use syn::Item;

use super::Finding;
use super::syntax::{each_item, is_public};
use super::tree::{File, Tree};

const VAGUE: &[&str] = &[
    "Answer", "Asked", "Blank", "Book", "Checked", "Desk", "Found", "From", "Given", "Into", "Is",
    "Keeper", "Manager", "Helper", "One", "Place", "Row", "Rows", "Said", "Seen", "Setback",
    "Shelf", "Thing", "Told", "Wanted", "What", "Which", "Who", "Word", "Words",
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let crates = tree.production().filter(|file| file.is_source_of_crate());
    crates.flat_map(findings).collect()
}

fn findings(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let items = file.syntax().map_or(&[][..], |syntax| &syntax.items);
    each_item(items, &mut |item| {
        let (visibility, name) = match item {
            Item::Struct(item) => (&item.vis, &item.ident),
            Item::Enum(item) => (&item.vis, &item.ident),
            Item::Trait(item) => (&item.vis, &item.ident),
            Item::Type(item) => (&item.vis, &item.ident),
            _ => return,
        };
        if is_public(visibility) && VAGUE.iter().any(|vague| name == vague) {
            let message = format!("a public type named {name}: name what it is");
            findings.push(Finding::new(&file.path, name.span().start().line, message));
        }
    });
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vague_names_of_public_types_are_found() {
        let lines = |source: &str| -> Vec<usize> {
            let tree = Tree::of(&[("crates/x/src/lib.rs", source)]);
            check(&tree).iter().map(|finding| finding.line).collect()
        };
        let source = "pub struct Found;
            pub enum Which { A }
            pub type Row = u8;
            pub trait From {}
            struct Place;
            pub struct FoundObject;";
        assert_eq!(lines(source), [1, 2, 3, 4]);
    }
}
