//! Bindings: names that a namespace resolves to chain, contract and signer, so that the same
//! definition runs on another chain.

use crate::table::binding as table;
use crate::{Error, Result, Workflow, named};
use serde::Serialize;
use store::{Fact, Tx};
use types::{BindingId, ChainId, Json, Page, Principal, Time};

/// Bytes of an interface.
const MAX_INTERFACE: usize = 1 << 20;

/// A binding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Binding {
    /// Its id.
    pub id: BindingId,
    /// Its name, one of its own in the namespace.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The chain.
    pub chain: ChainId,
    /// The contract, in the chain's canonical form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// The account that signs, in the chain's canonical form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// The contract's interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abi: Option<Json>,
    /// When it was made.
    pub created: Time,
    /// When it was last changed.
    pub updated: Time,
    /// Rises with each change.
    #[serde(skip)]
    pub version: u64,
}

/// What is said of a binding.
#[derive(Debug, Clone, Default)]
pub struct NewBinding {
    /// Its name; where the path names it, that one.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The chain; the namespace's default chain if it is not given.
    pub chain: Option<ChainId>,
    /// The contract.
    pub contract: Option<String>,
    /// The account that signs.
    pub signer: Option<String>,
    /// The contract's interface: the JSON ABI, or an artifact that holds it.
    pub abi: Option<Json>,
}

/// Make a binding of this name, or replace the one that is there; by id, replace only. Whether it
/// is new. Errors: `workflow.invalid`, `workflow.unknown`, `workflow.name_taken`,
/// `workflow.too_much`, `intent.address`, `intent.abi`.
pub async fn put_binding(
    workflow: &Workflow,
    who: &Principal,
    name_or_id: &str,
    new: NewBinding,
) -> Result<(Binding, bool)> {
    let new = checked(workflow, who, new)?;
    let (path, who, most) = (
        name_or_id.to_owned(),
        who.clone(),
        workflow.settings().things,
    );
    let namespace = who.namespace.clone();
    let write = move |tx: &mut Tx<'_, '_>| {
        let before = table::find(tx, &path)?;
        let binding = next(tx, &path, before.as_ref(), &new, most)?;
        if !table::put(tx, &binding)? {
            return Err(store::Error::Contended { attempts: 1 }.into());
        }
        let kind = if before.is_some() {
            "binding.updated"
        } else {
            "binding.created"
        };
        tx.append(fact(kind, &who, &binding));
        Ok((binding, before.is_none()))
    };
    workflow.on().write(&namespace, write).await
}

/// A binding. Errors: `workflow.unknown`.
pub async fn binding(workflow: &Workflow, who: &Principal, name_or_id: &str) -> Result<Binding> {
    let path = name_or_id.to_owned();
    workflow
        .db()
        .read(&who.namespace, move |tx| require(tx, &path))
        .await
}

/// Bindings by name.
pub async fn bindings(workflow: &Workflow, who: &Principal, page: &Page) -> Result<Vec<Binding>> {
    let page = page.clone();
    workflow
        .db()
        .read(&who.namespace, move |tx| table::list(tx, &page))
        .await
}

/// Delete a binding. A step that names it fails from now on. Errors: `workflow.unknown`.
pub async fn delete_binding(workflow: &Workflow, who: &Principal, name_or_id: &str) -> Result<()> {
    let (path, who) = (name_or_id.to_owned(), who.clone());
    let namespace = who.namespace.clone();
    let write = move |tx: &mut Tx<'_, '_>| {
        let binding = require(tx, &path)?;
        table::delete(tx, binding.id)?;
        tx.append(fact("binding.deleted", &who, &binding));
        Ok::<_, Error>(())
    };
    workflow.on().write(&namespace, write).await
}

fn require(tx: &mut Tx<'_, '_>, name_or_id: &str) -> Result<Binding> {
    table::find(tx, name_or_id)?.ok_or_else(|| Error::unknown("binding", name_or_id))
}

/// Accounts in their canonical form, an interface that can be read.
fn checked(workflow: &Workflow, who: &Principal, new: NewBinding) -> Result<NewBinding> {
    let chain = new.chain.unwrap_or_else(|| workflow.home(&who.namespace));
    let account = |field: &str, text: &String| {
        let recipient = intent::parse_recipient(&chain, text)
            .map_err(|error| Error::invalid(field, error.to_string()))?;
        Ok::<_, Error>(recipient.account)
    };
    let contract = new
        .contract
        .as_ref()
        .map(|text| account("contract", text))
        .transpose()?;
    let signer = new
        .signer
        .as_ref()
        .map(|text| account("signer", text))
        .transpose()?;
    if new
        .abi
        .as_ref()
        .is_some_and(|abi| abi.as_str().len() > MAX_INTERFACE)
    {
        return Err(Error::TooMuch {
            field: "abi".to_owned(),
            of: "bytes",
            limit: MAX_INTERFACE,
        });
    }
    if let Some(abi) = &new.abi {
        let interface = crate::effect::interface(abi.as_str());
        intent::topics(&chain, &interface)
            .map_err(|error| Error::invalid("abi", error.to_string()))?;
    }
    let name = new
        .name
        .map(|name| named::checked("name", &name))
        .transpose()?;
    let description = new
        .description
        .map(|text| named::described(&text))
        .transpose()?;
    Ok(NewBinding {
        name,
        description,
        chain: Some(chain),
        contract,
        signer,
        abi: new.abi,
    })
}

fn next(
    tx: &mut Tx<'_, '_>,
    path: &str,
    before: Option<&Binding>,
    new: &NewBinding,
    most: usize,
) -> Result<Binding> {
    let now = tx.now();
    let (id, name, created, version) = match before {
        Some(binding) => {
            let name = new.name.clone().unwrap_or_else(|| binding.name.clone());
            (binding.id, name, binding.created, binding.version + 1)
        }
        None if path.parse::<BindingId>().is_ok() => return Err(Error::unknown("binding", path)),
        None => (BindingId::new(now, tx.entropy()), path.to_owned(), now, 1),
    };
    let name = named::checked("name", &name)?;
    if before.is_none() && table::count(tx)? >= i64::try_from(most).unwrap_or(i64::MAX) {
        return Err(Error::TooMuch {
            field: "bindings".to_owned(),
            of: "bindings in a namespace",
            limit: most,
        });
    }
    if table::find(tx, &name)?.is_some_and(|other| other.id != id) {
        return Err(Error::NameTaken {
            what: "binding",
            name,
        });
    }
    Ok(Binding {
        id,
        name,
        description: new.description.clone().unwrap_or_default(),
        chain: new
            .chain
            .clone()
            .ok_or_else(|| Error::invalid("chain", "is missing"))?,
        contract: new.contract.clone(),
        signer: new.signer.clone(),
        abi: new.abi.clone(),
        created,
        updated: now,
        version,
    })
}

fn fact(kind: &'static str, who: &Principal, binding: &Binding) -> Fact {
    let said = serde_json::json!({
        "name": binding.name, "chain": binding.chain, "contract": binding.contract, "signer": binding.signer,
    });
    Fact::new(kind, 1)
        .about(&binding.id, binding.version)
        .by(who)
        .says(&said)
}
