//! A small coordinator: real keys, real frames, a plan of items, and a memory that outlives the worker.

use std::collections::{BTreeMap, VecDeque};

use lull_protocol::cose::Signed;
use lull_protocol::handshake::{self, WorkerHello};
use lull_protocol::limits::{BLOB_BYTES_MAX, CHUNK_BYTES_MAX, FETCH_LEASES_MAX, JUDGMENT_LEASES_MAX};
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::statement::*;
use lull_protocol::units::{Challenge, Nonce};
use lull_protocol::*;

use super::paying::Paying;

/// How many body bytes are asked for at a time: small, so that a body takes several rounds.
const WINDOW_BYTES: u64 = 100_000;
/// What each item pays, base units.
pub const PRICE: u64 = 4_000;

/// Where its connection stands.
#[derive(Clone, Debug)]
pub enum Session {
    Closed,
    New,
    Greeted(Box<Transcript>),
    Ready,
}

#[derive(Clone)]
pub struct Coordinator {
    pub key: SigningKey,
    pub card: OperatorCard,
    /// Items that nobody has yet, in order.
    pub plan: VecDeque<Item>,
    pub blobs: BTreeMap<Hash, Vec<u8>>,
    /// Says nothing when it is asked for a blob.
    pub holds_blobs: bool,
    /// Open leases: offer and item.
    pub leases: BTreeMap<Hash, (Vec<u8>, Vec<u8>)>,
    /// All offers ever made, with their class.
    pub offers: BTreeMap<Hash, JobClass>,
    /// Every result ever received, stored or not: there must be one per offer.
    pub heard: BTreeMap<Hash, Vec<u8>>,
    pub stored: BTreeMap<Hash, Vec<u8>>,
    pub bodies: BTreeMap<Hash, Vec<u8>>,
    pub verdicts: Vec<Vec<u8>>,
    pub verdicts_seen: u64,
    pub returned: Vec<(Hash, ReturnReason)>,
    pub session: Session,
    /// Who spoke last: whose verdicts it numbers.
    pub worker: Option<PublicKey>,
    /// Its verdicts say whose they are.
    pub places_verdicts: bool,
    pub lease_ms: u64,
    /// The last extension of each lease.
    pub extensions: BTreeMap<Hash, Extension>,
    /// Answers nobody who wants more time.
    pub is_slow: bool,
    /// What it tells of projects.
    pub pace: Option<Pace>,
    /// And of the skips that are free.
    pub skips_left: Option<u32>,
    /// Results are left without an answer.
    pub is_mute: bool,
    /// Results are stored, but their verdicts wait.
    pub keeps_verdicts: bool,
    /// Judgments are reviewed by their buyer.
    pub is_reviewed: bool,
    /// What it knows of the worker's wallet; `None`: it pays nobody.
    pub paying: Option<Paying>,
    want: (u8, u8),
    transfers: BTreeMap<Hash, (Vec<u8>, Vec<u8>)>,
    day_start: Timestamp,
    count: u64,
}

impl Coordinator {
    pub fn new() -> Self {
        let card = OperatorCard {
            name: "Quiet Labs".into(),
            country: "CH".into(),
            contact: "help@example.org".into(),
            fee_bp: 1_000,
            asset: "demo credits".into(),
            demo: true,
            signed_at: Timestamp::ZERO,
        };
        Self {
            key: super::key(7),
            card,
            plan: VecDeque::new(),
            blobs: BTreeMap::new(),
            holds_blobs: false,
            leases: BTreeMap::new(),
            offers: BTreeMap::new(),
            heard: BTreeMap::new(),
            stored: BTreeMap::new(),
            bodies: BTreeMap::new(),
            verdicts: Vec::new(),
            verdicts_seen: 0,
            returned: Vec::new(),
            session: Session::Closed,
            worker: None,
            places_verdicts: true,
            lease_ms: 600_000,
            extensions: BTreeMap::new(),
            is_slow: false,
            pace: None,
            skips_left: None,
            is_mute: false,
            keeps_verdicts: false,
            is_reviewed: false,
            paying: None,
            want: (0, 0),
            transfers: BTreeMap::new(),
            day_start: Timestamp::ZERO,
            count: 0,
        }
    }

    pub fn close(&mut self) {
        self.session = Session::Closed;
        self.transfers.clear();
        self.want = (0, 0);
    }

    pub fn is_ready(&self) -> bool {
        matches!(self.session, Session::Ready)
    }

    /// An offer of this item, signed, with the lease's end at `deadline`.
    pub fn offer(&mut self, item: &Item, worker: PublicKey, now: Timestamp) -> Signed<Offer> {
        self.count += 1;
        let (class, rule) = match item {
            Item::Fetch(f) => (JobClass::Fetch, AcceptanceRule::FetchChecks { bytes_max: f.bytes_max }),
            Item::Judgment(_) if self.is_reviewed => {
                (JobClass::Judgment, AcceptanceRule::Review { agree: 1, people: 1 })
            }
            Item::Judgment(_) => (JobClass::Judgment, AcceptanceRule::Agreement { agree: 2, people: 3 }),
        };
        let offer = Offer {
            worker,
            item: item.hash(),
            class,
            nonce: Nonce(u128::from(self.count).to_be_bytes()),
            price: Price { per_item: Amount::new(PRICE).unwrap(), per_mib: Amount::ZERO },
            asset: "demo credits".into(),
            rule,
            issued_at: now,
            deadline: now.plus(self.lease_ms),
            approved_at: now.plus(2 * self.lease_ms),
        };
        Signed::sign(offer, &self.key)
    }

    /// Leases an item and gives the frame's message.
    pub fn assign(&mut self, item: &Item, worker: PublicKey, now: Timestamp) -> ToWorker {
        let offer = self.offer(item, worker, now);
        let (bytes, item_bytes) = (offer.bytes().to_vec(), item.to_bytes());
        self.offers.insert(offer.hash(), offer.payload().class);
        self.leases.insert(offer.hash(), (bytes.clone(), item_bytes.clone()));
        let pace = self.pace;
        ToWorker::Assign {
            offer: bytes.into(),
            item: item_bytes.into(),
            extension: None,
            pace,
            record: None,
            skips_left: self.skips_left,
        }
    }

    /// Makes the next extension of a lease.
    pub fn extend(&mut self, offer: Hash) -> Vec<u8> {
        let first = cose::peek::<Offer>(&self.leases[&offer].0).unwrap();
        let number = self.extensions.get(&offer).map_or(0, |extension| extension.number) + 1;
        let more_ms = first.deadline.since(first.issued_at) * u64::from(number);
        let extension = Extension { offer, number, deadline: first.deadline.plus(more_ms) };
        self.extensions.insert(offer, extension.clone());
        Signed::sign(extension, &self.key).bytes().to_vec()
    }

    pub fn receive(&mut self, message: ToCoordinator, worker: PublicKey, now: Timestamp) -> Vec<ToWorker> {
        self.worker = Some(worker);
        match (&self.session, message) {
            (Session::New, ToCoordinator::Hello { versions, worker, challenge, origin }) => {
                let hello = WorkerHello { versions, worker, challenge, origin: origin.clone() };
                let (transcript, proof) =
                    handshake::answer(hello, &origin, Challenge([9; 32]), &self.key).expect("a good hello");
                let card = Signed::sign(self.card.clone(), &self.key);
                self.session = Session::Greeted(Box::new(transcript.clone()));
                vec![ToWorker::Hello {
                    version: transcript.version,
                    coordinator: self.key.public(),
                    challenge: transcript.coordinator_challenge,
                    proof: proof.bytes().to_vec().into(),
                    card: card.bytes().to_vec().into(),
                }]
            }
            (Session::Greeted(transcript), ToCoordinator::Proof { statement, verdicts_seen, day_start }) => {
                handshake::admit(transcript, &statement).expect("a good proof");
                self.session = Session::Ready;
                self.verdicts_seen = verdicts_seen;
                self.day_start = day_start;
                let mut out = vec![ToWorker::Welcome { now }, self.account()];
                out.extend(self.paying.iter().flat_map(Paying::told));
                let signed = |e: &Extension| Signed::sign(e.clone(), &self.key).bytes().to_vec().into();
                let extension = |hash: &Hash| self.extensions.get(hash).map(signed);
                for (hash, (offer, item)) in &self.leases {
                    out.push(ToWorker::Assign {
                        offer: offer.clone().into(),
                        item: item.clone().into(),
                        extension: extension(hash),
                        pace: self.pace,
                        record: None,
                        skips_left: self.skips_left,
                    });
                }
                out.extend((verdicts_seen as usize..self.verdicts.len()).map(|i| self.verdict_message(i)));
                out
            }
            (Session::Ready, message) => self.at_work(message, worker, now),
            (session, message) => panic!("{message:?} does not belong in {session:?}"),
        }
    }

    fn at_work(&mut self, message: ToCoordinator, worker: PublicKey, now: Timestamp) -> Vec<ToWorker> {
        match message {
            ToCoordinator::Want { fetch, judgment, .. } => {
                self.want = (fetch, judgment);
                self.serve(worker, now)
            }
            ToCoordinator::Result { statement } => self.result(statement.into(), worker, now),
            ToCoordinator::BodyChunk { offer, offset, bytes } => self.chunk(offer, offset, &bytes, now),
            ToCoordinator::Return { offer, reason, .. } => {
                self.leases.remove(&offer);
                self.returned.push((offer, reason));
                Vec::new()
            }
            ToCoordinator::GetBlob { .. } if self.holds_blobs => Vec::new(),
            ToCoordinator::Extend { offer } if self.leases.contains_key(&offer) => {
                let statement = self.extend(offer).into();
                if self.is_slow { Vec::new() } else { vec![ToWorker::Extended { statement }] }
            }
            ToCoordinator::Extend { offer } => {
                vec![ToWorker::Refused { about: Some(offer), code: RefusedCode::LeaseExpired }]
            }
            ToCoordinator::GetBlob { hash, offset } => {
                let Some(blob) = self.blobs.get(&hash) else {
                    return vec![ToWorker::Refused { about: Some(hash), code: RefusedCode::UnknownBlob }];
                };
                assert!(blob.len() as u64 <= BLOB_BYTES_MAX);
                let total = ByteCount::new(blob.len() as u64).unwrap();
                let start = offset.get() as usize;
                let pieces = blob[start..].chunks(CHUNK_BYTES_MAX).enumerate();
                let at = |i: usize| ByteCount::new((start + i * CHUNK_BYTES_MAX) as u64).unwrap();
                pieces
                    .map(|(i, p)| ToWorker::BlobChunk { hash, total, offset: at(i), bytes: p.to_vec().into() })
                    .collect()
            }
            ToCoordinator::Ping { verdicts_seen, day_start } => {
                assert!(verdicts_seen >= self.verdicts_seen, "verdicts are never unseen");
                self.verdicts_seen = verdicts_seen;
                self.day_start = day_start;
                vec![ToWorker::Pong { now }, self.account()]
            }
            // Tests answer it by hand.
            ToCoordinator::Appeal { .. } => Vec::new(),
            message => match &mut self.paying {
                Some(paying) => paying.receive(message, worker, now),
                None => panic!("{message:?} at work"),
            },
        }
    }

    /// Leases what is wanted, within the limits.
    pub fn serve(&mut self, worker: PublicKey, now: Timestamp) -> Vec<ToWorker> {
        let mut out = Vec::new();
        let mut later = VecDeque::new();
        while let Some(item) = self.plan.pop_front() {
            let open = |class| self.leases.keys().filter(|o| self.offers[*o] == class).count();
            let (wanted, is_full) = match item {
                Item::Fetch(_) => (&mut self.want.0, open(JobClass::Fetch) >= FETCH_LEASES_MAX.into()),
                Item::Judgment(_) => (&mut self.want.1, open(JobClass::Judgment) >= JUDGMENT_LEASES_MAX.into()),
            };
            if *wanted == 0 || is_full {
                later.push_back(item);
            } else {
                *wanted -= 1;
                out.push(self.assign(&item, worker, now));
            }
        }
        self.plan = later;
        out
    }

    fn result(&mut self, statement: Vec<u8>, worker: PublicKey, now: Timestamp) -> Vec<ToWorker> {
        let signed = Signed::<WorkResult>::verify(&statement, &worker).expect("signed by the worker");
        let result = signed.payload();
        let before = self.heard.entry(result.offer).or_insert_with(|| statement.clone());
        assert_eq!(*before, statement, "one offer, one result, the same bytes each time");
        if self.is_mute {
            return Vec::new();
        }
        let is_stored = self.stored.contains_key(&result.offer);
        match &result.report {
            Report::Fetch(f) if !is_stored && f.outcome.is_paid() && f.body_bytes.get() > 0 => {
                self.transfers.insert(result.offer, (statement, Vec::new()));
                vec![body_wanted(result.offer, 0, f.body_bytes.get())]
            }
            _ => self.store(result.offer, statement, now),
        }
    }

    fn chunk(&mut self, offer: Hash, offset: ByteCount, bytes: &[u8], now: Timestamp) -> Vec<ToWorker> {
        assert!(bytes.len() <= CHUNK_BYTES_MAX);
        let Some((statement, body)) = self.transfers.get_mut(&offer) else { return Vec::new() };
        assert_eq!(offset.get(), body.len() as u64, "pieces come in order, inside what was wanted");
        body.extend_from_slice(bytes);
        let result = cose::peek::<WorkResult>(statement).unwrap();
        let Report::Fetch(report) = &result.report else { panic!("a body without a fetch") };
        let (have, total) = (body.len() as u64, report.body_bytes.get());
        if have == total {
            let (statement, body) = self.transfers.remove(&offer).unwrap();
            assert_eq!(Hash::of(&body), report.body_hash);
            self.bodies.insert(offer, body);
            return self.store(offer, statement, now);
        }
        if have % WINDOW_BYTES == 0 { vec![body_wanted(offer, have, total)] } else { Vec::new() }
    }

    fn store(&mut self, offer: Hash, statement: Vec<u8>, now: Timestamp) -> Vec<ToWorker> {
        let hash = Hash::of(&statement);
        if self.stored.insert(offer, statement.clone()).is_some() {
            return vec![ToWorker::Ack { offer, result: hash }];
        }
        self.leases.remove(&offer);
        let mut out = vec![ToWorker::Ack { offer, result: hash }];
        if !self.keeps_verdicts {
            out.push(self.decide(&statement, now));
            out.push(self.account());
        }
        out
    }

    /// The next verdict, about this result.
    pub fn decide(&mut self, statement: &[u8], now: Timestamp) -> ToWorker {
        let result = cose::peek::<WorkResult>(statement).unwrap();
        let is_paid = match &result.report {
            Report::Fetch(f) => f.outcome.is_paid(),
            _ => true,
        };
        let (decision, reason, amount) = match (&result.report, is_paid) {
            (_, false) => (Decision::Rejected, VerdictReason::UnpaidOutcome, 0),
            (Report::Fetch(_), true) => (Decision::Accepted, VerdictReason::ChecksPassed, PRICE),
            (Report::Flag(_) | Report::Withdrawn, true) => (Decision::Accepted, VerdictReason::Stopped, PRICE),
            (Report::Judgment(_), true) => (Decision::Accepted, VerdictReason::Agreed, PRICE),
        };
        let amount = Amount::new(amount).unwrap();
        let worker = self.worker.filter(|_| self.places_verdicts);
        let place = worker.map(|worker| VerdictPlace { worker, number: self.verdicts.len() as u64 + 1 });
        let verdict =
            Verdict { result: Hash::of(statement), decision, reason, amount, decided_at: now, place, rejection: None };
        self.verdicts.push(Signed::sign(verdict, &self.key).bytes().to_vec());
        self.verdict_message(self.verdicts.len() - 1)
    }

    fn verdict_message(&self, index: usize) -> ToWorker {
        ToWorker::Verdict { number: index as u64 + 1, statement: self.verdicts[index].clone().into() }
    }

    fn account(&self) -> ToWorker {
        let earned = self.verdicts.iter().map(|v| cose::peek::<Verdict>(v).unwrap().amount.get()).sum();
        let earned = Amount::new(earned).unwrap();
        ToWorker::Account {
            earned,
            pending: earned,
            payable: Amount::ZERO,
            earned_today: earned,
            day_start: self.day_start,
            reversed: None,
        }
    }
}

fn body_wanted(offer: Hash, offset: u64, total: u64) -> ToWorker {
    let bytes = ByteCount::new(WINDOW_BYTES.min(total - offset)).unwrap();
    ToWorker::BodyWanted { offer, offset: ByteCount::new(offset).unwrap(), bytes }
}
