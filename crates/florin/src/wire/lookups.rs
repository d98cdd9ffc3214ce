//! `policy::Lookups` over the data model: what is known of an address or an asset.

use async_trait::async_trait;
use policy::{Lookup, LookupError, Lookups};
use serde_json::Value;
use types::{Namespace, Principal};

/// Lookups that the data model answers, each from its final state.
pub(crate) struct DataLookups {
    data: data::Data,
}

/// A lookup by name: the type of object, the argument that names it, and the field that is the
/// answer.
const KNOWN: [(&str, data::Type, &str, &str); 4] = [
    ("address.labels", data::Type::Address, "address", "labels"),
    ("address.info", data::Type::Address, "address", "info"),
    ("asset.labels", data::Type::Asset, "asset", "labels"),
    ("asset.info", data::Type::Asset, "asset", "info"),
];

impl DataLookups {
    pub(crate) fn new(data: data::Data) -> Self {
        Self { data }
    }

    /// The field of an object; null where the object is not known, so that a policy can say what
    /// that means.
    async fn field(
        &self,
        namespace: &Namespace,
        kind: data::Type,
        reference: &str,
        field: &str,
    ) -> Result<Value, data::Error> {
        let who = Principal::system("policy", namespace.clone());
        match data::get(&self.data, &who, kind, reference).await {
            Ok(view) => {
                let object = serde_json::to_value(&view).unwrap_or(Value::Null);
                Ok(object.get(field).cloned().unwrap_or(Value::Null))
            }
            Err(error) if types::Coded::code(&error).status == 404 => Ok(Value::Null),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Lookups for DataLookups {
    fn knows(&self, name: &str) -> bool {
        KNOWN.iter().any(|(known, ..)| *known == name)
    }

    async fn answer(&self, lookup: &Lookup) -> Result<Value, LookupError> {
        let named = lookup.name.clone();
        let (_, kind, argument, field) = KNOWN
            .into_iter()
            .find(|(known, ..)| *known == lookup.name)
            .ok_or_else(|| LookupError::Unknown {
                name: named.clone(),
            })?;
        let reference = lookup
            .args
            .get(argument)
            .and_then(Value::as_str)
            .ok_or_else(|| LookupError::Arguments {
                name: named.clone(),
                why: format!("it takes {{\"{argument}\": \"…\"}}"),
            })?;
        self.field(&lookup.namespace, kind, reference, field)
            .await
            .map_err(|error| LookupError::Failed {
                name: named,
                why: error.to_string(),
            })
    }
}
