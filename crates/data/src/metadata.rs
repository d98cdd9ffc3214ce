//! Declared fields: paths into free JSON that a namespace filters and sorts by. Their values are
//! copied to a side table, in a form that both databases compare alike.

use crate::object::Object;
use crate::path::{Leaf, Path};
use crate::table::metadata::{MetadataField, MetadataValue};
use crate::value_type::{ValueType, indexed_text};
use crate::{Data, Error, Result, Type, table};
use serde::Serialize;
use store::{Fact, Tx};
use types::Principal;
use utoipa::ToSchema;

/// Paths that a namespace can declare per type.
const MAX_FIELDS: usize = 64;
/// Objects indexed per transaction after a declaration.
const SLICE: u32 = 500;

/// A declared path into an object's free-form JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MetadataField)]
pub struct DeclaredField {
    /// The object type, such as `assets`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The path, such as `info.grade`.
    pub path: String,
    /// How values are compared: as `text`, `integer`, `boolean` or `time`.
    #[serde(rename = "form")]
    #[schema(value_type = String)]
    pub value_type: ValueType,
    /// Whether existing objects are indexed.
    pub ready: bool,
}

/// A declared path of a type.
#[derive(Debug)]
pub(crate) struct Declaration {
    pub(crate) path: Path,
    pub(crate) value_type: ValueType,
    /// Whether the objects that existed before the declaration are indexed.
    pub(crate) ready: bool,
}

impl Declaration {
    fn of_row(kind: Type, row: MetadataField) -> Option<Self> {
        Some(Self {
            path: Path::parse(kind.schema(), &row.path)?,
            value_type: row.value_type,
            ready: row.ready,
        })
    }
}

/// The declared paths of a type.
pub(crate) fn declared(tx: &mut Tx, kind: Type) -> store::Result<Vec<Declaration>> {
    let rows = table::metadata::declared(tx)?.into_iter();
    Ok(rows
        .filter(|row| row.kind == kind.singular())
        .filter_map(|row| Declaration::of_row(kind, row))
        .collect())
}

/// Replace the indexed values of objects.
pub(crate) fn index_values(tx: &mut Tx, kind: Type, objects: &[&Object]) -> Result<()> {
    if objects.is_empty() {
        return Ok(());
    }
    let fields = declared(tx, kind)?;
    if fields.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = objects.iter().map(|object| object.id()).collect();
    table::metadata::delete_objects(tx, kind.singular(), &ids)?;
    let mut rows = Vec::new();
    for Declaration {
        path, value_type, ..
    } in &fields
    {
        for object in objects {
            let leaf = path.read(object);
            rows.extend(
                leaf.and_then(|leaf| value_row(kind, path, *value_type, object.id(), &leaf)),
            );
        }
    }
    Ok(table::metadata::insert(tx, &rows)?)
}

fn value_row<'v>(
    kind: Type,
    path: &'v Path,
    value_type: ValueType,
    object_id: &'v str,
    leaf: &Leaf,
) -> Option<MetadataValue<'v>> {
    let mut row = MetadataValue {
        kind: kind.singular(),
        path: &path.text,
        object_id,
        text_value: None,
        number_value: None,
        hashed: false,
    };
    if value_type.is_number() {
        row.number_value = Some(value_type.number(leaf)?);
    } else {
        let (text, hashed) = indexed_text(&value_type.text(leaf)?);
        row.text_value = Some(text);
        row.hashed = hashed;
    }
    Some(row)
}

/// Declare a path of a type and index the existing objects, slice by slice. To resume an
/// interrupted declaration, declare the field again; until all objects are indexed, queries read
/// the objects themselves.
///
/// Errors: `data.invalid_field` for a path that does not begin with a field of free JSON,
/// `data.limit_exceeded`, `data.already_exists` if it is declared with another value type.
pub async fn declare_field(
    data: &Data,
    principal: &Principal,
    kind: Type,
    path: &str,
    value_type: ValueType,
) -> Result<DeclaredField> {
    let path = Path::parse(kind.schema(), path).ok_or_else(|| {
        Error::invalid("path", "expected a path into free JSON, such as info.grade")
    })?;
    insert_declaration(data, principal, kind, &path, value_type).await?;
    let mut after = String::new();
    while let Some(last) = index_slice(data, principal, kind, &path, value_type, after).await? {
        after = last;
    }
    Ok(DeclaredField {
        kind: kind.plural(),
        path: path.text,
        value_type,
        ready: true,
    })
}

async fn insert_declaration(
    data: &Data,
    principal: &Principal,
    kind: Type,
    path: &Path,
    value_type: ValueType,
) -> Result<()> {
    data.on()
        .write_as(principal, path.clone(), move |tx, principal, path| {
            let fields = declared(tx, kind)?;
            if let Some(known) = fields.iter().find(|known| known.path == *path) {
                return if known.value_type == value_type {
                    Ok(())
                } else {
                    Err(Error::already_exists("path", kind, &path.text))
                };
            }
            if fields.len() >= MAX_FIELDS {
                return Err(Error::limit("path", MAX_FIELDS));
            }
            table::metadata::declare(tx, kind.singular(), &path.text, value_type)?;
            tx.append(fact("data.field.declared", principal, kind, &path.text));
            Ok(())
        })
        .await
}

fn fact(name: &'static str, principal: &Principal, kind: Type, path: &str) -> Fact {
    Fact::new(name, 1)
        .actor(principal)
        .payload(&serde_json::json!({ "type": kind.plural(), "path": path }))
}

/// Index one slice of objects after an id. Returns the last id, or none when all are indexed.
async fn index_slice(
    data: &Data,
    principal: &Principal,
    kind: Type,
    path: &Path,
    value_type: ValueType,
    after: String,
) -> Result<Option<String>> {
    data.on()
        .write_as(
            principal,
            (path.clone(), after),
            move |tx, _, (path, after)| {
                let schema = kind.schema();
                let objects =
                    table::metadata::texts_after(tx, schema.table, path.column, after, SLICE)?;
                let rows: Vec<MetadataValue<'_>> = objects
                    .iter()
                    .filter_map(|(id, json)| {
                        let leaf = path.read_text(json.as_deref()?)?;
                        value_row(kind, path, value_type, id, &leaf)
                    })
                    .collect();
                table::metadata::insert(tx, &rows)?;
                if objects.len() < SLICE as usize {
                    table::metadata::set_ready(tx, kind.singular(), &path.text)?;
                    return Ok(None);
                }
                Ok::<_, Error>(objects.into_iter().next_back().map(|(id, _)| id))
            },
        )
        .await
}

/// List the declared fields of a namespace.
pub async fn declared_fields(data: &Data, principal: &Principal) -> Result<Vec<DeclaredField>> {
    data.db()
        .read(&principal.namespace, |tx| {
            let mut all = Vec::new();
            for kind in Type::WRITABLE {
                all.extend(declared(tx, kind)?.into_iter().map(|field| DeclaredField {
                    kind: kind.plural(),
                    path: field.path.text,
                    value_type: field.value_type,
                    ready: field.ready,
                }));
            }
            Ok(all)
        })
        .await
}

/// Withdraw a declaration. Returns false if there was none.
pub async fn withdraw_field(
    data: &Data,
    principal: &Principal,
    kind: Type,
    path: &str,
) -> Result<bool> {
    data.on()
        .write_as(principal, path.to_owned(), move |tx, principal, path| {
            if !table::metadata::withdraw(tx, kind.singular(), path)? {
                return Ok(false);
            }
            table::metadata::delete_values(tx, kind.singular(), path)?;
            tx.append(fact("data.field.withdrawn", principal, kind, path));
            Ok(true)
        })
        .await
}
