//! Read-only contract calls: nothing is signed or sent.

use super::ContractQuery;
use crate::access::{self, Authorized};
use crate::extract::Body;
use crate::routes::submissions::{account, interface, no_interface, registered_interface};
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

/// A read-only call of a contract.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ContractCall {
    /// The chain. Defaults to the namespace's default chain.
    #[serde(default)]
    chain: Option<ChainId>,
    /// The contract's address.
    to: String,
    /// The contract's interface: a JSON ABI. Defaults to the interface that is registered for `to`.
    #[serde(default)]
    abi: Option<Raw>,
    /// The function to call: a name, or a signature if the name is overloaded.
    method: String,
    /// The arguments of the function: a list, or an object by name.
    #[serde(default)]
    params: Value,
    /// The caller's account, if the contract depends on it.
    #[serde(default)]
    from: Option<String>,
    /// The hash of the block to execute the call at. Defaults to the newest block.
    #[serde(default)]
    block: Option<String>,
}

/// The result of a contract call.
#[derive(Serialize, ToSchema)]
struct ContractCallResult {
    /// The outputs by name. Integers are decimal strings.
    output: Value,
}

/// Call a contract read-only.
///
/// Executes a function of a contract without a transaction and returns its outputs.
#[utoipa::path(post, path = "/contracts/query", tag = "chains", request_body = ContractCall, responses((status = 200, body = ContractCallResult), Problem))]
async fn query(
    State(app): State<App>,
    principal: Authorized<ContractQuery>,
    Body(call): Body<ContractCall>,
) -> Result<Json<ContractCallResult>> {
    let chain = access::chain_or_default(app.db(), &principal, call.chain).await?;
    let connector = app.submit.chain(&chain)?;
    let abi = match call.abi {
        Some(abi) => abi,
        None => registered_interface(&app, &principal, &chain, &call.to)
            .await?
            .ok_or_else(no_interface)?,
    };
    let interface = interface(&abi);
    let to = account(&chain, "to", &call.to)?;
    let from = call
        .from
        .as_deref()
        .map(|from| account(&chain, "from", from))
        .transpose()?;
    let data = intent::encode_call(&chain, &interface, &call.method, &call.params)?;
    let request = CallRequest {
        from: from.as_deref(),
        to: &to,
        data,
        block_hash: call.block.as_deref(),
    };
    let returned = connector.call(&request, Some(&interface)).await?;
    Ok(Json(ContractCallResult {
        output: intent::decode_output(&chain, &interface, &call.method, &returned)?,
    }))
}
