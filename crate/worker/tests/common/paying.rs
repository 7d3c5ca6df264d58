//! The part of the small coordinator that pays: tickets, both yeses, vetoes, payouts.

use std::collections::BTreeMap;

use lull_protocol::connect::{
    Purpose, Rebinding, WalletAsked, WalletBrowser, WalletEvent, WalletNews, WalletRefusal, WalletState, WalletVeto,
    WalletYes,
};
use lull_protocol::cose::Signed;
use lull_protocol::payout::{NextPayout, Payout, PayoutStage, Payouts, Schedule, When};
use lull_protocol::siws::Chain;
use lull_protocol::units::Ticket;
use lull_protocol::{Amount, Hash, PublicKey, Timestamp, ToCoordinator, ToWorker, Wallet};

/// The wallet of a key.
pub fn wallet(seed: u8) -> Wallet {
    Wallet::new(super::key(seed).public()).unwrap()
}

pub fn units(amount: u64) -> Amount {
    Amount::new(amount).unwrap()
}

/// A payout of this number.
pub fn payout(number: u64, stage: PayoutStage) -> Payout {
    let made_at = super::at(super::START_MS + number * 60_000);
    Payout {
        number,
        made_at,
        wallet: wallet(90),
        share: units(600_000),
        earnings: units(1_200_300),
        arrives: units(1_200_000),
        fee: units(300),
        account: Amount::ZERO,
        stage,
        transaction: None,
        paid_at: None,
        since: super::at(super::START_MS),
    }
}

#[derive(Clone)]
pub struct Paying {
    pub state: WalletState,
    pub payouts: Payouts,
    /// Secrets that were handed out, the newest last.
    pub tickets: Vec<(Ticket, Purpose)>,
    /// The yes to each ticket: there must be one.
    pub yeses: BTreeMap<Hash, Vec<u8>>,
    pub vetoes: BTreeMap<Hash, Vec<u8>>,
    /// Yeses and vetoes are heard and left without an answer.
    pub is_mute: bool,
    /// Somebody else says frames in its name: nobody can be held to one yes.
    pub is_lied_about: bool,
    /// Yeses and vetoes are refused.
    pub refuses: Option<WalletRefusal>,
    /// The workers of the wallet.
    pub browsers: Vec<WalletBrowser>,
    /// What else was asked.
    pub asked: Vec<ToCoordinator>,
}

impl Paying {
    pub fn new() -> Self {
        let payouts = Payouts {
            chain: Chain::Localnet,
            in_payout: units(5_000),
            paid: units(1_200_000),
            schedule: Schedule::Now,
            next: Some(NextPayout {
                earnings: units(1_200_300),
                arrives: units(1_200_000),
                fee: units(300),
                account: Amount::ZERO,
                when: When::Now,
                day: None,
            }),
            standstill: None,
            newest: vec![payout(7, PayoutStage::Sent), payout(6, PayoutStage::Paid)],
            has_older: true,
        };
        Self {
            state: WalletState::default(),
            payouts,
            tickets: Vec::new(),
            yeses: BTreeMap::new(),
            vetoes: BTreeMap::new(),
            is_mute: false,
            is_lied_about: false,
            refuses: None,
            browsers: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// What is said after the welcome.
    pub fn told(&self) -> Vec<ToWorker> {
        vec![self.wallet(), ToWorker::Payouts(Box::new(self.payouts.clone()))]
    }

    pub fn wallet(&self) -> ToWorker {
        ToWorker::Wallet(Box::new(self.state.clone()))
    }

    /// On the page a wallet signs in with the newest ticket.
    pub fn sign_in(&mut self, wallet: Wallet, others: Vec<PublicKey>, now: Timestamp) -> ToWorker {
        let (ticket, purpose) = self.tickets.last().unwrap();
        let (ticket, purpose) = (ticket.hash(), *purpose);
        self.state.asked = Some(WalletAsked { ticket, purpose, wallet, until: now.plus(300_000), others });
        self.wallet()
    }

    /// Somebody wants to take a place.
    pub fn rebinding(&mut self, worker: PublicKey, lost: PublicKey, now: Timestamp) -> Rebinding {
        let yes = Hash::of(&[self.state.rebinds.len() as u8, worker.0[0]]);
        let rebinding = Rebinding { yes, worker, lost, due: now.plus(86_400_000) };
        self.state.rebinds.push(rebinding);
        let number = self.state.news.last().map_or(1, |news| news.number + 1);
        self.state.news.push(WalletNews { number, at: now, what: WalletEvent::Rebinding(rebinding) });
        rebinding
    }

    pub fn receive(&mut self, message: ToCoordinator, worker: PublicKey, now: Timestamp) -> Vec<ToWorker> {
        match message {
            ToCoordinator::OpenTicket { purpose: Purpose::Unlink } => {
                let Some(wallet) = self.state.wallet else {
                    return vec![ToWorker::WalletRefused { about: None, why: WalletRefusal::NotLinked }];
                };
                let ticket = Hash::of(b"unlink");
                let until = now.plus(300_000);
                let others = Vec::new();
                self.state.asked = Some(WalletAsked { ticket, purpose: Purpose::Unlink, wallet, until, others });
                vec![self.wallet()]
            }
            ToCoordinator::OpenTicket { purpose } => {
                let ticket = Ticket([self.tickets.len() as u8 + 1; 32]);
                self.tickets.push((Ticket(ticket.0), purpose));
                vec![ToWorker::Ticket { ticket, purpose, expires_at: now.plus(300_000) }]
            }
            ToCoordinator::WalletBrowsers => vec![ToWorker::WalletBrowsers { browsers: self.browsers.clone() }],
            ToCoordinator::WalletYes { statement } => self.yes(statement.into(), worker),
            ToCoordinator::WalletVeto { statement } => self.veto(statement.into(), worker),
            ToCoordinator::WalletNo { ticket } => {
                self.state.asked.take_if(|asked| asked.ticket == ticket);
                self.asked.push(ToCoordinator::WalletNo { ticket });
                vec![self.wallet()]
            }
            ToCoordinator::WalletNewsKnown { number } => {
                self.state.news.retain(|news| news.number > number);
                vec![self.wallet()]
            }
            other => {
                self.asked.push(other);
                Vec::new()
            }
        }
    }

    fn yes(&mut self, statement: Vec<u8>, worker: PublicKey) -> Vec<ToWorker> {
        let yes = Signed::<WalletYes>::verify(&statement, &worker).expect("signed by the worker");
        let said = yes.payload();
        let before = self.yeses.entry(said.ticket).or_insert_with(|| statement.clone());
        assert!(self.is_lied_about || *before == statement, "one ticket, one yes, the same bytes each time");
        if self.is_mute {
            return Vec::new();
        }
        if let Some(why) = self.refuses {
            return vec![ToWorker::WalletRefused { about: Some(said.ticket), why }];
        }
        if let Some(asked) = self.state.asked.take_if(|asked| asked.ticket == said.ticket) {
            let is_what_was_asked = (asked.wallet, asked.purpose) == (said.wallet, said.purpose);
            assert!(self.is_lied_about || is_what_was_asked);
            match said.purpose {
                Purpose::Unlink => self.state.wallet = None,
                Purpose::PutOut => {
                    let gone = said.lost.expect("who is put out is named");
                    self.browsers.retain(|browser| browser.worker != gone);
                    let what = WalletEvent::OtherPutOut { worker: gone, by: worker };
                    self.state.news.push(WalletNews { number: 1, at: said.at, what });
                }
                _ => self.state.wallet = Some(said.wallet),
            }
        }
        vec![self.wallet()]
    }

    fn veto(&mut self, statement: Vec<u8>, worker: PublicKey) -> Vec<ToWorker> {
        let veto = Signed::<WalletVeto>::verify(&statement, &worker).expect("signed by the worker");
        let yes = veto.payload().yes;
        let before = self.vetoes.entry(yes).or_insert_with(|| statement.clone());
        assert!(self.is_lied_about || *before == statement, "one rebinding, one veto, the same bytes each time");
        if self.is_mute {
            return Vec::new();
        }
        if let Some(why) = self.refuses {
            return vec![ToWorker::WalletRefused { about: Some(yes), why }];
        }
        self.state.rebinds.retain(|rebinding| rebinding.yes != yes);
        vec![self.wallet()]
    }
}
