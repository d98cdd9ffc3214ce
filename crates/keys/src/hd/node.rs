//! A private node (BIP-32): a key, its chain code, and the children that follow from both.

#[cfg(test)]
use super::base58;
use super::{HARDENED, Lineage, Path, PublicNode, stretch};
use secp256k1::{Message, PublicKey, SECP256K1, Scalar, SecretKey};
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// What the text form of a private node begins with (`xprv`).
#[cfg(test)]
const VERSION: [u8; 4] = [0x04, 0x88, 0xad, 0xe4];

/// A private node. It is wiped when it is dropped, and has no `Debug`.
pub(crate) struct Node {
    secret: Zeroizing<[u8; 32]>,
    code: Zeroizing<[u8; 32]>,
    lineage: Lineage,
    public: OnceLock<[u8; 33]>,
}

impl Node {
    /// The master node of a seed; none for the one seed in 2^127 that has none.
    pub(crate) fn master(seed: &[u8]) -> Option<Self> {
        let (secret, code) = stretch(b"Bitcoin seed", &[seed]);
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

    /// A child; hardened from [`HARDENED`] on. None for the one number in 2^127 that has none, and
    /// below the 255th step.
    pub(crate) fn child(&self, number: u32) -> Option<Self> {
        let parent = self.public();
        let (tweak, code) = match number {
            HARDENED.. => stretch(&*self.code, &[&[0], &*self.secret, &number.to_be_bytes()]),
            _ => stretch(&*self.code, &[parent, &number.to_be_bytes()]),
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

    /// Its public key, 33 bytes (SEC 1).
    pub(crate) fn public(&self) -> &[u8; 33] {
        self.public.get_or_init(|| public_of(&self.key()))
    }

    /// What may be known of it without being able to sign.
    pub(crate) fn neuter(&self) -> PublicNode {
        PublicNode::new(*self.public(), *self.code, self.lineage)
    }

    /// Its own key alone.
    pub(crate) fn secret(&self) -> Zeroizing<[u8; 32]> {
        self.secret.clone()
    }

    /// The text form, `xprv…`. For tests against the official vectors; nothing else shows a private
    /// node.
    #[cfg(test)]
    pub(crate) fn to_xprv(&self) -> String {
        super::public::text(
            VERSION,
            self.lineage,
            &self.code,
            &[&[0], &self.secret[..]].concat(),
        )
    }

    /// Read the text form. For tests, likewise.
    #[cfg(test)]
    pub(crate) fn from_xprv(text: &str) -> Option<Self> {
        let (lineage, code, key) = super::public::parse(VERSION, base58::decode_check(text)?)?;
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
    SecretKey::from_byte_array(secret).expect("it was a key when it came in")
}

fn public_of(key: &SecretKey) -> [u8; 33] {
    PublicKey::from_secret_key(SECP256K1, key).serialize()
}

/// The public key of a private one; none if it is none.
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
