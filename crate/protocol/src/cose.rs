//! `COSE_Sign1` (RFC 9052 §4.2) with EdDSA (RFC 8032), the statement's type in the protected header
//! `typ` (RFC 9596), and an empty unprotected header. Anything else is refused, so that a statement
//! has exactly one form and can't pass for one of another type.

use ed25519_dalek::{Signature, Signer, VerifyingKey};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::cbor::{self, Cbor, CborError, Reader, Writer};
use crate::limits::STATEMENT_BYTES_MAX;
use crate::units::{Hash, PublicKey};

/// COSE tag of `COSE_Sign1` (RFC 9052 §2).
const TAG_SIGN1: u64 = 18;
/// Header label `alg` and its value EdDSA (RFC 9053 §2.2).
const HEADER_ALG: u8 = 1;
const ALG_EDDSA: i64 = -8;
/// Header label `typ` (RFC 9596).
const HEADER_TYP: u8 = 16;

/// A signing key: the seed of RFC 8032, cleared from memory when dropped.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A key from its 32-byte seed.
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }
    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }
    /// What only who has this key can tell of some bytes, the same each time: the hash of a signature of them that is
    /// shown to nobody. No statement's signed bytes begin as these do.
    pub fn mark(&self, purpose: &str, about: &[u8]) -> Hash {
        let signed = [b"lull mark\0", purpose.as_bytes(), b"\0", about].concat();
        Hash::of(&self.0.sign(&signed).to_bytes())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.public())
    }
}

/// A public key, ready to verify: finding its point takes an eighth of the time that a signature takes.
#[derive(Clone, Debug)]
pub struct SignerKey(VerifyingKey);

impl SignerKey {
    /// The key, if it is a valid Ed25519 point and no weak one.
    pub fn new(key: &PublicKey) -> Result<Self, StatementError> {
        let point = VerifyingKey::from_bytes(&key.0).ok().filter(|point| !point.is_weak());
        point.map(Self).ok_or(StatementError::Key)
    }
    /// The key as it is written.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.to_bytes())
    }

    pub(crate) fn check(&self, signed: &[u8], signature: &[u8; 64]) -> Result<(), StatementError> {
        self.0.verify_strict(signed, &Signature::from_bytes(signature)).map_err(|_| StatementError::Signature)
    }
}

/// What a peer can sign: a payload with a type of its own.
pub trait Statement: Cbor {
    /// The media type in `typ`.
    const TYP: &'static str;
    /// Checks of single fields that CBOR's shape does not express.
    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

/// Why a statement was refused.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum StatementError {
    /// The envelope is not the one form allowed.
    #[error("not a COSE_Sign1 statement of this protocol: {0}")]
    Envelope(&'static str),
    /// A statement, but of another type.
    #[error("a statement of another type than {expected}")]
    Typ {
        /// The type that belongs here.
        expected: &'static str,
    },
    /// The payload can't be read.
    #[error("payload: {0}")]
    Payload(#[from] CborError),
    /// A field of the payload is out of its bounds.
    #[error("payload: {0}")]
    Field(&'static str),
    /// The key is not a valid Ed25519 point, or a weak one.
    #[error("the key is not a valid Ed25519 key")]
    Key,
    /// The signature does not belong to these bytes and this key.
    #[error("the signature does not match")]
    Signature,
}

/// A statement whose signature was verified, with the bytes as they were signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<T> {
    payload: T,
    bytes: Vec<u8>,
    signer: PublicKey,
}

impl<T: Statement> Signed<T> {
    /// Signs a statement.
    pub fn sign(payload: T, key: &SigningKey) -> Self {
        let bytes = sign(T::TYP, &cbor::encode(&payload), key);
        Self { payload, bytes, signer: key.public() }
    }

    /// Verifies a statement under the key that must have signed it.
    pub fn verify(bytes: &[u8], signer: &PublicKey) -> Result<Self, StatementError> {
        Self::verify_by(bytes, &SignerKey::new(signer)?)
    }

    /// Verifies a statement under a key that signs many.
    pub fn verify_by(bytes: &[u8], signer: &SignerKey) -> Result<Self, StatementError> {
        let (payload, body, signature) = open::<T>(bytes)?;
        signer.check(&to_be_signed(T::TYP, body), &signature)?;
        Ok(Self { payload, bytes: bytes.to_vec(), signer: signer.public() })
    }

    /// What was signed.
    pub fn payload(&self) -> &T {
        &self.payload
    }
    /// The whole `COSE_Sign1`, as it travels and is stored.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
    /// Who signed.
    pub fn signer(&self) -> &PublicKey {
        &self.signer
    }
    /// SHA-256 of the whole `COSE_Sign1`.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.bytes)
    }
}

/// Reads a payload WITHOUT verifying the signature: to find out whose key must have signed it.
pub fn peek<T: Statement>(bytes: &[u8]) -> Result<T, StatementError> {
    open::<T>(bytes).map(|(payload, _, _)| payload)
}

fn sign(typ: &str, body: &[u8], key: &SigningKey) -> Vec<u8> {
    let signature = key.0.sign(&to_be_signed(typ, body));
    envelope(typ, body, &signature.to_bytes())
}

fn open<T: Statement>(bytes: &[u8]) -> Result<(T, &[u8], [u8; 64]), StatementError> {
    let (body, signature) = split(bytes, T::TYP)?;
    let payload: T = cbor::decode(body, STATEMENT_BYTES_MAX)?;
    payload.check().map_err(StatementError::Field)?;
    Ok((payload, body, signature))
}

fn split<'b>(bytes: &'b [u8], typ: &'static str) -> Result<(&'b [u8], [u8; 64]), StatementError> {
    use StatementError::Envelope;
    if bytes.len() > STATEMENT_BYTES_MAX {
        return Err(CborError::TooLong { len: bytes.len(), max: STATEMENT_BYTES_MAX }.into());
    }
    let mut from = Reader::new(bytes);
    let is_sign1 = from.tag() == TAG_SIGN1 && from.array() == 4;
    let header = from.bytes();
    if !is_sign1 || from.position().is_none() {
        return Err(Envelope("tag 18 and an array of four expected"));
    }
    if header != protected(typ) {
        return Err(StatementError::Typ { expected: typ });
    }
    let unprotected = from.map();
    from.end(unprotected);
    let (body, signature) = (from.bytes(), from.bytes_of());
    from.finish().map_err(|_| Envelope("an empty unprotected header, a payload and 64 bytes expected"))?;
    // One statement, one form: what was taken apart must give the same bytes again.
    if envelope(typ, body, &signature) != bytes {
        return Err(Envelope("not the deterministic encoding"));
    }
    Ok((body, signature))
}

fn protected(typ: &str) -> Vec<u8> {
    let mut to = Writer::default();
    let map = to.map();
    to.field(map, HEADER_ALG, &ALG_EDDSA);
    to.key(map, HEADER_TYP);
    to.text(typ);
    to.into_bytes()
}

fn to_be_signed(typ: &str, body: &[u8]) -> Vec<u8> {
    let mut to = Writer::default();
    to.array(4);
    to.text("Signature1");
    to.bytes(&protected(typ));
    to.bytes(&[]);
    to.bytes(body);
    to.into_bytes()
}

fn envelope(typ: &str, body: &[u8], signature: &[u8; 64]) -> Vec<u8> {
    let mut to = Writer::default();
    to.tag(TAG_SIGN1);
    to.array(4);
    to.bytes(&protected(typ));
    to.map();
    to.bytes(body);
    to.bytes(signature);
    to.into_bytes()
}
