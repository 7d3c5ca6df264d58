//! Verdicts and receipts.

use lull_protocol::cose::{self, Signed};
use lull_protocol::limits::VERDICTS_IN_FLIGHT_MAX;
use lull_protocol::statement::{Decision, Verdict, VerdictPlace, VerdictReason};
use lull_protocol::{Amount, Hash, PublicKey, ToCoordinator, ToWorker};
use lull_view::{ActivityState, Command, Link, LinkProblem, Notice, Reply};
use lull_worker::limits;

use crate::common::*;

/// A world with one acknowledged result and no verdict yet; its offer and its result.
fn waiting() -> (World, String, Vec<u8>) {
    let mut world = World::connected();
    world.coordinator.keeps_verdicts = true;
    let offer = world.assign(&text_item("waits"));
    world.answer(&offer, 0);
    assert_eq!(world.view().activities[0].state, ActivityState::Waiting);
    let result = world.coordinator.stored.values().next().expect("stored").clone();
    (world, offer, result)
}

fn verdict(world: &World, result: Hash, key: &lull_protocol::SigningKey) -> Vec<u8> {
    let (decision, reason) = (Decision::Accepted, VerdictReason::Agreed);
    let amount = Amount::new(coordinator::PRICE).unwrap();
    let verdict =
        Verdict { result, decision, reason, amount, decided_at: world.coordinator_now(), place: None, rejection: None };
    Signed::sign(verdict, key).bytes().to_vec()
}

fn seen(world: &mut World) -> u64 {
    world.pass(20_000);
    let pings = world.take_sent().into_iter().rev();
    let mut seen = pings.filter_map(|m| match m {
        ToCoordinator::Ping { verdicts_seen, .. } | ToCoordinator::Proof { verdicts_seen, .. } => Some(verdicts_seen),
        _ => None,
    });
    seen.next().expect("a ping")
}

#[test]
fn a_verdict_counts_once_and_only_when_it_is_durable() {
    let (mut world, _, result) = waiting();
    let message = world.coordinator.decide(&result, world.coordinator_now());
    world.is_disk_full = true;
    world.say(&message);
    world.say(&message);
    assert_eq!(world.view().activities[0].state, ActivityState::Accepted);
    assert_eq!(seen(&mut world), 0, "not durable yet");
    world.is_disk_full = false;
    world.pass(limits::BACKOFF_MS_MAX);
    assert_eq!(seen(&mut world), 1);
    world.say(&message);
    world.kill();
    world.run();
    assert_eq!(world.view().link, Link::Connected);
    assert_eq!(world.view().activities[0].amount, coordinator::PRICE);
    assert_eq!(seen(&mut world), 1);
}

#[test]
fn a_verdict_that_is_not_the_coordinator_s_or_leaves_a_gap_ends_the_connection() {
    let (world, _, result) = waiting();
    let forged = verdict(&world, Hash::of(&result), &key(9));
    let sound = verdict(&world, Hash::of(&result), &world.coordinator.key);
    let mut bent = sound.clone();
    *bent.last_mut().unwrap() ^= 1;
    for (number, statement) in [(1, forged), (1, bent), (1, b"none".to_vec()), (2, sound.clone()), (u64::MAX, sound)] {
        let (mut world, _, _) = waiting();
        world.say(&ToWorker::Verdict { number, statement: statement.into() });
        let link = world.view().link;
        assert!(matches!(link, Link::Waiting { reason: LinkProblem::Handshake, .. }), "{number}: {link:?}");
        assert_eq!(world.view().activities[0].state, ActivityState::Waiting);
        world.command(Command::ConnectNow);
        assert_eq!(seen(&mut world), 0);
    }
}

#[test]
fn a_verdict_before_its_acknowledgement_says_no_less() {
    let mut world = World::connected();
    world.coordinator.is_mute = true;
    let offer = world.assign(&text_item("early"));
    world.answer(&offer, 0);
    let result = world.coordinator.heard.values().next().unwrap().clone();
    let message = world.coordinator.decide(&result, world.coordinator_now());
    world.say(&message);
    assert_eq!((world.view().outbox, world.view().activities[0].state), (0, ActivityState::Accepted));
    world.say(&ToWorker::Ack { offer: Hash::from_hex(&offer).unwrap(), result: Hash::of(&result) });
    assert_eq!(world.view().activities[0].state, ActivityState::Accepted);
}

#[test]
fn a_verdict_about_a_result_of_a_class_that_is_off_by_now_is_kept() {
    let mut world = World::connected();
    world.coordinator.is_mute = true;
    let offer = world.assign(&text_item("switched off"));
    world.answer(&offer, 0);
    let result = world.coordinator.heard.values().next().unwrap().clone();
    world.command(Command::SetJudgments { on: false });
    world.cut();
    world.command(Command::ConnectNow);
    assert_eq!((world.view().link, world.view().outbox), (Link::Connected, 1));
    let message = world.coordinator.decide(&result, world.coordinator_now());
    world.say(&message);
    world.command(Command::SetJudgments { on: true });
    world.say(&ToWorker::Ack { offer: Hash::from_hex(&offer).unwrap(), result: Hash::of(&result) });
    let activity = world.view().activities[0].clone();
    assert_eq!((world.view().outbox, activity.state), (0, ActivityState::Accepted));
}

#[test]
fn a_signed_verdict_about_an_unknown_result_keeps_the_row_going() {
    let (mut world, _, result) = waiting();
    let unknown = verdict(&world, Hash([3; 32]), &world.coordinator.key);
    world.say(&ToWorker::Verdict { number: 1, statement: unknown.into() });
    let known = verdict(&world, Hash::of(&result), &world.coordinator.key);
    world.say(&ToWorker::Verdict { number: 2, statement: known.into() });
    assert_eq!(world.view().link, Link::Connected);
    assert_eq!((world.view().activities[0].state, seen(&mut world)), (ActivityState::Accepted, 2));
}

#[test]
fn a_verdict_of_another_row_or_number_is_not_counted() {
    let (world, _, result) = waiting();
    let me = world.coordinator.worker.expect("it spoke");
    for (worker, number) in [(PublicKey([9; 32]), 1), (me, 2), (me, 0)] {
        let (mut world, _, _) = waiting();
        let statement = verdict(&world, Hash::of(&result), &world.coordinator.key);
        let place = Some(VerdictPlace { worker, number });
        let payload = Verdict { place, ..cose::peek::<Verdict>(&statement).unwrap() };
        let foreign = Signed::sign(payload, &world.coordinator.key).bytes().to_vec();
        world.say(&ToWorker::Verdict { number: 1, statement: foreign.into() });
        assert_eq!(world.view().activities[0].state, ActivityState::Waiting);
        let reason = LinkProblem::Handshake;
        assert!(matches!(world.view().link, Link::Waiting { reason: r, .. } if r == reason), "{:?}", world.view().link);
    }
}

#[test]
fn of_two_different_verdicts_the_first_counts_and_both_are_kept() {
    let (mut world, offer, result) = waiting();
    let first = verdict(&world, Hash::of(&result), &world.coordinator.key);
    world.say(&ToWorker::Verdict { number: 1, statement: first.clone().into() });
    world.say(&ToWorker::Verdict { number: 2, statement: first.clone().into() });
    assert_eq!(world.view().notice, None, "the same once more is no contradiction");
    let (decision, reason, amount) = (Decision::Rejected, VerdictReason::UnpaidOutcome, Amount::ZERO);
    let decided_at = world.coordinator_now();
    let other =
        Verdict { result: Hash::of(&result), decision, reason, amount, decided_at, place: None, rejection: None };
    let other = Signed::sign(other, &world.coordinator.key).bytes().to_vec();
    world.say(&ToWorker::Verdict { number: 3, statement: other.clone().into() });
    world.coordinator.verdicts.extend([first.clone(), first.clone(), other.clone()]);
    assert_eq!(world.view().notice, Some(Notice::Contradiction { offer: offer.clone() }));
    world.is_checked = false;
    assert_eq!((world.view().link, seen(&mut world)), (Link::Connected, 3), "and the row goes on");
    world.kill();
    world.run();
    let activity = world.view().activities[0].clone();
    assert_eq!((activity.state, activity.amount), (ActivityState::Accepted, coordinator::PRICE));
    let record = &world.disk[&format!("receipt/{offer}")];
    for verdict in [first, other] {
        assert!(record.windows(verdict.len()).any(|bytes| bytes == verdict), "kept");
    }
}

#[test]
fn many_verdicts_are_confirmed_before_the_heartbeat() {
    let mut world = World::connected();
    world.take_sent();
    for number in 1..=VERDICTS_IN_FLIGHT_MAX as u64 {
        let statement = verdict(&world, Hash([3; 32]), &world.coordinator.key);
        world.coordinator.verdicts.push(statement.clone());
        world.say(&ToWorker::Verdict { number, statement: statement.into() });
    }
    assert!(world.coordinator.verdicts_seen >= VERDICTS_IN_FLIGHT_MAX as u64 / 2);
}

#[test]
fn a_receipt_opens_with_three_parts_before_its_verdict() {
    let (mut world, offer, result) = waiting();
    let open = |world: &World| {
        let query = Command::OpenReceipt { offer: offer.clone(), change: None };
        match world.worker.query(&query, world.local()) {
            Some(Reply::Receipt { receipt }) => receipt.expect("a receipt"),
            other => panic!("{other:?}"),
        }
    };
    let receipt = open(&world);
    assert_eq!((receipt.parts.len(), receipt.checks.len(), receipt.valid), (3, 4, true));
    let message = world.coordinator.decide(&result, world.coordinator_now());
    world.say(&message);
    let receipt = open(&world);
    assert_eq!((receipt.parts.len(), receipt.checks.len(), receipt.valid), (4, 7, true));
    let value = |part: usize, name: &str| {
        let fields = receipt.fields(&receipt.parts[part]);
        fields.into_iter().find(|(field, _)| field == name).map(|(_, value)| value).unwrap_or_default()
    };
    assert_eq!(value(0, "question"), "Which is it?");
    assert_eq!((value(1, "price"), value(3, "amount")), ("0.004 demo credits".into(), "0.004 demo credits".into()));
    assert_eq!(value(1, "rule"), "2 of 3 people agree");
    assert_eq!(value(2, "report"), "“Yes” (option 1), by key");
    assert_eq!(value(2, "finished_at"), "2026-10-05T10:00:00.000Z");
    let signers: Vec<_> = receipt.parts.iter().map(|p| p.signer()).collect();
    assert_eq!(signers, [None, Some("coordinator"), Some("you"), Some("coordinator")]);
    let query = Command::OpenReceipt { offer: "0".repeat(64), change: None };
    assert_eq!(world.worker.query(&query, world.local()), Some(Reply::Receipt { receipt: None }));
}

#[test]
fn the_export_holds_complete_receipts_that_verify() {
    let mut world = World::connected();
    for i in 0..3 {
        let offer = world.assign(&text_item(&format!("t{i}")));
        world.coordinator.keeps_verdicts = i == 2;
        world.answer(&offer, 0);
    }
    let Some(Reply::Export { jsonl }) = world.worker.query(&Command::Export, world.local()) else { panic!("export") };
    let lines: Vec<&str> = jsonl.lines().collect();
    let (coordinator, me) = (world.coordinator.key.public(), world.me);
    let first = format!(r#"{{"format":"lull-receipts-1","coordinator":"{coordinator}","worker":"{me}"}}"#);
    assert_eq!((lines.len(), lines[0]), (3, first.as_str()), "what has no verdict is no receipt yet");
    for line in &lines[1..] {
        let part = |name: &str| {
            let (_, rest) = line.split_once(&format!("\"{name}\":\"")).expect("the field");
            let (base64, _) = rest.split_once('"').expect("its end");
            data_encoding::BASE64.decode(base64.as_bytes()).expect("base64")
        };
        let [item, offer, result, verdict] = ["item", "offer", "result", "verdict"].map(part);
        let (rejection, appeal, reversal, reversal_end) = (None, None, None, None);
        let receipt =
            lull_protocol::receipt::Receipt { item, offer, result, verdict, rejection, appeal, reversal, reversal_end };
        assert!(receipt.verify(&coordinator).is_ok());
    }
}

#[test]
fn the_newest_receipts_are_loaded_and_the_others_are_kept() {
    let mut world = World::connected();
    world.is_checked = false;
    let work = limits::RECEIPTS_LOADED_MAX + 2 * limits::RECEIPTS_MOVED_MAX + 5;
    for i in 0..work {
        let offer = world.assign(&text_item(&format!("t{i}")));
        world.answer(&offer, 0);
        world.pass(100);
    }
    let of = |world: &World, kind: &str| world.disk.keys().filter(|k| k.starts_with(kind)).count();
    assert_eq!(
        (of(&world, "receipt/"), of(&world, "log-kept/")),
        (limits::RECEIPTS_LOADED_MAX, work - limits::RECEIPTS_LOADED_MAX)
    );
    assert_eq!(world.view().activities.len(), lull_view::ACTIVITIES_MAX);
    assert_eq!(world.export().lines().count(), work + 1, "none is lost");
    assert_eq!(world.log_entries().len(), work);
    world.kill();
    world.run();
    assert_eq!(world.view().link, Link::Connected, "all is well after a restart");
    assert_eq!(world.export().lines().count(), work + 1);
}

#[test]
fn judging_a_url_only_asks() {
    let world = World::new();
    let judge = |url: &str| match world.worker.query(&Command::JudgeUrl { url: url.into() }, world.local()) {
        Some(Reply::Judged { refusal, .. }) => refusal,
        other => panic!("{other:?}"),
    };
    assert_eq!(judge("https://www.rust-lang.org/"), None);
    assert_eq!(judge("https://192.168.0.1/").as_deref(), Some("ip_literal"));
    assert_eq!(judge("").as_deref(), Some("malformed"));
    assert_eq!(world.worker.query(&Command::ConnectNow, world.local()), None);
}
