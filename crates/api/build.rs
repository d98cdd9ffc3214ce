//! Configures how types of the `types` crate appear in the OpenAPI document, and bundles the pages
//! of `docs/errors` into the binary.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    write_schema_aliases();
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

fn write_schema_aliases() {
    let mut config = utoipa_config::Config::new();
    for name in STRING_TYPES {
        config = config.alias_for(name, "String");
    }
    let config = config.alias_for("Raw", "serde_json::Value");
    config
        .alias_for("Json", "serde_json::Value")
        .alias_for("Height", "u64")
        .write_to_file();
}

/// Types that are JSON strings.
const STRING_TYPES: [&str; 21] = [
    "Amount",
    "ApiKeyId",
    "BindingId",
    "ChainId",
    "DecisionId",
    "Digest",
    "KeyId",
    "ListenerId",
    "Namespace",
    "ObjectId",
    "PermitId",
    "PolicyId",
    "Quantity",
    "RunId",
    "SubmissionId",
    "SubscriptionId",
    "TaskId",
    "Time",
    "VariableSetId",
    "VersionId",
    "WalletId",
];
