//! Declared metadata: paths into free JSON that a namespace wants to filter and sort by. Their
//! values stand in a table of their own, in a form that both databases compare alike.

use crate::object::Object;
use crate::path::{Leaf, Path};
use crate::{Data, Error, Result, Type, table};
use serde::Serialize;
use std::borrow::Cow;
use store::{Fact, Kind, Tx, Value};
use types::{Digest, Principal, Quantity, Time, hostile_text};

/// Paths that one type of a namespace may declare.
const MAX_FIELDS: usize = 64;
/// Bytes of a text that an index takes as it is.
const MAX_TEXT: usize = 256;
/// Objects entered in one transaction after a declaration.
const SLICE: u32 = 500;

/// As what the values of a declared path are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// As text.
    Text,
    /// As whole numbers of any width, also those that stand in strings.
    Integer,
    /// As true and false.
    Boolean,
    /// As moments (RFC 3339).
    Time,
}

/// A declared path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeclaredField {
    /// The type whose objects have it, in the plural of the routes.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The path, such as `info.grade`.
    pub path: String,
    /// As what its values are compared.
    pub form: Form,
    /// Whether objects that were there before the declaration are entered already.
    pub ready: bool,
}

impl Form {
    const fn name(self) -> &'static str {
        match self {
            Form::Text => "text",
            Form::Integer => "integer",
            Form::Boolean => "boolean",
            Form::Time => "time",
        }
    }

    /// The form of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Form::Text, Form::Integer, Form::Boolean, Form::Time]
            .into_iter()
            .find(|form| form.name() == name)
    }

    /// Whether values are kept as ordered bytes.
    pub(crate) const fn is_number(self) -> bool {
        matches!(self, Form::Integer | Form::Time)
    }

    /// The ordered bytes of a value, where the form has them.
    pub(crate) fn number(self, leaf: &Leaf) -> Option<Vec<u8>> {
        let text = match leaf {
            Leaf::Text(text) | Leaf::Number(text) => text,
            Leaf::Flag(_) => return None,
        };
        let quantity = match self {
            Form::Integer => text.parse::<Quantity>().ok()?,
            Form::Time => Quantity::from_i128(text.parse::<Time>().ok()?.micros().into()),
            Form::Text | Form::Boolean => return None,
        };
        Some(quantity.to_ordered_bytes())
    }

    /// The text of a value, where the form has one.
    pub(crate) fn text(self, leaf: &Leaf) -> Option<String> {
        match (self, leaf) {
            (Form::Text, Leaf::Text(text) | Leaf::Number(text)) => {
                Some(hostile_text(text.as_bytes()))
            }
            (Form::Text | Form::Boolean, Leaf::Flag(flag)) => Some(flag.to_string()),
            (Form::Boolean, Leaf::Text(text)) if text == "true" || text == "false" => {
                Some(text.clone())
            }
            _ => None,
        }
    }
}

/// A text as the side table keeps it, and whether that is its hash.
pub(crate) fn kept_text(text: &str) -> (String, bool) {
    if text.len() <= MAX_TEXT {
        (text.to_owned(), false)
    } else {
        (format!("sha256:{}", Digest::of(text.as_bytes())), true)
    }
}

/// The declared paths of a type.
pub(crate) fn declared(tx: &mut Tx<'_, '_>, kind: Type) -> store::Result<Vec<(Path, Form, bool)>> {
    let all = table::metadata::declared(tx)?;
    let of_kind = all.into_iter().filter(|(of, ..)| of == kind.singular());
    Ok(of_kind
        .filter_map(|(_, path, form, ready)| {
            Some((
                Path::parse(kind.shape(), &path)?,
                Form::parse(&form)?,
                ready,
            ))
        })
        .collect())
}

/// Enter what objects have at declared paths, in the place of what they had.
pub(crate) fn enter(tx: &mut Tx<'_, '_>, kind: Type, objects: &[&Object]) -> Result<()> {
    if objects.is_empty() {
        return Ok(());
    }
    let fields = declared(tx, kind)?;
    if fields.is_empty() {
        return Ok(());
    }
    let ids: Vec<(String,)> = objects
        .iter()
        .map(|object| (object.id().to_owned(),))
        .collect();
    table::metadata::clear(tx, kind.singular(), &ids)?;
    let mut rows = Vec::new();
    for (path, form, _) in &fields {
        for object in objects {
            rows.extend(
                path.read(object)
                    .and_then(|leaf| row(kind, path, *form, object.id(), &leaf)),
            );
        }
    }
    Ok(table::metadata::insert(tx, &rows)?)
}

fn row(kind: Type, path: &Path, form: Form, id: &str, leaf: &Leaf) -> Option<Vec<Value<'static>>> {
    let text = |text: &str| Value::Text(Cow::Owned(text.to_owned()));
    let (shown, number, hashed) = if form.is_number() {
        (
            Value::Null(Kind::Text),
            Value::Blob(Cow::Owned(form.number(leaf)?)),
            false,
        )
    } else {
        let (kept, hashed) = kept_text(&form.text(leaf)?);
        (text(&kept), Value::Null(Kind::Blob), hashed)
    };
    Some(vec![
        text(kind.singular()),
        text(&path.text),
        text(id),
        shown,
        number,
        Value::Int(i64::from(hashed)),
    ])
}

/// Declare a path of a type, and enter the objects that are there, slice by slice. A declaration
/// that was interrupted is gone on with by declaring again; until it is done, queries read the
/// objects themselves.
///
/// Errors: `data.invalid` for a path that does not begin with a field of free JSON,
/// `data.too_many`, `data.exists` with another form.
pub async fn declare_field(
    data: &Data,
    who: &Principal,
    kind: Type,
    path: &str,
    form: Form,
) -> Result<DeclaredField> {
    let path = Path::parse(kind.shape(), path).ok_or_else(|| {
        Error::invalid("path", "expected a path into free JSON, such as info.grade")
    })?;
    begin(data, who, kind, &path, form).await?;
    let mut after = String::new();
    while let Some(last) = enter_slice(data, who, kind, &path, form, after).await? {
        after = last;
    }
    Ok(DeclaredField {
        kind: kind.plural(),
        path: path.text,
        form,
        ready: true,
    })
}

async fn begin(data: &Data, who: &Principal, kind: Type, path: &Path, form: Form) -> Result<()> {
    let (who, path) = (who.clone(), path.clone());
    data.db
        .on(&data.lease)
        .write(&who.namespace.clone(), move |tx| {
            let known = declared(tx, kind)?;
            if let Some((_, as_, _)) = known.iter().find(|(other, ..)| *other == path) {
                let same = *as_ == form;
                let exists = Error::Exists {
                    field: "path".to_owned(),
                    kind,
                    key: path.text.clone(),
                };
                return if same { Ok(()) } else { Err(exists) };
            }
            if known.len() >= MAX_FIELDS {
                return Err(Error::TooMany {
                    field: "path".to_owned(),
                    limit: MAX_FIELDS,
                });
            }
            table::metadata::declare(tx, kind.singular(), &path.text, form.name())?;
            tx.append(fact("data.field.declared", &who, kind, &path.text));
            Ok(())
        })
        .await
}

fn fact(name: &'static str, who: &Principal, kind: Type, path: &str) -> Fact {
    Fact::new(name, 1)
        .by(who)
        .says(&serde_json::json!({ "type": kind.plural(), "path": path }))
}

/// Enter one slice behind an id; the id to go on behind, none when all is done.
async fn enter_slice(
    data: &Data,
    who: &Principal,
    kind: Type,
    path: &Path,
    form: Form,
    after: String,
) -> Result<Option<String>> {
    let path = path.clone();
    data.db
        .on(&data.lease)
        .write(&who.namespace, move |tx| {
            let shape = kind.shape();
            let found = table::metadata::texts_after(tx, shape.table, path.column, &after, SLICE)?;
            let rows: Vec<Vec<Value<'static>>> = found
                .iter()
                .filter_map(|(id, json)| {
                    row(kind, &path, form, id, &path.read_text(json.as_deref()?)?)
                })
                .collect();
            table::metadata::insert(tx, &rows)?;
            if found.len() < SLICE as usize {
                table::metadata::make_ready(tx, kind.singular(), &path.text)?;
                return Ok(None);
            }
            Ok::<_, Error>(found.into_iter().next_back().map(|(id, _)| id))
        })
        .await
}

/// The declared paths of a namespace.
pub async fn declared_fields(data: &Data, who: &Principal) -> Result<Vec<DeclaredField>> {
    data.db
        .read(&who.namespace, |tx| {
            let mut all = Vec::new();
            for kind in Type::WRITABLE {
                all.extend(declared(tx, kind)?.into_iter().map(|(path, form, ready)| {
                    DeclaredField {
                        kind: kind.plural(),
                        path: path.text,
                        form,
                        ready,
                    }
                }));
            }
            Ok(all)
        })
        .await
}

/// Withdraw a declaration. False if there was none.
pub async fn withdraw_field(data: &Data, who: &Principal, kind: Type, path: &str) -> Result<bool> {
    let (who, path) = (who.clone(), path.to_owned());
    data.db
        .on(&data.lease)
        .write(&who.namespace.clone(), move |tx| {
            if !table::metadata::withdraw(tx, kind.singular(), &path)? {
                return Ok(false);
            }
            table::metadata::forget(tx, kind.singular(), &path)?;
            tx.append(fact("data.field.withdrawn", &who, kind, &path));
            Ok(true)
        })
        .await
}
