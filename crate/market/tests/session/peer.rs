//! One connection with both its sides in the test's hands: the worker's frames and the shell's answers.

use std::sync::Arc;

use lull_market::facts::{AccountFacts, ItemFacts, LeaseFacts, OrderFacts, Person, SubmitFacts};
use lull_market::session::{Answer, End, Found, House, Input, Now, Output, Query, Question, Session, Stage};
use lull_market::{ItemId, ItemState, Lease, LeaseId, LeaseState, NumberedVerdict, RequesterId};
use lull_protocol::handshake::{self, CoordinatorHello, WorkerHello};
use lull_protocol::limits::VERSIONS;
use lull_protocol::message::Message as _;
use lull_protocol::siws::Chain;
use lull_protocol::statement::{
    AcceptanceRule, FetchReport, Hop, Input as Hand, JobClass, JudgmentReport, Offer, OperatorCard, Outcome, Price,
    Report, Traffic, WorkResult,
};
use lull_protocol::units::{Challenge, Nonce};
use lull_protocol::{
    Amount, ByteCount, FetchItem, Hash, Item, Method, OrderId, PublicKey, Signed, SigningKey, Timestamp, ToCoordinator,
    ToWorker,
};
use zeroize::Zeroizing;

pub(crate) const ORIGIN: &str = "wss://lull.example";
const URL: &str = "https://www.rust-lang.org/page";

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([seed; 32]))
}

pub(crate) fn at(ms: u64) -> Timestamp {
    Timestamp::new(1_700_000_000_000).unwrap().plus(ms)
}

pub(crate) fn bytes(count: usize) -> ByteCount {
    ByteCount::new(count as u64).unwrap()
}

/// The coordinator's side of a connection, and where its clock is.
pub(crate) struct Peer {
    pub(crate) session: Session,
    pub(crate) now_ms: u64,
    pub(crate) key: SigningKey,
}

impl Peer {
    /// Before the handshake. The clock does not begin at zero.
    pub(crate) fn raw() -> Self {
        Self::with_challenge([7; 32])
    }

    pub(crate) fn with_challenge(challenge: [u8; 32]) -> Self {
        Self::of(challenge, None)
    }

    /// Of a coordinator that pays, before the handshake.
    pub(crate) fn paying() -> Self {
        Self::on(Some(Chain::Localnet))
    }

    /// Of a coordinator that pays on a chain, or nobody.
    pub(crate) fn on(chain: Option<Chain>) -> Self {
        Self::of([7; 32], chain)
    }

    fn of(challenge: [u8; 32], chain: Option<Chain>) -> Self {
        let card = OperatorCard {
            name: "Test".into(),
            country: "EE".into(),
            contact: "test@lull.example".into(),
            fee_bp: 1_000,
            asset: "demo".into(),
            demo: true,
            signed_at: at(0),
        };
        let card = Signed::sign(card, &key(200)).bytes().to_vec();
        let house = House { key: key(200), card, origins: vec![ORIGIN.into()], chain };
        let now_ms = 5_000;
        let now = Now { monotonic_ms: now_ms, wall: at(now_ms) };
        Self { session: Session::new(Arc::new(house), Challenge(challenge), now), now_ms, key: key(1) }
    }

    /// With its seat, its account, no lease and no verdict.
    pub(crate) fn serving() -> Self {
        let mut peer = Self::raw();
        peer.prove(0);
        peer.open(vec![], vec![]);
        assert_eq!((peer.session.stage(), peer.session.worker()), (Stage::Serving, Some(peer.key.public())));
        peer
    }

    pub(crate) fn feed(&mut self, input: Input<'_>) -> Vec<Output> {
        let now = Now { monotonic_ms: self.now_ms, wall: at(self.now_ms) };
        self.session.handle(input, now);
        std::iter::from_fn(|| self.session.poll_output()).collect()
    }

    pub(crate) fn says(&mut self, message: &ToCoordinator) -> Vec<Output> {
        self.feed(Input::Frame(&message.to_frame()))
    }

    pub(crate) fn answer(&mut self, answer: Answer) -> Vec<Output> {
        self.feed(Input::Answer(answer))
    }

    pub(crate) fn finds(&mut self, found: Found) -> Vec<Output> {
        self.answer(Answer::Found(found))
    }

    /// Lets time pass, with a tick only where one was asked for.
    pub(crate) fn passes(&mut self, ms: u64) -> Vec<Output> {
        let until = self.now_ms + ms;
        let mut outputs = Vec::new();
        while let Some(due) = self.session.wakes_at().filter(|due| *due <= until) {
            self.now_ms = due.max(self.now_ms);
            outputs.extend(self.feed(Input::Tick));
            assert!(!self.is_late(), "a tick that leaves itself due would come again and again");
        }
        self.now_ms = until;
        outputs
    }

    /// Whether a tick is due.
    pub(crate) fn is_late(&self) -> bool {
        self.session.wakes_at().is_some_and(|due| due <= self.now_ms)
    }

    pub(crate) fn hello(&self) -> WorkerHello {
        let challenge = Challenge([9; 32]);
        WorkerHello { versions: VERSIONS, worker: self.key.public(), challenge, origin: ORIGIN.into() }
    }

    /// Says hello; gives the proof that comes next.
    pub(crate) fn greet(&mut self) -> ToCoordinator {
        let outputs = self.says(&hello_message(self.hello()));
        let [ToWorker::Hello { version, coordinator, challenge, proof, card }] = &sent(&outputs)[..] else {
            panic!("no hello came back: {outputs:?}")
        };
        let theirs =
            CoordinatorHello { version: *version, coordinator: *coordinator, challenge: *challenge, proof, card };
        let pinned = key(200).public().fingerprint();
        let (proof, _) = handshake::confirm(self.hello(), &theirs, &pinned, &self.key).unwrap();
        let statement = proof.bytes().to_vec();
        ToCoordinator::Proof { statement: statement.into(), verdicts_seen: 0, day_start: at(0) }
    }

    /// Both halves of the handshake; the seat is asked for.
    pub(crate) fn prove(&mut self, seen: u64) {
        let mut proof = self.greet();
        if let ToCoordinator::Proof { verdicts_seen, .. } = &mut proof {
            *verdicts_seen = seen;
        }
        assert_eq!(self.says(&proof), [Output::Ask(Question::Seat(self.key.public()))]);
    }

    /// The seat, and what the store holds for this worker; all that is said then.
    pub(crate) fn open(&mut self, leases: Vec<Lease>, verdicts: Vec<NumberedVerdict>) -> Vec<ToWorker> {
        let mut said = sent(&self.answer(Answer::Yes));
        assert_eq!(self.session.stage(), Stage::Opening);
        said.extend(sent(&self.finds(account(0))));
        let has_verdicts = !verdicts.is_empty();
        said.extend(sent(&self.finds(Found::OpenLeases(leases))));
        said.extend(sent(&self.finds(Found::OpenRejections(vec![]))));
        said.extend(sent(&self.finds(Found::VerdictsAfter(verdicts))));
        if has_verdicts {
            said.extend(sent(&self.finds(account(1))));
        }
        said
    }

    /// A ping is answered: the connection still works.
    pub(crate) fn goes_on(&mut self) {
        let now = at(self.now_ms);
        assert_eq!(sent(&self.ping(0)), [ToWorker::Pong { now }]);
    }

    pub(crate) fn ping(&mut self, verdicts_seen: u64) -> Vec<Output> {
        self.says(&ToCoordinator::Ping { day_start: at(0), verdicts_seen })
    }

    pub(crate) fn result(&self, offer: Hash, report: Report) -> Signed<WorkResult> {
        let now = at(self.now_ms);
        Signed::sign(WorkResult { offer, report, started_at: now, finished_at: now }, &self.key)
    }
}

/// The messages among outputs.
pub(crate) fn sent(outputs: &[Output]) -> Vec<ToWorker> {
    let messages = outputs.iter().filter_map(|output| match output {
        Output::Send(message) => Some(message.clone()),
        _ => None,
    });
    messages.collect()
}

/// The question that outputs end with.
pub(crate) fn asked(outputs: &[Output]) -> Option<&Question> {
    match outputs.last() {
        Some(Output::Ask(question)) => Some(question),
        _ => None,
    }
}

/// The end that outputs end with.
pub(crate) fn ended(outputs: &[Output]) -> Option<End> {
    match outputs.last() {
        Some(Output::End(end)) => Some(*end),
        _ => None,
    }
}

/// What is refused in outputs.
pub(crate) fn refused(outputs: &[Output]) -> Vec<(Option<Hash>, lull_protocol::message::RefusedCode)> {
    let refused = sent(outputs).into_iter().filter_map(|message| match message {
        ToWorker::Refused { about, code } => Some((about, code)),
        _ => None,
    });
    refused.collect()
}

pub(crate) fn reads_account(outputs: &[Output]) -> bool {
    matches!(asked(outputs), Some(Question::Read(Query::Account { .. })))
}

pub(crate) fn account(earned: u64) -> Found {
    Found::Account(AccountFacts { earned: Amount::new(earned).unwrap(), ..AccountFacts::default() })
}

pub(crate) fn hello_message(hello: WorkerHello) -> ToCoordinator {
    let WorkerHello { versions, worker, challenge, origin } = hello;
    ToCoordinator::Hello { versions, worker, challenge, origin }
}

pub(crate) fn verdict(worker: PublicKey, number: u64) -> NumberedVerdict {
    NumberedVerdict { worker, number, statement: number.to_be_bytes().to_vec(), rejection: None }
}

fn page() -> Item {
    Item::Fetch(FetchItem {
        order: OrderId([1; 16]),
        requester: "Buyer".into(),
        purpose: "a test".into(),
        url: URL.into(),
        method: Method::Get,
        bytes_max: bytes(8 << 20),
        http_allowed: false,
    })
}

/// A lease of worker 1, unlike those of other numbers.
pub(crate) fn lease(number: u8, class: JobClass) -> Lease {
    let rule = match class {
        JobClass::Fetch => AcceptanceRule::FetchChecks { bytes_max: bytes(8 << 20) },
        JobClass::Judgment => AcceptanceRule::Agreement { agree: 1, people: 1 },
    };
    let offer = Offer {
        worker: key(1).public(),
        item: page().hash(),
        class,
        nonce: Nonce([number; 16]),
        price: price(),
        asset: "demo".into(),
        rule,
        issued_at: at(0),
        deadline: at(3_600_000),
        approved_at: at(7_200_000),
    };
    Lease {
        offer: Signed::sign(offer, &key(200)).bytes().to_vec(),
        item: page().to_bytes(),
        extension: None,
        pace: None,
        record: None,
        skips_left: None,
        is_withdrawn: false,
    }
}

fn price() -> Price {
    Price { per_item: Amount::new(10).unwrap(), per_mib: Amount::ZERO }
}

pub(crate) fn offer_of(lease: &Lease) -> Hash {
    Hash::of(&lease.offer)
}

/// What the store would find for a result of such a lease.
pub(crate) fn facts(lease: &Lease) -> Found {
    let item = ItemFacts {
        flags: 0,
        is_cancelled: false,
        id: ItemId(1),
        number: 0,
        needed: 1,
        leased: 1,
        answered: 0,
        tries: 0,
        state: ItemState::Open,
        decided: None,
        held: Amount::new(11).unwrap(),
    };
    let order = OrderFacts {
        id: OrderId([1; 16]),
        requester: RequesterId([1; 16]),
        price: price(),
        rule: AcceptanceRule::FetchChecks { bytes_max: bytes(8 << 20) },
        task: None,
        fee_bp: 1_000,
    };
    let worker = key(1).public();
    let lease_facts = LeaseFacts {
        id: LeaseId(1),
        worker,
        state: LeaseState::Open,
        issued_at: at(0),
        deadline: at(3_600_000),
        extensions: 0,
        item,
        order,
    };
    Found::SubmitFacts(Some(Box::new(SubmitFacts {
        flags: vec![],
        open: vec![],
        has_another: false,
        has_flagged: false,
        lease: lease_facts,
        person: Person(worker),
        item_bytes: lease.item.clone(),
        stored: None,
        answers: vec![],
        last_numbers: Default::default(),
        tally: Default::default(),
    })))
}

pub(crate) fn fetched(body: &[u8]) -> Report {
    Report::Fetch(FetchReport {
        outcome: Outcome::Ok,
        status: 200,
        headers: vec![],
        body_hash: Hash::of(body),
        body_bytes: bytes(body.len()),
        hops: vec![Hop { url: URL.into(), address: "93.184.215.14".into(), status: 200 }],
        traffic: Traffic::default(),
        head_ms: 12,
        reason: None,
    })
}

pub(crate) fn chosen() -> Report {
    Report::Judgment(JudgmentReport { answer: lull_protocol::Answer::Choice(0), input: Hand::Keyboard })
}
