//! `policy::Lookups` over the data model: labels and info of addresses and assets.

use async_trait::async_trait;
use policy::{Lookup, LookupError, Lookups};
use serde_json::Value;
use types::{Namespace, Principal};

/// Lookups in the final state of the data model.
pub(crate) struct DataLookups {
    data: data::Data,
}

/// The object type, the argument that identifies the object, and the field returned. The name of the
/// lookup is `argument.field`.
const LOOKUPS: [(data::Type, &str, &str); 4] = [
    (data::Type::Address, "address", "labels"),
    (data::Type::Address, "address", "info"),
    (data::Type::Asset, "asset", "labels"),
    (data::Type::Asset, "asset", "info"),
];

fn find(name: &str) -> Option<(data::Type, &'static str, &'static str)> {
    let name = name.split_once('.')?;
    let mut lookups = LOOKUPS.into_iter();
    lookups.find(|(_, argument, field)| (*argument, *field) == name)
}

impl DataLookups {
    pub(crate) fn new(data: data::Data) -> Self {
        Self { data }
    }

    /// A field of an object; null for an unknown object, so that the policy can decide about it.
    async fn field(
        &self,
        namespace: &Namespace,
        kind: data::Type,
        reference: &str,
        field: &str,
    ) -> Result<Value, data::Error> {
        let principal = Principal::system("policy", *namespace);
        match data::get(&self.data, &principal, kind, reference).await {
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
        find(name).is_some()
    }

    async fn answer(&self, lookup: &Lookup) -> Result<Value, LookupError> {
        let name = || lookup.name.clone();
        let (kind, argument, field) =
            find(&lookup.name).ok_or_else(|| LookupError::Unknown { name: name() })?;
        let reference = lookup
            .args
            .get(argument)
            .and_then(Value::as_str)
            .ok_or_else(|| LookupError::Arguments {
                name: name(),
                why: format!("expected {{\"{argument}\": \"…\"}}"),
            })?;
        self.field(&lookup.namespace, kind, reference, field)
            .await
            .map_err(|error| LookupError::Failed {
                name: name(),
                why: error.to_string(),
            })
    }
}
