//! Deterministic CBOR (RFC 8949 §4.2): one value has one encoding, and only that one is read.

use minicbor::{Decode, Encode};
use thiserror::Error;

/// Why bytes were not read.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum CborError {
    /// More bytes than this place allows.
    #[error("{len} bytes, but at most {max} are allowed here")]
    TooLong {
        /// How many came.
        len: usize,
        /// How many may come.
        max: usize,
    },
    /// Not CBOR of the expected shape.
    #[error("malformed: {0}")]
    Malformed(String),
    /// Readable, but not the deterministic encoding (order, length, duplicate, unknown key, trailing bytes).
    #[error("not the deterministic encoding")]
    NotDeterministic,
}

/// The deterministic encoding.
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    minicbor::encode(value, &mut out).expect("writing to a Vec can't fail");
    out
}

/// Reads a value of at most `bytes_max` bytes and refuses every encoding but the deterministic one:
/// what was read is encoded again and must give the same bytes.
pub fn decode<T: for<'b> Decode<'b, ()> + Encode<()>>(bytes: &[u8], bytes_max: usize) -> Result<T, CborError> {
    if bytes.len() > bytes_max {
        return Err(CborError::TooLong { len: bytes.len(), max: bytes_max });
    }
    let value: T = minicbor::decode(bytes).map_err(|e| CborError::Malformed(e.to_string()))?;
    if encode(&value) == bytes { Ok(value) } else { Err(CborError::NotDeterministic) }
}
