//! How the types of the `types` crate appear in the OpenAPI document. The build scripts of the
//! crates that derive `utoipa::ToSchema` call [`write`], so that a field of such a type needs no
//! attribute.
//!
//! What it never does: run outside a build script.

use utoipa_config::Config;

/// Types that are JSON strings.
const STRINGS: [&str; 25] = [
    "Amount",
    "ApiKeyId",
    "BindingId",
    "ChainId",
    "ContractId",
    "DecisionId",
    "Digest",
    "KeyId",
    "ListEntryId",
    "ListId",
    "ListenerId",
    "Namespace",
    "ObjectId",
    "PermitId",
    "PolicyId",
    "Quantity",
    "RunId",
    "StatementId",
    "SubmissionId",
    "SubscriptionId",
    "TaskId",
    "Time",
    "VariableSetId",
    "VersionId",
    "WalletId",
];

/// Types with another form.
const OTHERS: [(&str, &str); 3] = [
    ("Height", "u64"),
    ("Json", "serde_json::Value"),
    ("Raw", "serde_json::Value"),
];

/// Writes the file that the derive reads.
pub fn write() {
    let strings = STRINGS.map(|name| (name, "String"));
    let aliases = strings.into_iter().chain(OTHERS);
    let config = aliases.fold(Config::new(), |config, (name, form)| {
        config.alias_for(name, form)
    });
    config.write_to_file();
}
