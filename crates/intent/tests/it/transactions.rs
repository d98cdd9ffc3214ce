//! Transactions: built bytes decode to the same transaction, here and in alloy, and nothing else is
//! accepted.

use crate::any;
use crate::key::{Key, high_s};
use alloy_consensus::transaction::{RlpEcdsaDecodableTx, SignerRecoverable};
use alloy_consensus::{
    SignableTransaction, Transaction as _, TxEip1559, TxEip2930, TxEip4844, TxEnvelope, TxLegacy,
};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{Address, TxKind, U256, keccak256};
use intent::evm::{Price, Terms, build_unsigned};
use intent::{Act, Error, FeeTerms, Intent, Unsigned, assemble, decode};
use proptest::prelude::*;
use types::{Amount, ChainId, ReplayKey};

fn terms(nonce: u64) -> Terms {
    let price = Price::Eip1559 {
        cap: Amount::from(30),
        tip: Amount::from(2),
    };
    Terms {
        nonce,
        gas: 21_000,
        price,
        authorizations: Vec::new(),
    }
}

fn is_rejected(unsigned: &Unsigned) -> bool {
    matches!(decode(unsigned), Err(Error::Undecodable { .. }))
}

fn fee(terms: &Terms) -> FeeTerms {
    let (fee_per_gas, tip) = match terms.price {
        Price::Legacy { gas_price } => (gas_price, gas_price),
        Price::Eip1559 { cap, tip } => (cap, tip),
    };
    let total_fee = fee_per_gas.checked_mul(Amount::from(terms.gas)).unwrap();
    FeeTerms {
        gas: terms.gas,
        fee_per_gas,
        tip,
        total_fee,
        l1_fee: Amount::ZERO,
    }
}

proptest! {
    #[test]
    fn built_bytes_decode_to_the_intent((intent, terms) in any::planned()) {
        let built = build_unsigned(&intent, &terms).unwrap();
        let read = decode(&built).unwrap();
        prop_assert_eq!(&read.intent, &intent);
        prop_assert_eq!(read.fee, fee(&terms));
        prop_assert_eq!(read.replay_keys, vec![ReplayKey::nonce(&intent.signer, terms.nonce)]);
        prop_assert_eq!(read.required_signatures.len(), 1);
        prop_assert_eq!(read.required_signatures[0].digest, keccak256(&built.bytes).0);
        prop_assert_eq!(&read.required_signatures[0].account, &intent.signer);
    }

    #[test]
    fn alloy_decodes_the_signed_transaction_the_same(key in 1..=250u8, (mut intent, terms) in any::planned()) {
        let key = Key::new(key);
        intent.signer = key.account();
        let built = build_unsigned(&intent, &terms).unwrap();
        let signed = assemble(&built, &[key.sign(decode(&built).unwrap().required_signatures[0].digest)]);
        let signed = signed.unwrap();
        let expected = TxEnvelope::decode_2718_exact(&signed.raw).unwrap();
        prop_assert_eq!(format!("{:#x}", expected.tx_hash()), signed.id);
        prop_assert_eq!(format!("{:#x}", expected.recover_signer().unwrap()), intent.signer);
        let Act::Transaction(transaction) = &intent.act else { unreachable!() };
        prop_assert_eq!(expected.chain_id(), intent.chain.evm_number());
        prop_assert_eq!(expected.nonce(), terms.nonce);
        prop_assert_eq!(expected.gas_limit(), terms.gas);
        prop_assert_eq!(expected.to().map(|to| format!("{to:#x}")), transaction.outputs[0].to.clone());
        prop_assert_eq!(expected.value().to_string(), transaction.outputs[0].value.to_string());
        prop_assert_eq!(expected.input().as_ref(), &transaction.data[..]);
        prop_assert_eq!(expected.authorization_list().map_or(0, <[_]>::len), transaction.authorizations.len());
    }

    #[test]
    fn every_changed_byte_decodes_differently_or_not_at_all((intent, terms) in any::planned(), seed: u64) {
        let built = build_unsigned(&intent, &terms).unwrap();
        let before = decode(&built).unwrap();
        let mut random = seed;
        for _ in 0..40 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut changed = built.clone();
            let at = usize::try_from(random >> 33).unwrap() % changed.bytes.len();
            changed.bytes[at] ^= 1 << (random >> 29 & 7);
            if let Ok(after) = decode(&changed) {
                prop_assert!(
                    (&after.intent, after.fee, &after.replay_keys) != (&before.intent, before.fee, &before.replay_keys)
                );
            }
        }
    }

    #[test]
    fn truncated_or_extended_bytes_are_rejected((intent, terms) in any::planned(), extra: u8) {
        let built = build_unsigned(&intent, &terms).unwrap();
        for length in 0..built.bytes.len() {
            let cut = Unsigned { bytes: built.bytes[..length].to_vec(), ..built.clone() };
            prop_assert!(is_rejected(&cut));
        }
        let longer = Unsigned { bytes: [built.bytes.clone(), vec![extra]].concat(), ..built };
        prop_assert!(is_rejected(&longer));
    }

    #[test]
    fn no_bytes_cause_a_panic(bytes: Vec<u8>, head in proptest::sample::select(vec![1u8, 2, 4, 5, 0x19, 0x80, 0xc9, 0xf8])) {
        let signer = Key::new(1).account();
        let _ = decode(&Unsigned { chain: ChainId::evm(1), signer: signer.clone(), bytes: bytes.clone() });
        let bytes = [vec![head], bytes].concat();
        let _ = decode(&Unsigned { chain: ChainId::evm(1), signer, bytes });
    }
}

#[test]
fn the_example_of_eip_155() {
    let key = Key::from_hex("4646464646464646464646464646464646464646464646464646464646464646");
    let to = format!("0x{}", "35".repeat(20));
    let value = Amount::from(1_000_000_000_000_000_000);
    let intent = Intent::call(ChainId::evm(1), key.account(), Some(to), value, Vec::new());
    let price = Price::Legacy {
        gas_price: Amount::from(20_000_000_000),
    };
    let built = build_unsigned(
        &intent,
        &Terms {
            nonce: 9,
            gas: 21_000,
            price,
            authorizations: Vec::new(),
        },
    )
    .unwrap();
    assert_eq!(
        hex::encode(&built.bytes),
        "ec098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080"
    );
    let digest = decode(&built).unwrap().required_signatures[0].digest;
    assert_eq!(
        hex::encode(digest),
        "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53"
    );
    let signed = assemble(&built, &[key.sign(digest)]).unwrap();
    assert_eq!(
        hex::encode(signed.raw),
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537\
         567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
    );
}

#[test]
fn each_type_has_its_own_payload() {
    let signer = Key::new(1).account();
    let mut intent = Intent::call(
        ChainId::evm(5),
        signer.clone(),
        Some(signer),
        Amount::from(1),
        vec![1],
    );
    let legacy = Terms {
        price: Price::Legacy {
            gas_price: Amount::ZERO,
        },
        ..terms(0)
    };
    assert!(build_unsigned(&intent, &legacy).unwrap().bytes[0] >= 0xc0);
    assert_eq!(build_unsigned(&intent, &terms(0)).unwrap().bytes[0], 2);
    let Act::Transaction(transaction) = &mut intent.act else {
        unreachable!()
    };
    let account = Key::new(2).account();
    transaction.access = vec![intent::AccessEntry {
        account,
        slots: vec![format!("0x{}", "00".repeat(32))],
    }];
    assert_eq!(build_unsigned(&intent, &legacy).unwrap().bytes[0], 1);
    let (authorization, signature) =
        any::authorized(&intent.chain, &Key::new(3), [7; 20], 0, false);
    let Act::Transaction(transaction) = &mut intent.act else {
        unreachable!()
    };
    transaction.authorizations = vec![authorization];
    let carrying = Terms {
        authorizations: vec![signature],
        ..terms(0)
    };
    assert_eq!(build_unsigned(&intent, &carrying).unwrap().bytes[0], 4);
    let legacy = Terms {
        price: legacy.price,
        ..carrying
    };
    assert!(matches!(
        build_unsigned(&intent, &legacy),
        Err(Error::InvalidIntent { .. })
    ));
}

#[test]
fn bytes_for_another_chain_or_any_chain_are_rejected() {
    let signer = Key::new(1).account();
    let intent = Intent::cancel(ChainId::evm(5), signer);
    let built = build_unsigned(&intent, &terms(1)).unwrap();
    assert!(is_rejected(&Unsigned {
        chain: ChainId::evm(6),
        ..built.clone()
    }));
    let without = TxLegacy {
        to: TxKind::Call(Address::ZERO),
        ..TxLegacy::default()
    }
    .encoded_for_signing();
    assert!(is_rejected(&Unsigned {
        bytes: without,
        ..built.clone()
    }));
    let zero = TxEip1559 {
        to: TxKind::Call(Address::ZERO),
        ..TxEip1559::default()
    }
    .encoded_for_signing();
    assert!(is_rejected(&Unsigned {
        chain: ChainId::evm(0),
        bytes: zero,
        ..built
    }));
    let intent = Intent::cancel(ChainId::evm(0), Key::new(1).account());
    assert!(matches!(
        build_unsigned(&intent, &terms(1)),
        Err(Error::InvalidIntent { .. })
    ));
}

#[test]
fn bytes_that_no_chain_accepts_are_rejected() {
    let signer = Key::new(1).account();
    let chain = ChainId::evm(5);
    let read = |bytes| Unsigned {
        chain,
        signer: signer.clone(),
        bytes,
    };
    let valid = TxEip1559 {
        chain_id: 5,
        gas_limit: 1,
        ..TxEip1559::default()
    };
    assert!(!is_rejected(&read(valid.encoded_for_signing())));
    let tip = TxEip1559 {
        max_priority_fee_per_gas: 2,
        max_fee_per_gas: 1,
        ..valid.clone()
    };
    assert!(is_rejected(&read(tip.encoded_for_signing())));
    let nonce = TxEip1559 {
        nonce: u64::MAX,
        ..valid
    };
    assert!(is_rejected(&read(nonce.encoded_for_signing())));
    let blob = TxEip4844 {
        chain_id: 5,
        ..TxEip4844::default()
    };
    assert!(is_rejected(&read(blob.encoded_for_signing())));
    let listed = TxEip2930 {
        chain_id: 5,
        ..TxEip2930::default()
    }
    .encoded_for_signing();
    assert!(!is_rejected(&read(listed.clone())));
    for kind in (5..0xc0).chain([0]) {
        assert!(
            is_rejected(&read([vec![kind], listed[1..].to_vec()].concat())),
            "{kind:#x}"
        );
    }
}

#[test]
fn other_encodings_of_the_same_transaction_are_rejected() {
    // chain 5, nonce 0 …, each in an encoding that a lenient reader would accept.
    let signer = Key::new(1).account();
    let read = |items: &str| {
        let items = hex::decode(items).unwrap();
        let bytes = [vec![2, 0xc0 + u8::try_from(items.len()).unwrap()], items].concat();
        Unsigned {
            chain: ChainId::evm(5),
            signer: signer.clone(),
            bytes,
        }
    };
    assert!(!is_rejected(&read("0580800180808005c0")));
    let invalid = [
        ("a small byte with a length", "81058080018080 8005c0"),
        ("zero as a byte", "050080018080 8005c0"),
        ("an integer with a leading zero", "058080820001808080 05c0"),
        (
            "data with a length it does not need",
            "05808001808080 8105c0",
        ),
        ("data with a long length", "05808001808080 b80105c0"),
        ("a list with a long length", "05808001808080 05f800"),
        ("an item too many", "05808001808080 05c0c0"),
        ("an item too few", "05808001808080 05"),
        ("a list for bytes", "05808001808080 c0c0"),
        ("bytes for a list", "05808001808080 0580"),
    ];
    for (name, items) in invalid {
        assert!(is_rejected(&read(&items.replace(' ', ""))), "{name}");
    }
}

#[test]
fn a_length_has_no_leading_zeros() {
    let signer = Key::new(1).account();
    let data = |head: &str| {
        let items = [
            hex::decode("0580800180 8080".replace(' ', "")).unwrap(),
            hex::decode(head).unwrap(),
            vec![7; 56],
            vec![0xc0],
        ];
        let items = items.concat();
        let bytes = [vec![2, 0xf8, u8::try_from(items.len()).unwrap()], items].concat();
        Unsigned {
            chain: ChainId::evm(5),
            signer: signer.clone(),
            bytes,
        }
    };
    assert!(!is_rejected(&data("b838")));
    assert!(is_rejected(&data("b90038")));
    assert!(is_rejected(&data("bf00000000000038")));
}

#[test]
fn a_payload_with_a_signature_is_rejected() {
    let signer = Key::new(1).account();
    let with = |tail: &str| {
        let bytes = hex::decode(format!("c9{}{tail}", "808080808080")).unwrap();
        Unsigned {
            chain: ChainId::evm(5),
            signer: signer.clone(),
            bytes,
        }
    };
    assert!(!is_rejected(&with("058080")));
    assert!(is_rejected(&with("050180")));
    assert!(is_rejected(&with("058001")));
}

#[test]
fn authorizations_need_a_receiver_and_must_not_be_empty() {
    let signer = Key::new(1).account();
    let with = |to: &str, list: &str| {
        let items = hex::decode(format!("0580800180{to}8080c0{list}")).unwrap();
        let bytes = [vec![4], rlp_list(&items)].concat();
        Unsigned {
            chain: ChainId::evm(5),
            signer: signer.clone(),
            bytes,
        }
    };
    let (_, signature) = any::authorized(&ChainId::evm(5), &Key::new(2), [7; 20], 4, false);
    let tuple = |y: u8| {
        let mut tuple = hex::decode(format!("0594{}04", "07".repeat(20))).unwrap();
        tuple.push(if y == 0 { 0x80 } else { y });
        [&signature.rs[..32], &signature.rs[32..]]
            .iter()
            .for_each(|half| tuple.extend([&[0xa0], *half].concat()));
        hex::encode(rlp_list(&rlp_list(&tuple)))
    };
    let to = format!("94{}", "09".repeat(20));
    assert!(!is_rejected(&with(&to, &tuple(signature.recovery))));
    assert!(is_rejected(&with("80", &tuple(signature.recovery))));
    assert!(is_rejected(&with(&to, "c0")));
    assert!(is_rejected(&with(&to, &tuple(2))));
    assert!(is_rejected(&with(
        "9309090909090909090909090909090909090909",
        &tuple(0)
    )));
    assert!(is_rejected(&with(
        &format!("95{}", "09".repeat(21)),
        &tuple(signature.recovery)
    )));
    let longer = [
        hex::decode(tuple(signature.recovery)).unwrap()[4..].to_vec(),
        vec![0x80],
    ]
    .concat();
    assert!(is_rejected(&with(
        &to,
        &hex::encode(rlp_list(&rlp_list(&longer)))
    )));
    // With the other parity, the signature recovers to another account or to none.
    if let Ok(read) = decode(&with(&to, &tuple(1 - signature.recovery))) {
        let Act::Transaction(transaction) = read.intent.act else {
            unreachable!()
        };
        assert_ne!(
            transaction.authorizations[0].authority,
            Key::new(2).account()
        );
    }
}

fn rlp_list(items: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    alloy_rlp::Header {
        list: true,
        payload_length: items.len(),
    }
    .encode(&mut out);
    [out, items.to_vec()].concat()
}

#[test]
fn an_access_list_has_only_accounts_and_slots() {
    let signer = Key::new(1).account();
    let with = |entry: &str| {
        let list = rlp_list(&rlp_list(&hex::decode(entry).unwrap()));
        let items = [hex::decode("0580800180808080").unwrap(), list].concat();
        let bytes = [vec![2], rlp_list(&items)].concat();
        is_rejected(&Unsigned {
            chain: ChainId::evm(5),
            signer: signer.clone(),
            bytes,
        })
    };
    let (account, slot) = (
        format!("94{}", "09".repeat(20)),
        format!("a0{}", "07".repeat(32)),
    );
    assert!(!with(&format!("{account}c0")));
    assert!(!with(&format!("{account}e1{slot}")));
    assert!(with(&account));
    assert!(with(&format!("{account}c080")));
    assert!(with(&format!("{account}c180")));
    assert!(with(&format!("93{}c0", "09".repeat(19))));
}

#[test]
fn a_tip_above_the_cap_is_rejected() {
    let intent = Intent::cancel(ChainId::evm(5), Key::new(1).account());
    let price = Price::Eip1559 {
        cap: Amount::from(1),
        tip: Amount::from(2),
    };
    assert!(matches!(
        build_unsigned(&intent, &Terms { price, ..terms(0) }),
        Err(Error::InvalidIntent { .. })
    ));
    let price = Price::Legacy {
        gas_price: Amount::MAX,
    };
    assert!(matches!(
        build_unsigned(&intent, &Terms { price, ..terms(0) }),
        Err(Error::InvalidIntent { .. })
    ));
}

#[test]
fn lengths_of_every_encoding_are_decoded() {
    let key = Key::new(1);
    for length in [
        0, 1, 54, 55, 56, 57, 200, 254, 255, 256, 257, 65_534, 65_535, 65_536, 70_000,
    ] {
        let data = vec![0x7f; length];
        let intent = Intent::call(ChainId::evm(5), key.account(), None, Amount::ZERO, data);
        let built = build_unsigned(&intent, &terms(1)).unwrap();
        let read = decode(&built).unwrap();
        assert_eq!(read.intent, intent);
        let raw = assemble(&built, &[key.sign(read.required_signatures[0].digest)])
            .unwrap()
            .raw;
        assert_eq!(
            TxEnvelope::decode_2718_exact(&raw).unwrap().input().len(),
            length
        );
    }
    let huge = Intent::call(
        ChainId::evm(5),
        key.account(),
        None,
        Amount::ZERO,
        vec![0; 1 << 20],
    );
    assert!(is_rejected(&build_unsigned(&huge, &terms(1)).unwrap()));
}

#[test]
fn only_the_signer_can_sign() {
    let key = Key::new(1);
    let intent = Intent::cancel(ChainId::evm(5), key.account());
    let built = build_unsigned(&intent, &terms(1)).unwrap();
    let digest = decode(&built).unwrap().required_signatures[0].digest;
    let assert_rejected = |signatures: &[intent::Signature]| {
        assert!(matches!(
            assemble(&built, signatures),
            Err(Error::WrongSignature { .. })
        ));
    };
    let valid = key.sign(digest);
    assert!(assemble(&built, &[valid]).is_ok());
    assert_rejected(&[]);
    assert_rejected(&[valid, valid]);
    assert_rejected(&[Key::new(2).sign(digest)]);
    assert_rejected(&[key.sign([9; 32])]);
    assert_rejected(&[high_s(valid)]);
    assert_rejected(&[intent::Signature {
        recovery: valid.recovery ^ 1,
        ..valid
    }]);
    assert_rejected(&[intent::Signature {
        recovery: valid.recovery + 2,
        ..valid
    }]);
    assert_rejected(&[intent::Signature {
        rs: [0; 64],
        ..valid
    }]);
    assert_rejected(&[intent::Signature {
        rs: [0xff; 64],
        ..valid
    }]);
}

#[test]
fn the_signer_must_be_in_canonical_form() {
    let key = Key::new(1);
    let intent = Intent::cancel(ChainId::evm(5), key.account());
    let built = build_unsigned(&intent, &terms(1)).unwrap();
    let upper = intent::evm::checksum(&key.account()).unwrap();
    assert!(is_rejected(&Unsigned {
        signer: upper.clone(),
        ..built
    }));
    assert!(matches!(
        build_unsigned(&Intent::cancel(ChainId::evm(5), upper), &terms(1)),
        Err(Error::InvalidIntent { .. })
    ));
}

#[test]
fn an_authorization_in_a_transaction_must_be_signed_by_its_authority() {
    let (key, chain) = (Key::new(1), ChainId::evm(5));
    let mut intent = Intent::call(
        chain,
        key.account(),
        Some(key.account()),
        Amount::ZERO,
        vec![],
    );
    let (authorization, signature) = any::authorized(&chain, &Key::new(2), [7; 20], 4, false);
    let Act::Transaction(transaction) = &mut intent.act else {
        unreachable!()
    };
    transaction.authorizations = vec![authorization];
    let built = build_unsigned(
        &intent,
        &Terms {
            authorizations: vec![signature],
            ..terms(0)
        },
    )
    .unwrap();
    assert_eq!(decode(&built).unwrap().intent, intent);
    let by_other = Key::new(3).sign([1; 32]);
    let rejected = build_unsigned(
        &intent,
        &Terms {
            authorizations: vec![by_other],
            ..terms(0)
        },
    );
    assert!(matches!(rejected, Err(Error::WrongSignature { .. })));
    let mut high = built.clone();
    let start = high.bytes.len() - 32;
    high.bytes[start..].copy_from_slice(&high_s(signature).rs[32..]);
    assert!(is_rejected(&high));
}

#[test]
fn alloy_decodes_our_bytes_and_we_decode_alloys_payloads() {
    let to = TxKind::Call(Address::repeat_byte(9));
    let value = U256::from(7);
    let transaction = TxEip1559 {
        chain_id: 5,
        nonce: 3,
        gas_limit: 9,
        max_fee_per_gas: 4,
        to,
        value,
        ..TxEip1559::default()
    };
    let read = Unsigned {
        chain: ChainId::evm(5),
        signer: Key::new(1).account(),
        bytes: transaction.encoded_for_signing(),
    };
    let digest = decode(&read).unwrap().required_signatures[0].digest;
    assert_eq!(digest, transaction.signature_hash().0);
    let raw = assemble(&read, &[Key::new(1).sign(digest)]).unwrap().raw;
    let again = TxEip1559::rlp_decode_signed(&mut &raw[1..]).unwrap();
    assert_eq!(again.tx(), &transaction);
}
