//! The border between the machine and its shell.

use lull_protocol::connect::{Purpose, WalletBrowser, WalletState};
use lull_protocol::message::RefusedCode;
use lull_protocol::payout::{Payout, Payouts};
use lull_protocol::siws::Chain;
use lull_protocol::units::Nonce;
use lull_protocol::{Filter, Hash, PublicKey, SigningKey, TaskSet, Timestamp, ToWorker, WarningSet};

use crate::command::{Command, Lease, NumberedVerdict, OpenRejection, Refusal, Reply, ToldReversal};
use crate::facts::{AccountFacts, SubmitFacts};

/// What all connections of a coordinator share.
#[derive(Clone, Debug)]
pub struct House {
    /// Signs the handshake.
    pub key: SigningKey,
    /// `Signed<OperatorCard>`.
    pub card: Vec<u8>,
    /// What workers may dial, the public origin first.
    pub origins: Vec<String>,
    /// The chain on which it pays; `None`: it pays nobody, and speaks of no payouts.
    pub chain: Option<Chain>,
}

/// The time of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Of a clock that never goes back; limits are measured with it. Where it begins does not matter.
    pub monotonic_ms: u64,
    /// The coordinator's clock, as messages and leases tell it.
    pub wall: Timestamp,
}

/// What happened. While a question is open the shell feeds nothing but its answer and the connection's end
/// (and reads no socket: that is the back-pressure).
#[derive(Debug)]
pub enum Input<'a> {
    /// A binary frame.
    Frame(&'a [u8]),
    /// A text frame, which the protocol does not have.
    Text,
    /// The transport's own ping or pong.
    Sign,
    /// The peer closed, or nothing can be sent to it any more.
    Closed,
    /// The transport failed: the peer broke off, or broke its rules or its frame limit.
    Broken,
    /// The answer to the open question.
    Answer(Answer),
    /// What commits of others mean for this worker, all that waits, in its order. Only after the seat was given.
    Pushes(Vec<Push>),
    /// There may be new work. Only after the seat was given.
    Wake,
    /// The connection must end: another has its seat, it reads too slowly, or the server is stopping.
    End(RefusedCode),
    /// The time that [`wakes_at`](super::Session::wakes_at) named, or any other occasion to look.
    Tick,
}

/// What the shell is to do, in this order.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this; [`Input::Closed`] if it can't be sent.
    Send(ToWorker),
    /// Find the answer and feed it before anything else. Nothing follows until then.
    Ask(Question),
    /// Say the last word and close. Nothing follows.
    End(End),
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer is gone or silent.
    Lost,
    /// The transport failed.
    Broken,
    /// With a last word.
    Bye(RefusedCode),
    /// An invariant is broken, in the store, in the shell or here: for the log, as an error.
    Fault(&'static str),
}

impl End {
    /// What the peer hears in a `Bye`.
    pub fn last_word(self) -> Option<RefusedCode> {
        match self {
            Self::Lost => None,
            // One that still listens learns at least that its frame was none.
            Self::Broken => Some(RefusedCode::Malformed),
            Self::Bye(code) => Some(code),
            Self::Fault(_) => Some(RefusedCode::Unavailable),
        }
    }
}

/// What the machine must know before it goes on.
#[derive(Debug, PartialEq, Eq)]
pub enum Question {
    /// Give this worker the seat; whoever has it leaves first, so that what it still commits is visible.
    /// [`Answer::Yes`]; [`Answer::No`]: the server is stopping.
    Seat(PublicKey),
    /// Lease work: [`Claim::command`] with fresh nonces.
    Claim(Claim),
    /// Open a ticket: [`Request::Open`](crate::connect::Request) with a fresh secret.
    OpenTicket {
        /// Whose.
        worker: PublicKey,
        /// What for.
        purpose: Purpose,
    },
    /// Have this decided and committed.
    Command(Command),
    /// Read what is committed now.
    Read(Query),
    /// This much more memory for bodies, KiB: [`Answer::Yes`] or [`Answer::No`]. It is held as long as
    /// [`memory_kib`](super::Session::memory_kib) says.
    MemoryKib(u32),
}

/// Places to lease, held ones included, per class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub worker: PublicKey,
    /// Places for fetches.
    pub fetch: u8,
    /// Places for judgments.
    pub judgment: u8,
    /// Of which types.
    pub tasks: TaskSet,
    /// Of which classes of sensitive content.
    pub warnings: WarningSet,
    /// And of all these not which.
    pub filter: Filter,
}

impl Claim {
    /// How many fresh nonces the command needs.
    pub fn nonces(&self) -> usize {
        usize::from(self.fetch) + usize::from(self.judgment)
    }

    /// The command.
    pub fn command(self, nonces: Vec<Nonce>) -> Command {
        let Self { worker, fetch, judgment, tasks, warnings, filter } = self;
        Command::Claim { worker, fetch, judgment, tasks, warnings, filter, nonces }
    }
}

/// Something to read from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// The worker's leases that are live at a moment, oldest first.
    OpenLeases {
        /// Whose.
        worker: PublicKey,
        /// When.
        now: Timestamp,
    },
    /// The rejections of the worker's results that are open, oldest first, `REJECTIONS_RESENT_MAX` at most.
    OpenRejections {
        /// Whose.
        worker: PublicKey,
        /// Those after this one.
        after: Option<Hash>,
    },
    /// The reversals of the worker's money that are open or have ended since a moment, oldest first,
    /// `REVERSALS_RESENT_MAX` at most.
    Reversals {
        /// Whose.
        worker: PublicKey,
        /// The moment.
        ended_since: Timestamp,
        /// Those after this one.
        after: Option<Hash>,
    },
    /// The worker's money.
    Account {
        /// Whose.
        worker: PublicKey,
        /// Since when "today" counts.
        day_start: Timestamp,
    },
    /// The worker's verdicts after a number, in order.
    VerdictsAfter {
        /// Whose.
        worker: PublicKey,
        /// The number.
        number: u64,
        /// How many at most.
        limit: usize,
    },
    /// What a result of this offer would be decided on.
    SubmitFacts {
        /// The offer's hash.
        offer: Hash,
    },
    /// The worker's payouts.
    Payouts {
        /// Whose.
        worker: PublicKey,
        /// On this chain.
        chain: Chain,
        /// As of this moment.
        now: Timestamp,
    },
    /// Older payouts of the worker.
    PayoutsBefore {
        /// Whose.
        worker: PublicKey,
        /// Before this one.
        number: u64,
    },
    /// A blob's bytes.
    Blob {
        /// Its hash.
        hash: Hash,
    },
    /// How the worker stands with its wallet.
    Wallet {
        /// Whose.
        worker: PublicKey,
        /// When.
        now: Timestamp,
    },
    /// The workers of the worker's wallet.
    WalletBrowsers {
        /// Whose.
        worker: PublicKey,
    },
}

/// What a [`Query`] of the same name found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Of [`Query::OpenLeases`].
    OpenLeases(Vec<Lease>),
    /// Of [`Query::OpenRejections`].
    OpenRejections(Vec<OpenRejection>),
    /// Of [`Query::Reversals`].
    Reversals(Vec<ToldReversal>),
    /// Of [`Query::Account`].
    Account(AccountFacts),
    /// Of [`Query::VerdictsAfter`].
    VerdictsAfter(Vec<NumberedVerdict>),
    /// Of [`Query::SubmitFacts`]; `None`: no such offer.
    SubmitFacts(Option<Box<SubmitFacts>>),
    /// Of [`Query::Payouts`].
    Payouts(Box<Payouts>),
    /// Of [`Query::PayoutsBefore`]; whether there are older ones.
    PayoutsBefore(Vec<Payout>, bool),
    /// Of [`Query::Blob`]; `None`: no such blob.
    Blob(Option<Vec<u8>>),
    /// Of [`Query::Wallet`].
    Wallet(Box<WalletState>),
    /// Of [`Query::WalletBrowsers`].
    WalletBrowsers(Vec<WalletBrowser>),
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is given.
    Yes,
    /// It is not given.
    No,
    /// The command is committed.
    Reply(Reply),
    /// The market refused the command.
    Refused(Refusal),
    /// What was read.
    Found(Found),
    /// The store can't write or read now, no randomness is to be had, or the server is stopping. Nothing
    /// changed.
    Unavailable,
}

/// Something that another's commit brings a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    /// New verdicts, in the order of their numbers.
    Verdicts(Vec<NumberedVerdict>),
    /// Results are rejected, not yet for good.
    Rejected(Vec<OpenRejection>),
    /// A lease is over.
    Withdraw(Hash, RefusedCode),
    /// The account changed without a verdict: money became payable, was contested or reversed.
    Account,
    /// There is news of the wallet.
    Wallet,
    /// Payouts or how they stand have changed, and maybe the account.
    Payouts,
    /// Another process has written to the store: whatever there is must be read.
    Others,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Waits for the worker's hello.
    Hello,
    /// Waits for its proof.
    Proof,
    /// Waits for the seat.
    Seat,
    /// Sends what the worker must know first: the account, open leases.
    Opening,
    /// Serves.
    Serving,
    /// Over.
    Ended,
}

/// What went over a connection, for the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Results acknowledged.
    pub results: u64,
    /// Verdicts sent.
    pub verdicts: u64,
    /// Refusals sent.
    pub refused: u64,
}
