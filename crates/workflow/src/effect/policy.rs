//! `policy`: asks one policy about an input that the task makes. It permits nothing by itself:
//! signatures have decisions of their own.

use super::options::{given, needed, text};
use super::{Fault, Options, Why, written};
use crate::work::load::Loaded;
use policy::{Outcome, Trial};
use serde_json::{Value, json};
use types::{Family, Json, Time};

/// What a denial does.
enum OnDeny {
    Fail,
    Continue,
}

/// Ask, and give `{result, reasons?, obligations?, policy, version}`.
pub(super) async fn evaluate(
    run: &Loaded,
    options: &Options,
    began: Time,
) -> Result<Option<Json>, Fault> {
    let named = needed(options, "policy")?;
    let on_deny = match text(options, "onDeny")?.as_deref() {
        None | Some("fail") => OnDeny::Fail,
        Some("continue") => OnDeny::Continue,
        Some(_) => return Err(Fault::option("onDeny", "expected fail or continue")),
    };
    let (engine, who) = (&run.workflow.parts().policy, &run.run.initiator);
    let version = policy::version(engine, who, &named, None)
        .await
        .map_err(|error| Fault::of(&error))?;
    let input = written(&input(run, options, began)?)?;
    let told = policy::dry_run(engine, who, Trial::Version(version.id), input.as_str()).await;
    let told = told.map_err(|error| Fault::of(&error))?;
    if let (Outcome::Denied { reasons }, OnDeny::Fail) = (&told.outcome, &on_deny) {
        let words: Vec<String> = reasons.iter().map(|reason| reason.text.clone()).collect();
        return Err(Fault::of(&Why::Denied(format!(
            "policy {named:?} denies it: {}",
            words.join("; ")
        ))));
    }
    let mut answer = serde_json::to_value(&told.outcome).unwrap_or(Value::Null);
    answer["allowed"] = Value::Bool(matches!(told.outcome, Outcome::Permit { .. }));
    answer["policy"] = Value::String(named);
    answer["version"] = Value::String(version.label);
    written(&answer).map(Some)
}

/// The one form of input that policies have, with nothing to sign; what the task gives is laid over
/// it.
fn input(run: &Loaded, options: &Options, began: Time) -> Result<Value, Fault> {
    let mut input = nothing_to_sign(run, began);
    let over = match given(options, "input") {
        None => return Ok(input),
        Some(Value::Object(over)) => over,
        Some(_) => return Err(Fault::option("input", "expected an object")),
    };
    for (name, value) in over {
        // Who asks, and where, is not for the task to say.
        if matches!(name.as_str(), "namespace" | "initiator" | "task" | "time") {
            return Err(Fault::option(&format!("input.{name}"), "is set by Florin"));
        }
        input[name.as_str()] = value.clone();
    }
    Ok(input)
}

fn nothing_to_sign(run: &Loaded, began: Time) -> Value {
    let (row, who) = (&run.run, &run.run.initiator);
    let chain = run.workflow.home(&run.namespace);
    let family = match chain.family() {
        Some(Family::Evm) => "evm",
        Some(Family::Utxo) => "utxo",
        None => "unknown",
    };
    let none = json!({"gas": "0", "fee_per_gas": "0", "tip": "0", "total_fee": "0"});
    let mut envelope = none.clone();
    envelope["signatures"] = 0.into();
    envelope["validity_ms"] = 0.into();
    json!({
        "purpose": "act", "namespace": run.namespace,
        "initiator": {"id": who.id, "kind": who.kind, "roles": who.roles},
        "wallet": null, "key": null, "signer": "",
        "chain": {"id": chain, "family": family},
        "intent": {"kind": "message", "hash": types::Digest::of(b""), "message": "0x", "text": ""},
        "effects": {"moves": [], "grants": [], "calls": [], "deploys": null, "opaque": false},
        "interface": null, "fee": {"quote": none, "envelope": envelope},
        "time": moment(began),
        "task": {"name": row.task_name, "version": row.version_label, "run": row.id, "step": run.step().name},
        "assets": [], "labels": {}, "approvals": [],
    })
}

/// The same moment in the forms that rules need, in UTC: as decisions tell it.
fn moment(at: Time) -> Value {
    let (minutes, days) = (at.secs().div_euclid(60), at.secs().div_euclid(86_400));
    json!({
        "at": at, "unix_ms": at.millis().to_string(), "weekday": (days + 3).rem_euclid(7) + 1,
        "hour": minutes.div_euclid(60).rem_euclid(24), "minute": minutes.rem_euclid(60),
    })
}
