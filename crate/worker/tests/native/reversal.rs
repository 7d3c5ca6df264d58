//! Money that was paid and is contested: what the person sees, and the appeal.

use lull_protocol::cose::{self, Signed};
use lull_protocol::receipt::Receipt;
use lull_protocol::rejection::Appeal;
use lull_protocol::reversal::{Ending, Reversal, ReversalEnd};
use lull_protocol::statement::Verdict;
use lull_protocol::{Hash, Timestamp, ToCoordinator, ToWorker};
use lull_view::{ActivityState, Command, Link, ReceiptView, Reply};
use lull_worker::limits;

use crate::common::*;

const WEEK_MS: u64 = 604_800_000;

/// A world with a paid answer that is contested; its offer and its receipt as the coordinator has it.
fn contested() -> (World, String, Receipt) {
    let mut world = World::connected();
    let offer = world.assign(&text_item("waits"));
    world.answer(&offer, 0);
    let view = receipt(&world, &offer);
    let part = |name: &str| view.parts.iter().find(|part| part.part == name).expect("a part").content.to_vec();
    let [item, bytes, result, verdict] = ["item", "offer", "result", "verdict"].map(part);
    let said = cose::peek::<Verdict>(&verdict).expect("a verdict");
    let decided_at = world.coordinator_now();
    let reversal = Reversal {
        result: Hash::of(&result),
        worker: world.me,
        verdict: Hash::of(&verdict),
        amount: said.amount,
        evidence: "This key answered 900 items in a second.".into(),
        decided_at,
        appeal_until: decided_at.plus(WEEK_MS),
    };
    let reversal = Some(Signed::sign(reversal, &world.coordinator.key).bytes().to_vec());
    let (rejection, appeal, reversal_end) = (None, None, None);
    let receipt = Receipt { item, offer: bytes, result, verdict, rejection, appeal, reversal, reversal_end };
    world.say(&told(&receipt));
    (world, offer, receipt)
}

fn told(receipt: &Receipt) -> ToWorker {
    ToWorker::Reversal { receipt: receipt.to_bytes().into() }
}

fn ended(world: &World, receipt: &Receipt, ending: Ending, decided_at: Timestamp) -> Receipt {
    let reversal = receipt.reversal.as_deref().map(Hash::of).expect("a reversal");
    let end = ReversalEnd { reversal, worker: world.me, ending, decided_at };
    Receipt { reversal_end: Some(Signed::sign(end, &world.coordinator.key).bytes().to_vec()), ..receipt.clone() }
}

fn receipt(world: &World, offer: &str) -> ReceiptView {
    match world.ask(&Command::OpenReceipt { offer: offer.to_owned(), change: None }) {
        Reply::Receipt { receipt } => receipt.expect("a receipt"),
        other => panic!("{other:?}"),
    }
}

fn appeals(world: &mut World) -> Vec<Signed<Appeal>> {
    let me = world.me;
    let sent = world.take_sent().into_iter().filter_map(|message| match message {
        ToCoordinator::Appeal { statement } => Some(Signed::verify(&statement, &me).expect("its own")),
        _ => None,
    });
    sent.collect()
}

#[test]
fn contested_money_is_shown_with_its_evidence_and_survives_a_kill() {
    let (mut world, offer, held) = contested();
    for _ in 0..2 {
        assert_eq!(world.view().activities[0].state, ActivityState::Contested);
        assert_eq!(world.log_entries()[0].activity.state, ActivityState::Contested);
        let contested = world.view().contested.expect("contested money");
        assert_eq!((contested.count, contested.offer.as_str()), (1, offer.as_str()));
        let view = receipt(&world, &offer);
        assert_eq!(view.evidence().as_deref(), Some("This key answered 900 items in a second."));
        assert!(view.valid && view.is_contested_money(), "{:?}", view.checks);
        let about = view.rejection.expect("contested");
        assert_eq!((about.is_appealed, about.is_over), (false, false));
        world.kill();
        world.run();
    }
    world.say(&told(&held));
    assert_eq!(world.view().link, Link::Connected, "told again");
    let end = held.reversal.as_deref().and_then(|bytes| cose::peek::<Reversal>(bytes).ok()).expect("it").appeal_until;
    world.say(&told(&ended(&world, &held, Ending::Unopposed, end)));
    assert_eq!((world.view().activities[0].state, world.view().contested), (ActivityState::Reversed, None));
    assert!(receipt(&world, &offer).rejection.expect("ended").is_over);
    world.say(&told(&held));
    assert_eq!(world.view().activities[0].state, ActivityState::Reversed, "what is over stays over");
    let exported = world.export();
    assert!(exported.lines().nth(1).expect("a receipt").contains("\"reversal_end\":"), "{exported}");
}

#[test]
fn an_appeal_is_stored_before_it_is_sent_and_sent_until_it_is_answered() {
    let (mut world, offer, held) = contested();
    world.take_sent();
    world.command(Command::Appeal { offer: offer.clone(), words: "I did look.".into() });
    let sent = appeals(&mut world);
    let [appeal] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(Some(appeal.payload().rejection), held.reversal.as_deref().map(Hash::of));
    assert_eq!(appeal.payload().words.as_deref(), Some("I did look."));
    assert_eq!(world.view().activities[0].state, ActivityState::Appealed);
    assert!(!receipt(&world, &offer).rejection.expect("contested").is_delivered);
    world.command(Command::Appeal { offer: offer.clone(), words: "Again.".into() });
    assert_eq!(appeals(&mut world).len(), 0, "one appeal");
    world.kill();
    world.run();
    let again = appeals(&mut world);
    assert_eq!(again.iter().map(Signed::hash).collect::<Vec<_>>(), [appeal.hash()], "the same one");
    // It is told as it was before the appeal came.
    world.say(&told(&held));
    assert!(receipt(&world, &offer).rejection.expect("contested").is_appealed, "its own word is not lost");
    let (rejection, statement) = (appeal.payload().rejection, appeal.bytes().to_vec());
    world.say(&ToWorker::Appealed { rejection });
    assert!(receipt(&world, &offer).rejection.expect("contested").is_delivered);
    world.cut();
    world.pass(limits::BACKOFF_MS_MAX);
    let appealed = Receipt { appeal: Some(statement), ..held };
    world.say(&told(&ended(&world, &appealed, Ending::Upheld, world.coordinator_now())));
    assert_eq!(world.view().activities[0].state, ActivityState::Accepted, "what is kept is as it was");
    let view = receipt(&world, &offer);
    assert_eq!((view.ending(), view.valid), (Some(Ending::Upheld), true));
}

#[test]
fn a_reversal_is_the_pinned_coordinators_and_about_this_worker() {
    let (mut world, _, good) = contested();
    let by_another = |receipt: &Receipt| {
        let said = cose::peek::<Reversal>(receipt.reversal.as_ref().expect("it")).expect("it");
        Receipt { reversal: Some(Signed::sign(said, &key(77)).bytes().to_vec()), ..receipt.clone() }
    };
    let nothing = Receipt { reversal: None, ..good.clone() };
    for bad in [by_another(&good), nothing, Receipt { item: vec![0], ..good.clone() }] {
        world.say(&told(&bad));
        assert_ne!(world.view().link, Link::Connected, "the connection is left");
        world.pass(limits::BACKOFF_MS_MAX);
        assert_eq!(world.view().link, Link::Connected);
    }
}

/// Its receipt may have left this browser, or never been in it.
#[test]
fn a_reversal_brings_its_receipt() {
    let (_, offer, good) = contested();
    let mut other = World::connected();
    assert_eq!(other.view().activities.len(), 0);
    other.say(&told(&good));
    if other.me == cose::peek::<Reversal>(good.reversal.as_ref().expect("it")).expect("it").worker {
        assert!(receipt(&other, &offer).valid);
        assert_eq!(other.view().contested.map(|contested| contested.offer), Some(offer));
    }
}
