//! What the UI may command.

use lull_protocol::connect::Purpose;
use lull_protocol::flag::FlagReason;
use lull_protocol::payout::Schedule;
use lull_protocol::task::Answer as TaskAnswer;
use lull_protocol::warning::WarningSet;
use lull_protocol::{Amount, Hash, PublicKey, Wallet, codes, fields, variants};

use crate::{BandwidthWhen, Caps, Find, NeverWhat, Pause, Pops, Statement, Wishes};

/// What the UI may command. The background checks the sender, then decodes to this closed list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Consent to judgments, or take it back.
    SetJudgments {
        /// The new value.
        on: bool,
    },
    /// Switch bandwidth on, which needs consent, or off (the permission goes back too).
    SetBandwidth {
        /// The new value.
        on: bool,
    },
    /// Consent to bandwidth, by these statements. It is not switched on by that.
    Agree {
        /// Each of [`Statement::ALL`].
        statements: Vec<Statement>,
    },
    /// Take consent back: bandwidth is switched off, and what was agreed to is forgotten.
    TakeConsentBack,
    /// When bandwidth may be used.
    SetBandwidthWhen {
        /// The new value.
        when: BandwidthWhen,
    },
    /// Pause or go on.
    SetPaused {
        /// The new value.
        on: bool,
    },
    /// Pause for a while; `SetPaused` ends it early.
    PauseFor {
        /// How long.
        pause: Pause,
    },
    /// Set all caps; each number is held to its range.
    SetCaps {
        /// The new ones.
        caps: Caps,
    },
    /// Set all caps back to what they were at first.
    ResetCaps,
    /// The operator's card was read.
    CardSeen,
    /// The first run is over.
    FirstRunDone,
    /// Answer the judgment on screen.
    Answer {
        /// Its offer.
        offer: String,
        /// What is answered.
        answer: TaskAnswer,
        /// How it was given.
        input: AnswerInput,
        /// When it was shown.
        shown_at: u64,
    },
    /// Hand the judgment on screen back.
    Skip {
        /// Its offer.
        offer: String,
        /// When it was shown; `None`: to nobody, for a program answers.
        shown_at: Option<u64>,
    },
    /// Say what is wrong with the judgment on screen instead of answering it.
    Flag {
        /// Its offer.
        offer: String,
        /// What is wrong.
        reason: FlagReason,
        /// In the person's own words, as they typed them; may be empty.
        note: String,
        /// How it was given.
        input: AnswerInput,
        /// When it was shown.
        shown_at: u64,
    },
    /// The judgment has been on screen for `SEEN_MS_MIN`, by a timer of the page that shows it.
    Seen {
        /// Its offer.
        offer: String,
    },
    /// Take the last answer or skip back before it is sent; its judgment comes back on screen.
    TakeBack {
        /// Its offer.
        offer: String,
    },
    /// Appeal against the rejection of an answer: a human decides about it.
    Appeal {
        /// The answer's offer.
        offer: String,
        /// What the person has to say, at most `APPEAL_BYTES_MAX` bytes; blank for nothing.
        words: String,
    },
    /// Open a receipt; answered with [`Reply::Receipt`](crate::Reply::Receipt).
    OpenReceipt {
        /// The offer's hash.
        offer: String,
        /// Change this byte of this part first, to see the checks fail.
        change: Option<ChangeByte>,
    },
    /// The newest receipts, for a file; answered with [`Reply::Export`](crate::Reply::Export).
    Export,
    /// Older receipts, for the same file, piece by piece; answered with [`Reply::ExportKept`](crate::Reply::ExportKept).
    ExportKept {
        /// Only those with a lower number: the `next` of the piece before.
        before: Option<u64>,
    },
    /// What policy says of a URL; answered with [`Reply::Judged`](crate::Reply::Judged).
    JudgeUrl {
        /// Any text.
        url: String,
    },
    /// Entries of the log; answered with [`Reply::Activities`](crate::Reply::Activities).
    FindActivities(Find),
    /// One entry of the log by its number; answered with [`Reply::Activity`](crate::Reply::Activity).
    OpenActivity {
        /// Which.
        number: u64,
    },
    /// What each day came to, for a chart; answered with [`Reply::Days`](crate::Reply::Days).
    ListDays,
    /// Never serve this again.
    Never(NeverWhat),
    /// Serve it again.
    RemoveNever(NeverWhat),
    /// How judgments may call the person.
    SetPops {
        /// The new choices; each is held to what there is.
        pops: Pops,
    },
    /// The practice on screen was done or skipped: its project's judgments follow.
    Practised {
        /// Its hash.
        practice: String,
    },
    /// Which sensitive content the person wants, and how much a day.
    SetWarnings {
        /// Its classes.
        chosen: WarningSet,
        /// Items a day; at most [`SENSITIVE_DAY_MAX`](crate::SENSITIVE_DAY_MAX).
        day_max: u16,
    },
    /// Show the covered judgment.
    Uncover {
        /// Its offer.
        offer: String,
    },
    /// A picture of this judgment can't be shown: what is signed is what was seen, so it goes back.
    Broken {
        /// Its offer.
        offer: String,
    },
    /// Have more time for the judgment on screen.
    Extend {
        /// Its offer.
        offer: String,
    },
    /// What judgments the person wants to be offered.
    SetWishes {
        /// The new ones.
        wishes: Wishes,
    },
    /// How the person fares; answered with [`Reply::You`](crate::Reply::You).
    ShowYou,
    /// Hide the notice.
    DismissNotice,
    /// Connect now instead of waiting.
    ConnectNow,
    /// The page of the wallet is open or no longer: while it is, there is a connection, whatever is switched off.
    LookAtWallet {
        /// Open.
        on: bool,
    },
    /// Wallet and payouts; answered with [`Reply::Wallet`](crate::Reply::Wallet).
    ShowWallet,
    /// Ask the coordinator for a ticket.
    ConnectWallet {
        /// What for.
        purpose: Purpose,
    },
    /// Yes to the wallet that is asked about. All of it must be what was on screen.
    WalletYes {
        /// The ticket's hash.
        ticket: Hash,
        /// To what.
        purpose: Purpose,
        /// The wallet.
        wallet: Wallet,
        /// The lost browser, when rebinding.
        lost: Option<PublicKey>,
    },
    /// No to it, or away with the ticket that is open.
    WalletNo,
    /// No to a rebinding.
    WalletVeto {
        /// Hash of the yes that began it.
        yes: Hash,
    },
    /// The person knows the news up to this number.
    WalletNewsKnown {
        /// The last one's.
        number: u64,
    },
    /// When the person wants to be paid.
    PayWhen {
        /// When.
        schedule: Schedule,
        /// What they agreed to pay for the wallet's first token account.
        account_agreed: Amount,
    },
    /// The person wants what is payable now.
    PayNow,
    /// Ask the coordinator for payouts before this number.
    FindPayouts {
        /// Of the oldest that is known.
        before: u64,
    },
    /// What went wrong with the wallet was read.
    WalletTroubleRead,
    /// Go on with the key that was read from a backup, in place of this browser's; what is the old key's goes. For the
    /// background: it starts the worker anew.
    AdoptKey,
    /// Erase all that Lull keeps in this browser, and start as on the first day. For the background as well.
    EraseAll,
}
variants!(Command {
    0 SetJudgments { 0 on },
    1 SetBandwidth { 0 on },
    2 Agree { 0 statements },
    3 TakeConsentBack {},
    4 SetBandwidthWhen { 0 when },
    5 SetPaused { 0 on },
    6 PauseFor { 0 pause },
    7 SetCaps { 0 caps },
    8 ResetCaps {},
    9 CardSeen {},
    10 FirstRunDone {},
    11 Answer { 0 offer, 1 answer, 2 input, 3 shown_at },
    12 Skip { 0 offer, 1 shown_at },
    13 OpenReceipt { 0 offer, 1 change },
    14 Export {},
    15 ExportKept { 0 before },
    16 JudgeUrl { 0 url },
    17 FindActivities { 0 (0) find },
    18 OpenActivity { 0 number },
    19 ListDays {},
    20 Never { 0 (0) what },
    21 RemoveNever { 0 (0) what },
    22 DismissNotice {},
    23 ConnectNow {},
    24 TakeBack { 0 offer },
    25 SetPops { 0 pops },
    26 Flag { 0 offer, 1 reason, 2 note, 3 input, 4 shown_at },
    27 Seen { 0 offer },
    28 Practised { 0 practice },
    29 SetWarnings { 0 chosen, 1 day_max },
    30 Uncover { 0 offer },
    31 Extend { 0 offer },
    32 SetWishes { 0 wishes },
    33 ShowYou {},
    34 Appeal { 0 offer, 1 words },
    35 LookAtWallet { 0 on },
    36 ShowWallet {},
    37 ConnectWallet { 0 purpose },
    38 WalletYes { 0 ticket, 1 purpose, 2 wallet, 3 lost },
    39 WalletNo {},
    40 WalletVeto { 0 yes },
    41 WalletNewsKnown { 0 number },
    42 PayWhen { 0 schedule, 1 account_agreed },
    43 PayNow {},
    44 FindPayouts { 0 before },
    45 WalletTroubleRead {},
    46 Broken { 0 offer },
    47 AdoptKey {},
    48 EraseAll {},
});

/// How an answer was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerInput {
    /// By a key.
    Keyboard,
    /// By mouse, pen or touch.
    Pointer,
    /// By a program that replays recorded answers; the result says so.
    Replay,
}
codes!(AnswerInput { 0 Keyboard, 1 Pointer, 2 Replay });

/// Which byte to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeByte {
    /// `item`, `offer`, `result` or `verdict`.
    pub part: String,
    /// Any number: taken modulo the part's size.
    pub offset: u64,
}
fields!(ChangeByte { 0 part, 1 offset });
