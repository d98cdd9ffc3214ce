//! The committed contract artifacts.

use serde_json::Value;

use crate::workspace_root;

/// A compiled contract of `contracts/artifacts`.
#[derive(Debug, Clone)]
pub struct Artifact {
    pub abi: Value,
    /// Creation bytecode without constructor arguments, with `0x`.
    pub bytecode: String,
    /// Runtime bytecode, with `0x`.
    pub deployed_bytecode: String,
}

/// The artifact of a contract, such as `DemoToken`.
///
/// # Panics
/// If there is none with this name.
pub fn artifact(name: &str) -> Artifact {
    let path = workspace_root()
        .join("contracts/artifacts")
        .join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let json: Value =
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let hex = |field: &str| {
        json[field]
            .as_str()
            .unwrap_or_else(|| panic!("{name} has no {field}"))
            .to_owned()
    };
    Artifact {
        abi: json["abi"].clone(),
        bytecode: hex("bytecode"),
        deployed_bytecode: hex("deployedBytecode"),
    }
}

/// The code of a proxy that delegates every call to the address in a storage slot (32 bytes, with
/// `0x`).
pub fn proxy_code(slot: &str) -> String {
    let slot = slot.trim_start_matches("0x");
    // calldatacopy; delegatecall to sload(slot); returndatacopy; return or revert
    format!("0x366000600037600060003660007f{slot}545af43d600060003e603e573d6000fd5b3d6000f3")
}
