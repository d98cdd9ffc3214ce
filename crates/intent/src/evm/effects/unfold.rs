//! Calls, and the calls nested in them.
//!
//! A call is complete if its target is known and unchanged, its selector belongs to the target's
//! standards and all of them give it the same effects, and its data is exactly the encoding of the
//! arguments; the same holds for every call nested in it. For any other target, all readings of
//! the selector by any standard are added up, so that policy sees as much as possible, and the
//! reason is recorded.
//!
//! A payment without data is complete if its receiver has no code, or is known to keep it. So are
//! tokens, whose receiver is called, if it gets no data.

use super::frame::Frame;
use super::judge::{self, Named, is_native_alias, is_reserved};
use crate::evm::MAX_BYTES;
use crate::evm::standards::{self, CallReader, Declared, Nested, NestedKind, Reading};
use crate::{
    AssetRef, Call, DecodedBy, Effects, Incomplete, IncompleteCode, Knowledge, KnownAccount,
    KnownContract, Move, Power, PowerKind, Standard,
};
use std::collections::BTreeSet;
use types::{Amount, Json};

/// The deepest nesting that is read; the outer call is 0.
const MAX_DEPTH: usize = 4;
/// The most calls and payments that are read.
const MAX_CALLS: usize = 256;

/// The one function whose code may run as another account.
const MULTI_SEND: &str = "multiSend(bytes)";

/// The calls of a signature while they are read.
pub(super) struct Unfolding<'k> {
    pub(super) known: &'k Knowledge,
    pub(super) effects: Effects,
    /// Contracts and accounts that are not what is known of them any more after an earlier call.
    changed: BTreeSet<String>,
    /// Nested calls and payments so far.
    count: usize,
}

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
            changed: BTreeSet::new(),
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
            actor: contract,
            value,
            data,
        };
        if data.len() > MAX_BYTES {
            self.touch(&frame);
            self.add_payment(sender, contract, value);
            self.add_call(&frame, None, None);
            let why = format!("the data has more than {MAX_BYTES} bytes");
            return self.incomplete(&frame, IncompleteCode::TooMany, why);
        }
        self.frame(&frame);
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

    /// Adds a change of power.
    pub(super) fn add_power(&mut self, power: Power) {
        let ends_knowledge = matches!(
            power.kind,
            PowerKind::Upgrade
                | PowerKind::Delegation
                | PowerKind::Module
                | PowerKind::Configuration
                | PowerKind::Deployment
        );
        if ends_knowledge {
            self.changed.insert(power.contract.clone());
        }
        self.effects.powers.push(power);
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        self.touch(frame);
        self.add_payment(frame.sender, frame.contract, frame.value);
        if frame.data.is_empty() {
            self.receive(frame);
        } else {
            self.execute(frame);
        }
    }

    /// Records that effects depend on the target.
    fn touch(&mut self, frame: &Frame<'_>) {
        self.effects.touched.insert(frame.contract.to_owned());
        if self.changed.contains(frame.contract) {
            let why = format!("an earlier call changes {}", frame.contract);
            self.incomplete(frame, IncompleteCode::ChangedInIntent, why);
        }
    }

    /// A payment without data.
    fn receive(&mut self, frame: &Frame<'_>) {
        if self.has_no_code(frame.contract) {
            return;
        }
        let known = self.known.contract(frame.contract);
        match known.filter(|known| known.changed.is_none()) {
            Some(known) if known.implements(Standard::Weth) => {
                let (asset, to) = (standards::token(frame.contract, None), frame.sender);
                self.effects.moves.push(Move {
                    asset,
                    from: standards::ZERO_ACCOUNT.to_owned(),
                    to: to.to_owned(),
                    amount: Some(frame.value),
                });
            }
            known if judge::keeps_what_it_gets(known) => {}
            _ => self.unknown_receiver(frame, ""),
        }
    }

    /// A receiver that may react: by `signature`, or to a payment if that is empty.
    fn unknown_receiver(&mut self, frame: &Frame<'_>, signature: &str) {
        self.add_named_call(frame, signature);
        let (code, why) = judge::receiver(self.known, frame.contract);
        self.incomplete(frame, code, why);
    }

    fn has_no_code(&self, account: &str) -> bool {
        let known = self.known.accounts.get(account) == Some(&KnownAccount::NoCode);
        known && !is_reserved(account) && !self.changed.contains(account)
    }

    fn execute(&mut self, frame: &Frame<'_>) {
        let known = self.known.contract(frame.contract);
        let selector = frame.data.first_chunk::<4>();
        let all = selector.map_or(&[][..], |selector| standards::calls(*selector));
        let implements = |call: &&Declared| known.is_some_and(|k| k.implements(call.standard));
        let own: Vec<&Declared> = all.iter().filter(implements).collect();
        let is_own = !own.is_empty();
        let candidates = if is_own { own } else { all.iter().collect() };
        let read = self.read(frame, &candidates, is_own);
        if let Some((code, why)) = judge::target(self.known, frame, is_own) {
            self.incomplete(frame, code, why);
        }
        if let Some(why) = known.and_then(|known| known.changed.as_ref()) {
            let why = format!("{} is not what was registered: {why}", frame.contract);
            self.incomplete(frame, IncompleteCode::Changed, why);
        }
        self.judge_data(frame, &read, candidates.is_empty());
        if is_own && read.readings.len() > 1 {
            let why = "two standards of this contract give the function different effects";
            self.incomplete(frame, IncompleteCode::Ambiguous, why);
        }
        if is_own && judge::has_other_function(known, frame.data, &candidates) {
            let why = "the registered interface has another function with this selector";
            self.incomplete(frame, IncompleteCode::Ambiguous, why);
        }
        self.add_call(frame, known, read.named);
        self.add_readings(frame, read.readings);
    }

    /// Reads a call by each standard.
    fn read(&self, frame: &Frame<'_>, candidates: &[&'static Declared], is_own: bool) -> Read {
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
                actor: frame.actor,
                value: frame.value,
                known: self.known,
                reading: Reading::default(),
            };
            if (call.effect)(&mut reader).is_none() {
                continue;
            }
            read.is_canonical &= exact;
            read.named.get_or_insert_with(|| {
                let arguments = call.entry.arguments_json(&tokens);
                (call.entry.signature.clone(), arguments, DecodedBy::Standard)
            });
            if is_own {
                judge::add_own(&mut read.readings, reader.reading);
            } else {
                judge::add_possible(&mut read.readings, reader.reading);
            }
        }
        read
    }

    fn add_call(&mut self, frame: &Frame<'_>, known: Option<&KnownContract>, named: Option<Named>) {
        let registered = || judge::named_by(known?, frame.data);
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
        let named = Some(signature).filter(|signature| !signature.is_empty());
        let selector = named.map(|signature| selector_text(standards::selector(signature)));
        self.effects.calls.push(Call {
            path: frame.path.clone(),
            contract: frame.contract.to_owned(),
            selector: selector.unwrap_or_default(),
            signature: named.map(str::to_owned),
            arguments: None,
            decoded_by: named.map(|_| DecodedBy::Standard),
        });
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

    pub(super) fn add_readings(&mut self, frame: &Frame<'_>, readings: Vec<Reading>) {
        let mut index = 0;
        for reading in readings {
            reading
                .moves
                .into_iter()
                .for_each(|item| self.add_move(item));
            self.effects.grants.extend(reading.grants);
            self.effects.touched.extend(reading.touched);
            for power in reading.powers {
                self.add_power(Power {
                    path: frame.path.clone(),
                    ..power
                });
            }
            for (code, why) in reading.incomplete {
                self.incomplete(frame, code, why);
            }
            for nested in reading.nested {
                self.nested(frame, index, &nested);
                index += 1;
            }
        }
    }

    fn add_move(&mut self, item: Move) {
        let is_alias =
            matches!(&item.asset, AssetRef::Token { contract, .. } if is_native_alias(contract));
        let native = Move {
            asset: AssetRef::Native,
            ..item.clone()
        };
        self.effects.moves.push(item);
        self.effects.moves.extend(is_alias.then_some(native));
    }

    fn nested(&mut self, outer: &Frame<'_>, index: usize, nested: &Nested) {
        let is_delegate = nested.kind == NestedKind::Delegate;
        let frame = Frame {
            path: match outer.path.as_str() {
                "" => index.to_string(),
                path => format!("{path}.{index}"),
            },
            depth: outer.depth + 1,
            sender: &nested.sender,
            contract: &nested.contract,
            actor: if is_delegate {
                &nested.sender
            } else {
                &nested.contract
            },
            value: nested.value,
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
        match nested.kind {
            NestedKind::Call => self.frame(&frame),
            NestedKind::Itself => {
                self.touch(&frame);
                self.execute(&frame);
            }
            NestedKind::Delegate => self.delegate(&frame),
            NestedKind::Hook(signature) => self.hook(&frame, signature),
        }
    }

    /// Code that runs as the caller: known only of MultiSend.
    fn delegate(&mut self, frame: &Frame<'_>) {
        self.touch(frame);
        self.execute(frame);
        let known = self.known.contract(frame.contract);
        let is_multi_send = known.is_some_and(|known| known.implements(Standard::MultiSend))
            && frame.data.starts_with(&standards::selector(MULTI_SEND));
        if !is_multi_send {
            let why = format!("the code of {} runs as the account", frame.contract);
            self.incomplete(frame, IncompleteCode::DelegateCall, why);
        }
    }

    /// The reaction of a receiver to tokens.
    fn hook(&mut self, frame: &Frame<'_>, signature: &str) {
        self.touch(frame);
        if !frame.data.is_empty() {
            self.add_named_call(frame, signature);
            let account = frame.contract;
            let why = format!("{account} acts on the data that it gets with the tokens");
            return self.incomplete(frame, IncompleteCode::HookData, why);
        }
        let keeps = judge::keeps_what_it_gets(self.known.contract(frame.contract));
        if !keeps && !self.has_no_code(frame.contract) {
            self.unknown_receiver(frame, signature);
        }
    }

    pub(super) fn incomplete(
        &mut self,
        frame: &Frame<'_>,
        code: IncompleteCode,
        why: impl Into<String>,
    ) {
        self.effects.add_incomplete(Incomplete {
            code,
            path: frame.path.clone(),
            contract: Some(frame.contract.to_owned()),
            text: why.into(),
        });
    }
}

fn selector_text(selector: [u8; 4]) -> String {
    format!("0x{}", hex::encode(selector))
}
