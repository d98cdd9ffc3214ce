//! Validation of names, descriptions and references.

use crate::{Error, Result};
use types::{Characters, NameRule};

const NAME: NameRule = NameRule::new(128, Characters::Segment);
const REFERENCE: NameRule = NameRule::new(128, Characters::Printable);
const MAX_DESCRIPTION: usize = 16 << 10;

/// A name has 1 to 128 bytes without `/`, control characters, or surrounding blanks. It must not
/// look like an id, because paths accept both.
pub(crate) fn validate_name(field: &str, name: &str) -> Result<String> {
    if !NAME.accepts(name) {
        return Err(Error::invalid(field, format!("a name has {NAME}")));
    }
    if name.len() == 30 && name.as_bytes()[3] == b':' {
        return Err(Error::invalid(field, "looks like an id"));
    }
    Ok(name.to_owned())
}

/// Checks the new name of a resource, if it gets one.
pub(crate) fn validate_new_name(name: Option<String>) -> Result<Option<String>> {
    name.map(|name| validate_name("name", &name)).transpose()
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
