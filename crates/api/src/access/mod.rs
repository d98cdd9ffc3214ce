//! Access control: namespaces, API keys, and the permission that each route declares.

mod api_key;
mod authorize;
mod basic;
mod namespace;
mod resources;
mod table;

pub use api_key::{IssuedApiKey, NewApiKey, api_keys, authenticate, issue_api_key, revoke_api_key};
pub use authorize::{Authorized, Public, RequiresPermission};
pub use namespace::{
    NamespacesRevision, create_namespace, default_chain, namespace, namespaces_changed_since,
    set_default_chain,
};
pub use resources::{ApiKey, KeyKind, NamespaceRow};

pub(crate) use authorize::permissions;
pub(crate) use namespace::chain_or_default;
