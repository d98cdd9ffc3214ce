//! Variable sets: values that tasks read as `variables`, encrypted at rest.

use super::named::named_routes;
use crate::resent::Input;
use crate::routes::prelude::*;
use serde_json::{Map, Value};
use types::VariableSetId;
use workflow::VariableSet;

permissions! {
    /// Read variable sets, except the values of secret ones.
    VariablesRead = "variables:read";
    /// Create, replace and delete variable sets.
    VariablesWrite = "variables:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    named::routes()
}

/// A variable set to create, or to replace an existing one with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VariableSetInput {
    /// The name. Defaults to the name in the path.
    #[serde(default)]
    name: Option<String>,
    /// `secret` if the values must never be returned.
    #[serde(default)]
    classification: Option<String>,
    #[serde(default)]
    description: Option<String>,
    /// The values by name.
    #[serde(default, deserialize_with = "crate::exact::members")]
    #[schema(value_type = Object)]
    variables: Map<String, Value>,
}

impl Input for VariableSetInput {}

impl From<VariableSetInput> for workflow::NewVariables {
    fn from(input: VariableSetInput) -> Self {
        let VariableSetInput {
            name,
            classification,
            description,
            variables,
        } = input;
        Self {
            name,
            classification,
            description,
            variables,
        }
    }
}

named_routes! {
    mod named at "/variable-sets/{set}" by "set", tag "tasks";
    engine workflow, permissions VariablesRead, VariablesWrite;
    /// Retrieve a variable set by name or id.
    get(VariableSet) = workflow::variable_set;
    /// Create or replace a variable set.
    ///
    /// The values replace all previous values. With a name in the path, the set is created if it
    /// does not exist. With an id, it must exist, and `name` renames it.
    put(VariableSetInput, VariableSetId) = workflow::put_variable_set;
    /// Delete a variable set.
    ///
    /// Fails while a task uses the set.
    delete = workflow::delete_variable_set;
    /// List variable sets.
    ///
    /// Ordered by name. Secret values are not returned.
    list(VariableSet) at "/variable-sets" = workflow::variable_sets;
}
