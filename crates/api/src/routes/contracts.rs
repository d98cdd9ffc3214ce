//! The contract registry: what policies may rely on about contracts.

use crate::access;
use crate::routes::prelude::*;
use contracts::{ContractChanges, NewContract, Verification};
use intent::Standard;
use std::collections::BTreeSet;
use types::{ChainId, ContractId, Digest, Height, Json as Raw, Time};

permissions! {
    /// Read the contract registry.
    ContractRead = "contract:read";
    /// Register, change, verify and delete contracts.
    ContractWrite = "contract:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, register))
        .routes(routes!(get, patch, delete))
        .routes(routes!(verify))
}

/// What is known of a contract.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Contract {
    id: ContractId,
    /// The name. Absent for a contract that is only mentioned by a binding or a tracked source.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    chain: ChainId,
    /// The address in the chain's canonical form.
    address: String,
    /// The standards, such as `erc20`.
    #[schema(value_type = Vec<String>)]
    standards: BTreeSet<Standard>,
    /// The hash of the interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<Digest>,
    /// The interface. Absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    abi: Option<Raw>,
    /// Keccak-256 of the code, in hexadecimal with 0x.
    #[serde(skip_serializing_if = "Option::is_none")]
    code_hash: Option<String>,
    /// How a proxy names its implementation: `eip1967`, `beacon`, `zeppelinos`, `eip1822`,
    /// `eip1167` or `eip7702`.
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<String>,
    /// The address of a proxy's implementation.
    #[serde(skip_serializing_if = "Option::is_none")]
    implementation: Option<String>,
    /// Keccak-256 of the code of the implementation.
    #[serde(skip_serializing_if = "Option::is_none")]
    implementation_code_hash: Option<String>,
    /// The decimals of a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    decimals: Option<u8>,
    /// The symbol of a token. The contract chooses it, so it proves nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    symbol: Option<String>,
    /// The token that a vault holds (ERC-4626).
    #[serde(skip_serializing_if = "Option::is_none")]
    underlying: Option<String>,
    /// The height of the final block that the chain was last found to agree at.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_at: Option<Height>,
    /// Why the contract is not trusted until it is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<String>,
    /// The principal that registered it. Absent for a contract that is only mentioned.
    #[serde(skip_serializing_if = "Option::is_none")]
    registered_by: Option<String>,
    /// When it was registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    registered: Option<Time>,
    created: Time,
    updated: Time,
}

impl From<contracts::Contract> for Contract {
    fn from(contract: contracts::Contract) -> Self {
        Self {
            id: contract.id,
            name: contract.name,
            chain: contract.chain,
            address: contract.address,
            standards: contract.standards,
            interface: contract.interface,
            abi: None,
            code_hash: contract.code_hash,
            proxy: contract.proxy,
            implementation: contract.implementation,
            implementation_code_hash: contract.implementation_code_hash,
            decimals: contract.decimals,
            symbol: contract.symbol,
            underlying: contract.underlying,
            verified_at: contract.verified,
            changed: contract.changed,
            registered_by: contract.registered_by,
            registered: contract.registered,
            created: contract.created,
            updated: contract.updated,
        }
    }
}

/// A contract to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ContractInput {
    /// The name, unique in the namespace.
    name: String,
    /// The chain. Defaults to the namespace's default chain.
    #[serde(default)]
    chain: Option<ChainId>,
    address: String,
    /// The standards, such as `erc20`. Default to those whose functions the interface has.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    standards: Option<BTreeSet<Standard>>,
    /// The interface: a JSON ABI, or a compiler artifact that contains one. For a proxy, that of its
    /// implementation.
    #[serde(default)]
    abi: Option<Raw>,
}

/// What to change of a contract. Fields that are absent are not changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ContractPatch {
    #[serde(default)]
    name: Option<String>,
    /// The standards, such as `erc20`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    standards: Option<BTreeSet<Standard>>,
    /// The interface: a JSON ABI, or a compiler artifact that contains one.
    #[serde(default)]
    abi: Option<Raw>,
}

/// How to verify a contract.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ContractVerification {
    /// Whether to trust the code and the implementation that the chain has now.
    #[serde(default)]
    accept: bool,
    /// The standards from now on. Requires `accept`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    standards: Option<BTreeSet<Standard>>,
    /// The interface from now on. Requires `accept`.
    #[serde(default)]
    abi: Option<Raw>,
}

/// Selects the contracts to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ContractFilter {
    /// Only contracts on this chain.
    chain: Option<ChainId>,
    /// Only the contract with this name.
    name: Option<String>,
    /// Only contracts that have this standard, such as `erc20`.
    #[param(value_type = Option<String>)]
    standard: Option<Standard>,
    /// Only registered contracts, without those that are only mentioned.
    #[serde(default)]
    registered: bool,
}

/// List contracts.
///
/// In the order in which they became known.
#[utoipa::path(get, path = "/contracts", tag = "contracts", params(ContractFilter, Paging), responses((status = 200, body = Items<Contract>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<ContractRead>,
    Filtered(filter, paging): Filtered<ContractFilter, Paging>,
) -> Result<Json<Items<Contract>>> {
    let page = paging.page_after_id::<ContractId>()?;
    let filter = contracts::Filter {
        chain: filter.chain,
        name: filter.name,
        standard: filter.standard,
        registered: filter.registered,
    };
    let contracts = contracts::contracts(&app.contracts, &principal, filter, &page).await?;
    Ok(Items::after(&page, contracts, |contract| contract.id))
}

/// Register a contract.
///
/// Reads the contract at a final block of its chain, where it must have code. The same registration
/// again returns the contract unchanged.
#[utoipa::path(post, path = "/contracts", tag = "contracts", request_body = ContractInput,
    responses((status = 201, body = Contract), (status = 200, body = Contract, description = "The contract was registered in the same way before."), Problem))]
async fn register(
    State(app): State<App>,
    principal: Authorized<ContractWrite>,
    Body(input): Body<ContractInput>,
) -> Result<(StatusCode, Json<Contract>)> {
    let new = NewContract {
        chain: access::chain_or_default(app.db(), &principal, input.chain).await?,
        name: input.name,
        address: input.address,
        standards: input.standards,
        interface: input.abi,
    };
    let (contract, is_new) = contracts::register(&app.contracts, &principal, new).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, with_abi(&app, &principal, contract).await?))
}

/// Retrieve a contract by name or id.
#[utoipa::path(get, path = "/contracts/{contract}", tag = "contracts", params(("contract" = String, Path)), responses((status = 200, body = Contract), Problem))]
async fn get(
    State(app): State<App>,
    principal: Authorized<ContractRead>,
    Path(name_or_id): Path<String>,
) -> Result<Json<Contract>> {
    let contract = contracts::contract(&app.contracts, &principal, &name_or_id).await?;
    with_abi(&app, &principal, contract).await
}

/// Update a contract.
///
/// Fields that are absent are not changed. The chain is not read.
#[utoipa::path(patch, path = "/contracts/{contract}", tag = "contracts", params(("contract" = String, Path)), request_body = ContractPatch,
    responses((status = 200, body = Contract), Problem))]
async fn patch(
    State(app): State<App>,
    principal: Authorized<ContractWrite>,
    Path(name_or_id): Path<String>,
    Body(patch): Body<ContractPatch>,
) -> Result<Json<Contract>> {
    let changes = ContractChanges {
        name: patch.name,
        standards: patch.standards,
        interface: patch.abi,
    };
    let contract = contracts::update(&app.contracts, &principal, &name_or_id, changes).await?;
    with_abi(&app, &principal, contract).await
}

/// Delete a contract.
///
/// Fails while a binding or a tracked source refers to it.
#[utoipa::path(delete, path = "/contracts/{contract}", tag = "contracts", params(("contract" = String, Path)), responses((status = 204), Problem))]
async fn delete(
    State(app): State<App>,
    principal: Authorized<ContractWrite>,
    Path(name_or_id): Path<String>,
) -> Result<StatusCode> {
    contracts::delete(&app.contracts, &principal, &name_or_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Verify a contract.
///
/// Compares its code and its implementation with the chain at a final block. If they differ, the
/// response says so in `changed`, and the contract is not trusted until a request with `accept`.
#[utoipa::path(post, path = "/contracts/{contract}/verify", tag = "contracts", params(("contract" = String, Path)), request_body = ContractVerification,
    responses((status = 200, body = Contract), Problem))]
async fn verify(
    State(app): State<App>,
    principal: Authorized<ContractWrite>,
    Path(name_or_id): Path<String>,
    Body(input): Body<ContractVerification>,
) -> Result<Json<Contract>> {
    let verification = Verification {
        accept: input.accept,
        standards: input.standards,
        interface: input.abi,
    };
    let verified = contracts::verify(&app.contracts, &principal, &name_or_id, verification);
    let contract = verified.await?;
    with_abi(&app, &principal, contract).await
}

async fn with_abi(
    app: &App,
    principal: &types::Principal,
    contract: contracts::Contract,
) -> Result<Json<Contract>> {
    let abi = contracts::interface_of(&app.contracts, principal, &contract).await?;
    Ok(Json(Contract {
        abi,
        ..contract.into()
    }))
}
