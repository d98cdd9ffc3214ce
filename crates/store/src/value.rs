//! Statement parameters and result columns: integers, text, bytes, and typed nulls. Nothing else is
//! portable.

use std::borrow::Cow;
use std::sync::Arc;
use types::{
    Amount, ChainId, Digest, ExecutionStatus, Height, Json, Namespace, Quantity, ReplayKey, Time,
    TraceContext,
};

/// The type of a value. A null has a type too, because PostgreSQL requires it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// 64-bit integer; booleans are 0 and 1, times are microseconds.
    Int,
    Text,
    Blob,
}

/// A statement parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// A null of this type.
    Null(ValueKind),
    Int(i64),
    Text(Cow<'a, str>),
    Blob(Cow<'a, [u8]>),
}

impl Value<'_> {
    /// The type of the value.
    pub fn kind(&self) -> ValueKind {
        match self {
            Value::Null(kind) => *kind,
            Value::Int(_) => ValueKind::Int,
            Value::Text(_) => ValueKind::Text,
            Value::Blob(_) => ValueKind::Blob,
        }
    }

    /// The same value, borrowed.
    pub(crate) fn lend(&self) -> Value<'_> {
        match self {
            Value::Null(kind) => Value::Null(*kind),
            Value::Int(number) => Value::Int(*number),
            Value::Text(text) => Value::Text(Cow::Borrowed(text)),
            Value::Blob(bytes) => Value::Blob(Cow::Borrowed(bytes)),
        }
    }
}

/// A column of a result row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl Cell {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Cell::Null => "nothing",
            Cell::Int(_) => "an integer",
            Cell::Text(_) => "text",
            Cell::Blob(_) => "bytes",
        }
    }
}

/// A type that can be a statement parameter.
pub trait ToValue {
    /// The column type, which a null has too.
    const KIND: ValueKind;
    /// Convert to a parameter.
    fn to_value(&self) -> Value<'_>;
}

/// A type that a column can be read as.
pub trait FromCell: Sized {
    /// The description of the expected value in errors.
    const EXPECTED: &'static str;
    /// Convert a cell, or return it if it does not hold such a value.
    fn from_cell(cell: Cell) -> std::result::Result<Self, Cell>;
}

macro_rules! value {
    ($type:ty, $kind:ident, |$value:ident| $to:expr, $expected:literal, |$cell:ident| $from:expr) => {
        impl ToValue for $type {
            const KIND: ValueKind = ValueKind::$kind;
            fn to_value(&self) -> Value<'_> {
                let $value = self;
                Value::$kind($to)
            }
        }
        impl FromCell for $type {
            const EXPECTED: &'static str = $expected;
            fn from_cell(cell: Cell) -> std::result::Result<Self, Cell> {
                match cell {
                    Cell::$kind($cell) => $from,
                    other => Err(other),
                }
            }
        }
    };
}

value!(i64, Int, |value| *value, "an integer", |cell| Ok(cell));
value!(
    u8,
    Int,
    |value| i64::from(*value),
    "an integer of 8 bits",
    |cell| cell.try_into().map_err(|_| Cell::Int(cell))
);
value!(
    u32,
    Int,
    |value| i64::from(*value),
    "an integer of 32 bits",
    |cell| cell.try_into().map_err(|_| Cell::Int(cell))
);
value!(
    u64,
    Int,
    |value| i64::try_from(*value).unwrap_or(i64::MAX),
    "an integer that is not negative",
    |cell| cell.try_into().map_err(|_| Cell::Int(cell))
);
value!(
    bool,
    Int,
    |value| i64::from(*value),
    "0 or 1",
    |cell| match cell {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Cell::Int(other)),
    }
);
value!(Time, Int, |value| value.micros(), "a time", |cell| Ok(
    Time::from_micros(cell)
));
value!(Height, Int, |value| value.stored(), "a height", |cell| Ok(
    Height::from_stored(cell)
));
value!(
    String,
    Text,
    |value| Cow::Borrowed(value.as_str()),
    "text",
    |cell| Ok(cell)
);
value!(
    Vec<u8>,
    Blob,
    |value| Cow::Borrowed(value.as_slice()),
    "bytes",
    |cell| Ok(cell)
);
value!(
    Digest,
    Blob,
    |value| Cow::Borrowed(value.0.as_slice()),
    "a hash",
    |cell| Digest::from_slice(&cell).ok_or(Cell::Blob(cell))
);
value!(
    Quantity,
    Blob,
    |value| Cow::Owned(value.to_ordered_bytes()),
    "a quantity",
    |cell| { Quantity::from_ordered_bytes(&cell).ok_or(Cell::Blob(cell)) }
);
value!(
    Amount,
    Blob,
    |value| Cow::Owned(Quantity::from(*value).to_ordered_bytes()),
    "an amount",
    |cell| {
        Quantity::from_ordered_bytes(&cell)
            .and_then(|quantity| quantity.to_amount())
            .ok_or(Cell::Blob(cell))
    }
);
value!(
    Json,
    Text,
    |value| Cow::Borrowed(value.as_str()),
    "JSON",
    |cell| Json::parse(&cell).ok_or(Cell::Text(cell))
);
value!(
    ReplayKey,
    Text,
    |value| Cow::Borrowed(value.as_str()),
    "a replay key",
    |cell| Ok(ReplayKey::from_stored(cell))
);
value!(
    Namespace,
    Text,
    |value| Cow::Borrowed(value.as_str()),
    "a namespace",
    |cell| Namespace::from_stored(&cell).ok_or(Cell::Text(cell))
);
value!(
    ChainId,
    Text,
    |value| Cow::Borrowed(value.as_str()),
    "a chain",
    |cell| cell.parse().map_err(|_| Cell::Text(cell))
);

macro_rules! ids {
    ($($id:ident),*) => {$(
        value!(types::$id, Text, |value| Cow::Owned(value.to_string()), "an id", |cell| cell.parse().map_err(|_| Cell::Text(cell)));
    )*};
}
ids!(
    StatementId,
    SubmissionId,
    DecisionId,
    PermitId,
    WalletId,
    KeyId,
    SignatureRequestId,
    RunId,
    TaskId,
    PolicyId,
    VersionId,
    ListenerId,
    SubscriptionId,
    VariableSetId,
    ApiKeyId,
    ObjectId,
    BindingId,
    ContractId,
    ListEntryId,
    ListId
);
value!(
    TraceContext,
    Text,
    |value| Cow::Owned(value.to_string()),
    "a traceparent",
    |cell| cell.parse().map_err(|_| Cell::Text(cell))
);

crate::text_columns! { as_in_json: ExecutionStatus }

impl ToValue for str {
    const KIND: ValueKind = ValueKind::Text;
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}

impl ToValue for [u8] {
    const KIND: ValueKind = ValueKind::Blob;
    fn to_value(&self) -> Value<'_> {
        Value::Blob(Cow::Borrowed(self))
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    const KIND: ValueKind = T::KIND;
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

impl<T: ToValue + ?Sized> ToValue for Arc<T> {
    const KIND: ValueKind = T::KIND;
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

impl<T: FromCell> FromCell for Arc<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    fn from_cell(cell: Cell) -> std::result::Result<Self, Cell> {
        T::from_cell(cell).map(Arc::new)
    }
}

impl FromCell for Arc<str> {
    const EXPECTED: &'static str = String::EXPECTED;
    fn from_cell(cell: Cell) -> std::result::Result<Self, Cell> {
        String::from_cell(cell).map(Into::into)
    }
}

impl ToValue for Cow<'_, str> {
    const KIND: ValueKind = ValueKind::Text;
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}

impl FromCell for Cow<'_, str> {
    const EXPECTED: &'static str = String::EXPECTED;
    fn from_cell(cell: Cell) -> std::result::Result<Self, Cell> {
        String::from_cell(cell).map(Cow::Owned)
    }
}

impl<T: ToValue> ToValue for Option<T> {
    const KIND: ValueKind = T::KIND;
    fn to_value(&self) -> Value<'_> {
        self.as_ref()
            .map_or(Value::Null(T::KIND), ToValue::to_value)
    }
}

impl<T: FromCell> FromCell for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    fn from_cell(cell: Cell) -> std::result::Result<Self, Cell> {
        match cell {
            Cell::Null => Ok(None),
            other => T::from_cell(other).map(Some),
        }
    }
}

impl FromCell for Cell {
    const EXPECTED: &'static str = "anything";
    fn from_cell(cell: Cell) -> std::result::Result<Self, Cell> {
        Ok(cell)
    }
}
