//! What a disk can hold when the worker starts: the records of a worked day, damaged in every way, and signed
//! anew by whoever holds the keys.

use lull_protocol::Hash;
use lull_protocol::cose::Statement;
use lull_protocol::statement::{Offer, OperatorCard, Verdict, WorkResult};
use lull_view::Notice;
use lull_worker::{Effect, Event, Surroundings, Worker};
use minicbor::Decoder;
use minicbor::data::Token;

use crate::feed::Feed;
use crate::make::{self, COORDINATOR, START_MS, WORKER};
use crate::world::{Disk, World, config};
use crate::{edit, oracle};

/// One of each kind, as version 1 wrote them.
const DAY: &str = include_str!("../../../crate/worker/tests/fixture/records-1.txt");

/// Every record is read, or is set aside under another key with its bytes as they were; and the start goes on
/// to a working worker.
pub(crate) fn records(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let mut disk = day();
    for _ in 0..feed.below(6) {
        change(&mut feed, &mut disk);
    }
    accounted_for(&disk);
    let mut world = World::new(disk);
    world.now = make::time(START_MS);
    world.feed(Event::Surroundings(Surroundings { away: true, host_permission: true, ..Surroundings::default() }));
    world.write_all();
    world.check_snapshot();
    world.kill(0);
}

fn day() -> Disk {
    let read = |line: &str| {
        let (key, hex) = line.split_once(' ')?;
        Some((key.to_owned(), data_encoding::HEXLOWER.decode(hex.as_bytes()).ok()?))
    };
    DAY.lines().filter_map(read).collect()
}

fn change(feed: &mut Feed<'_>, disk: &mut Disk) {
    let keys: Vec<String> = disk.keys().cloned().collect();
    let key = feed.pick(&keys).clone();
    let Some(mut value) = disk.get(&key).cloned() else { return };
    match feed.below(8) {
        0 => edit::bytes(feed, &mut value),
        1 | 2 => edit::token(feed, &mut value),
        3 => value = feed.bytes(60),
        4 => {
            let other = feed.pick(&keys).clone();
            disk.insert(renamed(feed, &other), value);
            return;
        }
        5 => {
            disk.insert(format!("aside/{key}"), value);
            return;
        }
        6 => {
            disk.remove(&key);
            return;
        }
        _ => {
            if let Some(hash) = sign_anew(feed, &mut value) {
                let kind = key.split('/').next().unwrap_or_default();
                let renamed = format!("{kind}/{hash}");
                disk.insert(if feed.one_in(8) || !key.contains('/') { key } else { renamed }, value);
                return;
            }
        }
    }
    disk.insert(key, value);
}

/// The same place of another kind or offer.
fn renamed(feed: &mut Feed<'_>, key: &str) -> String {
    const KINDS: [&str; 7] = ["lease", "returned", "outbox", "body", "receipt", "aside", "other"];
    match key.split_once('/') {
        Some((_, offer)) if !feed.one_in(4) => format!("{}/{offer}", feed.pick(&KINDS)),
        _ => format!("{}/{}", feed.pick(&KINDS), make::hash(feed)),
    }
}

/// Changes the payload of the first statement in a record and signs it again, as its signer could. The
/// statement's hash, if it is an offer.
fn sign_anew(feed: &mut Feed<'_>, record: &mut Vec<u8>) -> Option<Hash> {
    let whole = record.clone();
    let tokens: Vec<Token<'_>> = Decoder::new(&whole).tokens().collect::<Result<_, _>>().ok()?;
    let statements: Vec<&[u8]> = tokens
        .iter()
        .filter_map(|token| match token {
            Token::Bytes(bytes) if bytes.starts_with(&[0xd2, 0x84]) => Some(*bytes),
            _ => None,
        })
        .collect();
    if statements.is_empty() {
        return None;
    }
    let old = *feed.pick(&statements);
    let types = [
        (Offer::TYP, COORDINATOR),
        (WorkResult::TYP, WORKER),
        (Verdict::TYP, COORDINATOR),
        (OperatorCard::TYP, COORDINATOR),
    ];
    let holds = |typ: &str| old.windows(typ.len()).any(|window| window == typ.as_bytes());
    let (typ, seed) = types.into_iter().find(|(typ, _)| holds(typ))?;
    let inside: Vec<Token<'_>> = Decoder::new(old).tokens().collect::<Result<_, _>>().ok()?;
    let payload = inside.iter().filter_map(|t| if let Token::Bytes(b) = t { Some(b.to_vec()) } else { None }).nth(1);
    let mut payload = payload?;
    edit::any(feed, &mut payload);
    let new = oracle::sign(typ, &payload, if feed.one_in(8) { 3 } else { seed });
    let changed: Vec<Token<'_>> = tokens
        .iter()
        .map(|token| if matches!(token, Token::Bytes(b) if *b == old) { Token::Bytes(&new) } else { *token })
        .collect();
    let mut out = Vec::new();
    minicbor::Encoder::new(&mut out).tokens(&changed).expect("writing to a Vec can't fail");
    *record = out;
    (typ == Offer::TYP).then(|| Hash::of(&new))
}

/// Nothing is dropped in silence: each record that is this machine's lives on, or its first batch of writes
/// moves it out of the way, bytes and all, and the person is told.
fn accounted_for(disk: &Disk) {
    let mut worker = Worker::new(config(), make::key(WORKER), 1, disk.clone().into_iter().collect());
    let first = std::iter::from_fn(|| worker.poll_effect()).find_map(|effect| match effect {
        Effect::Persist { writes, .. } => Some(writes),
        _ => None,
    });
    let writes = first.unwrap_or_default();
    let alive: Disk = worker.snapshot().into_iter().collect();
    let is_of_another = writes.iter().any(|write| write.key.starts_with("aside/coordinator"));
    for (key, value) in disk.iter().filter(|(key, _)| is_ours(key)) {
        let is_moved = writes.iter().any(|write| {
            let aside = write.key.strip_prefix("aside/").and_then(|name| name.strip_prefix(key.as_str()));
            aside.is_some_and(|rest| rest.is_empty() || rest.starts_with('~'))
                && write.value.as_deref() == Some(value.as_slice())
        });
        let is_deleted = writes.iter().any(|write| write.key == *key && write.value.is_none());
        let lives = alive.contains_key(key) && !is_moved;
        // Settings and counts are always there: one that was moved is written anew.
        assert!(lives || (is_moved && (is_deleted || alive.contains_key(key))), "{key} is gone");
        // Counters count this start, and the card of a new coordinator was not seen; the rest is what it was.
        let is_renewed = key == "counters" || (key == "settings" && is_of_another);
        let is_same = alive.get(key) == Some(value) || is_renewed || is_moved;
        assert!(is_same, "{key} is another now");
    }
    for write in &writes {
        if let Some(name) = write.key.strip_prefix("aside/") {
            assert!(!disk.contains_key(&write.key), "{name} overwrites what was set aside before");
        }
    }
    let is_told =
        matches!(worker.view(make::time(START_MS)).notice, Some(Notice::SetAside { .. } | Notice::OtherKey { .. }));
    assert!(is_told || !writes.iter().any(|write| write.key.starts_with("aside/")), "nobody is told");
}

/// Whether a key is one that this machine writes. A record that another coordinator left, or that stopped the
/// connection to one, is none of this start's.
fn is_ours(key: &str) -> bool {
    let plain = ["settings", "counters", "coordinator", "account", "verdicts", "days", "never"];
    match key.split_once('/') {
        Some((kind, offer)) => {
            let is_offer = |text: &str| Hash::from_hex(text).is_some();
            let piece = offer.split_once("/0").filter(|(_, n)| n.len() == 1 && "0123456789".contains(n));
            let is_piece = kind == "body" && piece.is_some_and(|(offer, _)| is_offer(offer));
            is_piece || ["lease", "returned", "outbox", "receipt"].contains(&kind) && is_offer(offer)
        }
        None => plain.contains(&key),
    }
}
