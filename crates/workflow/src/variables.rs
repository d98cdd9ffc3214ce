//! Variable sets: values that a task sees as `variables`, encrypted at rest.

use crate::secrets::Secrets;
use crate::table::variables as table;
use crate::{Error, Result, Workflow, names};
use serde::Serialize;
use serde_json::{Map, Value};
use store::secrets::{EncryptionContext, Keyring};
use store::{Fact, Tx};
use types::{Json, Page, Principal, Time, VariableSetId};

/// Maximum size of all values of a set.
const MAX_BYTES: usize = 64 << 10;
/// The classification of sets whose values cannot be read back.
const SECRET: &str = "secret";

/// A set of variables. The values of a secret set are never returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VariableSet {
    pub id: VariableSetId,
    /// Unique in the namespace.
    pub name: String,
    /// `secret` if the values cannot be read back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification: Option<String>,
    pub description: String,
    /// The values; missing if the set is secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<Json>,
    pub created: Time,
    pub updated: Time,
    /// Incremented by each change.
    #[serde(skip)]
    pub version: u64,
}

/// The request to create or replace a variable set.
#[derive(Clone, Default)]
pub struct NewVariables {
    /// A new name for an existing set; a new one takes its name from the path.
    pub name: Option<String>,
    /// `secret` if the values cannot be read back.
    pub classification: Option<String>,
    pub description: Option<String>,
    pub variables: Map<String, Value>,
}

/// A set as stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredSet {
    pub(crate) set: VariableSet,
    pub(crate) ciphertext: Vec<u8>,
}

/// The decrypted values of a set, for a run.
#[derive(Clone)]
pub(crate) struct Variables {
    pub(crate) values: Json,
    pub(crate) secrets: Secrets,
}

/// Creates a set with this name or replaces the existing one; with an id, only replaces. Returns
/// whether it is new. Errors: `workflow.invalid`, `workflow.unknown_resource`,
/// `workflow.name_taken`, `workflow.limit_exceeded`.
pub async fn put_variables(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    new: NewVariables,
) -> Result<(VariableSet, bool)> {
    let values = values(&new)?;
    let (path, principal, limit, engine) = (
        name_or_id.to_owned(),
        principal.clone(),
        workflow.settings().named_objects_per_namespace,
        workflow.clone(),
    );
    let namespace = principal.namespace;
    let write = move |tx: &mut Tx<'_, '_>| {
        let existing = table::find(tx, &path)?.map(|stored| stored.set);
        let set = next(tx, &path, existing.as_ref(), &new, limit)?;
        let keyring = &engine.parts().keyring;
        let ciphertext = keyring.encrypt(
            &encryption_context(&row_in_namespace(&set, &principal)),
            values.as_str().as_bytes(),
            tx.entropy(),
        )?;
        if !table::put(
            tx,
            &StoredSet {
                set: set.clone(),
                ciphertext,
            },
        )? {
            return Err(store::Error::Contended { attempts: 1 }.into());
        }
        let kind = if existing.is_some() {
            "variables.updated"
        } else {
            "variables.created"
        };
        tx.append(fact(kind, &principal, &set));
        Ok((shown(set, &values), existing.is_none()))
    };
    workflow.on().write(&namespace.clone(), write).await
}

/// Reads a set. Errors: `workflow.unknown_resource`.
pub async fn variables(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
) -> Result<VariableSet> {
    let path = name_or_id.to_owned();
    let stored = workflow
        .db()
        .read(&principal.namespace, move |tx| require(tx, &path))
        .await?;
    show(workflow, principal, stored)
}

/// Lists sets by name.
pub async fn variable_sets(
    workflow: &Workflow,
    principal: &Principal,
    page: &Page,
) -> Result<Vec<VariableSet>> {
    let page = page.clone();
    let stored = workflow
        .db()
        .read(&principal.namespace, move |tx| table::list(tx, &page))
        .await?;
    stored
        .into_iter()
        .map(|stored| show(workflow, principal, stored))
        .collect()
}

/// Deletes a set. Errors: `workflow.unknown_resource`, `workflow.referenced` while a task refers to
/// it.
pub async fn delete_variables(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
) -> Result<()> {
    let (path, principal) = (name_or_id.to_owned(), principal.clone());
    let namespace = principal.namespace;
    let write = move |tx: &mut Tx<'_, '_>| {
        let set = require(tx, &path)?.set;
        if let Some(task) = table::task_of(tx, &set)? {
            return Err(Error::Referenced {
                noun: "variable set",
                name: path.clone(),
                referrer: format!("task {task:?} refers to it"),
            });
        }
        table::delete(tx, set.id)?;
        tx.append(fact("variables.deleted", &principal, &set));
        Ok(())
    };
    workflow.on().write(&namespace, write).await
}

/// Decrypts a set in the snapshot of the caller's transaction.
pub(crate) fn decrypt(
    tx: &mut Tx<'_, '_>,
    keyring: &Keyring,
    name_or_id: &str,
) -> Result<Variables> {
    let stored = require(tx, name_or_id)?;
    let values = decrypted(keyring, &row(tx.namespace().as_str(), &stored.set), &stored)?;
    let secrets = if is_secret(&stored.set) {
        Secrets::from_value(&values.to_value())
    } else {
        Secrets::default()
    };
    Ok(Variables { values, secrets })
}

fn require(tx: &mut Tx<'_, '_>, name_or_id: &str) -> Result<StoredSet> {
    table::find(tx, name_or_id)?.ok_or_else(|| Error::unknown("variable set", name_or_id))
}

fn show(workflow: &Workflow, principal: &Principal, stored: StoredSet) -> Result<VariableSet> {
    if is_secret(&stored.set) {
        return Ok(stored.set);
    }
    let values = decrypted(
        &workflow.parts().keyring,
        &row_in_namespace(&stored.set, principal),
        &stored,
    )?;
    Ok(shown(stored.set, &values))
}

fn shown(set: VariableSet, values: &Json) -> VariableSet {
    let variables = (!is_secret(&set)).then(|| values.clone());
    VariableSet { variables, ..set }
}

fn is_secret(set: &VariableSet) -> bool {
    set.classification
        .as_deref()
        .is_some_and(|text| text.eq_ignore_ascii_case(SECRET))
}

fn decrypted(keyring: &Keyring, row: &str, stored: &StoredSet) -> Result<Json> {
    let bytes = keyring.decrypt(&encryption_context(row), &stored.ciphertext)?;
    let text = std::str::from_utf8(&bytes).ok().and_then(Json::parse);
    text.ok_or_else(|| Error::corrupt("variable set", "its values are not JSON"))
}

fn encryption_context(row: &str) -> EncryptionContext<'_> {
    EncryptionContext {
        table: "variable_set",
        row,
        column: "encrypted",
    }
}

fn row_in_namespace(set: &VariableSet, principal: &Principal) -> String {
    row(principal.namespace.as_str(), set)
}

fn row(namespace: &str, set: &VariableSet) -> String {
    format!("{namespace}/{}", set.id)
}

fn next(
    tx: &mut Tx<'_, '_>,
    path: &str,
    existing: Option<&VariableSet>,
    new: &NewVariables,
    limit: usize,
) -> Result<VariableSet> {
    let now = tx.now();
    let (id, name, created, version) = match existing {
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
    let name = names::validate_name("name", &name)?;
    if existing.is_none() && table::count(tx)? >= i64::try_from(limit).unwrap_or(i64::MAX) {
        return Err(Error::LimitExceeded {
            field: "variables".to_owned(),
            unit: "variable sets in a namespace",
            limit,
        });
    }
    if table::find(tx, &name)?.is_some_and(|other| other.set.id != id) {
        return Err(Error::NameTaken {
            noun: "variable set",
            name,
        });
    }
    let description = names::validate_description(new.description.as_deref().unwrap_or_default())?;
    let classification = new.classification.clone().filter(|text| !text.is_empty());
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
        .is_some_and(|text| text.len() > 64 || text.contains('\0'))
    {
        return Err(Error::invalid(
            "classification",
            "must have at most 64 bytes, without NUL",
        ));
    }
    let values =
        Json::of(&new.variables).map_err(|error| Error::invalid("variables", error.to_string()))?;
    if values.as_str().len() > MAX_BYTES {
        return Err(Error::LimitExceeded {
            field: "variables".to_owned(),
            unit: "bytes",
            limit: MAX_BYTES,
        });
    }
    Ok(values)
}

/// The payload contains no values.
fn fact(kind: &'static str, principal: &Principal, set: &VariableSet) -> Fact {
    Fact::new(kind, 1)
        .subject(&set.id, set.version)
        .actor(principal)
        .payload(set)
}
