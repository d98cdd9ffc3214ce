//! Rotations of the data key.

use crate::Result;
use serde::Serialize;
use store::{Record as _, UnscopedTable as _, UnscopedTx};
use strum::{EnumString, IntoStaticStr, VariantArray};
use types::{Principal, Time};
use utoipa::ToSchema;

/// The state of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RotationState {
    /// The new data key encrypts; secrets under older ones are being re-encrypted.
    Reencrypting,
    /// No secret is under an older data key; those are retired.
    Done,
    /// Everything is re-encrypted except secrets that cannot be decrypted, because of a manual
    /// change or a storage fault. The older data keys are not retired.
    Broken,
}

store::text_columns! { as_in_json: RotationState }

/// A rotation of the data key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record, ToSchema)]
#[record(table = "keyring_rotation", global)]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// The version of the data key that the rotation introduced.
    #[record(key)]
    pub version: u32,
    /// `reencrypting`, `done`, or `broken` if some secrets could not be decrypted.
    #[schema(value_type = String)]
    #[record(update)]
    pub state: RotationState,
    /// The number of secrets to re-encrypt. Absent until they are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[record(update)]
    pub total: Option<u64>,
    /// The number of secrets re-encrypted so far.
    #[record(update)]
    pub reencrypted: u64,
    /// The number of secrets that could not be decrypted. They are left unchanged.
    #[record(update)]
    pub broken: u64,
    /// The secrets that are re-encrypted next: `wallets`, `policy`, `subscriptions` or `tasks`.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[record(update)]
    pub target: String,
    /// The position within that target.
    #[record(update)]
    #[serde(skip)]
    pub position: String,
    #[serde(rename = "startedBy")]
    pub begun_by: String,
    #[serde(rename = "started")]
    #[record(column = "begun_at")]
    pub begun: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[record(update, column = "ended_at")]
    pub ended: Option<Time>,
}

impl Rotation {
    pub(crate) fn begun(version: u32, principal: &Principal, now: Time) -> Self {
        Self {
            version,
            state: RotationState::Reencrypting,
            total: None,
            reencrypted: 0,
            broken: 0,
            target: String::new(),
            position: String::new(),
            begun_by: principal.id.clone(),
            begun: now,
            ended: None,
        }
    }
}

/// The latest rotation.
pub(crate) fn last(tx: &mut UnscopedTx) -> Result<Option<Rotation>> {
    Ok(tx.row(&Rotation::select("ORDER BY version DESC LIMIT 1"), ())?)
}

/// Insert a new rotation.
pub(crate) fn insert(tx: &mut UnscopedTx, begun: &Rotation) -> Result<()> {
    Rotation::insert_unscoped(tx, std::slice::from_ref(begun), "")?;
    Ok(())
}

/// Update the progress of a rotation.
pub(crate) fn update(tx: &mut UnscopedTx, rotation: &Rotation) -> Result<()> {
    rotation.update_unscoped(tx)?;
    Ok(())
}
