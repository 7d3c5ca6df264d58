//! Everything as a file, of what the machine answers.

use lull_protocol::cose::Signed;
use lull_protocol::rejection::Rejection;
use lull_protocol::statement::VerdictReason;
use lull_protocol::{Hash, ToWorker};
use lull_view::{About, Command, Everything, NeverWhat, Reply};
use lull_worker::limits;
use serde_json::Value;

use crate::common::*;

fn about() -> About {
    About {
        saved_at: START_MS,
        version: "0.1.0".to_owned(),
        pages: vec![("explorer".to_owned(), "solscan".to_owned())],
        local_date: |_| "2026-11-30".to_owned(),
    }
}

/// Asks for all of it; `between` comes after each answer.
fn made(world: &mut World, mut between: impl FnMut(&mut World, &Everything)) -> String {
    let view = world.view();
    let (mut file, first) = Everything::begin(&view, about());
    let mut asked = Some(first);
    while let Some(query) = asked {
        let reply = world.ask(&query);
        asked = file.take(&reply).expect("an answer that fits");
        between(world, &file);
    }
    assert_eq!(file.name(), "lull-everything-2026-11-30.json");
    file.finish().concat()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn all_that_is_kept_is_in_the_file_and_the_key_is_not() {
    let mut world = World::connected();
    world.command(Command::Never(NeverWhat::Domain("gutenberg.org".into())));
    let titles = ["one", "\"two\"", "three"];
    for title in titles {
        let offer = world.assign(&text_item(title));
        world.answer(&offer, 1);
    }
    world.coordinator.keeps_verdicts = true;
    let waiting = world.assign(&text_item("waits"));
    world.answer(&waiting, 0);
    let text = made(&mut world, |_, _| ());
    let file = parsed(&text);
    assert_eq!((&file["format"], &file["saved_at"]), (&"lull-everything-1".into(), &"2026-10-05T10:00:00.000Z".into()));
    assert_eq!(file["worker"]["key"], world.view().worker);
    assert_eq!(file["coordinator"]["public_key"], world.coordinator.key.public().to_string());
    assert_eq!(file["settings"]["judgments"], true);
    assert_eq!(file["never"]["domains"], serde_json::json!(["gutenberg.org"]));
    assert_eq!(file["limits"]["caps"]["hours_from_monday"].as_array().map(Vec::len), Some(7));
    assert_eq!(file["pages"]["explorer"], "solscan");
    assert_eq!(file["account"]["earned_base_units"], world.view().account.earned);
    assert_eq!(file["log"].as_array().map(Vec::len), Some(4), "work that waits for its verdict, too");
    assert_eq!(file["days"][0]["judgments"], 4);
    assert_eq!(file["how_you_fare"]["types"][0]["answers"], 3);
    // The answers in full, and the receipts as their own file has them.
    let answers = file["answers"].as_array().expect("a list");
    let told: Vec<_> = answers.iter().filter_map(|answer| answer["title"].as_str()).collect();
    assert_eq!(told, ["one", "\"two\"", "three", "waits"]);
    let is_whole = |answer: &&Value| answer["answer"] == "No" && answer["verdict"].is_string();
    assert_eq!((answers.iter().filter(is_whole).count(), &answers[3]["answer"]), (3, &"Yes".into()));
    assert_eq!(file["waiting"].as_array().map(Vec::len), Some(1));
    let receipts = file["receipts"].as_array().expect("a list");
    let lines: Vec<Value> = world.export().lines().map(parsed).collect();
    assert_eq!((receipts.len(), receipts), (4, &lines), "the head and three");
    let seed = [1_u8; 32];
    for form in [
        data_encoding::HEXLOWER.encode(&seed),
        data_encoding::HEXUPPER.encode(&seed),
        data_encoding::BASE64.encode(&seed),
        data_encoding::BASE64_NOPAD.encode(&seed),
    ] {
        assert!(!text.contains(&form), "the secret key");
    }
}

#[test]
fn receipts_that_move_while_the_file_is_made_are_in_it_once() {
    let mut world = World::connected();
    let count = limits::RECEIPTS_LOADED_MAX + limits::RECEIPTS_MOVED_MAX;
    for n in 0..count {
        let offer = world.assign(&text_item(&n.to_string()));
        world.answer(&offer, 0);
    }
    let kept = world.disk.keys().filter(|key| key.starts_with("log-kept/")).count();
    assert!(kept > 0, "some are kept");
    let mut is_moved = false;
    let text = made(&mut world, |world, file| {
        if file.receipts() > 0 && !is_moved {
            // Some that were in the answer are on their way to where those are that are asked for next.
            is_moved = true;
            for n in 0..limits::RECEIPTS_MOVED_MAX {
                let offer = world.assign(&text_item(&format!("late {n}")));
                world.answer(&offer, 0);
            }
        }
    });
    let now = world.disk.keys().filter(|key| key.starts_with("log-kept/")).count();
    assert!(now > kept, "none moved");
    let file = parsed(&text);
    let receipts = file["receipts"].as_array().expect("a list");
    let offers: std::collections::BTreeSet<&str> = receipts.iter().filter_map(|line| line["offer"].as_str()).collect();
    assert_eq!((offers.len(), receipts.len()), (receipts.len() - 1, count + 1));
}

#[test]
fn what_was_held_against_an_answer_and_said_to_that_is_in_words() {
    let mut world = World::connected();
    world.coordinator.keeps_verdicts = true;
    let offer = world.assign(&text_item("waits"));
    world.answer(&offer, 0);
    let result = Hash::of(world.coordinator.stored.values().next().expect("stored"));
    let decided_at = world.coordinator_now();
    let rejection = Rejection {
        result,
        worker: world.me,
        reason: VerdictReason::RejectedByBuyer,
        evidence: "It is a give-way sign.".into(),
        decided_at,
        appeal_until: decided_at.plus(604_800_000),
    };
    let rejection = Signed::sign(rejection, &world.coordinator.key);
    world.say(&ToWorker::Rejected { statement: rejection.bytes().to_vec().into() });
    world.command(Command::Appeal { offer: offer.clone(), words: "It has \"STOP\" on it.".into() });
    let file = parsed(&made(&mut world, |_, _| ()));
    let receipts = file["receipts"].as_array().expect("a list");
    assert_eq!(receipts.len(), 1, "without a verdict it is no receipt");
    assert_eq!(file["log"][0]["verdict"], "appealed");
    let waiting = &file["waiting"][0];
    assert!(waiting["appeal"].is_string() && waiting["verdict"].is_null());
    let said = &file["answers"][0];
    assert_eq!((&said["answer"], &said["offer"]), (&"Yes".into(), &offer.into()));
    assert_eq!(
        (&said["held_against_it"], &said["appeal"]),
        (&"It is a give-way sign.".into(), &"It has \"STOP\" on it.".into())
    );
}

#[test]
fn an_error_ends_it_in_words() {
    let world = World::connected();
    let (mut file, _) = Everything::begin(&world.view(), about());
    let failed = Reply::Failed { error: "storage: full".to_owned() };
    assert_eq!(file.take(&failed), Err("storage: full".to_owned()));
}
