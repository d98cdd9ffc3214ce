//! Listeners: start a run of a task for each matching chain event or data model event.

use super::named::named_routes;
use crate::resent::Input;
use crate::routes::prelude::*;
use types::ListenerId;
use workflow::{Listener, ListenerKind, ListenerSpec, NewListener};

permissions! {
    /// Read listeners.
    ListenerRead = "listener:read";
    /// Create, replace and delete listeners.
    ListenerWrite = "listener:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    chain_listeners::routes().merge(model_listeners::routes())
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
}

impl Input for ChainListenerInput {}

impl From<ChainListenerInput> for NewListener {
    fn from(input: ChainListenerInput) -> Self {
        let ChainListenerInput {
            name,
            disabled,
            config,
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
}

impl Input for ModelListenerInput {}

impl From<ModelListenerInput> for NewListener {
    fn from(input: ModelListenerInput) -> Self {
        let ModelListenerInput {
            name,
            disabled,
            task_id,
            topic_filter,
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

named_routes! {
    mod chain_listeners at "/listeners/firefly/{listener}" by "listener", tag "listeners";
    engine workflow, permissions ListenerRead, ListenerWrite;
    /// Retrieve a listener to chain events by name or id.
    get(Listener) = |workflow, principal, name_or_id| {
        workflow::listener(workflow, principal, ListenerKind::Firefly, name_or_id)
    };
    /// Create or replace a listener to chain events.
    ///
    /// With a name in the path, the listener is created if it does not exist. With an id, it must
    /// exist, and `name` renames it. A replaced listener keeps its cursor.
    put(ChainListenerInput, ListenerId) = workflow::put_listener;
    /// Delete a listener to chain events.
    ///
    /// Runs that it started continue.
    delete = |workflow, principal, name_or_id| {
        workflow::delete_listener(workflow, principal, ListenerKind::Firefly, name_or_id)
    };
    /// List listeners to chain events.
    ///
    /// Ordered by name.
    list(Listener) at "/listeners/firefly" = |workflow, principal, page| {
        workflow::listeners(workflow, principal, ListenerKind::Firefly, page)
    };
}

named_routes! {
    mod model_listeners at "/listeners/datamodel/{listener}" by "listener", tag "listeners";
    engine workflow, permissions ListenerRead, ListenerWrite;
    /// Retrieve a listener to data model events by name or id.
    get(Listener) = |workflow, principal, name_or_id| {
        workflow::listener(workflow, principal, ListenerKind::DataModel, name_or_id)
    };
    /// Create or replace a listener to data model events.
    ///
    /// With a name in the path, the listener is created if it does not exist. With an id, it must
    /// exist, and `name` renames it. A replaced listener keeps its cursor.
    put(ModelListenerInput, ListenerId) = workflow::put_listener;
    /// Delete a listener to data model events.
    ///
    /// Runs that it started continue.
    delete = |workflow, principal, name_or_id| {
        workflow::delete_listener(workflow, principal, ListenerKind::DataModel, name_or_id)
    };
    /// List listeners to data model events.
    ///
    /// Ordered by name.
    list(Listener) at "/listeners/datamodel" = |workflow, principal, page| {
        workflow::listeners(workflow, principal, ListenerKind::DataModel, page)
    };
}
