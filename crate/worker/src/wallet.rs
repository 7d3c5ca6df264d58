//! How the worker is paid: its wallet, its payouts, and the person's word on both.
//!
//! What the coordinator tells is kept, so that the popup shows it without a connection. Nothing is signed on that: a yes is
//! signed only for what is asked on the connection of the moment, and only if it is what was on screen. A yes and a veto are
//! stored before they are sent, and are sent again on each connection for as long as the coordinator asks for them.
//! All else can be asked for again, so it isn't stored.

use lull_protocol::cbor::{self, ByteVec};
use lull_protocol::connect::{
    Purpose, Rebinding, WalletAsked, WalletBrowser, WalletEvent, WalletRefusal, WalletState, WalletVeto, WalletYes,
};
use lull_protocol::cose::{Signed, Statement};
use lull_protocol::limits::WALLET_NEWS_MAX;
use lull_protocol::payout::{Payout, Payouts};
use lull_protocol::siws::Chain;
use lull_protocol::units::Ticket;
use lull_protocol::{Hash, PublicKey, Timestamp, ToCoordinator, Wallet, fields};
use lull_view::{Command, OlderPayouts, PayoutsGlance, WalletCall, WalletGlance, WalletPage, WalletTrouble};

use crate::records::Key;
use crate::storage::After;
use crate::{Worker, limits};

/// The record `wallet-said`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SaidRecord {
    /// `Signed<WalletYes>`.
    yes: Option<ByteVec>,
    /// `Signed<WalletVeto>`, each.
    vetoes: Vec<ByteVec>,
    trouble: Option<WalletTrouble>,
}
fields!(SaidRecord { 0 yes, 1 vetoes, 2 trouble });

/// What the person said and the coordinator hasn't answered.
#[derive(Debug)]
struct Said<T> {
    statement: Signed<T>,
    /// Whether storage holds it; before that it is not sent.
    is_durable: bool,
    /// Whether it went out on this connection.
    is_sent: bool,
}

impl<T: Statement> Said<T> {
    fn new(statement: Signed<T>) -> Self {
        Self { statement, is_durable: false, is_sent: false }
    }
    fn restored(statement: Signed<T>) -> Self {
        Self { statement, is_durable: true, is_sent: false }
    }
    fn is_durable_now(&mut self, hash: &Hash) {
        self.is_durable |= self.statement.hash() == *hash;
    }
    /// Its bytes, once on each connection.
    fn take_due(&mut self) -> Option<ByteVec> {
        let is_due = self.is_durable && !self.is_sent;
        self.is_sent |= is_due;
        is_due.then(|| self.statement.bytes().to_vec().into())
    }
}

/// A ticket that no wallet has signed in by yet. It is a secret: it is in no record and no log.
struct OpenTicket {
    ticket: Ticket,
    /// The browser's clock.
    until: Timestamp,
}

/// Wallet and payouts.
#[derive(Default)]
pub(crate) struct Purse {
    /// As they were told last.
    pub(crate) state: Option<WalletState>,
    pub(crate) payouts: Option<Payouts>,
    /// The state was told on this connection.
    is_fresh: bool,
    yes: Option<Said<WalletYes>>,
    vetoes: Vec<Said<WalletVeto>>,
    trouble: Option<WalletTrouble>,
    /// A ticket was asked for on this connection.
    opening: Option<Purpose>,
    ticket: Option<OpenTicket>,
    /// Payouts before this number were asked for on this connection.
    finding: Option<u64>,
    older: Option<OlderPayouts>,
    /// The workers of the wallet, as they were told last while the page was open.
    browsers: Vec<WalletBrowser>,
    /// They were asked for on this connection, and have changed since, maybe.
    is_asking_browsers: bool,
    are_browsers_due: bool,
    /// The page of the wallet is open.
    is_looked_at: bool,
    revision: u32,
}

impl Purse {
    /// What storage held of the person's words; `None` if this key hasn't signed one of them.
    pub(crate) fn read(said: SaidRecord, me: &PublicKey) -> Option<Self> {
        let yes = match said.yes {
            Some(bytes) => Some(Said::restored(Signed::verify(&bytes, me).ok()?)),
            None => None,
        };
        let vetoes = said.vetoes.into_iter().map(|bytes| Signed::verify(&bytes, me).ok().map(Said::restored));
        Some(Self { yes, vetoes: vetoes.collect::<Option<_>>()?, trouble: said.trouble, ..Self::default() })
    }

    /// What storage is to hold; `None`: nothing was said.
    pub(crate) fn said(&self) -> Option<SaidRecord> {
        let said = SaidRecord {
            yes: self.yes.as_ref().map(|yes| yes.statement.bytes().to_vec().into()),
            vetoes: self.vetoes.iter().map(|veto| veto.statement.bytes().to_vec().into()).collect(),
            trouble: self.trouble,
        };
        (said != SaidRecord::default()).then_some(said)
    }

    /// Whether there is to be a connection, whatever is switched off: the person looks, a ticket is open, or a word of
    /// theirs is on its way.
    pub(crate) fn needs_link(&self) -> bool {
        let is_under_way = self.yes.is_some() || !self.vetoes.is_empty();
        self.is_looked_at || self.ticket.is_some() || is_under_way
    }

    fn asked(&self) -> Option<&WalletAsked> {
        self.state.as_ref()?.asked.as_ref()
    }

    fn rebinds(&self) -> &[Rebinding] {
        self.state.as_ref().map_or(&[], |state| &state.rebinds)
    }

    fn is_vetoed(&self, yes: &Hash) -> bool {
        self.vetoes.iter().any(|veto| veto.statement.payload().yes == *yes)
    }

    fn has_said(&self, ticket: &Hash) -> bool {
        self.yes.as_ref().is_some_and(|yes| yes.statement.payload().ticket == *ticket)
    }

    /// Whether what a yes was for shows in the state.
    fn came_about(&self, yes: &Signed<WalletYes>) -> bool {
        let said = yes.payload();
        let is_paid_to_it = self.state.as_ref().and_then(|state| state.wallet) == Some(said.wallet);
        match said.purpose {
            Purpose::Link | Purpose::Change => is_paid_to_it,
            Purpose::Unlink => !is_paid_to_it,
            Purpose::Rebind => self.rebinds().iter().any(|rebinding| rebinding.yes == yes.hash()),
            Purpose::PutOut => self.state.as_ref().is_some_and(|state| {
                let told = WalletEvent::OtherPutOut { worker: said.lost.unwrap_or(*yes.signer()), by: *yes.signer() };
                // With so much news, it may be among what is not told yet.
                state.news.len() >= WALLET_NEWS_MAX || state.news.iter().any(|news| news.what == told)
            }),
        }
    }

    /// On a new connection: what was asked on the last one has no answer any more.
    pub(crate) fn forget_what_was_sent(&mut self) {
        (self.is_fresh, self.opening, self.finding) = (false, None, None);
        (self.is_asking_browsers, self.are_browsers_due) = (false, self.is_looked_at);
        self.yes.iter_mut().for_each(|yes| yes.is_sent = false);
        self.vetoes.iter_mut().for_each(|veto| veto.is_sent = false);
    }

    /// The last page is closed.
    pub(crate) fn let_be(&mut self) {
        (self.is_looked_at, self.older, self.are_browsers_due) = (false, None, false);
        self.browsers.clear();
    }

    /// Storage holds these words.
    pub(crate) fn are_durable(&mut self, hash: &Hash) {
        self.yes.iter_mut().for_each(|yes| yes.is_durable_now(hash));
        self.vetoes.iter_mut().for_each(|veto| veto.is_durable_now(hash));
    }
}

impl Worker {
    /// Why a command about the wallet is not carried out.
    pub(crate) fn wallet_objection(&self, command: &Command) -> Option<&'static str> {
        let needs_state = matches!(command, Command::WalletYes { .. });
        let needs_line = matches!(
            command,
            Command::ConnectWallet { .. }
                | Command::WalletNewsKnown { .. }
                | Command::PayWhen { .. }
                | Command::PayNow
                | Command::FindPayouts { .. }
        );
        let is_there = self.is_ready() && (self.purse.is_fresh || !needs_state);
        let needs = needs_state || needs_line;
        (needs && !is_there).then_some("There is no connection to the coordinator. Try again when there is one.")
    }

    /// Carries a command about the wallet out.
    pub(crate) fn wallet_command(&mut self, command: &Command, now: Timestamp) {
        match *command {
            Command::LookAtWallet { on } => {
                self.purse.let_be();
                (self.purse.is_looked_at, self.purse.are_browsers_due) = (on, on);
                return self.purse_changed();
            }
            Command::ConnectWallet { purpose } => {
                (self.purse.ticket, self.purse.opening) = (None, Some(purpose));
                self.send(&ToCoordinator::OpenTicket { purpose });
            }
            Command::WalletYes { ticket, purpose, wallet, lost } => {
                return self.say_yes((ticket, purpose, wallet), lost, now);
            }
            Command::WalletNo => self.say_no(),
            Command::WalletVeto { yes } => self.say_veto(yes, now),
            Command::WalletNewsKnown { number } => return self.send(&ToCoordinator::WalletNewsKnown { number }),
            Command::PayWhen { schedule, account_agreed } => {
                return self.send(&ToCoordinator::PayWhen { schedule, account_agreed });
            }
            Command::PayNow => return self.send(&ToCoordinator::PayNow),
            Command::FindPayouts { before } => {
                self.purse.finding = Some(before);
                return self.send(&ToCoordinator::PayoutsBefore { number: before });
            }
            _ => {}
        }
        self.set_trouble(None);
    }

    /// Signs a yes, if all of it is what is asked now.
    fn say_yes(&mut self, seen: (Hash, Purpose, Wallet), lost: Option<PublicKey>, now: Timestamp) {
        let Some(coordinator) = self.coordinator.as_ref().map(|coordinator| coordinator.key) else { return };
        let (ticket, purpose, wallet) = seen;
        if self.purse.has_said(&ticket) {
            return;
        }
        let is_asked = self.purse.asked().is_some_and(|asked| {
            let fits = match lost {
                Some(lost) => purpose.names_another() && asked.others.contains(&lost),
                None => !purpose.names_another(),
            };
            fits && (asked.ticket, asked.purpose, asked.wallet) == seen
        });
        if !is_asked {
            return self.set_trouble(Some(WalletTrouble::Changed));
        }
        let at = self.coordinator_now(now);
        let yes = Signed::sign(WalletYes { coordinator, purpose, ticket, wallet, lost, at }, &self.key);
        let hash = yes.hash();
        (self.purse.yes, self.purse.trouble) = (Some(Said::new(yes)), None);
        self.persist([Key::WalletSaid], After::WalletSaid(hash));
        self.purse_changed();
    }

    /// A yes that storage may hold already goes as well.
    fn say_no(&mut self) {
        let asked = self.purse.asked().map(|asked| asked.ticket);
        let open = self.purse.ticket.take().map(|open| open.ticket.hash());
        self.purse.opening = None;
        if self.purse.yes.take().is_some() {
            self.persist([Key::WalletSaid], After::Nothing);
        }
        if let Some(ticket) = open.or(asked) {
            self.send(&ToCoordinator::WalletNo { ticket });
        }
        self.purse_changed();
    }

    /// A veto needs no connection: it is about what was told once and can't change.
    fn say_veto(&mut self, yes: Hash, now: Timestamp) {
        let Some(coordinator) = self.coordinator.as_ref().map(|coordinator| coordinator.key) else { return };
        let is_open = self.purse.rebinds().iter().any(|rebinding| rebinding.yes == yes);
        if !is_open || self.purse.is_vetoed(&yes) {
            return;
        }
        let veto = Signed::sign(WalletVeto { coordinator, yes, at: self.coordinator_now(now) }, &self.key);
        let hash = veto.hash();
        self.purse.vetoes.push(Said::new(veto));
        self.persist([Key::WalletSaid], After::WalletSaid(hash));
        self.purse_changed();
    }

    /// Sends what is durable, was not sent on this connection, and is still asked for.
    pub(crate) fn send_wallet_words(&mut self) {
        if !self.is_ready() || !self.purse.is_fresh {
            return;
        }
        let yes =
            self.purse.yes.as_mut().and_then(Said::take_due).map(|statement| ToCoordinator::WalletYes { statement });
        let vetoes = self.purse.vetoes.iter_mut().filter_map(Said::take_due);
        let vetoes = vetoes.map(|statement| ToCoordinator::WalletVeto { statement });
        let mut due: Vec<ToCoordinator> = yes.into_iter().chain(vetoes).collect();
        // Only a coordinator that has told of a wallet pays to one.
        if self.purse.are_browsers_due && !self.purse.is_asking_browsers && self.purse.is_fresh {
            (self.purse.are_browsers_due, self.purse.is_asking_browsers) = (false, true);
            due.push(ToCoordinator::WalletBrowsers);
        }
        due.iter().for_each(|message| self.send(message));
    }

    /// An open ticket has its time.
    pub(crate) fn tick_wallet(&mut self, now: Timestamp) {
        let Some(open) = &mut self.purse.ticket else { return };
        // A clock that was set back makes nothing last longer.
        open.until = open.until.min(now.plus(limits::TICKET_MS_MAX));
        if now >= open.until {
            self.purse.ticket = None;
            self.purse_changed();
        }
    }

    /// When the next thing about the wallet is over.
    pub(crate) fn wallet_due_at(&self, now: Timestamp) -> Option<Timestamp> {
        let ticket = self.purse.ticket.as_ref().map(|open| open.until);
        let asked = self.purse.asked().map(|asked| self.clock.to_local(asked.until)).filter(|until| *until > now);
        [ticket, asked].into_iter().flatten().min()
    }

    /// A ticket, if one was asked for.
    pub(crate) fn ticket_told(&mut self, ticket: Ticket, purpose: Purpose, expires_at: Timestamp, now: Timestamp) {
        if self.purse.opening.take_if(|opening| *opening == purpose).is_some() {
            let until = self.clock.to_local(expires_at).min(now.plus(limits::TICKET_MS_MAX));
            self.purse.ticket = Some(OpenTicket { ticket, until });
            self.purse_changed();
        }
    }

    /// How the worker stands with its wallet, now.
    pub(crate) fn wallet_told(&mut self, state: WalletState) {
        let is_of_ticket = |open: &mut OpenTicket| state.asked.as_ref().is_some_and(|a| a.ticket == open.ticket.hash());
        self.purse.ticket.take_if(is_of_ticket);
        if state.asked.is_some() {
            self.purse.opening = None;
        }
        self.purse.is_fresh = true;
        self.purse.are_browsers_due = self.purse.is_looked_at;
        let is_other = self.purse.state.as_ref() != Some(&state);
        self.purse.state = Some(state);
        let had_words = self.purse.said();
        self.end_words();
        if self.purse.said() != had_words {
            self.persist_wallet(Key::WalletSaid);
        }
        if is_other {
            self.persist_wallet(Key::Wallet);
        }
        self.purse_changed();
    }

    /// Words that the coordinator no longer asks for are over.
    fn end_words(&mut self) {
        let asked = self.purse.asked().map(|asked| asked.ticket);
        let is_over = |yes: &mut Said<WalletYes>| asked != Some(yes.statement.payload().ticket);
        if let Some(yes) = self.purse.yes.take_if(is_over)
            && !self.purse.came_about(&yes.statement)
        {
            self.purse.trouble = Some(WalletTrouble::Lapsed);
        }
        let open: Vec<Hash> = self.purse.rebinds().iter().map(|rebinding| rebinding.yes).collect();
        self.purse.vetoes.retain(|veto| open.contains(&veto.statement.payload().yes));
    }

    /// The workers of its wallet, if they were asked for.
    pub(crate) fn wallet_browsers_told(&mut self, browsers: Vec<WalletBrowser>) {
        if std::mem::take(&mut self.purse.is_asking_browsers) && self.purse.is_looked_at {
            self.purse.browsers = browsers;
            self.purse_changed();
        }
    }

    /// Something was refused; nothing changed.
    pub(crate) fn wallet_refused(&mut self, about: Option<Hash>, why: WalletRefusal) {
        self.purse.opening = None;
        if let Some(about) = about {
            self.purse.ticket.take_if(|open| open.ticket.hash() == about);
            self.purse.yes.take_if(|yes| yes.statement.payload().ticket == about);
            self.purse.vetoes.retain(|veto| veto.statement.payload().yes != about);
        }
        self.purse.trouble = Some(WalletTrouble::Refused(why));
        self.persist_wallet(Key::WalletSaid);
        self.purse_changed();
    }

    /// The payouts, now.
    pub(crate) fn payouts_told(&mut self, payouts: Payouts) {
        self.purse.payouts = Some(payouts);
        self.persist_lazily(Key::Payouts);
        self.purse_changed();
    }

    /// Older payouts, if these were asked for.
    pub(crate) fn older_payouts_told(&mut self, before: u64, payouts: Vec<Payout>, has_older: bool) {
        if self.purse.finding.take_if(|number| *number == before).is_some() {
            self.purse.older = Some(OlderPayouts { before, payouts, has_older });
            self.purse_changed();
        }
    }

    fn set_trouble(&mut self, trouble: Option<WalletTrouble>) {
        if self.purse.trouble != trouble {
            self.purse.trouble = trouble;
            self.persist_wallet(Key::WalletSaid);
        }
        self.purse_changed();
    }

    /// Writes a record at once, but never twice at a time: whoever floods the line doesn't flood storage.
    fn persist_wallet(&mut self, key: Key) {
        if self.storage.is_writing(key) {
            self.persist_lazily(key);
        } else {
            self.persist([key], After::Nothing);
        }
    }

    fn purse_changed(&mut self) {
        self.purse.revision = self.purse.revision.wrapping_add(1);
        self.changed();
    }

    /// What waits for the person's word.
    pub(crate) fn wallet_call(&self, now: Timestamp) -> Option<WalletCall> {
        let purse = &self.purse;
        let is_threat = |rebinding: &Rebinding| rebinding.worker != self.me && !purse.is_vetoed(&rebinding.yes);
        let is_open = |asked: &WalletAsked| asked.until > self.coordinator_now(now) && !purse.has_said(&asked.ticket);
        if purse.rebinds().iter().any(is_threat) {
            return Some(WalletCall::Rebinding);
        }
        if purse.asked().is_some_and(is_open) {
            return Some(WalletCall::Asked);
        }
        if purse.trouble.is_some() {
            return Some(WalletCall::Trouble);
        }
        let has_news = purse.state.as_ref().is_some_and(|state| !state.news.is_empty());
        has_news.then_some(WalletCall::News)
    }

    pub(crate) fn wallet_glance(&self, now: Timestamp) -> WalletGlance {
        let glance = |payouts: &Payouts| PayoutsGlance {
            in_payout: payouts.in_payout.get(),
            paid: payouts.paid.get(),
            is_test: payouts.chain != Chain::Mainnet,
        };
        WalletGlance {
            payouts: self.purse.payouts.as_ref().map(glance),
            is_connected: self.purse.state.as_ref().is_some_and(|state| state.wallet.is_some()),
            call: self.wallet_call(now),
            revision: self.purse.revision,
            is_looked_at: self.purse.is_looked_at,
        }
    }

    pub(crate) fn wallet_page(&self) -> WalletPage {
        let purse = &self.purse;
        let address = |open: &OpenTicket| {
            // `wss` becomes `https`, and `ws` to this machine `http`.
            let origin = self.config.trust.origin().strip_prefix("ws").unwrap_or_default();
            format!("http{origin}/connect#{}", open.ticket)
        };
        WalletPage {
            state: purse.state.as_ref().map(|state| cbor::encode(state).into()),
            payouts: purse.payouts.as_ref().map(|payouts| cbor::encode(payouts).into()),
            older: purse.older.as_ref().map(|older| cbor::encode(older).into()),
            is_fresh: purse.is_fresh && self.is_ready(),
            address: purse.ticket.as_ref().map(address),
            said: purse.yes.as_ref().map(|yes| yes.statement.payload().ticket),
            vetoed: purse.vetoes.iter().map(|veto| veto.statement.payload().yes).collect(),
            trouble: purse.trouble,
            browsers: purse.browsers.clone(),
        }
    }
}
