//! Workers that lie: no machine of ours, frames by hand. Each does some work, so that its lies have something
//! to be about.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use lull_protocol::handshake::{self, CoordinatorHello, WorkerHello};
use lull_protocol::limits::{AMOUNT_MAX, CHUNK_BYTES_MAX, VERSIONS};
use lull_protocol::message::{Message, ReturnReason};
use lull_protocol::rejection::Appeal;
use lull_protocol::statement::Offer;
use lull_protocol::units::Challenge;
use lull_protocol::{ByteCount, DurationMs, Hash, Item, Signed, SigningKey, Timestamp, ToCoordinator, ToWorker, cose};

use super::lies;
use super::net::{ConnId, Parcel, Peer, Side, flipped};
use super::{Event, World};
use crate::mix::{bytes, chance, pick};
use crate::plan::{Habit, LiarPlan, SECOND};

/// Frames that are remembered for replay.
const REMEMBERED: usize = 200;
/// Connections beside each other, unless a race needs more.
const CONNS_MAX: usize = 3;

/// A liar.
pub(crate) struct Liar {
    pub(crate) plan: LiarPlan,
    pub(crate) key: SigningKey,
    pub(crate) rng: Rng,
    conns: BTreeMap<ConnId, Option<WorkerHello>>,
    ready: BTreeSet<ConnId>,
    /// Offers it was given, and what it answered.
    offers: BTreeMap<Hash, (Offer, Item)>,
    answered: BTreeMap<Hash, Vec<u8>>,
    sent: Vec<Vec<u8>>,
    /// Offers of anybody, as far as it could find out.
    heard_of: Vec<Hash>,
    /// Connections on which it plays an honest worker's handshake again, and the proof that comes next.
    played: BTreeMap<ConnId, Vec<u8>>,
}

impl Liar {
    pub(crate) fn new(plan: LiarPlan, key: SigningKey, rng: Rng) -> Self {
        Self {
            plan,
            key,
            rng,
            conns: BTreeMap::new(),
            ready: BTreeSet::new(),
            offers: BTreeMap::new(),
            answered: BTreeMap::new(),
            sent: Vec::new(),
            heard_of: Vec::new(),
            played: BTreeMap::new(),
        }
    }
}

fn count(value: u64) -> ByteCount {
    ByteCount::new(value).expect("below 2^53")
}

impl World {
    fn liar(&mut self, who: usize) -> &mut Liar {
        self.liars.get_mut(who).expect("liars are never removed")
    }

    /// A liar does the next thing that comes to its mind.
    pub(crate) fn liar_acts(&mut self, who: usize) {
        let now = self.queue.now();
        let liar = self.liar(who);
        if now >= liar.plan.until {
            let conns: Vec<ConnId> = std::mem::take(&mut liar.conns).into_keys().collect();
            liar.ready.clear();
            for conn in conns {
                self.net.close(&mut self.queue, conn, Side::Worker, false);
            }
            return;
        }
        let next_ms = if liar.rng.bool() { liar.rng.u64(1..SECOND) } else { liar.rng.u64(SECOND..30 * SECOND) };
        self.queue.after(next_ms, Event::Liar(who));
        let liar = self.liar(who);
        let Some(conn) = pick(&mut liar.rng, &liar.ready.iter().copied().collect::<Vec<_>>()).copied() else {
            if liar.conns.is_empty() {
                self.liar_dials(who);
            }
            return;
        };
        if liar.conns.len() < CONNS_MAX && chance(&mut liar.rng, 40) {
            self.liar_dials(who);
        }
        // Any liar now and then does what another would.
        let liar = self.liar(who);
        let habit = match chance(&mut liar.rng, 150) {
            true => pick(&mut liar.rng, Habit::ALL).copied().unwrap_or(liar.plan.habit),
            false => liar.plan.habit,
        };
        self.liar_lies(who, conn, habit);
        self.liar_works(who, conn, habit);
    }

    fn liar_dials(&mut self, who: usize) {
        let conn = self.net.dial(&mut self.queue, Peer::Liar(who));
        self.liar(who).conns.insert(conn, None);
    }

    /// Sends a frame and remembers it.
    fn liar_sends(&mut self, who: usize, conn: ConnId, message: &ToCoordinator) {
        let liar = self.liar(who);
        let frame = message.to_frame();
        if liar.sent.len() < REMEMBERED {
            liar.sent.push(frame.clone());
        }
        self.liar_sends_raw(conn, frame);
    }

    fn liar_sends_raw(&mut self, conn: ConnId, frame: Vec<u8>) {
        self.net.send(&mut self.queue, conn, Side::House, Parcel::Frame(frame));
    }

    pub(crate) fn liar_receives(&mut self, who: usize, conn: ConnId, parcel: Parcel) {
        let (trust, wall) = (self.trust.clone(), self.wall(0));
        let liar = self.liar(who);
        let message = match parcel {
            Parcel::Open => return self.liar_greets(who, conn),
            Parcel::Close => {
                liar.conns.remove(&conn);
                liar.ready.remove(&conn);
                liar.played.remove(&conn);
                return self.net.close(&mut self.queue, conn, Side::Worker, false);
            }
            Parcel::Frame(bytes) => ToWorker::from_frame(&bytes),
        };
        let Ok(message) = message else { return };
        match message {
            ToWorker::Hello { .. } if liar.played.contains_key(&conn) => {
                let proof = liar.played.remove(&conn).unwrap_or_default();
                self.liar_sends_raw(conn, proof);
                self.liar_sends(who, conn, &ToCoordinator::want(2, 4));
            }
            ToWorker::Hello { version, coordinator, challenge, proof, card } => {
                let Some(Some(hello)) = liar.conns.get(&conn).cloned() else { return };
                let theirs = CoordinatorHello { version, coordinator, challenge, proof: &proof, card: &card };
                let Ok((proof, _)) = handshake::confirm(hello, &theirs, trust.fingerprint(), &liar.key) else { return };
                let verdicts_seen = if chance(&mut liar.rng, 200) { u64::MAX } else { 0 };
                let statement = proof.bytes().to_vec().into();
                self.liar_interrupts(who, conn, 150);
                self.liar_keeps_busy(who);
                self.liar_sends(who, conn, &ToCoordinator::Proof { statement, verdicts_seen, day_start: wall });
                // It does not wait for its welcome.
                (0..6).for_each(|_| self.liar_interrupts(who, conn, 300));
            }
            ToWorker::Welcome { .. } => {
                liar.ready.insert(conn);
                self.liar_sends(who, conn, &ToCoordinator::want(2, 4));
            }
            ToWorker::Assign { offer, item, .. } => {
                let (Ok(read), Ok(item)) = (cose::peek::<Offer>(&offer), Item::from_bytes(&item)) else { return };
                liar.offers.insert(Hash::of(&offer), (read, item));
            }
            ToWorker::Rejected { statement } => {
                let appeal = Appeal { rejection: Hash::of(&statement), words: None, at: wall };
                let statement = Signed::sign(appeal, &liar.key).bytes().to_vec().into();
                self.liar_sends(who, conn, &ToCoordinator::Appeal { statement });
            }
            ToWorker::BodyWanted { offer, offset, bytes } => self.liar_sends_body(who, conn, offer, offset, bytes),
            _ => {}
        }
    }

    fn liar_greets(&mut self, who: usize, conn: ConnId) {
        let origin = self.trust.origin().to_owned();
        let somebody = self.browsers.first().map(|browser| browser.me);
        let Some(liar) = self.liars.get_mut(who) else { return };
        let plays = matches!(liar.plan.habit, Habit::Impersonates | Habit::Replays) && chance(&mut liar.rng, 300);
        if let (true, Some((hello, proof))) = (plays, pick(&mut liar.rng, self.handshakes.make_contiguous())) {
            liar.conns.insert(conn, None);
            liar.played.insert(conn, proof.clone());
            let hello = hello.clone();
            return self.liar_sends_raw(conn, hello);
        }
        let poses = liar.plan.habit == Habit::Impersonates && chance(&mut liar.rng, 300);
        let worker = somebody.filter(|_| poses).unwrap_or(liar.key.public());
        let challenge = Challenge(bytes(&mut liar.rng));
        let hello = WorkerHello { versions: VERSIONS, worker, challenge, origin: origin.clone() };
        liar.conns.insert(conn, Some(hello));
        if liar.plan.habit == Habit::Replays && chance(&mut liar.rng, 200) {
            let sent = liar.sent.clone();
            return sent.into_iter().take(5).for_each(|frame| self.liar_sends_raw(conn, frame));
        }
        self.liar_interrupts(who, conn, 150);
        let versions = if chance(&mut self.liar(who).rng, 50) { (7, 9) } else { VERSIONS };
        self.liar_sends(who, conn, &ToCoordinator::Hello { versions, worker, challenge, origin });
    }

    /// Its other connections have much to ask while a new one takes their seat.
    fn liar_keeps_busy(&mut self, who: usize) {
        let liar = self.liar(who);
        let hash = Hash(bytes(&mut liar.rng));
        for other in liar.ready.clone() {
            for _ in 0..5 {
                self.liar_sends(who, other, &ToCoordinator::GetBlob { hash, offset: ByteCount::ZERO });
                self.liar_sends(
                    who,
                    other,
                    &ToCoordinator::Return { offer: hash, reason: ReturnReason::Skipped, shown_ms: None },
                );
            }
        }
    }

    /// Perhaps a message that does not belong there.
    fn liar_interrupts(&mut self, who: usize, conn: ConnId, of_thousand: u32) {
        let tape = self.net.foreign(Side::House);
        let liar = self.liar(who);
        if chance(&mut liar.rng, of_thousand) {
            let offer = liar.offers.keys().next().copied();
            let frame = lies::anything(&mut liar.rng, offer, tape);
            self.liar_sends_raw(conn, frame);
        }
    }

    /// Some of what it was given, answered.
    fn liar_works(&mut self, who: usize, conn: ConnId, habit: Habit) {
        let wall = self.house_wall();
        let liar = self.liar(who);
        let is_open = |hash: &Hash, offer: &Offer, answered: &BTreeMap<Hash, Vec<u8>>| {
            let is_late = offer.deadline < wall;
            !answered.contains_key(hash) && is_late == (habit == Habit::Dawdles)
        };
        let open = liar.offers.iter().find(|(hash, (offer, _))| is_open(hash, offer, &liar.answered));
        let Some((hash, (offer, item))) = open.map(|(hash, work)| (*hash, work.clone())) else {
            if chance(&mut liar.rng, 200) {
                self.liar_sends(who, conn, &ToCoordinator::want(2, 4));
            }
            return;
        };
        let is_wild = habit == Habit::Forges || habit == Habit::Exaggerates;
        let is_flag = matches!(item, Item::Judgment(_)) && (habit == Habit::Flags || chance(&mut liar.rng, 30));
        let result = match is_flag {
            true => lies::flag(&mut liar.rng, &liar.key, hash, &offer, wall),
            false => lies::result(&mut liar.rng, &liar.key, hash, &offer, &item, wall, is_wild),
        };
        liar.answered.insert(hash, result.clone());
        self.liar_sends(who, conn, &ToCoordinator::Result { statement: result.into() });
        self.liar_sends(who, conn, &ToCoordinator::want(2, 4));
    }

    fn liar_sends_body(&mut self, who: usize, conn: ConnId, offer: Hash, offset: ByteCount, wanted: ByteCount) {
        let liar = self.liar(who);
        let forges = liar.plan.habit == Habit::Forges;
        let body = lies::body_of(&offer, lies::bytes_of(liar.answered.get(&offer)));
        let from = usize::try_from(offset.get()).unwrap_or(usize::MAX);
        let to = from.saturating_add(usize::try_from(wanted.get()).unwrap_or(0)).min(body.len());
        let mut at = from;
        for piece in body.get(from..to).unwrap_or_default().chunks(CHUNK_BYTES_MAX) {
            self.liar_interrupts(who, conn, 100);
            let rng = &mut self.liar(who).rng;
            let (mut bytes, mut offset) = (piece.to_vec(), at as u64);
            if forges {
                match rng.u32(..8) {
                    0 => bytes = flipped(rng, bytes),
                    1 => offset += rng.u64(1..9),
                    2 => return,
                    3 => bytes.push(0),
                    4 => bytes.truncate(piece.len() / 2),
                    _ => {}
                }
            }
            at += piece.len();
            self.liar_sends(who, conn, &ToCoordinator::BodyChunk { offer, offset: count(offset), bytes: bytes.into() });
        }
    }

    fn liar_lies(&mut self, who: usize, conn: ConnId, habit: Habit) {
        let wall = self.house_wall();
        let tape = self.net.foreign(Side::House);
        let me = self.liar(who).key.public();
        let known = self.model.offers_of_others(&me);
        let liar = self.liar(who);
        liar.heard_of = known;
        let answered: Vec<(Hash, Vec<u8>)> = liar.answered.clone().into_iter().collect();
        let mine = pick(&mut liar.rng, &answered).cloned();
        match habit {
            Habit::Replays => {
                for _ in 0..liar.rng.u32(1..6) {
                    let liar = self.liar(who);
                    let frame = pick(&mut liar.rng, &liar.sent).cloned().unwrap_or_default();
                    self.liar_sends_raw(conn, frame);
                }
            }
            Habit::Races => {
                let Some((offer, statement)) = mine else { return };
                self.liar_sends(who, conn, &ToCoordinator::Result { statement: statement.into() });
                let other = self.liar_answers_again(who, offer, wall);
                self.liar_dials(who);
                for conn in self.net.of(Peer::Liar(who)) {
                    self.liar_sends_raw(conn, other.clone());
                }
            }
            Habit::Differs => {
                let Some((offer, _)) = mine else { return };
                let other = self.liar_answers_again(who, offer, wall);
                self.liar_sends_raw(conn, other);
            }
            Habit::Steals => {
                let Some(offer) = pick(&mut liar.rng, &liar.heard_of).copied() else { return };
                let reason = ReturnReason::SwitchedOff;
                let (stolen, chunk) = (lies::stolen(&mut liar.rng, &liar.key, offer, wall), vec![7; 100]);
                self.liar_sends(who, conn, &ToCoordinator::Result { statement: stolen.into() });
                self.liar_sends(who, conn, &ToCoordinator::Return { offer, reason, shown_ms: None });
                let bytes = chunk.into();
                self.liar_sends(who, conn, &ToCoordinator::BodyChunk { offer, offset: ByteCount::ZERO, bytes });
            }
            Habit::Floods => {
                let ping = ToCoordinator::Ping { day_start: wall, verdicts_seen: 0 }.to_frame();
                let frames = if chance(&mut liar.rng, 80) { 1_300 } else { 30 };
                (0..frames).for_each(|_| self.liar_sends_raw(conn, ping.clone()));
            }
            Habit::Impersonates => {
                let other = SigningKey::from_seed(&zeroize::Zeroizing::new(bytes(&mut liar.rng)));
                let Some((offer, _)) = mine else { return };
                let statement = lies::stolen(&mut liar.rng, &other, offer, wall);
                self.liar_sends(who, conn, &ToCoordinator::Result { statement: statement.into() });
            }
            Habit::Exaggerates => self.liar_exaggerates(who, conn),
            Habit::Hoards => {
                let Some(offer) = liar.offers.keys().copied().find(|offer| !liar.answered.contains_key(offer)) else {
                    return;
                };
                let reasons = [
                    ReturnReason::Skipped,
                    ReturnReason::SwitchedOff,
                    ReturnReason::Broken,
                    ReturnReason::TooMany,
                    ReturnReason::Withdrawn,
                    ReturnReason::Filtered,
                    ReturnReason::Unwanted,
                    ReturnReason::RanOut,
                ];
                let reason = *pick(&mut liar.rng, &reasons).unwrap_or(&ReturnReason::TooMany);
                liar.answered.insert(offer, vec![]);
                let shown_ms = DurationMs::new(liar.rng.u64(..600 * SECOND)).filter(|_| reason == ReturnReason::RanOut);
                self.liar_sends(who, conn, &ToCoordinator::Return { offer, reason, shown_ms });
                self.liar_sends(who, conn, &ToCoordinator::want(255, 255));
            }
            Habit::Babbles => {
                let frame = lies::babble(&mut liar.rng, tape);
                self.liar_sends_raw(conn, frame);
            }
            Habit::Hurries => {
                let frames: Vec<Vec<u8>> = liar.sent.iter().rev().take(20).cloned().collect();
                for frame in frames {
                    self.liar_sends_raw(conn, frame);
                }
            }
            Habit::Dawdles | Habit::Forges | Habit::Flags => {}
        }
    }

    /// Another result for an offer that has one.
    fn liar_answers_again(&mut self, who: usize, offer: Hash, wall: Timestamp) -> Vec<u8> {
        let liar = self.liar(who);
        let Some((promise, item)) = liar.offers.get(&offer).cloned() else { return vec![] };
        let statement = lies::result(&mut liar.rng, &liar.key, offer, &promise, &item, wall, false);
        ToCoordinator::Result { statement: statement.into() }.to_frame()
    }

    fn liar_exaggerates(&mut self, who: usize, conn: ConnId) {
        let liar = self.liar(who);
        let far = Timestamp::new(AMOUNT_MAX).unwrap_or(Timestamp::ZERO);
        let most = count(AMOUNT_MAX);
        let anything = Hash(bytes(&mut liar.rng));
        let offer = liar.offers.keys().next().copied().unwrap_or(anything);
        let message = match liar.rng.u32(..6) {
            0 => ToCoordinator::want(255, 255),
            1 => ToCoordinator::Ping { day_start: far, verdicts_seen: u64::MAX },
            2 => ToCoordinator::GetBlob { hash: anything, offset: most },
            3 => ToCoordinator::BodyChunk { offer, offset: most, bytes: vec![0; CHUNK_BYTES_MAX].into() },
            4 => ToCoordinator::Return { offer: anything, reason: ReturnReason::Broken, shown_ms: None },
            _ => ToCoordinator::Ping { day_start: Timestamp::ZERO, verdicts_seen: 1 },
        };
        self.liar_sends(who, conn, &message);
    }
}
