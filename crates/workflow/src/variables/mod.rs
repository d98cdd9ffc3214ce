//! Variable sets: values that a task sees as `variables`, encrypted at rest.

mod decrypted;

pub(crate) use decrypted::Variables;

use crate::secrets::Secrets;
use crate::table::task as tasks;
use crate::{Error, Result, Workflow, names};
use secrets::{EncryptionContext, Keyring};
use serde::Serialize;
use serde_json::{Map, Value};
use store::Tx;
use store::named::{self, Meta, Named as _, Resource};
use types::{Json, Namespace, Page, Principal, Time, VariableSetId};
use utoipa::ToSchema;

/// Maximum size of all values of a set.
const MAX_BYTES: usize = 64 << 10;
/// The classification of sets whose values cannot be read back.
const SECRET: &str = "secret";

/// A set of values that tasks read as `variables`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct VariableSet {
    pub id: VariableSetId,
    pub name: String,
    /// `secret` if the values are never returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification: Option<String>,
    pub description: String,
    /// The values by name. Absent if they are secret.
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

/// A set as stored; serialized as in its facts, without values.
#[derive(Serialize, store::Record)]
#[record(table = "variable_set")]
pub(crate) struct StoredSet {
    #[record(key)]
    id: VariableSetId,
    #[record(update)]
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[record(update)]
    classification: Option<String>,
    #[record(update)]
    description: String,
    #[serde(skip)]
    #[record(update)]
    encrypted: Vec<u8>,
    #[record(column = "created_at")]
    created: Time,
    #[record(update, column = "updated_at")]
    updated: Time,
    #[serde(skip)]
    #[record(next_version)]
    version: u64,
}

store::named!(StoredSet, VariableSetId, Error, "variable set");

/// A validated request.
pub(crate) struct NewSet {
    name: Option<String>,
    classification: Option<String>,
    description: Option<String>,
    values: Json,
    keyring: Keyring,
}

/// Creates a set with this name or replaces the existing one; with an id, only replaces. Errors:
/// `workflow.invalid_field`, `workflow.unknown_resource`, `workflow.name_taken`,
/// `workflow.limit_exceeded`.
pub async fn put_variable_set(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    new: NewVariables,
) -> Result<VariableSet> {
    let values = values(&new)?;
    let new = NewSet {
        name: new.name,
        classification: new.classification.filter(|text| !text.is_empty()),
        description: new.description,
        values: values.clone(),
        keyring: workflow.parts().keyring.clone(),
    };
    let limit = workflow.settings().named_objects_per_namespace;
    let put = named::put::<StoredSet>(workflow.on(), principal, name_or_id, new, limit);
    let stored = put.await?;
    let variables = (!stored.is_secret()).then_some(values);
    Ok(stored.shown(variables))
}

/// Reads a set. Errors: `workflow.unknown_resource`.
pub async fn variable_set(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
) -> Result<VariableSet> {
    let stored = named::get(workflow.db(), principal, (), name_or_id).await?;
    show(workflow, principal, stored)
}

/// Lists sets by name.
pub async fn variable_sets(
    workflow: &Workflow,
    principal: &Principal,
    page: &Page,
) -> Result<Vec<VariableSet>> {
    let stored = named::list(workflow.db(), principal, (), page).await?;
    stored
        .into_iter()
        .map(|stored| show(workflow, principal, stored))
        .collect()
}

/// Deletes a set. Errors: `workflow.unknown_resource`, `workflow.referenced` while a task refers to
/// it.
pub async fn delete_variable_set(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
) -> Result<()> {
    named::delete::<StoredSet>(workflow.on(), principal, (), name_or_id).await
}

impl Resource for StoredSet {
    type New = NewSet;
    const CREATED: &'static str = "variables.created";
    const UPDATED: &'static str = "variables.updated";
    const DELETED: &'static str = "variables.deleted";

    fn new_name(new: &NewSet) -> Option<&str> {
        new.name.as_deref()
    }

    fn build(
        tx: &mut Tx,
        meta: Meta<VariableSetId>,
        new: &NewSet,
        _: Option<&Self>,
    ) -> Result<Self> {
        let description =
            names::validate_description(new.description.as_deref().unwrap_or_default())?;
        let row = row(tx.namespace(), meta.id);
        let plaintext = new.values.as_str().as_bytes();
        let encrypted =
            (new.keyring).encrypt(&encryption_context(&row), plaintext, tx.entropy())?;
        Ok(Self {
            id: meta.id,
            name: meta.name,
            classification: new.classification.clone(),
            description,
            encrypted,
            created: meta.created,
            updated: meta.updated,
            version: meta.version,
        })
    }

    fn too_many(limit: usize) -> Error {
        Error::limit("variables", "variable sets in a namespace", limit)
    }

    fn delete_parts(&self, tx: &mut Tx) -> Result<()> {
        match tasks::of_variables(tx, self.id, &self.name)? {
            Some(task) => Err(Error::referenced(
                self,
                format!("task {task:?} refers to it"),
            )),
            None => Ok(()),
        }
    }
}

impl StoredSet {
    fn is_secret(&self) -> bool {
        self.classification
            .as_deref()
            .is_some_and(|text| text.eq_ignore_ascii_case(SECRET))
    }

    fn decrypt(&self, keyring: &Keyring, namespace: &Namespace) -> Result<Json> {
        let row = row(namespace, self.id);
        let bytes = keyring.decrypt(&encryption_context(&row), &self.encrypted)?;
        let text = std::str::from_utf8(&bytes).ok().and_then(Json::parse);
        text.ok_or_else(|| Error::corrupt("variable set", "its values are not JSON"))
    }

    fn shown(self, variables: Option<Json>) -> VariableSet {
        VariableSet {
            id: self.id,
            name: self.name,
            classification: self.classification,
            description: self.description,
            variables,
            created: self.created,
            updated: self.updated,
            version: self.version,
        }
    }
}

/// Decrypts a set in the snapshot of the caller's transaction.
pub(crate) fn decrypt(tx: &mut Tx, keyring: &Keyring, name_or_id: &str) -> Result<Variables> {
    let stored = StoredSet::require(tx, (), name_or_id)?;
    let values = stored.decrypt(keyring, tx.namespace())?;
    let secrets = if stored.is_secret() {
        Secrets::from_value(&values.to_value())
    } else {
        Secrets::default()
    };
    Ok(Variables { values, secrets })
}

fn show(workflow: &Workflow, principal: &Principal, stored: StoredSet) -> Result<VariableSet> {
    if stored.is_secret() {
        return Ok(stored.shown(None));
    }
    let values = stored.decrypt(&workflow.parts().keyring, &principal.namespace)?;
    Ok(stored.shown(Some(values)))
}

fn encryption_context(row: &str) -> EncryptionContext<'_> {
    EncryptionContext {
        table: "variable_set",
        row,
        column: "encrypted",
    }
}

fn row(namespace: &Namespace, set: VariableSetId) -> String {
    format!("{namespace}/{set}")
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
    let values = Json::of(&new.variables).map_err(|error| Error::invalid("variables", error))?;
    Error::check_bytes("variables", values.as_str().len(), MAX_BYTES)?;
    Ok(values)
}
