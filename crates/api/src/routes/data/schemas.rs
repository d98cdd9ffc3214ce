//! The OpenAPI schemas of the objects of the data model, from the fields that `data` declares.

use ::data::Type as ObjectType;
use ::types::schema::{Field, Kind};
use utoipa::openapi::schema::{
    AdditionalProperties, Array, Object, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{KnownFormat, Ref, RefOr};

/// The name of the response schema of an object type.
pub(super) fn read_name(object_type: ObjectType) -> String {
    format!("{}Object", capitalized(object_type))
}

/// The name of the input schema of an object type.
pub(super) fn input_name(object_type: ObjectType) -> String {
    format!("{}Input", capitalized(object_type))
}

fn capitalized(object_type: ObjectType) -> String {
    let name = object_type.singular();
    name[..1].to_ascii_uppercase() + &name[1..]
}

/// All schemas with their names.
pub(super) fn all() -> Vec<(String, RefOr<Schema>)> {
    let read = ObjectType::ALL.map(|object_type| {
        let fields = ::data::schema(object_type);
        (read_name(object_type), object(&fields, |_| true).into())
    });
    let input = ObjectType::WRITABLE.map(|object_type| {
        let fields = ::data::schema(object_type);
        let inputs = object(&fields, Field::is_input);
        (input_name(object_type), inputs.into())
    });
    read.into_iter().chain(input).collect()
}

/// A schema of the fields for which `includes` holds.
fn object(fields: &[Field], includes: fn(&Field) -> bool) -> Object {
    let object = ObjectBuilder::new().schema_type(Type::Object);
    let included = fields.iter().filter(|field| includes(field));
    let object = included.fold(object, |object, field| {
        let object = object.property(field.name, schema(field.kind, field.doc));
        if field.required {
            object.required(field.name)
        } else {
            object
        }
    });
    object.build()
}

fn schema(kind: Kind, doc: &str) -> RefOr<Schema> {
    match kind {
        Kind::Text => plain(Type::String, doc).into(),
        Kind::Flag => plain(Type::Boolean, doc).into(),
        Kind::Integer => plain(Type::Integer, doc).into(),
        Kind::Time => described(Type::String, doc)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into(),
        Kind::Json => described(SchemaType::AnyValue, doc).into(),
        Kind::Texts => {
            let values = AdditionalProperties::from(Schema::from(plain(Type::String, "")));
            described(Type::Object, doc)
                .additional_properties(Some(values))
                .into()
        }
        Kind::OneOf(texts) => described(Type::String, doc)
            .enum_values(Some(texts.iter().copied()))
            .into(),
        Kind::List(items) => Array::new(schema(*items, doc)).into(),
        Kind::Object(fields) => {
            let description = (!doc.is_empty()).then(|| doc.to_owned());
            let mut object = object(fields, |_| true);
            object.description = description;
            object.into()
        }
        Kind::Schema(name) => Ref::from_schema_name(name).into(),
    }
}

/// A page of a list.
pub(super) fn listing(object_type: ObjectType) -> Object {
    let number = || plain(Type::Integer, "");
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property(
            "count",
            plain(Type::Integer, "The number of items on this page."),
        )
        .property(
            "total",
            plain(
                Type::Integer,
                "The total number of matching items, if `count` was requested, up to 10,000.",
            ),
        )
        .property("totalAtLeast", number())
        .property(
            "allItems",
            plain(
                Type::Boolean,
                "Whether this page contains all matching items.",
            ),
        )
        .property(
            "after",
            plain(
                Type::String,
                "The cursor of the next page. Absent on the last page.",
            ),
        )
        .property(
            "items",
            Array::new(Ref::from_schema_name(read_name(object_type))),
        )
        .required("count")
        .required("allItems")
        .required("items")
        .build()
}

/// A schema of a JSON type.
pub(super) fn plain(json_type: Type, description: &str) -> Object {
    described(json_type, description).build()
}

fn described(schema_type: impl Into<SchemaType>, description: &str) -> ObjectBuilder {
    let description = (!description.is_empty()).then(|| description.to_owned());
    ObjectBuilder::new()
        .schema_type(schema_type)
        .description(description)
}
