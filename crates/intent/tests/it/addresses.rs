//! EVM addresses (EIP-55).

use crate::key::Key;
use intent::evm::{checksum, parse_recipient};
use intent::{Error, PublicKey};
use proptest::prelude::*;

/// The test cases of EIP-55.
const MIXED: [&str; 8] = [
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
];

#[test]
fn the_test_cases_of_eip_55() {
    for text in MIXED {
        let lower = text.to_ascii_lowercase();
        assert_eq!(checksum(&lower).unwrap(), text);
        assert_eq!(parse_recipient(text).unwrap().account, lower);
        let upper = format!("0x{}", text[2..].to_ascii_uppercase());
        assert_eq!(parse_recipient(&upper).unwrap().account, lower);
    }
}

#[test]
fn a_wrong_checksum_or_form_is_rejected() {
    let rejected = |text: &str| matches!(parse_recipient(text), Err(Error::InvalidAddress { .. }));
    assert!(rejected("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"));
    for text in [
        "",
        "0x",
        "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        "0X5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
    ] {
        assert!(rejected(text), "{text}");
    }
    assert!(rejected("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae"));
    assert!(rejected("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed00"));
    assert!(rejected("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaeg"));
    assert!(rejected(" 0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"));
}

#[test]
fn the_address_of_a_key() {
    // The first account of the mnemonic "test test … junk", which every development node uses.
    let key = Key::from_hex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
    assert_eq!(
        checksum(&key.account()).unwrap(),
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    );
    assert!(matches!(
        intent::evm::address(&PublicKey([0; 33])),
        Err(Error::InvalidAddress { .. })
    ));
}

proptest! {
    #[test]
    fn no_text_causes_a_panic(text: String) {
        let _ = parse_recipient(&text);
        let _ = parse_recipient(&format!("0x{text}"));
    }

    #[test]
    fn alloy_writes_the_same_checksum(bytes: [u8; 20]) {
        let ours = checksum(&format!("0x{}", hex::encode(bytes))).unwrap();
        prop_assert_eq!(ours, alloy_primitives::Address::from(bytes).to_checksum(None));
    }
}
