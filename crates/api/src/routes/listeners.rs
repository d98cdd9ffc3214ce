//! Listeners: start a run of a task for each matching chain event or data model event.

use crate::access::Authorized;
use crate::extract::{Body, Path, Query, SkipPaging};
use crate::shapes::Items;
use crate::{App, Problem, Result, permissions};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use types::{ChainId, Height, ListenerId, Time};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workflow::{ListenerKind, ListenerSpec, NewListener};

permissions! {
    /// Read listeners.
    ListenerRead = "listener:read";
    /// Create, replace and delete listeners.
    ListenerWrite = "listener:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_chain))
        .routes(routes!(get_chain, put_chain, delete_chain))
        .routes(routes!(list_model))
        .routes(routes!(get_model, put_model, delete_model))
}

/// A listener starts a run of a task for each matching event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Listener {
    id: ListenerId,
    name: String,
    /// Whether the listener is disabled. A disabled listener starts no runs and keeps its cursor.
    disabled: bool,
    /// The configuration as it was sent. Only on listeners to chain events.
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<types::Json>,
    /// The task, by id or name. Only on listeners to data model events.
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<String>,
    /// A regular expression that the event's topic must match. Only on listeners to data model
    /// events.
    #[serde(skip_serializing_if = "Option::is_none")]
    topic_filter: Option<String>,
    /// The chain. Only on listeners to chain events.
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<ChainId>,
    /// The position of the last event processed. Only on listeners to chain events.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<EventPosition>,
    /// Why the listener is blocked. Absent while it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    created: Time,
    updated: Time,
}

/// A position in the event sequence of a chain.
#[derive(Serialize, ToSchema)]
struct EventPosition {
    /// The block's height.
    height: Height,
    /// The event's index in the block: -1 before the first event, 2^31-1 after the last.
    index: i64,
}

impl From<workflow::Listener> for Listener {
    fn from(listener: workflow::Listener) -> Self {
        let (config, task_id, topic_filter) = match listener.spec {
            ListenerSpec::Chain { config } => (Some(config), None, None),
            ListenerSpec::Model {
                task_id,
                topic_filter,
            } => (None, Some(task_id), Some(topic_filter)),
        };
        Self {
            id: listener.id,
            name: listener.name,
            disabled: listener.disabled,
            config,
            task_id,
            topic_filter,
            chain: listener.chain,
            cursor: listener.cursor.map(|cursor| EventPosition {
                height: cursor.height,
                index: cursor.index,
            }),
            problem: listener.problem,
            created: listener.created,
            updated: listener.updated,
        }
    }
}

/// A listener to chain events to create, or to replace an existing one with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChainListenerInput {
    /// The name. Defaults to the name in the path.
    #[serde(default)]
    name: Option<String>,
    /// Whether the listener is disabled. A disabled listener starts no runs and keeps its cursor.
    #[serde(default)]
    disabled: bool,
    /// The configuration: `{taskName, taskVersion?, namespace?, chain?, firstEvent?, finality?,
    /// onRevert?, onError?, blockchainEvents: {abiEvents, locations?, createOptions?}}`.
    /// `firstEvent` is `"0"`, `oldest`, `newest` or a block number. Without `finality`, the
    /// listener waits until an event is final.
    config: types::Json,
    // Read-only fields are accepted and ignored, so that a client can send back what it read.
    #[serde(default, rename = "id")]
    #[schema(ignore)]
    _id: IgnoredAny,
    #[serde(default, rename = "created")]
    #[schema(ignore)]
    _created: IgnoredAny,
    #[serde(default, rename = "updated")]
    #[schema(ignore)]
    _updated: IgnoredAny,
}

impl From<ChainListenerInput> for NewListener {
    fn from(input: ChainListenerInput) -> Self {
        let ChainListenerInput {
            name,
            disabled,
            config,
            ..
        } = input;
        Self {
            name,
            disabled,
            spec: ListenerSpec::chain(config),
        }
    }
}

/// A listener to data model events to create, or to replace an existing one with.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ModelListenerInput {
    /// The name. Defaults to the name in the path.
    #[serde(default)]
    name: Option<String>,
    /// Whether the listener is disabled. A disabled listener starts no runs and keeps its cursor.
    #[serde(default)]
    disabled: bool,
    /// The task, by id or name.
    task_id: String,
    /// A regular expression that the event's topic, `<activity>/<name>`, must match.
    topic_filter: String,
    // Read-only fields are accepted and ignored, so that a client can send back what it read.
    #[serde(default, rename = "id")]
    #[schema(ignore)]
    _id: IgnoredAny,
    #[serde(default, rename = "created")]
    #[schema(ignore)]
    _created: IgnoredAny,
    #[serde(default, rename = "updated")]
    #[schema(ignore)]
    _updated: IgnoredAny,
}

impl From<ModelListenerInput> for NewListener {
    fn from(input: ModelListenerInput) -> Self {
        let ModelListenerInput {
            name,
            disabled,
            task_id,
            topic_filter,
            ..
        } = input;
        Self {
            name,
            disabled,
            spec: ListenerSpec::Model {
                task_id,
                topic_filter,
            },
        }
    }
}

async fn put(
    app: &App,
    principal: &types::Principal,
    name_or_id: &str,
    new: NewListener,
) -> Result<Json<Listener>> {
    if name_or_id.parse::<ListenerId>().is_err() {
        super::check_name(name_or_id, new.name.as_deref())?;
    }
    let (listener, _) = workflow::put_listener(&app.workflow, principal, name_or_id, new).await?;
    Ok(Json(listener.into()))
}

async fn list(
    app: &App,
    principal: &types::Principal,
    kind: ListenerKind,
    page: SkipPaging,
) -> Result<Json<Items<Listener>>> {
    Ok(Items::page(
        workflow::listeners(&app.workflow, principal, kind, &page.page()?).await?,
    ))
}

async fn get(
    app: &App,
    principal: &types::Principal,
    kind: ListenerKind,
    name_or_id: &str,
) -> Result<Json<Listener>> {
    Ok(Json(
        workflow::listener(&app.workflow, principal, kind, name_or_id)
            .await?
            .into(),
    ))
}

async fn delete(
    app: &App,
    principal: &types::Principal,
    kind: ListenerKind,
    name_or_id: &str,
) -> Result<StatusCode> {
    workflow::delete_listener(&app.workflow, principal, kind, name_or_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List listeners to chain events.
///
/// Ordered by name.
#[utoipa::path(get, path = "/listeners/firefly", tag = "listeners", params(SkipPaging), responses((status = 200, body = Items<Listener>), Problem))]
async fn list_chain(
    State(app): State<App>,
    principal: Authorized<ListenerRead>,
    Query(page): Query<SkipPaging>,
) -> Result<Json<Items<Listener>>> {
    list(&app, &principal, ListenerKind::Firefly, page).await
}

/// Retrieve a listener to chain events by name or id.
#[utoipa::path(get, path = "/listeners/firefly/{listener}", tag = "listeners", params(("listener" = String, Path)),
    responses((status = 200, body = Listener), Problem))]
async fn get_chain(
    State(app): State<App>,
    principal: Authorized<ListenerRead>,
    Path(name_or_id): Path<String>,
) -> Result<Json<Listener>> {
    get(&app, &principal, ListenerKind::Firefly, &name_or_id).await
}

/// Create or replace a listener to chain events.
///
/// With a name in the path, the listener is created if it does not exist. With an id, it must
/// exist, and `name` renames it. A replaced listener keeps its cursor.
#[utoipa::path(put, path = "/listeners/firefly/{listener}", tag = "listeners", params(("listener" = String, Path)),
    request_body = ChainListenerInput, responses((status = 200, body = Listener), Problem))]
async fn put_chain(
    State(app): State<App>,
    principal: Authorized<ListenerWrite>,
    Path(name_or_id): Path<String>,
    Body(input): Body<ChainListenerInput>,
) -> Result<Json<Listener>> {
    put(&app, &principal, &name_or_id, input.into()).await
}

/// Delete a listener to chain events.
///
/// Runs that it started continue.
#[utoipa::path(delete, path = "/listeners/firefly/{listener}", tag = "listeners", params(("listener" = String, Path)),
    responses((status = 204), Problem))]
async fn delete_chain(
    State(app): State<App>,
    principal: Authorized<ListenerWrite>,
    Path(name_or_id): Path<String>,
) -> Result<StatusCode> {
    delete(&app, &principal, ListenerKind::Firefly, &name_or_id).await
}

/// List listeners to data model events.
///
/// Ordered by name.
#[utoipa::path(get, path = "/listeners/datamodel", tag = "listeners", params(SkipPaging), responses((status = 200, body = Items<Listener>), Problem))]
async fn list_model(
    State(app): State<App>,
    principal: Authorized<ListenerRead>,
    Query(page): Query<SkipPaging>,
) -> Result<Json<Items<Listener>>> {
    list(&app, &principal, ListenerKind::DataModel, page).await
}

/// Retrieve a listener to data model events by name or id.
#[utoipa::path(get, path = "/listeners/datamodel/{listener}", tag = "listeners", params(("listener" = String, Path)),
    responses((status = 200, body = Listener), Problem))]
async fn get_model(
    State(app): State<App>,
    principal: Authorized<ListenerRead>,
    Path(name_or_id): Path<String>,
) -> Result<Json<Listener>> {
    get(&app, &principal, ListenerKind::DataModel, &name_or_id).await
}

/// Create or replace a listener to data model events.
///
/// With a name in the path, the listener is created if it does not exist. With an id, it must
/// exist, and `name` renames it. A replaced listener keeps its cursor.
#[utoipa::path(put, path = "/listeners/datamodel/{listener}", tag = "listeners", params(("listener" = String, Path)),
    request_body = ModelListenerInput, responses((status = 200, body = Listener), Problem))]
async fn put_model(
    State(app): State<App>,
    principal: Authorized<ListenerWrite>,
    Path(name_or_id): Path<String>,
    Body(input): Body<ModelListenerInput>,
) -> Result<Json<Listener>> {
    put(&app, &principal, &name_or_id, input.into()).await
}

/// Delete a listener to data model events.
///
/// Runs that it started continue.
#[utoipa::path(delete, path = "/listeners/datamodel/{listener}", tag = "listeners", params(("listener" = String, Path)),
    responses((status = 204), Problem))]
async fn delete_model(
    State(app): State<App>,
    principal: Authorized<ListenerWrite>,
    Path(name_or_id): Path<String>,
) -> Result<StatusCode> {
    delete(&app, &principal, ListenerKind::DataModel, &name_or_id).await
}
