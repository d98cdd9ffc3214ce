//! Calls, and the calls nested in them.
//!
//! A call is complete if its target is known and unchanged, its selector belongs to the target's
//! standards and all of them give it the same effects, and its data is exactly the encoding of the
//! arguments; the same holds for every call nested in it. For any other target, all readings of
//! the selector by any standard are added up, so that policy sees as much as possible, and the
//! reason is recorded.

use crate::evm::abi::Abi;
use crate::evm::address;
use crate::evm::standards::{self, CallReader, DeclaredCall, Nested, Reading};
use crate::{
    AssetRef, Call, DecodedBy, Effects, Incomplete, IncompleteCode, Knowledge, KnownAccount,
    KnownContract, Move, Power,
};
use serde_json::Value;
use types::{Amount, Json};

/// The deepest nesting that is read; the outer call is 0.
const MAX_DEPTH: usize = 4;
/// The most calls and payments that are read.
const MAX_CALLS: usize = 256;

/// The calls of a signature while they are read.
pub(super) struct Unfolding<'k> {
    known: &'k Knowledge,
    pub(super) effects: Effects,
    /// Nested calls and payments so far.
    count: usize,
}

/// A call, and where it is.
struct Frame<'f> {
    path: String,
    depth: usize,
    sender: &'f str,
    contract: &'f str,
    data: &'f [u8],
}

/// The function of a call, its arguments by name, and what named them.
type Named = (String, Value, DecodedBy);

/// A call as the standards of its target have it.
struct Read {
    named: Option<Named>,
    /// Those that differ.
    readings: Vec<Reading>,
    /// Whether the data is exactly the encoding of the arguments.
    is_canonical: bool,
}

impl<'k> Unfolding<'k> {
    pub(super) fn new(known: &'k Knowledge) -> Self {
        Self {
            known,
            effects: Effects::none(),
            count: 0,
        }
    }

    /// Adds the effects of the outer call.
    pub(super) fn call(&mut self, sender: &str, contract: &str, value: Amount, data: &[u8]) {
        let frame = Frame {
            path: String::new(),
            depth: 0,
            sender,
            contract,
            data,
        };
        self.frame(&frame, value);
    }

    /// Adds a movement of the native coin.
    pub(super) fn add_payment(&mut self, from: &str, to: &str, value: Amount) {
        if !value.is_zero() {
            self.effects.moves.push(Move {
                asset: AssetRef::Native,
                from: from.to_owned(),
                to: to.to_owned(),
                amount: Some(value),
            });
        }
    }

    fn frame(&mut self, frame: &Frame<'_>, value: Amount) {
        self.effects.touched.insert(frame.contract.to_owned());
        self.add_payment(frame.sender, frame.contract, value);
        if frame.data.is_empty() {
            self.receive(frame, "");
        } else {
            self.execute(frame);
        }
    }

    /// A payment or tokens without data: complete if the receiver has no code that reacts.
    /// `signature` is the function that would be called.
    fn receive(&mut self, frame: &Frame<'_>, signature: &str) {
        if self.has_no_code(frame.contract) {
            return;
        }
        self.add_named_call(frame, signature);
        let account = frame.contract;
        let (code, why) = match self.known.accounts.get(account) {
            None | Some(KnownAccount::Unreadable(_)) => self.unreadable(account),
            Some(KnownAccount::Contract(_)) => (
                IncompleteCode::ReceiverCode,
                format!("what {account} does with a payment is not known"),
            ),
            Some(KnownAccount::Unregistered | KnownAccount::NoCode) => (
                IncompleteCode::ReceiverCode,
                format!("{account} is not registered, and may have code"),
            ),
        };
        self.incomplete(frame, code, why);
    }

    /// The reason for an account of which nothing could be read.
    fn unreadable(&self, account: &str) -> (IncompleteCode, String) {
        let why = match self.known.accounts.get(account) {
            Some(KnownAccount::Unreadable(why)) => why,
            _ => "it was not looked up",
        };
        let why = format!("nothing is known of {account}: {why}");
        (IncompleteCode::NoKnowledge, why)
    }

    fn has_no_code(&self, account: &str) -> bool {
        let known = self.known.accounts.get(account) == Some(&KnownAccount::NoCode);
        known && !is_reserved(account)
    }

    fn execute(&mut self, frame: &Frame<'_>) {
        let known = self.known.contract(frame.contract);
        let selector = frame.data.first_chunk::<4>();
        let all = selector.map_or(&[][..], |selector| standards::calls(*selector));
        let implements = |call: &&DeclaredCall| known.is_some_and(|k| k.implements(call.standard));
        let own: Vec<&DeclaredCall> = all.iter().filter(implements).collect();
        let is_own = !own.is_empty();
        let candidates = if is_own { own } else { all.iter().collect() };
        let read = self.read(frame, known, &candidates);
        self.judge(frame, known, is_own);
        self.judge_data(frame, &read, candidates.is_empty());
        if is_own && read.readings.len() > 1 {
            let why = "two standards of this contract give the function different effects";
            self.incomplete(frame, IncompleteCode::Ambiguous, why);
        }
        self.add_call(frame, known, read.named);
        self.add_readings(frame, read.readings);
    }

    /// Reads a call by each standard.
    fn read(
        &self,
        frame: &Frame<'_>,
        known: Option<&KnownContract>,
        candidates: &[&'static DeclaredCall],
    ) -> Read {
        let mut read = Read {
            named: None,
            readings: Vec::new(),
            is_canonical: true,
        };
        for call in candidates {
            let arguments = frame.data.get(4..).unwrap_or_default();
            let Some((tokens, exact)) = call.entry.decode_arguments(arguments) else {
                continue;
            };
            let mut reader = CallReader {
                entry: &call.entry,
                tokens: &tokens,
                sender: frame.sender,
                contract: frame.contract,
                known,
                reading: Reading::default(),
            };
            if (call.effects)(&mut reader).is_none() {
                continue;
            }
            read.is_canonical &= exact;
            read.named.get_or_insert_with(|| {
                let arguments = call.entry.arguments_json(&tokens);
                (call.entry.signature.clone(), arguments, DecodedBy::Standard)
            });
            if !read.readings.contains(&reader.reading) {
                read.readings.push(reader.reading);
            }
        }
        read
    }

    fn add_call(&mut self, frame: &Frame<'_>, known: Option<&KnownContract>, named: Option<Named>) {
        let registered = || named_by(known?, frame.data);
        let (signature, arguments, decoded_by) = match named.or_else(registered) {
            Some((signature, arguments, by)) => {
                (Some(signature), Json::of(&arguments).ok(), Some(by))
            }
            None => (None, None, None),
        };
        let selector = frame.data.first_chunk::<4>();
        self.effects.calls.push(Call {
            path: frame.path.clone(),
            contract: frame.contract.to_owned(),
            selector: selector.map(|s| selector_text(*s)).unwrap_or_default(),
            signature,
            arguments,
            decoded_by,
        });
    }

    /// Adds a call of which only the function is known; none for a payment.
    fn add_named_call(&mut self, frame: &Frame<'_>, signature: &str) {
        let is_named = !signature.is_empty();
        self.effects.calls.push(Call {
            path: frame.path.clone(),
            contract: frame.contract.to_owned(),
            selector: is_named
                .then(|| selector_text(standards::selector(signature)))
                .unwrap_or_default(),
            signature: is_named.then(|| signature.to_owned()),
            arguments: None,
            decoded_by: is_named.then_some(DecodedBy::Standard),
        });
    }

    /// Records what is not known of the target, or not of the function.
    fn judge(&mut self, frame: &Frame<'_>, known: Option<&KnownContract>, is_own: bool) {
        let contract = frame.contract;
        let Some(known) = known else {
            let (code, why) = match self.known.accounts.get(contract) {
                Some(KnownAccount::Unregistered | KnownAccount::NoCode) => (
                    IncompleteCode::UnknownContract,
                    format!("{contract} is not registered"),
                ),
                _ => self.unreadable(contract),
            };
            return self.incomplete(frame, code, why);
        };
        if let Some(why) = &known.changed {
            let why = format!("{contract} is not what was registered: {why}");
            self.incomplete(frame, IncompleteCode::Changed, why);
        }
        if !is_own {
            let why = format!("the function belongs to no standard of {contract}");
            self.incomplete(frame, IncompleteCode::UnknownSelector, why);
        }
    }

    fn judge_data(&mut self, frame: &Frame<'_>, read: &Read, is_unknown: bool) {
        if frame.data.len() < 4 {
            let why = "the data has no selector";
            self.incomplete(frame, IncompleteCode::InvalidData, why);
        } else if read.readings.is_empty() && !is_unknown {
            let why = "the data is not an encoding of the arguments of this function";
            self.incomplete(frame, IncompleteCode::InvalidData, why);
        } else if !read.is_canonical {
            let why = "the data is not exactly the encoding of the arguments";
            self.incomplete(frame, IncompleteCode::NotCanonical, why);
        }
    }

    fn add_readings(&mut self, frame: &Frame<'_>, readings: Vec<Reading>) {
        let mut index = 0;
        for reading in readings {
            self.effects.moves.extend(reading.moves);
            self.effects.grants.extend(reading.grants);
            let powers = reading.powers.into_iter().map(|power| Power {
                path: frame.path.clone(),
                ..power
            });
            self.effects.powers.extend(powers);
            for (code, why) in reading.incomplete {
                self.incomplete(frame, code, why);
            }
            for nested in reading.nested {
                self.nested(frame, index, &nested);
                index += 1;
            }
        }
    }

    fn nested(&mut self, outer: &Frame<'_>, index: usize, nested: &Nested) {
        let frame = Frame {
            path: match outer.path.as_str() {
                "" => index.to_string(),
                path => format!("{path}.{index}"),
            },
            depth: outer.depth + 1,
            sender: &nested.sender,
            contract: &nested.contract,
            data: &nested.data,
        };
        self.count += 1;
        if self.count > MAX_CALLS {
            let why = format!("there are more than {MAX_CALLS} calls");
            return self.incomplete(outer, IncompleteCode::TooMany, why);
        }
        if frame.depth > MAX_DEPTH {
            let why = format!("calls are nested deeper than {MAX_DEPTH}");
            return self.incomplete(outer, IncompleteCode::TooDeep, why);
        }
        match nested.hook {
            Some(signature) => self.hook(&frame, signature),
            None => self.frame(&frame, nested.value),
        }
    }

    /// Adds the reaction of a receiver to tokens.
    fn hook(&mut self, frame: &Frame<'_>, signature: &str) {
        self.effects.touched.insert(frame.contract.to_owned());
        if frame.data.is_empty() {
            let known = self.known.contract(frame.contract);
            if known.is_none_or(|known| known.changed.is_some()) {
                self.receive(frame, signature);
            }
            return;
        }
        self.add_named_call(frame, signature);
        let why = format!(
            "{} acts on the data that it gets with the tokens",
            frame.contract
        );
        self.incomplete(frame, IncompleteCode::HookData, why);
    }

    fn incomplete(&mut self, frame: &Frame<'_>, code: IncompleteCode, why: impl Into<String>) {
        self.effects.add_incomplete(Incomplete {
            code,
            path: frame.path.clone(),
            contract: Some(frame.contract.to_owned()),
            text: why.into(),
        });
    }
}

/// Whether the chain itself acts at an address without code: precompiled contracts (below 0x10000,
/// which includes Moonbeam's 0x8xx) and predeployed ones (0x4200…00xx of OP stack chains).
fn is_reserved(account: &str) -> bool {
    let Some(account) = address::parse_canonical(account) else {
        return true;
    };
    let (head, middle) = (account[0], &account[1..18]);
    middle.iter().all(|byte| *byte == 0) && (head == 0 || head == 0x42)
}

fn selector_text(selector: [u8; 4]) -> String {
    format!("0x{}", hex::encode(selector))
}

/// A call as the registered interface names it.
fn named_by(known: &KnownContract, data: &[u8]) -> Option<Named> {
    let abi = Abi::parse(known.interface.as_ref()?).ok()?;
    let (signature, arguments) = abi.decode_call(data)?;
    Some((signature, arguments, DecodedBy::Registry))
}
