//! The handle that every function takes, and its limits.

use crate::Result;
use serde::{Deserialize, Serialize};
use store::{Db, Lease, Tx};
use types::Principal;

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

    /// Reads in the namespace of a principal.
    pub(crate) fn read<A, T, F>(
        &self,
        principal: &Principal,
        args: A,
        read: F,
    ) -> impl Future<Output = Result<T>> + use<A, T, F>
    where
        A: Send + 'static,
        F: FnMut(&mut Tx, &A) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.parts.db.read_with(&principal.namespace, args, read)
    }

    /// Writes in the namespace of a principal. The closure may run more than once.
    pub(crate) async fn write<A, T, F>(
        &self,
        principal: &Principal,
        args: A,
        mut write: F,
    ) -> Result<T>
    where
        A: Send + 'static,
        F: FnMut(&mut Tx, &Settings, &Principal, &A) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let args = (self.settings, principal.clone(), args);
        self.parts
            .db
            .on(&self.parts.lease)
            .write_with(
                &principal.namespace,
                args,
                move |tx, (settings, principal, args)| write(tx, settings, principal, args),
            )
            .await
    }
}
