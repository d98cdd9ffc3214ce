//! The OpenAPI schemas of bulk bodies. The `data` crate parses and serializes the bodies itself.

use super::schemas::{input_name, listing, plain};
use ::data::{OPERATORS, Operand, Type as ObjectType, UPDATE_TYPES};
use utoipa::openapi::schema::{Array, Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{AllOfBuilder, Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// One query per object type.
pub(super) struct BulkQuery;
/// One page per queried object type.
pub(super) struct BulkPages;
/// One list of objects per object type.
pub(super) struct BulkUpdate;
/// The objects that were created, replaced, updated and ignored, by object type.
pub(super) struct BulkOutcome;
/// The query of one object type.
struct ObjectQuery;
/// Conditions, all of which must match.
struct Conditions;

/// What a bulk query is, with the object types and operators that `data` declares.
pub(super) fn query_description() -> String {
    let mut types = ObjectType::QUERYABLE.map(|kind| format!("`{}`", kind.plural()));
    types.sort();
    let operators = |operand| {
        let names = OPERATORS
            .iter()
            .filter(|operator| operator.operand == operand)
            .map(|operator| format!("`{}`", operator.name));
        enumeration(&names.collect::<Vec<_>>())
    };
    format!(
        "All queries read the same snapshot. The body contains one query per object type \
         ({types}). A query is a set of conditions, all of which must match: {one} with \
         `{{field, value, not?, caseInsensitive?}}`; {many} with `{{field, values}}`; {none} with \
         `{{field}}`; `labels` with the same operators; `or` with nested queries. `skip`, `limit`, \
         `after`, `sort`, `count` and `fields` control the page. The response contains one page \
         per queried type.",
        types = types.join(", "),
        one = operators(Operand::One),
        many = operators(Operand::Many),
        none = operators(Operand::None),
    )
}

/// `a, b and c`.
fn enumeration(names: &[String]) -> String {
    match names {
        [others @ .., last] if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        names => names.concat(),
    }
}

fn object() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object)
}

fn text(description: &str) -> Object {
    plain(Type::String, description)
}

fn by_type(
    types: impl IntoIterator<Item = ObjectType>,
    schema_of: impl Fn(ObjectType) -> RefOr<Schema>,
) -> RefOr<Schema> {
    types
        .into_iter()
        .fold(object(), |schema, object_type| {
            schema.property(object_type.plural(), schema_of(object_type))
        })
        .into()
}

impl PartialSchema for BulkQuery {
    fn schema() -> RefOr<Schema> {
        by_type(ObjectType::QUERYABLE, |_| {
            Ref::from_schema_name("ObjectQuery").into()
        })
    }
}

impl ToSchema for BulkQuery {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push(("ObjectQuery".to_owned(), ObjectQuery::schema()));
        schemas.push(("Conditions".to_owned(), Conditions::schema()));
    }
}

impl PartialSchema for ObjectQuery {
    fn schema() -> RefOr<Schema> {
        let strings = || Array::new(text(""));
        let page = object()
            .property(
                "limit",
                plain(
                    Type::Integer,
                    "The maximum number of items to return, 1 to 1000. Defaults to 25.",
                ),
            )
            .property(
                "skip",
                plain(
                    Type::Integer,
                    "The number of items to skip, at most 10,000.",
                ),
            )
            .property("after", text("Return the items after this cursor."))
            .property("sort", strings())
            .property(
                "count",
                plain(Type::Boolean, "Whether to count all matching items."),
            )
            .property("fields", strings());
        AllOfBuilder::new()
            .item(Ref::from_schema_name("Conditions"))
            .item(page)
            .into()
    }
}

impl PartialSchema for Conditions {
    fn schema() -> RefOr<Schema> {
        let labels =
            object().description(Some("The same operators; `field` is the key of the label."));
        OPERATORS
            .iter()
            .fold(object(), |operators, operator| {
                operators.property(operator.name, Array::new(condition(operator.operand)))
            })
            .property("labels", labels)
            .property("or", Array::new(Ref::from_schema_name("Conditions")))
            .into()
    }
}

/// An item in the list of an operator.
fn condition(operand: Operand) -> Object {
    let flag = || plain(Type::Boolean, "");
    let condition = object().property("field", text(""));
    let condition = match operand {
        Operand::One => condition
            .property(
                "value",
                text("A string; compared according to the type of the field."),
            )
            .property("not", flag())
            .property("caseInsensitive", flag())
            .required("field")
            .required("value"),
        Operand::Many => condition.property("values", Array::new(text(""))),
        Operand::None => condition.property("not", flag()),
    };
    condition.build()
}

impl PartialSchema for BulkPages {
    fn schema() -> RefOr<Schema> {
        by_type(ObjectType::QUERYABLE, |object_type| {
            listing(object_type).into()
        })
    }
}

impl ToSchema for BulkPages {}

impl PartialSchema for BulkUpdate {
    fn schema() -> RefOr<Schema> {
        let description = format!("One of `{}`.", UPDATE_TYPES.join("`, `"));
        let item = |object_type| {
            let mode = object().property("updateType", text(&description));
            AllOfBuilder::new()
                .item(Ref::from_schema_name(input_name(object_type)))
                .item(mode)
                .build()
        };
        by_type(ObjectType::WRITABLE, |object_type| {
            Array::new(Schema::from(item(object_type))).into()
        })
    }
}

impl ToSchema for BulkUpdate {}

impl PartialSchema for BulkOutcome {
    fn schema() -> RefOr<Schema> {
        let item = object()
            .property(
                "name",
                text("The name; for addresses the address, for transfers the protocol id."),
            )
            .property("id", text(""))
            .property(
                "parent",
                text("The address of a pool, NFT or fragment; the activity of an event."),
            );
        let item = item.required("name").required("id").build();
        let outcomes = ["created", "replaced", "updated", "ignored"];
        let result = outcomes.into_iter().fold(object(), |result, outcome| {
            result.property(outcome, Array::new(item.clone()))
        });
        let result = result.build();
        by_type(ObjectType::WRITABLE, |_| result.clone().into())
    }
}

impl ToSchema for BulkOutcome {}
