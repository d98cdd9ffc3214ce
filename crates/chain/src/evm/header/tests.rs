//! Real headers of several engines, every fork compared with another implementation, and every
//! field modified.

use super::*;
use crate::evm::numerals::Hex;
use alloy_consensus::Header as Reference;
use proptest::prelude::*;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Vector {
    #[serde(rename = "what")]
    name: String,
    header: Value,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../../vectors/headers.json")).unwrap()
}

fn read(json: &Value) -> Header {
    serde_json::from_str(&json.to_string()).unwrap_or_else(|error| panic!("{error}: {json}"))
}

#[test]
fn headers_of_real_chains_match_their_hashes() {
    let vectors = vectors();
    assert!(
        vectors
            .iter()
            .filter(|vector| vector.name.starts_with("QBFT"))
            .count()
            >= 6
    );
    for Vector { name, header } in &vectors {
        assert!(read(header).hash_matches(), "{name}");
    }
}

#[test]
fn a_changed_field_is_detected() {
    for Vector { name, header } in &vectors() {
        for field in header.as_object().unwrap().keys() {
            let mut tampered = header.clone();
            let text = header[field].as_str().unwrap();
            let last = if text.ends_with('1') { "2" } else { "1" };
            tampered[field] = json!(format!("{}{last}", &text[..text.len() - 1]));
            let is_seal =
                field == "extraData" && (name.starts_with("QBFT") || name.starts_with("IBFT"));
            assert_eq!(read(&tampered).hash_matches(), is_seal, "{name}: {field}");
        }
    }
}

#[test]
fn an_unknown_or_missing_field_is_detected() {
    let clique = vectors()
        .into_iter()
        .find(|vector| vector.name == "Clique")
        .unwrap()
        .header;
    let mut without = clique.clone();
    without.as_object_mut().unwrap().remove("baseFeePerGas");
    assert!(!read(&without).hash_matches());
    let mut with = clique;
    with["requestsHash"] = json!(format!("0x{}", "00".repeat(32)));
    assert!(!read(&with).hash_matches());
}

#[test]
fn seals_are_ignored_only_for_engines_that_have_them() {
    let qbft = vectors()
        .into_iter()
        .find(|vector| vector.name.starts_with("QBFT"))
        .unwrap()
        .header;
    let mut other_engine = qbft;
    other_engine["mixHash"] = json!(format!("0x{}", "00".repeat(32)));
    assert!(!read(&other_engine).hash_matches());
}

/// A header of any fork. Each fork has the fields of the previous ones.
fn references() -> impl Strategy<Value = Reference> {
    let numbers = (
        any::<[u64; 8]>(),
        any::<[u8; 32]>(),
        prop::collection::vec(any::<u8>(), 0..64),
        0usize..9,
    );
    numbers.prop_map(|(n, word, extra, fork)| Reference {
        parent_hash: word.into(),
        state_root: keccak256(word),
        difficulty: alloy_primitives::U256::from(n[0]),
        number: n[1],
        gas_limit: n[2],
        gas_used: n[3],
        timestamp: n[4],
        extra_data: extra.into(),
        base_fee_per_gas: (fork > 0).then_some(n[5]),
        withdrawals_root: (fork > 1).then_some(word.into()),
        blob_gas_used: (fork > 2).then_some(n[6]),
        excess_blob_gas: (fork > 3).then_some(n[7] >> 3),
        parent_beacon_block_root: (fork > 4).then_some(word.into()),
        requests_hash: (fork > 5).then_some(word.into()),
        block_access_list_hash: (fork > 6).then_some(word.into()),
        slot_number: (fork > 7).then_some(n[0] >> 1),
        ..Reference::default()
    })
}

proptest! {
    #[test]
    fn every_fork_hashes_as_in_another_implementation(reference in references()) {
        let mut json = serde_json::to_value(&reference).unwrap();
        json["hash"] = json!(reference.hash_slow().to_string());
        prop_assert!(read(&json).hash_matches(), "{json}");
    }

    #[test]
    fn no_extra_data_makes_it_panic(extra in prop::collection::vec(any::<u8>(), 0..120)) {
        let mix = Hex(*b"ctical byzantine fault tolerance");
        let _ = bft::extras(&mix, &extra);
    }
}
