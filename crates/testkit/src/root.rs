//! The location of the repository.

use std::path::{Path, PathBuf};

/// The root of the workspace, independent of the working directory.
pub fn workspace_root() -> PathBuf {
    let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest_dir
        .ancestors()
        .nth(2)
        .expect("this crate is in crates/testkit")
        .to_path_buf()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_root_contains_the_lock_file() {
        assert!(super::workspace_root().join("Cargo.lock").is_file());
    }
}
