//! Statements: messages and authorizations, which cannot be mistaken for transactions.

use crate::any;
use crate::key::Key;
use alloy_primitives::{Address, U256, eip191_hash_message};
use intent::evm::{Price, Terms, build_unsigned};
use intent::{
    Act, Authorization, Error, FeeTerms, Intent, Unsigned, assemble, decode, statement,
    statement_digest, statement_signature,
};
use proptest::prelude::*;
use types::{Amount, ChainId, Digest, ReplayKey};

fn message(bytes: Vec<u8>) -> Intent {
    Intent {
        chain: ChainId::evm(5),
        signer: Key::new(1).account(),
        act: Act::Message { bytes },
    }
}

proptest! {
    #[test]
    fn a_message_decodes_back(intent in any::message()) {
        let built = statement(&intent).unwrap();
        let read = decode(&built).unwrap();
        prop_assert_eq!(&read.intent, &intent);
        prop_assert_eq!(read.fee, FeeTerms::default());
        prop_assert_eq!(read.replay_keys, vec![ReplayKey::message(&Digest::of(&built.bytes))]);
        let Act::Message { bytes } = &intent.act else { unreachable!() };
        prop_assert_eq!(read.required_signatures[0].digest, eip191_hash_message(bytes).0);
    }

    #[test]
    fn a_message_that_contains_a_transaction_is_still_a_message((planned, terms) in any::planned()) {
        let transaction = build_unsigned(&planned, &terms).unwrap();
        let embedded = Intent { act: Act::Message { bytes: transaction.bytes.clone() }, ..planned.clone() };
        let built = statement(&embedded).unwrap();
        let read = decode(&built).unwrap();
        prop_assert_eq!(read.intent, embedded);
        prop_assert_ne!(read.required_signatures[0].digest, decode(&transaction).unwrap().required_signatures[0].digest);
    }

    #[test]
    fn an_authorization_decodes_back(intent in any::authorization()) {
        let built = statement(&intent).unwrap();
        let read = decode(&built).unwrap();
        prop_assert_eq!(&read.intent, &intent);
        let Act::Authorization(Authorization { delegate, nonce, any_chain, .. }) = &intent.act else { unreachable!() };
        let chain = if *any_chain { 0 } else { intent.chain.evm_number().unwrap() };
        let address: Address = delegate.parse().unwrap();
        let expected = alloy_eips::eip7702::Authorization { chain_id: U256::from(chain), address, nonce: *nonce };
        prop_assert_eq!(read.required_signatures[0].digest, expected.signature_hash().0);
        let nonce_key = ReplayKey::nonce(&intent.signer, *nonce);
        prop_assert_eq!(read.replay_keys, vec![nonce_key, ReplayKey::message(&Digest::of(&built.bytes))]);
    }

    #[test]
    fn a_changed_byte_decodes_differently_or_not_at_all(intent in any::authorization(), position: prop::sample::Index, bit in 0..8u8) {
        let built = statement(&intent).unwrap();
        let mut changed = built.clone();
        let position = position.index(changed.bytes.len());
        changed.bytes[position] ^= 1 << bit;
        if let Ok(read) = decode(&changed) {
            prop_assert_ne!(read.intent, intent);
        }
    }

    #[test]
    fn the_signature_of_a_signed_statement_is_read_back(
        message in any::message(), typed in any::typed_data(), seed in 1..200u8, nonce in 0..u64::MAX, any_chain: bool
    ) {
        let key = Key::new(seed);
        let (authorization, _) = any::authorized(&ChainId::evm(5), &key, [7; 20], nonce, any_chain);
        let authorization = Intent { act: Act::Authorization(authorization), ..message.clone() };
        for intent in [message, typed, authorization] {
            let intent = Intent { signer: key.account(), ..intent };
            let Ok(built) = statement(&intent) else { continue };
            let digest = decode(&built).unwrap().required_signatures[0].digest;
            let signature = key.sign(digest);
            let signed = assemble(&built, &[signature]).unwrap();
            prop_assert_eq!(statement_signature(&intent, &signed.raw).unwrap(), signature);
            prop_assert_eq!(&statement_digest(&intent).unwrap(), &signed.id);
            for cut in [0, 1, 64, signed.raw.len() - 1] {
                prop_assert!(statement_signature(&intent, &signed.raw[..cut]).is_err());
            }
        }
    }

    #[test]
    fn the_first_byte_distinguishes_the_kinds(
        (planned, terms) in any::planned(), message in any::message(), authorization in any::authorization(), typed in any::typed_data()
    ) {
        let mut heads = vec![build_unsigned(&planned, &terms).unwrap().bytes[0].min(0xc0)];
        for intent in [message, authorization, typed] {
            heads.push(statement(&intent).unwrap().bytes[0]);
        }
        heads.sort_unstable();
        heads.dedup();
        prop_assert_eq!(heads.len(), 4);
    }
}

#[test]
fn a_message_has_a_single_decoding() {
    let read = |text: &[u8]| {
        let bytes = [b"\x19Ethereum Signed Message:\n", text].concat();
        decode(&Unsigned {
            bytes,
            ..statement(&message(vec![])).unwrap()
        })
        .map(|read| read.intent)
    };
    assert_eq!(read(b"0").unwrap(), message(vec![]));
    assert_eq!(read(b"11").unwrap(), message(b"1".to_vec()));
    assert_eq!(
        read(b"101234567890").unwrap(),
        message(b"1234567890".to_vec())
    );
    for invalid in [&b""[..], b"1", b"00", b"2a", b"011", b"+1a", b"3ab"] {
        assert!(
            matches!(read(invalid), Err(Error::Undecodable { .. })),
            "{invalid:?}"
        );
    }
}

#[test]
fn a_signed_message_has_the_format_of_wallets() {
    let key = Key::new(1);
    let built = statement(&message(b"hello".to_vec())).unwrap();
    let signed = assemble(
        &built,
        &[key.sign(decode(&built).unwrap().required_signatures[0].digest)],
    )
    .unwrap();
    let expected = alloy_primitives::Signature::from_raw(&signed.raw).unwrap();
    let recovered = expected.recover_address_from_msg("hello").unwrap();
    assert_eq!(format!("{recovered:#x}"), key.account());
    assert!(matches!(signed.raw[64], 27 | 28));
}

#[test]
fn a_signed_authorization_is_the_tuple_that_transactions_carry() {
    let key = Key::new(1);
    let (authorization, signature) = any::authorized(&ChainId::evm(5), &key, [7; 20], 3, false);
    let intent = Intent {
        chain: ChainId::evm(5),
        signer: key.account(),
        act: Act::Authorization(authorization),
    };
    let signed = assemble(&statement(&intent).unwrap(), &[signature]).unwrap();
    let expected = <alloy_eips::eip7702::SignedAuthorization as alloy_rlp::Decodable>::decode(
        &mut &signed.raw[..],
    )
    .unwrap();
    assert_eq!(
        format!("{:#x}", expected.recover_authority().unwrap()),
        key.account()
    );
    assert_eq!(
        (expected.nonce, expected.address),
        (3, Address::repeat_byte(7))
    );
}

#[test]
fn only_the_authority_can_sign_an_authorization() {
    let (authorization, _) = any::authorized(&ChainId::evm(5), &Key::new(1), [7; 20], 3, false);
    let by_other = Intent {
        chain: ChainId::evm(5),
        signer: Key::new(2).account(),
        act: Act::Authorization(authorization),
    };
    assert!(matches!(
        statement(&by_other),
        Err(Error::InvalidIntent { .. })
    ));
}

#[test]
fn an_authorization_with_the_maximum_nonce_is_rejected() {
    let (mut authorization, _) =
        any::authorized(&ChainId::evm(5), &Key::new(1), [7; 20], u64::MAX - 1, false);
    authorization.nonce = u64::MAX;
    let intent = Intent {
        chain: ChainId::evm(5),
        signer: Key::new(1).account(),
        act: Act::Authorization(authorization),
    };
    assert!(matches!(
        statement(&intent),
        Err(Error::InvalidIntent { .. })
    ));
}

#[test]
fn an_authorization_for_another_chain_is_rejected() {
    let (authorization, _) = any::authorized(&ChainId::evm(5), &Key::new(1), [7; 20], 3, false);
    let intent = Intent {
        chain: ChainId::evm(5),
        signer: Key::new(1).account(),
        act: Act::Authorization(authorization),
    };
    let built = statement(&intent).unwrap();
    let decoded = decode(&Unsigned {
        chain: ChainId::evm(6),
        ..built
    });
    assert!(matches!(decoded, Err(Error::Undecodable { .. })));
}

#[test]
fn a_transaction_is_not_a_statement_and_vice_versa() {
    let signer = Key::new(1).account();
    assert!(matches!(
        statement(&Intent::cancel(ChainId::evm(5), signer)),
        Err(Error::InvalidIntent { .. })
    ));
    let price = Price::Legacy {
        gas_price: Amount::ZERO,
    };
    let terms = Terms {
        nonce: 0,
        gas: 0,
        price,
        authorizations: vec![],
    };
    assert!(matches!(
        build_unsigned(&message(vec![]), &terms),
        Err(Error::InvalidIntent { .. })
    ));
}
