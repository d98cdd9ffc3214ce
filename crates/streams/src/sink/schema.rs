//! The schema of a delivery, from the declarations of the sinks.

use super::{Delivery, Field, FieldKind, SinkDoc, sinks};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    KnownFormat, Object, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::{PartialSchema, ToSchema};

impl ToSchema for Delivery {}

impl PartialSchema for Delivery {
    fn schema() -> RefOr<Schema> {
        let one_of = OneOfBuilder::new().description(Some("How events are delivered."));
        let one_of = sinks().fold(one_of, |one_of, sink| one_of.item(object(sink)));
        RefOr::T(Schema::OneOf(one_of.build()))
    }
}

fn object(sink: &SinkDoc) -> Object {
    let kind = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([sink.name]));
    let object = ObjectBuilder::new()
        .description(Some(sink.doc))
        .property("type", kind)
        .required("type");
    let add = |object: ObjectBuilder, field: &Field| {
        let object = object.property(field.name, property(field));
        if field.default().is_none() {
            object.required(field.name)
        } else {
            object
        }
    };
    sink.fields.iter().fold(object, add).build()
}

fn property(field: &Field) -> Object {
    let object = ObjectBuilder::new().description(Some(format!("{}.", field.doc)));
    match field.kind {
        FieldKind::Text => object.schema_type(Type::String),
        FieldKind::Integer { min, max, default } => object
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(min))
            .maximum(Some(max))
            .default(Some(default.into())),
        FieldKind::SecretTexts => object
            .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
            .additional_properties(Some(ObjectBuilder::new().schema_type(Type::String))),
    }
    .build()
}
