//! Resources with a name, which callers of `policy`, `workflow` and `keys` read, put, change and
//! delete in the same way.
//!
//! Wallets and their keys share reading and [`change`] only: creating them makes keys, and they are
//! neither replaced nor deleted.

pub use crate::table::named::{Meta, NameErrors, Named};

use crate::{Db, Error, Fact, LeasedDb, Tx};
use serde::Serialize;
use types::{Page, Principal};

/// A named resource with a description in its facts.
pub trait Described: Named {
    /// Add the payload of a fact about it.
    fn describe(&self, tx: &mut Tx, fact: Fact) -> Result<Fact, Self::Error>;
}

impl<R: Named + Serialize> Described for R {
    fn describe(&self, _: &mut Tx, fact: Fact) -> Result<Fact, Self::Error> {
        Ok(fact.payload(self))
    }
}

/// A named resource that callers put and delete.
pub trait Resource: Described {
    /// A validated request to create or replace it.
    type New: Send + 'static;
    /// The kind of the fact that it was created.
    const CREATED: &'static str;
    /// The kind of the fact that it was updated.
    const UPDATED: &'static str;
    /// The kind of the fact that it was deleted.
    const DELETED: &'static str;

    /// The name that the request gives an existing one. A new one has that in the path.
    fn new_name(new: &Self::New) -> Option<&str>;

    /// The row to write.
    fn build(
        tx: &mut Tx,
        meta: Meta<Self::Id>,
        new: &Self::New,
        before: Option<&Self>,
    ) -> Result<Self, Self::Error>;

    /// The namespace has as many as it may have.
    fn too_many(limit: usize) -> Self::Error;

    /// Delete what belongs to it; an error if something refers to it.
    fn delete_parts(&self, _: &mut Tx) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Add the payload of the fact that it was deleted.
    fn describe_deleted(&self, tx: &mut Tx, fact: Fact) -> Result<Fact, Self::Error> {
        self.describe(tx, fact)
    }
}

/// Read a resource by its name or id.
pub async fn get<R: Named>(
    db: &Db,
    principal: &Principal,
    within: R::Within,
    name_or_id: &str,
) -> Result<R, R::Error> {
    let read = move |tx: &mut Tx, path: &String| R::require(tx, within, path);
    db.read_with(&principal.namespace, name_or_id.to_owned(), read)
        .await
}

/// Read a page of resources, in the order of [`Named::ORDER`].
pub async fn list<R: Named>(
    db: &Db,
    principal: &Principal,
    within: R::Within,
    page: &Page,
) -> Result<Vec<R>, R::Error> {
    let read = move |tx: &mut Tx, page: &Page| Ok(R::list(tx, within, page)?);
    db.read_with(&principal.namespace, page.clone(), read).await
}

/// Create a resource with this name or replace the existing one; with an id, only replace. A new
/// one has version 1.
pub async fn put<R: Resource<Within = ()>>(
    db: LeasedDb<'_>,
    principal: &Principal,
    name_or_id: &str,
    new: R::New,
    limit: usize,
) -> Result<R, R::Error> {
    type Args<New> = (Principal, String, New);
    let args = (principal.clone(), name_or_id.to_owned(), new);
    let put = move |tx: &mut Tx, (principal, path, new): &Args<R::New>| {
        put_in(tx, principal, (), path, new, limit)
    };
    db.write_with(&principal.namespace, args, put).await
}

/// The same in a transaction. Errors: those of [`NameErrors`], and [`Resource::too_many`] if it is
/// new and the namespace has `limit` of them.
pub fn put_in<R: Resource>(
    tx: &mut Tx,
    principal: &Principal,
    within: R::Within,
    path: &str,
    new: &R::New,
    limit: usize,
) -> Result<R, R::Error> {
    let is_id = path.parse::<R::Id>().is_ok();
    if !is_id {
        R::check_rules(path)?;
    }
    let before = R::find(tx, within, path)?;
    let is_new = before.is_none();
    if is_new && is_id {
        return Err(NameErrors::unknown(R::NOUN, path.to_owned()));
    }
    if is_new && R::count(tx)? >= limit as u64 {
        return Err(R::too_many(limit));
    }
    let now = tx.now();
    let mut meta = before.as_ref().map(R::meta).unwrap_or_else(|| Meta {
        id: R::new_id(now, tx.entropy()),
        name: path.to_owned(),
        created: now,
        updated: now,
        version: 0,
    });
    meta.updated = now;
    meta.version += 1;
    if let Some(name) = R::new_name(new).filter(|_| !is_new) {
        name.clone_into(&mut meta.name);
    }
    let row = R::build(tx, meta, new, before.as_ref())?;
    if is_new {
        save(tx, principal, R::CREATED, row, true)
    } else {
        row.check_name(tx)?;
        save(tx, principal, R::UPDATED, row, false)
    }
}

/// Write a changed resource as its next version, with a fact of this kind.
pub fn change<R: Described>(
    tx: &mut Tx,
    principal: &Principal,
    kind: &'static str,
    mut row: R,
) -> Result<R, R::Error> {
    row.touch(tx.now());
    row.check_name(tx)?;
    save(tx, principal, kind, row, false)
}

fn save<R: Described>(
    tx: &mut Tx,
    principal: &Principal,
    kind: &'static str,
    row: R,
    is_new: bool,
) -> Result<R, R::Error> {
    let is_saved = if is_new {
        R::insert(tx, std::slice::from_ref(&row), "ON CONFLICT DO NOTHING")? == 1
    } else {
        row.update(tx)?
    };
    if !is_saved {
        return Err(Error::Contended { attempts: 1 }.into());
    }
    let fact = fact(tx, kind, &row)?;
    tx.append(fact.actor(principal));
    Ok(row)
}

/// Delete a resource, unless something refers to it.
pub async fn delete<R: Resource>(
    db: LeasedDb<'_>,
    principal: &Principal,
    within: R::Within,
    name_or_id: &str,
) -> Result<(), R::Error> {
    let args = (principal.clone(), name_or_id.to_owned());
    let delete = move |tx: &mut Tx, (principal, path): &(Principal, String)| {
        let mut row = R::require(tx, within, path)?;
        row.delete_parts(tx)?;
        Named::delete(&row, tx)?;
        row.touch(tx.now());
        let fact = row.describe_deleted(tx, subject_fact(R::DELETED, &row))?;
        tx.append(fact.actor(principal));
        Ok(())
    };
    db.write_with(&principal.namespace, args, delete).await
}

/// A fact about a resource, without an actor.
pub fn fact<R: Described>(tx: &mut Tx, kind: &'static str, row: &R) -> Result<Fact, R::Error> {
    row.describe(tx, subject_fact(kind, row))
}

fn subject_fact<R: Named>(kind: &'static str, row: &R) -> Fact {
    let Meta { id, version, .. } = row.meta();
    Fact::new(kind, 1).subject(&id, version)
}
