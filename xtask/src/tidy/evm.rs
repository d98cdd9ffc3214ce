//! No EVM type outside modules named `evm`: nothing above the connector depends on one family of
//! chains.

use super::tree::{File, Tree};
use super::{Finding, tokens};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.production()
        .filter(|file| !may_know_evm(file))
        .flat_map(findings)
        .collect()
}

fn may_know_evm(file: &File) -> bool {
    file.is_below("evm")
        || file.name() == "evm.rs"
        || file.path.starts_with("xtask/")
        || file.is_below("benches")
}

/// A file that cannot be parsed is reported by the SQL check.
fn findings(file: &File) -> Vec<Finding> {
    let names = tokens::read(&file.text)
        .map(|source| source.names)
        .unwrap_or_default();
    let foreign = names
        .into_iter()
        .filter(|(_, name)| name.trim_start_matches("r#").starts_with("alloy"));
    foreign
        .map(|(line, name)| {
            Finding::new(
                &file.path,
                line,
                format!("{name} outside a module named evm"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_uses_paths_and_derives_but_not_comments() {
        let source = "use alloy_primitives as p;\n// alloy_consensus\nfn f() -> ::alloy_primitives::U256 { \"alloy_x\" }\n#[derive(alloy_rlp::RlpEncodable)] struct A;";
        let tree = Tree::of(&[
            ("crates/submit/src/fee.rs", source),
            ("crates/chain/src/evm/mod.rs", source),
            ("crates/x/src/evm.rs", source),
        ]);
        let lines: Vec<(String, usize)> =
            check(&tree).into_iter().map(|f| (f.path, f.line)).collect();
        assert_eq!(
            lines,
            [1, 3, 4].map(|line| ("crates/submit/src/fee.rs".to_owned(), line))
        );
    }
}
