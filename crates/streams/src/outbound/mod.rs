//! HTTP calls to addresses that users of Florin name: webhooks, and the HTTP steps of tasks.
//!
//! Whoever may name an address may try to make Florin speak to its own neighbours: the metadata
//! service of a cloud, a database behind the firewall, the loopback interface. A [`Guard`] refuses
//! those, unless the configuration allows them, at three places: when the address is read (a
//! literal address in the URL), after a name was resolved (the connection goes to the very address
//! that was checked, so that a name that changes its mind finds no gap), and again on each
//! redirect. An [`Outbound`] keeps the rest within limits: time, redirects, the size of the answer.
//!
//! What it never does: use a proxy of the environment, follow a redirect to a plain connection from
//! a secure one, carry the caller's headers to another origin, speak anything but HTTP, depend on
//! the rest of this crate.

mod address;
mod client;
mod failure;
mod guard;
mod message;
mod redirect;
mod resolve;

pub use address::forbidden;
pub use client::{Outbound, Settings};
pub use failure::Failure;
pub use guard::{Guard, Rule, RuleError};
pub use message::{Method, Request, Response};
pub use resolve::{Lookup, SystemLookup};
