//! Reads a struct and its `#[record(..)]` attributes, and rejects declarations that make no sense.

use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::{
    Data, DeriveInput, Error, Field, Fields, GenericArgument, Ident, LitStr, PathArguments, Result,
    Token, Type, parenthesized,
};

/// The column that a scoped statement fills in by itself.
pub(crate) const NAMESPACE: &str = "namespace";

/// A struct that stands for a row.
pub(crate) struct Declaration<'i> {
    pub(crate) table: Option<Table>,
    pub(crate) access: Access,
    pub(crate) fields: Vec<Column<'i>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    ReadAndWrite,
    /// No statement writes the struct.
    Read,
    /// The struct is never read, so its fields may be borrowed.
    Write,
}

pub(crate) struct Table {
    pub(crate) name: String,
    /// The rows do not belong to a namespace.
    pub(crate) global: bool,
}

/// A field, with the columns that it stands for.
pub(crate) struct Column<'i> {
    pub(crate) ident: &'i Ident,
    pub(crate) ty: &'i Type,
    pub(crate) form: Form,
    /// One name, several for a group. For a flattened row its [`Column::mark`].
    pub(crate) names: Vec<String>,
    pub(crate) key: bool,
    pub(crate) update: bool,
    pub(crate) version: Option<Version>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Value,
    Json,
    /// Several columns of this table that form one value.
    Group,
    /// All columns of another row.
    Flatten,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// The struct holds the version as read; an update raises it.
    AsRead,
    /// The struct holds the version that the update sets.
    Next,
}

impl Column<'_> {
    pub(crate) fn is_namespace(&self) -> bool {
        self.names.len() == 1 && self.names[0] == NAMESPACE
    }

    /// What stands for the columns of a flattened row in a text.
    pub(crate) fn mark(&self) -> String {
        format!("{{..{}}}", self.ident)
    }

    /// The type inside `Option<..>`, if it is one.
    pub(crate) fn optional(&self) -> Option<&Type> {
        let Type::Path(path) = self.ty else {
            return None;
        };
        let last = path.path.segments.last()?;
        match &last.arguments {
            PathArguments::AngleBracketed(arguments) if last.ident == "Option" => {
                arguments.args.iter().find_map(|argument| match argument {
                    GenericArgument::Type(inner) => Some(inner),
                    _ => None,
                })
            }
            _ => None,
        }
    }
}

impl<'i> Declaration<'i> {
    pub(crate) fn read(input: &'i DeriveInput) -> Result<Self> {
        let named = match &input.data {
            Data::Struct(data) => match &data.fields {
                Fields::Named(named) => named,
                _ => return Err(needs_named_fields(input)),
            },
            _ => return Err(needs_named_fields(input)),
        };
        let (table, access) = read_struct(input)?;
        let fields = named.named.iter().map(read_field).collect::<Result<_>>()?;
        let declaration = Self {
            table,
            access,
            fields,
        };
        declaration.check(input)?;
        Ok(declaration)
    }

    fn check(&self, input: &DeriveInput) -> Result<()> {
        let error = |message: &str| Err(Error::new(input.ident.span(), message));
        let has = |test: fn(&Column<'_>) -> bool| self.fields.iter().any(test);
        let has_version = has(|field| field.version.is_some());
        if self.fields.is_empty() {
            return error("a record needs a field");
        }
        if self.fields.iter().filter(|f| f.version.is_some()).count() > 1 {
            return error("a record has one version");
        }
        match &self.table {
            None if self.access != Access::ReadAndWrite => {
                error("read and write need #[record(table = \"..\")]")
            }
            Some(_)
                if self.access == Access::Read
                    && (has(|field| field.key || field.update) || has_version) =>
            {
                error("a struct that is only read has no key, update or version")
            }
            None if has(|f| f.key || f.update) || has_version => {
                error("key, update and version need #[record(table = \"..\")]")
            }
            _ if has(|field| field.form == Form::Flatten && (field.key || field.update)) => {
                error("a flattened row is only inserted")
            }
            Some(_) if has(|field| field.key) && !has(|field| field.update) && !has_version => {
                error("a key without anything to set: mark a field with #[record(update)]")
            }
            Some(_) if has_version && !has(|field| field.key) => {
                error("a version without a key: mark the key with #[record(key)]")
            }
            Some(_) if has(|field| field.update) && !has(|field| field.key) => {
                error("an update without a key: mark the key with #[record(key)]")
            }
            _ => self.check_names(),
        }
    }

    fn check_names(&self) -> Result<()> {
        let mut seen: Vec<&str> = Vec::new();
        for field in &self.fields {
            let count = usize::from(field.key)
                + usize::from(field.update)
                + usize::from(field.version.is_some());
            if count > 1 {
                let message = "a field is one of key, update, version and next_version";
                return Err(Error::new(field.ident.span(), message));
            }
            for name in &field.names {
                if seen.contains(&name.as_str()) {
                    let message = format!("the column {name} occurs twice");
                    return Err(Error::new(field.ident.span(), message));
                }
                seen.push(name);
            }
        }
        Ok(())
    }
}

fn needs_named_fields(input: &DeriveInput) -> Error {
    Error::new(
        input.ident.span(),
        "a record is a struct with named fields: they are the columns",
    )
}

fn read_struct(input: &DeriveInput) -> Result<(Option<Table>, Access)> {
    let (mut name, mut global, mut access) = (None, None, Access::ReadAndWrite);
    for attribute in input.attrs.iter().filter(|a| a.path().is_ident("record")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("table") {
                name = Some(text(&meta)?);
            } else if meta.path.is_ident("global") {
                global = Some(meta.error("global needs a table"));
            } else if meta.path.is_ident("read") && access == Access::ReadAndWrite {
                access = Access::Read;
            } else if meta.path.is_ident("write") && access == Access::ReadAndWrite {
                access = Access::Write;
            } else {
                return Err(meta.error("expected table, global, and one of read and write"));
            }
            Ok(())
        })?;
    }
    match (name, global) {
        (None, Some(error)) => Err(error),
        (name, global) => {
            let global = global.is_some();
            Ok((name.map(|name| Table { name, global }), access))
        }
    }
}

fn read_field(field: &Field) -> Result<Column<'_>> {
    let ident = field.ident.as_ref().expect("the fields are named");
    let mut column = Column {
        ident,
        ty: &field.ty,
        form: Form::Value,
        names: vec![ident.unraw().to_string()],
        key: false,
        update: false,
        version: None,
    };
    for attribute in field.attrs.iter().filter(|a| a.path().is_ident("record")) {
        attribute.parse_nested_meta(|meta| column.apply(&meta))?;
    }
    Ok(column)
}

impl Column<'_> {
    fn apply(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let word = meta.path.get_ident().map(Ident::to_string);
        match word.as_deref() {
            Some("column") => self.names = vec![text(meta)?],
            Some("key") => self.key = true,
            Some("update") => self.update = true,
            Some("version") => self.version = Some(Version::AsRead),
            Some("next_version") => self.version = Some(Version::Next),
            Some("json") => self.form = Form::Json,
            Some("columns") => {
                self.form = Form::Group;
                self.names = texts(meta)?;
            }
            Some("flatten") => {
                self.form = Form::Flatten;
                self.names = vec![self.mark()];
            }
            _ => {
                return Err(meta.error(
                    "expected column, columns, json, flatten, key, update, version or next_version",
                ));
            }
        }
        Ok(())
    }
}

fn text(meta: &ParseNestedMeta<'_>) -> Result<String> {
    Ok(meta.value()?.parse::<LitStr>()?.value())
}

fn texts(meta: &ParseNestedMeta<'_>) -> Result<Vec<String>> {
    let content;
    parenthesized!(content in meta.input);
    let names = Punctuated::<LitStr, Token![,]>::parse_terminated(&content)?;
    Ok(names.iter().map(LitStr::value).collect())
}
