//! Schemas of structs with flattened parts. The derive describes such a struct as a composition
//! (`allOf`), which client generators turn into a hierarchy of classes; the JSON is one object.

use utoipa::openapi::schema::{AllOf, Array, ArrayItems, Object, OneOf, Schema};
use utoipa::openapi::{OpenApi, RefOr};

/// Replaces every composition of inline objects by one object.
pub(super) fn merge(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    components.schemas.values_mut().for_each(merge_schema);
}

fn merge_schema(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(Object { properties, .. }) => properties.values_mut().for_each(merge_schema),
        Schema::Array(Array {
            items: ArrayItems::RefOrSchema(items),
            ..
        }) => merge_schema(items),
        Schema::OneOf(OneOf { items, .. }) => items.iter_mut().for_each(merge_schema),
        Schema::AllOf(composition) => {
            composition.items.iter_mut().for_each(merge_schema);
            if let Some(object) = merged(composition) {
                *schema = Schema::Object(object);
            }
        }
        _ => {}
    }
}

/// One object with the members of every part; `None` if a part is not an inline object.
fn merged(composition: &AllOf) -> Option<Object> {
    let parts = composition.items.iter().map(|part| match part {
        RefOr::T(Schema::Object(object)) => Some(object.clone()),
        _ => None,
    });
    let mut parts = parts.collect::<Option<Vec<_>>>()?.into_iter().rev();
    let mut object = parts.next()?;
    for part in parts {
        object.properties.extend(part.properties);
        object.required.splice(0..0, part.required);
    }
    object.description = composition.description.clone();
    Some(object)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde::Serialize;
    use utoipa::{PartialSchema as _, ToSchema};

    #[derive(Serialize, ToSchema)]
    struct Position {
        partition: String,
    }

    /// A fact.
    #[derive(Serialize, ToSchema)]
    struct Fact {
        #[serde(flatten)]
        #[schema(inline)]
        position: Position,
        kind: String,
    }

    #[test]
    fn a_struct_with_a_flattened_part_is_described_as_one_object() {
        let mut schema = Fact::schema();
        let json = |schema: &RefOr<Schema>| serde_json::to_value(schema).unwrap();
        assert!(json(&schema).get("allOf").is_some());
        merge_schema(&mut schema);
        let text = serde_json::json!({ "type": "string" });
        let object = serde_json::json!({
            "type": "object",
            "description": "A fact.",
            "required": ["partition", "kind"],
            "properties": { "partition": text, "kind": text },
        });
        assert_eq!(json(&schema), object);
    }
}
