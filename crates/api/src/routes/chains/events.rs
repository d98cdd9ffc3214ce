//! Stored chain events. They belong to the installation and are visible to every namespace, since
//! the chain is public to its participants.

use super::ChainRead;
use super::view::Event;
use crate::routes::prelude::*;
use crate::routes::submissions::account;
use index::{EventCursor, EventFilter, EventsPage};
use types::{ChainId, Height};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Filter and paging of chain events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventQuery {
    /// Only events of this contract or script.
    source: Option<String>,
    /// Only events with this topic: for an EVM log, the hash of the event signature.
    topic: Option<String>,
    /// The maximum number of items to return, 1 to 1000. Defaults to 25.
    limit: Option<u32>,
    /// Return the events after this cursor, the `next` of the previous page, or after this height.
    after: Option<String>,
}

/// List the events of a chain.
///
/// In chain order, without reverted events.
#[utoipa::path(get, path = "/chains/{chain}/events", tag = "chains", params(("chain" = String, Path), EventQuery),
    responses((status = 200, body = Items<Event>), Problem))]
async fn list(
    State(app): State<App>,
    _: Authorized<ChainRead>,
    Path(chain): Path<ChainId>,
    Query(query): Query<EventQuery>,
) -> Result<Json<Items<Event>>> {
    app.submit.chain(&chain)?;
    let page = crate::extract::page(query.limit, None, None)?;
    let source = query
        .source
        .map(|source| account(&chain, "source", &source))
        .transpose()?;
    let topics = query
        .topic
        .map(|topic| topic.to_ascii_lowercase())
        .into_iter()
        .collect();
    let filter = EventFilter {
        chain,
        sources: source.into_iter().collect(),
        topics,
    };
    let after = query.after.as_deref().map_or(Ok(START), parse_cursor)?;
    let EventsPage { events, finalized } =
        index::events_page(&app.index, filter, after, page.limit).await?;
    let next = events
        .last()
        .filter(|_| events.len() == page.limit as usize);
    let next = next.map(|last| format!("{}/{}", last.height, last.event.index));
    Ok(Items::with_next(
        events
            .into_iter()
            .map(|event| Event::of(event, finalized))
            .collect::<Vec<_>>(),
        next,
    ))
}

const START: EventCursor = EventCursor {
    height: Height(0),
    index: -1,
};

/// Parses `height/index`, or a height for everything after that block.
fn parse_cursor(text: &str) -> Result<EventCursor> {
    let invalid = || {
        Error::field(
            "after",
            "expected a cursor such as 17/4, the `next` of the previous page",
        )
    };
    let (height, index) = text.split_once('/').unwrap_or((text, "4294967295"));
    let (height, index): (u64, u32) = (
        height.parse().map_err(|_| invalid())?,
        index.parse().map_err(|_| invalid())?,
    );
    Ok(EventCursor {
        height: Height(height),
        index: i64::from(index),
    })
}
