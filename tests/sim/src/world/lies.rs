//! What liars say.

use fastrand::Rng;
use lull_protocol::message::{Message, ReturnReason};
use lull_protocol::statement::{FetchReport, Hop, Input, JudgmentReport, Offer, Outcome, Report, Traffic, WorkResult};
use lull_protocol::task::{Finding, OptionSet, Preference, Task};
use lull_protocol::units::Challenge;
use lull_protocol::{
    Answer, ByteCount, FlagReason, FlagReport, Hash, Item, PublicKey, Signed, SigningKey, Timestamp, ToCoordinator,
    cose,
};

use super::web;
use crate::mix::{bytes, chance, pick};

/// A signed result of a lease: mostly one that can be taken; `is_wild`: with times, hops, sizes and answers
/// that can't be.
pub(crate) fn result(
    rng: &mut Rng,
    key: &SigningKey,
    hash: Hash,
    offer: &Offer,
    item: &Item,
    wall: Timestamp,
    is_wild: bool,
) -> Vec<u8> {
    let is_wild = is_wild && rng.bool();
    let report = match item {
        Item::Judgment(item) => {
            let answer = if is_wild { any_answer(rng) } else { answer(rng, &item.task) };
            Report::Judgment(JudgmentReport { answer, input: Input::Replay })
        }
        Item::Fetch(item) => Report::Fetch(fetched(rng, hash, &item.url, item.bytes_max.get(), is_wild)),
    };
    let report = if is_wild && chance(rng, 100) {
        Report::Judgment(JudgmentReport { answer: Answer::Choice(0), input: Input::Keyboard })
    } else {
        report
    };
    let off_ms = if is_wild { rng.u64(..600_000) } else { 0 };
    let (started_at, finished_at) = if rng.bool() {
        (offer.issued_at.minus(off_ms), wall)
    } else {
        (offer.issued_at, wall.max(offer.issued_at).plus(off_ms))
    };
    let finished_at = finished_at.max(started_at);
    Signed::sign(WorkResult { offer: hash, report, started_at, finished_at }, key).bytes().to_vec()
}

/// A flag that nobody thought about, or a look that there may not have been.
pub(crate) fn flag(rng: &mut Rng, key: &SigningKey, hash: Hash, offer: &Offer, wall: Timestamp) -> Vec<u8> {
    let reason = *pick(rng, &FlagReason::ALL).unwrap_or(&FlagReason::Broken);
    let note = rng.bool().then(|| "no".to_owned());
    let report = match chance(rng, 800) {
        true => Report::Flag(FlagReport { reason, note, input: Input::Keyboard }),
        false => Report::Withdrawn,
    };
    // Longer than it can have been, as often as not.
    let off_ms = rng.u64(..150_000) * u64::from(rng.bool());
    let started_at = offer.issued_at.minus(off_ms);
    let finished_at = wall.plus(off_ms).max(started_at);
    Signed::sign(WorkResult { offer: hash, report, started_at, finished_at }, key).bytes().to_vec()
}

/// An answer that fits, no more thought about.
pub(crate) fn answer(rng: &mut Rng, task: &Task) -> Answer {
    let one_of = |rng: &mut Rng, list: &[String]| rng.u8(..u8::try_from(list.len()).unwrap_or(9).max(1));
    match task {
        Task::Choice(task) => Answer::Choice(one_of(rng, &task.options)),
        Task::Multi(task) => {
            let (first, count) = (one_of(rng, &task.options), rng.u8(task.least..=task.most));
            Answer::Multi(some_of(first, count, task.options.len()))
        }
        Task::Compare(_) => Answer::Compare(*pick(rng, &Preference::ALL).unwrap_or(&Preference::Tie)),
        Task::Rating(task) => Answer::Rating(rng.u8(1..=task.steps)),
        Task::Verify(task) => {
            let sentence = one_of(rng, &task.source);
            let findings = [Finding::Supported { sentence }, Finding::Contradicted { sentence }, Finding::NotEnough];
            Answer::Verify(*pick(rng, &findings).unwrap_or(&Finding::NotEnough))
        }
    }
}

/// So many options of all there are, from one of them on.
pub(crate) fn some_of(first: u8, count: u8, all: usize) -> OptionSet {
    let all = u8::try_from(all).unwrap_or(9).max(1);
    let chosen = (0..count).try_fold(OptionSet::default(), |set, i| set.with((first % all + i) % all));
    chosen.unwrap_or_default()
}

/// An answer to anything, or to nothing there is.
fn any_answer(rng: &mut Rng) -> Answer {
    let sentence = rng.u8(..200);
    let multi = OptionSet::from_bits(rng.u16(..512)).unwrap_or_default();
    let answers = [
        Answer::Choice(rng.u8(..)),
        Answer::Multi(multi),
        Answer::Compare(Preference::Left),
        Answer::Rating(rng.u8(1..=10)),
        Answer::Verify(Finding::Supported { sentence }),
        Answer::Verify(Finding::NotEnough),
    ];
    *pick(rng, &answers).unwrap_or(&Answer::Choice(0))
}

fn fetched(rng: &mut Rng, offer: Hash, url: &str, bytes_max: u64, is_wild: bool) -> FetchReport {
    let outcomes = [Outcome::Ok, Outcome::NotFound, Outcome::Blocked, Outcome::Policy, Outcome::Network];
    let outcome = if rng.bool() { Outcome::Ok } else { *pick(rng, &outcomes).unwrap_or(&Outcome::Ok) };
    let status = match outcome {
        Outcome::Ok => 200,
        Outcome::NotFound => 404,
        _ => rng.u16(..600),
    };
    let most = if is_wild { 3 << 20 } else { bytes_max.min(200_000) };
    let size = match rng.u32(..11) {
        _ if !outcome.is_paid() => 0,
        0 => bytes_max,
        1 if is_wild => bytes_max + 1,
        _ => rng.u64(..=most),
    };
    let body = body_of(&offer, size);
    let mut hops = vec![Hop { url: url.to_owned(), address: web::address(rng, true).to_owned(), status }];
    if is_wild {
        match rng.u32(..5) {
            0 => hops.clear(),
            1 => hops.insert(0, Hop { url: web::forbidden(rng).to_owned(), address: "1.1.1.1".into(), status: 302 }),
            2 => hops.iter_mut().for_each(|hop| hop.address = web::address(rng, false).into()),
            3 => hops.iter_mut().for_each(|hop| hop.status = 302),
            _ => hops.push(Hop { url: web::forbidden(rng).to_owned(), address: "1.1.1.1".into(), status }),
        }
    }
    FetchReport {
        outcome,
        status,
        headers: vec![],
        body_hash: Hash::of(&body),
        body_bytes: ByteCount::new(size).unwrap_or(ByteCount::ZERO),
        hops,
        traffic: Traffic::default(),
        head_ms: 3,
        reason: None,
    }
}

/// The body that a liar made up for an offer.
pub(crate) fn body_of(offer: &Hash, bytes: u64) -> Vec<u8> {
    let seed = offer.0.iter().fold(0_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    let mut body = vec![0; usize::try_from(bytes).unwrap_or(0)];
    Rng::with_seed(seed).fill(&mut body);
    body
}

/// How many bytes a result says its body has.
pub(crate) fn bytes_of(statement: Option<&Vec<u8>>) -> u64 {
    let result = statement.and_then(|statement| cose::peek::<WorkResult>(statement).ok());
    match result.map(|result| result.report) {
        Some(Report::Fetch(report)) => report.body_bytes.get(),
        _ => 0,
    }
}

/// A result for an offer of somebody else.
pub(crate) fn stolen(rng: &mut Rng, key: &SigningKey, offer: Hash, wall: Timestamp) -> Vec<u8> {
    let report = if rng.bool() {
        Report::Judgment(JudgmentReport { answer: any_answer(rng), input: Input::Keyboard })
    } else {
        Report::Fetch(fetched(rng, offer, "https://www.site1.com/page/1", 1_000, false))
    };
    Signed::sign(WorkResult { offer, report, started_at: wall, finished_at: wall }, key).bytes().to_vec()
}

/// A message of any kind, well formed or not.
pub(crate) fn anything(rng: &mut Rng, offer: Option<Hash>, tape: Vec<u8>) -> Vec<u8> {
    let hash = offer.filter(|_| rng.bool()).unwrap_or(Hash(bytes(rng)));
    let (offset, day_start) = (ByteCount::ZERO, Timestamp::ZERO);
    let message = match rng.u32(..12) {
        0 => ToCoordinator::Hello {
            versions: (1, 1),
            worker: PublicKey(bytes(rng)),
            challenge: Challenge(bytes(rng)),
            origin: "wss://lull.house".into(),
        },
        1 => ToCoordinator::Proof { statement: tape.into(), verdicts_seen: 0, day_start },
        2 => ToCoordinator::want(1, 1),
        3 => ToCoordinator::Result { statement: tape.into() },
        4 => ToCoordinator::BodyChunk { offer: hash, offset, bytes: vec![1; 10].into() },
        5 => ToCoordinator::Return { offer: hash, reason: ReturnReason::Skipped, shown_ms: None },
        6 => ToCoordinator::GetBlob { hash, offset },
        7 => ToCoordinator::Ping { day_start, verdicts_seen: 0 },
        8 => ToCoordinator::Extend { offer: hash },
        9 => return tape,
        10 => ToCoordinator::Appeal { statement: tape.into() },
        _ => return babble(rng, tape),
    };
    message.to_frame()
}

/// Bytes that are no message, or one of another session.
pub(crate) fn babble(rng: &mut Rng, tape: Vec<u8>) -> Vec<u8> {
    match rng.u32(..5) {
        0 => tape,
        1 => vec![0xff; rng.usize(160_000..400_000)],
        2 => {
            let cut = rng.usize(..=tape.len());
            tape.get(..cut).unwrap_or_default().to_vec()
        }
        3 => super::net::flipped(rng, tape),
        _ => {
            let mut bytes = vec![0; rng.usize(..300)];
            rng.fill(&mut bytes);
            bytes
        }
    }
}
