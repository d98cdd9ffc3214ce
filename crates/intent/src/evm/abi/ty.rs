//! ABI types and the parser of their names. Depth and width are limited.

use super::raw::RawParam;

/// The deepest nesting of arrays and tuples.
const MAX_DEPTH: usize = 16;
/// The most words of a value's head. Keeps `uint256[1000000000]` from allocating a gigabyte.
const MAX_HEAD_WORDS: usize = 1 << 16;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    /// `uint8` … `uint256`, by bits.
    Uint(usize),
    /// `int8` … `int256`, by bits.
    Int(usize),
    Address,
    Bool,
    /// `bytes1` … `bytes32`, by bytes.
    Fixed(usize),
    /// `function`: an address and a selector, 24 bytes.
    Function,
    Bytes,
    String,
    /// `T[]`.
    List(Box<Type>),
    /// `T[n]`.
    Array(Box<Type>, usize),
    Tuple(Vec<Param>),
}

/// A named value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Param {
    /// Empty if it has none.
    pub(crate) name: String,
    pub(crate) ty: Type,
    /// Whether an event parameter is a topic.
    pub(crate) indexed: bool,
}

impl Param {
    /// Parses the JSON form. The error describes what cannot be read.
    fn read(raw: &RawParam) -> Result<Self, String> {
        Self::read_at(raw, 0)
    }

    /// Parses a list of parameters.
    pub(super) fn read_all(raw: &[RawParam]) -> Result<Vec<Self>, String> {
        raw.iter().map(Self::read).collect()
    }

    fn read_at(raw: &RawParam, depth: usize) -> Result<Self, String> {
        let ty = Type::read(&raw.ty, &raw.components, depth)?;
        Ok(Self {
            name: raw.name.clone(),
            ty,
            indexed: raw.indexed,
        })
    }
}

impl Type {
    /// Parses a name such as `uint256[2][]`; `tuple` takes its members from `components`.
    fn read(text: &str, components: &[RawParam], depth: usize) -> Result<Self, String> {
        let ty = match text
            .strip_suffix(']')
            .and_then(|rest| rest.rsplit_once('['))
        {
            _ if depth > MAX_DEPTH => {
                return Err(format!("types are nested deeper than {MAX_DEPTH}"));
            }
            Some((item, size)) => Self::array(Self::read(item, components, depth + 1)?, size),
            None if text == "tuple" => Some(Self::tuple(components, depth)?),
            None => Self::simple(text),
        };
        let ty = ty.ok_or_else(|| {
            format!(
                "{:?} is not an ABI type",
                text.chars().take(60).collect::<String>()
            )
        })?;
        if ty.head_words() > MAX_HEAD_WORDS {
            Err("a fixed array is too large".to_owned())
        } else {
            Ok(ty)
        }
    }

    /// An array type, given the text between the brackets.
    pub(crate) fn array(item: Self, size: &str) -> Option<Self> {
        match size {
            "" => Some(Self::List(Box::new(item))),
            // An array of length 0 takes no room, and a list of such arrays could have any length.
            // Solidity rejects it too.
            size => number(size).map(|size| Self::Array(Box::new(item), size)),
        }
    }

    fn tuple(components: &[RawParam], depth: usize) -> Result<Self, String> {
        if components.is_empty() {
            return Err("a tuple has no members".to_owned());
        }
        components
            .iter()
            .map(|raw| Param::read_at(raw, depth + 1))
            .collect::<Result<_, _>>()
            .map(Self::Tuple)
    }

    /// Parses a type that is neither array nor tuple. `uint` and `int` mean 256 bits.
    pub(crate) fn simple(text: &str) -> Option<Self> {
        let bits = |digits: &str| match digits {
            "" => Some(256),
            digits => number(digits).filter(|bits| bits % 8 == 0 && (8..=256).contains(bits)),
        };
        match text {
            "address" => Some(Self::Address),
            "bool" => Some(Self::Bool),
            "bytes" => Some(Self::Bytes),
            "string" => Some(Self::String),
            "function" => Some(Self::Function),
            _ => None
                .or_else(|| text.strip_prefix("uint").and_then(bits).map(Self::Uint))
                .or_else(|| text.strip_prefix("int").and_then(bits).map(Self::Int))
                .or_else(|| {
                    text.strip_prefix("bytes")
                        .and_then(number)
                        .filter(|n| *n <= 32)
                        .map(Self::Fixed)
                }),
        }
    }

    /// Whether the value is in the tail, with an offset in the head.
    pub(crate) fn is_dynamic(&self) -> bool {
        match self {
            Self::Bytes | Self::String | Self::List(_) => true,
            Self::Array(item, _) => item.is_dynamic(),
            Self::Tuple(members) => members.iter().any(|member| member.ty.is_dynamic()),
            _ => false,
        }
    }

    /// Whether an event's topic holds a hash instead of the value.
    pub(crate) fn is_hashed_in_topics(&self) -> bool {
        self.is_dynamic() || matches!(self, Self::Array(..) | Self::Tuple(_))
    }

    /// The number of words that a value takes in the head.
    pub(crate) fn head_words(&self) -> usize {
        match self {
            _ if self.is_dynamic() => 1,
            Self::Array(item, size) => item.head_words().saturating_mul(*size),
            Self::Tuple(members) => members
                .iter()
                .map(|m| m.ty.head_words())
                .fold(0, usize::saturating_add),
            _ => 1,
        }
    }
}

impl std::fmt::Display for Type {
    /// The canonical name, from which selectors are computed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Uint(bits) => write!(f, "uint{bits}"),
            Self::Int(bits) => write!(f, "int{bits}"),
            Self::Address => f.write_str("address"),
            Self::Bool => f.write_str("bool"),
            Self::Fixed(size) => write!(f, "bytes{size}"),
            Self::Function => f.write_str("function"),
            Self::Bytes => f.write_str("bytes"),
            Self::String => f.write_str("string"),
            Self::List(item) => write!(f, "{item}[]"),
            Self::Array(item, size) => write!(f, "{item}[{size}]"),
            Self::Tuple(members) => f.write_str(&list(members)),
        }
    }
}

/// Formats a parameter list, such as `(address,uint256)`.
pub(crate) fn list(params: &[Param]) -> String {
    let types: Vec<String> = params.iter().map(|param| param.ty.to_string()).collect();
    format!("({})", types.join(","))
}

/// Parses a decimal number from 1, without leading zeros.
fn number(digits: &str) -> Option<usize> {
    let canonical =
        digits.len() < 10 && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    canonical.then(|| digits.parse().ok())?
}
