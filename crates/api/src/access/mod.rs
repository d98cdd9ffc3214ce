//! Who may come in: namespaces, API keys, and the permission that each route declares.

mod basic;
mod key;
mod may;
mod namespace;
mod table;

pub use key::{ApiKey, Issued, NewApiKey, authenticate, issue, keys, revoke};
pub use may::{May, Needs, Open};
pub use namespace::{
    Mark, NamespaceRow, create_namespace, default_chain, namespace, namespaces_since,
    set_default_chain,
};

pub(crate) use may::permissions;
pub(crate) use namespace::chain_or_default;
