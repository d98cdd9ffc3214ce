//! The types of OPA's checker, by which it refuses documents. The rules are OPA's, so that what it
//! refuses is refused here.

use super::builtins::Kind;
use super::value::Value;
use std::collections::BTreeMap;

/// A type. `Union(vec![])` is any value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Type {
    /// Not known yet.
    Open,
    Null,
    Bool,
    Number,
    Text,
    /// Items by their place, and the type of all others.
    Array(Vec<Type>, Option<Box<Type>>),
    /// Fields by their key, and the types of all others.
    Object(BTreeMap<Value, Type>, Option<Box<Rest>>),
    /// None for the empty set.
    Set(Option<Box<Type>>),
    Union(Vec<Type>),
}

/// The keys and values of an object beside those that are known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rest {
    pub(super) key: Type,
    pub(super) value: Type,
}

pub(super) const ANY: Type = Type::Union(Vec::new());

impl From<Kind> for Type {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Any => ANY,
            Kind::Null => Self::Null,
            Kind::Bool => Self::Bool,
            Kind::Number => Self::Number,
            Kind::Text => Self::Text,
            Kind::Array(item) => Self::Array(Vec::new(), Some(Box::new((*item).into()))),
            Kind::Items(items) => {
                Self::Array(items.iter().map(|item| (*item).into()).collect(), None)
            }
            Kind::Set(item) => Self::Set(Some(Box::new((*item).into()))),
            Kind::Object(key, value) => {
                let (key, value) = ((*key).into(), (*value).into());
                Self::Object(BTreeMap::new(), Some(Box::new(Rest { key, value })))
            }
            Kind::Either(kinds) => {
                let mut types: Vec<Self> = kinds.iter().map(|kind| (*kind).into()).collect();
                types.sort();
                Self::Union(types)
            }
        }
    }
}

impl Type {
    pub(super) fn array_of(item: Self) -> Self {
        Self::Array(Vec::new(), Some(Box::new(item)))
    }

    pub(super) fn object_of(key: Self, value: Self) -> Self {
        Self::Object(BTreeMap::new(), Some(Box::new(Rest { key, value })))
    }

    /// The type of a constant.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Number(_) => Self::Number,
            Value::Text(_) => Self::Text,
            Value::Array(items) => Self::Array(items.iter().map(Self::of).collect(), None),
            Value::Object(fields) => {
                let fields = fields
                    .iter()
                    .map(|(key, value)| (key.clone(), Self::of(value)));
                Self::Object(fields.collect(), None)
            }
            Value::Set(items) => {
                let item = items.iter().map(Self::of).fold(None, or);
                Self::Set(item.map(Box::new))
            }
        }
    }

    /// The number of parts, up to a limit.
    pub(super) fn size(&self, limit: usize) -> usize {
        let mut total = 1;
        let mut add = |part: &Self| {
            if total < limit {
                total += part.size(limit - total);
            }
        };
        match self {
            Self::Array(items, rest) => items.iter().chain(rest.as_deref()).for_each(&mut add),
            Self::Object(fields, rest) => {
                fields.values().for_each(&mut add);
                if let Some(rest) = rest {
                    add(&rest.key);
                    add(&rest.value);
                }
            }
            Self::Set(item) => item.iter().for_each(|item| add(item)),
            Self::Union(types) => types.iter().for_each(&mut add),
            _ => {}
        }
        total
    }

    pub(super) fn is_any(&self) -> bool {
        *self == ANY
    }

    /// Whether a part is not known yet.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Open => true,
            Self::Array(items, rest) => {
                items.iter().any(Self::is_open) || rest.as_ref().is_some_and(|rest| rest.is_open())
            }
            Self::Object(fields, rest) => {
                fields.values().any(Self::is_open)
                    || rest
                        .as_ref()
                        .is_some_and(|rest| rest.key.is_open() || rest.value.is_open())
            }
            Self::Set(item) => item.as_ref().is_some_and(|item| item.is_open()),
            Self::Union(types) => types.iter().any(Self::is_open),
            _ => false,
        }
    }

    /// Whether nothing can be in a collection of this type.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Array(items, rest) => items.is_empty() && rest.is_none(),
            Self::Object(fields, rest) => fields.is_empty() && rest.is_none(),
            Self::Set(item) => item.is_none(),
            _ => false,
        }
    }

    /// The type under a constant key; none if there cannot be one.
    pub(super) fn select(&self, key: &Value) -> Option<Self> {
        match self {
            Self::Array(items, rest) => match key {
                Value::Number(number) => {
                    let place = usize::try_from(number.whole()?).ok()?;
                    items.get(place).or(rest.as_deref()).cloned()
                }
                _ => None,
            },
            Self::Object(fields, rest) => fields.get(key).cloned().or_else(|| {
                let rest = rest.as_ref()?;
                rest.key
                    .contains(&Self::of(key))
                    .then(|| rest.value.clone())
            }),
            Self::Set(item) => {
                let (item, key) = (item.as_deref()?, Self::of(key));
                item.contains(&key).then_some(key)
            }
            Self::Union(types) if types.is_empty() => Some(ANY),
            Self::Union(types) => types.iter().filter_map(|t| t.select(key)).fold(None, or),
            _ => None,
        }
    }

    fn contains(&self, other: &Self) -> bool {
        match self {
            Self::Union(types) => types.is_empty() || types.contains(other),
            _ => self == other,
        }
    }

    /// The type of the keys; none of what has no keys.
    pub(super) fn keys(&self) -> Option<Self> {
        match self {
            Self::Array(..) => Some(Self::Number),
            Self::Object(fields, rest) => {
                let keys = fields.keys().map(Self::of).fold(None, or);
                match rest {
                    Some(rest) => or(keys, rest.key.clone()),
                    None => keys,
                }
            }
            Self::Set(item) => item.as_deref().cloned(),
            Self::Union(types) if types.is_empty() => Some(ANY),
            Self::Union(types) => types.iter().filter_map(Self::keys).fold(None, or),
            _ => None,
        }
    }

    /// The type of the values; none of what has no values.
    pub(super) fn values(&self) -> Option<Self> {
        match self {
            Self::Array(items, rest) => {
                let rest = rest.as_deref();
                items.iter().chain(rest).cloned().fold(None, or)
            }
            Self::Object(fields, rest) => {
                let rest = rest.as_ref().map(|rest| &rest.value);
                fields.values().chain(rest).cloned().fold(None, or)
            }
            Self::Set(item) => item.as_deref().cloned(),
            Self::Union(types) if types.is_empty() => Some(ANY),
            Self::Union(types) => types.iter().filter_map(Self::values).fold(None, or),
            _ => None,
        }
    }

    /// Whether a value can have both types.
    pub(super) fn unifies(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Open, _) | (_, Self::Open) => false,
            (Self::Union(types), other) | (other, Self::Union(types)) => {
                let one = |types: &[Self], other: &Self| {
                    types.is_empty() || types.iter().any(|t| t.unifies(other))
                };
                one(types, other)
                    || match (self, other) {
                        (_, Self::Union(others)) => one(others, self),
                        _ => false,
                    }
            }
            (Self::Array(a, more_a), Self::Array(b, more_b)) => {
                let place = |items: &[Self], rest: &Option<Box<Self>>, at: usize| {
                    items.get(at).or(rest.as_deref()).cloned()
                };
                let all = (0..a.len().max(b.len())).all(|at| {
                    match (place(a, more_a, at), place(b, more_b, at)) {
                        (Some(a), Some(b)) => a.unifies(&b),
                        _ => false,
                    }
                });
                all && match (more_a, more_b) {
                    (Some(a), Some(b)) => a.unifies(b),
                    _ => true,
                }
            }
            (Self::Object(a, more_a), Self::Object(b, more_b)) => {
                let open = more_a.is_some() || more_b.is_some();
                let fits = |a: &BTreeMap<Value, Self>, b: &Self| {
                    a.iter().all(|(key, t)| match b.select(key) {
                        Some(other) => t.unifies(&other),
                        None => open,
                    })
                };
                fits(a, other)
                    && fits(b, self)
                    && match (more_a, more_b) {
                        (Some(a), Some(b)) => a.value.unifies(&b.value),
                        _ => true,
                    }
            }
            (Self::Set(a), Self::Set(b)) => match (a, b) {
                (Some(a), Some(b)) => a.unifies(b),
                _ => true,
            },
            _ => self == other,
        }
    }

    /// The type of all clauses of a rule.
    pub(super) fn merged(self, other: Self) -> Self {
        match (self, other) {
            (Self::Object(a, x), Self::Object(b, y)) if a.is_empty() && b.is_empty() => {
                match (x, y) {
                    (Some(x), Some(y)) => {
                        let key = either(x.key, y.key);
                        Self::object_of(key, x.value.merged(y.value))
                    }
                    (x, y) => Self::Object(a, x.or(y)),
                }
            }
            (Self::Set(a), Self::Set(b)) => {
                let item = match (a, b) {
                    (Some(a), Some(b)) => Some(either(*a, *b)),
                    (a, b) => a.or(b).map(|item| *item),
                };
                Self::Set(item.map(Box::new))
            }
            (a, b) => either(a, b),
        }
    }
}

/// A union with one more type.
pub(super) fn or(a: Option<Type>, b: Type) -> Option<Type> {
    Some(match a {
        Some(a) => either(a, b),
        None => b,
    })
}

pub(super) fn either(a: Type, b: Type) -> Type {
    let list = |t: Type| match t {
        Type::Union(types) => types,
        other => vec![other],
    };
    match (a, b) {
        (Type::Open, other) | (other, Type::Open) => other,
        (a, b) if a == b => a,
        (a, b) if a.is_any() || b.is_any() => ANY,
        (a, b) => {
            let mut types = list(a);
            types.extend(list(b));
            types.sort();
            types.dedup();
            Type::Union(types)
        }
    }
}

/// The type of the keys of a collection that is not empty.
pub(super) fn keys(base: &Type) -> Result<Type, String> {
    let none = || format!("{} has no elements", display(base));
    match base {
        Type::Open => Ok(ANY),
        base if base.is_empty() => Err(none()),
        base => base.keys().ok_or_else(none),
    }
}

pub(super) fn closed(t: Type) -> Type {
    match t {
        Type::Open => ANY,
        t => t,
    }
}

pub(super) fn fit(fits: bool, a: &Type, b: &Type) -> Result<(), String> {
    match fits {
        true => Ok(()),
        false => Err(format!("{} is never {}", display(a), display(b))),
    }
}

/// A type in a message.
pub(super) fn display(t: &Type) -> String {
    match t {
        Type::Open => "a value".to_owned(),
        Type::Null => "null".to_owned(),
        Type::Bool => "a boolean".to_owned(),
        Type::Number => "a number".to_owned(),
        Type::Text => "a string".to_owned(),
        Type::Array(items, None) => format!("an array of {}", items.len()),
        Type::Array(..) => "an array".to_owned(),
        Type::Object(..) => "an object".to_owned(),
        Type::Set(_) => "a set".to_owned(),
        Type::Union(types) if types.is_empty() => "a value".to_owned(),
        Type::Union(types) => {
            let names: Vec<String> = types.iter().map(display).collect();
            names.join(" or ")
        }
    }
}
