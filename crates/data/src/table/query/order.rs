//! Orders, and going on behind a row. Nothing sorts before everything, on both engines.

use super::Builder;
use super::conditions::unmasked;
use crate::field::{Blank, Field, Is, Shape};
use crate::query::{SortKey, Subject};
use store::{Cell, Kind};

/// Letters of a text by which it is sorted.
const SORTED: usize = 256;

/// The keys of an order, those that break ties included.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    keys: Vec<Key>,
    /// Keep the rows from being looked for in the order of an index.
    apart: bool,
}

#[derive(Debug, Clone)]
struct Key {
    by: By,
    descending: bool,
    /// Whether rows may have nothing there.
    may_lack: bool,
}

#[derive(Debug, Clone)]
enum By {
    Column(&'static str),
    Derived(&'static Field),
    /// A declared path, and whether its values are numbers.
    Declared(String, bool),
}

impl Keys {
    /// The keys a query asks for, or the newest first; then those that break ties, the way the last
    /// of these goes.
    pub(crate) fn new(shape: &'static Shape, sort: &[SortKey]) -> Self {
        let mut keys: Vec<Key> = sort.iter().map(Key::new).collect();
        if keys.is_empty() {
            keys.push(Key {
                by: By::Column(shape.newest),
                descending: true,
                may_lack: false,
            });
        }
        let descending = keys.last().is_some_and(|key| key.descending);
        for column in shape.tie {
            if !keys
                .iter()
                .any(|key| matches!(key.by, By::Column(known) if known == *column))
            {
                keys.push(Key {
                    by: By::Column(column),
                    descending,
                    may_lack: false,
                });
            }
        }
        Self { keys, apart: false }
    }

    /// Whether these could be the values of a row: so many, each of its key's form. A cursor comes
    /// from outside.
    pub(crate) fn fit(&self, shape: &Shape, values: &[Cell]) -> bool {
        let fits = |(key, value): (&Key, &Cell)| match value {
            Cell::Null => key.may_lack,
            Cell::Int(_) => key.form(shape) == Kind::Int,
            Cell::Text(_) => key.form(shape) == Kind::Text,
            Cell::Blob(_) => key.form(shape) == Kind::Blob,
        };
        self.keys.len() == values.len() && self.keys.iter().zip(values).all(fits)
    }

    /// Whether an index has the rows in this order already.
    pub(crate) fn is_indexed(&self, shape: &Shape) -> bool {
        let first_is_newest = matches!(self.keys.first().map(|key| &key.by), Some(By::Column(column)) if *column == shape.newest);
        first_is_newest
            && self.keys.len() == 1 + shape.tie.len()
            && shape.table != "transfer_change"
    }

    /// Have the rows found by the conditions, then sorted.
    pub(crate) fn sort_apart(&mut self) {
        self.apart = true;
    }

    /// Whether the keys compare as one tuple.
    fn is_plain(&self) -> bool {
        let descending = self.keys.first().is_some_and(|key| key.descending);
        self.keys.iter().all(|key| {
            matches!(key.by, By::Column(_)) && !key.may_lack && key.descending == descending
        })
    }
}

impl Key {
    fn new(key: &SortKey) -> Self {
        let descending = key.descending;
        match &key.subject {
            Subject::Field(field) if field.is_stored() && !is_shown_by_name(field) => {
                let never_lacks = field.blank != Blank::Null
                    || ["id", "name", "protocol_id"].contains(&field.column);
                Self {
                    by: By::Column(field.column),
                    descending,
                    may_lack: !never_lacks,
                }
            }
            Subject::Field(field) => Self {
                by: By::Derived(field),
                descending,
                may_lack: true,
            },
            Subject::Declared { path, form, .. } => Self {
                by: By::Declared(path.text.clone(), form.is_number()),
                descending,
                may_lack: true,
            },
            Subject::Label(_) | Subject::Free(_) => {
                unreachable!("nobody sorts by a label or an undeclared path")
            }
        }
    }
}

impl Key {
    /// The form of its values.
    fn form(&self, shape: &Shape) -> Kind {
        match &self.by {
            By::Column(column) => shape.column(column).storage(),
            By::Declared(_, true) => Kind::Blob,
            By::Derived(_) | By::Declared(_, false) => Kind::Text,
        }
    }
}

/// What is sorted by the name of what it refers to, or by a word for its value.
fn is_shown_by_name(field: &Field) -> bool {
    matches!(
        field.is,
        Is::Ref(_) | Is::ParentRef | Is::ParentAsset | Is::Direction
    )
}

impl Builder<'_> {
    fn key(&mut self, key: &Key) -> String {
        match &key.by {
            By::Column(column) => match self.shape.column(column).is {
                // Long texts are in order by how they begin: they would not go into a cursor.
                Is::Masked(_) => {
                    format!("substr({}, 1, {SORTED})", unmasked(&format!("t.{column}")))
                }
                Is::Text(most) if most > SORTED => format!("substr(t.{column}, 1, {SORTED})"),
                _ => format!("t.{column}"),
            },
            By::Derived(field) => match field.is {
                Is::Ref(kind) => self.name_of(kind, &format!("t.{}", field.column)),
                Is::ParentRef => self.parent_shown(),
                Is::ParentAsset => self.parent_asset_shown(),
                _ => self.derived(field),
            },
            By::Declared(path, number) => {
                let (path, kind) = (self.text(path.clone()), self.shape.kind.singular());
                let column = if *number {
                    "number_value"
                } else {
                    "text_value"
                };
                format!(
                    "(SELECT m.{column} FROM metadata_value m
                       WHERE m.namespace = ?ns AND m.type = '{kind}' AND m.object_id = t.id AND m.path = {path})"
                )
            }
        }
    }

    /// The values of the keys, to be selected.
    pub(super) fn key_values(&mut self, keys: &Keys) -> Vec<String> {
        keys.keys.iter().map(|key| self.key(key)).collect()
    }

    /// The ORDER BY.
    pub(super) fn order(&mut self, keys: &Keys) -> String {
        let each = |key: &Key| {
            let expression = self.key(key);
            // An expression is not what the index holds. The first key of an indexed order is a
            // time: a number.
            let expression = if keys.apart && expression == format!("t.{}", self.shape.newest) {
                format!("+{expression}")
            } else {
                expression
            };
            match (key.may_lack, key.descending) {
                (false, false) => expression,
                (false, true) => format!("{expression} DESC"),
                (true, false) => format!("{expression} NULLS FIRST"),
                (true, true) => format!("{expression} DESC NULLS LAST"),
            }
        };
        keys.keys.iter().map(each).collect::<Vec<_>>().join(", ")
    }

    /// What comes behind a row with these values.
    pub(super) fn behind(&mut self, keys: &Keys, after: &[Cell]) -> String {
        if keys.is_plain() {
            let columns: Vec<String> = keys.keys.iter().map(|key| self.key(key)).collect();
            let values: Vec<String> = after.iter().map(|cell| self.cell(cell)).collect();
            let sign = if keys.keys[0].descending { "<" } else { ">" };
            return format!("({}) {sign} ({})", columns.join(", "), values.join(", "));
        }
        let mut alternatives: Vec<String> = Vec::new();
        for place in 0..keys.keys.len() {
            let mut parts: Vec<String> = Vec::new();
            for (key, value) in keys.keys[..place].iter().zip(after) {
                parts.push(self.level(key, value));
            }
            parts.push(self.beyond(&keys.keys[place], &after[place]));
            alternatives.push(format!("({})", parts.join(" AND ")));
        }
        format!("({})", alternatives.join(" OR "))
    }

    fn level(&mut self, key: &Key, value: &Cell) -> String {
        let expression = self.key(key);
        match value {
            Cell::Null => format!("{expression} IS NULL"),
            value => format!("{expression} = {}", self.cell(value)),
        }
    }

    fn beyond(&mut self, key: &Key, value: &Cell) -> String {
        let expression = self.key(key);
        match (value, key.descending) {
            (Cell::Null, false) => format!("{expression} IS NOT NULL"),
            (Cell::Null, true) => "1 = 0".to_owned(),
            (value, false) => format!("{expression} > {}", self.cell(value)),
            (value, true) => {
                let less = format!("{expression} < {}", self.cell(value));
                if key.may_lack {
                    format!("({less} OR {} IS NULL)", self.key(key))
                } else {
                    less
                }
            }
        }
    }
}
