//! Addresses on the chain, and the wallets among them.

use std::fmt;
use std::str::FromStr;

use lull_protocol::PublicKey;
use lull_protocol::cose::SignerKey;
use thiserror::Error;

pub use solana_address::Address;

/// What a person gave as their wallet: an address with a key behind it.
///
/// An address that no key can sign for (a program's own, a token account of the usual kind) is refused: a token
/// account made for such an owner may be beyond anyone's reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wallet(Address);

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
    /// What a reader holds instead of a wallet that it refused.
    pub(crate) const BLANK: Self = Self(Address::new_from_array([0; 32]));

    /// The wallet of an address, if the address is a key: a point on the curve, and none of the few weak ones, among
    /// which is the system program's address.
    pub fn new(address: Address) -> Result<Self, WalletError> {
        match SignerKey::new(&PublicKey(address.to_bytes())) {
            Ok(_) => Ok(Self(address)),
            Err(_) => Err(WalletError::NoKey),
        }
    }
    /// Its address.
    pub fn address(self) -> Address {
        self.0
    }
}

impl From<lull_protocol::Wallet> for Wallet {
    /// The same: a key that is no weak one.
    fn from(wallet: lull_protocol::Wallet) -> Self {
        Self(Address::new_from_array(wallet.key().0))
    }
}

impl FromStr for Wallet {
    type Err = WalletError;
    fn from_str(text: &str) -> Result<Self, WalletError> {
        Self::new(text.parse().map_err(|_| WalletError::NotAnAddress)?)
    }
}

impl fmt::Display for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An address as a person compares it: its first and last four digits, `9xQe…4fK2`.
pub fn short(address: &Address) -> String {
    let text = address.to_string();
    let (head, tail) = (text.get(..4).unwrap_or_default(), text.get(text.len().saturating_sub(4)..));
    format!("{head}…{}", tail.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_wallet_has_a_key() {
        let key = "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin";
        assert_eq!(key.parse::<Wallet>().map(|wallet| wallet.to_string()).as_deref(), Ok(key));
        assert_eq!(short(&key.parse().expect("an address")), "9xQe…VFin");
        for (text, why) in [
            ("", WalletError::NotAnAddress),
            ("0OIl", WalletError::NotAnAddress),
            (&key[4..], WalletError::NotAnAddress),
            (&format!("{key}1"), WalletError::NotAnAddress),
            (&format!(" {key}"), WalletError::NotAnAddress),
            ("11111111111111111111111111111111", WalletError::NoKey),
            // Token-2022's own account authority: an address that was derived so that it has no key.
            ("8SBKzEQU4nLSzcwF4a74F2iaUDQyTfjGndn6qUWBnrpR", WalletError::NoKey),
        ] {
            assert_eq!(text.parse::<Wallet>(), Err(why), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_address_reads_back(bytes: [u8; 32]) {
            let address = Address::from(bytes);
            prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
            prop_assert_eq!(short(&address).chars().count(), 9);
        }

        /// One that a person signed in with is one that can be paid, and the other way round.
        #[test]
        fn wallets_are_the_protocol_s(bytes: [u8; 32]) {
            let theirs = lull_protocol::Wallet::new(PublicKey(bytes));
            let ours = Wallet::new(Address::from(bytes));
            prop_assert_eq!(theirs.as_ref().map(ToString::to_string).ok(), ours.as_ref().map(ToString::to_string).ok());
            prop_assert_eq!(theirs.map(Wallet::from).ok(), ours.ok());
            prop_assert_eq!(theirs.map(|wallet| wallet.short()).ok(), ours.map(|wallet| short(&wallet.address())).ok());
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let wallet = text.parse::<Wallet>();
            prop_assert!(wallet.is_err() || wallet.is_ok_and(|wallet| wallet.to_string() == text));
        }
    }
}
