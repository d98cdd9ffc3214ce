//! Taking leases, and writing under them.

use crate::closure::TxResult;
use crate::db::Db;
use crate::partition::Partition;
use crate::table::lease::{self as table, LeaseRequest};
use crate::{Lease, Result, Tx, UnscopedTx};
use std::future::Future;
use types::{Namespace, Principal};

/// A database together with the leased partition that its writes and facts go to.
pub struct LeasedDb<'d> {
    db: &'d Db,
    partition: Partition,
}

impl Db {
    /// Write on the partition that this lease owns.
    pub fn on(&self, lease: &Lease) -> LeasedDb<'_> {
        LeasedDb {
            db: self,
            partition: lease.partition().clone(),
        }
    }

    /// Take the lease of a partition; none while another owner holds it.
    pub async fn lease(&self, name: &str, ttl_ms: u64) -> Result<Option<Lease>> {
        let request = LeaseRequest {
            partition: name.to_owned(),
            holder: self.holder().to_owned(),
            ttl_ms,
            sole: self.is_sole_process(),
        };
        let started_at_ms = self.clock().monotonic_ms();
        let taken = self.maintain(move |tx| table::take(tx, &request)).await?;
        Ok(taken.map(|partition| Lease::new(partition, ttl_ms, started_at_ms)))
    }

    /// Take the first free partition of `name/0`, `name/1`, … `name/(slots-1)`.
    pub async fn lease_slot(&self, name: &str, slots: u32, ttl_ms: u64) -> Result<Option<Lease>> {
        for slot in 0..slots {
            if let Some(lease) = self.lease(&format!("{name}/{slot}"), ttl_ms).await? {
                return Ok(Some(lease));
            }
        }
        Ok(None)
    }

    /// Renew a lease. [`Error::Fenced`] once another owner has taken it or it was released; the
    /// lease is then lost for good.
    pub async fn renew(&self, lease: &Lease) -> Result<()> {
        if lease.is_lost() {
            return Err(lease.fenced());
        }
        let (partition, ttl_ms) = (lease.partition().clone(), lease.ttl_ms());
        let started_at_ms = self.clock().monotonic_ms();
        let held = self
            .maintain(move |tx| table::renew(tx, &partition, ttl_ms))
            .await?;
        if held {
            lease.renewed(started_at_ms);
            return Ok(());
        }
        lease.lose();
        Err(lease.fenced())
    }

    /// Release a lease, so that another process can take it at once.
    pub async fn release(&self, lease: &Lease) -> Result<()> {
        lease.lose();
        let partition = lease.partition().clone();
        self.maintain(move |tx| table::release(tx, &partition))
            .await
    }

    /// Maintain leases. These writes are not fenced, because they are what fencing relies on.
    fn maintain<T, F>(&self, write: F) -> impl Future<Output = Result<T>> + use<T, F>
    where
        F: FnMut(&mut UnscopedTx) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.queue(None, write)
    }
}

impl LeasedDb<'_> {
    /// Write within one namespace. The closure may run more than once and must have no side effect
    /// outside the transaction.
    ///
    /// This call queues the closure, not the first poll, and the closure runs even if the future is
    /// dropped. [`Error::Database`] may mean that the connection broke during the commit and that
    /// its outcome is unknown, so commands that must not happen twice carry an idempotency key
    /// or a version.
    pub fn write<R, F>(
        &self,
        namespace: &Namespace,
        mut write: F,
    ) -> impl Future<Output = R> + use<R, F>
    where
        F: FnMut(&mut Tx) -> R + Send + 'static,
        R: TxResult,
    {
        let namespace = *namespace;
        self.write_unscoped(move |tx| write(&mut tx.scoped(&namespace)))
    }

    /// Write across namespaces: only for chain ingestion and claims of workers.
    pub fn write_unscoped<R, F>(&self, write: F) -> impl Future<Output = R> + use<R, F>
    where
        F: FnMut(&mut UnscopedTx) -> R + Send + 'static,
        R: TxResult,
    {
        self.db.queue(Some(self.partition.clone()), write)
    }

    /// As [`LeasedDb::write`], with arguments that the closure borrows, since it may run again.
    pub fn write_with<A, R, F>(
        &self,
        namespace: &Namespace,
        args: A,
        mut write: F,
    ) -> impl Future<Output = R> + use<A, R, F>
    where
        A: Send + 'static,
        F: FnMut(&mut Tx, &A) -> R + Send + 'static,
        R: TxResult,
    {
        self.write(namespace, move |tx| write(tx, &args))
    }

    /// As [`LeasedDb::write_with`], in the namespace of a principal, whom the closure borrows too.
    pub fn write_as<A, R, F>(
        &self,
        principal: &Principal,
        args: A,
        mut write: F,
    ) -> impl Future<Output = R> + use<A, R, F>
    where
        A: Send + 'static,
        F: FnMut(&mut Tx, &Principal, &A) -> R + Send + 'static,
        R: TxResult,
    {
        let args = (principal.clone(), args);
        self.write_with(&principal.namespace, args, move |tx, (principal, args)| {
            write(tx, principal, args)
        })
    }

    /// As [`LeasedDb::write_unscoped`], with arguments that the closure borrows.
    pub fn write_unscoped_with<A, R, F>(
        &self,
        args: A,
        mut write: F,
    ) -> impl Future<Output = R> + use<A, R, F>
    where
        A: Send + 'static,
        F: FnMut(&mut UnscopedTx, &A) -> R + Send + 'static,
        R: TxResult,
    {
        self.write_unscoped(move |tx| write(tx, &args))
    }
}
