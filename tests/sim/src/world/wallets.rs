//! Some are paid to a wallet, several of them to the same one: the popup, the page and the wallet in one, who ask the
//! writer as a connection and the API would.

use ed25519_dalek::Signer;
use fastrand::Rng;
use lull_market::connect::{Given, Problem, Request, Site};
use lull_market::session::Answer;
use lull_market::{Command, Refusal, Reply};
use lull_protocol::connect::{Purpose, WalletYes};
use lull_protocol::payout::{Schedule, Weekday};
use lull_protocol::siws::{Chain, Proof};
use lull_protocol::units::{Nonce, Ticket};
use lull_protocol::{Amount, Hash, Signed, SigningKey, Wallet};

use super::house::Asker;
use super::pay::ACCOUNT_RENT;
use super::{Event, World};
use crate::mix::{bytes, chance, pick, stream};
use crate::plan::{HOUR, MINUTE, Ms};

/// Wallets there are.
const WALLETS: u64 = 3;
/// Of a thousand, those who are paid to one; and where the coordinator pays.
const LINKED: u32 = 350;
const LINKED_TO_BE_PAID: u32 = 850;
/// After a step that came to nothing it begins again, milliseconds.
const AGAIN_MS: Ms = 15 * MINUTE;
/// Once the faults have stopped, everybody says so often that they want to be paid at once.
const LAST_WISHES: u32 = 3;
/// Lamports of a SOL.
const LAMPORTS_PER_SOL: u64 = 1_000_000_000;

/// Somebody who wants to be paid to a wallet.
pub(crate) struct Linking {
    worker: SigningKey,
    wallet: ed25519_dalek::SigningKey,
    /// What they want of it now.
    purpose: Purpose,
    /// The ticket of the last try.
    ticket: Option<Hash>,
    is_done: bool,
    last_wishes: u32,
    rng: Rng,
}

impl Linking {
    fn wallet(&self) -> Option<Wallet> {
        wallet_of(&self.wallet)
    }
}

fn wallet_of(key: &ed25519_dalek::SigningKey) -> Option<Wallet> {
    Wallet::new(lull_protocol::PublicKey(key.verifying_key().to_bytes())).ok()
}

fn key_of(seed: u64, number: u64) -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&bytes(&mut stream(seed, "a wallet's own", number)))
}

/// All wallets of a run.
pub(super) fn named(seed: u64) -> Vec<Wallet> {
    (0..WALLETS).filter_map(|number| wallet_of(&key_of(seed, number))).collect()
}

/// The same, as payouts know them.
pub(super) fn all(seed: u64) -> Vec<lull_payout::address::Wallet> {
    named(seed).into_iter().map(Into::into).collect()
}

impl World {
    /// Maybe this worker wants a wallet, some time before the faults stop. What that takes is drawn from a stream of its
    /// own.
    pub(super) fn may_want_a_wallet(&mut self, number: usize, worker: &SigningKey) {
        let seed = self.plan.seed;
        let mut rng = stream(seed, "wallet", number as u64);
        let pays = self.plan.pays.is_some();
        if !chance(&mut rng, if pays { LINKED_TO_BE_PAID } else { LINKED }) {
            return;
        }
        let wallet = key_of(seed, rng.u64(..WALLETS));
        // Where they are paid most come early, so that there is something to be paid to.
        let until_ms = if pays && rng.bool() { self.plan.calm_ms.min(HOUR) } else { self.plan.calm_ms };
        self.queue.at(rng.u64(..until_ms.max(1)), Event::Link(self.linkings.len()));
        let own = stream(seed, "wishes", number as u64);
        let (purpose, last_wishes) = (Purpose::Link, LAST_WISHES);
        let worker = worker.clone();
        self.linkings.push(Linking { worker, wallet, purpose, ticket: None, is_done: false, last_wishes, rng: own });
    }

    /// A ticket is asked for, and again until the worker has its wallet.
    pub(super) fn link(&mut self, number: usize) {
        let Some(linking) = self.linkings.get_mut(number).filter(|linking| !linking.is_done) else { return };
        if self.is_calm {
            return;
        }
        let (worker, purpose) = (linking.worker.public(), linking.purpose);
        self.queue.after(AGAIN_MS, Event::Link(number));
        let ticket = Ticket(bytes(&mut self.rng));
        linking.ticket = Some(ticket.hash());
        self.ask_writer(Command::Wallet(Box::new(Request::Open { worker, purpose, ticket })), Asker::Page(number));
    }

    /// The next step, if the one before it came to something.
    pub(super) fn page_hears(&mut self, number: usize, answer: Answer) {
        let coordinator = self.house.shared.key.public();
        let at = self.house_wall();
        let Some(linking) = self.linkings.get_mut(number) else { return };
        let given = match answer {
            Answer::Reply(Reply::Wallet { given, .. }) => given,
            // It came about, and nobody heard of it.
            Answer::Refused(Refusal::Wallet(Problem::Linked | Problem::SameWallet)) => Given::Done,
            Answer::Refused(Refusal::Wallet(Problem::NotLinked)) => {
                linking.purpose = Purpose::Link;
                return;
            }
            _ => return,
        };
        let Some(wallet) = linking.wallet() else { return };
        let request = match given {
            Given::Ticket { ticket, .. } => {
                linking.ticket = Some(ticket.hash());
                let origin = self.house.shared.origins.first().cloned().unwrap_or_default();
                let (site, nonce) = (Site { origin, chain: Chain::Localnet }, Nonce(bytes(&mut self.rng)));
                Request::Take { ticket: ticket.hash(), site, nonce }
            }
            Given::SignIn(sign_in) => {
                let message = sign_in.text(&wallet).into_bytes();
                let signature = linking.wallet.sign(&message).to_bytes();
                Request::SignIn { ticket: sign_in.asked().ticket, proof: Proof { wallet, message, signature } }
            }
            Given::Asked(_) => {
                let Some(ticket) = linking.ticket else { return };
                let yes = WalletYes { coordinator, purpose: linking.purpose, ticket, wallet, lost: None, at };
                Request::Agree(Signed::sign(yes, &linking.worker))
            }
            Given::Done => return self.has_wallet(number),
        };
        self.ask_writer(Command::Wallet(Box::new(request)), Asker::Page(number));
    }

    /// What was wanted of the wallet came about; where the coordinator pays, they go on to say how they want it.
    fn has_wallet(&mut self, number: usize) {
        let pays = self.plan.pays.is_some();
        let Some(linking) = self.linkings.get_mut(number) else { return };
        linking.is_done = true;
        if !pays {
            return;
        }
        if linking.purpose == Purpose::Unlink {
            // Some time later they want one again.
            (linking.purpose, linking.is_done) = (Purpose::Link, false);
            return;
        }
        let after_ms = linking.rng.u64(..10 * MINUTE);
        self.queue.after(after_ms, Event::Wish(number));
    }

    /// Somebody with a wallet says when they want to be paid, wants it now, or wants another wallet or none.
    pub(super) fn wishes(&mut self, number: usize) {
        let (seed, is_calm) = (self.plan.seed, self.is_calm);
        let Some(sol) = self.plan.pays.as_ref().map(|pays| pays.sol.get()) else { return };
        let Some(linking) = self.linkings.get_mut(number) else { return };
        let (worker, rng) = (linking.worker.public(), &mut linking.rng);
        let account = Amount::new((ACCOUNT_RENT * sol).div_ceil(LAMPORTS_PER_SOL)).unwrap_or_default();
        if is_calm {
            let Some(left) = linking.last_wishes.checked_sub(1) else { return };
            linking.last_wishes = left;
            self.queue.after(10 * MINUTE, Event::Wish(number));
            let command = Command::PayWhen { worker, schedule: Schedule::Now, account_agreed: account };
            return self.ask_writer(command, Asker::Page(number));
        }
        let next_ms = rng.u64(20 * MINUTE..12 * HOUR);
        let command = match rng.u32(..100) {
            0..50 => {
                let schedule = match rng.u32(..10) {
                    0..5 => Schedule::Now,
                    5..8 => Schedule::At(Amount::new(rng.u64(1..60_000)).unwrap_or_default()),
                    _ => Schedule::Weekly(*pick(rng, &Weekday::ALL).unwrap_or(&Weekday::Friday)),
                };
                let account_agreed = if chance(rng, 850) { account } else { Amount::ZERO };
                Command::PayWhen { worker, schedule, account_agreed }
            }
            50..85 => Command::PayNow { worker },
            85..95 => {
                linking.wallet = key_of(seed, rng.u64(..WALLETS));
                (linking.purpose, linking.is_done) = (Purpose::Change, false);
                return self.queue.after(0, Event::Link(number));
            }
            _ => {
                (linking.purpose, linking.is_done) = (Purpose::Unlink, false);
                return self.queue.after(0, Event::Link(number));
            }
        };
        self.queue.after(next_ms, Event::Wish(number));
        self.ask_writer(command, Asker::Page(number));
    }

    /// The faults have stopped: whoever has a wallet wants to be paid at once.
    pub(crate) fn all_want_to_be_paid(&mut self) {
        for number in 0..self.linkings.len() {
            let after_ms = self.linkings.get_mut(number).map_or(0, |linking| linking.rng.u64(..MINUTE));
            self.queue.after(after_ms, Event::Wish(number));
        }
    }
}
