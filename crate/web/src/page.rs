//! What the page does: events in, effects out. It draws nothing and asks nobody.
//!
//! A wallet is foreign code, so nothing of what it answers is believed: the proof must be of the account that was chosen,
//! over this sign-in's own text, and hold. Only then it is sent, so a wallet's fault doesn't cost the ticket. An answer to
//! an attempt that is over changes nothing.

use lull_protocol::Wallet;
use lull_protocol::siws::{self, Proof, SignIn};

/// Digits of a ticket.
const TICKET_HEX_CHARS: usize = 64;

/// A wallet that has registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Which one.
    pub(crate) id: u32,
    /// What it calls itself.
    pub(crate) name: String,
    /// Its picture: a `data:` address of one of the standard's types.
    pub(crate) icon: Option<String>,
    /// How it can sign in; `None`: it can't, on Solana.
    pub(crate) way: Option<Way>,
}

/// How a wallet signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By `solana:signIn`: it builds the text itself.
    SignIn,
    /// By `solana:signMessage`: it is given the text.
    SignMessage,
}

/// What went wrong with a wallet; another try is possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is locked, or shows no account.
    Locked,
    /// The person said no in it.
    Refused,
    /// It threw this.
    Threw(String),
    /// It did not answer in time.
    Silent,
    /// Its answer is not of the standard's form.
    Garbage,
    /// It signed with another account than the one that was chosen.
    OtherAccount,
    /// The account is no longer the one that was chosen.
    AccountChanged,
    /// What it signed doesn't hold.
    Proof(siws::Problem),
    /// The coordinator won't have this account, or not what it signed.
    Account(Code, String),
}

/// The coordinator's reasons, as far as the page has words for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Unknown,
    Expired,
    Used,
    Replaced,
    Spent,
    Declined,
    NotYet,
    Foreign,
    Linked,
    NotLinked,
    AccountChanged,
    SignIn,
    SameWallet,
    WrongAccount,
    OtherWallet,
    WalletFull,
    Listed,
    /// One that came later than this page.
    Other,
}

impl Code {
    const ALL: [(&str, Self); 17] = [
        ("unknown", Self::Unknown),
        ("expired", Self::Expired),
        ("used", Self::Used),
        ("replaced", Self::Replaced),
        ("spent", Self::Spent),
        ("declined", Self::Declined),
        ("not_yet", Self::NotYet),
        ("foreign", Self::Foreign),
        ("linked", Self::Linked),
        ("not_linked", Self::NotLinked),
        ("account_changed", Self::AccountChanged),
        ("sign_in", Self::SignIn),
        ("same_wallet", Self::SameWallet),
        ("wrong_account", Self::WrongAccount),
        ("other_wallet", Self::OtherWallet),
        ("wallet_full", Self::WalletFull),
        ("listed", Self::Listed),
    ];

    /// The code of this word.
    pub(crate) fn from_word(word: &str) -> Self {
        Self::ALL.iter().find(|(known, _)| *known == word).map_or(Self::Other, |(_, code)| *code)
    }
    /// Whether another account, or another signature, can put it right with the same ticket.
    fn is_about_the_account(self) -> bool {
        use Code::{AccountChanged, Listed, OtherWallet, SameWallet, SignIn, WalletFull, WrongAccount};
        matches!(self, AccountChanged | SignIn | SameWallet | WrongAccount | OtherWallet | WalletFull | Listed)
    }
}

/// Why a request to the coordinator failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No answer came.
    Unreachable,
    /// What came is not an answer of a coordinator.
    Unreadable,
    /// It said no.
    Problem(Code, String),
}

/// Why the page can't go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was opened without a ticket, or loaded anew.
    NoTicket,
    /// What stands in the place of the ticket is none.
    BadTicket,
    /// The coordinator's sign-in is for another site than this page's.
    OtherSite,
    /// The coordinator's answer can't be read.
    Unreadable,
    /// The coordinator says so.
    Problem(Code, String),
    /// It says "used" to what was sent a second time: the first may have arrived.
    SentTwice,
}

/// What was asked of the coordinator when it could not be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Take,
    Send(Proof),
}

/// How far the page is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The coordinator is asked for the sign-in.
    Taking,
    /// A wallet is to be chosen; what went wrong with the last one.
    Choosing(Option<Trouble>),
    /// The wallet is asked for its accounts.
    Connecting(u32),
    /// It has shown several.
    Accounts(u32, Vec<Wallet>),
    /// It is asked to sign with this one.
    Signing(u32, Wallet),
    /// The coordinator is given the proof.
    Sending(Proof),
    /// It could not be reached.
    Unreachable(Request),
    /// It has the proof; the worker's yes may come until then, milliseconds since 1970.
    Done(Wallet, u64),
    /// Nothing more can be done here.
    Over(End),
}

/// What has happened.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// The coordinator answered with a sign-in's bytes, or not.
    Taken(Result<Vec<u8>, Failure>),
    /// These wallets are there now.
    Registered(Vec<Found>),
    /// The person chose a wallet.
    Chosen(u32),
    /// In this attempt the wallet has shown these addresses.
    Connected(u32, Result<Vec<String>, Trouble>),
    /// The person chose one of several accounts.
    AccountChosen(Wallet),
    /// In this attempt the wallet has signed.
    Signed(u32, Result<Proof, Trouble>),
    /// In this attempt the wallet says that these are its accounts now.
    AccountsNow(u32, Vec<String>),
    /// The coordinator answered until when the yes may come.
    Sent(Result<u64, Failure>),
    /// The person wants to ask the coordinator again.
    Again,
    /// The person wants another wallet.
    Back,
    /// The sign-in is no longer good.
    TimeIsUp,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Ask the coordinator for the sign-in of this ticket.
    Take(String),
    /// Say [`Event::TimeIsUp`] after so many milliseconds.
    Clock(u64),
    /// Ask the wallet for its accounts.
    Connect { attempt: u32, wallet: u32 },
    /// Ask it to sign with this account.
    Sign { attempt: u32, wallet: u32, way: Way, account: Wallet, sign_in: SignIn },
    /// Give the coordinator the proof.
    Send(String, Proof),
}

/// The page.
#[derive(Debug)]
pub(crate) struct Page {
    /// Host and port of the address, as a browser writes them.
    host: String,
    ticket: String,
    sign_in: Option<SignIn>,
    wallets: Vec<Found>,
    step: Step,
    /// Which choice of a wallet this is: answers to others come too late.
    attempt: u32,
    /// How often the proof was sent.
    sends: u32,
}

impl Page {
    /// A page at this host, opened with this fragment.
    pub(crate) fn open(host: String, fragment: String) -> (Self, Vec<Effect>) {
        let is_hex = fragment.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let (step, effects) = match fragment.len() {
            0 => (Step::Over(End::NoTicket), vec![]),
            TICKET_HEX_CHARS if is_hex => (Step::Taking, vec![Effect::Take(fragment.clone())]),
            _ => (Step::Over(End::BadTicket), vec![]),
        };
        (Self { host, ticket: fragment, sign_in: None, wallets: vec![], step, attempt: 0, sends: 0 }, effects)
    }

    /// How far it is.
    pub(crate) fn step(&self) -> &Step {
        &self.step
    }
    /// What is to be signed, once it is known.
    pub(crate) fn sign_in(&self) -> Option<&SignIn> {
        self.sign_in.as_ref()
    }
    /// The wallets that are there.
    pub(crate) fn wallets(&self) -> &[Found] {
        &self.wallets
    }
    /// The wallet of this number.
    pub(crate) fn wallet(&self, id: u32) -> Option<&Found> {
        self.wallets.iter().find(|found| found.id == id)
    }

    /// Something has happened.
    pub(crate) fn handle(&mut self, event: Event) -> Vec<Effect> {
        match (event, self.step.clone()) {
            (Event::Registered(wallets), _) => self.wallets = wallets,
            (Event::Taken(answer), Step::Taking) => return self.taken(answer),
            (Event::Chosen(wallet), Step::Choosing(_)) => return self.choose(wallet),
            (Event::Connected(attempt, shown), Step::Connecting(wallet)) if attempt == self.attempt => {
                return self.connected(wallet, shown);
            }
            (Event::AccountChosen(account), Step::Accounts(wallet, shown)) if shown.contains(&account) => {
                return self.sign(wallet, account);
            }
            (Event::Signed(attempt, proof), Step::Signing(_, account)) if attempt == self.attempt => {
                return self.signed(account, proof);
            }
            (Event::AccountsNow(attempt, now), step) if attempt == self.attempt => self.changed(&step, &now),
            (Event::Sent(answer), Step::Sending(proof)) => self.answered(proof, answer),
            (Event::Again, Step::Unreachable(Request::Take)) => {
                self.step = Step::Taking;
                return vec![Effect::Take(self.ticket.clone())];
            }
            (Event::Again, Step::Unreachable(Request::Send(proof))) => return self.send(proof),
            (Event::Back, Step::Connecting(_) | Step::Accounts(..) | Step::Signing(..)) => self.choose_again(None),
            (Event::TimeIsUp, Step::Taking | Step::Sending(_) | Step::Done(..) | Step::Over(_)) => {}
            (Event::TimeIsUp, _) => self.step = Step::Over(End::Problem(Code::Expired, String::new())),
            // Too late, or a second click.
            _ => {}
        }
        vec![]
    }

    fn taken(&mut self, answer: Result<Vec<u8>, Failure>) -> Vec<Effect> {
        let bytes = match answer {
            Ok(bytes) => bytes,
            Err(failure) => {
                self.step = match failure {
                    Failure::Unreachable => Step::Unreachable(Request::Take),
                    Failure::Unreadable => Step::Over(End::Unreadable),
                    Failure::Problem(code, detail) => Step::Over(End::Problem(code, detail)),
                };
                return vec![];
            }
        };
        let Ok(sign_in) = SignIn::from_bytes(&bytes) else {
            self.step = Step::Over(End::Unreadable);
            return vec![];
        };
        if sign_in.input().domain != self.host {
            self.step = Step::Over(End::OtherSite);
            return vec![];
        }
        // By how long it lasts, not by when it ends: this machine's clock may be wrong.
        let asked = sign_in.asked();
        let left_ms = asked.expires_at.get().saturating_sub(asked.issued_at.get());
        self.sign_in = Some(sign_in);
        self.step = Step::Choosing(None);
        vec![Effect::Clock(left_ms)]
    }

    fn choose(&mut self, wallet: u32) -> Vec<Effect> {
        if self.wallet(wallet).is_none_or(|found| found.way.is_none()) {
            return vec![];
        }
        self.attempt += 1;
        self.step = Step::Connecting(wallet);
        vec![Effect::Connect { attempt: self.attempt, wallet }]
    }

    /// What the last attempt still answers comes too late from here on.
    fn choose_again(&mut self, trouble: Option<Trouble>) {
        self.attempt += 1;
        self.step = Step::Choosing(trouble);
    }

    fn connected(&mut self, wallet: u32, shown: Result<Vec<String>, Trouble>) -> Vec<Effect> {
        let shown = match shown {
            Ok(shown) => shown,
            Err(trouble) => {
                self.choose_again(Some(trouble));
                return vec![];
            }
        };
        let accounts: Vec<Wallet> = shown.iter().filter_map(|address| address.parse().ok()).collect();
        match accounts.as_slice() {
            [] => self.choose_again(Some(if shown.is_empty() { Trouble::Locked } else { Trouble::Garbage })),
            [account] => return self.sign(wallet, *account),
            _ => self.step = Step::Accounts(wallet, accounts),
        }
        vec![]
    }

    fn sign(&mut self, wallet: u32, account: Wallet) -> Vec<Effect> {
        let way = self.wallet(wallet).and_then(|found| found.way);
        let (Some(way), Some(sign_in)) = (way, self.sign_in.clone()) else { return vec![] };
        self.step = Step::Signing(wallet, account);
        vec![Effect::Sign { attempt: self.attempt, wallet, way, account, sign_in }]
    }

    fn signed(&mut self, account: Wallet, proof: Result<Proof, Trouble>) -> Vec<Effect> {
        let checked = proof.and_then(|proof| self.check(account, &proof).map(|()| proof));
        match checked {
            Ok(proof) => self.send(proof),
            Err(trouble) => {
                self.choose_again(Some(trouble));
                vec![]
            }
        }
    }

    /// As the coordinator will; but whether it is in time only the coordinator's clock tells.
    fn check(&self, account: Wallet, proof: &Proof) -> Result<(), Trouble> {
        if proof.wallet != account {
            return Err(Trouble::OtherAccount);
        }
        let Some(sign_in) = &self.sign_in else { return Ok(()) };
        sign_in.verify(proof, sign_in.asked().issued_at).map_err(Trouble::Proof)
    }

    fn changed(&mut self, step: &Step, now: &[String]) {
        let is_there = |account: &Wallet| now.iter().any(|address| *address == account.to_string());
        let is_other = match step {
            Step::Accounts(_, shown) => !shown.iter().all(is_there),
            Step::Signing(_, account) => !is_there(account),
            // Before it is connected a wallet's accounts come and go; what is signed stays signed.
            _ => false,
        };
        if is_other {
            self.choose_again(Some(Trouble::AccountChanged));
        }
    }

    fn send(&mut self, proof: Proof) -> Vec<Effect> {
        self.sends += 1;
        self.step = Step::Sending(proof.clone());
        vec![Effect::Send(self.ticket.clone(), proof)]
    }

    fn answered(&mut self, proof: Proof, answer: Result<u64, Failure>) {
        let is_repeat = self.sends > 1;
        match answer {
            Ok(until) => self.step = Step::Done(proof.wallet, until),
            Err(Failure::Unreachable) => {
                self.step = Step::Unreachable(Request::Send(proof));
                return;
            }
            Err(Failure::Unreadable) => self.step = Step::Over(End::Unreadable),
            Err(Failure::Problem(Code::Used, _)) if is_repeat => self.step = Step::Over(End::SentTwice),
            Err(Failure::Problem(code, detail)) if code.is_about_the_account() => {
                self.choose_again(Some(Trouble::Account(code, detail)));
            }
            Err(Failure::Problem(code, detail)) => self.step = Step::Over(End::Problem(code, detail)),
        }
        self.sends = 0;
    }
}

#[cfg(test)]
mod tests;
