//! What a worker's key signs about the wallet it is paid to, and what the worker is told of it. The wallet's own signature is [`crate::siws`].

use crate::cose::Statement;
use crate::limits::{WALLET_NEWS_MAX, WALLET_WORKERS_MAX};
use crate::payout::Schedule;
use crate::units::{Amount, Hash, PublicKey, Timestamp};
use crate::wallet::Wallet;
use crate::{codes, fields, variants};

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
    /// That another worker of the wallet is no longer paid to it: one that isn't its owner's.
    PutOut,
}
codes!(Purpose { 0 Link, 1 Change, 2 Rebind, 3 Unlink, 4 PutOut });

impl Purpose {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 5] = [Self::Link, Self::Change, Self::Rebind, Self::Unlink, Self::PutOut];

    /// The word in the database and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Change => "change",
            Self::Rebind => "rebind",
            Self::Unlink => "unlink",
            Self::PutOut => "put_out",
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
    /// Whether the worker's yes names another worker of the wallet.
    pub fn names_another(self) -> bool {
        matches!(self, Self::Rebind | Self::PutOut)
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
    /// The worker whose key is lost: when rebinding. The one that is put out: when it is that. Else none.
    pub lost: Option<PublicKey>,
    /// When, coordinator's clock as the worker knows it.
    pub at: Timestamp,
}
fields!(WalletYes { 0 coordinator, 1 purpose, 2 ticket, 3 wallet, 4 lost, 5 at });

impl Statement for WalletYes {
    const TYP: &'static str = "application/vnd.lull.wallet-yes+cbor";
    fn check(&self) -> Result<(), &'static str> {
        if self.lost.is_some() == self.purpose.names_another() {
            return Ok(());
        }
        Err("rebinding and putting out name the other key, and nothing else does")
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

/// How a worker stands with its wallet: told after the welcome and whenever it changes, by a coordinator that pays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalletState {
    /// What it is paid to.
    pub wallet: Option<Wallet>,
    /// Until then its payouts are held.
    pub held_until: Option<Timestamp>,
    /// What it is asked: "pay to 9xQe…4fK2?".
    pub asked: Option<WalletAsked>,
    /// Who wants to take whose place among the workers of its wallet, undecided; its own wish too. At most
    /// `WALLET_WORKERS_MAX`.
    pub rebinds: Vec<Rebinding>,
    /// What happened and it has not said that it knows; the oldest first, at most `WALLET_NEWS_MAX`.
    pub news: Vec<WalletNews>,
}
fields!(WalletState { 0 wallet, 1 held_until, 2 asked, 3 rebinds, 4 news });

impl WalletState {
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let others = self.asked.as_ref().map_or(0, |asked| asked.others.len());
        if self.rebinds.len() > WALLET_WORKERS_MAX || others > WALLET_WORKERS_MAX {
            return Err("more browsers than WALLET_WORKERS_MAX");
        }
        if self.news.len() > WALLET_NEWS_MAX { Err("more news than WALLET_NEWS_MAX") } else { Ok(()) }
    }
}

/// A wallet is known, and the worker's yes is awaited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletAsked {
    /// SHA-256 of the ticket.
    pub ticket: Hash,
    /// To what.
    pub purpose: Purpose,
    /// The wallet: to be paid to, or, when unlinking, to leave.
    pub wallet: Wallet,
    /// Until when.
    pub until: Timestamp,
    /// When rebinding or putting out: the other workers of the wallet, one of which is lost or isn't the owner's.
    pub others: Vec<PublicKey>,
}
fields!(WalletAsked { 0 ticket, 1 purpose, 2 wallet, 3 until, 4 others });

/// A worker wants to take the place of a lost one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebinding {
    /// Hash of the yes that began it; a veto names it.
    pub yes: Hash,
    /// Who takes the place.
    pub worker: PublicKey,
    /// Whose.
    pub lost: PublicKey,
    /// When it comes about, if nobody vetoes.
    pub due: Timestamp,
}
fields!(Rebinding { 0 yes, 1 worker, 2 lost, 3 due });

/// Something that happened to a worker's wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalletNews {
    /// Its number in the worker's row of news, from 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: WalletEvent,
}
fields!(WalletNews { 0 number, 1 at, 2 what });

/// What can happen to a worker's wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalletEvent {
    /// It is paid to this wallet.
    PaidTo {
        /// Which.
        wallet: Wallet,
        /// Instead of this one.
        before: Option<Wallet>,
        /// Payouts are held until then.
        held_until: Option<Timestamp>,
    },
    /// It is paid to none.
    Left {
        /// Which it left.
        wallet: Wallet,
        /// What waits, with no expiry.
        stays: Amount,
        /// What is on its way to the wallet and arrives there.
        arrives: Amount,
    },
    /// Somebody wants to take a place among its wallet's workers.
    Rebinding(Rebinding),
    /// It was vetoed, by this worker.
    Vetoed {
        /// What.
        rebinding: Rebinding,
        /// By whom.
        by: PublicKey,
    },
    /// It came about.
    Rebound(Rebinding),
    /// It didn't, for one of the two had another wallet by then.
    Lapsed(Rebinding),
    /// It was put out by the wallet's signature: it is paid to none.
    PutOut {
        /// Whose owner did it.
        wallet: Wallet,
        /// The worker that asked the wallet.
        by: PublicKey,
        /// What waits, with no expiry.
        stays: Amount,
        /// What is on its way to the wallet and arrives there.
        arrives: Amount,
    },
    /// Another worker of its wallet was.
    OtherPutOut {
        /// Which.
        worker: PublicKey,
        /// The worker that asked the wallet.
        by: PublicKey,
    },
    /// Another worker of its wallet has said when all of them are paid.
    Scheduled {
        /// Which.
        by: PublicKey,
        /// When.
        schedule: Schedule,
    },
}
variants!(WalletEvent {
    0 PaidTo { 0 wallet, 1 before, 2 held_until },
    1 Left { 0 wallet, 1 stays, 2 arrives },
    2 Rebinding { 0 (0) rebinding },
    3 Vetoed { 0 rebinding, 1 by },
    4 Rebound { 0 (0) rebinding },
    5 Lapsed { 0 (0) rebinding },
    6 PutOut { 0 wallet, 1 by, 2 stays, 3 arrives },
    7 OtherPutOut { 0 worker, 1 by },
    8 Scheduled { 0 by, 1 schedule },
});

/// A worker among those of a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalletBrowser {
    /// Its key.
    pub worker: PublicKey,
    /// Since when it is paid to the wallet, if that was noted.
    pub linked_at: Option<Timestamp>,
    /// When the day (UTC) began on which it was connected last, if that was noted.
    pub seen_at: Option<Timestamp>,
}
fields!(WalletBrowser { 0 worker, 1 linked_at, 2 seen_at });

/// Why something about a wallet was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WalletRefusal {
    /// No such ticket.
    Unknown,
    /// Too late.
    Expired,
    /// The ticket had its yes.
    Used,
    /// Another ticket was opened.
    Replaced,
    /// The person said no.
    Declined,
    /// The wallet has not signed.
    NotYet,
    /// It is another worker's.
    Foreign,
    /// Said to another coordinator.
    OtherCoordinator,
    /// The yes is to something else than the ticket is for.
    OtherPurpose,
    /// The yes is to another wallet than the one that signed.
    AccountChanged,
    /// Too many tickets in an hour.
    TooMany,
    /// It is paid to a wallet already.
    Linked,
    /// It is paid to none.
    NotLinked,
    /// It is the same wallet.
    SameWallet,
    /// Nobody else is paid to it.
    WrongAccount,
    /// The lost one is no worker of this wallet.
    NotOfThisWallet,
    /// Somebody wants to take its place already.
    Rebinding,
    /// The wallet has as many workers as it may.
    WalletFull,
    /// The wallet is on the sanctions list.
    Listed,
    /// The time for a veto is over.
    Decided,
    /// The coordinator can't now: try again later.
    Unavailable,
}
codes!(WalletRefusal {
    0 Unknown, 1 Expired, 2 Used, 3 Replaced, 4 Declined, 5 NotYet, 6 Foreign, 7 OtherCoordinator, 8 OtherPurpose,
    9 AccountChanged, 10 TooMany, 11 Linked, 12 NotLinked, 13 SameWallet, 14 WrongAccount, 15 NotOfThisWallet,
    16 Rebinding, 17 WalletFull, 18 Listed, 19 Decided, 20 Unavailable,
});
