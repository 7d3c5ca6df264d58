//! Values of the protocol drawn from a feed: mostly right, sometimes beyond a limit.

use lull_protocol::WarningSet;
use lull_protocol::connect::Purpose;
use lull_protocol::flag::note_of;
use lull_protocol::item::Picture;
use lull_protocol::limits::{OPTIONS_COUNT, PACE_OUTCOMES_MIN, PRACTICE_ITEMS_MAX, SENTENCES_MAX};
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::picture::PICTURE_TYPES;
use lull_protocol::rejection::{Appeal, BuyerRecord, Rejection};
use lull_protocol::reversal::{Ending, Reversal, ReversalEnd};
use lull_protocol::statement::{
    AcceptanceRule, Decision, FetchReport, Header, Hop, Input, JobClass, JudgmentReport, Offer, OperatorCard, Outcome,
    Price, Report, Traffic, Transcript, Verdict, VerdictPlace, VerdictReason, WorkResult,
};
use lull_protocol::task::{Choice, Compare, Finding, Multi, OptionSet, Preference, Rating, Verify};
use lull_protocol::units::{Challenge, Nonce};
use lull_protocol::{
    Amount, Answer, BlobRef, ByteCount, Content, DurationMs, FetchItem, Filter, FlagReason, FlagReport, Hash, Item,
    JudgmentItem, Method, OrderId, Pace, Practice, PracticeItem, PublicKey, SigningKey, Task, TaskKind, TaskSet,
    Timestamp, ToCoordinator, ToWorker,
};
use zeroize::Zeroizing;

use crate::feed::Feed;

/// 2026-10-05, 10:00 UTC.
pub(crate) const START_MS: u64 = 1_791_194_400_000;
/// The seed of the worker's key.
pub(crate) const WORKER: u8 = 1;
/// The seed of the coordinator's key.
pub(crate) const COORDINATOR: u8 = 7;

/// URLs that policy lets pass, and some that it doesn't.
const URLS: [&str; 10] = [
    "https://www.rust-lang.org/page",
    "https://www.gutenberg.org/a",
    "https://docs.gutenberg.org/b?x=1",
    "http://www.rust-lang.org/plain",
    "https://10.0.0.1/",
    "https://localhost/",
    "https://www.rust-lang.org:8443/",
    "https://www.rust-lang.org/login",
    "ftp://www.rust-lang.org/",
    "nonsense",
];
const ADDRESSES: [&str; 8] =
    ["93.184.215.14", "[2606:4700::1111]", "10.0.0.1", "127.0.0.1", "::1", "fe80::1%eth0", "", "nowhere"];

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([seed; 32]))
}
pub(crate) fn time(ms: u64) -> Timestamp {
    Timestamp::new(ms).unwrap_or(Timestamp::ZERO)
}
pub(crate) fn count(bytes: u64) -> ByteCount {
    ByteCount::new(bytes).unwrap_or(ByteCount::ZERO)
}
pub(crate) fn amount(units: u64) -> Amount {
    Amount::new(units).unwrap_or(Amount::ZERO)
}

/// A time near the beginning, or any.
pub(crate) fn moment(feed: &mut Feed<'_>) -> Timestamp {
    if feed.one_in(4) { time(feed.number()) } else { time(START_MS + u64::from(feed.byte()) * 1_000) }
}
/// One of few hashes, so that some are met again.
pub(crate) fn hash(feed: &mut Feed<'_>) -> Hash {
    Hash([feed.byte() & 3; 32])
}
/// A key that is one, or one that is none.
pub(crate) fn public(feed: &mut Feed<'_>) -> PublicKey {
    if feed.one_in(4) { PublicKey(feed.array()) } else { key(*feed.pick(&[WORKER, COORDINATOR, 3])).public() }
}
/// Text of a usual length, or one around a limit.
pub(crate) fn label(feed: &mut Feed<'_>) -> String {
    match feed.below(8) {
        0 => String::new(),
        1 => feed.text(200),
        2 => "x".repeat(*feed.pick(&[64, 65, 256, 257, 1_024, 1_025, 2_048, 4_096, 4_097, 32_768, 32_769])),
        _ => feed.text(12),
    }
}
pub(crate) fn url(feed: &mut Feed<'_>) -> String {
    match feed.below(4) {
        0 => feed.text(60),
        1 => format!("https://www.{}.org/{}", feed.text(12), feed.text(20)),
        _ => (*feed.pick(&URLS)).to_owned(),
    }
}
pub(crate) fn address(feed: &mut Feed<'_>) -> String {
    if feed.one_in(8) { feed.text(70) } else { (*feed.pick(&ADDRESSES)).to_owned() }
}
fn method(feed: &mut Feed<'_>) -> Method {
    *feed.pick(&[Method::Get, Method::Head])
}
fn list<T>(feed: &mut Feed<'_>, max: usize, mut one: impl FnMut(&mut Feed<'_>) -> T) -> Vec<T> {
    (0..feed.below(max + 1)).map(|_| one(feed)).collect()
}

pub(crate) fn item(feed: &mut Feed<'_>) -> Item {
    if feed.one_in(2) { Item::Fetch(fetch_item(feed)) } else { Item::Judgment(judgment_item(feed)) }
}

fn fetch_item(feed: &mut Feed<'_>) -> FetchItem {
    let named = feed.one_in(4);
    FetchItem {
        order: OrderId([feed.byte(); 16]),
        requester: if named { label(feed) } else { "Open Index".into() },
        purpose: if named { label(feed) } else { "A search index".into() },
        url: url(feed),
        method: method(feed),
        bytes_max: count(if feed.one_in(4) { feed.number() } else { 10_000 }),
        http_allowed: feed.one_in(2),
    }
}

fn judgment_item(feed: &mut Feed<'_>) -> JudgmentItem {
    let named = feed.one_in(4);
    let mut text = |usual: &str| if named { label(feed) } else { usual.to_owned() };
    let (requester, title) = (text("Road Maps"), text("Roads"));
    let (guideline, question) = (text("Choose what fits best."), text("Which is it?"));
    let number = feed.byte();
    JudgmentItem {
        order: OrderId([number; 16]),
        requester,
        title,
        guideline_version: feed.number() as u32,
        warnings: warnings(feed),
        guideline,
        question,
        task: task(feed, kind(number), named),
        practice: practised(number).map(|bytes| BlobRef { hash: Hash::of(&bytes), bytes: count(bytes.len() as u64) }),
    }
}

/// The practice of a project, if it has one: of its type, of another, or bytes that are none.
pub(crate) fn practised(number: u8) -> Option<Vec<u8>> {
    let item = |text: &str| {
        let (content, options) = (Content::Text(text.into()), vec!["Yes".into(), "No".into()]);
        let task = Task::Choice(Choice { content, options });
        PracticeItem { task, answer: Answer::Choice(1), explanation: "It is.".into() }
    };
    match number & 15 {
        0 => Some(Practice { items: vec![item("a road"), item("a street")] }.to_bytes()),
        1 => Some(Practice { items: vec![item("a path"), item("a path")] }.to_bytes()),
        _ => None,
    }
}

/// A practice: mostly one that may be.
pub(crate) fn practice(feed: &mut Feed<'_>) -> Practice {
    let kind = kind(feed.byte());
    let items = list(feed, PRACTICE_ITEMS_MAX + 1, |feed| {
        let is_odd = feed.one_in(8);
        let task = task(feed, kind, is_odd);
        let answer = if feed.one_in(8) { answer(feed) } else { answer_to(&task, feed.byte() & 1) };
        PracticeItem { task, answer, explanation: label(feed) }
    });
    Practice { items }
}

/// Mostly none.
pub(crate) fn warnings(feed: &mut Feed<'_>) -> WarningSet {
    if feed.one_in(4) { WarningSet::from_bits(feed.byte() & 63).unwrap_or_default() } else { WarningSet::NONE }
}

/// Choices alone, all types, or some.
pub(crate) fn task_set(feed: &mut Feed<'_>) -> TaskSet {
    match feed.below(4) {
        0 => TaskSet::CHOICE,
        1 | 2 => TaskSet::ALL,
        _ => TaskSet::of(&[*feed.pick(&TaskKind::ALL), *feed.pick(&TaskKind::ALL)]),
    }
}

/// A choice as often as all other types.
fn kind(number: u8) -> TaskKind {
    match number {
        0..128 => TaskKind::Choice,
        128..160 => TaskKind::Multi,
        160..192 => TaskKind::Compare,
        192..224 => TaskKind::Rating,
        224.. => TaskKind::Verify,
    }
}

/// A task of this type; `is_odd`: with any texts and numbers.
fn task(feed: &mut Feed<'_>, kind: TaskKind, is_odd: bool) -> Task {
    if kind == TaskKind::Verify {
        let (claim, source) = if is_odd {
            (label(feed), list(feed, SENTENCES_MAX + 1, |feed| feed.text(9)))
        } else {
            ("It froze.".into(), vec!["It was cold.".into(), "It froze.".into()])
        };
        return Task::Verify(Verify { claim, source });
    }
    let content = content(feed);
    if kind == TaskKind::Compare {
        let right = if is_odd { self::content(feed) } else { Content::Text("another".into()) };
        return Task::Compare(Compare { left: content, right });
    }
    if kind == TaskKind::Rating {
        let (steps, lowest) = if is_odd { (feed.byte(), label(feed)) } else { (5, "dull".into()) };
        return Task::Rating(Rating { content, steps, lowest, highest: "bright".into() });
    }
    let options = if is_odd {
        list(feed, OPTIONS_COUNT.1 + 1, label)
    } else {
        vec!["Yes".into(), "No".into(), "Can't tell".into()]
    };
    if kind == TaskKind::Choice {
        return Task::Choice(Choice { content, options });
    }
    let (least, most) = if is_odd { (feed.byte() & 15, feed.byte() & 15) } else { (0, 2) };
    Task::Multi(Multi { content, options, least, most })
}

/// Any answer: one that fits many tasks, or none.
pub(crate) fn answer(feed: &mut Feed<'_>) -> Answer {
    let number = feed.byte();
    match kind(number) {
        TaskKind::Choice => Answer::Choice(number),
        TaskKind::Multi => Answer::Multi(OptionSet::from_bits(number.into()).unwrap_or_default()),
        TaskKind::Compare => Answer::Compare(*feed.pick(&Preference::ALL)),
        TaskKind::Rating => Answer::Rating(number - 192),
        TaskKind::Verify => {
            let sentence = feed.byte();
            let findings = [Finding::Supported { sentence }, Finding::Contradicted { sentence }, Finding::NotEnough];
            Answer::Verify(*feed.pick(&findings))
        }
    }
}

/// An answer to this task; the number tells which.
pub(crate) fn answer_to(task: &Task, number: u8) -> Answer {
    match task {
        Task::Choice(_) => Answer::Choice(number),
        Task::Multi(_) => Answer::Multi(OptionSet::from_bits(number.into()).unwrap_or_default()),
        Task::Compare(_) => Answer::Compare(*Preference::ALL.get(usize::from(number)).unwrap_or(&Preference::Tie)),
        Task::Rating(_) => Answer::Rating(number + 1),
        Task::Verify(_) => Answer::Verify(match number & 3 {
            sentence @ 0..=1 => Finding::Supported { sentence },
            2 => Finding::Contradicted { sentence: 0 },
            _ => Finding::NotEnough,
        }),
    }
}

fn content(feed: &mut Feed<'_>) -> Content {
    if feed.one_in(2) {
        let bytes = picture(feed.byte());
        let media_type = if feed.one_in(8) { label(feed) } else { (*feed.pick(&PICTURE_TYPES)).to_owned() };
        let size = if feed.one_in(8) { feed.number() } else { bytes.len() as u64 };
        Content::Picture(Picture { hash: Hash::of(&bytes), media_type, bytes: count(size), alt: label(feed) })
    } else {
        match feed.below(4) {
            0 => Content::Text("A sentence.".into()),
            1 => Content::Text(label(feed)),
            2 => Content::Markdown(label(feed)),
            _ => Content::Code("f(x)".into()),
        }
    }
}

/// One of few pictures by its number.
pub(crate) fn picture(number: u8) -> Vec<u8> {
    let mut file = vec![number & 3; 700 << (2 * (number & 3))];
    // Now and then it is none.
    if number % 16 != 15 {
        let head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\x01IDAT";
        file.splice(..head.len(), *head);
    }
    file
}

/// An offer of this item to this worker; now and then one that does not fit it.
pub(crate) fn offer(feed: &mut Feed<'_>, item: &Item, worker: PublicKey) -> Offer {
    let fetch = matches!(item, Item::Fetch(_)) ^ feed.one_in(16);
    let rule = match fetch ^ feed.one_in(16) {
        true => AcceptanceRule::FetchChecks { bytes_max: count(10_000) },
        false if feed.one_in(8) => AcceptanceRule::Agreement { agree: feed.byte(), people: feed.byte() },
        false if feed.one_in(8) => AcceptanceRule::Review { agree: feed.byte(), people: feed.byte() },
        false => AcceptanceRule::Agreement { agree: 2, people: 3 },
    };
    let is_odd = feed.one_in(8);
    let issued_at = if is_odd { moment(feed) } else { time(START_MS) };
    Offer {
        worker: if feed.one_in(16) { public(feed) } else { worker },
        item: if feed.one_in(16) { hash(feed) } else { item.hash() },
        class: if fetch { JobClass::Fetch } else { JobClass::Judgment },
        nonce: Nonce([feed.byte(); 16]),
        price: price(feed),
        asset: if feed.one_in(8) { label(feed) } else { "demo credits".into() },
        rule,
        issued_at,
        deadline: if is_odd { moment(feed) } else { issued_at.plus(600_000) },
        approved_at: if is_odd { moment(feed) } else { issued_at.plus(1_200_000) },
    }
}

fn price(feed: &mut Feed<'_>) -> Price {
    if feed.one_in(2) {
        Price { per_item: amount(4_000), per_mib: Amount::ZERO }
    } else {
        Price { per_item: amount(feed.number()), per_mib: amount(feed.number()) }
    }
}

pub(crate) fn result(feed: &mut Feed<'_>, offer: Hash) -> WorkResult {
    let started_at = moment(feed);
    let report = match feed.below(6) {
        0..=2 => Report::Fetch(fetch_report(feed)),
        3 => Report::Flag(FlagReport {
            reason: *feed.pick(&FlagReason::ALL),
            note: feed.one_in(2).then(|| label(feed)).as_deref().and_then(note_of),
            input: Input::Keyboard,
        }),
        4 => Report::Withdrawn,
        _ => Report::Judgment(JudgmentReport {
            answer: answer(feed),
            input: *feed.pick(&[Input::Keyboard, Input::Pointer, Input::Replay]),
        }),
    };
    let finished_at = if feed.one_in(8) { moment(feed) } else { started_at.plus(feed.byte().into()) };
    WorkResult { offer, report, started_at, finished_at }
}

fn fetch_report(feed: &mut Feed<'_>) -> FetchReport {
    use Outcome::{Blocked, Challenge, Network, NotFound, Ok, Policy, Timeout};
    let body = feed.bytes(40);
    let header = |feed: &mut Feed<'_>| Header { name: label(feed), value: label(feed) };
    let hop = |feed: &mut Feed<'_>| Hop { url: url(feed), address: address(feed), status: feed.number() as u16 };
    FetchReport {
        outcome: *feed.pick(&[Ok, NotFound, Blocked, Challenge, Policy, Network, Timeout]),
        status: feed.number() as u16,
        headers: list(feed, 3, header),
        body_hash: Hash::of(&body),
        body_bytes: count(if feed.one_in(4) { feed.number() } else { body.len() as u64 }),
        hops: list(feed, 7, hop),
        traffic: Traffic { received: count(feed.number()), sent: count(feed.number()) },
        head_ms: feed.number(),
        reason: feed.one_in(2).then(|| label(feed)),
    }
}

/// A verdict about a result, mostly of this worker.
pub(crate) fn verdict(feed: &mut Feed<'_>, result: Hash, worker: PublicKey) -> Verdict {
    use VerdictReason as R;
    const REASONS: [R; 14] = [
        R::ChecksPassed,
        R::Agreed,
        R::OthersAgreed,
        R::NobodyAgreed,
        R::ApprovedByTime,
        R::UnpaidOutcome,
        R::HopRefused,
        R::HopsDontFit,
        R::BodyTooLarge,
        R::TimesOutsideLease,
        R::ApprovedByBuyer,
        R::RejectedByBuyer,
        R::AppealUpheld,
        R::AppealDenied,
    ];
    let decision = *feed.pick(&[Decision::Accepted, Decision::Rejected, Decision::Ambiguous]);
    let pays = decision != Decision::Rejected || feed.one_in(8);
    Verdict {
        result,
        decision,
        reason: *feed.pick(&REASONS),
        amount: if pays { amount(if feed.one_in(4) { feed.number() } else { 4_000 }) } else { Amount::ZERO },
        decided_at: moment(feed),
        place: feed.one_in(2).then(|| VerdictPlace {
            worker: if feed.one_in(8) { public(feed) } else { worker },
            number: feed.number(),
        }),
        rejection: feed.one_in(8).then(|| Hash([feed.byte(); 32])),
    }
}

/// What is held against this result of this worker; now and then of another, or for nothing.
pub(crate) fn rejection(feed: &mut Feed<'_>, result: Hash, worker: PublicKey) -> Rejection {
    use VerdictReason as R;
    let reason = *feed.pick(&[R::RejectedByBuyer, R::RejectedByBuyer, R::TimesOutsideLease, R::Agreed]);
    Rejection {
        result,
        worker: if feed.one_in(8) { public(feed) } else { worker },
        reason,
        evidence: if feed.one_in(4) { label(feed) } else { "It is not.".into() },
        decided_at: moment(feed),
        appeal_until: moment(feed),
    }
}

/// What is held against what a verdict has paid.
pub(crate) fn reversal(
    feed: &mut Feed<'_>,
    (result, worker): (Hash, PublicKey),
    (verdict, paid): (Hash, Amount),
) -> Reversal {
    Reversal {
        result,
        worker: if feed.one_in(8) { public(feed) } else { worker },
        verdict: if feed.one_in(8) { hash(feed) } else { verdict },
        amount: if feed.one_in(8) { amount(feed.number()) } else { paid },
        evidence: if feed.one_in(4) { label(feed) } else { "It was not.".into() },
        decided_at: moment(feed),
        appeal_until: moment(feed),
    }
}

/// How that ended.
pub(crate) fn reversal_end(feed: &mut Feed<'_>, reversal: Hash, worker: PublicKey) -> ReversalEnd {
    use Ending::{Denied, TakenBack, Undecided, Unopposed, Upheld};
    let ending = *feed.pick(&[Unopposed, Unopposed, TakenBack, Denied, Upheld, Undecided]);
    ReversalEnd { reversal, worker, ending, decided_at: moment(feed) }
}

/// What a worker says to that.
pub(crate) fn appeal(feed: &mut Feed<'_>, rejection: Hash) -> Appeal {
    Appeal { rejection, words: feed.one_in(2).then(|| label(feed)), at: moment(feed) }
}

pub(crate) fn transcript(feed: &mut Feed<'_>) -> Transcript {
    let versions = |feed: &mut Feed<'_>| if feed.one_in(4) { feed.number() as u16 } else { 1 };
    Transcript {
        origin: if feed.one_in(4) { label(feed) } else { "wss://lull.example".into() },
        worker: public(feed),
        coordinator: public(feed),
        worker_challenge: Challenge([feed.byte(); 32]),
        coordinator_challenge: Challenge([feed.byte(); 32]),
        offered: (versions(feed), versions(feed)),
        version: versions(feed),
    }
}

pub(crate) fn card(feed: &mut Feed<'_>) -> OperatorCard {
    let is_odd = feed.one_in(2);
    let mut text = |usual: &str| if is_odd && feed.one_in(3) { label(feed) } else { usual.to_owned() };
    let (name, country) = (text("Quiet Labs"), text("CH"));
    let (contact, asset) = (text("help@example.org"), text("demo credits"));
    OperatorCard {
        name,
        country,
        contact,
        fee_bp: if is_odd { feed.number() as u16 } else { 1_000 },
        asset,
        demo: feed.one_in(2),
        signed_at: moment(feed),
    }
}

pub(crate) fn code(feed: &mut Feed<'_>) -> RefusedCode {
    use RefusedCode as C;
    const CODES: [C; 20] = [
        C::Malformed,
        C::TooLarge,
        C::Unexpected,
        C::Version,
        C::Proof,
        C::Signature,
        C::UnknownOffer,
        C::NotYours,
        C::LeaseExpired,
        C::LeaseEnded,
        C::ResultDiffers,
        C::WrongReport,
        C::BodyHash,
        C::BodyRange,
        C::UnknownBlob,
        C::Unavailable,
        C::Busy,
        C::Replaced,
        C::Stopping,
        C::Withdrawn,
    ];
    *feed.pick(&CODES)
}

/// Any bytes for a statement, a chunk or an item, small or around their limits.
fn blob(feed: &mut Feed<'_>) -> Vec<u8> {
    const SIZES: [usize; 4] = [48 * 1024, 48 * 1024 + 1, 64 * 1024, 64 * 1024 + 1];
    if feed.one_in(16) { vec![0; *feed.pick(&SIZES)] } else { feed.bytes(80) }
}

/// A message to a worker whose statements are anything; `hash` gives the hashes it names.
pub(crate) fn to_worker(feed: &mut Feed<'_>, mut hash: impl FnMut(&mut Feed<'_>) -> Hash) -> ToWorker {
    match feed.below(16) {
        0 => ToWorker::Hello {
            version: feed.number() as u16,
            coordinator: public(feed),
            challenge: Challenge([feed.byte(); 32]),
            proof: blob(feed).into(),
            card: blob(feed).into(),
        },
        1 => ToWorker::Welcome { now: moment(feed) },
        2 => ToWorker::Assign {
            offer: blob(feed).into(),
            item: blob(feed).into(),
            extension: feed.one_in(4).then(|| blob(feed).into()),
            pace: feed.one_in(2).then(|| pace(feed)),
            record: feed.one_in(2).then_some(BuyerRecord { reviewed: 480, rejected: 12, overturned: 3 }),
            skips_left: feed.one_in(2).then(|| feed.byte().into()),
        },
        3 => ToWorker::BodyWanted { offer: hash(feed), offset: count(feed.number()), bytes: count(feed.number()) },
        4 => ToWorker::Ack { offer: hash(feed), result: hash(feed) },
        5 => ToWorker::Verdict { number: feed.number(), statement: blob(feed).into() },
        6 => ToWorker::Account {
            earned: amount(feed.number()),
            pending: amount(feed.number()),
            payable: amount(feed.number()),
            earned_today: amount(feed.number()),
            day_start: moment(feed),
            reversed: feed.one_in(4).then(|| amount(feed.number())),
        },
        7 => ToWorker::Withdraw { offer: hash(feed), reason: code(feed) },
        8 => ToWorker::BlobChunk {
            hash: hash(feed),
            total: count(feed.number()),
            offset: count(feed.number()),
            bytes: blob(feed).into(),
        },
        9 => ToWorker::Refused { about: feed.one_in(2).then(|| hash(feed)), code: code(feed) },
        10 => ToWorker::Pong { now: moment(feed) },
        12 => ToWorker::Extended { statement: blob(feed).into() },
        13 => ToWorker::SkipsLeft { order: OrderId([feed.byte(); 16]), left: feed.byte().into() },
        14 => ToWorker::Rejected { statement: blob(feed).into() },
        15 => ToWorker::Appealed { rejection: hash(feed) },
        _ => ToWorker::Bye { code: code(feed) },
    }
}

/// How a project has gone.
pub(crate) fn pace(feed: &mut Feed<'_>) -> Pace {
    let outcomes = feed.number().max(PACE_OUTCOMES_MIN);
    Pace { outcomes, median_s: feed.byte().into(), hourly: amount(feed.number()) }
}

/// What is filtered out.
pub(crate) fn filter(feed: &mut Feed<'_>) -> Filter {
    let hourly_min = if feed.one_in(2) { amount(feed.number()) } else { Amount::ZERO };
    let never = if feed.one_in(4) { vec![label(feed)] } else { vec![] };
    Filter { hourly_min, text_only: feed.one_in(4), never: never.into_iter().filter(|name| !name.is_empty()).collect() }
}

/// A message to the coordinator whose statements are anything; `hash` gives the hashes it names.
pub(crate) fn to_coordinator(feed: &mut Feed<'_>, mut hash: impl FnMut(&mut Feed<'_>) -> Hash) -> ToCoordinator {
    use ReturnReason::{Broken, Filtered, Skipped, SwitchedOff, TooMany, Unwanted, Withdrawn};
    match feed.below(13) {
        0 => ToCoordinator::Hello {
            versions: (feed.number() as u16, feed.number() as u16),
            worker: public(feed),
            challenge: Challenge([feed.byte(); 32]),
            origin: label(feed),
        },
        1 => {
            ToCoordinator::Proof { statement: blob(feed).into(), verdicts_seen: feed.number(), day_start: moment(feed) }
        }
        2 => ToCoordinator::Want {
            fetch: feed.byte(),
            judgment: feed.byte(),
            tasks: task_set(feed),
            warnings: warnings(feed),
            filter: filter(feed),
        },
        3 => ToCoordinator::Result { statement: blob(feed).into() },
        4 => ToCoordinator::BodyChunk { offer: hash(feed), offset: count(feed.number()), bytes: blob(feed).into() },
        8 => ToCoordinator::Extend { offer: hash(feed) },
        9 => ToCoordinator::Appeal { statement: blob(feed).into() },
        10 => ToCoordinator::OpenTicket { purpose: *feed.pick(&Purpose::ALL) },
        11 => ToCoordinator::WalletNo { ticket: hash(feed) },
        12 => match feed.below(3) {
            0 => ToCoordinator::WalletYes { statement: blob(feed).into() },
            1 => ToCoordinator::WalletVeto { statement: blob(feed).into() },
            _ => ToCoordinator::WalletNewsKnown { number: feed.number() },
        },
        5 => ToCoordinator::Return {
            offer: hash(feed),
            reason: *feed.pick(&[Skipped, SwitchedOff, Broken, TooMany, Withdrawn, Filtered, Unwanted]),
            shown_ms: feed.one_in(2).then(|| DurationMs::new(feed.number() >> 11)).flatten(),
        },
        6 => ToCoordinator::GetBlob { hash: hash(feed), offset: count(feed.number()) },
        _ => ToCoordinator::Ping { day_start: moment(feed), verdicts_seen: feed.number() },
    }
}
