//! The SQL of a table, as text: built when the program is compiled, so that it costs nothing later.

use crate::attributes::{Column, Declaration, NAMESPACE, Table, Version};

/// The statements of a table in one scope. Those that need a key are empty without one.
pub(crate) struct Statements {
    pub(crate) insert: String,
    pub(crate) upsert: String,
    pub(crate) update: String,
    pub(crate) update_all: String,
}

impl Statements {
    pub(crate) fn new(declaration: &Declaration<'_>, table: &Table, scoped: bool) -> Self {
        let parts = Parts::new(declaration, scoped);
        let insert = parts.insert(&table.name);
        let updates = declaration.is_updatable();
        let only_if = |condition: bool, text: String| if condition { text } else { String::new() };
        Self {
            upsert: only_if(
                declaration.is_upsertable(),
                parts.upsert(&insert, &table.name),
            ),
            update: only_if(updates, parts.update(&table.name)),
            update_all: only_if(updates && !scoped, parts.update_all(&table.name)),
            insert,
        }
    }
}

impl Declaration<'_> {
    pub(crate) fn is_updatable(&self) -> bool {
        self.fields.iter().any(|field| field.key)
    }

    /// Whether a row may replace another: it holds the version that it will have.
    pub(crate) fn is_upsertable(&self) -> bool {
        let as_read = |field: &Column<'_>| field.version == Some(Version::AsRead);
        self.is_updatable() && !self.fields.iter().any(as_read)
    }

    /// All columns.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields
            .iter()
            .flat_map(|field| field.names.iter().map(String::as_str))
    }

    /// The fields of the parameters of an update, in order: the key, what is set, the version.
    pub(crate) fn update_fields(&self) -> impl Iterator<Item = &Column<'_>> {
        let keys = self
            .fields
            .iter()
            .filter(|field| field.key || field.is_namespace());
        let set = self.fields.iter().filter(|field| field.update);
        let version = self.fields.iter().filter(|field| field.version.is_some());
        keys.chain(set).chain(version)
    }
}

/// The names of the columns by what an update does with them.
struct Parts<'d> {
    scoped: bool,
    all: Vec<&'d str>,
    keys: Vec<&'d str>,
    set: Vec<&'d str>,
    version: Option<(&'d str, Version)>,
}

impl<'d> Parts<'d> {
    fn new(declaration: &'d Declaration<'_>, scoped: bool) -> Self {
        let fields = || {
            let fields = declaration.fields.iter();
            fields.filter(move |field| !(scoped && field.is_namespace()))
        };
        let names = |test: fn(&Column<'_>) -> bool| -> Vec<&'d str> {
            let columns = fields().filter(|field| test(field));
            columns
                .flat_map(|field| field.names.iter().map(String::as_str))
                .collect()
        };
        Self {
            scoped,
            all: names(|_| true),
            keys: names(|field| field.key || field.is_namespace()),
            set: names(|field| field.update),
            version: fields()
                .find_map(|field| Some((field.names.first()?.as_str(), field.version?))),
        }
    }

    fn insert(&self, table: &str) -> String {
        let all = self.all.join(", ");
        if self.scoped {
            format!("INSERT INTO {table} ({NAMESPACE}, {all}) {{ns_rows}}")
        } else {
            format!("INSERT INTO {table} ({all}) {{rows}}")
        }
    }

    fn upsert(&self, insert: &str, table: &str) -> String {
        let own = self.scoped.then_some(NAMESPACE);
        let target: Vec<&str> = own.into_iter().chain(self.keys.iter().copied()).collect();
        let set = self.set.iter().copied();
        let set: Vec<String> = set
            .chain(self.version.map(|(name, _)| name))
            .map(|name| format!("{name} = excluded.{name}"))
            .collect();
        let guard = self.version.map_or_else(String::new, |(name, _)| {
            format!(" WHERE {table}.{name} = excluded.{name} - 1")
        });
        format!(
            "{insert} ON CONFLICT ({}) DO UPDATE SET {}{guard}",
            target.join(", "),
            set.join(", ")
        )
    }

    /// One row, by its key: always a lookup in the index.
    fn update(&self, table: &str) -> String {
        let number = |index: usize| format!("?{}", index + 1);
        let keys = self.keys.len();
        let mut set: Vec<String> = (self.set.iter().enumerate())
            .map(|(index, name)| format!("{name} = {}", number(keys + index)))
            .collect();
        let own = self.scoped.then(|| format!("{NAMESPACE} = ?ns"));
        let by_key = (self.keys.iter().enumerate())
            .map(|(index, name)| format!("{name} = {}", number(index)));
        let mut conditions: Vec<String> = own.into_iter().chain(by_key).collect();
        let version = number(keys + self.set.len());
        match self.version {
            Some((name, Version::AsRead)) => {
                set.push(format!("{name} = {name} + 1"));
                conditions.push(format!("{name} = {version}"));
            }
            Some((name, Version::Next)) => {
                set.push(format!("{name} = {version}"));
                conditions.push(format!("{name} = {version} - 1"));
            }
            None => {}
        }
        let (set, conditions) = (set.join(", "), conditions.join(" AND "));
        format!("UPDATE {table} SET {set} WHERE {conditions}")
    }

    /// Many rows at once, up to `RETURNING`.
    fn update_all(&self, table: &str) -> String {
        let columns = (self.keys.iter().chain(&self.set).copied())
            .chain(self.version.map(|(name, _)| name))
            .collect::<Vec<_>>()
            .join(", ");
        let mut set: Vec<String> = (self.set.iter())
            .map(|name| format!("{name} = n.{name}"))
            .collect();
        let mut conditions: Vec<String> = (self.keys.iter())
            .map(|name| format!("{table}.{name} = n.{name}"))
            .collect();
        match self.version {
            Some((name, Version::AsRead)) => {
                set.push(format!("{name} = {table}.{name} + 1"));
                conditions.push(format!("{table}.{name} = n.{name}"));
            }
            Some((name, Version::Next)) => {
                set.push(format!("{name} = n.{name}"));
                conditions.push(format!("{table}.{name} = n.{name} - 1"));
            }
            None => {}
        }
        let (set, conditions) = (set.join(", "), conditions.join(" AND "));
        format!(
            "WITH n({columns}) AS ({{rows}}) UPDATE {table} SET {set} FROM n WHERE {conditions} RETURNING "
        )
    }
}
