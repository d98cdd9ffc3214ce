//! Steps that lead to a signature: they enqueue a submission under a key of the step's own, so that
//! a repeat finds it, and wait for it as a row.

use super::options::{amount, given, interface, needed, params, read, text, units};
use super::{Fault, Options, Why, written};
use crate::binding::Binding;
use crate::table::binding as table;
use crate::work::load::Loaded;
use intent::{Intent, Interface};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use submit::{Context, Enqueue, State, Submission};
use types::{ChainId, Json, Status};

/// How far a submission has to come for its step to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Until {
    /// A node took it.
    Accepted,
    /// It is in a block.
    Mined,
    /// Its block is final.
    Final,
}

/// A submission as it is written down before it is enqueued.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Sending {
    pub(crate) key: String,
    intent: Intent,
    interface: Option<String>,
    policies: Vec<String>,
    context: Context,
    pub(crate) until: Until,
    shown: Value,
}

/// Where a contract step acts.
pub(super) struct Place {
    pub(super) chain: ChainId,
    pub(super) contract: Option<String>,
    pub(super) signer: Option<String>,
    pub(super) interface: Option<Interface>,
}

/// What a deployment signs.
pub(super) async fn deploy(run: &Loaded, options: &Options) -> Result<Sending, Fault> {
    let (place, units) = (place(run, options).await?, units(options)?);
    let code = needed(options, "bytecode")?;
    let code =
        decode_hex(&code).ok_or_else(|| Fault::option("bytecode", "expected hexadecimal"))?;
    let params = params(options, &units)?;
    let empty = Interface::new("[]".to_owned());
    let data = intent::encode_deploy(
        &place.chain,
        place.interface.as_ref().unwrap_or(&empty),
        &code,
        &params,
    );
    let data = data.map_err(|error| Fault::of(&error))?;
    let shown = json!({"params": params});
    sending(run, options, place, None, data, shown)
}

/// What a call signs.
pub(super) async fn invoke(run: &Loaded, options: &Options) -> Result<Sending, Fault> {
    let (place, units) = (place(run, options).await?, units(options)?);
    let (method, params) = (needed(options, "method")?, params(options, &units)?);
    let contract = place
        .contract
        .clone()
        .ok_or_else(|| Fault::option("contract", "is missing, and the binding has none"))?;
    let interface = place
        .interface
        .as_ref()
        .ok_or_else(|| Fault::option("abi", "is missing, and the binding has none"))?;
    let data = intent::encode_call(&place.chain, interface, &method, &params)
        .map_err(|error| Fault::of(&error))?;
    let shown = json!({"contract": contract, "method": method, "params": params});
    sending(run, options, place, Some(contract), data, shown)
}

fn sending(
    run: &Loaded,
    options: &Options,
    place: Place,
    to: Option<String>,
    data: Vec<u8>,
    mut shown: Value,
) -> Result<Sending, Fault> {
    let signer = place
        .signer
        .ok_or_else(|| Fault::option("signer", "is missing, and the binding has none"))?;
    let value = amount(options, "value", &units(options)?)?;
    let until = read(options, "until")?.unwrap_or(Until::Final);
    for (name, shows) in [
        ("chain", json!(place.chain)),
        ("signer", json!(signer)),
        ("value", json!(value)),
        ("until", json!(until)),
    ] {
        shown[name] = shows;
    }
    let (row, step) = (&run.run, run.step());
    let round = if row.position.round > 0 {
        format!("/{}", row.position.round)
    } else {
        String::new()
    };
    let task = policy::TaskRef {
        name: row.task_name.clone(),
        version: row.version_label.clone(),
        run: row.id,
        step: step.name.clone(),
    };
    Ok(Sending {
        key: format!("run/{}/{}{round}", row.id, step.name),
        intent: Intent::call(place.chain, signer, to, value, data),
        interface: place.interface.map(|interface| interface.json),
        policies: run.definition.policies.clone(),
        context: Context {
            task: Some(task),
            labels: read(options, "labels")?.unwrap_or_default(),
            assets: read(options, "assets")?.unwrap_or_default(),
        },
        until,
        shown,
    })
}

/// Where the step acts: its binding, and what the options say besides.
pub(super) async fn place(run: &Loaded, options: &Options) -> Result<Place, Fault> {
    let binding = match text(options, "binding")? {
        None => None,
        Some(name) => Some(resolve(run, name).await?),
    };
    let binding = binding.as_ref();
    let chain = match text(options, "chain")? {
        Some(chain) => chain
            .parse()
            .map_err(|error| Fault::option("chain", error))?,
        None => binding.map_or_else(
            || run.workflow.home(&run.namespace),
            |binding| binding.chain.clone(),
        ),
    };
    if let Some(other) = binding.filter(|binding| binding.chain != chain) {
        return Err(Fault::option(
            "chain",
            format!("the binding {} is of {}", other.name, other.chain),
        ));
    }
    let contract = account(options, &chain, &["contract", "address"])?;
    let signer = account(options, &chain, &["signer"])?;
    let abi = match given(options, "abi") {
        Some(abi) => Some(written(abi)?),
        None => binding.and_then(|binding| binding.abi.clone()),
    };
    Ok(Place {
        contract: contract.or_else(|| binding.and_then(|binding| binding.contract.clone())),
        signer: signer.or_else(|| binding.and_then(|binding| binding.signer.clone())),
        interface: abi.map(|abi| interface(abi.as_str())),
        chain,
    })
}

async fn resolve(run: &Loaded, name: String) -> Result<Binding, Fault> {
    let wanted = name.clone();
    let found = run
        .workflow
        .db()
        .read(&run.namespace, move |tx| table::find(tx, &wanted))
        .await;
    let found = found.map_err(|error: crate::Error| Fault::of(&error))?;
    found.ok_or_else(|| Fault::of(&crate::Error::unknown("binding", name)))
}

fn account(options: &Options, chain: &ChainId, names: &[&str]) -> Result<Option<String>, Fault> {
    for name in names {
        if let Some(account) = text(options, name)? {
            let recipient = intent::parse_recipient(chain, &account)
                .map_err(|error| Fault::option(name, error))?;
            return Ok(Some(recipient.account));
        }
    }
    Ok(None)
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text
        .trim()
        .strip_prefix("0x")
        .unwrap_or(text.trim())
        .as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    digits
        .chunks(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

impl Sending {
    /// As it is shown.
    pub(crate) fn shown(&self) -> Result<Json, Fault> {
        written(&self.shown)
    }

    /// Enqueue it, or find what its key made before.
    pub(crate) async fn enqueue(&self, run: &Loaded) -> Result<Submission, Fault> {
        let new = Enqueue {
            key: Some(self.key.clone()),
            intent: self.intent.clone(),
            interface: self.interface.clone(),
            policies: self.policies.clone(),
            context: self.context.clone(),
        };
        let outcome = submit::enqueue(&run.workflow.parts().submit, &run.run.initiator, new).await;
        outcome
            .map(|outcome| outcome.submission().clone())
            .map_err(|error| Fault::of(&error))
    }
}

/// What a submission says to the step that waits for it: done with this data, failed, or nothing
/// yet.
pub(crate) fn outcome(submission: &Submission, until: Until) -> Option<Result<Json, Fault>> {
    use State as S;
    let reason = submission.reason.as_deref().unwrap_or("no reason is told");
    let words = |what: &str| format!("submission {} {what}: {reason}", submission.id);
    let not_done = |what: &str| Some(Err(Fault::of(&Why::NotDone(words(what)))));
    let on_chain = |enough: bool| match submission.outcome {
        Some(Status::Reverted) if enough => Some(Err(Fault::of(&Why::Reverted(words(
            "was undone by the chain",
        ))))),
        _ if enough => Some(data(submission)),
        _ => None,
    };
    match submission.state {
        S::Denied => Some(Err(Fault::of(&Why::Denied(words("was denied"))))),
        S::Expired => not_done("expired"),
        S::Failed => not_done("cannot be done"),
        S::Replaced => not_done("was replaced by another transaction"),
        S::Cancelled => not_done("was cancelled"),
        S::Final => on_chain(true),
        S::Mined => on_chain(until <= Until::Mined),
        S::Accepted if until == Until::Accepted => Some(data(submission)),
        _ => None,
    }
}

impl PartialOrd for Until {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some((*self as u8).cmp(&(*other as u8)))
    }
}

fn data(submission: &Submission) -> Result<Json, Fault> {
    written(&json!({
        "submission": submission.id, "state": submission.state, "transactionHash": submission.transaction,
        "blockHash": submission.block_hash, "blockNumber": submission.block_height, "fee": submission.fee,
        "contractAddress": submission.created_contract,
    }))
}
