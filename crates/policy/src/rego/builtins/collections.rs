//! Arrays, sets and objects, and the kinds of values.

use super::{
    ANY, Builtin, Called, Kind, TEXT, builtin, check_work, undefined, value, whole, yes_or_no,
};
use crate::rego::value::{Fields, Items, Value};

const ANY_ARRAY: Kind = Kind::Array(ANY);
const ANY_SET: Kind = Kind::Set(ANY);
const ANY_OBJECT: Kind = Kind::Object(ANY, ANY);
const LIST: Kind = Kind::Either(&[ANY_ARRAY, ANY_SET]);
const COLLECTION: Kind = Kind::Either(&[Kind::Text, ANY_ARRAY, ANY_OBJECT, ANY_SET]);
const KEYS: Kind = Kind::Either(&[ANY_ARRAY, ANY_SET, ANY_OBJECT]);
const SETS: Kind = Kind::Set(&ANY_SET);
const TWO_SETS: &[Kind] = &[ANY_SET, ANY_SET];

pub(super) const BUILTINS: &[Builtin] = &[
    builtin(
        "internal.member_2",
        &[Kind::Any, Kind::Any],
        Kind::Bool,
        |a| yes_or_no(is_member(&a[0], &a[1])),
    ),
    builtin(
        "internal.member_3",
        &[Kind::Any, Kind::Any, Kind::Any],
        Kind::Bool,
        |a| yes_or_no(a[2].get(&a[0]).is_some_and(|found| *found == a[1])),
    ),
    builtin("count", &[COLLECTION], Kind::Number, count),
    builtin("max", &[LIST], Kind::Any, |a| {
        one(list(&a[0]).and_then(|items| items.iter().max()))
    }),
    builtin("min", &[LIST], Kind::Any, |a| {
        one(list(&a[0]).and_then(|items| items.iter().min()))
    }),
    builtin("sort", &[LIST], ANY_ARRAY, sort),
    builtin("and", TWO_SETS, ANY_SET, |a| {
        sets(a, |a, b| {
            let b = Value::set(b.iter().cloned().collect());
            a.iter()
                .filter(|item| b.get(item).is_some())
                .cloned()
                .collect()
        })
    }),
    builtin("or", TWO_SETS, ANY_SET, |a| {
        sets(a, |a, b| a.iter().chain(b.iter()).cloned().collect())
    }),
    builtin("union", &[SETS], ANY_SET, union),
    builtin("intersection", &[SETS], ANY_SET, intersection),
    builtin(
        "array.concat",
        &[ANY_ARRAY, ANY_ARRAY],
        ANY_ARRAY,
        |a| match (&a[0], &a[1]) {
            (Value::Array(a), Value::Array(b)) => {
                value(Value::array(a.iter().chain(b.iter()).cloned().collect()))
            }
            _ => undefined(),
        },
    ),
    builtin("array.reverse", &[ANY_ARRAY], ANY_ARRAY, |a| match &a[0] {
        Value::Array(items) => value(Value::array(items.iter().rev().cloned().collect())),
        _ => undefined(),
    }),
    builtin(
        "array.slice",
        &[ANY_ARRAY, Kind::Number, Kind::Number],
        ANY_ARRAY,
        slice,
    ),
    builtin(
        "object.get",
        &[ANY_OBJECT, Kind::Any, Kind::Any],
        Kind::Any,
        object_get,
    ),
    builtin("object.keys", &[ANY_OBJECT], ANY_SET, |a| match &a[0] {
        Value::Object(fields) => value(Value::set(
            fields.iter().map(|(key, _)| key.clone()).collect(),
        )),
        _ => undefined(),
    }),
    builtin("object.remove", &[ANY_OBJECT, KEYS], ANY_OBJECT, |a| {
        chosen(a, false)
    }),
    builtin("object.filter", &[ANY_OBJECT, KEYS], ANY_OBJECT, |a| {
        chosen(a, true)
    }),
    builtin(
        "object.union",
        &[ANY_OBJECT, ANY_OBJECT],
        ANY_OBJECT,
        |a| match (&a[0], &a[1]) {
            (Value::Object(a), Value::Object(b)) => value(merged(a, b)),
            _ => undefined(),
        },
    ),
    builtin(
        "object.union_n",
        &[Kind::Array(&ANY_OBJECT)],
        ANY_OBJECT,
        union_n,
    ),
    builtin("object.subset", &[KEYS, KEYS], Kind::Bool, subset),
    builtin("type_name", &[Kind::Any], *TEXT, |a| {
        value(Value::text(a[0].kind()))
    }),
    builtin("is_array", &[Kind::Any], Kind::Bool, |a| is(a, "array")),
    builtin("is_boolean", &[Kind::Any], Kind::Bool, |a| is(a, "boolean")),
    builtin("is_null", &[Kind::Any], Kind::Bool, |a| is(a, "null")),
    builtin("is_number", &[Kind::Any], Kind::Bool, |a| is(a, "number")),
    builtin("is_object", &[Kind::Any], Kind::Bool, |a| is(a, "object")),
    builtin("is_set", &[Kind::Any], Kind::Bool, |a| is(a, "set")),
    builtin("is_string", &[Kind::Any], Kind::Bool, |a| is(a, "string")),
];

fn is(args: &[Value], kind: &str) -> Called {
    yes_or_no(args[0].kind() == kind)
}

/// Whether a collection has a value; what is no collection has none.
fn is_member(member: &Value, collection: &Value) -> bool {
    match collection {
        Value::Array(items) => items.iter().any(|item| item == member),
        Value::Set(_) => collection.get(member).is_some(),
        Value::Object(fields) => fields.iter().any(|(_, item)| item == member),
        _ => false,
    }
}

fn one(found: Option<&Value>) -> Called {
    found.cloned().map_or_else(undefined, value)
}

fn list(arg: &Value) -> Option<&Items> {
    match arg {
        Value::Array(items) | Value::Set(items) => Some(items),
        _ => None,
    }
}

fn count(args: &[Value]) -> Called {
    value(Value::count(match &args[0] {
        Value::Text(text) => text.chars().count(),
        Value::Array(items) | Value::Set(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => return undefined(),
    }))
}

fn sort(args: &[Value]) -> Called {
    let Some(items) = list(&args[0]) else {
        return undefined();
    };
    let mut sorted = items.as_slice().to_vec();
    sorted.sort();
    value(Value::array(sorted))
}

fn sets(args: &[Value], combine: fn(&Items, &Items) -> Vec<Value>) -> Called {
    match (&args[0], &args[1]) {
        (Value::Set(a), Value::Set(b)) => value(Value::set(combine(a, b))),
        _ => undefined(),
    }
}

/// The sets of a set of sets.
fn inner_sets(arg: &Value) -> Option<Vec<&Value>> {
    let Value::Set(items) = arg else {
        return None;
    };
    let is_set = |item: &&Value| matches!(item, Value::Set(_));
    items
        .iter()
        .all(|item| is_set(&item))
        .then(|| items.iter().collect())
}

fn union(args: &[Value]) -> Called {
    let Some(sets) = inner_sets(&args[0]) else {
        return undefined();
    };
    let items = sets.iter().filter_map(|set| list(set));
    value(Value::set(
        items.flat_map(|items| items.iter().cloned()).collect(),
    ))
}

fn intersection(args: &[Value]) -> Called {
    let Some(sets) = inner_sets(&args[0]) else {
        return undefined();
    };
    let Some((first, rest)) = sets.split_first() else {
        return value(Value::set(Vec::new()));
    };
    let items = list(first).into_iter().flat_map(Items::iter);
    let common = items.filter(|item| rest.iter().all(|set| set.get(item).is_some()));
    value(Value::set(common.cloned().collect()))
}

fn slice(args: &[Value]) -> Called {
    let (Value::Array(items), Some(from), Some(to)) = (&args[0], whole(&args[1]), whole(&args[2]))
    else {
        return undefined();
    };
    let within = |index: i64| usize::try_from(index.max(0)).unwrap_or(0).min(items.len());
    let (from, to) = (within(from), within(to));
    let part = items.as_slice().get(from..to.max(from)).unwrap_or_default();
    value(Value::array(part.to_vec()))
}

/// `object.get`: an array of keys is a path.
fn object_get(args: &[Value]) -> Called {
    if !matches!(args[0], Value::Object(_)) {
        return undefined();
    }
    let found = match &args[1] {
        Value::Array(path) => path.iter().try_fold(&args[0], |at, key| at.get(key)),
        key => args[0].get(key),
    };
    value(found.unwrap_or(&args[2]).clone())
}

/// The fields of an object whose keys are given, or those whose keys are not.
fn chosen(args: &[Value], given: bool) -> Called {
    let Value::Object(fields) = &args[0] else {
        return undefined();
    };
    let keys = match &args[1] {
        Value::Array(items) | Value::Set(items) => Value::set(items.as_slice().to_vec()),
        Value::Object(fields) => Value::set(fields.iter().map(|(key, _)| key.clone()).collect()),
        _ => return undefined(),
    };
    let chosen = fields
        .iter()
        .filter(|(key, _)| keys.get(key).is_some() == given);
    Value::object(chosen.cloned().collect()).map_or_else(|_| undefined(), value)
}

/// The fields of both; of two objects under one key, again the fields of both.
fn merged(a: &Fields, b: &Fields) -> Value {
    let mut fields: Vec<(Value, Value)> = Vec::with_capacity(a.len() + b.len());
    for (key, left) in a.iter() {
        let both = match (left, b.get(key)) {
            (Value::Object(left), Some(Value::Object(right))) => merged(left, right),
            (_, Some(right)) => right.clone(),
            (left, None) => left.clone(),
        };
        fields.push((key.clone(), both));
    }
    fields.extend(b.iter().filter(|(key, _)| a.get(key).is_none()).cloned());
    Value::object(fields).unwrap_or(Value::Null) // each key is there once
}

fn union_n(args: &[Value]) -> Called {
    let Value::Array(items) = &args[0] else {
        return undefined();
    };
    let mut all = Value::object(Vec::new()).unwrap_or(Value::Null);
    for item in items.iter() {
        match (&all, item) {
            (Value::Object(a), Value::Object(b)) => all = merged(a, b),
            _ => return undefined(),
        }
    }
    value(all)
}

fn subset(args: &[Value]) -> Called {
    check_work(args[0].bytes() / 32, args[1].bytes() / 32)?;
    match (&args[0], &args[1]) {
        (Value::Array(all), Value::Set(part)) => {
            yes_or_no(part.iter().all(|item| all.iter().any(|have| have == item)))
        }
        (a, b) if a.kind() == b.kind() && KINDS.contains(&a.kind()) => yes_or_no(has_all(a, b)),
        _ => undefined(),
    }
}

const KINDS: [&str; 3] = ["array", "object", "set"];

fn has_all(all: &Value, part: &Value) -> bool {
    match (all, part) {
        (Value::Set(_), Value::Set(part)) => part.iter().all(|item| all.get(item).is_some()),
        (Value::Array(all), Value::Array(part)) => {
            let (all, part) = (all.as_slice(), part.as_slice());
            part.is_empty() || all.windows(part.len()).any(|window| window == part)
        }
        (Value::Object(all), Value::Object(part)) => part.iter().all(|(key, part)| {
            all.get(key).is_some_and(|all| match all == part {
                true => true,
                false => {
                    all.kind() == part.kind() && KINDS.contains(&all.kind()) && has_all(all, part)
                }
            })
        }),
        _ => all == part,
    }
}
