//! The location of the anvil binary: the native one of the npm package, not its JavaScript wrapper.

use std::path::PathBuf;

use crate::workspace_root;

/// Path of the binary; takes precedence over all other locations.
const PROGRAM: &str = "FLORIN_ANVIL";

pub(super) fn find() -> Option<PathBuf> {
    let configured = std::env::var_os(PROGRAM).map(PathBuf::from);
    configured
        .into_iter()
        .chain([installed()])
        .chain(on_path())
        .find(|path| path.is_file())
}

fn installed() -> PathBuf {
    let system = if cfg!(target_os = "macos") {
        "darwin"
    } else {
        std::env::consts::OS
    };
    let processor = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    let package =
        format!("contracts/node_modules/@foundry-rs/anvil-{system}-{processor}/bin/anvil");
    workspace_root().join(package)
}

fn on_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("anvil"))
        .collect()
}
