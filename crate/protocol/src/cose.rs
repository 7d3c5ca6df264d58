//! `COSE_Sign1` (RFC 9052 §4.2) with EdDSA (RFC 8032), the statement's type in the protected header
//! `typ` (RFC 9596), and an empty unprotected header. Anything else is refused, so that a statement
//! has exactly one form and can't pass for one of another type.

use ed25519_dalek::{Signature, Signer, VerifyingKey};
use minicbor::data::Tag;
use minicbor::{Decode, Decoder, Encode, Encoder};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::cbor::{self, CborError};
use crate::limits::STATEMENT_BYTES_MAX;
use crate::units::{Hash, PublicKey};

/// COSE tag of `COSE_Sign1` (RFC 9052 §2).
const TAG_SIGN1: u64 = 18;
/// Header label `alg` and its value EdDSA (RFC 9053 §2.2).
const HEADER_ALG: i64 = 1;
const ALG_EDDSA: i64 = -8;
/// Header label `typ` (RFC 9596).
const HEADER_TYP: i64 = 16;

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
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.public())
    }
}

/// What a peer can sign: a payload with a type of its own.
pub trait Statement: Encode<()> + for<'b> Decode<'b, ()> {
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
        let body = cbor::encode(&payload);
        let signature = key.0.sign(&to_be_signed(T::TYP, &body));
        Self { payload, bytes: envelope(T::TYP, &body, &signature.to_bytes()), signer: key.public() }
    }

    /// Verifies a statement under the key that must have signed it.
    pub fn verify(bytes: &[u8], signer: &PublicKey) -> Result<Self, StatementError> {
        let (payload, body, signature) = open::<T>(bytes)?;
        let key = VerifyingKey::from_bytes(&signer.0).ok().filter(|k| !k.is_weak()).ok_or(StatementError::Key)?;
        key.verify_strict(&to_be_signed(T::TYP, body), &Signature::from_bytes(&signature))
            .map_err(|_| StatementError::Signature)?;
        Ok(Self { payload, bytes: bytes.to_vec(), signer: *signer })
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

fn open<T: Statement>(bytes: &[u8]) -> Result<(T, &[u8], [u8; 64]), StatementError> {
    if bytes.len() > STATEMENT_BYTES_MAX {
        return Err(CborError::TooLong { len: bytes.len(), max: STATEMENT_BYTES_MAX }.into());
    }
    let (body, signature) = split(bytes, T::TYP)?;
    // One statement, one form: what was taken apart must give the same bytes again.
    if envelope(T::TYP, body, &signature) != bytes {
        return Err(StatementError::Envelope("not the deterministic encoding"));
    }
    let payload: T = cbor::decode(body, STATEMENT_BYTES_MAX)?;
    payload.check().map_err(StatementError::Field)?;
    Ok((payload, body, signature))
}

fn split<'b>(bytes: &'b [u8], typ: &'static str) -> Result<(&'b [u8], [u8; 64]), StatementError> {
    use StatementError::Envelope;
    let mut d = Decoder::new(bytes);
    if d.tag().ok() != Some(Tag::new(TAG_SIGN1)) || d.array().ok() != Some(Some(4)) {
        return Err(Envelope("tag 18 and an array of four expected"));
    }
    let header = d.bytes().map_err(|_| Envelope("protected header"))?;
    if header != protected(typ) {
        return Err(StatementError::Typ { expected: typ });
    }
    if d.map().ok() != Some(Some(0)) {
        return Err(Envelope("the unprotected header must be empty"));
    }
    let body = d.bytes().map_err(|_| Envelope("payload"))?;
    let signature = d.bytes().map_err(|_| Envelope("signature"))?;
    let signature = signature.try_into().map_err(|_| Envelope("a signature has 64 bytes"))?;
    Ok((body, signature))
}

fn protected(typ: &str) -> Vec<u8> {
    build(|e| {
        e.map(2)?.i64(HEADER_ALG)?.i64(ALG_EDDSA)?.i64(HEADER_TYP)?.str(typ)?;
        Ok(())
    })
}

fn to_be_signed(typ: &str, body: &[u8]) -> Vec<u8> {
    build(|e| {
        e.array(4)?.str("Signature1")?.bytes(&protected(typ))?.bytes(&[])?.bytes(body)?;
        Ok(())
    })
}

fn envelope(typ: &str, body: &[u8], signature: &[u8; 64]) -> Vec<u8> {
    build(|e| {
        e.tag(Tag::new(TAG_SIGN1))?.array(4)?.bytes(&protected(typ))?.map(0)?.bytes(body)?.bytes(signature)?;
        Ok(())
    })
}

type ToVec = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn build(write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> ToVec) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut Encoder::new(&mut out)).expect("writing to a Vec can't fail");
    out
}
