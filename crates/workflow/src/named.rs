//! Resources with a name: bindings, variable sets, tasks and listeners are created, replaced, read
//! and deleted in the same way.

use crate::table::named::{self as table, Named};
use crate::{Error, Result, Workflow, names};
use store::{Fact, Tx};
use types::{Entropy, Page, Principal, Time};

/// A named resource that callers put and delete.
pub(crate) trait Resource: Named {
    /// A validated request to create or replace it.
    type New: Send + 'static;
    const FACTS: FactKinds;
    /// What a namespace has a limited number of, as field and in words.
    const FIELD: &'static str;
    const UNIT: &'static str;

    fn new_id(now: Time, entropy: &dyn Entropy) -> Self::Id;

    /// The name it will have. `current` is the present name, or that in the path if it is new.
    fn choose_name<'n>(new: &'n Self::New, current: &'n str, is_new: bool) -> Result<&'n str>;

    fn build(
        tx: &mut Tx,
        meta: Meta<Self::Id>,
        new: &Self::New,
        before: Option<&Self>,
    ) -> Result<Self>;

    /// A fact about it, without an actor.
    fn fact(&self, kind: &'static str) -> Fact;

    /// The fact with what other tables hold of the resource.
    fn complete(&self, _tx: &mut Tx, fact: Fact) -> Result<Fact> {
        Ok(fact)
    }

    /// What refers to it and prevents its deletion.
    fn referrer(&self, _tx: &mut Tx) -> Result<Option<String>> {
        Ok(None)
    }

    /// Deletes what belongs to it.
    fn delete_parts(&self, _tx: &mut Tx) -> Result<()> {
        Ok(())
    }
}

/// The kinds of facts about a resource.
pub(crate) struct FactKinds {
    pub(crate) created: &'static str,
    pub(crate) updated: &'static str,
    pub(crate) deleted: &'static str,
}

/// The members that every resource has.
pub(crate) struct Meta<Id> {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) created: Time,
    pub(crate) updated: Time,
    pub(crate) version: u64,
}

/// Creates a resource with this name or replaces the existing one; with an id, only replaces.
/// Returns whether it is new.
pub(crate) async fn put<R: Resource<Within = ()>>(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    new: R::New,
) -> Result<(R, bool)> {
    let limit = workflow.settings().named_objects_per_namespace;
    let args = (name_or_id.to_owned(), new);
    let put = move |tx: &mut Tx, principal: &Principal, (path, new): &(String, R::New)| {
        let (row, before) = put_in::<R>(tx, principal, (), path, new, limit)?;
        Ok((row, before.is_none()))
    };
    workflow.write(principal, args, put).await
}

/// The same in a transaction. Returns the resource as it was before, too.
pub(crate) fn put_in<R: Resource>(
    tx: &mut Tx,
    principal: &Principal,
    within: R::Within,
    path: &str,
    new: &R::New,
    limit: usize,
) -> Result<(R, Option<R>)> {
    let before: Option<R> = table::find(tx, within, path)?;
    if before.is_none() && path.parse::<R::Id>().is_ok() {
        return Err(Error::unknown(R::NOUN, path));
    }
    let current = before.as_ref().map_or(path, Named::name);
    let name = R::choose_name(new, current, before.is_none())?;
    let name = names::validate_name("name", name)?;
    if before.is_none() && table::count::<R>(tx)? >= limit as u64 {
        return Err(Error::limit(R::FIELD, R::UNIT, limit));
    }
    let now = tx.now();
    let meta = Meta {
        id: before
            .as_ref()
            .map_or_else(|| R::new_id(now, tx.entropy()), Named::id),
        name,
        created: before.as_ref().map_or(now, Named::created),
        updated: now,
        version: before.as_ref().map_or(1, |before| before.version() + 1),
    };
    let row = R::build(tx, meta, new, before.as_ref())?;
    let kind = if before.is_some() {
        R::FACTS.updated
    } else {
        R::FACTS.created
    };
    store(tx, principal, within, kind, row).map(|row| (row, before))
}

/// Writes a new or changed resource, unless its name is taken.
pub(crate) fn store<R: Resource>(
    tx: &mut Tx,
    principal: &Principal,
    within: R::Within,
    kind: &'static str,
    row: R,
) -> Result<R> {
    let other: Option<R> = table::find(tx, within, row.name())?;
    if other.is_some_and(|other| other.id() != row.id()) {
        return Err(Error::NameTaken {
            noun: R::NOUN,
            name: row.name().to_owned(),
        });
    }
    let rows = [row];
    if R::upsert(tx, &rows)? != 1 {
        return Err(store::Error::Contended { attempts: 1 }.into());
    }
    let [row] = rows;
    let fact = row.complete(tx, row.fact(kind))?;
    tx.append(fact.actor(principal));
    Ok(row)
}

pub(crate) async fn get<R: Resource>(
    workflow: &Workflow,
    principal: &Principal,
    within: R::Within,
    name_or_id: &str,
) -> Result<R> {
    let read = move |tx: &mut Tx, path: &String| table::require(tx, within, path);
    workflow.read(principal, name_or_id.to_owned(), read).await
}

/// In the order of their names.
pub(crate) async fn list<R: Resource>(
    workflow: &Workflow,
    principal: &Principal,
    within: R::Within,
    page: &Page,
) -> Result<Vec<R>> {
    let read = move |tx: &mut Tx, page: &Page| table::list(tx, within, page);
    workflow.read(principal, page.clone(), read).await
}

pub(crate) async fn delete<R: Resource>(
    workflow: &Workflow,
    principal: &Principal,
    within: R::Within,
    name_or_id: &str,
) -> Result<()> {
    let delete = move |tx: &mut Tx, principal: &Principal, path: &String| {
        let row: R = table::require(tx, within, path)?;
        if let Some(referrer) = row.referrer(tx)? {
            return Err(Error::Referenced {
                noun: R::NOUN,
                name: path.clone(),
                referrer,
            });
        }
        row.delete_parts(tx)?;
        table::delete::<R>(tx, row.id())?;
        let fact = row.complete(tx, row.fact(R::FACTS.deleted))?;
        tx.append(fact.actor(principal));
        Ok(())
    };
    let args = name_or_id.to_owned();
    workflow.write(principal, args, delete).await
}
