//! How bulk bodies look on the wire, for the OpenAPI document: the data model reads and writes them
//! itself.

use super::shapes::{input_name, listing, plain};
use ::data::Type as Kind;
use utoipa::openapi::schema::{Array, Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{AllOfBuilder, Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// A query for each type that is asked for.
pub(super) struct BulkQuery;
/// A page for each type that was asked for.
pub(super) struct BulkPages;
/// A list for each type that is written.
pub(super) struct BulkUpdate;
/// What was done, by type.
pub(super) struct BulkOutcome;
/// What is asked of a type.
struct ObjectQuery;
/// Conditions that must all hold.
struct Conditions;

/// The types that can be queried in bulk.
const QUERIED: [Kind; 11] = [
    Kind::Activity,
    Kind::Address,
    Kind::Asset,
    Kind::BalanceChange,
    Kind::Collection,
    Kind::Data,
    Kind::Event,
    Kind::Fragment,
    Kind::Nft,
    Kind::Pool,
    Kind::Transfer,
];
/// Operators that take one value.
const COMPARE: [&str; 9] = [
    "eq",
    "neq",
    "lt",
    "lte",
    "gt",
    "gte",
    "contains",
    "startsWith",
    "endsWith",
];

fn object() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object)
}

fn text(says: &str) -> Object {
    plain(Type::String, says)
}

fn by_type(
    kinds: impl IntoIterator<Item = Kind>,
    shape: impl Fn(Kind) -> RefOr<Schema>,
) -> RefOr<Schema> {
    kinds
        .into_iter()
        .fold(object(), |all, kind| {
            all.property(kind.plural(), shape(kind))
        })
        .into()
}

impl PartialSchema for BulkQuery {
    fn schema() -> RefOr<Schema> {
        by_type(QUERIED, |_| Ref::from_schema_name("ObjectQuery").into())
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
        let texts = || Array::new(text(""));
        let page = object()
            .property(
                "limit",
                plain(Type::Integer, "1 to 1000; 25 if nothing is said."),
            )
            .property("skip", plain(Type::Integer, "At most 10,000."))
            .property("after", text("Continue behind this cursor."))
            .property("sort", texts())
            .property(
                "count",
                plain(Type::Boolean, "Whether to count all that match."),
            )
            .property("fields", texts());
        AllOfBuilder::new()
            .item(Ref::from_schema_name("Conditions"))
            .item(page)
            .into()
    }
}

impl PartialSchema for Conditions {
    fn schema() -> RefOr<Schema> {
        let flag = || plain(Type::Boolean, "");
        let value = text("Always a text; compared as what the field is.");
        let one = object()
            .property("field", text(""))
            .property("value", value);
        let one = one
            .property("not", flag())
            .property("caseInsensitive", flag())
            .required("field")
            .required("value");
        let many = object()
            .property("field", text(""))
            .property("values", Array::new(text("")))
            .build();
        let none = object().property("field", text("")).property("not", flag());
        let of_label =
            object().description(Some("The same operators; `field` is the label's key."));
        let compare = one.build();
        let all = COMPARE.into_iter().fold(object(), |all, name| {
            all.property(name, Array::new(compare.clone()))
        });
        all.property("in", Array::new(many.clone()))
            .property("nin", Array::new(many))
            .property("null", Array::new(none.build()))
            .property("labels", of_label)
            .property("or", Array::new(Ref::from_schema_name("Conditions")))
            .into()
    }
}

impl PartialSchema for BulkPages {
    fn schema() -> RefOr<Schema> {
        by_type(QUERIED, |kind| listing(kind).into())
    }
}

impl ToSchema for BulkPages {}

impl PartialSchema for BulkUpdate {
    fn schema() -> RefOr<Schema> {
        let says = "`create_only`, `create_or_ignore`, `create_or_update`, `create_or_replace` or `update_only`";
        let item = |kind| {
            let mode = object().property("updateType", text(says));
            AllOfBuilder::new()
                .item(Ref::from_schema_name(input_name(kind)))
                .item(mode)
                .build()
        };
        by_type(Kind::WRITABLE, |kind| {
            Array::new(Schema::from(item(kind))).into()
        })
    }
}

impl ToSchema for BulkUpdate {}

impl PartialSchema for BulkOutcome {
    fn schema() -> RefOr<Schema> {
        let listed = object()
            .property(
                "name",
                text("The address of addresses, the protocol id of transfers."),
            )
            .property("id", text(""))
            .property(
                "parent",
                text("The address of pools, NFTs and fragments; the activity of events."),
            );
        let listed = listed.required("name").required("id").build();
        let words = ["created", "replaced", "updated", "ignored"];
        let done = words.into_iter().fold(object(), |done, word| {
            done.property(word, Array::new(listed.clone()))
        });
        let done = done.build();
        by_type(Kind::WRITABLE, |_| done.clone().into())
    }
}

impl ToSchema for BulkOutcome {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::data::shapes::read_name;

    #[test]
    fn all_types_but_balances_can_be_queried() {
        let computed = QUERIED.iter().filter(|kind| !Kind::WRITABLE.contains(kind));
        assert_eq!(
            computed.map(|kind| read_name(*kind)).collect::<Vec<_>>(),
            ["BalanceChangeObject"]
        );
        assert_eq!(QUERIED.len(), Kind::WRITABLE.len() + 1);
    }
}
