//! The REST API over every engine: authentication, permissions, OpenAPI, WebSockets.
//!
//! A handler extracts its arguments, calls one engine function and converts the result; it contains
//! no business rule. Each handler declares its permission in its arguments: `access::Authorized`
//! with a permission, or `access::Public`. Invalid input is rejected with a 4xx problem (RFC
//! 9457) with a stable code that names the field, and changes nothing.
//!
//! What it never does: run SQL outside `access/table.rs`, make policy decisions, compute amounts,
//! or reveal internal errors to a caller.
//!
//! Every route is served below `/api/v1`, `/rest/api/v1`, `/endpoint/{env}/{service}/rest/api/v1`
//! and `/api/v1/namespaces/{namespace}`.
//!
//! Invariants, each with the test that checks it:
//! - every handler declares a permission and opens no transaction (`cargo xtask tidy`, check
//!   `routes`);
//! - no operation of the OpenAPI document reads or changes another namespace (`tests/it/tenancy`);
//! - invalid input is rejected with its field and code and appends no fact (`bad_input`), and no
//!   input causes an internal error (`fuzz`);
//! - the committed `docs/openapi.json` matches the handlers (`openapi`; regenerate it with
//!   `FLORIN_WRITE_OPENAPI=1`).

pub mod access;
mod app;
mod error;
mod exact;
mod extract;
mod layers;
mod resent;
mod routes;
mod shapes;

pub(crate) use access::permissions;
pub use app::{App, DefaultChainHook, Engines};
pub use error::{Error, Problem, Result};
pub use routes::{openapi, router};
