//! Questions to contracts: nothing is signed, nothing changes.

use super::ContractQuery;
use crate::access::{self, May};
use crate::extract::Body;
use crate::routes::submissions::{account, interface};
use crate::{App, Problem, Result};
use axum::Json;
use axum::extract::State;
use chain::CallRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use types::{ChainId, Json as Raw};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(query))
}

/// A question to a contract.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Question {
    /// The namespace's default chain if it is left out.
    #[serde(default)]
    chain: Option<ChainId>,
    /// The contract.
    to: String,
    /// Its interface: a JSON ABI.
    abi: Raw,
    /// A function of it: a name, or a signature where the name is overloaded.
    method: String,
    /// Its arguments: a list, or an object by name.
    #[serde(default)]
    params: Value,
    /// Who asks, where that matters to the contract.
    #[serde(default)]
    from: Option<String>,
    /// At which block, by its hash; the newest if it is left out.
    #[serde(default)]
    block: Option<String>,
}

/// What the contract answered.
#[derive(Serialize, ToSchema)]
struct Answer {
    /// By the outputs' names; integers as decimal strings.
    output: Value,
}

/// Ask a contract.
#[utoipa::path(post, path = "/contracts/query", tag = "chains", request_body = Question, responses((status = 200, body = Answer), Problem))]
async fn query(
    State(app): State<App>,
    who: May<ContractQuery>,
    Body(question): Body<Question>,
) -> Result<Json<Answer>> {
    let chain = access::chain_or_default(app.db(), &who, question.chain).await?;
    let connector = app.submit.chain(&chain)?;
    let interface = interface(&question.abi);
    let to = account(&chain, "to", &question.to)?;
    let from = question
        .from
        .as_deref()
        .map(|from| account(&chain, "from", from))
        .transpose()?;
    let data = intent::encode_call(&chain, &interface, &question.method, &question.params)?;
    let request = CallRequest {
        from: from.as_deref(),
        to: &to,
        data,
        at: question.block.as_deref(),
    };
    let returned = connector.call(&request, Some(&interface)).await?;
    Ok(Json(Answer {
        output: intent::decode_output(&chain, &interface, &question.method, &returned)?,
    }))
}
