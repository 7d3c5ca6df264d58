//! What crosses the message port: whatever bytes come, they are read or refused, and what was read is written again
//! as the same.

use lull_view::cbor::{self, Cbor};
use lull_view::{
    Amount, Answer, AnswerInput, ChangeByte, Command, Find, Finding, Hash, NeverWhat, Request, Schedule, TaskAnswer,
    WarningSet, Weekday,
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

proptest! {
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
