//! The lock file of npm packages names no registry: the one that is configured serves them, and the
//! integrity hashes make sure that they are the same packages.

use super::Finding;
use super::tree::{File, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let locks = tree
        .files()
        .filter(|file| matches!(file.name(), "package-lock.json" | ".npmrc"));
    locks.flat_map(findings).collect()
}

fn findings(file: &File) -> Vec<Finding> {
    let lines = file.text.lines().enumerate();
    let named = lines.filter(|(_, line)| {
        let is_source = line.contains("\"resolved\"") || line.contains("registry");
        is_source && (line.contains("http://") || line.contains("https://"))
    });
    named
        .map(|(index, _)| Finding::new(&file.path, index + 1, "names the host of a registry"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_in_the_lock_file_is_found() {
        let count = |text: &str| check(&Tree::of(&[("contracts/package-lock.json", text)])).len();
        let resolved = "{\n\"resolved\": \"https://registry.npmjs.org/solc/-/solc-0.8.tgz\"\n}";
        assert_eq!(count(resolved), 1);
        let harmless =
            "{\n\"integrity\": \"sha512-x\", \"funding\": { \"url\": \"https://a.org\" }\n}";
        assert_eq!(count(harmless), 0);
    }
}
