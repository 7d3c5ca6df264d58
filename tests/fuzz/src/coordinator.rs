//! The coordinator's connections against hostile workers, on a real market and a real database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lull_market::connect::Request;
use lull_market::session::{Answer, End, House, Input, News, Now, Output, Push, Question, Session, Stage};
use lull_market::{Command, Lease, Refusal, Reply};
use lull_protocol::handshake::{CoordinatorHello, WorkerHello, confirm};
use lull_protocol::limits::{CHUNK_BYTES_MAX, FETCH_LEASES_MAX, JUDGMENT_LEASES_MAX, VERSIONS};
use lull_protocol::message::{Message, RefusedCode, ReturnReason};
use lull_protocol::rejection::Rejection;
use lull_protocol::siws::Chain;
use lull_protocol::statement::{JobClass, Offer, Verdict};
use lull_protocol::units::{Challenge, Nonce, Ticket};
use lull_protocol::{Hash, PublicKey, Signed, ToCoordinator, ToWorker};

use crate::edit;
use crate::feed::Feed;
use crate::make::{self, COORDINATOR, START_MS, WORKER, count};
use crate::market::{self, BODY_BYTES, Market};

const ACTS_MAX: usize = 120;
const ORIGIN: &str = "wss://lull.example";
/// The seeds of the workers' keys; two connections may be of one.
const SEEDS: [u8; 3] = [WORKER, 3, WORKER];
/// Memory for bodies, over all connections, KiB.
const MEMORY_KIB_MAX: u32 = 1_024;

/// Whatever workers send: a connection ends with a word or goes on; what was acknowledged is stored, one result
/// per offer; and the books balance.
pub(crate) fn coordinator(bytes: &[u8]) {
    let mut hall = Hall::new(Feed::new(bytes));
    for _ in 0..ACTS_MAX {
        if hall.feed.is_empty() {
            break;
        }
        hall.act();
        hall.deliver();
    }
    market::check(&hall.market.reader);
    for (offer, result) in &hall.acknowledged {
        let lease = hall.market.reader.lease(offer).expect("a disk that works").expect("an acknowledged offer");
        assert_eq!(lease.result, Some(*result), "an acknowledged result is gone");
    }
}

/// A worker's end of a connection.
struct Client {
    seed: u8,
    session: Session,
    /// What the coordinator said in its hello.
    hello: Option<ToWorker>,
    memory_kib: u32,
    /// The last range of a body that was asked for.
    wanted: Option<(Hash, u64, u64)>,
    last_verdict: Option<u64>,
    last_frame: Vec<u8>,
    has_ended: bool,
}

struct Hall<'a> {
    feed: Feed<'a>,
    market: Market,
    house: Arc<House>,
    clients: Vec<Client>,
    monotonic_ms: u64,
    nonces: u64,
    /// Every lease that was sent, with the worker it was made to.
    leases: Vec<(PublicKey, Lease)>,
    /// Workers with the items that they have answered or turned down.
    done: BTreeSet<(PublicKey, Vec<u8>)>,
    bodies: BTreeMap<Hash, Vec<u8>>,
    acknowledged: BTreeMap<Hash, Hash>,
    pushes: Vec<(PublicKey, Push)>,
    wake: bool,
    /// The store can't be used now.
    is_down: bool,
}

impl<'a> Hall<'a> {
    fn new(feed: Feed<'a>) -> Self {
        let key = make::key(COORDINATOR);
        let card = lull_protocol::statement::OperatorCard {
            name: "Quiet Labs".into(),
            country: "CH".into(),
            contact: "help@example.org".into(),
            fee_bp: 1_000,
            asset: "demo credits".into(),
            demo: true,
            signed_at: make::time(START_MS),
        };
        let card = Signed::sign(card, &key).bytes().to_vec();
        let house = Arc::new(House {
            key,
            card,
            origins: vec![ORIGIN.into(), "ws://127.0.0.1:1".into()],
            chain: Some(Chain::Localnet),
        });
        Self {
            feed,
            market: Market::open(),
            house,
            clients: Vec::new(),
            monotonic_ms: 0,
            nonces: 0,
            leases: Vec::new(),
            done: BTreeSet::new(),
            bodies: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            pushes: Vec::new(),
            wake: false,
            is_down: false,
        }
    }

    fn now(&self) -> Now {
        Now { monotonic_ms: self.monotonic_ms, wall: self.market.cx.now }
    }

    fn act(&mut self) {
        if self.clients.is_empty() {
            return self.arrive();
        }
        let at = self.feed.below(self.clients.len());
        match self.feed.below(20) {
            0 | 1 => self.arrive(),
            2 => self.greet(at),
            3 => {
                let message = ToCoordinator::Want {
                    fetch: self.feed.byte() & 3,
                    judgment: self.feed.byte() & 7,
                    tasks: make::task_set(&mut self.feed),
                    warnings: make::warnings(&mut self.feed),
                    filter: make::filter(&mut self.feed),
                };
                self.say(at, &message);
            }
            4..=8 => self.result(at),
            9 | 10 => self.chunk(at),
            11 | 12 => self.any_message(at),
            13 => {
                let frame = self.feed.bytes(200);
                self.hear(at, &frame);
            }
            14 => {
                let again = self.clients.get(at).map(|client| client.last_frame.clone()).unwrap_or_default();
                let at = self.feed.below(self.clients.len());
                self.hear(at, &again);
            }
            15 => self.time(),
            16 => self.sweep(),
            17 => self.is_down = self.feed.one_in(3),
            _ => self.transport(at),
        }
    }

    /// A connection opens, and mostly shakes hands.
    fn arrive(&mut self) {
        if self.clients.iter().filter(|client| !client.has_ended).count() >= SEEDS.len() {
            return;
        }
        let seed = *self.feed.pick(&SEEDS);
        let session = Session::new(self.house.clone(), Challenge([self.feed.byte(); 32]), self.now());
        self.clients.push(Client {
            seed,
            session,
            hello: None,
            memory_kib: 0,
            wanted: None,
            last_verdict: None,
            last_frame: Vec::new(),
            has_ended: false,
        });
        if !self.feed.one_in(8) {
            self.greet(self.clients.len() - 1);
        }
    }

    fn greet(&mut self, at: usize) {
        let Some(client) = self.clients.get(at) else { return };
        let worker = make::key(client.seed);
        let challenge = Challenge([self.feed.byte(); 32]);
        let hello = WorkerHello { versions: VERSIONS, worker: worker.public(), challenge, origin: ORIGIN.into() };
        let WorkerHello { versions, worker: key, origin, .. } = hello.clone();
        self.say(at, &ToCoordinator::Hello { versions, worker: key, challenge, origin });
        let Some(said) = self.clients.get_mut(at).and_then(|client| client.hello.take()) else { return };
        let ToWorker::Hello { version, coordinator, challenge, proof, card } = &said else { return };
        let theirs =
            CoordinatorHello { version: *version, coordinator: *coordinator, challenge: *challenge, proof, card };
        let (version, pinned) = (theirs.version, self.house.key.public().fingerprint());
        assert_eq!(version, VERSIONS.1);
        // A hello that was changed on its way was answered about something else.
        let Ok((proof, _)) = confirm(hello, &theirs, &pinned, &worker) else { return };
        let statement = proof.bytes().to_vec().into();
        let verdicts_seen = if self.feed.one_in(8) { self.feed.number() } else { 0 };
        let day_start = make::moment(&mut self.feed);
        self.say(at, &ToCoordinator::Proof { statement, verdicts_seen, day_start });
        self.say(at, &ToCoordinator::want(FETCH_LEASES_MAX, JUDGMENT_LEASES_MAX));
    }

    /// A good frame, now and then with a change.
    fn say(&mut self, at: usize, message: &ToCoordinator) {
        let mut frame = message.to_frame();
        if self.feed.one_in(32) {
            edit::any(&mut self.feed, &mut frame);
        }
        self.hear(at, &frame);
    }

    fn hear(&mut self, at: usize, frame: &[u8]) {
        self.input(at, Input::Frame(frame));
        if let Some(client) = self.clients.get_mut(at) {
            client.last_frame = frame.to_vec();
        }
    }

    /// The result of a lease: the right one, another's, another outcome, another signature.
    fn result(&mut self, at: usize) {
        let Some(seed) = self.clients.get(at).map(|client| client.seed) else { return };
        let own: Vec<Lease> =
            self.leases.iter().filter(|(to, _)| *to == make::key(seed).public()).map(|(_, l)| l.clone()).collect();
        if self.leases.is_empty() {
            return self.any_message(at);
        }
        let lease = if own.is_empty() || self.feed.one_in(8) {
            self.feed.pick(&self.leases).1.clone()
        } else {
            self.feed.pick(&own).clone()
        };
        let body = vec![self.feed.byte() & 1; *self.feed.pick(&BODY_BYTES)];
        let (mut result, body) = market::result(&lease, self.feed.byte() & 3, body, self.market.cx.now);
        self.bodies.insert(result.offer, body);
        match self.feed.below(8) {
            0 => {
                let offer = result.offer;
                result = make::result(&mut self.feed, offer);
            }
            1 => result.finished_at = make::moment(&mut self.feed),
            _ => {}
        }
        let signer = if self.feed.one_in(16) { COORDINATOR } else { seed };
        let mut statement = Signed::sign(result, &make::key(signer)).bytes().to_vec();
        if self.feed.one_in(32) {
            edit::any(&mut self.feed, &mut statement);
        }
        self.say(at, &ToCoordinator::Result { statement: statement.into() });
        for _ in 0..self.feed.below(3) * 16 {
            self.chunk(at);
        }
    }

    /// A piece of the body that was asked for: the right one, or another.
    fn chunk(&mut self, at: usize) {
        let Some((offer, offset, bytes)) = self.clients.get(at).and_then(|client| client.wanted) else { return };
        let body = self.bodies.get(&offer).cloned().unwrap_or_default();
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(body.len());
        let size = usize::try_from(bytes).unwrap_or(usize::MAX).min(CHUNK_BYTES_MAX);
        let mut piece: Vec<u8> = body.iter().skip(from).take(size).copied().collect();
        let mut offset = offset;
        match self.feed.below(32) {
            0 => piece.truncate(piece.len() / 2),
            1 => edit::bytes(&mut self.feed, &mut piece),
            2 => offset = self.feed.number(),
            3 => piece = self.feed.bytes(20),
            _ => {}
        }
        if let Some(client) = self.clients.get_mut(at) {
            let left = bytes.saturating_sub(piece.len() as u64);
            client.wanted = (left > 0).then_some((offer, offset.saturating_add(piece.len() as u64), left));
        }
        self.hear(at, &ToCoordinator::BodyChunk { offer, offset: count(offset), bytes: piece.into() }.to_frame());
    }

    fn any_message(&mut self, at: usize) {
        let mut known: Vec<Hash> = self.leases.iter().map(|(_, lease)| Hash::of(&lease.offer)).collect();
        known.push(Hash::of(
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\x01IDAT and more",
        ));
        let message =
            make::to_coordinator(
                &mut self.feed,
                |feed| {
                    if feed.one_in(4) { make::hash(feed) } else { *feed.pick(&known) }
                },
            );
        self.say(at, &message);
    }

    fn time(&mut self) {
        let ms = match self.feed.below(4) {
            0 => u64::from(self.feed.byte()),
            1 => u64::from(self.feed.byte()) * 1_000,
            2 => u64::from(self.feed.byte()) * 600_000,
            _ => self
                .clients
                .iter()
                .filter_map(|c| c.session.wakes_at())
                .min()
                .unwrap_or(0)
                .saturating_sub(self.monotonic_ms),
        };
        self.monotonic_ms = self.monotonic_ms.saturating_add(ms);
        self.market.cx.now = self.market.cx.now.plus(ms);
        for at in 0..self.clients.len() {
            self.input(at, Input::Tick);
            let wakes_at = self.clients.get(at).and_then(|client| client.session.wakes_at());
            assert!(wakes_at.is_none_or(|at| at > self.monotonic_ms), "it wants to be woken at once, again and again");
        }
    }

    fn sweep(&mut self) {
        let swept = self.command(Command::Sweep);
        assert!(matches!(swept, Answer::Reply(_) | Answer::Unavailable));
    }

    fn transport(&mut self, at: usize) {
        let input = match self.feed.below(5) {
            0 => Input::Text,
            1 => Input::Closed,
            2 => Input::Broken,
            3 => Input::End(*self.feed.pick(&[RefusedCode::Stopping, RefusedCode::Busy])),
            _ => Input::Sign,
        };
        self.input(at, input);
    }

    /// Feeds one thing and does all that follows from it.
    fn input(&mut self, at: usize, input: Input<'_>) {
        let now = self.now();
        let Some(client) = self.clients.get_mut(at) else { return };
        client.session.handle(input, now);
        loop {
            let Some(client) = self.clients.get_mut(at) else { return };
            let worker = make::key(client.seed).public();
            let Some(output) = client.session.poll_output() else { break };
            assert!(!client.has_ended, "something follows the end");
            match output {
                Output::Send(message) => self.sent(at, worker, message),
                Output::End(end) => {
                    assert!(!matches!(end, End::Fault(_)), "{end:?}");
                    client.has_ended = true;
                }
                Output::Ask(question) => {
                    let answer = self.answer(at, question);
                    if let Some(client) = self.clients.get_mut(at) {
                        client.session.handle(Input::Answer(answer), now);
                    }
                }
            }
        }
        if let Some(client) = self.clients.get_mut(at) {
            assert!(client.session.memory_kib() <= client.memory_kib, "memory it was not given");
            client.memory_kib = client.session.memory_kib();
            assert_eq!(client.has_ended, client.session.stage() == Stage::Ended);
        }
    }

    fn answer(&mut self, at: usize, question: Question) -> Answer {
        match question {
            Question::Seat(worker) => {
                let older = |(i, client): (usize, &Client)| {
                    (i != at && !client.has_ended && client.session.worker() == Some(worker)).then_some(i)
                };
                for i in self.clients.iter().enumerate().filter_map(older).collect::<Vec<_>>() {
                    self.input(i, Input::End(RefusedCode::Replaced));
                }
                if self.feed.one_in(32) { Answer::No } else { Answer::Yes }
            }
            Question::Claim(claim) => {
                let nonces = (0..claim.nonces()).map(|_| self.nonce()).collect();
                self.command(claim.command(nonces))
            }
            Question::OpenTicket { worker, purpose } => {
                let Nonce(half) = self.nonce();
                let ticket = Ticket(Hash::of(&half).0);
                self.command(Command::Wallet(Box::new(Request::Open { worker, purpose, ticket })))
            }
            Question::Command(command) => self.command(command),
            Question::Read(_) if self.is_down => Answer::Unavailable,
            Question::Read(query) => Answer::Found(self.market.reader.answer(&query).expect("a disk that works")),
            Question::MemoryKib(kib) => {
                let given: u32 = self.clients.iter().map(|client| client.memory_kib).sum();
                if given + kib > MEMORY_KIB_MAX {
                    return Answer::No;
                }
                if let Some(client) = self.clients.get_mut(at) {
                    client.memory_kib += kib;
                }
                Answer::Yes
            }
        }
    }

    fn nonce(&mut self) -> Nonce {
        self.nonces += 1;
        Nonce(u128::from(self.nonces).to_be_bytes())
    }

    fn command(&mut self, command: Command) -> Answer {
        if self.is_down {
            return Answer::Unavailable;
        }
        let market = &mut self.market;
        let reply =
            market.store.apply(&market.cx, std::slice::from_ref(&command)).expect("a disk that works").remove(0);
        match reply {
            Ok(reply) => {
                self.done_with(&command);
                let news = News::of(&reply);
                self.pushes.extend(news.pushes);
                self.wake |= news.work;
                if let Reply::Leases(leases) = &reply {
                    self.leased(leases);
                }
                Answer::Reply(reply)
            }
            Err(refusal) => {
                assert!(!matches!(refusal, Refusal::Fault(_)), "{refusal}");
                Answer::Refused(refusal)
            }
        }
    }

    fn done_with(&mut self, command: &Command) {
        use ReturnReason::{Broken, Skipped};
        let offer = match command {
            Command::Submit { result, .. } => Some(result.payload().offer),
            Command::Return { offer, reason: Skipped | Broken, .. } => Some(*offer),
            _ => None,
        };
        let lease = self.leases.iter().find(|(_, lease)| Some(Hash::of(&lease.offer)) == offer);
        self.done.extend(lease.map(|(worker, lease)| (*worker, lease.item.clone())));
    }

    fn leased(&mut self, leases: &[Lease]) {
        for lease in leases {
            let offer = Signed::<Offer>::verify(&lease.offer, &self.house.key.public()).expect("its own offer");
            let (worker, item) = (offer.payload().worker, offer.payload().item);
            assert_eq!(item, Hash::of(&lease.item), "an offer of another item");
            assert!(!self.done.contains(&(worker, lease.item.clone())), "an item again to one who is done with it");
            self.leases.push((worker, lease.clone()));
        }
        for class in [JobClass::Fetch, JobClass::Judgment] {
            let of_class = |lease: &&Lease| market::class_of(lease) == class;
            let limit = if class == JobClass::Fetch { FETCH_LEASES_MAX } else { JUDGMENT_LEASES_MAX };
            assert!(leases.iter().filter(of_class).count() <= usize::from(limit));
        }
    }

    /// What a worker is told.
    fn sent(&mut self, at: usize, worker: PublicKey, message: ToWorker) {
        assert_eq!(ToWorker::from_frame(&message.to_frame()).as_ref(), Ok(&message), "a frame no worker reads");
        let coordinator = self.house.key.public();
        let Some(client) = self.clients.get_mut(at) else { return };
        match message {
            ToWorker::Hello { .. } => client.hello = Some(message),
            ToWorker::BodyWanted { offer, offset, bytes } => client.wanted = Some((offer, offset.get(), bytes.get())),
            ToWorker::Ack { offer, result } => {
                let lease = self.market.reader.lease(&offer).expect("a disk that works").expect("a known offer");
                assert_eq!((lease.result, lease.worker), (Some(result), worker), "acknowledged before it is stored");
                let first = *self.acknowledged.entry(offer).or_insert(result);
                assert_eq!(first, result, "two results of one offer");
            }
            ToWorker::Verdict { number, statement } => {
                assert!(Signed::<Verdict>::verify(&statement, &coordinator).is_ok());
                assert!(client.last_verdict.is_none_or(|last| number == last + 1), "verdicts skip a number");
                client.last_verdict = Some(number);
            }
            ToWorker::Rejected { statement } => {
                let rejection = Signed::<Rejection>::verify(&statement, &coordinator).expect("the coordinator's own");
                assert_eq!(rejection.payload().worker, worker, "somebody else's rejection");
            }
            ToWorker::Assign { offer, item, .. } => {
                let known = self.leases.iter().any(|(to, lease)| {
                    *to == worker && lease.offer == offer.as_slice() && lease.item == item.as_slice()
                });
                assert!(known, "somebody else's lease");
            }
            ToWorker::Account { earned, pending, payable, .. } => {
                assert_eq!(pending.checked_add(payable), Some(earned));
            }
            _ => {}
        }
    }

    /// What commits of one mean for the others.
    fn deliver(&mut self) {
        for _ in 0..ACTS_MAX {
            if self.pushes.is_empty() && !self.wake {
                return;
            }
            let (pushes, wake) = (std::mem::take(&mut self.pushes), std::mem::take(&mut self.wake));
            for at in 0..self.clients.len() {
                let seated = |client: &&Client| matches!(client.session.stage(), Stage::Opening | Stage::Serving);
                let Some(client) = self.clients.get(at).filter(seated) else { continue };
                let worker = client.session.worker();
                let own: Vec<Push> =
                    pushes.iter().filter(|(to, _)| Some(*to) == worker).map(|(_, push)| push.clone()).collect();
                if !own.is_empty() {
                    self.input(at, Input::Pushes(own));
                }
                if wake {
                    self.input(at, Input::Wake);
                }
            }
        }
    }
}
