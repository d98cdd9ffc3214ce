//! Tells the OpenAPI document how the words of `types` look on the wire, once for all shapes, and
//! takes the pages of error codes along.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    name_shapes();
    take_error_pages()
}

/// Every `docs/errors/<code>.md` in one text, parted by NUL, so that the server can show what the
/// `type` of a problem points to.
fn take_error_pages() -> std::io::Result<()> {
    // Asked for when it runs, not when it was compiled: a build cache that two checkouts share
    // keeps the compiled script.
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    let folder = here.join("../../docs/errors").canonicalize()?;
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

fn name_shapes() {
    let mut config = utoipa_config::Config::new();
    for name in TEXTS {
        config = config.alias_for(name, "String");
    }
    let config = config.alias_for("Raw", "serde_json::Value");
    config
        .alias_for("Json", "serde_json::Value")
        .alias_for("Height", "u64")
        .write_to_file();
}

/// Types that are a string on the wire.
const TEXTS: [&str; 21] = [
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
