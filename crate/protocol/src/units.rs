//! Ids, amounts, byte counts and times as types of their own, so that none passes for another.

use sha2::{Digest, Sha256};
use std::fmt;

use crate::cbor::{Cbor, Reader, Writer};
use crate::limits::AMOUNT_MAX;

macro_rules! bytes_type {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Parses the lower-case hexadecimal form.
            pub fn from_hex(text: &str) -> Option<Self> {
                let mut bytes = [0; $len];
                let read_len = base16ct::lower::decode(text, &mut bytes).ok()?.len();
                (read_len == $len).then_some(Self(bytes))
            }
            /// Reads the raw form; `None` if the length differs.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                Some(Self(bytes.try_into().ok()?))
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&base16ct::lower::encode_string(&self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl Cbor for $name {
            fn write(&self, to: &mut Writer) {
                to.bytes(&self.0);
            }
            fn read(from: &mut Reader<'_>) -> Self {
                Self(from.bytes_of())
            }
        }
    };
}

bytes_type!(
    /// A SHA-256 digest (FIPS 180-4).
    Hash, 32
);
bytes_type!(
    /// An Ed25519 public key (RFC 8032): a worker, or a coordinator.
    PublicKey, 32
);
bytes_type!(
    /// An order: what a requester bought.
    OrderId, 16
);
bytes_type!(
    /// 32 bytes that are fresh in each handshake.
    Challenge, 32
);
bytes_type!(
    /// Makes each offer unlike every other, even for the same item and worker.
    Nonce, 16
);
bytes_type!(
    /// A ticket, which opens `/connect` for one worker once: a secret of which the coordinator keeps only the hash.
    Ticket, 32
);

impl Hash {
    /// SHA-256 of the bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl Ticket {
    /// What is kept of it, and what a yes names.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.0)
    }
}

impl PublicKey {
    /// The key's fingerprint: SHA-256 of its 32 bytes.
    pub fn fingerprint(&self) -> Hash {
        Hash::of(&self.0)
    }
    /// The first 8 bytes of the fingerprint in groups of four digits, for a person to compare.
    pub fn short(&self) -> String {
        let hex = self.fingerprint().to_string();
        let mut out = String::with_capacity(19);
        for (i, c) in hex.chars().take(16).enumerate() {
            if i > 0 && i % 4 == 0 {
                out.push(' ');
            }
            out.push(c);
        }
        out
    }
}

macro_rules! u64_type {
    ($(#[$doc:meta])* $name:ident, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);
            /// `None` above the type's limit.
            pub const fn new(value: u64) -> Option<Self> {
                if value <= $max { Some(Self(value)) } else { None }
            }
            /// The number itself.
            pub const fn get(self) -> u64 {
                self.0
            }
            /// The sum; `None` above the type's limit.
            pub fn checked_add(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).and_then(Self::new)
            }
            /// The difference; `None` below zero.
            pub fn checked_sub(self, other: Self) -> Option<Self> {
                self.0.checked_sub(other.0).map(Self)
            }
        }
        impl Cbor for $name {
            fn write(&self, to: &mut Writer) {
                to.uint(self.0);
            }
            fn read(from: &mut Reader<'_>) -> Self {
                Self::new(from.uint()).unwrap_or_else(|| {
                    from.refuse("a number above its limit");
                    Self::ZERO
                })
            }
        }
    };
}

u64_type!(
    /// Money in base units of the asset (millionths of a credit), at most [`AMOUNT_MAX`].
    Amount, AMOUNT_MAX
);
u64_type!(
    /// A count of bytes, at most 2^53 − 1.
    ByteCount, AMOUNT_MAX
);
u64_type!(
    /// Milliseconds since 1970-01-01T00:00:00Z, at most 2^53 − 1.
    Timestamp, AMOUNT_MAX
);
u64_type!(
    /// A span of milliseconds, at most 2^53 − 1.
    DurationMs, AMOUNT_MAX
);

impl Amount {
    /// The largest: [`AMOUNT_MAX`].
    pub const MAX: Self = Self(AMOUNT_MAX);
    /// `count` times this amount; `None` above the limit.
    pub fn checked_mul(self, count: u64) -> Option<Self> {
        self.0.checked_mul(count).and_then(Self::new)
    }
}

impl Timestamp {
    /// `ms` later, held at the type's limit.
    pub fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms).min(AMOUNT_MAX))
    }
    /// `ms` earlier, held at zero.
    pub fn minus(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }
    /// Milliseconds since `earlier`, zero if that lies ahead.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
