//! A private node (BIP-32): a key and its chain code, from which children are derived.

use super::{HARDENED, Lineage, Path, PublicNode, split_hmac};
use secp256k1::{Message, PublicKey, SECP256K1, Scalar, SecretKey};
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// The version bytes of a private node's text form (`xprv`).
#[cfg(test)]
const VERSION: [u8; 4] = [0x04, 0x88, 0xad, 0xe4];

/// A private node. Wiped when dropped; has no `Debug`.
pub(crate) struct Node {
    secret: Zeroizing<[u8; 32]>,
    code: Zeroizing<[u8; 32]>,
    lineage: Lineage,
    public: OnceLock<[u8; 33]>,
}

impl Node {
    /// The master node of a seed; `None` for the one seed in 2^127 that has none.
    pub(crate) fn master(seed: &[u8]) -> Option<Self> {
        let (secret, code) = split_hmac(b"Bitcoin seed", &[seed]);
        Self::new(secret, code, Lineage::default())
    }

    fn new(
        secret: Zeroizing<[u8; 32]>,
        code: Zeroizing<[u8; 32]>,
        lineage: Lineage,
    ) -> Option<Self> {
        SecretKey::from_byte_array(&secret).ok()?.non_secure_erase();
        Some(Self {
            secret,
            code,
            lineage,
            public: OnceLock::new(),
        })
    }

    /// A child; hardened from [`HARDENED`] on. `None` for the one number in 2^127 that has none,
    /// and below depth 255.
    pub(crate) fn child(&self, number: u32) -> Option<Self> {
        let parent = self.public();
        let (tweak, code) = match number {
            HARDENED.. => split_hmac(&*self.code, &[&[0], &*self.secret, &number.to_be_bytes()]),
            _ => split_hmac(&*self.code, &[parent, &number.to_be_bytes()]),
        };
        let mut tweak = Scalar::from_be_bytes(*tweak).ok()?;
        let key = self.key().add_tweak(&tweak);
        tweak.non_secure_erase();
        let mut key = key.ok()?;
        let secret = Zeroizing::new(key.secret_bytes());
        key.non_secure_erase();
        Self::new(secret, code, self.lineage.child(parent, number)?)
    }

    /// The node at the end of a path.
    pub(crate) fn at(&self, path: &Path) -> Option<Self> {
        let start = Self::new(self.secret.clone(), self.code.clone(), self.lineage)?;
        path.numbers()
            .iter()
            .try_fold(start, |node, number| node.child(*number))
    }

    /// The public key, 33 bytes (SEC 1).
    pub(crate) fn public(&self) -> &[u8; 33] {
        self.public.get_or_init(|| public_of(&self.key()))
    }

    /// The public part of the node.
    pub(crate) fn neuter(&self) -> PublicNode {
        PublicNode::new(*self.public(), *self.code, self.lineage)
    }

    pub(crate) fn secret(&self) -> Zeroizing<[u8; 32]> {
        self.secret.clone()
    }

    /// The text form, `xprv…`. Only for tests against the official vectors; product code never
    /// writes a private node as text.
    #[cfg(test)]
    pub(crate) fn to_xprv(&self) -> String {
        super::public::text(
            VERSION,
            self.lineage,
            &self.code,
            &Zeroizing::new([&[0], &self.secret[..]].concat()),
        )
    }

    /// Parse the text form. Only for tests.
    #[cfg(test)]
    pub(crate) fn from_xprv(text: &str) -> Option<Self> {
        let (lineage, code, key) = super::public::parse(VERSION, text)?;
        let (0, secret) = (key[0], <[u8; 32]>::try_from(&key[1..]).ok()?) else {
            return None;
        };
        Self::new(Zeroizing::new(secret), Zeroizing::new(code), lineage)
    }

    fn key(&self) -> SecretKey {
        secret_key(&self.secret)
    }
}

fn secret_key(secret: &[u8; 32]) -> SecretKey {
    SecretKey::from_byte_array(secret).expect("the key was checked when the node was created")
}

fn public_of(key: &SecretKey) -> [u8; 33] {
    PublicKey::from_secret_key(SECP256K1, key).serialize()
}

/// The public key of a private key; `None` if the bytes are not a private key.
pub(crate) fn public_key(secret: &[u8; 32]) -> Option<[u8; 33]> {
    let mut key = SecretKey::from_byte_array(secret).ok()?;
    let public = public_of(&key);
    key.non_secure_erase();
    Some(public)
}

/// Sign a digest: deterministic (RFC 6979), low s, with recovery id.
pub(crate) fn sign(secret: &[u8; 32], digest: &[u8; 32]) -> intent::Signature {
    let mut key = secret_key(secret);
    let signature = SECP256K1.sign_ecdsa_recoverable(&Message::from_digest(*digest), &key);
    key.non_secure_erase();
    let (id, rs) = signature.serialize_compact();
    intent::Signature {
        rs,
        recovery: u8::try_from(i32::from(id)).unwrap_or(u8::MAX),
    }
}
