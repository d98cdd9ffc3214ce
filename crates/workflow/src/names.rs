//! Validation of names, descriptions and references.

use crate::{Error, Result};
use store::named::NameErrors;
use types::{Characters, NameRule};

const NAME: NameRule = NameRule::new(128, Characters::Segment);
const REFERENCE: NameRule = NameRule::new(128, Characters::Printable);
const MAX_DESCRIPTION: usize = 16 << 10;

impl NameErrors for Error {
    /// A name has 1 to 128 bytes without `/`, control characters, or surrounding blanks.
    fn accepts(name: &str) -> bool {
        NAME.accepts(name)
    }

    fn invalid_name() -> Self {
        Self::invalid("name", format!("a name has {NAME}, and is not an id"))
    }

    fn unknown(noun: &'static str, name: String) -> Self {
        Self::UnknownResource { noun, name }
    }

    fn name_taken(noun: &'static str, name: String) -> Self {
        Self::NameTaken { noun, name }
    }
}

/// Checks the length of a description.
pub(crate) fn validate_description(text: &str) -> Result<String> {
    if text.len() > MAX_DESCRIPTION || text.contains('\0') {
        return Err(Error::invalid(
            "description",
            "must have at most 16,384 bytes, without NUL",
        ));
    }
    Ok(text.to_owned())
}

/// Checks a name or id that refers to another resource.
pub(crate) fn validate_reference(field: &str, name_or_id: &str) -> Result<String> {
    if !REFERENCE.accepts(name_or_id) {
        return Err(Error::invalid(field, "expected a name or an id"));
    }
    Ok(name_or_id.to_owned())
}
