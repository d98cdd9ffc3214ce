//! Listeners: chain events, or new entries of the data model, into a task.

use crate::access::May;
use crate::extract::{Body, BySkip, Path, Query};
use crate::wire::Items;
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
use workflow::{Given, ListenerKind, NewListener};

permissions! {
    /// See listeners.
    ListenerRead = "listener:read";
    /// Write listeners.
    ListenerWrite = "listener:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(chain_list))
        .routes(routes!(chain_get, chain_put, chain_delete))
        .routes(routes!(model_list))
        .routes(routes!(model_get, model_put, model_delete))
}

/// A listener.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Listener {
    id: ListenerId,
    name: String,
    /// Whether it takes up nothing new; it keeps its place.
    disabled: bool,
    /// Of chain events: as it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<types::Json>,
    /// Of entries: the task, by id or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<String>,
    /// Of entries: a regular expression on the entry's topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    topic_filter: Option<String>,
    /// Of chain events: the chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<ChainId>,
    /// Of chain events: behind which one it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<EventPlace>,
    /// Why it stands still, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    created: Time,
    updated: Time,
}

/// A place among the events of a chain.
#[derive(Serialize, ToSchema)]
struct EventPlace {
    /// The block's height.
    height: Height,
    /// The event's index in the block; -1 before the first, 2^31-1 behind the last.
    index: i64,
}

impl From<workflow::Listener> for Listener {
    fn from(listener: workflow::Listener) -> Self {
        let (config, task_id, topic_filter) = match listener.given {
            Given::Chain { config } => (Some(config), None, None),
            Given::Model {
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
            cursor: listener.cursor.map(|place| EventPlace {
                height: place.height,
                index: place.index,
            }),
            problem: listener.problem,
            created: listener.created,
            updated: listener.updated,
        }
    }
}

/// A listener to chain events.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChainListenerInput {
    /// Its name; that of the path if it is left out.
    #[serde(default)]
    name: Option<String>,
    /// Whether it takes up nothing new; it keeps its place.
    #[serde(default)]
    disabled: bool,
    /// `{taskName, taskVersion?, namespace?, chain?, firstEvent?, finality?, onRevert?, onError?,
    /// blockchainEvents: {abiEvents, locations?, createOptions?}}`. `firstEvent` is `"0"`,
    /// `oldest`, `newest` or the number of a block. Without `finality` it runs at final.
    config: types::Json,
    // What Florin sets itself may be sent back.
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
            given: Given::chain(config),
        }
    }
}

/// A listener to new entries of the data model.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ModelListenerInput {
    /// Its name; that of the path if it is left out.
    #[serde(default)]
    name: Option<String>,
    /// Whether it takes up nothing new; it keeps its place.
    #[serde(default)]
    disabled: bool,
    /// The task, by id or name.
    task_id: String,
    /// A regular expression on the entry's topic, `<activity>/<name>`.
    topic_filter: String,
    // What Florin sets itself may be sent back.
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
            given: Given::Model {
                task_id,
                topic_filter,
            },
        }
    }
}

async fn put(
    app: &App,
    who: &types::Principal,
    named: &str,
    new: NewListener,
) -> Result<Json<Listener>> {
    if named.parse::<ListenerId>().is_err() {
        super::same_name(named, new.name.as_deref())?;
    }
    let (listener, _) = workflow::put_listener(&app.workflow, who, named, new).await?;
    Ok(Json(listener.into()))
}

async fn list(
    app: &App,
    who: &types::Principal,
    kind: ListenerKind,
    page: BySkip,
) -> Result<Json<Items<Listener>>> {
    Ok(Items::of(
        workflow::listeners(&app.workflow, who, kind, &page.page()?).await?,
    ))
}

async fn get(
    app: &App,
    who: &types::Principal,
    kind: ListenerKind,
    named: &str,
) -> Result<Json<Listener>> {
    Ok(Json(
        workflow::listener(&app.workflow, who, kind, named)
            .await?
            .into(),
    ))
}

async fn delete(
    app: &App,
    who: &types::Principal,
    kind: ListenerKind,
    named: &str,
) -> Result<StatusCode> {
    workflow::delete_listener(&app.workflow, who, kind, named).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Listeners to chain events, by name.
#[utoipa::path(get, path = "/listeners/firefly", tag = "listeners", params(BySkip), responses((status = 200, body = Items<Listener>), Problem))]
async fn chain_list(
    State(app): State<App>,
    who: May<ListenerRead>,
    Query(page): Query<BySkip>,
) -> Result<Json<Items<Listener>>> {
    list(&app, &who, ListenerKind::Firefly, page).await
}

/// A listener to chain events.
#[utoipa::path(get, path = "/listeners/firefly/{listener}", tag = "listeners", params(("listener" = String, Path)),
    responses((status = 200, body = Listener), Problem))]
async fn chain_get(
    State(app): State<App>,
    who: May<ListenerRead>,
    Path(named): Path<String>,
) -> Result<Json<Listener>> {
    get(&app, &who, ListenerKind::Firefly, &named).await
}

/// By name: make a listener to chain events, or replace it. By id: replace it, its name too. It
/// keeps its place.
#[utoipa::path(put, path = "/listeners/firefly/{listener}", tag = "listeners", params(("listener" = String, Path)),
    request_body = ChainListenerInput, responses((status = 200, body = Listener), Problem))]
async fn chain_put(
    State(app): State<App>,
    who: May<ListenerWrite>,
    Path(named): Path<String>,
    Body(input): Body<ChainListenerInput>,
) -> Result<Json<Listener>> {
    put(&app, &who, &named, input.into()).await
}

/// Delete a listener to chain events. Runs that it began go on.
#[utoipa::path(delete, path = "/listeners/firefly/{listener}", tag = "listeners", params(("listener" = String, Path)),
    responses((status = 204), Problem))]
async fn chain_delete(
    State(app): State<App>,
    who: May<ListenerWrite>,
    Path(named): Path<String>,
) -> Result<StatusCode> {
    delete(&app, &who, ListenerKind::Firefly, &named).await
}

/// Listeners to entries of the data model, by name.
#[utoipa::path(get, path = "/listeners/datamodel", tag = "listeners", params(BySkip), responses((status = 200, body = Items<Listener>), Problem))]
async fn model_list(
    State(app): State<App>,
    who: May<ListenerRead>,
    Query(page): Query<BySkip>,
) -> Result<Json<Items<Listener>>> {
    list(&app, &who, ListenerKind::DataModel, page).await
}

/// A listener to entries of the data model.
#[utoipa::path(get, path = "/listeners/datamodel/{listener}", tag = "listeners", params(("listener" = String, Path)),
    responses((status = 200, body = Listener), Problem))]
async fn model_get(
    State(app): State<App>,
    who: May<ListenerRead>,
    Path(named): Path<String>,
) -> Result<Json<Listener>> {
    get(&app, &who, ListenerKind::DataModel, &named).await
}

/// By name: make a listener to entries of the data model, or replace it. By id: replace it, its
/// name too. It keeps its place.
#[utoipa::path(put, path = "/listeners/datamodel/{listener}", tag = "listeners", params(("listener" = String, Path)),
    request_body = ModelListenerInput, responses((status = 200, body = Listener), Problem))]
async fn model_put(
    State(app): State<App>,
    who: May<ListenerWrite>,
    Path(named): Path<String>,
    Body(input): Body<ModelListenerInput>,
) -> Result<Json<Listener>> {
    put(&app, &who, &named, input.into()).await
}

/// Delete a listener to entries of the data model. Runs that it began go on.
#[utoipa::path(delete, path = "/listeners/datamodel/{listener}", tag = "listeners", params(("listener" = String, Path)),
    responses((status = 204), Problem))]
async fn model_delete(
    State(app): State<App>,
    who: May<ListenerWrite>,
    Path(named): Path<String>,
) -> Result<StatusCode> {
    delete(&app, &who, ListenerKind::DataModel, &named).await
}
