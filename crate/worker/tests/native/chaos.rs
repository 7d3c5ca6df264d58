//! Whatever comes, in whatever order: no panic, and every list within its limit.

use lull_protocol::connect::{Purpose, Rebinding, WalletAsked, WalletEvent, WalletNews, WalletRefusal, WalletState};
use lull_protocol::limits::{FETCH_LEASES_MAX, JUDGMENT_LEASES_MAX, OUTBOX_MAX};
use lull_protocol::message::{Message, RefusedCode};
use lull_protocol::payout::{PayoutStage, Payouts, Schedule, Weekday};
use lull_protocol::units::{Challenge, Ticket};
use lull_protocol::{
    Amount, Answer, ByteCount, Hash, Item, PublicKey, SigningKey, TaskSet, Timestamp, ToWorker, WarningSet,
};
use lull_view::{AnswerInput, BandwidthWhen, Caps, ChangeByte, Command, Pause, Pops, Statement};
use lull_worker::{Config, Event, FetchFailure, FetchId, HopHead, Managed, Surroundings, Worker};
use proptest::prelude::*;

use crate::common::paying::{Paying, payout, wallet};
use crate::common::*;

fn hash() -> impl Strategy<Value = Hash> {
    // Few, so that some are met again.
    (0_u8..4).prop_map(|n| Hash([n; 32]))
}

fn count() -> impl Strategy<Value = ByteCount> {
    prop_oneof![0_u64..70_000, Just((1 << 53) - 1)].prop_map(|n| ByteCount::new(n).unwrap())
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..300)
}

fn code() -> impl Strategy<Value = RefusedCode> {
    use RefusedCode::*;
    prop::sample::select(vec![
        Malformed,
        TooLarge,
        Unexpected,
        Version,
        Proof,
        Signature,
        UnknownOffer,
        NotYours,
        LeaseExpired,
        LeaseEnded,
        ResultDiffers,
        WrongReport,
        BodyHash,
        BodyRange,
        UnknownBlob,
        Unavailable,
        Busy,
        Replaced,
        Stopping,
        Withdrawn,
    ])
}

fn purpose() -> impl Strategy<Value = Purpose> {
    prop::sample::select(Purpose::ALL.to_vec())
}

/// Few wallets, tickets and browsers, so that some are met again.
fn wallet_state(time: BoxedStrategy<Timestamp>) -> impl Strategy<Value = WalletState> {
    let asked = (0_u8..3, purpose(), 90_u8..92, time.clone(), 0_u8..3).prop_map(|(ticket, purpose, seed, until, n)| {
        let others = (0..n).map(|n| PublicKey([n; 32])).collect();
        WalletAsked { ticket: Ticket([ticket; 32]).hash(), purpose, wallet: wallet(seed), until, others }
    });
    let rebinding = (hash(), any::<bool>(), time.clone()).prop_map(|(yes, is_own, due)| {
        let (me, other) = (key(1).public(), PublicKey([2; 32]));
        let (worker, lost) = if is_own { (me, other) } else { (other, me) };
        Rebinding { yes, worker, lost, due }
    });
    let wallets = proptest::option::of((90_u8..92).prop_map(wallet));
    (wallets, proptest::option::of(asked), proptest::collection::vec(rebinding, 0..4), time).prop_map(
        |(wallet, asked, rebinds, at)| {
            let what = rebinds.first().map(|rebinding| WalletEvent::Rebinding(*rebinding));
            let news = what.map(|what| WalletNews { number: 1, at, what }).into_iter().collect();
            WalletState { wallet, held_until: None, asked, rebinds, news }
        },
    )
}

/// What a coordinator that pays, or one that makes it up, can say of it.
fn paying(time: BoxedStrategy<Timestamp>) -> impl Strategy<Value = ToWorker> {
    let why = prop::sample::select(vec![WalletRefusal::Unknown, WalletRefusal::Used, WalletRefusal::Unavailable]);
    let numbers = proptest::collection::vec(any::<u64>(), 0..4);
    let some = |numbers: Vec<u64>| numbers.into_iter().map(|n| payout(n % 9, PayoutStage::Waiting)).collect::<Vec<_>>();
    prop_oneof![
        (0_u8..3, purpose(), time.clone()).prop_map(|(n, purpose, expires_at)| ToWorker::Ticket {
            ticket: Ticket([n; 32]),
            purpose,
            expires_at
        }),
        wallet_state(time).prop_map(|state| ToWorker::Wallet(Box::new(state))),
        (proptest::option::of(hash()), why).prop_map(|(about, why)| ToWorker::WalletRefused { about, why }),
        numbers.clone().prop_map(move |numbers| {
            let payouts = Payouts { newest: some(numbers), ..Paying::new().payouts };
            ToWorker::Payouts(Box::new(payouts))
        }),
        (0_u64..3, numbers).prop_map(move |(number, numbers)| ToWorker::PayoutsBefore {
            number,
            payouts: some(numbers),
            has_older: true
        }),
    ]
}

/// What a person can command about it.
fn wallet_command() -> impl Strategy<Value = Command> {
    let yes = (0_u8..3, purpose(), 90_u8..92, proptest::option::of(0_u8..3)).prop_map(|(n, purpose, seed, lost)| {
        let (ticket, lost) = (Ticket([n; 32]).hash(), lost.map(|n| PublicKey([n; 32])));
        Command::WalletYes { ticket, purpose, wallet: wallet(seed), lost }
    });
    prop_oneof![
        any::<bool>().prop_map(|on| Command::LookAtWallet { on }),
        purpose().prop_map(|purpose| Command::ConnectWallet { purpose }),
        yes,
        Just(Command::WalletNo),
        hash().prop_map(|yes| Command::WalletVeto { yes }),
        any::<u64>().prop_map(|number| Command::WalletNewsKnown { number }),
        Just(Command::PayWhen { schedule: Schedule::Weekly(Weekday::Friday), account_agreed: Amount::MAX }),
        Just(Command::PayNow),
        (0_u64..3).prop_map(|before| Command::FindPayouts { before }),
        Just(Command::WalletTroubleRead),
        Just(Command::AdoptKey),
        Just(Command::EraseAll),
    ]
}

fn message() -> impl Strategy<Value = ToWorker> {
    let time = prop_oneof![Just(0), Just(START_MS), Just((1_u64 << 53) - 1), any::<u32>().prop_map(u64::from)];
    let time = time.prop_map(at).boxed();
    prop_oneof![
        3 => paying(time.clone()),
        1 => (time.clone()).prop_map(|now| ToWorker::Welcome { now }),
        1 => time.clone().prop_map(|now| ToWorker::Pong { now }),
        1 => (bytes(), bytes()).prop_map(|(offer, item)| ToWorker::Assign {
            offer: offer.into(),
            item: item.into(),
            extension: None,
            pace: None,
            record: None, skips_left: None}),
        1 => (hash(), count(), count()).prop_map(|(offer, offset, bytes)| ToWorker::BodyWanted { offer, offset, bytes }),
        1 => (hash(), hash()).prop_map(|(offer, result)| ToWorker::Ack { offer, result }),
        1 => (any::<u64>(), bytes()).prop_map(|(number, s)| ToWorker::Verdict { number, statement: s.into() }),
        1 => (hash(), code()).prop_map(|(offer, reason)| ToWorker::Withdraw { offer, reason }),
        1 => bytes().prop_map(|statement| ToWorker::Rejected { statement: statement.into() }),
        1 => hash().prop_map(|rejection| ToWorker::Appealed { rejection }),
        1 => (hash(), count(), count(), bytes()).prop_map(|(hash, total, offset, b)| ToWorker::BlobChunk {
            hash,
            total,
            offset,
            bytes: b.into()
        }),
        1 => (proptest::option::of(hash()), code()).prop_map(|(about, code)| ToWorker::Refused { about, code }),
        1 => code().prop_map(|code| ToWorker::Bye { code }),
        1 => time.prop_map(|day_start| ToWorker::Account {
            earned: Amount::new((1 << 53) - 1).unwrap(),
            pending: Amount::ZERO,
            payable: Amount::ZERO,
            earned_today: Amount::ZERO,
            day_start,
            reversed: None
        }),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,80}", "[0-9a-f]{64}", "https://[a-z]{1,9}\\.(com|local|org)/.{0,9}"]
}

fn command() -> impl Strategy<Value = Command> {
    let part = prop::sample::select(vec!["item", "offer", "result", "verdict", "appeal", "other"]);
    prop_oneof![
        8 => wallet_command(),
        1 => any::<bool>().prop_map(|on| Command::SetJudgments { on }),
        1 => any::<bool>().prop_map(|on| Command::SetBandwidth { on }),
        1 => any::<bool>().prop_map(|on| Command::SetPaused { on }),
        1 => prop::sample::select(vec![Pause::Hour, Pause::Tomorrow, Pause::Open])
            .prop_map(|pause| Command::PauseFor { pause }),
        1 => (any::<[u64; 6]>(), any::<[u32; 7]>(), any::<bool>()).prop_map(|(n, hours, metered)| Command::SetCaps {
            caps: Caps {
                second_bytes: n[0],
                day_bytes: n[1],
                month_bytes: n[2],
                month_day: n[3],
                domain_minute: n[4],
                domain_day: n[5],
                hours,
                metered
            }
        }),
        1 => Just(Command::ResetCaps),
        1 => Just(Command::SetBandwidthWhen { when: BandwidthWhen::Always }),
        1 => (any::<[bool; 2]>(), any::<[u64; 3]>()).prop_map(|([open, notify], [minutes, quiet_from, quiet_to])| {
            Command::SetPops { pops: Pops { open, notify, minutes, quiet_from, quiet_to } }
        }),
        1 => text().prop_map(|practice| Command::Practised { practice }),
        1 => (0..64_u8, any::<u16>()).prop_map(|(bits, day_max)| {
            let chosen = WarningSet::from_bits(bits).expect("bits of classes");
            Command::SetWarnings { chosen, day_max }
        }),
        1 => Just(Command::SetBandwidthWhen { when: BandwidthWhen::Away }),
        1 => Just(Command::ConnectNow),
        1 => Just(Command::TakeConsentBack),
        1 => (0..=Statement::ALL.len()).prop_map(|n| Command::Agree { statements: Statement::ALL[..n].into() }),
        1 => Just(Command::DismissNotice),
        1 => Just(Command::Export),
        1 => text().prop_map(|url| Command::JudgeUrl { url }),
        1 => text().prop_map(|offer| Command::Skip { offer, shown_at: None }),
        1 => text().prop_map(|offer| Command::Uncover { offer }),
        1 => text().prop_map(|offer| Command::Broken { offer }),
        1 => (text(), text()).prop_map(|(offer, words)| Command::Appeal { offer, words }),
        1 => (text(), any::<u8>(), any::<u64>()).prop_map(|(offer, option, shown_at)| Command::Answer {
            offer,
            answer: Answer::Choice(option),
            input: AnswerInput::Keyboard,
            shown_at
        }),
        1 => (text(), part, any::<u64>()).prop_map(|(offer, part, offset)| Command::OpenReceipt {
            offer,
            change: Some(ChangeByte { part: part.into(), offset })
        }),
    ]
}

/// What happens next.
#[derive(Clone, Debug)]
enum Act {
    Raw(Event),
    Say(ToWorker),
    /// A good frame with one byte changed.
    Bend(ToWorker, usize, u8),
    /// A good assignment.
    Assign(u8),
    /// The person answers or skips what is on screen.
    Person(bool),
    DiskFull(bool),
    Reachable(bool),
    Pass(u64),
    Jump(i64),
    Kill,
}

fn act() -> impl Strategy<Value = Act> {
    let failure = prop::sample::select(vec![FetchFailure::Network, FetchFailure::Timeout, FetchFailure::TooLarge]);
    let head =
        (any::<u16>(), proptest::collection::vec((text(), text()), 0..40), proptest::option::of(text())).prop_map(
            |(status, headers, location)| HopHead { status, headers, location: location.clone(), address: location },
        );
    let event = prop_oneof![
        bytes().prop_map(Event::Frame),
        (0_u64..9).prop_map(|batch| Event::Persisted { batch }),
        (0_u64..9).prop_map(|batch| Event::PersistFailed { batch }),
        (0_u64..9, proptest::collection::vec(text(), 0..4))
            .prop_map(|(id, addresses)| Event::LookedUp { fetch: FetchId(id), addresses }),
        (0_u64..9, head).prop_map(|(id, head)| Event::HopAnswered { fetch: FetchId(id), head }),
        (0_u64..9, bytes(), any::<u64>()).prop_map(|(id, body, encoded_bytes)| Event::BodyRead {
            fetch: FetchId(id),
            body,
            encoded_bytes
        }),
        (0_u64..9, failure, any::<u64>()).prop_map(|(id, failure, encoded_bytes)| Event::FetchFailed {
            fetch: FetchId(id),
            failure,
            encoded_bytes
        }),
        (0_u64..9, any::<u64>()).prop_map(|(id, bytes)| Event::BodyProgress { fetch: FetchId(id), bytes }),
        (any::<[bool; 5]>(), any::<Option<bool>>(), any::<i32>()).prop_map(
            |([away, data_saver, host_permission, is_installed_by_policy, looks], allows_bandwidth, utc_offset_min)| {
                let managed = Managed { is_installed_by_policy, allows_bandwidth };
                let day_start = at(DAY_START_MS);
                Event::Surroundings(Surroundings {
                    away,
                    data_saver,
                    host_permission,
                    day_start,
                    managed,
                    utc_offset_min,
                    looks,
                })
            }
        ),
        command().prop_map(Event::Command),
        (any::<u64>(), any::<u64>()).prop_map(|(own, foreign)| Event::RequestEvents { own, foreign }),
        Just(Event::Alarm),
        any::<bool>().prop_map(|is_shown| Event::Popped { is_shown }),
    ];
    prop_oneof![
        4 => event.prop_map(Act::Raw),
        4 => message().prop_map(Act::Say),
        2 => (message(), any::<usize>(), 1_u8..).prop_map(|(m, at, by)| Act::Bend(m, at, by)),
        6 => any::<u8>().prop_map(Act::Assign),
        4 => any::<bool>().prop_map(Act::Person),
        1 => any::<bool>().prop_map(Act::DiskFull),
        1 => any::<bool>().prop_map(Act::Reachable),
        2 => (0_u64..400_000).prop_map(Act::Pass),
        1 => (-90_000_000_i64..90_000_000).prop_map(Act::Jump),
        1 => Just(Act::Kill),
    ]
}

fn item(n: u8) -> Item {
    let picture = picture(n, 70_000);
    match n % 4 {
        0 => text_item(&format!("text {n}")),
        1 => picture_item("picture", &picture),
        2 => fetch_item("https://www.rust-lang.org/page", u64::from(n) * 100),
        _ => fetch_item("https://www.rust-lang.org/moved", 10_000),
    }
}

fn perform(world: &mut World, act: Act) {
    match act {
        Act::Raw(event) => world.feed(event),
        Act::Say(message) => world.say(&message),
        Act::Bend(message, at, by) => {
            let mut frame = message.to_frame();
            let at = at % frame.len();
            frame[at] ^= by;
            world.feed(Event::Frame(frame));
        }
        Act::Assign(n) => {
            if world.coordinator.is_ready() {
                world.coordinator.blobs.insert(Hash::of(&vec![n; 70_000]), vec![n; 70_000]);
                world.assign(&item(n));
            } else {
                world.command(Command::SetPaused { on: false });
                world.command(Command::SetJudgments { on: true });
                world.command(Command::ConnectNow);
            }
        }
        Act::Person(answers) => {
            if let Some(judgment) = world.view().judgment {
                match answers {
                    true => world.answer(&judgment.offer, 0),
                    false => world.command(Command::Skip { offer: judgment.offer, shown_at: None }),
                }
            }
        }
        Act::DiskFull(is_full) => world.is_disk_full = is_full,
        Act::Reachable(is_reachable) => world.is_reachable = is_reachable,
        Act::Pass(ms) => world.pass(ms),
        Act::Jump(by_ms) => world.ahead_ms = by_ms,
        Act::Kill => {
            world.kill();
            world.run();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_happens_is_a_panic(acts in proptest::collection::vec(act(), 1..80), looks_up in any::<bool>()) {
        let mut world = if looks_up { World::connected_looking_up() } else { World::connected() };
        world.is_checked = false;
        world.coordinator.paying = Some(Paying { is_lied_about: true, ..Paying::new() });
        world.sites.insert("https://www.rust-lang.org/page".into(), page(200, &[1; 5_000]));
        world.sites.insert("https://www.rust-lang.org/moved".into(), redirect(301, "https://www.rust-lang.org/page"));
        for act in acts {
            perform(&mut world, act);
            let view = world.view();
            let most = usize::from(FETCH_LEASES_MAX + JUDGMENT_LEASES_MAX);
            prop_assert!(view.outbox as usize <= OUTBOX_MAX);
            prop_assert!(world.badge <= u32::from(JUDGMENT_LEASES_MAX));
            let leases = world.worker.snapshot().into_iter().filter(|(key, _)| key.starts_with("lease/")).count();
            prop_assert!(leases <= most);
        }
    }

    #[test]
    fn any_storage_is_a_start(records in proptest::collection::vec((text(), bytes()), 0..8), which in 0_usize..9) {
        let names = ["settings", "counters", "coordinator", "account", "verdicts", "stopped", "lease/", "outbox/", "receipt/"];
        let name = if names[which].ends_with('/') { format!("{}{}", names[which], "0".repeat(64)) } else { names[which].into() };
        let records = records.into_iter().enumerate().map(|(i, (key, value))| (if i == 0 { name.clone() } else { key }, value));
        let trust = World::new().trust;
        let key: SigningKey = key(1);
        let mut worker = Worker::new(Config { trust, tasks: TaskSet::ALL, take_back_ms: lull_worker::limits::TAKE_BACK_MS }, key, 1, records.collect());
        worker.handle(Event::SocketOpened { challenge: Challenge([1; 32]) }, at(START_MS));
        worker.view(at(START_MS));
    }
}
