//! The handle that every function takes, and its limits.

use serde::{Deserialize, Serialize};
use store::{Db, Lease, LeasedDb};

/// What the registry works with.
#[derive(Clone)]
pub struct Parts {
    pub db: Db,
    /// The partition that receives the facts of [`register`](crate::register).
    pub lease: Lease,
}

/// Limits of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub contracts_per_namespace: usize,
    pub interfaces_per_namespace: usize,
    /// The longest interface as JSON, in bytes.
    pub interface_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            contracts_per_namespace: 100_000,
            interfaces_per_namespace: 20_000,
            interface_bytes: 1 << 20,
        }
    }
}

/// The contracts of an installation. Cheap to clone.
#[derive(Clone)]
pub struct Contracts {
    parts: Parts,
    settings: Settings,
}

impl Contracts {
    /// Build the engine.
    pub fn new(parts: Parts, settings: Settings) -> Self {
        Self { parts, settings }
    }

    /// The limits, for [`ensure`](crate::ensure) and [`add_interface`](crate::add_interface).
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn db(&self) -> &Db {
        &self.parts.db
    }

    /// The database on the partition of this process.
    pub(crate) fn on(&self) -> LeasedDb<'_> {
        self.db().on(&self.parts.lease)
    }
}
