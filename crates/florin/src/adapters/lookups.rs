//! `policy::Lookups` over the data model.

use async_trait::async_trait;
use policy::{Lookup, LookupError, Lookups};
use serde_json::Value;

/// Lookups in the final state of the data model.
pub(crate) struct DataLookups {
    data: data::Data,
}

impl DataLookups {
    pub(crate) fn new(data: data::Data) -> Self {
        Self { data }
    }
}

#[async_trait]
impl Lookups for DataLookups {
    fn knows(&self, name: &str) -> bool {
        data::LOOKUPS.iter().any(|lookup| lookup.name == name)
    }

    /// The value; null for an unknown object, so that the policy can decide about it.
    async fn answer(&self, lookup: &Lookup) -> Result<Value, LookupError> {
        let Lookup {
            namespace,
            name,
            args,
        } = lookup;
        match data::lookup(&self.data, namespace, name, args).await {
            Ok(value) => Ok(value.map_or(Value::Null, |json| json.to_value())),
            Err(error) => Err(lookup_error(name.clone(), &error)),
        }
    }
}

fn lookup_error(name: String, error: &data::Error) -> LookupError {
    let why = error.to_string();
    match error {
        data::Error::UnknownField { .. } => LookupError::Unknown { name },
        data::Error::InvalidField { .. } => LookupError::Arguments { name, why },
        _ => LookupError::Failed { name, why },
    }
}
