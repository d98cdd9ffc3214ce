//! The routes of named resources, which are listed, read, put and deleted in the same way.

use crate::{Error, Result};
use std::str::FromStr;

/// Declares the routes of a named resource, as a module with the function `routes`:
///
/// ```text
/// named_routes! {
///     mod named at "/tasks/{task}" by "task", tag "tasks";
///     engine workflow, permissions TaskRead, TaskWrite;
///     /// Retrieve a task by name or id.
///     get(Task) = workflow::task;
///     /// Create or replace a task.
///     put(NewTask, TaskId) = workflow::put_task;
///     /// Delete a task.
///     delete = workflow::delete_task;
///     /// List tasks.
///     list(Task) at "/tasks" = workflow::tasks;
/// }
/// ```
///
/// The functions take the engine, the principal, and the page or the name; `put` takes the input
/// as well. The comments describe the operations in the OpenAPI document. The file that declares
/// the routes imports the prelude.
macro_rules! named_routes {
    (
        mod $module:ident at $one:tt by $parameter:tt, tag $tag:tt;
        engine $engine:ident, permissions $Read:ident, $Write:ident;
        $(#[$get_doc:meta])*
        get($Resource:ident) = $get:expr;
        $(#[$put_doc:meta])*
        put($Input:ident, $Id:ident) = $put:expr;
        $(#[$delete_doc:meta])*
        delete = $delete:expr;
        $(
            $(#[$list_doc:meta])*
            $list_items:ident($Item:ident) at $all:tt = $list:expr;
        )?
    ) => {
        mod $module {
            use super::*;
            use $crate::resent::Resent;
            use $crate::routes::named::check_name;

            pub(super) fn routes() -> OpenApiRouter<App> {
                OpenApiRouter::new()
                    .routes(routes!(get, put, delete))
                    $(.routes(routes!($list_items)))?
            }

            $(#[$get_doc])*
            #[utoipa::path(get, path = $one, tag = $tag, params(($parameter = String, Path)), responses((status = 200, body = $Resource), Problem))]
            async fn get(
                State(app): State<App>,
                principal: Authorized<$Read>,
                Path(name_or_id): Path<String>,
            ) -> Result<Json<$Resource>> {
                let resource = ($get)(&app.$engine, &principal, &name_or_id).await?;
                Ok(Json(resource.into()))
            }

            $(#[$put_doc])*
            #[utoipa::path(put, path = $one, tag = $tag, params(($parameter = String, Path)), request_body = $Input,
                responses((status = 200, body = $Resource), Problem))]
            async fn put(
                State(app): State<App>,
                principal: Authorized<$Write>,
                Path(name_or_id): Path<String>,
                Resent(input): Resent<$Input>,
            ) -> Result<Json<$Resource>> {
                check_name::<$Id>(&name_or_id, input.name.as_deref())?;
                let put = ($put)(&app.$engine, &principal, &name_or_id, input.into());
                Ok(Json(put.await?.into()))
            }

            $(#[$delete_doc])*
            #[utoipa::path(delete, path = $one, tag = $tag, params(($parameter = String, Path)), responses((status = 204), Problem))]
            async fn delete(
                State(app): State<App>,
                principal: Authorized<$Write>,
                Path(name_or_id): Path<String>,
            ) -> Result<StatusCode> {
                ($delete)(&app.$engine, &principal, &name_or_id).await?;
                Ok(StatusCode::NO_CONTENT)
            }

            $(
                $(#[$list_doc])*
                #[utoipa::path(get, path = $all, tag = $tag, params(SkipPaging), responses((status = 200, body = Items<$Item>), Problem))]
                async fn $list_items(
                    State(app): State<App>,
                    principal: Authorized<$Read>,
                    Query(page): Query<SkipPaging>,
                ) -> Result<Json<Items<$Item>>> {
                    let page = page.page()?;
                    Ok(Items::page(($list)(&app.$engine, &principal, &page).await?))
                }
            )?
        }
    };
}
pub(super) use named_routes;

/// Rejects a body whose name differs from the name in the path. With an id in the path, the name
/// of the body renames the resource.
pub(super) fn check_name<Id: FromStr>(path: &str, name: Option<&str>) -> Result<()> {
    match name {
        Some(name) if name != path && path.parse::<Id>().is_err() => {
            Err(Error::field("name", "must match the name in the path"))
        }
        _ => Ok(()),
    }
}
