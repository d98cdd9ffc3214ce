//! Balances as callers read them.

use crate::view::View;
use crate::{Data, Error, Result, Type};
use types::Principal;

/// One balance by its id.
pub(crate) async fn balance(_data: &Data, _who: &Principal, id: &str) -> Result<View> {
    Err(Error::Unknown { kind: Type::Balance, key: id.to_owned() })
}
