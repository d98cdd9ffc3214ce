//! The official vectors of BIP-32 and BIP-39, and the equivalence of public and private derivation.
#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;
use serde_json::Value;

fn vectors(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn valid_bip_32_vectors() {
    let vectors = vectors(include_str!("../../vectors/bip32.json"));
    let mut seen = 0;
    for vector in list(&vectors["valid"]) {
        let master = Node::master(&hex::decode(text(&vector["seed"])).unwrap()).unwrap();
        for step in list(&vector["chain"]) {
            let path: Path = text(&step["path"]).parse().unwrap();
            assert_eq!(path.to_string(), text(&step["path"]));
            let node = master.at(&path).unwrap();
            assert_eq!(node.to_xprv(), text(&step["xprv"]));
            assert_eq!(node.neuter().to_xpub(), text(&step["xpub"]));
            assert_eq!(
                Node::from_xprv(text(&step["xprv"])).unwrap().to_xprv(),
                text(&step["xprv"])
            );
            assert_eq!(
                PublicNode::from_xpub(text(&step["xpub"])).unwrap(),
                node.neuter()
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 17);
}

#[test]
fn invalid_bip_32_vectors() {
    let vectors = vectors(include_str!("../../vectors/bip32.json"));
    let invalid: Vec<&Value> = list(&vectors["invalid"]).collect();
    assert_eq!(invalid.len(), 16);
    for vector in invalid {
        assert!(
            Node::from_xprv(text(&vector["text"])).is_none(),
            "{}",
            vector["why"]
        );
        assert!(
            PublicNode::from_xpub(text(&vector["text"])).is_none(),
            "{}",
            vector["why"]
        );
    }
}

#[test]
fn bip_39_vectors() {
    let vectors = vectors(include_str!("../../vectors/bip39.json"));
    let passphrase = text(&vectors["passphrase"]);
    assert_eq!(list(&vectors["valid"]).count(), 24);
    for vector in list(&vectors["valid"]) {
        let mnemonic =
            bip39::Mnemonic::from_entropy(&hex::decode(text(&vector["entropy"])).unwrap()).unwrap();
        assert_eq!(mnemonic.to_string(), text(&vector["mnemonic"]));
        let phrase = Phrase::parse(text(&vector["mnemonic"]), passphrase).unwrap();
        let seed = phrase.seed().unwrap();
        assert_eq!(hex::encode(*seed), text(&vector["seed"]));
        assert_eq!(
            Node::master(&*seed).unwrap().to_xprv(),
            text(&vector["master"])
        );
    }
}

#[test]
fn an_invalid_mnemonic_is_rejected_and_not_repeated_in_the_error() {
    let good = "letter advice cage absurd amount doctor acoustic avoid letter advice cage above";
    assert!(Phrase::parse(good, "").is_ok());
    assert!(
        Phrase::parse(&good.to_uppercase().replace(' ', "  "), "").is_ok(),
        "case and spacing do not matter"
    );
    for bad in [
        "",
        "letter",
        "getter advice cage absurd amount doctor acoustic avoid letter advice cage above",
        "primary advice cage absurd amount doctor acoustic avoid letter advice cage above",
        "advice cage absurd amount doctor acoustic avoid letter advice cage above",
        "letter advice cage absurd amount doctor acoustic avoid letter advice cage above letter",
    ] {
        let error = Phrase::parse(bad, "").err().unwrap();
        assert!(!error.to_string().contains("advice"), "{error}");
    }
}

#[test]
fn paths_have_one_canonical_form() {
    for good in ["m", "m/0", "m/44'/60'/0'/0/5", "m/2147483647'"] {
        assert_eq!(good.parse::<Path>().unwrap().to_string(), good);
    }
    assert_eq!("m/44h/0h".parse::<Path>().unwrap().to_string(), "m/44'/0'");
    for bad in [
        "",
        "44",
        "m/",
        "m//0",
        "m/-1",
        "m/+1",
        "m/00",
        "m/2147483648",
        "m/1x",
        "mm",
        "n/0",
        "m/0''",
    ] {
        assert!(bad.parse::<Path>().is_err(), "{bad:?}");
    }
    assert_eq!(
        Template::parse("m/44'/60'/{account}'/0")
            .unwrap()
            .path(7)
            .unwrap()
            .to_string(),
        "m/44'/60'/7'/0"
    );
    for bad in ["m/44'/60'/0'/0", "m/44'/{account}", "m/44'/60'/{account}'"] {
        assert!(Template::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn derivation_ends_at_depth_255() {
    let mut node = Node::master(&[7; 32]).unwrap();
    for _ in 0..255 {
        node = node.child(0).unwrap();
    }
    assert!(node.child(0).is_none() && node.neuter().child(0).is_none());
}

proptest! {
    #[test]
    fn public_and_private_derivation_agree(seed: [u8; 32], number in 0u32..HARDENED) {
        let node = Node::master(&seed).unwrap();
        let child = node.child(number).unwrap();
        prop_assert_eq!(child.neuter(), node.neuter().child(number).unwrap());
        prop_assert_eq!(Some(*child.public()), node.neuter().child_key(number));
        prop_assert!(node.neuter().child_key(number + HARDENED).is_none());
    }

    #[test]
    fn no_text_makes_the_parsers_panic(text in "\\PC{0,140}") {
        let _ = (Node::from_xprv(&text).is_some(), PublicNode::from_xpub(&text), text.parse::<Path>());
    }

    #[test]
    fn a_changed_letter_is_detected(seed: [u8; 32], index in 0usize..111, letter in 0usize..58) {
        let good = Node::master(&seed).unwrap().neuter().to_xpub();
        let letters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
        let mut bad = good.clone();
        bad.replace_range(index..=index, &letters[letter..=letter]);
        prop_assert!(bad == good || PublicNode::from_xpub(&bad).is_none());
    }
}
