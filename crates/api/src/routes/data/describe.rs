//! The OpenAPI paths of objects and balances, which are the same for all types: said once, written
//! for each.

use super::shapes;
use crate::Problem;
use ::data::Type as Kind;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{Object, Schema, Type};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Response,
    ResponseBuilder,
};

/// The parameters that every listing takes, and what they mean.
const LISTING: [(&str, Type, &str); 6] = [
    (
        "limit",
        Type::Integer,
        "How many at most, 1 to 1000; 25 if nothing is said.",
    ),
    (
        "skip",
        Type::Integer,
        "How many to leave out, at most 10,000.",
    ),
    ("after", Type::String, "Continue behind this cursor."),
    (
        "sort",
        Type::String,
        "A field; with `-` in front, largest first. Repeatable.",
    ),
    ("count", Type::Boolean, "Whether to count all that match."),
    (
        "label",
        Type::String,
        "`<key>=<value>`, or only a key. Any field with an index is a parameter as well, for equality.",
    ),
];

/// Paths and schemas.
pub(super) fn objects() -> OpenApi {
    let types = Kind::WRITABLE
        .into_iter()
        .fold(PathsBuilder::new(), of_type);
    let balances = one(Kind::Balance, "A balance.");
    let paths = types
        .path(
            "/balances",
            PathItem::new(HttpMethod::Get, list(Kind::Balance, "Balances.")),
        )
        .path("/balances/{ref}", PathItem::new(HttpMethod::Get, balances));
    let components = ComponentsBuilder::new()
        .schemas_from_iter(shapes::all())
        .build();
    OpenApiBuilder::new()
        .paths(paths)
        .components(Some(components))
        .build()
}

fn of_type(paths: PathsBuilder, kind: Kind) -> PathsBuilder {
    let plural = kind.plural();
    let create = operation(&format!("Make one of the {plural}.")).request_body(Some(input(kind)));
    let all = PathItem::new(HttpMethod::Get, list(kind, &format!("The {plural}."))).merged(
        HttpMethod::Post,
        create.response("201", answer("It was made.", read(kind))),
    );
    let paths = paths
        .path(format!("/{plural}"), all)
        .path(format!("/{plural}/{{ref}}"), single(kind));
    if !matches!(kind, Kind::Address | Kind::Asset | Kind::Pool) {
        return paths;
    }
    let says = format!("The balances of one of the {plural}.");
    let balances = list(Kind::Balance, &says).parameter(reference(kind));
    paths.path(
        format!("/{plural}/{{ref}}/balances"),
        PathItem::new(HttpMethod::Get, balances),
    )
}

fn single(kind: Kind) -> PathItem {
    let plural = kind.plural();
    let put = "By name: make it, or replace its content. By id: replace it, its name too.";
    let put = one(kind, put).request_body(Some(input(kind)));
    let patch = one(kind, "Change only what is given.").request_body(Some(input(kind)));
    let gone = ResponseBuilder::new().description("It is gone.").build();
    let delete = operation(&format!(
        "Delete one of the {plural} that nothing refers to."
    ));
    PathItem::new(HttpMethod::Get, one(kind, &format!("One of the {plural}.")))
        .merged(HttpMethod::Put, put)
        .merged(HttpMethod::Patch, patch)
        .merged(
            HttpMethod::Delete,
            delete.parameter(reference(kind)).response("204", gone),
        )
}

/// A path that takes one more method.
trait Merged {
    fn merged(self, method: HttpMethod, operation: OperationBuilder) -> Self;
}

impl Merged for PathItem {
    fn merged(mut self, method: HttpMethod, operation: OperationBuilder) -> Self {
        self.merge_operations(PathItem::new(method, operation));
        self
    }
}

fn operation(says: &str) -> OperationBuilder {
    let operation = OperationBuilder::new().tag("data").summary(Some(says));
    let refusals = <Problem as utoipa::IntoResponses>::responses();
    refusals
        .into_iter()
        .fold(operation, |operation, (status, refused)| {
            operation.response(status, refused)
        })
}

fn one(kind: Kind, says: &str) -> OperationBuilder {
    operation(says)
        .parameter(reference(kind))
        .response("200", answer("As it is now.", read(kind)))
}

fn list(kind: Kind, says: &str) -> OperationBuilder {
    let listed = operation(says).response("200", answer("A page.", shapes::listing(kind)));
    LISTING
        .into_iter()
        .fold(listed, |operation, (name, of, says)| {
            operation.parameter(query(name, of, says))
        })
}

fn query(name: &str, of: Type, says: &str) -> Parameter {
    let schema: Object = shapes::plain(of, "");
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .description(Some(says));
    parameter
        .required(Required::False)
        .schema(Some(schema))
        .build()
}

fn reference(kind: Kind) -> Parameter {
    let says = match kind {
        Kind::Address => "The address.",
        Kind::Balance => "The id.",
        Kind::Transfer => "The id or the protocol id, slashes unescaped.",
        kind if kind.is_qualified() => {
            "The id, the name if only one has it, or `<address>/<name>`, the slash unescaped."
        }
        _ => "The name or the id.",
    };
    let parameter = ParameterBuilder::new()
        .name("ref")
        .parameter_in(ParameterIn::Path)
        .description(Some(says));
    parameter
        .required(Required::True)
        .schema(Some(shapes::plain(Type::String, "")))
        .build()
}

fn read(kind: Kind) -> Ref {
    Ref::from_schema_name(shapes::read_name(kind))
}

fn input(kind: Kind) -> RequestBody {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(shapes::input_name(kind))))
        .build();
    RequestBodyBuilder::new()
        .content("application/json", content)
        .required(Some(Required::True))
        .build()
}

fn answer(says: &str, schema: impl Into<RefOr<Schema>>) -> Response {
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new()
        .description(says)
        .content("application/json", content)
        .build()
}
