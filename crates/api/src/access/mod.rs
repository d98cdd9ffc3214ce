//! Who may come in: namespaces, API keys, and the permission that each route declares.

mod basic;
mod key;
mod may;
mod namespace;
mod table;

pub use key::{ApiKey, Issued, NewApiKey, authenticate, issue, keys, revoke};
pub use may::{May, Needs, Open};
pub use namespace::{NamespaceRow, create_namespace, default_chain, namespace, namespaces, set_default_chain};

pub(crate) use may::permissions;
pub(crate) use namespace::chain_or_default;
