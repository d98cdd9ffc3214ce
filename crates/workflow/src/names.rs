//! Validation of names, descriptions and references.

use crate::{Error, Result};

const MAX_NAME: usize = 128;
const MAX_DESCRIPTION: usize = 16 << 10;

/// A name has 1 to 128 bytes without `/`, control characters, or surrounding blanks. It must not
/// look like an id, because paths accept both.
pub(crate) fn validate_name(field: &str, name: &str) -> Result<String> {
    let valid = !name.is_empty() && name.len() <= MAX_NAME && name.trim() == name;
    if !valid || name.chars().any(|c| c.is_control() || c == '/') {
        return Err(Error::invalid(
            field,
            "a name has 1 to 128 bytes, without /, control characters or surrounding blanks",
        ));
    }
    if name.len() == 30 && name.as_bytes()[3] == b':' {
        return Err(Error::invalid(field, "looks like an id"));
    }
    Ok(name.to_owned())
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
    if name_or_id.is_empty()
        || name_or_id.len() > MAX_NAME
        || name_or_id.chars().any(char::is_control)
    {
        return Err(Error::invalid(field, "expected a name or an id"));
    }
    Ok(name_or_id.to_owned())
}
