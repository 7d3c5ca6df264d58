//! What a worker's key signs about the wallet it is paid to. The wallet's own signature is [`crate::siws`].

use crate::cose::Statement;
use crate::units::{Hash, PublicKey, Timestamp};
use crate::wallet::Wallet;
use crate::{codes, fields};

/// What a ticket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// To be paid to a wallet, where there is none.
    Link,
    /// To be paid to another wallet than before.
    Change,
    /// To take the place of a worker of the same wallet whose key is lost.
    Rebind,
    /// To be paid to no wallet. The wallet doesn't sign it: who has lost it must be able to leave it.
    Unlink,
}
codes!(Purpose { 0 Link, 1 Change, 2 Rebind, 3 Unlink });

impl Purpose {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Link, Self::Change, Self::Rebind, Self::Unlink];

    /// The word in the database and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Change => "change",
            Self::Rebind => "rebind",
            Self::Unlink => "unlink",
        }
    }
    /// The purpose of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == word)
    }
    /// Whether the wallet must sign in for it.
    pub fn needs_wallet(self) -> bool {
        self != Self::Unlink
    }
}

/// A worker's yes: "pay to this address", signed by the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalletYes {
    /// The coordinator that it is said to.
    pub coordinator: PublicKey,
    /// To what.
    pub purpose: Purpose,
    /// SHA-256 of the ticket, which is good for one yes.
    pub ticket: Hash,
    /// The wallet that was shown: to be paid to, or, when unlinking, to leave.
    pub wallet: Wallet,
    /// The worker whose key is lost: when rebinding, and only then.
    pub lost: Option<PublicKey>,
    /// When, coordinator's clock as the worker knows it.
    pub at: Timestamp,
}
fields!(WalletYes { 0 coordinator, 1 purpose, 2 ticket, 3 wallet, 4 lost, 5 at });

impl Statement for WalletYes {
    const TYP: &'static str = "application/vnd.lull.wallet-yes+cbor";
    fn check(&self) -> Result<(), &'static str> {
        if self.lost.is_some() == (self.purpose == Purpose::Rebind) {
            return Ok(());
        }
        Err("rebinding names the lost key, and nothing else does")
    }
}

/// A worker's no to a rebinding of its person: "that wasn't me", or "my key isn't lost", signed by that worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalletVeto {
    /// The coordinator that it is said to.
    pub coordinator: PublicKey,
    /// Hash of the [`WalletYes`] that it is against.
    pub yes: Hash,
    /// When, coordinator's clock as the worker knows it.
    pub at: Timestamp,
}
fields!(WalletVeto { 0 coordinator, 1 yes, 2 at });

impl Statement for WalletVeto {
    const TYP: &'static str = "application/vnd.lull.wallet-veto+cbor";
}
