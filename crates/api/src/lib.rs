//! REST over every engine: authentication, permissions, OpenAPI, WebSockets.
//!
//! A handler extracts, calls one verb, converts; it holds no rule. What a route needs stands in its
//! arguments: [`access::May`] with a permission, or [`access::Open`]. Bad input is a 4xx problem
//! (RFC 9457) with a stable code that names the field, and changes nothing.
//!
//! What it never does: SQL outside `access/table.rs`, decide, compute amounts, tell a caller what
//! went wrong inside.
//!
//! Every route is served below `/api/v1`, `/rest/api/v1`, `/endpoint/{env}/{service}/rest/api/v1`
//! and `/api/v1/namespaces/{ns}`.
//!
//! Invariants, each with the test that holds it:
//! - a route without a declared permission does not pass (`cargo xtask tidy`, check `routes`);
//! - nothing is read or changed across namespaces, by any route of the description
//!   (`tests/it/tenancy`);
//! - bad input is told by field and code and leaves no fact, and no input at all makes a route fail
//!   inside (`bad_input`, `fuzz`);
//! - the committed `docs/openapi.json` is what the handlers say (`description`; written anew with
//!   `FLORIN_WRITE_OPENAPI=1`).

pub mod access;
mod app;
mod error;
mod exact;
mod extract;
mod layers;
mod routes;
mod wire;

pub(crate) use access::permissions;
pub use app::{App, Engines, Moved};
pub use error::{Error, Problem, Result};
pub use routes::{openapi, router};
