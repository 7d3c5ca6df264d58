//! The worker machine: a whole life among hostile peers, pages and disks, and the start from a disk's content.

use lull_protocol::cose::Signed;
use lull_protocol::handshake;
use lull_protocol::limits::CHUNK_BYTES_MAX;
use lull_protocol::message::Message;
use lull_protocol::statement::{OperatorCard, Transcript};
use lull_protocol::units::Challenge;
use lull_protocol::{Hash, Timestamp, ToWorker};
use lull_view::{
    Answer, AnswerInput, BandwidthWhen, Caps, ChangeByte, Command, Find, FlagReason, JudgmentTask, NeverWhat, Pause,
    Pops, Request, Statement, TaskAnswer, Wishes, cbor,
};
use lull_worker::{Event, FetchFailure, FetchId, HopHead, Managed, Surroundings};

use crate::feed::Feed;
use crate::make::{self, COORDINATOR, WORKER};
use crate::world::{Disk, Socket, World, is_public};
use crate::{edit, make::count, paying};

/// How much happens in one life.
const ACTS_MAX: usize = 200;

/// What one side of the message port says is what the other hears.
fn crosses_the_port<T: cbor::Cbor + PartialEq + std::fmt::Debug>(said: &T) {
    assert_eq!(cbor::read::<T>(&cbor::encode(said)).as_ref(), Ok(said));
}

/// A worker's life: nothing that happens makes it panic, lose a signed result, act without consent, or write
/// what it can't read.
pub(crate) fn worker(bytes: &[u8]) {
    let world = World::new(Disk::new());
    // Half of all browsers look names up first; which ones takes no byte from the life itself.
    let world = if bytes.len().is_multiple_of(2) { world } else { world.looking_up() };
    let mut life = Life { feed: Feed::new(bytes), world, offers: Vec::new(), verdicts: 0 };
    life.world.feed(Event::Surroundings(life.world.surroundings));
    for _ in 0..ACTS_MAX {
        if life.feed.is_empty() {
            break;
        }
        life.act();
    }
    life.world.check_receipts();
    life.world.check_snapshot();
    life.world.write_all();
    life.world.kill(0);
    life.world.check_receipts();
}

struct Life<'a> {
    feed: Feed<'a>,
    world: World,
    /// Every offer that was made.
    offers: Vec<Hash>,
    /// The number of the last verdict said.
    verdicts: u64,
}

impl Life<'_> {
    fn act(&mut self) {
        match self.feed.below(26) {
            0 => self.everything_on(),
            1 => self.connect(),
            2..=4 => self.assign(),
            5 | 6 => self.person(),
            7 => self.command(),
            8..=10 => self.page(),
            11 => self.blob(),
            12 | 13 => self.answer_result(),
            14 => self.verdict(),
            15 => self.any_message(),
            16 => {
                let frame = self.feed.bytes(300);
                self.hear(frame);
            }
            17 | 18 => self.world.write_all(),
            19 => {
                let succeeds = self.feed.one_in(2);
                self.world.write(succeeds);
            }
            20 => self.time(),
            21 => self.socket(),
            22 => self.surroundings(),
            24 | 25 => self.paying(),
            _ => {
                let written = self.feed.below(self.world.held.len() + 1);
                self.world.kill(written);
            }
        }
    }

    fn say(&mut self, command: Command) {
        self.world.feed(Event::Command(command));
    }

    /// A word about wallet and payouts, of one side or the other.
    fn paying(&mut self) {
        if self.feed.one_in(2) {
            let message = paying::told(&mut self.feed);
            return self.utter(&message);
        }
        let page = self.world.wallet();
        crosses_the_port(&page);
        let command = paying::command(&mut self.feed, page.state(), &self.world.view());
        if let Some(reply) = self.world.ask(&command) {
            crosses_the_port(&Answer { id: Some(1), reply });
        }
        crosses_the_port(&Request { id: 1, command: command.clone() });
        self.say(command);
    }

    /// The usual way to work, in one step.
    fn everything_on(&mut self) {
        let away = self.feed.one_in(2);
        let surroundings = Surroundings { away, host_permission: true, ..self.world.surroundings };
        self.world.feed(Event::Surroundings(surroundings));
        for command in [
            Command::CardSeen,
            Command::SetBandwidthWhen { when: BandwidthWhen::Always },
            Command::Agree { statements: Statement::ALL.into() },
            Command::SetBandwidth { on: true },
            Command::SetJudgments { on: true },
            Command::SetPaused { on: false },
            Command::ConnectNow,
        ] {
            self.say(command);
        }
        self.world.write_all();
        self.connect();
    }

    /// The handshake, from wherever it stands.
    fn connect(&mut self) {
        if self.world.socket == Socket::Dialling {
            let challenge = Challenge([self.feed.byte(); 32]);
            self.world.feed(Event::SocketOpened { challenge });
        }
        let Some(hello) = self.world.hello.clone().filter(|_| self.world.socket == Socket::Open) else { return };
        let (key, challenge) = (make::key(COORDINATOR), Challenge([self.feed.byte(); 32]));
        let Ok((transcript, proof)) = handshake::answer(hello.0.clone(), &hello.0.origin, challenge, &key) else {
            return;
        };
        let card = if self.feed.one_in(4) { make::card(&mut self.feed) } else { usual_card() };
        let hello = hello_of(&transcript, proof.bytes(), Signed::sign(card, &key).bytes());
        self.utter(&hello);
        let now = if self.feed.one_in(8) { make::moment(&mut self.feed) } else { self.world.now };
        self.utter(&ToWorker::Welcome { now });
    }

    /// A frame comes in, if there is a socket.
    fn hear(&mut self, frame: Vec<u8>) {
        if self.world.socket == Socket::Open {
            self.world.feed(Event::Frame(frame));
        }
    }

    /// A good frame, now and then with a change.
    fn utter(&mut self, message: &ToWorker) {
        let mut frame = message.to_frame();
        if self.feed.one_in(32) {
            edit::any(&mut self.feed, &mut frame);
        }
        self.hear(frame);
    }

    fn assign(&mut self) {
        let item = make::item(&mut self.feed);
        let offer = make::offer(&mut self.feed, &item, make::key(WORKER).public());
        let signer = if self.feed.one_in(32) { WORKER } else { COORDINATOR };
        let offer = Signed::sign(offer, &make::key(signer));
        self.offers.push(offer.hash());
        let mut item = item.to_bytes();
        if self.feed.one_in(16) {
            edit::any(&mut self.feed, &mut item);
        }
        self.utter(&ToWorker::Assign {
            offer: offer.bytes().to_vec().into(),
            item: item.into(),
            extension: None,
            pace: None,
            record: None,
            skips_left: None,
        });
    }

    /// An offer that was made, or a hash that is none's.
    fn offer(&mut self) -> Hash {
        if self.offers.is_empty() || self.feed.one_in(8) {
            return make::hash(&mut self.feed);
        }
        *self.feed.pick(&self.offers)
    }

    /// The person looks at the judgment on screen.
    fn person(&mut self) {
        if let Some(held) = self.world.view().take_back
            && self.feed.one_in(3)
        {
            return self.say(Command::TakeBack { offer: held.offer });
        }
        if let Some(shown) = self.world.view().practice {
            return self.say(Command::Practised { practice: shown.practice });
        }
        let Some(judgment) = self.world.view().judgment else { return self.everything_on() };
        let shown_at = self.world.now.minus(self.feed.number()).get();
        let (offer, answer) = (judgment.offer, self.thought(&judgment.task));
        let command = match self.feed.one_in(4) {
            true => Command::Skip { offer, shown_at: None },
            false => Command::Answer { offer, answer, input: AnswerInput::Keyboard, shown_at },
        };
        self.say(command);
    }

    /// An answer that mostly fits.
    fn thought(&mut self, task: &JudgmentTask) -> TaskAnswer {
        let number = self.feed.byte() & 3;
        match task {
            JudgmentTask::Choice { .. } => TaskAnswer::Choice(number),
            _ => make::answer(&mut self.feed),
        }
    }

    fn command(&mut self) {
        let on = self.feed.one_in(2);
        let offer = self.offer().to_string();
        let part = *self.feed.pick(&["item", "offer", "result", "verdict", "other"]);
        let change = ChangeByte { part: part.into(), offset: self.feed.number() };
        let text = self.feed.text(70);
        let command = match self.feed.below(30) {
            0 => Command::SetJudgments { on },
            1 => Command::SetBandwidth { on },
            2 => Command::SetBandwidthWhen { when: if on { BandwidthWhen::Always } else { BandwidthWhen::Away } },
            3 => Command::SetPaused { on },
            4 => Command::CardSeen,
            5 => Command::FirstRunDone,
            6 => Command::Answer {
                offer,
                answer: make::answer(&mut self.feed),
                input: AnswerInput::Replay,
                shown_at: self.feed.number(),
            },
            7 => Command::Skip {
                offer: if on { text } else { offer },
                shown_at: self.feed.one_in(2).then(|| self.feed.number()),
            },
            26 => Command::Extend { offer: if on { text } else { offer } },
            27 => Command::SetWishes {
                wishes: Wishes { hourly_min: self.feed.number(), text_only: on, tasks: make::task_set(&mut self.feed) },
            },
            28 => Command::ShowYou,
            8 => Command::OpenReceipt { offer: if on { text } else { offer }, change: Some(change) },
            9 => Command::Export,
            10 => Command::JudgeUrl { url: text },
            11 => Command::DismissNotice,
            12 => Command::TakeConsentBack,
            13 => Command::Agree { statements: Statement::ALL.into_iter().skip(usize::from(on)).collect() },
            24 => Command::Flag {
                offer,
                reason: *self.feed.pick(&FlagReason::ALL),
                note: text,
                input: AnswerInput::Pointer,
                shown_at: self.feed.number(),
            },
            25 => Command::Seen { offer },
            23 => Command::SetPops {
                pops: Pops {
                    open: on,
                    notify: self.feed.one_in(2),
                    minutes: self.feed.number(),
                    quiet_from: self.feed.number(),
                    quiet_to: self.feed.number(),
                },
            },
            14 => Command::PauseFor { pause: *self.feed.pick(&[Pause::Hour, Pause::Tomorrow, Pause::Open]) },
            15 => Command::SetCaps {
                caps: Caps {
                    second_bytes: self.feed.number(),
                    day_bytes: self.feed.number(),
                    month_bytes: self.feed.number(),
                    month_day: self.feed.number(),
                    domain_minute: self.feed.number(),
                    domain_day: self.feed.number(),
                    hours: [if on { u32::MAX } else { 0 }; 7],
                    metered: !on,
                },
            },
            16 => Command::ResetCaps,
            17 => Command::Never(if on { NeverWhat::Domain(text) } else { NeverWhat::Requester(text) }),
            18 => Command::RemoveNever(if on { NeverWhat::Domain(text) } else { NeverWhat::Requester(text) }),
            19 => Command::OpenActivity { number: self.feed.number() },
            20 => Command::FindActivities(Find {
                text,
                before: on.then(|| self.feed.number()),
                limit: self.feed.byte().into(),
                sum: on,
                ..Find::default()
            }),
            21 => Command::ListDays,
            22 => Command::Practised { practice: text },
            29 => Command::Appeal { offer, words: text },
            _ => Command::ConnectNow,
        };
        if let Some(reply) = self.world.ask(&command) {
            crosses_the_port(&Answer { id: Some(1), reply });
        }
        crosses_the_port(&Request { id: 1, command: command.clone() });
        self.say(command);
    }

    /// A site answers the request under way, or one that nobody waits for.
    fn page(&mut self) {
        let stray = FetchId(self.feed.byte().into());
        let id = match &self.world.request {
            Some(request) if !self.feed.one_in(16) => request.id,
            _ => stray,
        };
        let encoded_bytes = self.feed.number();
        let is_right = self.world.request.as_ref().is_some_and(|request| request.id == id);
        if self.feed.one_in(8) {
            let failure = *self.feed.pick(&[FetchFailure::Network, FetchFailure::Timeout, FetchFailure::TooLarge]);
            if is_right {
                self.world.request = None;
            }
            return self.world.feed(Event::FetchFailed { fetch: id, failure, encoded_bytes });
        }
        if is_right && self.world.request.as_ref().is_some_and(|request| request.is_lookup) {
            return self.looked_up(id);
        }
        let may_read = self.world.request.as_ref().and_then(|request| request.bytes_max).filter(|_| is_right);
        if may_read.is_some() || self.feed.one_in(16) {
            // A shell never hands out more than it was told to read; a hostile page can't make it.
            let mut body = self.feed.bytes(200);
            body.truncate(usize::try_from(may_read.unwrap_or(200)).unwrap_or(200));
            if is_right {
                self.world.request = None;
            }
            return self.world.feed(Event::BodyRead { fetch: id, body, encoded_bytes });
        }
        if self.world.request.as_ref().is_some_and(|request| request.bytes_max.is_some()) && self.feed.one_in(2) {
            let bytes = self.feed.number();
            if let Some(request) = self.world.request.as_mut().filter(|_| is_right) {
                request.is_told = true;
            }
            return self.world.feed(Event::BodyProgress { fetch: id, bytes });
        }
        let head = self.head();
        if let Some(request) = self.world.request.as_mut().filter(|request| request.id == id) {
            request.head = Some(head.clone());
        }
        self.world.feed(Event::HopAnswered { fetch: id, head });
    }

    /// The browser tells the addresses of the name that is looked up.
    fn looked_up(&mut self, fetch: FetchId) {
        let public = "93.184.215.14".to_owned();
        let mut addresses = Vec::new();
        for _ in 0..self.feed.below(4) {
            addresses.push(if self.feed.one_in(3) { make::address(&mut self.feed) } else { public.clone() });
        }
        self.world.was_public = !addresses.is_empty() && addresses.iter().all(|a| is_public(Some(a)));
        if !self.world.was_public {
            self.world.request = None;
        }
        self.world.feed(Event::LookedUp { fetch, addresses });
    }

    fn head(&mut self) -> HopHead {
        const STATUSES: [u16; 14] = [200, 200, 200, 204, 206, 301, 302, 304, 308, 403, 404, 410, 500, 0];
        const NAMES: [&str; 8] = [
            "Content-Type",
            "content-length",
            "Content-Encoding",
            "cf-mitigated",
            "x-amzn-waf-action",
            "ETag",
            "Set-Cookie",
            "Link",
        ];
        let feed = &mut self.feed;
        let status = if feed.one_in(8) { feed.number() as u16 } else { *feed.pick(&STATUSES) };
        let mut headers = Vec::new();
        for _ in 0..feed.below(6) {
            let name = if feed.one_in(4) { feed.text(80) } else { (*feed.pick(&NAMES)).to_owned() };
            let value = match feed.below(4) {
                0 => "challenge".to_owned(),
                1 => feed.number().to_string(),
                2 => make::label(feed),
                _ => feed.text(20),
            };
            headers.push((name, value));
        }
        let location = (!feed.one_in(4)).then(|| make::url(feed));
        let address = if feed.one_in(2) { Some(make::address(feed)) } else { Some("93.184.215.14".to_owned()) };
        HopHead { status, headers, location, address: address.filter(|_| !feed.one_in(16)) }
    }

    /// A piece of the blob that was asked for: the right one, or another.
    fn blob(&mut self) {
        let Some((hash, offset)) = self.world.wanted_blob else { return self.any_message() };
        let mut known = (0..4).map(make::picture).chain((0..2).filter_map(make::practised));
        let whole = known.find(|blob| Hash::of(blob) == hash).unwrap_or_else(|| self.feed.bytes(100));
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(whole.len());
        let mut piece: Vec<u8> = whole.iter().skip(from).take(CHUNK_BYTES_MAX).copied().collect();
        let (mut total, mut offset) = (whole.len() as u64, from as u64);
        match self.feed.below(16) {
            0 => total = self.feed.number(),
            1 => offset = self.feed.number(),
            2 => edit::bytes(&mut self.feed, &mut piece),
            3 => piece.truncate(piece.len() / 2),
            _ => {}
        }
        self.utter(&ToWorker::BlobChunk { hash, total: count(total), offset: count(offset), bytes: piece.into() });
    }

    /// The coordinator answers one of the results that were sent.
    fn answer_result(&mut self) {
        let sent: Vec<(Hash, Vec<u8>)> = self.world.results.clone().into_iter().collect();
        if sent.is_empty() {
            return self.assign();
        }
        let (offer, statement) = self.feed.pick(&sent).clone();
        let message = match self.feed.below(4) {
            0 => ToWorker::BodyWanted {
                offer,
                offset: count(if self.feed.one_in(2) { self.feed.number() } else { 0 }),
                bytes: count(self.feed.number()),
            },
            1 => ToWorker::Refused { about: Some(offer), code: make::code(&mut self.feed) },
            _ if self.feed.one_in(8) => ToWorker::Ack { offer, result: make::hash(&mut self.feed) },
            _ => ToWorker::Ack { offer, result: Hash::of(&statement) },
        };
        self.utter(&message);
    }

    fn verdict(&mut self) {
        let sent: Vec<Hash> = self.world.results.values().map(|statement| Hash::of(statement)).collect();
        let result =
            if sent.is_empty() || self.feed.one_in(8) { make::hash(&mut self.feed) } else { *self.feed.pick(&sent) };
        let mut verdict = make::verdict(&mut self.feed, result, make::key(WORKER).public());
        let signer = if self.feed.one_in(16) { WORKER } else { COORDINATOR };
        if self.feed.one_in(3) {
            let rejection = make::rejection(&mut self.feed, result, make::key(WORKER).public());
            let rejection = Signed::sign(rejection, &make::key(signer));
            verdict.rejection = Some(rejection.hash());
            self.utter(&ToWorker::Rejected { statement: rejection.bytes().to_vec().into() });
            if self.feed.one_in(2) {
                return;
            }
        }
        let number = if self.feed.one_in(8) { self.feed.number() } else { self.verdicts.saturating_add(1) };
        self.verdicts = number;
        let statement = Signed::sign(verdict, &make::key(signer)).bytes().to_vec().into();
        self.utter(&ToWorker::Verdict { number, statement });
    }

    fn any_message(&mut self) {
        let offers = self.offers.clone();
        let message = make::to_worker(&mut self.feed, |feed| {
            if offers.is_empty() || feed.one_in(4) { make::hash(feed) } else { *feed.pick(&offers) }
        });
        self.utter(&message);
    }

    /// Time passes, or the clock is set.
    fn time(&mut self) {
        let before = self.world.now;
        self.world.now = match self.feed.below(6) {
            0 => before.plus(u64::from(self.feed.byte()) * 1_000),
            1 => before.minus(u64::from(self.feed.byte()) * 60_000),
            2 => before.plus(u64::from(self.feed.byte()) * 600_000),
            3 => make::moment(&mut self.feed),
            _ => self.world.wake_at.map_or(before, |at: Timestamp| at.max(before)),
        };
        self.world.feed(Event::Tick);
    }

    fn socket(&mut self) {
        match (self.world.socket, self.feed.one_in(2)) {
            (Socket::None, _) => self.say(Command::ConnectNow),
            (Socket::Dialling, true) => {
                let challenge = Challenge([self.feed.byte(); 32]);
                self.world.feed(Event::SocketOpened { challenge });
            }
            (Socket::Dialling | Socket::Open, _) => self.world.feed(Event::SocketClosed),
        }
    }

    fn surroundings(&mut self) {
        let feed = &mut self.feed;
        let surroundings = Surroundings {
            away: feed.one_in(2),
            data_saver: feed.one_in(4),
            host_permission: !feed.one_in(4),
            day_start: make::moment(feed),
            managed: Managed {
                is_installed_by_policy: feed.one_in(8),
                allows_bandwidth: if feed.one_in(4) { Some(feed.one_in(2)) } else { None },
            },
            utc_offset_min: i32::try_from(feed.below(1_600)).unwrap_or_default() - 800,
            looks: feed.one_in(4),
        };
        let event = match feed.below(5) {
            0 => Event::Alarm,
            1 => Event::RequestEvents { own: feed.number(), foreign: feed.number() },
            4 => Event::Popped { is_shown: feed.one_in(2) },
            _ => Event::Surroundings(surroundings),
        };
        self.world.feed(event);
    }
}

fn usual_card() -> OperatorCard {
    OperatorCard {
        name: "Quiet Labs".into(),
        country: "CH".into(),
        contact: "help@example.org".into(),
        fee_bp: 1_000,
        asset: "demo credits".into(),
        demo: true,
        signed_at: Timestamp::ZERO,
    }
}

fn hello_of(transcript: &Transcript, proof: &[u8], card: &[u8]) -> ToWorker {
    ToWorker::Hello {
        version: transcript.version,
        coordinator: transcript.coordinator,
        challenge: transcript.coordinator_challenge,
        proof: proof.to_vec().into(),
        card: card.to_vec().into(),
    }
}
