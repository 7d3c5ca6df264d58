//! How a worker comes to be paid to a wallet, and how it leaves it.
//!
//! - A *ticket* is a random secret that the popup puts into the page's address. Only its hash is kept. It is good for
//!   [`TICKET_MS`], for one worker, one purpose and one wallet; a new one replaces the worker's last.
//! - The page takes the ticket, once, and gets a sign-in; the wallet signs it, once ([`SignIn::verify`]); then the worker
//!   has [`TICKET_MS`] again to sign the yes to the wallet that it shows. Without both nothing is linked. Unlinking needs
//!   the yes alone: who has lost a wallet can leave it.
//! - A worker that is paid to another wallet than the last one it had is not paid for [`HOLD_MS`], and is told so; to
//!   unlink in between shortens nothing. Payouts that are made already go where they were going.
//! - Workers of one wallet are one *person*. A worker without a wallet can take the place of one whose key is lost, if the
//!   wallet signs in for that and the worker says yes: every worker of the wallet is told, the lost one too, each of them
//!   can veto for [`HOLD_MS`], and only then it comes about. No money moves by it: what the lost one earned is paid to the
//!   same wallet as before, and goes with the one that took its place when that changes or leaves the wallet.
//! - A worker of a wallet that isn't its owner's is *put out* by another one of it, if the wallet signs in for that and
//!   that worker says yes; so no worker's key alone puts anybody out. It is at once as if it had left by itself: it has no
//!   veto and no say about when the others are paid, whoever it had taken the place of goes with it, no money moves, what
//!   is in payout arrives, and the rest stays its own and waits, held for a day once it is paid to another wallet. A
//!   wallet's signature says where is paid, never who has earned: it takes nobody's earnings. (Who has a key *stolen*
//!   takes its place instead: then what it earned stays with the wallet. If the thief vetoes that, putting out is left.)
//!   All workers of the wallet are told, the one that is put out, too; it can be paid to a wallet again, also to this one,
//!   as anybody is: by a sign-in of its own.
//! - Of what the workers of a wallet say about when they are paid the last word counts; the others are told whose it was.
//! - Unlinking moves no money either: what is in payout arrives, the rest waits, with no expiry.
//!
//! - What is over is forgotten: tickets after [`TICKET_KEPT_MS`], yeses and ended rebindings after [`YES_KEPT_MS`], known
//!   news after [`NEWS_KEPT_MS`]. A yes that something rests on is kept: a worker's last one, and that of a rebinding
//!   which came about. A ticket is forgotten before its yes, and an unknown ticket is good for nothing: nothing that was
//!   forgotten can be said again.
//!
//! Times and random numbers come in. Asking again with the same yes or veto changes nothing.

use std::collections::BTreeSet;

use lull_protocol::connect::{Purpose, Rebinding, WalletEvent, WalletVeto, WalletYes};
use lull_protocol::cose::Signed;
use lull_protocol::payout::Schedule;
use lull_protocol::siws::{self, Asked, Chain, Proof, SignIn};
use lull_protocol::units::{Nonce, Ticket as Secret};
use lull_protocol::{Amount, Hash, PublicKey, Timestamp, Wallet};
use thiserror::Error;

use crate::command::Reply;
use crate::facts::Decided;

/// How long a ticket is good for the page, and then for the yes, milliseconds.
pub const TICKET_MS: u64 = 5 * 60 * 1_000;
/// Tickets that a worker may open in [`TICKETS_WINDOW_MS`].
pub const TICKETS_MAX: u32 = 10;
/// The time over which tickets are counted, milliseconds.
pub const TICKETS_WINDOW_MS: u64 = 60 * 60 * 1_000;
/// How long payouts are held after a change of wallet, and how long a rebinding can be vetoed, milliseconds.
pub const HOLD_MS: u64 = 24 * 60 * 60 * 1_000;
/// Sign-ins that are refused until their ticket is good for nothing any more.
pub const SIGN_INS_REFUSED_MAX: u32 = 10;
/// How long a ticket that is over is remembered, so that its page is told why it is good for nothing, milliseconds.
pub const TICKET_KEPT_MS: u64 = 24 * 60 * 60 * 1_000;
/// How long a yes that a later one has overtaken is kept, and a rebinding that didn't come about, milliseconds.
pub const YES_KEPT_MS: u64 = 400 * 24 * 60 * 60 * 1_000;
/// How long news is kept once it is known, milliseconds.
pub const NEWS_KEPT_MS: u64 = 90 * 24 * 60 * 60 * 1_000;
/// Workers of one wallet.
pub const WORKERS_PER_WALLET_MAX: usize = lull_protocol::limits::WALLET_WORKERS_MAX;

/// A ticket, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// SHA-256 of the secret.
    pub hash: Hash,
    /// Who opened it.
    pub worker: PublicKey,
    /// What for.
    pub purpose: Purpose,
    /// Until when the next step may come.
    pub expires_at: Timestamp,
    /// How far it is.
    pub state: TicketState,
    /// Sign-ins for it that were refused.
    pub refused: u32,
}

/// How far a ticket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TicketState {
    /// Nobody has taken it.
    Open,
    /// The page has this sign-in.
    Taken(SignIn),
    /// The wallet is known (it has signed, or is to be left), the worker's yes is awaited.
    Named(Wallet),
    /// The worker said this yes.
    Used(Hash),
    /// The person said no.
    Declined,
    /// The worker opened another.
    Replaced,
    /// Too many sign-ins for it were refused.
    Spent,
}

/// What is known of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerFacts {
    /// Its key.
    pub worker: PublicKey,
    /// The wallet that it is paid to.
    pub wallet: Option<Wallet>,
    /// The wallet that it was paid to last, if it is paid to none now.
    pub left: Option<Wallet>,
    /// Until when its payouts are held.
    pub held_until: Option<Timestamp>,
    /// Its tickets of the last [`TICKETS_WINDOW_MS`].
    pub tickets: u32,
    /// Of these the one that is neither used, declined nor replaced.
    pub open: Option<Hash>,
    /// What is open to dispute; of those whose place it has, too, as all balances here.
    pub pending: Amount,
    /// What is final.
    pub payable: Amount,
    /// What is on its way.
    pub in_payout: Amount,
}

/// What is known of a wallet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalletFacts {
    /// The workers that are paid to it, but those whose place was taken.
    pub workers: Vec<PublicKey>,
    /// Those of them whose place somebody wants to take, undecided.
    pub rebinding: Vec<PublicKey>,
    /// It is on the sanctions list.
    pub is_listed: bool,
}

/// A worker that wants to take the place of a lost one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebind {
    /// Hash of the yes that began it.
    pub yes: Hash,
    /// The worker that takes the place.
    pub worker: PublicKey,
    /// The one whose key is lost.
    pub lost: PublicKey,
    /// Of this wallet, both.
    pub wallet: Wallet,
    /// When it comes about, if nobody vetoes.
    pub due: Timestamp,
    /// How far it is.
    pub state: RebindState,
}

/// How far a rebinding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebindState {
    /// It can be vetoed.
    Open,
    /// It was, by this worker.
    Vetoed(PublicKey),
    /// It came about.
    Done,
    /// When its time came, one of the two had another wallet than when it began.
    Lapsed,
}

/// Where sign-ins come from: the operator's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The coordinator's origin: `wss://lull.example`.
    pub origin: String,
    /// The chain of payouts.
    pub chain: Chain,
}

/// One change to the store; all of a decision or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A ticket, open or named.
    AddTicket(Ticket),
    /// A sign-in for a ticket was refused; so many were by now.
    CountRefused {
        /// Which.
        hash: Hash,
        /// How many.
        refused: u32,
    },
    /// A ticket goes on.
    SetTicket {
        /// Which.
        hash: Hash,
        /// Now.
        state: TicketState,
        /// Until when the next step may come.
        expires_at: Timestamp,
    },
    /// The worker is paid to this wallet.
    SetWallet {
        /// Who.
        worker: PublicKey,
        /// To which.
        wallet: Wallet,
        /// Until when its payouts are held.
        held_until: Option<Timestamp>,
        /// What it said, to be kept.
        yes: Signed<WalletYes>,
    },
    /// The worker is paid to none; which it left, and until when its payouts are held, is kept.
    ClearWallet {
        /// Who.
        worker: PublicKey,
        /// What it said, to be kept.
        yes: Signed<WalletYes>,
    },
    /// Another worker is paid to none, as by [`Write::ClearWallet`].
    PutOut {
        /// Which.
        worker: PublicKey,
        /// What the one that put it out said, to be kept.
        yes: Signed<WalletYes>,
    },
    /// A rebinding begins.
    AddRebind {
        /// It.
        rebind: Rebind,
        /// What its worker said, to be kept.
        yes: Signed<WalletYes>,
    },
    /// A rebinding ends.
    SetRebind {
        /// Which.
        yes: Hash,
        /// How.
        state: RebindState,
        /// What was said against it, to be kept.
        veto: Option<Signed<WalletVeto>>,
    },
    /// The worker is paid to the wallet, and is from now on what the lost one was: its skill, its qualifications, its past
    /// with items. The lost key is let in no more; its money stays its own and is paid to the wallet, and wherever the
    /// worker's own goes later.
    Succeed(Rebind),
    /// A worker is told.
    Notify(PublicKey, Notice),
    /// A worker was connected today.
    Seen(PublicKey),
    /// A worker knows what it was told, up to this number.
    Known {
        /// Who.
        worker: PublicKey,
        /// The last one's.
        number: u64,
    },
}

/// What can be asked for, as [`Command::Wallet`](crate::Command::Wallet). Statements are verified under the key that the
/// connection proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A worker asks for a ticket.
    Open {
        /// Who.
        worker: PublicKey,
        /// What for.
        purpose: Purpose,
        /// The secret, fresh, from the shell. It goes back to the worker and is kept nowhere.
        ticket: Secret,
    },
    /// The page takes a ticket.
    Take {
        /// Its hash.
        ticket: Hash,
        /// Where the page is, and for which chain.
        site: Site,
        /// Fresh, from the shell.
        nonce: Nonce,
    },
    /// The wallet has signed.
    SignIn {
        /// The ticket's hash.
        ticket: Hash,
        /// What the wallet answered.
        proof: Proof,
    },
    /// The worker says yes.
    Agree(Signed<WalletYes>),
    /// The person says no.
    Decline {
        /// Whose browser it is.
        worker: PublicKey,
        /// The ticket's hash.
        ticket: Hash,
    },
    /// A worker vetoes.
    Veto(Signed<WalletVeto>),
    /// The person was told.
    Known {
        /// Whose browser it is.
        worker: PublicKey,
        /// The last news'.
        number: u64,
    },
    /// A worker that is paid to a wallet is connected, for the first time on this connection and day.
    Seen {
        /// Who.
        worker: PublicKey,
    },
}

/// What whoever asked gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// A ticket for the page.
    Ticket {
        /// The secret.
        ticket: Secret,
        /// What it is for.
        purpose: Purpose,
        /// Until when the page can take it.
        expires_at: Timestamp,
    },
    /// What the wallet is to sign.
    SignIn(Box<SignIn>),
    /// The worker is asked, and may say yes until then.
    Asked(Timestamp),
    /// The sign-in is refused, and counted.
    Refused(Problem),
    /// It is done, or was before.
    Done,
}

/// What a worker is told of, on its socket and after each reconnect until it says that it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A wallet has signed: "pay to 9xQe…4fK2?", or leave it.
    Asked {
        /// The ticket.
        ticket: Hash,
        /// What for.
        purpose: Purpose,
        /// Which.
        wallet: Wallet,
        /// Until when.
        until: Timestamp,
    },
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
        /// What is on its way, and arrives at the wallet it was sent to.
        arrives: Amount,
    },
    /// Somebody wants to take a place among its wallet's workers.
    Rebinding(Rebind),
    /// How that ended.
    Rebound(Rebind),
    /// It was put out.
    PutOut {
        /// Of this wallet.
        wallet: Wallet,
        /// By this worker of it.
        by: PublicKey,
        /// What waits, with no expiry.
        stays: Amount,
        /// What is on its way, and arrives at the wallet it was sent to.
        arrives: Amount,
    },
    /// Another worker of its wallet was put out.
    OtherPutOut {
        /// Which.
        worker: PublicKey,
        /// By this one.
        by: PublicKey,
    },
    /// Another worker of its wallet has said when they are paid.
    Scheduled {
        /// Which.
        by: PublicKey,
        /// When.
        schedule: Schedule,
    },
}

/// Why a step is refused, and what to do next: for the person who asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// No such ticket.
    #[error("this link is not one of this coordinator's: open it again from Lull")]
    Unknown,
    /// Too late.
    #[error("this link was good for five minutes: open it again from Lull")]
    Expired,
    /// It was taken, or has had its signature or its yes.
    #[error("this link was used already: go on where you used it, or open a new one from Lull")]
    Used,
    /// Another was opened.
    #[error("a newer link was opened from Lull: go on there")]
    Replaced,
    /// Too many sign-ins were refused.
    #[error("ten sign-ins for this link were refused, which is the limit: open a new one from Lull")]
    Spent,
    /// The person said no.
    #[error("you said no in Lull: open a new link there if that was a mistake")]
    Declined,
    /// A step before this one is missing.
    #[error("the wallet has not signed yet: sign in on the page first")]
    NotYet,
    /// It is another worker's.
    #[error("this belongs to another browser: open a link of your own from Lull")]
    Foreign,
    /// Said to another coordinator.
    #[error("this was said to another coordinator: nothing changed here")]
    OtherCoordinator,
    /// The yes is to something else than the ticket is for.
    #[error("this link is for something else: open the right one from Lull")]
    OtherPurpose,
    /// The yes is to another wallet than the one that signed.
    #[error("the account changed meanwhile: open a new link from Lull and choose the account you want")]
    AccountChanged,
    /// The wallet has signed no valid sign-in.
    #[error(transparent)]
    SignIn(#[from] siws::Problem),
    /// Too many tickets.
    #[error("ten links an hour are the limit: wait a while, then open a new one from Lull")]
    TooMany,
    /// It has a wallet.
    #[error("this browser is paid to a wallet already: choose \"change\" in Lull, or unlink it first")]
    Linked,
    /// It has none.
    #[error("this browser is paid to no wallet yet: choose \"connect\" in Lull")]
    NotLinked,
    /// It is the same wallet.
    #[error("this is the wallet you are paid to already: choose another account in the wallet")]
    SameWallet,
    /// Nobody else is paid to it.
    #[error("no other browser is paid to this account: choose the account that your lost browser was paid to")]
    WrongAccount,
    /// Another wallet than the one it is paid to.
    #[error("this browser is not paid to this account: choose the account that it is paid to")]
    OtherWallet,
    /// Not a worker of this wallet.
    #[error("the browser you named is not paid to this wallet: choose one of those shown")]
    NotOfThisWallet,
    /// Somebody wants to take its place already.
    #[error("taking this browser's place is under way already: wait for its 24 hours to end")]
    Rebinding,
    /// The wallet has as many workers as it may.
    #[error("64 browsers are paid to this wallet, which is the limit: unlink one, or choose another account")]
    WalletFull,
    /// The wallet is on the sanctions list.
    #[error("this account is on a sanctions list, and Lull may not pay to it: choose another account")]
    Listed,
    /// The time for a veto is over.
    #[error("the 24 hours are over and it is decided: ask the operator")]
    Decided,
    /// A bug here or a damaged database.
    #[error("internal fault: {0}")]
    Fault(&'static str),
}

impl Rebind {
    /// As a worker hears of it.
    pub fn as_told(&self) -> Rebinding {
        let Self { yes, worker, lost, due, .. } = *self;
        Rebinding { yes, worker, lost, due }
    }
}

impl Notice {
    /// What of it is news, kept until its worker knows it; a question is asked as long as its ticket is good.
    pub fn event(&self) -> Option<WalletEvent> {
        match *self {
            Self::Asked { .. } => None,
            Self::PaidTo { wallet, before, held_until } => Some(WalletEvent::PaidTo { wallet, before, held_until }),
            Self::Left { wallet, stays, arrives } => Some(WalletEvent::Left { wallet, stays, arrives }),
            Self::Rebinding(rebind) => Some(WalletEvent::Rebinding(rebind.as_told())),
            Self::PutOut { wallet, by, stays, arrives } => Some(WalletEvent::PutOut { wallet, by, stays, arrives }),
            Self::OtherPutOut { worker, by } => Some(WalletEvent::OtherPutOut { worker, by }),
            Self::Scheduled { by, schedule } => Some(WalletEvent::Scheduled { by, schedule }),
            Self::Rebound(rebind) => {
                let told = rebind.as_told();
                match rebind.state {
                    RebindState::Open => None,
                    RebindState::Vetoed(by) => Some(WalletEvent::Vetoed { rebinding: told, by }),
                    RebindState::Done => Some(WalletEvent::Rebound(told)),
                    RebindState::Lapsed => Some(WalletEvent::Lapsed(told)),
                }
            }
        }
    }
}

/// Who hears of writes.
pub fn told_of(writes: &[Write]) -> impl Iterator<Item = PublicKey> {
    writes.iter().filter_map(|write| match write {
        Write::Notify(worker, _) => Some(*worker),
        _ => None,
    })
}

/// A decision of [`Command::Wallet`](crate::Command::Wallet): these writes, and what follows. `asker` hears of it by the
/// answer.
pub fn decided(writes: Vec<Write>, given: Given, asker: Option<PublicKey>) -> Decided {
    let told: BTreeSet<PublicKey> = told_of(&writes).filter(|worker| Some(*worker) != asker).collect();
    let reply = Reply::Wallet { given, told: told.into_iter().collect() };
    Decided { writes: writes.into_iter().map(crate::Write::Wallet).collect(), reply }
}

/// What is to be written, or why nothing is.
pub type Step = Result<Vec<Write>, Problem>;

/// A worker asks for a ticket: `ticket` is the hash of what it gets.
pub fn open(worker: &WorkerFacts, purpose: Purpose, ticket: Hash, now: Timestamp) -> Step {
    let state = match (purpose, worker.wallet) {
        (Purpose::Link | Purpose::Rebind, Some(_)) => return Err(Problem::Linked),
        (Purpose::Change | Purpose::Unlink | Purpose::PutOut, None) => return Err(Problem::NotLinked),
        (Purpose::Unlink, Some(wallet)) => TicketState::Named(wallet),
        (Purpose::Link | Purpose::Change | Purpose::Rebind | Purpose::PutOut, _) => TicketState::Open,
    };
    if worker.tickets >= TICKETS_MAX {
        return Err(Problem::TooMany);
    }
    let replaced = worker.open.map(|hash| set(hash, TicketState::Replaced, now));
    let expires_at = now.plus(TICKET_MS);
    let ticket = Ticket { hash: ticket, worker: worker.worker, purpose, expires_at, state, refused: 0 };
    let asked = asked(&ticket);
    Ok(replaced.into_iter().chain([Write::AddTicket(ticket)]).chain(asked).collect())
}

/// The page takes a ticket: what it gets is the sign-in.
pub fn take(
    ticket: Option<&Ticket>,
    site: &Site,
    nonce: Nonce,
    now: Timestamp,
) -> Result<(Vec<Write>, SignIn), Problem> {
    let ticket = going_on(ticket, now)?;
    let TicketState::Open = ticket.state else { return Err(Problem::Used) };
    let Ticket { hash, worker, purpose, expires_at, .. } = *ticket;
    let Site { origin, chain } = site.clone();
    let asked = Asked { origin, chain, purpose, worker, ticket: hash, nonce, issued_at: now, expires_at };
    let sign_in = SignIn::new(asked).map_err(|_| Problem::Fault("no sign-in can be made of a ticket"))?;
    Ok((vec![set(hash, TicketState::Taken(sign_in.clone()), expires_at)], sign_in))
}

/// The wallet has signed: its nonce is used up, and the worker is asked until what [`Given::Asked`] says. One that is
/// refused is counted ([`Given::Refused`]), and nothing else changes until there were [`SIGN_INS_REFUSED_MAX`].
pub fn sign_in(
    ticket: Option<&Ticket>,
    worker: &WorkerFacts,
    wallet: &WalletFacts,
    proof: &Proof,
    now: Timestamp,
) -> Result<(Vec<Write>, Given), Problem> {
    let ticket = going_on(ticket, now)?;
    let sign_in = match &ticket.state {
        TicketState::Taken(sign_in) => sign_in,
        TicketState::Open => return Err(Problem::NotYet),
        _ => return Err(Problem::Used),
    };
    let checked = sign_in.verify(proof, now).map_err(Problem::from);
    if let Err(problem) = checked.and_then(|()| check_wallet(ticket.purpose, worker, (&proof.wallet, wallet))) {
        return Ok(refused(ticket, problem, now));
    }
    let named = Ticket { state: TicketState::Named(proof.wallet), expires_at: now.plus(TICKET_MS), ..ticket.clone() };
    let (asked, given) = (asked(&named), Given::Asked(named.expires_at));
    Ok(([set(named.hash, named.state, named.expires_at)].into_iter().chain(asked).collect(), given))
}

fn refused(ticket: &Ticket, problem: Problem, now: Timestamp) -> (Vec<Write>, Given) {
    let Ticket { hash, refused, .. } = *ticket;
    let refused = refused.saturating_add(1);
    let counted = Write::CountRefused { hash, refused };
    if refused < SIGN_INS_REFUSED_MAX {
        return (vec![counted], Given::Refused(problem));
    }
    (vec![counted, set(hash, TicketState::Spent, now)], Given::Refused(Problem::Spent))
}

/// The worker says yes; `wallet` and `lost` are about those that it names.
pub fn agree(
    ticket: Option<&Ticket>,
    (worker, lost): (&WorkerFacts, Option<&WorkerFacts>),
    wallet: &WalletFacts,
    (yes, coordinator): (&Signed<WalletYes>, &PublicKey),
    now: Timestamp,
) -> Step {
    let said = yes.payload();
    let ticket = ticket.filter(|ticket| ticket.hash == said.ticket).ok_or(Problem::Unknown)?;
    if ticket.worker != *yes.signer() || worker.worker != ticket.worker {
        return Err(Problem::Foreign);
    }
    if said.coordinator != *coordinator {
        return Err(Problem::OtherCoordinator);
    }
    if ticket.state == TicketState::Used(yes.hash()) {
        return Ok(vec![]);
    }
    let TicketState::Named(named) = going_on(Some(ticket), now)?.state else { return Err(Problem::NotYet) };
    if said.purpose != ticket.purpose {
        return Err(Problem::OtherPurpose);
    }
    if said.wallet != named {
        return Err(Problem::AccountChanged);
    }
    check_wallet(ticket.purpose, worker, (&named, wallet))?;
    let used = set(ticket.hash, TicketState::Used(yes.hash()), now);
    let writes = match (said.purpose, lost) {
        (Purpose::Rebind, Some(lost)) => rebind(worker, wallet, yes, lost.worker, now)?,
        (Purpose::PutOut, Some(lost)) => put_out(worker, wallet, yes, lost)?,
        (Purpose::Rebind | Purpose::PutOut, None) => return Err(Problem::Fault("nothing is known of who is named")),
        (Purpose::Unlink, _) => leave(worker, named, yes)?,
        (Purpose::Link | Purpose::Change, _) => link(worker, named, yes, now),
    };
    Ok([used].into_iter().chain(writes).collect())
}

/// The person says no.
pub fn decline(ticket: Option<&Ticket>, worker: &PublicKey, now: Timestamp) -> Step {
    let ticket = ticket.ok_or(Problem::Unknown)?;
    if ticket.worker != *worker {
        return Err(Problem::Foreign);
    }
    if ticket.state == TicketState::Declined {
        return Ok(vec![]);
    }
    let ticket = going_on(Some(ticket), now)?;
    Ok(vec![set(ticket.hash, TicketState::Declined, now)])
}

/// A worker vetoes; `wallet` is about the rebinding's.
pub fn veto(
    rebind: Option<&Rebind>,
    wallet: &WalletFacts,
    (veto, coordinator): (&Signed<WalletVeto>, &PublicKey),
    now: Timestamp,
) -> Step {
    let rebind = rebind.filter(|rebind| rebind.yes == veto.payload().yes).ok_or(Problem::Unknown)?;
    let by = *veto.signer();
    if !wallet.workers.contains(&by) {
        return Err(Problem::Foreign);
    }
    if veto.payload().coordinator != *coordinator {
        return Err(Problem::OtherCoordinator);
    }
    match rebind.state {
        RebindState::Vetoed(_) => Ok(vec![]),
        RebindState::Open if now < rebind.due => Ok(close(rebind, wallet, RebindState::Vetoed(by), Some(veto.clone()))),
        RebindState::Open | RebindState::Done | RebindState::Lapsed => Err(Problem::Decided),
    }
}

/// A rebinding's time has come: part of the sweep. `worker` is the one that takes the place.
pub fn by_time(rebind: &Rebind, worker: &WorkerFacts, wallet: &WalletFacts, now: Timestamp) -> Vec<Write> {
    if rebind.state != RebindState::Open || now < rebind.due {
        return vec![];
    }
    if worker.wallet.is_some() || !wallet.workers.contains(&rebind.lost) || wallet.is_listed {
        return close(rebind, wallet, RebindState::Lapsed, None);
    }
    let done = close(rebind, wallet, RebindState::Done, None);
    [Write::Succeed(Rebind { state: RebindState::Done, ..*rebind })].into_iter().chain(done).collect()
}

/// Whether a worker's payouts are held because its wallet changed: none is made until then.
pub fn is_held(worker: &WorkerFacts, now: Timestamp) -> bool {
    worker.held_until.is_some_and(|until| now < until)
}

/// The ticket, if a next step can come.
fn going_on(ticket: Option<&Ticket>, now: Timestamp) -> Result<&Ticket, Problem> {
    let ticket = ticket.ok_or(Problem::Unknown)?;
    match ticket.state {
        TicketState::Used(_) => Err(Problem::Used),
        TicketState::Declined => Err(Problem::Declined),
        TicketState::Replaced => Err(Problem::Replaced),
        TicketState::Spent => Err(Problem::Spent),
        TicketState::Open | TicketState::Taken(_) | TicketState::Named(_) if now < ticket.expires_at => Ok(ticket),
        TicketState::Open | TicketState::Taken(_) | TicketState::Named(_) => Err(Problem::Expired),
    }
}

/// Asked when the wallet has signed and again when the worker says yes, for both can have changed in between.
fn check_wallet(
    purpose: Purpose,
    worker: &WorkerFacts,
    (wallet, facts): (&Wallet, &WalletFacts),
) -> Result<(), Problem> {
    // To put somebody out pays nobody either.
    if facts.is_listed && !matches!(purpose, Purpose::Unlink | Purpose::PutOut) {
        return Err(Problem::Listed);
    }
    let others = facts.workers.iter().filter(|other| **other != worker.worker).count();
    match (purpose, worker.wallet) {
        (Purpose::Link | Purpose::Rebind, Some(_)) => Err(Problem::Linked),
        (Purpose::Change | Purpose::Unlink | Purpose::PutOut, None) => Err(Problem::NotLinked),
        (Purpose::PutOut, Some(now)) if now != *wallet => Err(Problem::OtherWallet),
        (Purpose::Change, Some(now)) if now == *wallet => Err(Problem::SameWallet),
        (Purpose::Unlink, Some(now)) if now != *wallet => Err(Problem::AccountChanged),
        (Purpose::Rebind, None) if others == 0 => Err(Problem::WrongAccount),
        (Purpose::Link | Purpose::Change, _) if others >= WORKERS_PER_WALLET_MAX => Err(Problem::WalletFull),
        _ => Ok(()),
    }
}

fn link(worker: &WorkerFacts, wallet: Wallet, yes: &Signed<WalletYes>, now: Timestamp) -> Vec<Write> {
    let before = worker.wallet.or(worker.left).filter(|before| *before != wallet);
    let held_until = match before {
        Some(_) => Some(now.plus(HOLD_MS)),
        None => worker.held_until.filter(|until| now < *until),
    };
    vec![
        Write::SetWallet { worker: worker.worker, wallet, held_until, yes: yes.clone() },
        Write::Notify(worker.worker, Notice::PaidTo { wallet, before, held_until }),
    ]
}

fn leave(worker: &WorkerFacts, wallet: Wallet, yes: &Signed<WalletYes>) -> Step {
    let stays = worker.pending.checked_add(worker.payable).ok_or(Problem::Fault("balances beyond all money"))?;
    let left = Notice::Left { wallet, stays, arrives: worker.in_payout };
    let cleared = Write::ClearWallet { worker: worker.worker, yes: yes.clone() };
    Ok(vec![cleared, Write::Notify(worker.worker, left)])
}

/// The other workers are told, and the one that is put out; who did it hears of it, too, as of all that it did.
fn put_out(worker: &WorkerFacts, wallet: &WalletFacts, yes: &Signed<WalletYes>, out: &WorkerFacts) -> Step {
    let (by, gone) = (worker.worker, out.worker);
    if gone == by || !wallet.workers.contains(&gone) {
        return Err(Problem::NotOfThisWallet);
    }
    let stays = out.pending.checked_add(out.payable).ok_or(Problem::Fault("balances beyond all money"))?;
    let told = Notice::PutOut { wallet: yes.payload().wallet, by, stays, arrives: out.in_payout };
    let others = wallet.workers.iter().filter(|other| **other != gone);
    let others = others.map(|other| Write::Notify(*other, Notice::OtherPutOut { worker: gone, by }));
    let out = [Write::PutOut { worker: gone, yes: yes.clone() }, Write::Notify(gone, told)];
    Ok(out.into_iter().chain(others).collect())
}

/// What the other workers of a wallet are told when one has said when they are paid; `now` is when they were until then.
pub fn scheduled(workers: &[PublicKey], by: PublicKey, schedule: Schedule, now: Schedule) -> Vec<Write> {
    let others = workers.iter().filter(|other| **other != by && schedule != now);
    others.map(|other| Write::Notify(*other, Notice::Scheduled { by, schedule })).collect()
}

fn rebind(
    worker: &WorkerFacts,
    wallet: &WalletFacts,
    yes: &Signed<WalletYes>,
    lost: PublicKey,
    now: Timestamp,
) -> Step {
    if !wallet.workers.contains(&lost) {
        return Err(Problem::NotOfThisWallet);
    }
    if wallet.rebinding.contains(&lost) {
        return Err(Problem::Rebinding);
    }
    let (due, state) = (now.plus(HOLD_MS), RebindState::Open);
    let rebind = Rebind { yes: yes.hash(), worker: worker.worker, lost, wallet: yes.payload().wallet, due, state };
    let told = told(&rebind, wallet).map(|key| Write::Notify(key, Notice::Rebinding(rebind)));
    Ok([Write::AddRebind { rebind, yes: yes.clone() }].into_iter().chain(told).collect())
}

fn close(rebind: &Rebind, wallet: &WalletFacts, state: RebindState, veto: Option<Signed<WalletVeto>>) -> Vec<Write> {
    let closed = Rebind { state, ..*rebind };
    let told = told(rebind, wallet).map(|key| Write::Notify(key, Notice::Rebound(closed)));
    [Write::SetRebind { yes: rebind.yes, state, veto }].into_iter().chain(told).collect()
}

/// Every worker of the wallet, the lost one too, and the one that wants to take its place.
fn told<'a>(rebind: &Rebind, wallet: &'a WalletFacts) -> impl Iterator<Item = PublicKey> + use<'a> {
    let own = rebind.worker;
    wallet.workers.iter().copied().filter(move |key| *key != own).chain([own])
}

fn set(hash: Hash, state: TicketState, expires_at: Timestamp) -> Write {
    Write::SetTicket { hash, state, expires_at }
}

/// What the worker is asked once a ticket's wallet is known.
fn asked(ticket: &Ticket) -> Option<Write> {
    let TicketState::Named(wallet) = ticket.state else { return None };
    let Ticket { hash, purpose, expires_at, .. } = *ticket;
    Some(Write::Notify(ticket.worker, Notice::Asked { ticket: hash, purpose, wallet, until: expires_at }))
}
