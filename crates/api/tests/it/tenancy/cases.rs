//! The requests that `b` sends: at least one per route, more if an object has several names.
//! `$name` is replaced by a value of `a` (see `fixtures`).

use data::Type;

/// The expected response. In every case, no value of `a` may be returned, and no object of `a` may
/// change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// 404: the object does not exist for `b`.
    Hidden,
    /// 200 without objects of `a`. The same request as `a` returns an object of `a`.
    Listed,
    /// Any response: the request affects only `b`, or is the same for every namespace.
    Independent,
}

/// One request and its expected response.
pub(super) struct Case {
    pub(super) operation: String,
    pub(super) path: String,
    pub(super) body: String,
    pub(super) expect: Expect,
}

use Expect::{Hidden, Independent, Listed};

type CaseRow = (&'static str, &'static str, &'static str, Expect);

const REASON: &str = r#"{"reason":"requested by b"}"#;
const PAYMENT: &str = r#"{"signer":"$signer","to":"$bob"}"#;
const MESSAGE: &str = r#"{"signer":"$signer","message":"hello"}"#;
const TARGET: &str = r#"{"target":{"kind":"wallet","id":"$wallet"}}"#;
const STEPS: &str = "steps:\n- name: x\n  type: jsonata_template\n  options: {template: '1'}\n";
const SUBSCRIPTION: &str = r#"{"name":"hook","delivery":{"type":"websocket"}}"#;
const DATA_LISTENER: &str = r#"{"taskId":"$task","topicFilter":"x"}"#;
const CHAIN_LISTENER: &str = r#"{"config":{"taskName":"greet","blockchainEvents":{"abiEvents":[{"type":"event","name":"Ping","inputs":[]}]}}}"#;

const ACCESS: &[CaseRow] = &[
    ("GET /status", "/status", "", Independent),
    (
        "GET /namespaces/current",
        "/namespaces/current",
        "",
        Independent,
    ),
    (
        "PUT /namespaces/current",
        "/namespaces/current",
        r#"{"defaultChain":"$chain"}"#,
        Independent,
    ),
    ("GET /api-keys", "/api-keys", "", Listed),
    (
        "POST /api-keys",
        "/api-keys",
        r#"{"name":"x","roles":["reader"]}"#,
        Independent,
    ),
    (
        "PATCH /api-keys/{id}",
        "/api-keys/$apikey",
        r#"{"roles":["admin"]}"#,
        Hidden,
    ),
    ("DELETE /api-keys/{id}", "/api-keys/$apikey", "", Hidden),
    ("GET /keyring", "/keyring", "", Independent),
    ("POST /keyring/rotate", "/keyring/rotate", "", Independent),
    (
        "GET /facts",
        "/facts?partition=api/0&limit=1000",
        "",
        Listed,
    ),
    (
        "GET /facts/partitions",
        "/facts/partitions",
        "",
        Independent,
    ),
];

const SIGNATURES: &[CaseRow] = &[
    ("GET /signatures", "/signatures", "", Listed),
    (
        "GET /signatures",
        "/signatures?signer=$signer&kind=message&after=$statement",
        "",
        Independent,
    ),
    ("POST /signatures", "/signatures", MESSAGE, Hidden),
    ("GET /signatures/{id}", "/signatures/$statement", "", Hidden),
    (
        "POST /signatures/{id}/cancel",
        "/signatures/$statement/cancel",
        "",
        Hidden,
    ),
];

const SUBMISSIONS: &[CaseRow] = &[
    ("GET /submissions", "/submissions", "", Listed),
    (
        "GET /submissions",
        "/submissions?signer=$signer&chain=$chain&after=$submission",
        "",
        Independent,
    ),
    ("POST /submissions", "/submissions", PAYMENT, Hidden),
    (
        "GET /submissions/{id}",
        "/submissions/$submission",
        "",
        Hidden,
    ),
    (
        "GET /submissions/{id}/transactions",
        "/submissions/$submission/transactions",
        "",
        Hidden,
    ),
    (
        "GET /submissions/{id}/explain",
        "/submissions/$submission/explain",
        "",
        Hidden,
    ),
    (
        "POST /submissions/{id}/cancel",
        "/submissions/$submission/cancel",
        "",
        Hidden,
    ),
    (
        "GET /lanes/{chain}/{signer}",
        "/lanes/$chain/$signer",
        "",
        Hidden,
    ),
    (
        "POST /lanes/{chain}/{signer}/resume",
        "/lanes/$chain/$signer/resume",
        REASON,
        Hidden,
    ),
];

const WALLETS: &[CaseRow] = &[
    ("GET /wallets", "/wallets", "", Listed),
    (
        "POST /wallets",
        "/wallets",
        r#"{"name":"treasury","kind":"org"}"#,
        Independent,
    ),
    ("GET /wallets/{wallet}", "/wallets/$wallet", "", Hidden),
    ("GET /wallets/{wallet}", "/wallets/users", "", Hidden),
    (
        "PATCH /wallets/{wallet}",
        "/wallets/$wallet",
        r#"{"name":"mine"}"#,
        Hidden,
    ),
    (
        "GET /wallets/{wallet}/branches",
        "/wallets/$wallet/branches",
        "",
        Hidden,
    ),
    (
        "GET /wallets/{wallet}/addresses",
        "/wallets/$users/addresses",
        "",
        Hidden,
    ),
    (
        "POST /wallets/{wallet}/addresses",
        "/wallets/$users/addresses",
        "{}",
        Hidden,
    ),
    (
        "POST /wallets/{wallet}/export",
        "/wallets/$wallet/export",
        "",
        Independent,
    ),
    (
        "GET /wallets/{wallet}/keys",
        "/wallets/$wallet/keys",
        "",
        Hidden,
    ),
    (
        "POST /wallets/{wallet}/keys",
        "/wallets/$wallet/keys",
        r#"{"name":"x"}"#,
        Hidden,
    ),
    (
        "GET /wallets/{wallet}/keys/{key}",
        "/wallets/$wallet/keys/$key",
        "",
        Hidden,
    ),
    (
        "GET /wallets/{wallet}/keys/{key}",
        "/wallets/treasury/keys/$key",
        "",
        Hidden,
    ),
    (
        "PATCH /wallets/{wallet}/keys/{key}",
        "/wallets/treasury/keys/$key",
        r#"{"name":"mine"}"#,
        Hidden,
    ),
    (
        "POST /wallets/{wallet}/keys/{key}/export",
        "/wallets/$wallet/keys/$key/export",
        "",
        Independent,
    ),
    ("GET /freezes", "/freezes", "", Listed),
    (
        "POST /freezes",
        "/freezes",
        r#"{"scope":"$wallet","reason":"b"}"#,
        Hidden,
    ),
    (
        "DELETE /freezes/{scope}",
        "/freezes/$users?reason=b",
        "",
        Hidden,
    ),
    ("GET /permits", "/permits", "", Independent),
    (
        "POST /permits/{id}/revoke",
        "/permits/pmt:01J00000000000000000000000/revoke",
        REASON,
        Hidden,
    ),
];

const POLICIES: &[CaseRow] = &[
    ("GET /policies", "/policies", "", Listed),
    ("GET /policies/{policy}", "/policies/$policy", "", Hidden),
    ("GET /policies/{policy}", "/policies/rule", "", Hidden),
    ("PUT /policies/{policy}", "/policies/$policy", "{}", Hidden),
    (
        "PATCH /policies/{policy}",
        "/policies/$policy",
        r#"{"name":"mine"}"#,
        Hidden,
    ),
    ("DELETE /policies/{policy}", "/policies/$policy", "", Hidden),
    (
        "GET /policies/{policy}/versions",
        "/policies/$policy/versions",
        "",
        Hidden,
    ),
    (
        "GET /policies/{policy}/versions/{label}",
        "/policies/$policy/versions/$label",
        "",
        Hidden,
    ),
    (
        "GET /policies/{policy}/versions/{label}",
        "/policies/$version/versions/x",
        "",
        Hidden,
    ),
    (
        "POST /policies/{policy}/versions",
        "/policies/$policy/versions",
        r#"{"document":"package florin.x\ndefault allow := false"}"#,
        Hidden,
    ),
    (
        "GET /policies/{policy}/attachments",
        "/policies/$policy/attachments",
        "",
        Hidden,
    ),
    (
        "POST /policies/{policy}/attachments",
        "/policies/$policy/attachments",
        TARGET,
        Hidden,
    ),
    (
        "POST /policies/{policy}/detach",
        "/policies/$policy/detach",
        r#"{"target":{"kind":"namespace"}}"#,
        Hidden,
    ),
    ("GET /policy-attachments", "/policy-attachments", "", Listed),
    ("GET /policy-decisions", "/policy-decisions", "", Listed),
    (
        "GET /policy-decisions/{id}",
        "/policy-decisions/$decision",
        "",
        Hidden,
    ),
    (
        "POST /policies/dry-run",
        "/policies/dry-run",
        r#"{"version":"$version","input":{}}"#,
        Independent,
    ),
    (
        "POST /policies/replay",
        "/policies/replay",
        r#"{"version":"$version"}"#,
        Hidden,
    ),
    (
        "POST /policies/replay",
        "/policies/replay",
        r#"{"subject":"$mark"}"#,
        Independent,
    ),
];

const LISTS: &[CaseRow] = &[
    ("GET /lists", "/lists", "", Listed),
    ("GET /lists/{list}", "/lists/$list", "", Hidden),
    ("GET /lists/{list}", "/lists/suppliers", "", Hidden),
    ("PUT /lists/{list}", "/lists/$list", "{}", Hidden),
    (
        "GET /lists/{list}/entries",
        "/lists/$list/entries",
        "",
        Hidden,
    ),
    (
        "POST /lists/{list}/entries",
        "/lists/$list/entries",
        r#"{"entries":[{"address":"$bob"}]}"#,
        Hidden,
    ),
    (
        "DELETE /lists/{list}/entries/{id}",
        "/lists/$list/entries/$entry",
        "",
        Hidden,
    ),
];

const CHAINS: &[CaseRow] = &[
    ("GET /chains", "/chains", "", Independent),
    ("GET /chains/{chain}", "/chains/$chain", "", Independent),
    (
        "POST /chains/{chain}/resume",
        "/chains/$chain/resume",
        REASON,
        Independent,
    ),
    (
        "GET /chains/{chain}/events",
        "/chains/$chain/events",
        "",
        Independent,
    ),
    (
        "GET /chains/{chain}/tracked",
        "/chains/$chain/tracked",
        "",
        Independent,
    ),
    (
        "PUT /chains/{chain}/tracked/{source}",
        "/chains/$chain/tracked/$contract",
        "{}",
        Independent,
    ),
    (
        "DELETE /chains/{chain}/tracked/{source}",
        "/chains/$chain/tracked/$contract",
        "",
        Independent,
    ),
    ("GET /contracts", "/contracts", "", Listed),
    (
        "GET /contracts",
        "/contracts?name=token&chain=$chain&standard=erc20&registered=true",
        "",
        Independent,
    ),
    (
        "POST /contracts",
        "/contracts",
        r#"{"name":"token","address":"$contract"}"#,
        Independent,
    ),
    ("GET /contracts/{contract}", "/contracts/$known", "", Hidden),
    (
        "PATCH /contracts/{contract}",
        "/contracts/$known",
        r#"{"name":"mine"}"#,
        Hidden,
    ),
    (
        "DELETE /contracts/{contract}",
        "/contracts/$known",
        "",
        Hidden,
    ),
    (
        "POST /contracts/{contract}/verify",
        "/contracts/$known/verify",
        r#"{"accept":true}"#,
        Hidden,
    ),
    (
        "POST /contracts/query",
        "/contracts/query",
        r#"{"to":"$contract","abi":[],"method":"x"}"#,
        Independent,
    ),
];

const DATA_MODEL: &[CaseRow] = &[
    (
        "POST /bulk/query",
        "/bulk/query",
        r#"{"assets":{},"pools":{},"addresses":{},"transfers":{},"events":{},"data":{},"nfts":{},"balanceChanges":{}}"#,
        Independent,
    ),
    (
        "PUT /bulk/datamodel",
        "/bulk/datamodel",
        r#"{"pools":[{"updateType":"update_only","name":"main","address":"$contract"}]}"#,
        Independent,
    ),
    (
        "PUT /bulk/datamodel",
        "/bulk/datamodel",
        r#"{"data":[{"name":"mine","parent":{"type":"asset","ref":"$asset"}}]}"#,
        Independent,
    ),
    ("GET /balances", "/balances", "", Listed),
    ("GET /balances/{ref}", "/balances/$balance", "", Hidden),
    (
        "GET /addresses/{ref}/balances",
        "/addresses/$holder/balances",
        "",
        Independent,
    ),
    (
        "GET /assets/{ref}/balances",
        "/assets/alpha/balances",
        "",
        Hidden,
    ),
    (
        "GET /pools/{ref}/balances",
        "/pools/$contract/main/balances",
        "",
        Hidden,
    ),
    ("GET /metadata-fields", "/metadata-fields", "", Independent),
    (
        "PUT /metadata-fields/{type}/{path}",
        "/metadata-fields/assets/info.mine",
        r#"{"form":"text"}"#,
        Independent,
    ),
    (
        "DELETE /metadata-fields/{type}/{path}",
        "/metadata-fields/assets/info.onlyAlphaKnows",
        "",
        Hidden,
    ),
];

const TASKS: &[CaseRow] = &[
    ("GET /tasks", "/tasks", "", Listed),
    ("GET /tasks/{task}", "/tasks/$task", "", Hidden),
    ("GET /tasks/{task}", "/tasks/greet", "", Hidden),
    ("PUT /tasks/{task}", "/tasks/$task", "{}", Hidden),
    (
        "PATCH /tasks/{task}",
        "/tasks/$task",
        r#"{"description":"b"}"#,
        Hidden,
    ),
    ("DELETE /tasks/{task}", "/tasks/$task", "", Hidden),
    (
        "GET /tasks/{task}/versions",
        "/tasks/$task/versions",
        "",
        Hidden,
    ),
    (
        "POST /tasks/{task}/versions",
        "/tasks/$task/versions",
        STEPS,
        Hidden,
    ),
    (
        "GET /tasks/{task}/versions/{label}",
        "/tasks/$task/versions/$tasklabel",
        "",
        Hidden,
    ),
    ("POST /tasks/{task}/runs", "/tasks/$task/runs", "{}", Hidden),
    ("GET /runs", "/runs", "", Listed),
    ("GET /runs/{id}", "/runs/$run", "", Hidden),
    ("POST /runs/{id}/cancel", "/runs/$run/cancel", "", Hidden),
    ("POST /runs/{id}/retry", "/runs/$run/retry", "", Hidden),
    (
        "POST /runs/{id}/decide",
        "/runs/$run/decide",
        r#"{"decision":"resend"}"#,
        Hidden,
    ),
    ("POST /runs/{id}/dismiss", "/runs/$run/dismiss", "", Hidden),
    ("GET /variable-sets", "/variable-sets", "", Listed),
    (
        "GET /variable-sets/{set}",
        "/variable-sets/$set",
        "",
        Hidden,
    ),
    (
        "GET /variable-sets/{set}",
        "/variable-sets/values",
        "",
        Hidden,
    ),
    (
        "PUT /variable-sets/{set}",
        "/variable-sets/$set",
        "{}",
        Hidden,
    ),
    (
        "DELETE /variable-sets/{set}",
        "/variable-sets/$set",
        "",
        Hidden,
    ),
    ("GET /bindings", "/bindings", "", Listed),
    ("GET /bindings/{binding}", "/bindings/$binding", "", Hidden),
    (
        "PUT /bindings/{binding}",
        "/bindings/$binding",
        "{}",
        Hidden,
    ),
    (
        "DELETE /bindings/{binding}",
        "/bindings/$binding",
        "",
        Hidden,
    ),
    ("GET /listeners/firefly", "/listeners/firefly", "", Listed),
    (
        "GET /listeners/firefly/{listener}",
        "/listeners/firefly/$listener",
        "",
        Hidden,
    ),
    (
        "PUT /listeners/firefly/{listener}",
        "/listeners/firefly/$listener",
        CHAIN_LISTENER,
        Hidden,
    ),
    (
        "DELETE /listeners/firefly/{listener}",
        "/listeners/firefly/$listener",
        "",
        Hidden,
    ),
    (
        "GET /listeners/datamodel",
        "/listeners/datamodel",
        "",
        Listed,
    ),
    (
        "GET /listeners/datamodel/{listener}",
        "/listeners/datamodel/$model",
        "",
        Hidden,
    ),
    (
        "PUT /listeners/datamodel/{listener}",
        "/listeners/datamodel/$model",
        DATA_LISTENER,
        Hidden,
    ),
    (
        "DELETE /listeners/datamodel/{listener}",
        "/listeners/datamodel/$model",
        "",
        Hidden,
    ),
];

const SUBSCRIPTIONS: &[CaseRow] = &[
    ("GET /subscriptions", "/subscriptions", "", Listed),
    (
        "POST /subscriptions",
        "/subscriptions",
        SUBSCRIPTION,
        Independent,
    ),
    (
        "GET /subscriptions/{id}",
        "/subscriptions/$subscription",
        "",
        Hidden,
    ),
    (
        "PATCH /subscriptions/{id}",
        "/subscriptions/$subscription",
        r#"{"name":"mine"}"#,
        Hidden,
    ),
    (
        "DELETE /subscriptions/{id}",
        "/subscriptions/$subscription",
        "",
        Hidden,
    ),
    (
        "GET /subscriptions/{id}/status",
        "/subscriptions/$subscription/status",
        "",
        Hidden,
    ),
    (
        "POST /subscriptions/{id}/suspend",
        "/subscriptions/$subscription/suspend",
        "",
        Hidden,
    ),
    (
        "POST /subscriptions/{id}/resume",
        "/subscriptions/$subscription/resume",
        "",
        Hidden,
    ),
    (
        "POST /subscriptions/{id}/rewind",
        "/subscriptions/$subscription/rewind",
        r#"{"from":"oldest"}"#,
        Hidden,
    ),
    (
        "GET /subscriptions/{id}/dead-letters",
        "/subscriptions/$subscription/dead-letters",
        "",
        Hidden,
    ),
    (
        "POST /subscriptions/{id}/dead-letters/retry",
        "/subscriptions/$subscription/dead-letters/retry",
        "{}",
        Hidden,
    ),
    (
        "POST /subscriptions/{id}/skip",
        "/subscriptions/$subscription/skip",
        r#"{"sequence":1}"#,
        Hidden,
    ),
    (
        "GET /subscriptions/{id}/secrets",
        "/subscriptions/$hook/secrets",
        "",
        Hidden,
    ),
    (
        "POST /subscriptions/{id}/secrets",
        "/subscriptions/$hook/secrets",
        "{}",
        Hidden,
    ),
    (
        "DELETE /subscriptions/{id}/secrets/{secret}",
        "/subscriptions/$hook/secrets/$secret",
        "",
        Hidden,
    ),
    // Without a handshake, the request is rejected before the lookup; `stream_routes` tests the
    // handshake.
    (
        "GET /subscriptions/{id}/ws",
        "/subscriptions/$subscription/ws",
        "",
        Independent,
    ),
];

/// Every case.
pub(super) fn cases() -> Vec<Case> {
    let tables = [
        ACCESS,
        SUBMISSIONS,
        SIGNATURES,
        WALLETS,
        POLICIES,
        LISTS,
        CHAINS,
        DATA_MODEL,
        TASKS,
        SUBSCRIPTIONS,
    ];
    let cases = tables
        .into_iter()
        .flatten()
        .map(|(operation, path, body, expect)| Case {
            operation: (*operation).to_owned(),
            path: (*path).to_owned(),
            body: (*body).to_owned(),
            expect: *expect,
        });
    // Reads first: objects that `b` creates would change the result of later reads.
    let (mut reads, writes): (Vec<Case>, Vec<Case>) = cases
        .chain(data_model_cases())
        .partition(|case| case.operation.starts_with("GET "));
    reads.extend(writes);
    reads
}

/// The cases of the ten writable object types.
fn data_model_cases() -> Vec<Case> {
    Type::WRITABLE.into_iter().flat_map(object_cases).collect()
}

fn object_cases(kind: Type) -> Vec<Case> {
    let (reference, body) = match kind {
        Type::Collection => ("alphas", r#"{"name":"mine"}"#),
        Type::Asset => ("$asset", r#"{"name":"mine","collection":"alphas"}"#),
        Type::Address => ("$holder", r#"{"address":"$bob"}"#),
        Type::Activity => ("alpha-history", r#"{"name":"mine"}"#),
        Type::Pool => ("$contract/main", r#"{"name":"mine","address":"$contract"}"#),
        Type::Nft => (
            "$contract/one",
            r#"{"name":"mine","address":"$contract","asset":"$asset"}"#,
        ),
        Type::Fragment => ("$holder/part", r#"{"name":"mine","address":"$holder"}"#),
        Type::Data => (
            "prospectus",
            r#"{"name":"mine","parent":{"type":"asset","ref":"$asset"}}"#,
        ),
        Type::Transfer => (
            "$transfer",
            r#"{"protocolId":"1/1/1","parent":{"type":"pool","ref":"$pool"},"amount":"1"}"#,
        ),
        _ => ("opened", r#"{"name":"mine","activity":"alpha-history"}"#),
    };
    let (collection, object) = (
        format!("/{}", kind.plural()),
        format!("/{}/{reference}", kind.plural()),
    );
    let case = |method: &str, template: &str, path: &str, body: &str, expect| Case {
        operation: format!("{method} {template}"),
        path: path.to_owned(),
        body: body.to_owned(),
        expect,
    };
    let template = format!("{collection}/{{ref}}");
    vec![
        case("GET", &collection, &collection, "", Listed),
        case("POST", &collection, &collection, body, Independent),
        case("GET", &template, &object, "", Hidden),
        case(
            "PATCH",
            &template,
            &object,
            r#"{"description":"b"}"#,
            Hidden,
        ),
        case("DELETE", &template, &object, "", Hidden),
        case("PUT", &template, &object, body, Independent),
    ]
}
