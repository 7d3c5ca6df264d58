//! Ids, signatures and nonces as types of their own.

use std::fmt;
use std::str::FromStr;

use lull_protocol::cbor::{Cbor, Reader, Writer};
use lull_protocol::limits::AMOUNT_MAX;

use crate::address::{Address, Wallet};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// `None` above 2^53 − 1.
            pub const fn new(number: u64) -> Option<Self> {
                if number <= AMOUNT_MAX { Some(Self(number)) } else { None }
            }
            /// The number itself.
            pub const fn get(self) -> u64 {
                self.0
            }
        }
        impl Cbor for $name {
            fn write(&self, to: &mut Writer) {
                to.uint(self.0);
            }
            fn read(from: &mut Reader<'_>) -> Self {
                Self::new(from.uint()).unwrap_or_else(|| {
                    from.refuse("a number above its limit");
                    Self(0)
                })
            }
        }
    };
}

id!(
    /// A payout: one person's earnings on their way to one wallet. The store counts them up, so that those of a batch
    /// are neighbours, which the memo says in few bytes.
    PayoutId
);
id!(
    /// A batch: the payouts of one transaction. Random, so that a database that was restored from a copy gives no new
    /// batch the name of one it has forgotten.
    BatchId
);

/// A nonce account's value: the transaction that holds it can land while the account holds it too, and no longer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nonce(pub [u8; 32]);

/// A transaction's first signature, which is its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature(pub [u8; 64]);

/// A lane: the nonce account by whose value the batches on it come one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LaneId(pub Address);

impl FromStr for Signature {
    type Err = solana_signature::ParseSignatureError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<solana_signature::Signature>().map(|signature| Self(signature.into()))
    }
}

macro_rules! shown {
    ($name:ident, $as:expr) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&$as(self.0), f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

shown!(Nonce, Address::from);
shown!(Signature, solana_signature::Signature::from);

impl Cbor for Nonce {
    fn write(&self, to: &mut Writer) {
        to.bytes(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        Self(from.bytes_of())
    }
}

impl Cbor for Signature {
    fn write(&self, to: &mut Writer) {
        to.bytes(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        Self(from.bytes_of())
    }
}

impl Cbor for LaneId {
    fn write(&self, to: &mut Writer) {
        to.bytes(self.0.as_array());
    }
    fn read(from: &mut Reader<'_>) -> Self {
        Self(Address::from(from.bytes_of::<32>()))
    }
}

impl Cbor for Wallet {
    fn write(&self, to: &mut Writer) {
        to.bytes(self.address().as_array());
    }
    fn read(from: &mut Reader<'_>) -> Self {
        Self::new(Address::from(from.bytes_of::<32>())).unwrap_or_else(|_| {
            from.refuse("an address without a key");
            Self::BLANK
        })
    }
}
