//! Random ABI types and values, each value in JSON and as alloy's.

use alloy_dyn_abi::DynSolValue;
use alloy_primitives::{Address, B256, I256, U256};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// An ABI type, to generate values of.
#[derive(Debug, Clone)]
pub(crate) enum Ty {
    Uint(usize),
    Int(usize),
    Address,
    Bool,
    Fixed(usize),
    Bytes,
    Text,
    List(Box<Ty>),
    Array(Box<Ty>, usize),
    Tuple(Vec<Ty>, bool),
}

/// A value as JSON in output form, and as alloy's.
pub(crate) type ValuePair = (Value, DynSolValue);

pub(crate) fn ty() -> impl Strategy<Value = Ty> {
    let leaf = prop_oneof![
        (1..=32usize).prop_map(|bytes| Ty::Uint(8 * bytes)),
        (1..=32usize).prop_map(|bytes| Ty::Int(8 * bytes)),
        Just(Ty::Address),
        Just(Ty::Bool),
        (1..=32usize).prop_map(Ty::Fixed),
        Just(Ty::Bytes),
        Just(Ty::Text),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|item| Ty::List(Box::new(item))),
            (inner.clone(), 1..4usize).prop_map(|(item, size)| Ty::Array(Box::new(item), size)),
            (vec(inner, 1..4), any::<bool>())
                .prop_map(|(members, named)| Ty::Tuple(members, named)),
        ]
    })
}

impl Ty {
    /// As a parameter of the JSON ABI.
    pub(crate) fn param(&self, name: &str) -> Value {
        let (text, components) = self.abi_name();
        json!({"name": name, "type": text, "components": components})
    }

    fn abi_name(&self) -> (String, Vec<Value>) {
        match self {
            Self::Uint(bits) => (format!("uint{bits}"), vec![]),
            Self::Int(bits) => (format!("int{bits}"), vec![]),
            Self::Address => ("address".into(), vec![]),
            Self::Bool => ("bool".into(), vec![]),
            Self::Fixed(size) => (format!("bytes{size}"), vec![]),
            Self::Bytes => ("bytes".into(), vec![]),
            Self::Text => ("string".into(), vec![]),
            Self::List(item) => suffixed(item, "[]"),
            Self::Array(item, size) => suffixed(item, &format!("[{size}]")),
            Self::Tuple(members, named) => {
                let name = |index| {
                    if *named {
                        format!("m{index}")
                    } else {
                        String::new()
                    }
                };
                (
                    "tuple".into(),
                    members
                        .iter()
                        .enumerate()
                        .map(|(index, ty)| ty.param(&name(index)))
                        .collect(),
                )
            }
        }
    }

    pub(crate) fn value(&self) -> BoxedStrategy<ValuePair> {
        match self.clone() {
            Self::Uint(bits) => any::<[u8; 32]>()
                .prop_map(move |word| uint(word, bits))
                .boxed(),
            Self::Int(bits) => any::<[u8; 32]>()
                .prop_map(move |word| int(word, bits))
                .boxed(),
            Self::Address => any::<[u8; 20]>()
                .prop_map(|bytes| {
                    (
                        hexadecimal(&bytes),
                        DynSolValue::Address(Address::from(bytes)),
                    )
                })
                .boxed(),
            Self::Bool => any::<bool>()
                .prop_map(|value| (json!(value), DynSolValue::Bool(value)))
                .boxed(),
            Self::Fixed(size) => any::<[u8; 32]>()
                .prop_map(move |word| fixed(word, size))
                .boxed(),
            Self::Bytes => vec(any::<u8>(), 0..70)
                .prop_map(|bytes| (hexadecimal(&bytes), DynSolValue::Bytes(bytes)))
                .boxed(),
            Self::Text => "[^\0]{0,40}"
                .prop_map(|text| (json!(text), DynSolValue::String(text)))
                .boxed(),
            Self::List(item) => vec(item.value(), 0..4)
                .prop_map(|items| sequence(items, DynSolValue::Array))
                .boxed(),
            Self::Array(item, size) => vec(item.value(), size)
                .prop_map(|items| sequence(items, DynSolValue::FixedArray))
                .boxed(),
            Self::Tuple(members, named) => {
                let values: Vec<BoxedStrategy<ValuePair>> =
                    members.iter().map(Self::value).collect();
                values.prop_map(move |values| tuple(values, named)).boxed()
            }
        }
    }
}

fn suffixed(item: &Ty, suffix: &str) -> (String, Vec<Value>) {
    let (text, components) = item.abi_name();
    (text + suffix, components)
}

fn uint(mut word: [u8; 32], bits: usize) -> ValuePair {
    word[..32 - bits / 8].fill(0);
    let value = U256::from_be_bytes(word);
    (json!(value.to_string()), DynSolValue::Uint(value, bits))
}

fn int(mut word: [u8; 32], bits: usize) -> ValuePair {
    let fill = if word[32 - bits / 8] & 0x80 == 0 {
        0
    } else {
        0xff
    };
    word[..32 - bits / 8].fill(fill);
    let value = I256::from_be_bytes(word);
    (json!(value.to_string()), DynSolValue::Int(value, bits))
}

fn fixed(mut word: [u8; 32], size: usize) -> ValuePair {
    word[size..].fill(0);
    (
        hexadecimal(&word[..size]),
        DynSolValue::FixedBytes(B256::from(word), size),
    )
}

fn sequence(items: Vec<ValuePair>, wrap: fn(Vec<DynSolValue>) -> DynSolValue) -> ValuePair {
    let (json, sol): (Vec<Value>, Vec<DynSolValue>) = items.into_iter().unzip();
    (Value::Array(json), wrap(sol))
}

fn tuple(values: Vec<ValuePair>, named: bool) -> ValuePair {
    let (json, sol): (Vec<Value>, Vec<DynSolValue>) = values.into_iter().unzip();
    let json = if named {
        Value::Object(
            json.into_iter()
                .enumerate()
                .map(|(n, value)| (format!("m{n}"), value))
                .collect::<Map<_, _>>(),
        )
    } else {
        Value::Array(json)
    };
    (json, DynSolValue::Tuple(sol))
}

fn hexadecimal(bytes: &[u8]) -> Value {
    json!(format!("0x{}", hex::encode(bytes)))
}

/// The parameters of a function `f`, and a value for each.
pub(crate) fn arguments() -> impl Strategy<Value = (Vec<Ty>, Vec<ValuePair>)> {
    vec(ty(), 0..4).prop_flat_map(|types| {
        let values: Vec<BoxedStrategy<ValuePair>> = types.iter().map(Ty::value).collect();
        (Just(types), values)
    })
}
