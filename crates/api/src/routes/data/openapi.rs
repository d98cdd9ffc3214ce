//! The OpenAPI paths of objects and balances. They are the same for every object type, so they are
//! generated from one definition.

use super::schemas;
use crate::Problem;
use ::data::Type as ObjectType;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{Object, Schema, Type};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Response,
    ResponseBuilder,
};

/// The query parameters of every list, with their descriptions.
const LIST_PARAMETERS: [(&str, Type, &str); 6] = [
    (
        "limit",
        Type::Integer,
        "The maximum number of items to return, 1 to 1000. Defaults to 25.",
    ),
    (
        "skip",
        Type::Integer,
        "The number of items to skip, at most 10,000.",
    ),
    (
        "after",
        Type::String,
        "Return the items after this cursor, the `after` of the previous page.",
    ),
    (
        "sort",
        Type::String,
        "The field to sort by; prefixed with `-` for descending order. Repeatable.",
    ),
    (
        "count",
        Type::Boolean,
        "Whether to count all matching items.",
    ),
    (
        "label",
        Type::String,
        "A label as `<key>=<value>`, or only its key. Every indexed field is also a query parameter that filters by equality.",
    ),
];

/// The paths and schemas of objects and balances.
pub(super) fn objects() -> OpenApi {
    let types = ObjectType::WRITABLE
        .into_iter()
        .fold(PathsBuilder::new(), add_object_paths);
    let balances = object_operation(ObjectType::Balance, "Retrieve a balance.");
    let paths = types
        .path(
            "/balances",
            PathItem::new(
                HttpMethod::Get,
                list_operation(ObjectType::Balance, "List balances."),
            ),
        )
        .path("/balances/{ref}", PathItem::new(HttpMethod::Get, balances));
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas::all())
        .build();
    OpenApiBuilder::new()
        .paths(paths)
        .components(Some(components))
        .build()
}

fn add_object_paths(paths: PathsBuilder, object_type: ObjectType) -> PathsBuilder {
    let plural = object_type.plural();
    let create = operation(&format!("Create an object of {plural}."))
        .request_body(Some(input_body(object_type)));
    let collection = PathItem::new(
        HttpMethod::Get,
        list_operation(object_type, &format!("List {plural}.")),
    )
    .with_operation(
        HttpMethod::Post,
        create.response(
            "201",
            json_response("The created object.", read_schema(object_type)),
        ),
    );
    let paths = paths
        .path(format!("/{plural}"), collection)
        .path(format!("/{plural}/{{ref}}"), object_paths(object_type));
    if !matches!(
        object_type,
        ObjectType::Address | ObjectType::Asset | ObjectType::Pool
    ) {
        return paths;
    }
    let summary = format!("List the balances of an object of {plural}.");
    let balances =
        list_operation(ObjectType::Balance, &summary).parameter(ref_parameter(object_type));
    paths.path(
        format!("/{plural}/{{ref}}/balances"),
        PathItem::new(HttpMethod::Get, balances),
    )
}

fn object_paths(object_type: ObjectType) -> PathItem {
    let plural = object_type.plural();
    let put = "Create or replace an object. With an id in the path, the object must exist, and a new name renames it.";
    let put = object_operation(object_type, put).request_body(Some(input_body(object_type)));
    let patch = object_operation(
        object_type,
        "Update an object. Fields that are absent are not changed.",
    )
    .request_body(Some(input_body(object_type)));
    let deleted = ResponseBuilder::new()
        .description("The object was deleted.")
        .build();
    let delete = operation(&format!(
        "Delete an object of {plural}. Fails while another object refers to it."
    ));
    PathItem::new(
        HttpMethod::Get,
        object_operation(object_type, &format!("Retrieve an object of {plural}.")),
    )
    .with_operation(HttpMethod::Put, put)
    .with_operation(HttpMethod::Patch, patch)
    .with_operation(
        HttpMethod::Delete,
        delete
            .parameter(ref_parameter(object_type))
            .response("204", deleted),
    )
}

/// Adds a further method to a path.
trait MergeOperation {
    fn with_operation(self, method: HttpMethod, operation: OperationBuilder) -> Self;
}

impl MergeOperation for PathItem {
    fn with_operation(mut self, method: HttpMethod, operation: OperationBuilder) -> Self {
        self.merge_operations(PathItem::new(method, operation));
        self
    }
}

fn operation(summary: &str) -> OperationBuilder {
    let operation = OperationBuilder::new().tag("data").summary(Some(summary));
    let problems = <Problem as utoipa::IntoResponses>::responses();
    problems
        .into_iter()
        .fold(operation, |operation, (status, problem)| {
            operation.response(status, problem)
        })
}

fn object_operation(object_type: ObjectType, summary: &str) -> OperationBuilder {
    operation(summary)
        .parameter(ref_parameter(object_type))
        .response(
            "200",
            json_response("The current state of the object.", read_schema(object_type)),
        )
}

fn list_operation(object_type: ObjectType, summary: &str) -> OperationBuilder {
    let operation = operation(summary).response(
        "200",
        json_response("A page of objects.", schemas::listing(object_type)),
    );
    LIST_PARAMETERS
        .into_iter()
        .fold(operation, |operation, (name, json_type, description)| {
            operation.parameter(query_parameter(name, json_type, description))
        })
}

fn query_parameter(name: &str, json_type: Type, description: &str) -> Parameter {
    let schema: Object = schemas::plain(json_type, "");
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .description(Some(description));
    parameter
        .required(Required::False)
        .schema(Some(schema))
        .build()
}

fn ref_parameter(object_type: ObjectType) -> Parameter {
    let description = match object_type {
        ObjectType::Address => "The address.",
        ObjectType::Balance => "The id.",
        ObjectType::Transfer => "The id or the protocol id, with unescaped slashes.",
        qualified if qualified.is_qualified() => {
            "The id, the name if it is unique, or the qualified name `<address>/<name>` with an unescaped slash."
        }
        _ => "The name or the id.",
    };
    let parameter = ParameterBuilder::new()
        .name("ref")
        .parameter_in(ParameterIn::Path)
        .description(Some(description));
    parameter
        .required(Required::True)
        .schema(Some(schemas::plain(Type::String, "")))
        .build()
}

fn read_schema(object_type: ObjectType) -> Ref {
    Ref::from_schema_name(schemas::read_name(object_type))
}

fn input_body(object_type: ObjectType) -> RequestBody {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(schemas::input_name(
            object_type,
        ))))
        .build();
    RequestBodyBuilder::new()
        .content("application/json", content)
        .required(Some(Required::True))
        .build()
}

fn json_response(description: &str, schema: impl Into<RefOr<Schema>>) -> Response {
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new()
        .description(description)
        .content("application/json", content)
        .build()
}
