//! Declared fields: the name, kind and meaning of each member of an object on the wire. Engines
//! declare them once; the OpenAPI document and the tables of the documentation are printed from
//! them.

/// A member of an object on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether a new object must have it.
    pub required: bool,
    /// Whether only Florin sets it. It can be sent back, and is ignored.
    pub read_only: bool,
    /// One or two sentences for callers; empty if the name suffices.
    pub doc: &'static str,
}

/// The values of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Flag,
    Integer,
    Time,
    /// Any JSON.
    Json,
    /// Texts by name.
    Texts,
    OneOf(&'static [&'static str]),
    List(&'static Kind),
    Object(&'static [Field]),
    /// A schema with this name in the OpenAPI document.
    Schema(&'static str),
}

impl Field {
    /// An optional field that callers can set.
    pub const fn new(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self {
            name,
            kind,
            required: false,
            read_only: false,
            doc,
        }
    }

    /// A field that callers must set.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// A field that only Florin sets.
    pub const fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Whether callers can set it.
    pub fn is_input(&self) -> bool {
        !self.read_only
    }
}

impl std::fmt::Display for Kind {
    /// The kind as the documentation names it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text => f.write_str("string"),
            Self::Flag => f.write_str("boolean"),
            Self::Integer => f.write_str("integer"),
            Self::Time => f.write_str("time"),
            Self::Json => f.write_str("any JSON"),
            Self::Texts => f.write_str("strings by key"),
            Self::OneOf(texts) => write!(f, "`{}`", texts.join("`, `")),
            Self::List(kind) => write!(f, "list of {kind}"),
            Self::Object(fields) => {
                let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
                write!(f, "`{{{}}}`", names.join(", "))
            }
            Self::Schema(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, Kind};

    #[test]
    fn the_documentation_names_a_kind_by_its_parts() {
        const PART: &[Field] = &[
            Field::new("type", Kind::Text, "").required(),
            Field::new("ref", Kind::Text, ""),
        ];
        assert_eq!(Kind::Object(PART).to_string(), "`{type, ref}`");
        assert_eq!(
            Kind::List(&Kind::Object(PART)).to_string(),
            "list of `{type, ref}`"
        );
        assert_eq!(Kind::OneOf(&["a", "b"]).to_string(), "`a`, `b`");
    }

    #[test]
    fn a_read_only_field_is_no_input() {
        let field = Field::new("id", Kind::Text, "").read_only();
        assert!(!field.is_input() && !field.required);
    }
}
