//! Parsed interfaces. They name calls in every decision about their contracts, and the largest take
//! longer to parse than everything else in it.

use crate::Interface;
use crate::evm::abi::Abi;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use types::Digest;

/// The most interfaces that are kept. An installation uses some dozens of contracts at a time.
const MAX_KEPT: usize = 256;

/// By the hash of the text; none if it cannot be parsed.
static PARSED: LazyLock<Mutex<HashMap<Digest, Option<Arc<Abi>>>>> = LazyLock::new(Mutex::default);

/// The parsed interface; none if it cannot be parsed.
pub(super) fn parsed(interface: &Interface) -> Option<Arc<Abi>> {
    let kept = || PARSED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(abi) = kept().get(&interface.hash) {
        return abi.clone();
    }
    let abi = Abi::parse(interface).ok().map(Arc::new);
    let mut kept = kept();
    if kept.len() >= MAX_KEPT {
        kept.clear();
    }
    kept.insert(interface.hash, abi.clone());
    abi
}
