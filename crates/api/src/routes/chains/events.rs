//! Chain events, as they are stored. They belong to the installation: what happened on a chain is
//! no tenant's secret.

use super::ChainRead;
use super::view::Event;
use crate::access::May;
use crate::extract::{Path, Query};
use crate::routes::submissions::account;
use crate::wire::Items;
use crate::{App, Error, Problem, Result};
use axum::Json;
use axum::extract::State;
use index::{Cursor, EventFilter};
use serde::Deserialize;
use types::{ChainId, Height};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// From this contract or script.
    source: Option<String>,
    /// Of this topic: for a log the hash of its event's signature.
    topic: Option<String>,
    /// How many at most, 1 to 1000; 25 if nothing is said.
    limit: Option<u32>,
    /// Continue behind this cursor, or behind a height.
    after: Option<String>,
}

/// Events of a chain that are not reverted, in its order.
#[utoipa::path(get, path = "/chains/{chain}/events", tag = "chains", params(("chain" = String, Path), Which),
    responses((status = 200, body = Items<Event>), Problem))]
async fn list(
    State(app): State<App>,
    _: May<ChainRead>,
    Path(chain): Path<ChainId>,
    Query(which): Query<Which>,
) -> Result<Json<Items<Event>>> {
    app.submit.chain(&chain)?;
    let page = crate::extract::page(which.limit, None, None)?;
    let source = which
        .source
        .map(|source| account(&chain, "source", &source))
        .transpose()?;
    let topics = which
        .topic
        .map(|topic| topic.to_ascii_lowercase())
        .into_iter()
        .collect();
    let filter = EventFilter {
        chain,
        sources: source.into_iter().collect(),
        topics,
    };
    let after = which.after.as_deref().map_or(Ok(BEGINNING), cursor)?;
    let (events, finalized) = app
        .db()
        .read_unbound(move |tx| read(tx, &filter, after, page.limit))
        .await?;
    let next = events
        .last()
        .filter(|_| events.len() == page.limit as usize);
    let next = next.map(|last| format!("{}/{}", last.height, last.event.index));
    Ok(Items::continued(
        events
            .into_iter()
            .map(|event| Event::of(event, finalized))
            .collect::<Vec<_>>(),
        next,
    ))
}

const BEGINNING: Cursor = Cursor {
    height: Height(0),
    index: -1,
};

fn read(
    tx: &mut store::Unbound<'_, '_>,
    filter: &EventFilter,
    after: Cursor,
    limit: u32,
) -> store::Result<(Vec<index::StoredEvent>, Option<Height>)> {
    let Some(status) = index::status(tx, &filter.chain)? else {
        return Ok((Vec::new(), None));
    };
    let Some(head) = status.head else {
        return Ok((Vec::new(), None));
    };
    let events = index::events_through(tx, filter, after, head.height, limit)?;
    Ok((events, status.finalized.map(|tip| tip.height)))
}

/// `height/index`, or a height alone for all behind that block.
fn cursor(text: &str) -> Result<Cursor> {
    let wrong = || {
        Error::field(
            "after",
            "expected a cursor such as 17/4, as the page before gave it",
        )
    };
    let (height, index) = text.split_once('/').unwrap_or((text, "4294967295"));
    let (height, index): (u64, u32) = (
        height.parse().map_err(|_| wrong())?,
        index.parse().map_err(|_| wrong())?,
    );
    Ok(Cursor {
        height: Height(height),
        index: i64::from(index),
    })
}
