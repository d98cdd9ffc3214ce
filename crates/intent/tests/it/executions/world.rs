//! A chain with actors and contracts, on which calls are executed and observed.

use super::{
    code::Functions,
    contain,
    facts::{self, Change},
};
use crate::key::Key;
use intent::{
    Act, Authorization, Effects, Intent, Interface, Knowledge, KnownAccount, KnownContract, Output,
    Standard, Transaction, effects,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use testkit::anvil::{self, Anvil, Options};
use types::{Amount, ChainId};

/// The accounts with keys, in the order of the node's.
pub(crate) const ACTORS: [&str; 6] = ["admin", "alice", "bob", "carol", "dave", "erin"];
/// Ids of tokens, and hashes of partitions, that scenarios use.
pub(crate) const IDS: [u64; 8] = [0, 1, 2, 3, 4, 5, 7, 9];

pub(crate) const CHAIN: u64 = 31337;

/// A chain with the contracts of one scenario.
pub(crate) struct World {
    pub(crate) anvil: Anvil,
    pub(crate) probe: String,
    scenario: &'static str,
    contracts: Vec<Contract>,
    /// One row per executed call.
    pub(crate) rows: Vec<Row>,
    pub(crate) problems: Vec<String>,
}

/// A deployed contract.
pub(crate) struct Contract {
    pub(crate) name: &'static str,
    pub(crate) address: String,
    /// Signatures of its functions.
    pub(crate) functions: BTreeSet<String>,
    /// Standards and underlying asset; `None` if it is not registered.
    known: Option<KnownContract>,
    /// It keeps the books of other contracts of a suite; its storage is read by their functions.
    pub(crate) is_part: bool,
}

/// An executed call.
pub(crate) struct Row {
    pub(crate) scenario: &'static str,
    pub(crate) contract: String,
    pub(crate) call: String,
    pub(crate) complete: bool,
    pub(crate) changes: usize,
    pub(crate) undeclared: usize,
}

/// What the effects of a call must be.
#[derive(Clone, Copy)]
enum Expected {
    Complete,
    Incomplete,
    Either,
    Attempt,
}

/// A transaction to execute.
pub(crate) struct Call {
    from: String,
    contract: String,
    to: Option<String>,
    label: String,
    value: u64,
    data: Vec<u8>,
    authorizations: Vec<Authorization>,
}

impl Call {
    /// Shows what the call is for in the table.
    pub(crate) fn label(mut self, label: &str) -> Self {
        self.label = label.to_owned();
        self
    }

    /// Sends the chain's coin with the call, in wei.
    pub(crate) fn value(mut self, value: u64) -> Self {
        self.value = value;
        self
    }

    /// Makes the authorizations valid on every chain.
    pub(crate) fn on_every_chain(mut self) -> Self {
        for authorization in &mut self.authorizations {
            authorization.any_chain = true;
        }
        self
    }

    /// Lets `authority` run the code of `delegate` first (EIP-7702).
    pub(crate) fn authorize(mut self, authority: &str, delegate: &str, nonce: u64) -> Self {
        self.authorizations.push(Authorization {
            authority: authority.to_owned(),
            delegate: delegate.to_owned(),
            nonce,
            any_chain: false,
        });
        self
    }
}

impl World {
    /// Starts a node; `None` if there is none.
    pub(crate) fn start() -> Option<Self> {
        let arguments = [
            "--auto-impersonate",
            "--disable-min-priority-fee",
            "--disable-code-size-limit",
            "--gas-price",
            "0",
        ];
        let anvil = anvil::start(&Options {
            chain_id: CHAIN,
            base_fee: Some(0),
            accounts: 6,
            arguments: arguments.map(str::to_owned).to_vec(),
            ..Options::default()
        })?;
        let mut world = Self {
            anvil,
            probe: String::new(),
            scenario: "",
            contracts: Vec::new(),
            rows: Vec::new(),
            problems: Vec::new(),
        };
        world.probe = world.create("admin", &super::code::own("Probe").bytecode);
        Some(world)
    }

    /// Runs a scenario with contracts of its own.
    pub(crate) fn run(&mut self, name: &'static str, scenario: fn(&mut Self)) {
        self.scenario = name;
        self.contracts.clear();
        let snapshot = self.anvil.snapshot();
        scenario(self);
        self.anvil.revert(&snapshot);
    }

    /// The address of an actor or a contract by its name, or the address itself.
    pub(crate) fn at(&self, name: &str) -> String {
        if name.starts_with("0x") {
            return name.to_owned();
        }
        if let Some(index) = ACTORS.iter().position(|actor| *actor == name) {
            return self.anvil.accounts()[index].address.clone();
        }
        let contract = self.contracts.iter().find(|contract| contract.name == name);
        let contract = contract.unwrap_or_else(|| panic!("nothing is named {name}"));
        contract.address.clone()
    }

    /// The name of an address, for reports.
    pub(crate) fn name(&self, address: &str) -> String {
        let actors = ACTORS.iter().copied().zip(self.anvil.accounts());
        let actor = actors.filter(|(_, account)| account.address == address);
        let actor = actor.map(|(name, _)| name).next();
        let contract = self.contracts.iter().find(|item| item.address == address);
        let name = actor.or_else(|| contract.map(|contract| contract.name));
        name.map_or_else(|| address.to_owned(), str::to_owned)
    }

    pub(crate) fn contracts(&self) -> &[Contract] {
        &self.contracts
    }

    /// The key of an actor.
    pub(crate) fn key(&self, actor: &str) -> Key {
        let index = ACTORS.iter().position(|name| *name == actor).unwrap();
        Key::from_hex(
            self.anvil.accounts()[index]
                .private_key
                .trim_start_matches("0x"),
        )
    }

    /// Replaces `@name` by addresses.
    fn resolved(&self, value: Value) -> Value {
        match value {
            Value::String(text) => match text.strip_prefix('@') {
                Some(name) => json!(self.at(name)),
                None => json!(text),
            },
            Value::Array(items) => items.into_iter().map(|item| self.resolved(item)).collect(),
            Value::Object(members) => {
                let members = members.into_iter();
                let resolved = members.map(|(key, value)| (key, self.resolved(value)));
                Value::Object(resolved.collect())
            }
            other => other,
        }
    }

    /// Encodes a call; `@name` in the arguments is an address.
    pub(crate) fn bytes(&self, signature: &str, arguments: Value) -> Vec<u8> {
        let function = alloy_json_abi::Function::parse(signature).unwrap();
        let interface = Interface::new(json!([function]).to_string());
        let arguments = self.resolved(arguments);
        intent::encode_call(&ChainId::evm(CHAIN), &interface, signature, &arguments)
            .unwrap_or_else(|error| panic!("{signature}: {error}"))
    }

    /// [`World::bytes`] in hexadecimal, for arguments of calls that contain calls.
    pub(crate) fn data(&self, signature: &str, arguments: Value) -> String {
        format!("0x{}", hex::encode(self.bytes(signature, arguments)))
    }

    /// Creates a contract from code.
    fn create(&self, from: &str, code: &str) -> String {
        let receipt = self.transaction(&json!({"from": self.at(from), "data": code}));
        assert_eq!(
            receipt["status"], "0x1",
            "{}: deployment failed",
            self.scenario
        );
        receipt["contractAddress"].as_str().unwrap().to_owned()
    }

    /// Deploys a contract with constructor arguments, and registers it with standards.
    pub(crate) fn deploy(
        &mut self,
        name: &'static str,
        code: &super::code::Code,
        arguments: Value,
        standards: &[Standard],
    ) -> String {
        let constructor = self.bytes(&format!("f{}", code.constructor), arguments);
        let text = format!("{}{}", code.bytecode, hex::encode(&constructor[4..]));
        let address = self.create("admin", &text);
        self.register(name, &address, &code.functions, standards);
        address
    }

    /// Registers an existing contract with standards.
    pub(crate) fn register(
        &mut self,
        name: &'static str,
        address: &str,
        functions: &Functions,
        standards: &[Standard],
    ) {
        let known = KnownContract {
            name: name.to_owned(),
            standards: standards.iter().copied().collect(),
            interface: functions.interface.clone(),
            ..KnownContract::default()
        };
        self.contracts.push(Contract {
            name,
            address: address.to_owned(),
            functions: functions.signatures.clone(),
            known: Some(known),
            is_part: false,
        });
    }

    /// Says that a contract keeps the books of others.
    pub(crate) fn part(&mut self, name: &str) {
        let contract = self.contracts.iter_mut().find(|item| item.name == name);
        contract.unwrap().is_part = true;
    }

    /// Changes what is known of a contract.
    pub(crate) fn known(&mut self, name: &str) -> &mut Option<KnownContract> {
        let contract = self.contracts.iter_mut().find(|item| item.name == name);
        &mut contract.unwrap().known
    }

    fn knowledge(&self) -> Knowledge {
        let actors = self.anvil.accounts().iter();
        let mut accounts: BTreeMap<String, KnownAccount> = actors
            .map(|actor| (actor.address.clone(), KnownAccount::NoCode))
            .collect();
        for contract in &self.contracts {
            let known = match &contract.known {
                Some(known) => KnownAccount::Contract(known.clone()),
                None => KnownAccount::Unregistered,
            };
            accounts.insert(contract.address.clone(), known);
        }
        Knowledge { accounts }
    }

    /// A call of a contract by an actor.
    pub(crate) fn call(&self, from: &str, to: &str, signature: &str, arguments: Value) -> Call {
        Call {
            from: self.at(from),
            contract: to.to_owned(),
            to: Some(self.at(to)),
            label: signature.to_owned(),
            value: 0,
            data: self.bytes(signature, arguments),
            authorizations: Vec::new(),
        }
    }

    /// A payment, or a call without data.
    pub(crate) fn payment(&self, from: &str, to: &str, value: u64) -> Call {
        Call {
            from: self.at(from),
            contract: to.to_owned(),
            to: Some(self.at(to)),
            label: "payment".to_owned(),
            value,
            data: Vec::new(),
            authorizations: Vec::new(),
        }
    }

    /// Creates a contract.
    pub(crate) fn deployment(&self, from: &str, code: &str) -> Call {
        Call {
            from: self.at(from),
            contract: "new".to_owned(),
            to: None,
            label: "deployment".to_owned(),
            value: 0,
            data: hex::decode(code.trim_start_matches("0x")).unwrap(),
            authorizations: Vec::new(),
        }
    }

    /// Executes a call that is not part of what is tested.
    pub(crate) fn setup(&self, from: &str, to: &str, signature: &str, arguments: Value) {
        let call = self.call(from, to, signature, arguments);
        let receipt = self.transaction(&self.request(&call));
        assert_eq!(
            receipt["status"], "0x1",
            "{}: {signature} fails",
            self.scenario
        );
    }

    /// Executes a call whose effects must be complete, and contain all that changed.
    pub(crate) fn complete(&mut self, call: Call) {
        self.execute(&call, Expected::Complete);
    }

    /// Executes a call whose effects must not be complete.
    pub(crate) fn incomplete(&mut self, call: Call) {
        self.execute(&call, Expected::Incomplete);
    }

    /// Executes a call of which a part may fail: more may be declared than happened.
    pub(crate) fn attempt(&mut self, call: Call) {
        self.execute(&call, Expected::Attempt);
    }

    /// Executes a call whose effects must contain all that changed if they are complete.
    pub(crate) fn either(&mut self, call: Call) {
        self.execute(&call, Expected::Either);
    }

    fn execute(&mut self, call: &Call, expected: Expected) {
        let declared = effects(&intent_of(call), &self.knowledge()).unwrap();
        let receipt = self.transaction(&self.request(call));
        if receipt["status"] != "0x1" {
            let reason = self.revert_reason(call, &receipt);
            let text = format!("{} {}: the call fails: {reason}", self.scenario, call.label);
            return self.problems.push(text);
        }
        let changes = facts::changes(self, &receipt);
        let is_exact = !matches!(expected, Expected::Attempt);
        let missing = |change| contain::missing(&declared, change, is_exact);
        let missing = changes.iter().filter_map(missing);
        let undeclared: Vec<String> = missing.map(|text| self.named(&text)).collect();
        let unhappened = self.unhappened(&declared, &changes);
        self.judge(call, &declared, expected, &undeclared, &unhappened);
        self.rows.push(Row {
            scenario: self.scenario,
            contract: call.contract.clone(),
            call: call.label.clone(),
            complete: declared.complete,
            changes: changes.len(),
            undeclared: undeclared.len(),
        });
    }

    /// Moves of effects that did not happen.
    fn unhappened(&self, declared: &Effects, changes: &[Change]) -> Vec<String> {
        let texts = contain::unhappened(declared, changes);
        texts.iter().map(|text| self.named(text)).collect()
    }

    fn judge(
        &mut self,
        call: &Call,
        declared: &Effects,
        expected: Expected,
        undeclared: &[String],
        unhappened: &[String],
    ) {
        let mut found = Vec::new();
        if declared.complete && !undeclared.is_empty() {
            found.push(format!(
                "complete, but undeclared: {}",
                undeclared.join("; ")
            ));
        }
        match expected {
            Expected::Complete if !declared.complete => {
                found.push(format!(
                    "not complete; undeclared: {}",
                    undeclared.join("; ")
                ));
            }
            Expected::Complete if !unhappened.is_empty() => {
                found.push(format!("did not happen: {}", unhappened.join("; ")));
            }
            Expected::Incomplete if declared.complete => found.push("complete".to_owned()),
            _ => {}
        }
        let declared = self.named(&shown(declared));
        for text in found {
            let place = format!("{} | {} | {}", self.scenario, call.contract, call.label);
            self.problems
                .push(format!("{place}\n    {text}\n    declared: {declared}"));
        }
    }

    /// Replaces addresses by names.
    fn named(&self, text: &str) -> String {
        let addresses = self.anvil.accounts().iter().map(|account| &account.address);
        let all = addresses.chain(self.contracts.iter().map(|contract| &contract.address));
        all.fold(text.to_owned(), |text, address| {
            text.replace(address, &self.name(address))
        })
    }

    fn request(&self, call: &Call) -> Value {
        let mut request = json!({
            "from": call.from,
            "value": format!("{:#x}", call.value),
            "data": format!("0x{}", hex::encode(&call.data)),
        });
        if let Some(to) = &call.to {
            request["to"] = json!(to);
        }
        if !call.authorizations.is_empty() {
            let signed = call.authorizations.iter();
            request["authorizationList"] = signed.map(|item| self.authorization(item)).collect();
        }
        request
    }

    fn authorization(&self, authorization: &Authorization) -> Value {
        let act = Act::Authorization(authorization.clone());
        let digest = digest(&authorization.authority, act);
        let signature = self.key(&self.name(&authorization.authority)).sign(digest);
        let (r, s) = signature.rs.split_at(32);
        json!({
            "chainId": format!("{:#x}", if authorization.any_chain { 0 } else { CHAIN }),
            "address": authorization.delegate,
            "nonce": format!("{:#x}", authorization.nonce),
            "yParity": format!("{:#x}", signature.recovery),
            "r": quantity(r),
            "s": quantity(s),
        })
    }

    /// Signs typed data as an actor; returns v, r and s.
    pub(crate) fn typed(&self, actor: &str, data: &Value) -> [Value; 3] {
        let data = self.resolved(data.clone());
        let json = intent::evm::typed_data(&data).unwrap();
        let digest = digest(&self.at(actor), Act::TypedData { json });
        self.signature(actor, digest)
    }

    /// Signs a digest as an actor; returns v, r and s.
    pub(crate) fn signature(&self, actor: &str, digest: [u8; 32]) -> [Value; 3] {
        let signature = self.key(actor).sign(digest);
        let (r, s) = signature.rs.split_at(32);
        let word = |bytes: &[u8]| json!(format!("0x{}", hex::encode(bytes)));
        [json!(27 + u64::from(signature.recovery)), word(r), word(s)]
    }

    /// [`World::typed`] as the bytes r, s, v.
    pub(crate) fn packed(&self, actor: &str, data: &Value) -> String {
        packed(&self.typed(actor, data))
    }

    /// [`World::signature`] as the bytes r, s, v.
    pub(crate) fn packed_digest(&self, actor: &str, digest: [u8; 32]) -> String {
        packed(&self.signature(actor, digest))
    }

    /// Sends a transaction without fees; returns the receipt.
    fn transaction(&self, request: &Value) -> Value {
        let mut request = request.clone();
        request["gasPrice"] = json!("0x0");
        request["gas"] = json!("0x1c9c380");
        if !request["authorizationList"].is_null() {
            request.as_object_mut().unwrap().remove("gasPrice");
            request["maxFeePerGas"] = json!("0x0");
            request["maxPriorityFeePerGas"] = json!("0x0");
        }
        let hash = self.anvil.rpc("eth_sendTransaction", json!([request]));
        let hash = hash.as_str().unwrap();
        let mut receipt = None;
        testkit::wait_until(30_000, || {
            receipt = self.anvil.receipt(hash);
            receipt.is_some()
        });
        receipt.unwrap_or_else(|| panic!("{hash} is not mined"))
    }

    fn revert_reason(&self, call: &Call, receipt: &Value) -> String {
        let height = u64::from_str_radix(
            receipt["blockNumber"]
                .as_str()
                .unwrap()
                .trim_start_matches("0x"),
            16,
        );
        let before = format!("{:#x}", height.unwrap() - 1);
        let answer = self
            .anvil
            .try_rpc("eth_call", json!([self.request(call), before]));
        answer.map_or_else(
            |error| error.to_string(),
            |_| "succeeds as a call".to_owned(),
        )
    }

    /// Reads a contract.
    pub(crate) fn read(&self, to: &str, signature: &str, arguments: Value) -> String {
        self.anvil
            .call(&self.at(to), &self.data(signature, arguments))
    }

    /// Reads an address from a contract.
    pub(crate) fn read_address(&self, to: &str, signature: &str, arguments: Value) -> String {
        let answer = self.read(to, signature, arguments);
        format!("0x{}", &answer[answer.len() - 40..])
    }
}

fn intent_of(call: &Call) -> Intent {
    let transaction = Transaction {
        outputs: vec![Output {
            to: call.to.clone(),
            value: Amount::from(call.value),
        }],
        data: call.data.clone(),
        authorizations: call.authorizations.clone(),
        ..Transaction::default()
    };
    Intent {
        chain: ChainId::evm(CHAIN),
        signer: call.from.clone(),
        act: Act::Transaction(transaction),
    }
}

fn digest(signer: &str, act: Act) -> [u8; 32] {
    let intent = Intent {
        chain: ChainId::evm(CHAIN),
        signer: signer.to_owned(),
        act,
    };
    let unsigned = intent::statement(&intent).unwrap();
    intent::decode(&unsigned).unwrap().required_signatures[0].digest
}

fn packed([v, r, s]: &[Value; 3]) -> String {
    let (r, s) = (r.as_str().unwrap(), s.as_str().unwrap());
    format!("{r}{}{:02x}", &s[2..], v.as_u64().unwrap())
}

fn quantity(bytes: &[u8]) -> String {
    let digits = hex::encode(bytes);
    match digits.trim_start_matches('0') {
        "" => "0x0".to_owned(),
        digits => format!("0x{digits}"),
    }
}

/// Effects without the calls.
fn shown(declared: &Effects) -> String {
    let mut value = serde_json::to_value(declared).unwrap();
    value.as_object_mut().unwrap().remove("calls");
    value.to_string()
}
