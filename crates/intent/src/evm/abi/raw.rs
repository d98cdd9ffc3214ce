//! The JSON ABI as written: the compiler's array, an artifact with a member `abi`, or a single
//! entry.

use serde::Deserialize;

/// A parameter in JSON. Fields that are not needed (`internalType`) may have any value.
#[derive(Deserialize)]
pub(super) struct RawParam {
    #[serde(default)]
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) ty: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) components: Vec<RawParam>,
    #[serde(default)]
    pub(super) indexed: bool,
}

#[derive(Deserialize)]
pub(super) struct RawEntry {
    #[serde(rename = "type", default)]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) inputs: Vec<RawParam>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) outputs: Vec<RawParam>,
    #[serde(default)]
    pub(super) anonymous: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum AbiJson {
    Entries(Vec<RawEntry>),
    Artifact { abi: Vec<RawEntry> },
    Entry(RawEntry),
}

fn null_as_empty<'de, D: serde::Deserializer<'de>>(
    d: D,
) -> std::result::Result<Vec<RawParam>, D::Error> {
    Option::<Vec<RawParam>>::deserialize(d).map(Option::unwrap_or_default)
}
