//! Things that people name: their names, and whether a path means a name or an id.

use crate::{Error, Result};

/// The longest name.
const MAX_NAME: usize = 128;
/// The longest description.
const MAX_DESCRIPTION: usize = 16 << 10;

/// A name: 1 to 128 bytes without `/`, control characters, or blanks around it. A thing's name is
/// never taken for an id.
pub(crate) fn checked(field: &str, name: &str) -> Result<String> {
    let legal = !name.is_empty() && name.len() <= MAX_NAME && name.trim() == name;
    if !legal || name.chars().any(|c| c.is_control() || c == '/') {
        return Err(Error::invalid(
            field,
            "a name has 1 to 128 bytes, without /, control characters, and blanks around it",
        ));
    }
    if name.len() == 30 && name.as_bytes()[3] == b':' {
        return Err(Error::invalid(field, "has the form of an id"));
    }
    Ok(name.to_owned())
}

/// A description, within bounds.
pub(crate) fn described(text: &str) -> Result<String> {
    if text.len() > MAX_DESCRIPTION || text.contains('\0') {
        return Err(Error::invalid(
            "description",
            "has at most 16,384 bytes, none of them NUL",
        ));
    }
    Ok(text.to_owned())
}

/// A name or id by which something else is referred to.
pub(crate) fn referred(field: &str, name_or_id: &str) -> Result<String> {
    if name_or_id.is_empty()
        || name_or_id.len() > MAX_NAME
        || name_or_id.chars().any(char::is_control)
    {
        return Err(Error::invalid(field, "expected a name or an id"));
    }
    Ok(name_or_id.to_owned())
}
