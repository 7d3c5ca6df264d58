//! A worker's wallet over its connection: what it may ask for, and what it hears.

use lull_protocol::connect::{Purpose, WalletRefusal, WalletVeto, WalletYes};
use lull_protocol::limits::AMOUNT_MAX;
use lull_protocol::message::RefusedCode;
use lull_protocol::{Hash, Timestamp, ToWorker, cose};

use super::io::{Answer, Question};
use super::out::{Asked, Step};
use super::work::Work;
use crate::command::{Command, Refusal, Reply};
use crate::connect::{Given, Problem, Request};

/// A day, milliseconds.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

impl Work {
    pub(super) fn open_ticket(&mut self, step: &mut Step<'_>, purpose: Purpose) {
        let question = Question::OpenTicket { worker: self.worker, purpose };
        step.out.ask(question, Asked::WalletStep { about: None });
    }

    pub(super) fn wallet_yes(&mut self, step: &mut Step<'_>, statement: &[u8]) {
        match self.verified::<WalletYes>(statement) {
            Ok(yes) => Self::ask_for(step, Some(yes.payload().ticket), Request::Agree(yes)),
            Err(_) => {
                let about = cose::peek::<WalletYes>(statement).ok().map(|yes| yes.ticket);
                self.refuse(step, about, RefusedCode::Signature);
            }
        }
    }

    pub(super) fn wallet_no(&mut self, step: &mut Step<'_>, ticket: Hash) {
        Self::ask_for(step, Some(ticket), Request::Decline { worker: self.worker, ticket });
    }

    pub(super) fn wallet_veto(&mut self, step: &mut Step<'_>, statement: &[u8]) {
        match self.verified::<WalletVeto>(statement) {
            Ok(veto) => Self::ask_for(step, Some(veto.payload().yes), Request::Veto(veto)),
            Err(_) => {
                let about = cose::peek::<WalletVeto>(statement).ok().map(|veto| veto.yes);
                self.refuse(step, about, RefusedCode::Signature);
            }
        }
    }

    pub(super) fn wallet_known(&mut self, step: &mut Step<'_>, number: u64) {
        let number = number.min(AMOUNT_MAX);
        Self::ask_for(step, None, Request::Known { worker: self.worker, number });
    }

    /// Once a day (UTC) on each connection, of a worker that is paid to a wallet.
    pub(super) fn seen_today(&mut self, step: &mut Step<'_>) {
        self.seen_day = Some(step.now.wall.get() / DAY_MS);
        let request = Request::Seen { worker: self.worker };
        step.out.ask(Question::Command(Command::Wallet(Box::new(request))), Asked::Seen);
    }

    pub(super) fn is_seen_due(&self, now: Timestamp) -> bool {
        self.is_linked && self.seen_day != Some(now.get() / DAY_MS)
    }

    fn ask_for(step: &mut Step<'_>, about: Option<Hash>, request: Request) {
        step.out.ask(Question::Command(Command::Wallet(Box::new(request))), Asked::WalletStep { about });
    }

    pub(super) fn wallet_stepped(&mut self, step: &mut Step<'_>, about: Option<Hash>, answer: Answer) {
        match answer {
            Answer::Reply(Reply::Wallet { given: Given::Ticket { ticket, purpose, expires_at }, .. }) => {
                step.out.send(ToWorker::Ticket { ticket, purpose, expires_at });
                // A question that an earlier ticket has put is over with it.
                self.wallet_due = true;
            }
            // Where payouts go may be another place now.
            Answer::Reply(_) => (self.wallet_due, self.payouts_due) = (true, true),
            Answer::Refused(Refusal::Wallet(problem)) => {
                step.out.send(ToWorker::WalletRefused { about, why: refusal(&problem) });
            }
            _ => step.out.send(ToWorker::WalletRefused { about, why: WalletRefusal::Unavailable }),
        }
    }
}

/// What a worker hears of a problem. Of what a wallet signed, it is the page that hears.
fn refusal(problem: &Problem) -> WalletRefusal {
    match problem {
        Problem::Unknown => WalletRefusal::Unknown,
        Problem::Expired => WalletRefusal::Expired,
        Problem::Used | Problem::Spent => WalletRefusal::Used,
        Problem::Replaced => WalletRefusal::Replaced,
        Problem::Declined => WalletRefusal::Declined,
        Problem::NotYet | Problem::SignIn(_) => WalletRefusal::NotYet,
        Problem::Foreign => WalletRefusal::Foreign,
        Problem::OtherCoordinator => WalletRefusal::OtherCoordinator,
        Problem::OtherPurpose => WalletRefusal::OtherPurpose,
        Problem::AccountChanged | Problem::OtherWallet => WalletRefusal::AccountChanged,
        Problem::TooMany => WalletRefusal::TooMany,
        Problem::Linked => WalletRefusal::Linked,
        Problem::NotLinked => WalletRefusal::NotLinked,
        Problem::SameWallet => WalletRefusal::SameWallet,
        Problem::WrongAccount => WalletRefusal::WrongAccount,
        Problem::NotOfThisWallet => WalletRefusal::NotOfThisWallet,
        Problem::Rebinding => WalletRefusal::Rebinding,
        Problem::WalletFull => WalletRefusal::WalletFull,
        Problem::Listed => WalletRefusal::Listed,
        Problem::Decided => WalletRefusal::Decided,
        Problem::Fault(_) => WalletRefusal::Unavailable,
    }
}
