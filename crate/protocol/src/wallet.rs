//! A wallet on Solana: an address with a key behind it.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::cbor::{Cbor, Reader, Writer};
use crate::cose::SignerKey;
use crate::units::PublicKey;

/// What a person gave as their wallet: an Ed25519 key, written in base58.
///
/// An address that no key can sign for (a program's own, a token account of the usual kind, one of the weak keys) is
/// none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wallet(PublicKey);

/// Why something is no wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WalletError {
    /// Not 32 bytes in base58.
    #[error("not an address: it is not 32 bytes in base58")]
    NotAnAddress,
    /// No key can sign for it.
    #[error("no key can sign for this address")]
    NoKey,
}

impl Wallet {
    /// The wallet of a key, if it is a point on the curve and none of the few weak ones.
    pub fn new(key: PublicKey) -> Result<Self, WalletError> {
        SignerKey::new(&key).map(|_| Self(key)).map_err(|_| WalletError::NoKey)
    }
    /// Its key, which is its address.
    pub fn key(&self) -> PublicKey {
        self.0
    }
    /// As a person compares it: its first and last four digits, `9xQe…4fK2`.
    pub fn short(&self) -> String {
        let text = self.to_string();
        let tail = text.get(text.len().saturating_sub(4)..);
        format!("{}…{}", text.get(..4).unwrap_or_default(), tail.unwrap_or_default())
    }
}

impl FromStr for Wallet {
    type Err = WalletError;
    fn from_str(text: &str) -> Result<Self, WalletError> {
        let mut bytes = [0; 32];
        five8::decode_32(text, &mut bytes).map_err(|_| WalletError::NotAnAddress)?;
        Self::new(PublicKey(bytes))
    }
}

impl fmt::Display for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 44];
        let len = five8::encode_32(&self.0.0, &mut digits);
        let text = digits.get(..len.into()).and_then(|digits| std::str::from_utf8(digits).ok());
        f.write_str(text.expect("base58 of 32 bytes is at most 44 letters and digits"))
    }
}

impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Cbor for Wallet {
    fn write(&self, to: &mut Writer) {
        self.0.write(to);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        let key = PublicKey::read(from);
        Self::new(key).unwrap_or_else(|_| {
            from.refuse("an address that no key can sign for");
            Self(key)
        })
    }
}
