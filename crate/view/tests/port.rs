//! What crosses the message port: whatever bytes come, they are read or refused, and what was read is written again
//! as the same.

use lull_view::cbor::{self, Cbor};
use lull_view::{
    Account, Amount, Answer, AnswerInput, Bandwidth, BandwidthState, ChangeByte, Command, Consent, Diagnostics, Find,
    Finding, Hash, Judgment, JudgmentTask, Judgments, Limits, Link, Never, NeverWhat, Place, Pops, Reply, Request,
    Schedule, Settings, Shown, TaskAnswer, View, WalletGlance, WarningSet, Warnings, Weekday, Wishes,
};
use proptest::prelude::*;

fn read_or_refused<T: Cbor + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(value) = cbor::read::<T>(bytes) {
        assert_eq!(cbor::read::<T>(&cbor::encode(&value)).as_ref(), Ok(&value));
    }
}

fn requests() -> Vec<Vec<u8>> {
    let commands = [
        Command::ConnectNow,
        Command::SetWarnings { chosen: WarningSet::ALL, day_max: 500 },
        Command::Uncover { offer: "ab".into() },
        Command::Answer {
            offer: "ab".into(),
            answer: TaskAnswer::Verify(Finding::Supported { sentence: 3 }),
            input: AnswerInput::Keyboard,
            shown_at: 7,
        },
        Command::WalletVeto { yes: Hash([7; 32]) },
        Command::PayWhen { schedule: Schedule::Weekly(Weekday::Friday), account_agreed: Amount::MAX },
        Command::Never(NeverWhat::Domain("gutenberg.org".into())),
        Command::FindActivities(Find { text: "link check".into(), limit: 7, before: Some(9), ..Find::default() }),
        Command::OpenReceipt { offer: "ab".into(), change: Some(ChangeByte { part: "item".into(), offset: 3 }) },
    ];
    (0..).zip(commands).map(|(id, command)| cbor::encode(&Request { id, command })).collect()
}

#[test]
fn a_part_of_a_request_is_none() {
    for request in requests() {
        assert!(cbor::read::<Request>(&request).is_ok());
        for len in 0..request.len() {
            assert!(cbor::read::<Request>(&request[..len]).is_err(), "{len} bytes of {request:?}");
        }
    }
}

fn judgment(number: u8, price: u64) -> Judgment {
    Judgment {
        offer: format!("{number}"),
        requester: "Harbour Library".into(),
        title: "Words".into(),
        guideline: "Look.".into(),
        question: "Which?".into(),
        task: JudgmentTask::Verify { claim: "c".repeat(9), source: vec!["s".into()] },
        price,
        people: 3,
        agree: 2,
        deadline: 9,
        approved_at: 10,
        warnings: WarningSet::NONE,
        is_covered: false,
        extensions_left: 10,
        pace: None,
        skips_left: None,
        is_reviewed: false,
        record: None,
    }
}

fn view(judgment: Option<Judgment>, next: Option<Judgment>, outbox: u32) -> View {
    View {
        link: Link::Connected,
        settings: Settings::default(),
        operator: None,
        worker: String::new(),
        account: Account::default(),
        judgment,
        judgments_waiting: 0,
        bandwidth: Bandwidth { state: BandwidthState::Off, site: None, bytes: 0, fetches: 0 },
        consent: Consent::default(),
        limits: Limits::default(),
        activities: vec![],
        outbox,
        diagnostics: Diagnostics::default(),
        notice: None,
        never: Never::default(),
        take_back: None,
        pops: Pops::default(),
        practice: None,
        warnings: Warnings::default(),
        wishes: Wishes::default(),
        contested: None,
        reviews: 0,
        wallet: WalletGlance::default(),
        next,
    }
}

#[test]
fn a_judgment_crosses_once() {
    let (mut sends, mut takes) = (Judgments::default(), Judgments::default());
    let [a, b, c] = [1, 2, 3].map(|number| judgment(number, 4_000));
    let here = |judgment: &Judgment| Place::Here(Box::new(judgment.clone()));
    let dearer = judgment(3, 5_000);
    let steps = [
        ((Some(&a), Some(&b)), (here(&a), here(&b))),
        ((Some(&a), Some(&b)), (Place::Judgment, Place::Next)),
        ((Some(&b), Some(&c)), (Place::Next, here(&c))),
        ((Some(&a), Some(&b)), (here(&a), Place::Judgment)),
        ((Some(&dearer), None), (here(&dearer), Place::Nowhere)),
        ((Some(&c), Some(&dearer)), (here(&c), Place::Judgment)),
        ((None, None), (Place::Nowhere, Place::Nowhere)),
    ];
    for ((judgment, next), places) in steps {
        let view = view(judgment.cloned(), next.cloned(), 0);
        let shown = sends.leave_out(view.clone());
        assert_eq!((shown.judgment.clone(), shown.next.clone()), places);
        assert_eq!(takes.put_back(shown), view);
    }
}

#[test]
fn what_was_never_there_is_nowhere() {
    let shown = Shown { view: view(None, None, 0), judgment: Place::Next, next: Place::Judgment };
    assert_eq!(Judgments::default().put_back(shown), view(None, None, 0));
}

proptest! {
    #[test]
    fn a_view_arrives_whole(
        views in proptest::collection::vec((proptest::option::of((0..4_u8, 0..2_u64)), proptest::option::of((0..4_u8, 0..2_u64)), 0..3_u32), 1..20),
    ) {
        let (mut sends, mut takes) = (Judgments::default(), Judgments::default());
        for (shown, next, outbox) in views {
            let make = |(number, price)| judgment(number, price);
            let view = view(shown.map(make), next.map(make), outbox);
            let reply = Reply::View { view: Box::new(sends.leave_out(view.clone())) };
            let bytes = cbor::encode(&Answer { id: Some(outbox), reply });
            let Answer { reply: Reply::View { view: shown }, .. } = cbor::read::<Answer>(&bytes)? else {
                return Err(TestCaseError::fail("no view"));
            };
            prop_assert_eq!(takes.put_back(*shown), view);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_or_refused::<Request>(&bytes);
        read_or_refused::<Answer>(&bytes);
    }

    #[test]
    fn a_changed_byte_is_read_or_refused(which in 0..9_usize, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut request = requests().swap_remove(which);
        let at = at.index(request.len());
        request[at] = byte;
        read_or_refused::<Request>(&request);
    }
}
