//! No tuple type has more than three fields: a fourth needs a name, so that two columns of one type
//! cannot be swapped unnoticed.

use syn::TypeTuple;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use super::Finding;
use super::tree::{File, Tree};

const MAX_FIELDS: usize = 3;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.production().flat_map(findings).collect()
}

fn findings(file: &File) -> Vec<Finding> {
    let mut wide = WideTuples::default();
    if let Some(syntax) = file.syntax() {
        wide.visit_file(syntax);
    }
    let finding = |(line, fields)| {
        let message = format!("a tuple of {fields} fields, more than {MAX_FIELDS}: use a struct");
        Finding::new(&file.path, line, message)
    };
    wide.0.into_iter().map(finding).collect()
}

/// Line and number of fields of each tuple type that is too wide.
#[derive(Default)]
struct WideTuples(Vec<(usize, usize)>);

impl<'a> Visit<'a> for WideTuples {
    fn visit_type_tuple(&mut self, tuple: &'a TypeTuple) {
        let fields = tuple.elems.len();
        if fields > MAX_FIELDS {
            self.0.push((tuple.span().start().line, fields));
        }
        visit::visit_type_tuple(self, tuple);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_tuples_are_found_wherever_a_type_is_named() {
        let lines = |source: &str| -> Vec<usize> {
            let tree = Tree::of(&[("crates/x/src/lib.rs", source)]);
            check(&tree).iter().map(|finding| finding.line).collect()
        };
        let source = "fn a(_: (u8, u8, u8)) -> Option<(u8, u8, u8, u8)> { None }
            type Row = (u8, u8, u8, u8);
            struct S { field: Vec<(u8, u8, u8, u8, u8)> }
            fn b() { rows::<(u8, u8, u8, u8)>(); tx.rows::<(A, B, C, D)>(); }
            fn c() { let pair = (1, 2, 3, 4); }
            #[cfg(test)] type OfATest = (u8, u8, u8, u8);";
        assert_eq!(lines(source), [1, 2, 3, 4, 4]);
    }
}
