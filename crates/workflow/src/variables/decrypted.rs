//! What a run sees of a variable set.

use crate::secrets::Secrets;
use types::Json;

/// The decrypted values of a set, for a run.
#[derive(Clone)]
pub(crate) struct Variables {
    pub(crate) values: Json,
    pub(crate) secrets: Secrets,
}
