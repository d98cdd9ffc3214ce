//! Configures how types of the `types` crate appear in the OpenAPI document, and bundles the pages
//! of `docs/errors` into the binary.
#![allow(
    clippy::disallowed_methods,
    reason = "cargo gives a build script its folders"
)]

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    schema_aliases::write();
    bundle_error_pages()
}

/// Concatenates every `docs/errors/<code>.md`, separated by NUL, so that the server can serve the
/// page that the `type` of a problem links to.
fn bundle_error_pages() -> std::io::Result<()> {
    // Read at run time, not with `env!`: two checkouts that share a build cache share the compiled
    // script.
    let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    let folder = manifest_dir.join("../../docs/errors").canonicalize()?;
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<PathBuf> = folder
        .read_dir()?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    let pages: Vec<String> = files
        .iter()
        .map(std::fs::read_to_string)
        .collect::<std::io::Result<_>>()?;
    let out = std::env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    std::fs::write(out.join("error_pages.md"), pages.join("\0"))
}
