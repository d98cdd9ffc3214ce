//! Rows with an id and a name: found by either, and listed.

use crate::{Error, FromRow, ScopedTable, ToValue, Tx, Updatable, Value};
use std::fmt::Display;
use std::str::FromStr;
use types::{Entropy, Page, Time};

/// A row with an id and a name. [`named!`](crate::named!) implements it.
pub trait Named: ScopedTable + Updatable + FromRow + Send + 'static {
    type Id: Copy + PartialEq + Display + FromStr + ToValue;
    /// Where names are unique: `()` is the namespace.
    type Within: Copy + Send + 'static;
    type Error: NameErrors;
    /// What messages call the resource.
    const NOUN: &'static str;
    /// The column that orders a list. The cursor of a page is its last value.
    const ORDER: &'static str = "name";

    /// A new id.
    fn new_id(now: Time, entropy: &dyn Entropy) -> Self::Id;

    /// The members that every resource has.
    fn meta(&self) -> Meta<Self::Id>;

    /// Make it the next version.
    fn touch(&mut self, now: Time);

    /// The part of the namespace in which its name is unique.
    fn within(&self) -> Self::Within;

    /// The column that holds this part, and its value.
    fn part(_: &Self::Within) -> Option<(&'static str, Value<'_>)> {
        None
    }

    /// The row with an id or a name.
    fn find(tx: &mut Tx, within: Self::Within, name_or_id: &str) -> Result<Option<Self>, Error> {
        // No name is an id.
        let by = match name_or_id.parse::<Self::Id>() {
            Ok(_) => "AND id = ?1",
            Err(_) => "AND name = ?1",
        };
        Ok(select(tx, &within, by, vec![name_or_id.to_value()])?.pop())
    }

    /// The same; an error if it does not exist.
    fn require(tx: &mut Tx, within: Self::Within, name_or_id: &str) -> Result<Self, Self::Error> {
        let row = Self::find(tx, within, name_or_id)?;
        row.ok_or_else(|| NameErrors::unknown(Self::NOUN, name_or_id.to_owned()))
    }

    /// A page in the order of [`Named::ORDER`].
    fn list(tx: &mut Tx, within: Self::Within, page: &Page) -> Result<Vec<Self>, Error> {
        let order = Self::ORDER;
        let rest = format!("AND {order} > ?1 ORDER BY {order} LIMIT ?2 OFFSET ?3");
        let after = page.after.as_deref().unwrap_or_default();
        let params = vec![
            after.to_value(),
            page.limit.to_value(),
            page.skip.to_value(),
        ];
        select(tx, &within, &rest, params)
    }

    /// The number of rows in the namespace.
    fn count(tx: &mut Tx) -> Result<u64, Error> {
        let sql = format!("SELECT COUNT(*) FROM {} WHERE namespace = ?ns", Self::TABLE);
        tx.count(&sql, ())
    }

    /// Delete the row.
    fn delete(&self, tx: &mut Tx) -> Result<(), Error> {
        let sql = format!(
            "DELETE FROM {} WHERE namespace = ?ns AND id = ?1",
            Self::TABLE
        );
        tx.execute(&sql, (self.meta().id,)).map(drop)
    }

    /// Check that a name follows the rules of the engine, and is not an id: paths accept both.
    fn check_rules(name: &str) -> Result<(), Self::Error> {
        if Self::Error::accepts(name) && name.parse::<Self::Id>().is_err() {
            Ok(())
        } else {
            Err(NameErrors::invalid_name())
        }
    }

    /// Check that it may have its name, and that no other row has it.
    fn check_name(&self, tx: &mut Tx) -> Result<(), Self::Error> {
        let Meta { id, name, .. } = self.meta();
        Self::check_rules(&name)?;
        match Self::find(tx, self.within(), &name)? {
            Some(other) if other.meta().id != id => Err(NameErrors::name_taken(Self::NOUN, name)),
            _ => Ok(()),
        }
    }
}

/// The members that every resource has.
pub struct Meta<Id> {
    pub id: Id,
    pub name: String,
    pub created: Time,
    pub updated: Time,
    pub version: u64,
}

/// The errors of an engine about the names of its resources.
pub trait NameErrors: From<Error> + Send + 'static {
    /// Whether a name follows the rules of the engine.
    fn accepts(name: &str) -> bool;

    /// A name does not follow the rules, or is an id.
    fn invalid_name() -> Self;

    /// There is no resource with this name or id.
    fn unknown(noun: &'static str, name_or_id: String) -> Self;

    /// Another resource has this name.
    fn name_taken(noun: &'static str, name: String) -> Self;
}

fn select<'v, R: Named>(
    tx: &mut Tx,
    within: &'v R::Within,
    rest: &str,
    mut params: Vec<Value<'v>>,
) -> Result<Vec<R>, Error> {
    let mut part = String::new();
    if let Some((column, value)) = R::part(within) {
        params.push(value);
        part = format!("AND {column} = ?{}", params.len());
    }
    let sql = R::select(&format!("WHERE namespace = ?ns {part} {rest}"));
    tx.rows(&sql, params)
}

/// Implement [`Named`] by the fields `id`, `name`, `created`, `updated` and `version`, which is a
/// `next_version`; and by the field that holds the part in which names are unique.
///
/// ```text
/// store::named!(Task, TaskId, Error, "task");
/// store::named!(NamedKey, KeyId, Error, "key", within wallet: WalletId, by "id");
/// ```
#[macro_export]
macro_rules! named {
    (
        $row:ty, $id:ty, $error:ty, $noun:literal
        $(, within $part:ident: $within:ty)? $(, by $order:literal)?
    ) => {
        impl $crate::named::Named for $row {
            type Id = $id;
            type Within = ($($within)?);
            type Error = $error;
            const NOUN: &'static str = $noun;
            $(const ORDER: &'static str = $order;)?

            fn new_id(now: ::types::Time, entropy: &dyn ::types::Entropy) -> $id {
                <$id>::new(now, entropy)
            }

            fn meta(&self) -> $crate::named::Meta<$id> {
                $crate::named::Meta {
                    id: self.id,
                    name: self.name.clone(),
                    created: self.created,
                    updated: self.updated,
                    version: self.version,
                }
            }

            fn touch(&mut self, now: ::types::Time) {
                self.updated = now;
                self.version += 1;
            }

            fn within(&self) -> Self::Within {
                $(self.$part)?
            }

            $(fn part(within: &$within) -> Option<(&'static str, $crate::Value<'_>)> {
                Some((stringify!($part), $crate::ToValue::to_value(within)))
            })?
        }
    };
}
