//! Access control: namespaces, API keys, and the permission that each route declares.

mod api_key;
mod authorize;
mod basic;
mod namespace;
mod resources;
mod table;

pub use api_key::{IssuedApiKey, NewApiKey, StoredApiKeys, issue_api_key};
pub use namespace::{
    NamespacesRevision, create_namespace, default_chain, namespace, namespaces_changed_since,
    set_default_chain,
};
pub use resources::{ApiKey, KeyKind, NamespaceRow};

pub(crate) use api_key::{api_keys, revoke_api_key, set_api_key_roles};
pub(crate) use authorize::{Authorized, Public, RequiresPermission, permissions};
pub(crate) use namespace::chain_or_default;
