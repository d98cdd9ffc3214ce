//! Tells the OpenAPI document how the words of `types` look on the wire, once for all shapes.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let mut config = utoipa_config::Config::new();
    for name in TEXTS {
        config = config.alias_for(name, "String");
    }
    let config = config.alias_for("Raw", "serde_json::Value");
    config.alias_for("Json", "serde_json::Value").alias_for("Height", "u64").write_to_file();
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
