//! Lists that policies look up, such as the accounts that may be paid. Written by controllers.
//!
//! An entry counts only after the cooling time of its list, by the clock of the database, so that
//! somebody else can see it before money moves. Each change has a fact and increases the policy
//! revision of the namespace.

mod entry;
mod lookup;

pub use entry::{NewEntry, add_entries, entries, remove_entry};
pub(crate) use lookup::{LIST_LOOKUPS, answer};

use crate::table::list::{List, ListKind, ShorterCooling};
use crate::{Error, Policy, Result, table};
use serde::Deserialize;
use store::named::{self, Meta, Named as _, Resource};
use store::{ScopedTable as _, Tx};
use types::{Characters, ListId, NameRule, Page, Principal, Time};
use utoipa::ToSchema;

const NAME: NameRule = NameRule::new(64, Characters::Identifier);
/// The longest description, in bytes.
const MAX_DESCRIPTION: usize = 16 * 1024;
/// A day.
const DEFAULT_COOLING_MS: u64 = 86_400_000;
/// A year.
const MAX_COOLING_MS: u64 = 366 * DEFAULT_COOLING_MS;

/// A list to create or to change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(as = ListInput)]
pub struct NewList {
    /// The name. Must be the name in the path.
    pub name: Option<String>,
    /// `account` or `call`. Required for a new list, and never changes.
    pub kind: Option<ListKind>,
    pub description: Option<String>,
    /// How long a new entry waits before it counts, in milliseconds. Defaults to a day. A longer
    /// time applies at once, a shorter one after the previous time.
    pub cooling_ms: Option<u64>,
}

/// Create a list with this name, or change the existing one. What `new` leaves out stays. Errors:
/// `policy.unknown_list`, `policy.invalid_list`, `policy.limit_exceeded`.
pub async fn put_list(
    policy: &Policy,
    principal: &Principal,
    name_or_id: &str,
    new: NewList,
) -> Result<List> {
    check(name_or_id, &new)?;
    let limit = policy.settings.limits.lists_per_namespace;
    named::put(policy.on(), principal, name_or_id, new, limit).await
}

/// A list by its name or id. Error: `policy.unknown_list`.
pub async fn list(policy: &Policy, principal: &Principal, name_or_id: &str) -> Result<List> {
    let read = |tx: &mut Tx, path: &String| {
        let list = List::require(tx, (), path)?;
        Ok(list.at(tx.now()))
    };
    let read = policy
        .db()
        .read_with(&principal.namespace, name_or_id.to_owned(), read);
    read.await
}

/// A page of lists, ordered by name; `page.after` is a name.
pub async fn lists(policy: &Policy, principal: &Principal, page: &Page) -> Result<Vec<List>> {
    let read = |tx: &mut Tx, page: &Page| {
        let (lists, now) = (List::list(tx, (), page)?, tx.now());
        Ok(lists.into_iter().map(|list| list.at(now)).collect())
    };
    let read = policy
        .db()
        .read_with(&principal.namespace, page.clone(), read);
    read.await
}

fn check(name_or_id: &str, new: &NewList) -> Result<()> {
    if name_or_id.parse::<ListId>().is_err() && !NAME.accepts(name_or_id) {
        return Err(Error::invalid_list(
            "name",
            format!("a list's name is {NAME}"),
        ));
    }
    let description = new.description.as_deref().unwrap_or_default();
    if description.len() > MAX_DESCRIPTION || description.contains('\0') {
        let what = "bytes in a description, none of them NUL";
        return Err(Error::too_long("description", what, MAX_DESCRIPTION));
    }
    if new
        .cooling_ms
        .is_some_and(|cooling_ms| cooling_ms > MAX_COOLING_MS)
    {
        let why = format!("at most {MAX_COOLING_MS}, a year");
        return Err(Error::invalid_list("coolingMs", why));
    }
    Ok(())
}

impl List {
    /// The list as it is at a time: with the cooling time that applies then.
    fn at(self, now: Time) -> Self {
        match self.shorter {
            Some(shorter) if shorter.from <= now => Self {
                cooling_ms: shorter.cooling_ms,
                shorter: None,
                ..self
            },
            _ => self,
        }
    }

    /// Set the cooling time: a longer one at once, also for the entries that do not count yet; a
    /// shorter one when the present one has passed.
    fn cool(&mut self, tx: &mut Tx, cooling_ms: u64) -> Result<()> {
        let is_planned = (self.shorter).is_some_and(|shorter| shorter.cooling_ms == cooling_ms);
        if is_planned {
            return Ok(());
        }
        if cooling_ms >= self.cooling_ms {
            (self.cooling_ms, self.shorter) = (cooling_ms, None);
            table::list::prolong(tx, self.id, cooling_ms)?;
        } else {
            let from = tx.now().plus_millis(self.cooling_ms.cast_signed());
            self.shorter = Some(ShorterCooling { cooling_ms, from });
        }
        Ok(())
    }

    /// The row after a change of its entries.
    fn changed(self, tx: &mut Tx, entries: u64) -> Result<Self> {
        let mut list = Self { entries, ..self };
        list.updated = tx.now();
        list.version += 1;
        if !list.update(tx)? {
            return Err(store::Error::Contended { attempts: 1 }.into());
        }
        table::revision::bump(tx)?;
        Ok(list)
    }
}

impl Resource for List {
    type New = NewList;
    const CREATED: &'static str = "policy.list_created";
    const UPDATED: &'static str = "policy.list_updated";
    const DELETED: &'static str = "policy.list_deleted";

    /// A list keeps its name, which is what policies look up.
    fn new_name(_: &NewList) -> Option<&str> {
        None
    }

    fn build(
        tx: &mut Tx,
        meta: Meta<ListId>,
        new: &NewList,
        before: Option<&Self>,
    ) -> Result<Self> {
        table::revision::bump(tx)?;
        let Some(before) = before else {
            let kind = new.kind.ok_or_else(|| {
                Error::invalid_list("kind", "a new list needs a kind: account or call")
            })?;
            return Ok(Self {
                id: meta.id,
                name: meta.name,
                kind,
                description: new.description.clone().unwrap_or_default(),
                cooling_ms: new.cooling_ms.unwrap_or(DEFAULT_COOLING_MS),
                shorter: None,
                entries: 0,
                version: meta.version,
                created: meta.created,
                updated: meta.updated,
            });
        };
        if new.kind.is_some_and(|kind| kind != before.kind) {
            let why = "a list keeps its kind: create another list";
            return Err(Error::invalid_list("kind", why));
        }
        let description = new.description.clone();
        let mut list = Self {
            description: description.unwrap_or_else(|| before.description.clone()),
            version: meta.version,
            updated: meta.updated,
            ..before.clone().at(meta.updated)
        };
        if let Some(cooling_ms) = new.cooling_ms {
            list.cool(tx, cooling_ms)?;
        }
        Ok(list)
    }

    fn too_many(limit: usize) -> Error {
        Error::too_many("lists in a namespace", limit)
    }
}
