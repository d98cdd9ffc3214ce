//! Namespaces and API keys, as stored and shown.

use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantArray};
use types::{ApiKeyId, ChainId, Namespace, PrincipalKind, Role, Time};
use utoipa::ToSchema;

/// A namespace: one tenant of the installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record, ToSchema)]
#[record(table = "namespace", read)]
#[serde(rename_all = "camelCase")]
#[schema(as = Namespace)]
pub struct NamespaceRow {
    pub name: Namespace,
    /// The chain that requests use when they name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_chain: Option<ChainId>,
    #[record(column = "created_at")]
    pub created: Time,
}

/// The kind of principal that an API key stands for. `system` is Florin itself and has no key, so a
/// row with that kind is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum KeyKind {
    Person,
    Service,
    Organisation,
}

store::text_columns! { as_in_json: KeyKind }

impl KeyKind {
    pub(super) fn of(kind: PrincipalKind) -> Option<Self> {
        match kind {
            PrincipalKind::Person => Some(Self::Person),
            PrincipalKind::Service => Some(Self::Service),
            PrincipalKind::Organisation => Some(Self::Organisation),
            PrincipalKind::System => None,
        }
    }
}

impl From<KeyKind> for PrincipalKind {
    fn from(kind: KeyKind) -> Self {
        match kind {
            KeyKind::Person => Self::Person,
            KeyKind::Service => Self::Service,
            KeyKind::Organisation => Self::Organisation,
        }
    }
}

/// An API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, store::Record)]
#[record(table = "api_key", read)]
pub struct ApiKey {
    pub id: ApiKeyId,
    /// The name of the principal, recorded as the actor of facts.
    pub name: String,
    /// The kind of principal: `person`, `service` or `organisation`.
    #[schema(value_type = String)]
    pub kind: KeyKind,
    /// The roles that the key grants.
    #[schema(value_type = Vec<String>)]
    #[record(json)]
    pub roles: Vec<Role>,
    #[record(column = "created_at")]
    pub created: Time,
    /// When the key expires; `null` if it does not.
    #[record(column = "expires_at")]
    pub expires: Option<Time>,
    /// When the key was revoked; `null` while it is active.
    #[record(column = "revoked_at")]
    pub revoked: Option<Time>,
    /// Increases with each change.
    pub version: u64,
}

impl ApiKey {
    /// Whether it is neither revoked nor expired at `now`.
    pub(super) fn is_live(&self, now: Time) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| expires > now)
    }
}
