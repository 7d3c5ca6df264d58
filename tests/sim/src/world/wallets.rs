//! Some are paid to a wallet, several of them to the same one: the popup, the page and the wallet in one, who ask the
//! writer as a connection and the API would.

use ed25519_dalek::Signer;
use lull_market::Command;
use lull_market::Reply;
use lull_market::connect::{Given, Request, Site};
use lull_market::session::Answer;
use lull_protocol::connect::{Purpose, WalletYes};
use lull_protocol::siws::{Chain, Proof};
use lull_protocol::units::{Nonce, Ticket};
use lull_protocol::{Hash, Signed, SigningKey, Wallet};

use super::house::Asker;
use super::{Event, World};
use crate::mix::{bytes, chance, stream};
use crate::plan::{MINUTE, Ms};

/// Wallets there are.
const WALLETS: u64 = 3;
/// Of a thousand, those who are paid to one.
const LINKED: u32 = 350;
/// After a step that came to nothing it begins again, milliseconds.
const AGAIN_MS: Ms = 15 * MINUTE;

/// Somebody who wants to be paid to a wallet.
pub(crate) struct Linking {
    worker: SigningKey,
    wallet: ed25519_dalek::SigningKey,
    /// The ticket of the last try.
    ticket: Option<Hash>,
    is_done: bool,
}

impl Linking {
    fn wallet(&self) -> Option<Wallet> {
        Wallet::new(lull_protocol::PublicKey(self.wallet.verifying_key().to_bytes())).ok()
    }
}

impl World {
    /// Maybe this worker wants a wallet, some time before the faults stop. What that takes is drawn from a stream of its
    /// own.
    pub(super) fn may_want_a_wallet(&mut self, number: usize, worker: &SigningKey) {
        let seed = self.plan.seed;
        let mut rng = stream(seed, "wallet", number as u64);
        if !chance(&mut rng, LINKED) {
            return;
        }
        let mut wallet = stream(seed, "a wallet's own", rng.u64(..WALLETS));
        let wallet = ed25519_dalek::SigningKey::from_bytes(&bytes(&mut wallet));
        self.queue.at(rng.u64(..self.plan.calm_ms.max(1)), Event::Link(self.linkings.len()));
        self.linkings.push(Linking { worker: worker.clone(), wallet, ticket: None, is_done: false });
    }

    /// A ticket is asked for, and again until the worker has its wallet.
    pub(super) fn link(&mut self, number: usize) {
        let Some(linking) = self.linkings.get(number).filter(|linking| !linking.is_done) else { return };
        if self.is_calm {
            return;
        }
        let (worker, purpose) = (linking.worker.public(), Purpose::Link);
        self.queue.after(AGAIN_MS, Event::Link(number));
        let ticket = Ticket(bytes(&mut self.rng));
        self.ask_writer(Command::Wallet(Box::new(Request::Open { worker, purpose, ticket })), Asker::Page(number));
    }

    /// The next step, if the one before it came to something.
    pub(super) fn page_hears(&mut self, number: usize, answer: Answer) {
        let coordinator = self.house.shared.key.public();
        let at = self.house_wall();
        let Answer::Reply(Reply::Wallet { given, .. }) = answer else { return };
        let Some(linking) = self.linkings.get_mut(number) else { return };
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
                let yes = WalletYes { coordinator, purpose: Purpose::Link, ticket, wallet, lost: None, at };
                Request::Agree(Signed::sign(yes, &linking.worker))
            }
            // It is asked for again.
            Given::Refused(_) => return,
            Given::Done => {
                linking.is_done = true;
                return;
            }
        };
        self.ask_writer(Command::Wallet(Box::new(request)), Asker::Page(number));
    }
}
