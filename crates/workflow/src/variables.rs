//! Variable sets: values that a task sees as `variables`, sealed at rest.

use crate::secrets::Secrets;
use crate::table::variables as table;
use crate::{Error, Result, Workflow, named};
use serde::Serialize;
use serde_json::{Map, Value};
use store::secret::{Keyring, Place};
use store::{Fact, Tx};
use types::{Json, Page, Principal, Time, VariableSetId};

/// Bytes of all values of a set.
const MAX_BYTES: usize = 64 << 10;
/// The classification whose values nobody reads back.
const SECRET: &str = "secret";

/// A variable set. The values of a secret one are never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VariableSet {
    /// Its id.
    pub id: VariableSetId,
    /// Its name, one of its own in the namespace.
    pub name: String,
    /// `secret` where the values are not to be read back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification: Option<String>,
    /// What it is for.
    pub description: String,
    /// The values; left out where they are secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<Json>,
    /// When it was made.
    pub created: Time,
    /// When it was last changed.
    pub updated: Time,
    /// Rises with each change.
    #[serde(skip)]
    pub version: u64,
}

/// What is said of a variable set.
#[derive(Clone, Default)]
pub struct NewVariables {
    /// Its name; where the path names it, that one.
    pub name: Option<String>,
    /// `secret` where the values are not to be read back.
    pub classification: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The values: an object.
    pub variables: Map<String, Value>,
}

/// A set as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    pub(crate) set: VariableSet,
    pub(crate) bytes: Vec<u8>,
}

/// What a run sees of a set.
#[derive(Clone)]
pub(crate) struct Variables {
    pub(crate) values: Json,
    pub(crate) secrets: Secrets,
}

/// Make a set of this name, or replace the one that is there; by id, replace only. Whether it is
/// new. Errors: `workflow.invalid`, `workflow.unknown`, `workflow.name_taken`, `workflow.too_much`.
pub async fn put_variables(
    workflow: &Workflow,
    who: &Principal,
    name_or_id: &str,
    new: NewVariables,
) -> Result<(VariableSet, bool)> {
    let values = values(&new)?;
    let (path, who, most, this) = (
        name_or_id.to_owned(),
        who.clone(),
        workflow.settings().things,
        workflow.clone(),
    );
    let namespace = who.namespace.clone();
    let write = move |tx: &mut Tx<'_, '_>| {
        let before = table::find(tx, &path)?.map(|sealed| sealed.set);
        let set = next(tx, &path, before.as_ref(), &new, most)?;
        let keyring = &this.parts().keyring;
        let bytes = keyring.seal(
            &place(&namespace_row(&set, &who)),
            values.as_str().as_bytes(),
            tx.entropy(),
        )?;
        if !table::put(
            tx,
            &Sealed {
                set: set.clone(),
                bytes,
            },
        )? {
            return Err(store::Error::Contended { attempts: 1 }.into());
        }
        let kind = if before.is_some() {
            "variables.updated"
        } else {
            "variables.created"
        };
        tx.append(fact(kind, &who, &set));
        Ok((shown(set, &values), before.is_none()))
    };
    workflow.on().write(&namespace.clone(), write).await
}

/// A set. Errors: `workflow.unknown`.
pub async fn variables(
    workflow: &Workflow,
    who: &Principal,
    name_or_id: &str,
) -> Result<VariableSet> {
    let path = name_or_id.to_owned();
    let found = workflow
        .db()
        .read(&who.namespace, move |tx| require(tx, &path))
        .await?;
    show(workflow, who, found)
}

/// Sets by name.
pub async fn variable_sets(
    workflow: &Workflow,
    who: &Principal,
    page: &Page,
) -> Result<Vec<VariableSet>> {
    let page = page.clone();
    let found = workflow
        .db()
        .read(&who.namespace, move |tx| table::list(tx, &page))
        .await?;
    found
        .into_iter()
        .map(|sealed| show(workflow, who, sealed))
        .collect()
}

/// Delete a set. Errors: `workflow.unknown`, `workflow.referred_to` while a task names it.
pub async fn delete_variables(
    workflow: &Workflow,
    who: &Principal,
    name_or_id: &str,
) -> Result<()> {
    let (path, who) = (name_or_id.to_owned(), who.clone());
    let namespace = who.namespace.clone();
    let write = move |tx: &mut Tx<'_, '_>| {
        let set = require(tx, &path)?.set;
        if let Some(task) = table::task_of(tx, &set)? {
            return Err(Error::ReferredTo {
                what: "variable set",
                name: path.clone(),
                by: format!("task {task:?} names it"),
            });
        }
        table::delete(tx, set.id)?;
        tx.append(fact("variables.deleted", &who, &set));
        Ok(())
    };
    workflow.on().write(&namespace, write).await
}

/// What a run sees of a set, in the snapshot of its transaction.
pub(crate) fn open(tx: &mut Tx<'_, '_>, keyring: &Keyring, name_or_id: &str) -> Result<Variables> {
    let sealed = require(tx, name_or_id)?;
    let values = unsealed(keyring, &row(tx.namespace().as_str(), &sealed.set), &sealed)?;
    let secrets = if is_secret(&sealed.set) {
        Secrets::of(&values.to_value())
    } else {
        Secrets::default()
    };
    Ok(Variables { values, secrets })
}

fn require(tx: &mut Tx<'_, '_>, name_or_id: &str) -> Result<Sealed> {
    table::find(tx, name_or_id)?.ok_or_else(|| Error::unknown("variable set", name_or_id))
}

fn show(workflow: &Workflow, who: &Principal, sealed: Sealed) -> Result<VariableSet> {
    if is_secret(&sealed.set) {
        return Ok(sealed.set);
    }
    let values = unsealed(
        &workflow.parts().keyring,
        &namespace_row(&sealed.set, who),
        &sealed,
    )?;
    Ok(shown(sealed.set, &values))
}

fn shown(set: VariableSet, values: &Json) -> VariableSet {
    let variables = (!is_secret(&set)).then(|| values.clone());
    VariableSet { variables, ..set }
}

fn is_secret(set: &VariableSet) -> bool {
    set.classification
        .as_deref()
        .is_some_and(|word| word.eq_ignore_ascii_case(SECRET))
}

fn unsealed(keyring: &Keyring, row: &str, sealed: &Sealed) -> Result<Json> {
    let bytes = keyring.open(&place(row), &sealed.bytes)?;
    let text = std::str::from_utf8(&bytes).ok().and_then(Json::parse);
    text.ok_or_else(|| Error::corrupt("variable set", "its values are not JSON"))
}

fn place(row: &str) -> Place<'_> {
    Place {
        table: "variable_set",
        row,
        column: "sealed",
    }
}

fn namespace_row(set: &VariableSet, who: &Principal) -> String {
    row(who.namespace.as_str(), set)
}

fn row(namespace: &str, set: &VariableSet) -> String {
    format!("{namespace}/{}", set.id)
}

fn next(
    tx: &mut Tx<'_, '_>,
    path: &str,
    before: Option<&VariableSet>,
    new: &NewVariables,
    most: usize,
) -> Result<VariableSet> {
    let now = tx.now();
    let (id, name, created, version) = match before {
        Some(set) => (
            set.id,
            new.name.clone().unwrap_or_else(|| set.name.clone()),
            set.created,
            set.version + 1,
        ),
        None if path.parse::<VariableSetId>().is_ok() => {
            return Err(Error::unknown("variable set", path));
        }
        None => (
            VariableSetId::new(now, tx.entropy()),
            path.to_owned(),
            now,
            1,
        ),
    };
    let name = named::checked("name", &name)?;
    if before.is_none() && table::count(tx)? >= i64::try_from(most).unwrap_or(i64::MAX) {
        return Err(Error::TooMuch {
            field: "variables".to_owned(),
            of: "variable sets in a namespace",
            limit: most,
        });
    }
    if table::find(tx, &name)?.is_some_and(|other| other.set.id != id) {
        return Err(Error::NameTaken {
            what: "variable set",
            name,
        });
    }
    let description = named::described(new.description.as_deref().unwrap_or_default())?;
    let classification = new.classification.clone().filter(|word| !word.is_empty());
    Ok(VariableSet {
        id,
        name,
        classification,
        description,
        variables: None,
        created,
        updated: now,
        version,
    })
}

fn values(new: &NewVariables) -> Result<Json> {
    if new
        .classification
        .as_ref()
        .is_some_and(|word| word.len() > 64 || word.contains('\0'))
    {
        return Err(Error::invalid(
            "classification",
            "has at most 64 bytes, none of them NUL",
        ));
    }
    let values =
        Json::of(&new.variables).map_err(|error| Error::invalid("variables", error.to_string()))?;
    if values.as_str().len() > MAX_BYTES {
        return Err(Error::TooMuch {
            field: "variables".to_owned(),
            of: "bytes",
            limit: MAX_BYTES,
        });
    }
    Ok(values)
}

/// Names and places alone: a fact holds no value.
fn fact(kind: &'static str, who: &Principal, set: &VariableSet) -> Fact {
    Fact::new(kind, 1)
        .about(&set.id, set.version)
        .by(who)
        .says(set)
}
