//! Where the repository lies.

use std::path::{Path, PathBuf};

/// The root of the workspace, whatever folder the test runs in.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("this crate lies in crates/testkit")
        .to_path_buf()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_root_holds_the_lock_file() {
        assert!(super::workspace_root().join("Cargo.lock").is_file());
    }
}
