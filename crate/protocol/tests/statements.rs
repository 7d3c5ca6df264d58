//! Signatures, the handshake, the trust root and receipts: what holds, and everything near it that must not.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::panic, clippy::indexing_slicing, reason = "in tests a panic is a failure")]

#[allow(dead_code, reason = "other tests use the rest")]
mod fixture;

use fixture::{coordinator, error_name, key, unhex, worker};
use lull_protocol::cbor::CborError;
use lull_protocol::connect::{Purpose, WalletVeto, WalletYes};
use lull_protocol::cose::Statement;
use lull_protocol::handshake::{self, CoordinatorHello, HandshakeError, WorkerHello, common_version};
use lull_protocol::limits::{STATEMENT_BYTES_MAX, VERSIONS};
use lull_protocol::receipt::{CheckKind, Part, Receipt, field_at};
use lull_protocol::rejection::Rejection;
use lull_protocol::reversal::{Ending, Reversal, ReversalEnd};
use lull_protocol::statement::*;
use lull_protocol::trust::{TrustError, TrustRoot, origin_of};
use lull_protocol::units::Challenge;
use lull_protocol::{Amount, FlagReason, Hash, PublicKey, Signed, StatementError};

// ---------------------------------------------------------------- signatures

fn error_of<T: Statement>(bytes: &[u8], signer: &PublicKey) -> Option<StatementError> {
    Signed::<T>::verify(bytes, signer).err()
}

fn card() -> Vec<u8> {
    Signed::sign(fixture::card(), &coordinator()).bytes().to_vec()
}

#[test]
fn a_statement_passes_for_no_other_type() {
    fn all_errors(bytes: &[u8], signer: &PublicKey) -> [Option<&'static str>; 8] {
        [
            error_of::<Offer>(bytes, signer).as_ref().map(error_name),
            error_of::<WorkResult>(bytes, signer).as_ref().map(error_name),
            error_of::<Verdict>(bytes, signer).as_ref().map(error_name),
            error_of::<CoordinatorProof>(bytes, signer).as_ref().map(error_name),
            error_of::<WorkerProof>(bytes, signer).as_ref().map(error_name),
            error_of::<OperatorCard>(bytes, signer).as_ref().map(error_name),
            error_of::<WalletYes>(bytes, signer).as_ref().map(error_name),
            error_of::<WalletVeto>(bytes, signer).as_ref().map(error_name),
        ]
    }
    let hash = Hash::of(b"x");
    let signed = [
        Signed::sign(fixture::fetch_offer(), &worker()).bytes().to_vec(),
        Signed::sign(fixture::choice_result(hash), &worker()).bytes().to_vec(),
        Signed::sign(fixture::verdict(hash, Decision::Accepted, VerdictReason::Agreed, 1), &worker()).bytes().to_vec(),
        Signed::sign(CoordinatorProof(fixture::transcript()), &worker()).bytes().to_vec(),
        Signed::sign(WorkerProof(fixture::transcript()), &worker()).bytes().to_vec(),
        Signed::sign(fixture::card(), &worker()).bytes().to_vec(),
        Signed::sign(fixture::connect::wallet_yes(Purpose::Link), &worker()).bytes().to_vec(),
        Signed::sign(fixture::connect::wallet_veto(hash), &worker()).bytes().to_vec(),
    ];
    for (i, bytes) in signed.iter().enumerate() {
        for (j, error) in all_errors(bytes, &worker().public()).into_iter().enumerate() {
            assert_eq!(error, (i != j).then_some("typ"), "statement {i} as type {j}");
        }
    }
}

/// The same payload under another type does not verify even if the header is exchanged: the type is signed.
#[test]
fn the_type_is_under_the_signature() {
    let theirs = Signed::sign(WorkerProof(fixture::transcript()), &worker());
    let ours = Signed::sign(CoordinatorProof(fixture::transcript()), &worker());
    let mut forged = ours.bytes().to_vec();
    let at = forged.len() - 64;
    forged[at..].copy_from_slice(&theirs.bytes()[theirs.bytes().len() - 64..]);
    assert_eq!(error_of::<CoordinatorProof>(&forged, &worker().public()), Some(StatementError::Signature));
}

#[test]
fn every_flipped_bit_is_refused() {
    let good = card();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            assert!(error_of::<OperatorCard>(&bytes, &coordinator().public()).is_some(), "byte {at} bit {bit}");
        }
    }
    for end in 0..good.len() {
        assert!(error_of::<OperatorCard>(&good[..end], &coordinator().public()).is_some(), "{end} bytes");
    }
}

#[test]
fn only_the_signer_and_only_strictly() {
    let good = card();
    let ours = coordinator().public();
    assert_eq!(error_of::<OperatorCard>(&good, &ours), None);
    assert_eq!(error_of::<OperatorCard>(&good, &worker().public()), Some(StatementError::Signature));
    assert_eq!(
        error_of::<OperatorCard>(&good, &PublicKey(unhex(fixture::refusals::NO_POINT).try_into().expect("32"))),
        Some(StatementError::Key)
    );
    // S + L verifies as S does where RFC 8032 §5.1.7's bound is not checked: a second form of one signature.
    let malleable = fixture::refusals::with_other_scalar(good.clone());
    assert_eq!(error_of::<OperatorCard>(&malleable, &ours), Some(StatementError::Signature));
    // Under a key of small order R = 1, S = 0 would hold for a share of all messages.
    for small in fixture::refusals::SMALL_ORDER_KEYS {
        let small = PublicKey(unhex(small).try_into().expect("32 bytes"));
        let empty = fixture::refusals::with_empty_signature(good.clone());
        assert_eq!(error_of::<OperatorCard>(&empty, &small), Some(StatementError::Key), "{small}");
    }
    // A small-order R under an honest key: the equation holds, strictness refuses it.
    assert_eq!(
        error_of::<OperatorCard>(&fixture::refusals::card_with_empty_r(), &ours),
        Some(StatementError::Signature)
    );
}

#[test]
fn fields_out_of_bounds_are_refused_although_signed() {
    fn field<T: Statement>(payload: T) {
        let signed = Signed::sign(payload, &coordinator());
        let error = error_of::<T>(signed.bytes(), &coordinator().public());
        assert!(matches!(error, Some(StatementError::Field(_))), "{error:?}");
    }
    let hash = Hash::of(b"x");
    let offer = fixture::fetch_offer;
    field(Offer { asset: String::new(), ..offer() });
    field(Offer { deadline: fixture::time(1), ..offer() });
    field(Offer { approved_at: offer().issued_at, ..offer() });
    field(Offer { class: JobClass::Judgment, ..offer() });
    for (agree, people) in [(0, 3), (4, 3)] {
        field(Offer { rule: AcceptanceRule::Agreement { agree, people }, ..fixture::judgment_offer() });
    }
    field(WorkResult { finished_at: fixture::time(1), ..fixture::choice_result(hash) });
    let fetch = |change: fn(&mut FetchReport)| {
        let mut result = fixture::fetch_result(hash);
        let Report::Fetch(report) = &mut result.report else { panic!("a fetch") };
        change(report);
        field(result);
    };
    for note in ["", " a", "a ", "a\nb"] {
        field(fixture::flagged(hash, FlagReason::Unclear, Some(note)));
    }
    fetch(|f| f.hops = vec![f.hops[0].clone(); 7]);
    fetch(|f| f.hops[0].url = "a".repeat(2_049));
    fetch(|f| f.hops[0].address = "1".repeat(65));
    fetch(|f| f.headers = vec![f.headers[0].clone(); 33]);
    fetch(|f| f.headers[0].name = "a".repeat(65));
    fetch(|f| f.headers[0].value = "a".repeat(1_025));
    fetch(|f| f.reason = Some("a".repeat(65)));
    field(fixture::verdict(hash, Decision::Rejected, VerdictReason::HopRefused, 1));
    field(CoordinatorProof(Transcript { version: 2, ..fixture::transcript() }));
    field(WorkerProof(Transcript { origin: "a".repeat(266), ..fixture::transcript() }));
    field(OperatorCard { country: "nl".into(), ..fixture::card() });
    field(OperatorCard { fee_bp: 10_001, ..fixture::card() });
    field(OperatorCard { name: String::new(), ..fixture::card() });
    let yes = fixture::connect::wallet_yes;
    for purpose in Purpose::ALL {
        let lost = yes(purpose).lost.is_none().then(|| coordinator().public());
        field(WalletYes { lost, ..yes(purpose) });
    }
    let too_long = vec![0xd2; STATEMENT_BYTES_MAX + 1];
    assert!(matches!(
        error_of::<Offer>(&too_long, &coordinator().public()),
        Some(StatementError::Payload(CborError::TooLong { .. }))
    ));
}

// ---------------------------------------------------------------- handshake

const ORIGIN: &str = "wss://lull.harbour-library.org";

fn hello() -> WorkerHello {
    let (worker, origin) = (worker().public(), ORIGIN.to_owned());
    WorkerHello { versions: VERSIONS, worker, challenge: Challenge([1; 32]), origin }
}

/// The worker's side of an answer made by `key`, as one that pinned `pinned` sees it.
fn confirm(hello: &WorkerHello, answered: &WorkerHello, pinned: &PublicKey) -> Result<(), HandshakeError> {
    let (transcript, proof) = handshake::answer(answered.clone(), ORIGIN, Challenge([2; 32]), &coordinator())?;
    let theirs = CoordinatorHello {
        version: transcript.version,
        coordinator: coordinator().public(),
        challenge: Challenge([2; 32]),
        proof: proof.bytes(),
        card: &card(),
    };
    let (proof, card) = handshake::confirm(hello.clone(), &theirs, &pinned.fingerprint(), &worker())?;
    assert_eq!(card.payload(), &fixture::card());
    handshake::admit(&transcript, proof.bytes())
}

#[test]
fn a_handshake_succeeds() {
    assert_eq!(confirm(&hello(), &hello(), &coordinator().public()), Ok(()));
}

#[test]
fn another_coordinator_key_than_pinned_is_refused() {
    let pinned = key([9; 32]).public();
    let error = HandshakeError::OtherKey { pinned: pinned.fingerprint(), found: coordinator().public() };
    assert_eq!(confirm(&hello(), &hello(), &pinned), Err(error));
}

#[test]
fn a_proof_for_another_connection_is_refused() {
    let pinned = coordinator().public();
    let other = |change: fn(&mut WorkerHello)| {
        let mut answered = hello();
        change(&mut answered);
        confirm(&hello(), &answered, &pinned)
    };
    // Replayed: the coordinator's proof is over an older challenge, or another worker's.
    assert_eq!(other(|h| h.challenge = Challenge([7; 32])), Err(HandshakeError::OtherTranscript));
    assert_eq!(other(|h| h.worker = key([9; 32]).public()), Err(HandshakeError::OtherTranscript));
    // Relayed: the worker dialled another name.
    assert_eq!(other(|h| h.origin = "wss://evil.harbour-library.org".into()), Err(HandshakeError::Origin));
    let dialled_elsewhere = WorkerHello { origin: "wss://evil.harbour-library.org".into(), ..hello() };
    assert_eq!(confirm(&dialled_elsewhere, &hello(), &pinned), Err(HandshakeError::OtherTranscript));
    // The offered range was changed on the way (a downgrade).
    assert_eq!(other(|h| h.versions = (0, 1)), Err(HandshakeError::OtherTranscript));
}

#[test]
fn a_coordinator_hello_is_checked_part_by_part() {
    let (transcript, proof) =
        handshake::answer(hello(), ORIGIN, Challenge([2; 32]), &coordinator()).expect("a good hello");
    let by_other = Signed::sign(CoordinatorProof(transcript), &key([9; 32])).bytes().to_vec();
    let other_card = Signed::sign(fixture::card(), &key([9; 32])).bytes().to_vec();
    let (good_card, pinned) = (card(), coordinator().public().fingerprint());
    let good = CoordinatorHello {
        version: 1,
        coordinator: coordinator().public(),
        challenge: Challenge([2; 32]),
        proof: proof.bytes(),
        card: &good_card,
    };
    let confirm = |theirs: &CoordinatorHello<'_>| handshake::confirm(hello(), theirs, &pinned, &worker()).err();
    assert_eq!(confirm(&good), None);
    let signature = Some(HandshakeError::Proof(StatementError::Signature));
    assert_eq!(confirm(&CoordinatorHello { proof: &by_other, ..good.clone() }), signature);
    assert_eq!(confirm(&CoordinatorHello { card: &other_card, ..good.clone() }), signature);
    assert_eq!(confirm(&CoordinatorHello { version: 2, ..good.clone() }), Some(HandshakeError::Version));
    let other_challenge = CoordinatorHello { challenge: Challenge([3; 32]), ..good };
    assert_eq!(confirm(&other_challenge), Some(HandshakeError::OtherTranscript));
}

#[test]
fn a_worker_proof_is_bound_to_its_connection_and_key() {
    let admit = |proof: &[u8]| handshake::admit(&fixture::transcript(), proof);
    let proof = |transcript: Transcript, seed| Signed::sign(WorkerProof(transcript), &key(seed)).bytes().to_vec();
    let ours = fixture::WORKER_SEED;
    assert_eq!(admit(&proof(fixture::transcript(), ours)), Ok(()));
    assert_eq!(admit(&proof(fixture::transcript(), [9; 32])), Err(StatementError::Signature.into()));
    let replayed = Transcript { coordinator_challenge: Challenge([7; 32]), ..fixture::transcript() };
    assert_eq!(admit(&proof(replayed, ours)), Err(HandshakeError::OtherTranscript));
    // The coordinator's own proof, sent back to it by one who holds the same key.
    let mirrored = Signed::sign(CoordinatorProof(fixture::transcript()), &worker()).bytes().to_vec();
    assert!(matches!(admit(&mirrored), Err(HandshakeError::Proof(StatementError::Typ { .. }))));
}

#[test]
fn the_highest_common_version_is_used() {
    for (ours, theirs, common) in [
        ((1, 1), (1, 1), Some(1)),
        ((1, 3), (2, 5), Some(3)),
        ((2, 5), (1, 3), Some(3)),
        ((1, 5), (2, 3), Some(3)),
        ((1, 1), (2, 2), None),
        ((3, 4), (1, 2), None),
        ((1, 9), (5, 2), None),
        ((0, u16::MAX), (u16::MAX, u16::MAX), Some(u16::MAX)),
    ] {
        assert_eq!(common_version(ours, theirs), common, "{ours:?} {theirs:?}");
    }
    let newer = WorkerHello { versions: (2, 9), ..hello() };
    let error = handshake::answer(newer, ORIGIN, Challenge([2; 32]), &coordinator()).err();
    assert_eq!(error, Some(HandshakeError::Version));
}

// ---------------------------------------------------------------- trust root

#[test]
fn addresses_that_may_be_dialled() {
    for (url, origin) in [
        ("wss://lull.harbour-library.org", "wss://lull.harbour-library.org"),
        ("wss://lull.harbour-library.org/", "wss://lull.harbour-library.org"),
        ("wss://lull.harbour-library.org/worker/v1?a=b", "wss://lull.harbour-library.org"),
        ("wss://lull.harbour-library.org:8443/worker", "wss://lull.harbour-library.org:8443"),
        ("wss://192.0.2.7/worker", "wss://192.0.2.7"),
        ("wss://[2001:db8::7]:8443/worker", "wss://[2001:db8::7]:8443"),
        ("wss://localhost:1", "wss://localhost:1"),
        ("ws://127.0.0.1:7001/worker", "ws://127.0.0.1:7001"),
        ("ws://[::1]:7001/worker", "ws://[::1]:7001"),
        ("ws://[::1]/worker", "ws://[::1]"),
        ("ws://localhost/worker", "ws://localhost"),
        ("wss://a:65535", "wss://a:65535"),
    ] {
        assert_eq!(origin_of(url), Some(origin), "{url}");
        let root = TrustRoot::new(url, &"0a".repeat(32)).expect("an address and a fingerprint");
        assert_eq!((root.url(), root.origin(), root.fingerprint()), (url, origin, &Hash([10; 32])));
    }
}

#[test]
fn addresses_that_may_not() {
    for url in [
        "",
        "wss://",
        "wss:///worker",
        "wss:lull.org",
        "lull.harbour-library.org",
        "https://lull.harbour-library.org",
        "WSS://lull.harbour-library.org",
        "ws://lull.harbour-library.org",
        "ws://127.0.0.2",
        "ws://127.0.0.1.evil.org",
        "ws://localhost.evil.org",
        "ws://0.0.0.0",
        "ws://[::]",
        "ws://[::ffff:127.0.0.1]",
        "ws://127.1",
        "ws://2130706433",
        "wss://user@lull.org",
        "wss://user:secret@lull.org",
        "wss://lull.org@evil.org",
        "ws://localhost@evil.org",
        "ws://localhost:80@evil.org",
        "wss://Lull.org",
        "wss://lull.org.",
        "wss://lull..org",
        "wss://-lull.org",
        "wss://lull_.org",
        "wss://l\u{fc}ll.org",
        "wss://lull.org\u{3002}evil.org",
        "wss://lull .org",
        "wss://lull.org/a b",
        "wss://lull.org/\u{e9}",
        "wss://lull.org/a\nb",
        " wss://lull.org",
        "wss://lull.org ",
        "wss://lull.org\\@evil.org",
        "wss://lull.org/\\evil",
        "wss://lull.org?worker",
        "wss://lull.org#worker",
        "wss://lull.org/#worker",
        "wss://lull.org:",
        "wss://lull.org:0",
        "wss://lull.org:080",
        "wss://lull.org:+80",
        "wss://lull.org:65536",
        "wss://lull.org:80:80",
        "wss://lull.org:a",
        "wss://127.1",
        "wss://0x7f000001",
        "wss://2130706433",
        "wss://127.0.0.01",
        "wss://::1",
        "wss://[::1",
        "wss://::1]",
        "wss://[0:0::1]",
        "wss://[::1%25eth0]",
        "wss://[::1]evil.org",
        "wss://[]",
    ] {
        assert_eq!(origin_of(url), None, "{url}");
        assert_eq!(TrustRoot::new(url, &"0a".repeat(32)), Err(TrustError::Address), "{url}");
    }
    let long = format!("wss://lull.org/{}", "a".repeat(2_048));
    assert_eq!(origin_of(&long), None);
    for fingerprint in
        ["", "0a", &"0a".repeat(31), &"0a".repeat(33), &"0A".repeat(32), &"0g".repeat(32), &" 0".repeat(32)]
    {
        assert_eq!(TrustRoot::new("wss://lull.org", fingerprint), Err(TrustError::Fingerprint), "{fingerprint}");
    }
}

// ---------------------------------------------------------------- receipts

#[test]
fn receipts_hold() {
    for (receipt, count) in [
        (fixture::fetch_receipt(), 7),
        (fixture::choice_receipt(), 7),
        (fixture::appealed_receipt(), 11),
        (fixture::reversal::reversed_receipt(), 13),
    ] {
        let verified = receipt.verify(&coordinator().public()).expect("a good receipt");
        assert_eq!(verified.result.payload().offer, verified.offer.hash());
        assert_eq!(verified.verdict.payload().result, verified.result.hash());
        assert_eq!(verified.offer.payload().item, verified.item.hash());
        assert_eq!(Receipt::from_bytes(&receipt.to_bytes()), Ok(receipt.clone()));
        let kinds: Vec<CheckKind> = receipt.checks(&coordinator().public()).iter().map(|c| c.kind).collect();
        assert_eq!(kinds.len(), count);
        assert!(receipt.verify(&worker().public()).is_err(), "another coordinator");
    }
}

/// Each bit of each part of a receipt: changed, the receipt fails, in that part, and the byte has a field's name.
#[test]
fn every_changed_bit_of_a_receipt_is_found_and_named() {
    let contested = [fixture::appealed_receipt(), fixture::reversal::reversed_receipt()];
    for receipt in [fixture::fetch_receipt(), fixture::choice_receipt()].into_iter().chain(contested) {
        for part in Part::ALL {
            for at in 0..receipt.part(part).len() {
                let name = field_at(part, receipt.part(part), at);
                assert!(name.is_some(), "{part:?} byte {at} has no name");
                for bit in 0..8 {
                    let mut changed = receipt.clone();
                    changed.part_mut(part)[at] ^= 1 << bit;
                    let failed = changed.verify(&coordinator().public()).expect_err("a changed receipt");
                    assert_eq!(failed.part, part, "byte {at} ({name:?}): {failed:?}");
                }
            }
            assert_eq!(field_at(part, receipt.part(part), receipt.part(part).len()), None);
        }
    }
}

#[test]
fn fields_have_their_names() {
    let receipt = fixture::fetch_receipt();
    let names = |part: Part| {
        let mut names: Vec<&str> = Vec::new();
        for at in 0..receipt.part(part).len() {
            let name = field_at(part, receipt.part(part), at).expect("inside");
            if names.last() != Some(&name) {
                names.push(name);
            }
        }
        names
    };
    assert_eq!(
        names(Part::Item),
        ["envelope", "order", "requester", "purpose", "url", "method", "bytes_max", "http_allowed"]
    );
    let offer = ["worker", "item", "class", "nonce", "price", "asset", "rule", "issued_at", "deadline", "approved_at"];
    assert_eq!(names(Part::Offer), [&["envelope", "header", "envelope"], &offer[..], &["signature"]].concat());
    let result = ["offer", "report", "started_at", "finished_at"];
    assert_eq!(names(Part::Result), [&["envelope", "header", "envelope"], &result[..], &["signature"]].concat());
    let verdict = ["result", "decision", "reason", "amount", "decided_at"];
    assert_eq!(names(Part::Verdict), [&["envelope", "header", "envelope"], &verdict[..], &["signature"]].concat());
}

#[test]
fn parts_of_other_receipts_dont_fit() {
    let (fetch, choice) = (fixture::fetch_receipt(), fixture::choice_receipt());
    let kinds = |receipt: &Receipt| -> Vec<CheckKind> {
        let checks = receipt.checks(&coordinator().public());
        checks.into_iter().filter(|c| c.error.is_some()).map(|c| c.kind).collect()
    };
    let swapped = |part: Part| {
        let mut receipt = fetch.clone();
        *receipt.part_mut(part) = choice.part(part).to_vec();
        kinds(&receipt)
    };
    assert_eq!(swapped(Part::Item), [CheckKind::ItemMatches]);
    assert_eq!(swapped(Part::Offer), [CheckKind::ItemMatches, CheckKind::ResultMatches]);
    assert_eq!(swapped(Part::Result), [CheckKind::ResultMatches, CheckKind::VerdictMatches]);
    assert_eq!(swapped(Part::Verdict), [CheckKind::VerdictMatches]);
    // Rightly signed, but more than the offer's price: 4,000 and 5 bytes at 24,000 per MiB, rounded down.
    let result = Hash::of(&fetch.result);
    for (paid, expected) in [(4_000, vec![]), (4_001, vec![CheckKind::AmountFits])] {
        let verdict = fixture::verdict(result, Decision::Accepted, VerdictReason::ChecksPassed, paid);
        let verdict = Signed::sign(verdict, &coordinator()).bytes().to_vec();
        assert_eq!(kinds(&Receipt { verdict, ..fetch.clone() }), expected);
    }
    for (worker, expected) in
        [(fixture::worker().public(), vec![]), (PublicKey([9; 32]), vec![CheckKind::VerdictMatches])]
    {
        let verdict = Verdict {
            place: Some(VerdictPlace { worker, number: 1 }),
            ..fixture::verdict(result, Decision::Accepted, VerdictReason::ChecksPassed, 4_000)
        };
        let verdict = Signed::sign(verdict, &coordinator()).bytes().to_vec();
        assert_eq!(kinds(&Receipt { verdict, ..fetch.clone() }), expected);
    }
    // A result by another worker than the offer's.
    let other = Signed::sign(fixture::fetch_result(Hash::of(&fetch.offer)), &key([9; 32])).bytes().to_vec();
    let failed = kinds(&Receipt { result: other, ..fetch.clone() });
    assert_eq!(failed, [CheckKind::ResultSigned, CheckKind::VerdictMatches]);
    let (item, offer, result, verdict) = (vec![], vec![], vec![], vec![]);
    let empty =
        Receipt { item, offer, result, verdict, rejection: None, appeal: None, reversal: None, reversal_end: None };
    assert_eq!(kinds(&empty).len(), 7);
}

/// What a rejected result's receipt must say together.
#[test]
fn a_rejection_belongs_to_its_result_and_its_verdict() {
    let good = fixture::appealed_receipt();
    let kinds = |receipt: Receipt| -> Vec<CheckKind> {
        let checks = receipt.checks(&coordinator().public());
        checks.into_iter().filter(|c| c.error.is_some()).map(|c| c.kind).collect()
    };
    assert_eq!(kinds(good.clone()), []);
    let silent = Receipt { appeal: None, ..good.clone() };
    assert_eq!(kinds(silent), [], "who does not appeal has a receipt, too");
    let missing = Receipt { rejection: None, ..good.clone() };
    assert_eq!(kinds(missing), [CheckKind::RejectionMatches, CheckKind::AppealMatches]);
    let rejected = |rejection, key: &lull_protocol::SigningKey| Receipt {
        rejection: Some(Signed::sign(rejection, key).bytes().to_vec()),
        appeal: None,
        ..good.clone()
    };
    let own = fixture::rejection(Hash::of(&good.result));
    let of_another = Rejection { result: Hash([1; 32]), ..own.clone() };
    assert_eq!(kinds(rejected(of_another, &coordinator())), [CheckKind::RejectionMatches]);
    let to_another = Rejection { worker: PublicKey([9; 32]), ..own.clone() };
    assert_eq!(kinds(rejected(to_another, &coordinator())), [CheckKind::RejectionMatches]);
    let unnamed = Rejection { evidence: "another".into(), ..own.clone() };
    assert_eq!(kinds(rejected(unnamed, &coordinator())), [CheckKind::RejectionMatches], "the verdict names one");
    assert_eq!(kinds(rejected(own, &worker())), [CheckKind::RejectionSigned, CheckKind::RejectionMatches]);
    let appealed = |rejection, key: &lull_protocol::SigningKey| Receipt {
        appeal: Some(Signed::sign(fixture::appeal(rejection), key).bytes().to_vec()),
        ..good.clone()
    };
    let rejection = Hash::of(good.part(Part::Rejection));
    assert_eq!(kinds(appealed(Hash([1; 32]), &worker())), [CheckKind::AppealMatches]);
    assert_eq!(kinds(appealed(rejection, &coordinator())), [CheckKind::AppealSigned]);
    assert_eq!(kinds(appealed(rejection, &worker())), []);
    let unrejected = Receipt { rejection: good.rejection.clone(), ..fixture::choice_receipt() };
    assert_eq!(kinds(unrejected), [CheckKind::RejectionMatches], "a verdict that rests on none");
    let ruled = |reason, decided_at, is_named: bool, rejection| {
        let named = Rejection { ..fixture::rejection(Hash::of(&good.result)) };
        let hash = Signed::sign(named, &coordinator()).hash();
        let verdict = fixture::verdict(Hash::of(&good.result), Decision::Rejected, reason, 0);
        let verdict = Verdict { decided_at, rejection: is_named.then_some(hash), ..verdict };
        Receipt {
            verdict: Signed::sign(verdict, &coordinator()).bytes().to_vec(),
            rejection,
            appeal: None,
            ..good.clone()
        }
    };
    let (until, rejection) = (fixture::rejection(Hash::of(&good.result)).appeal_until, good.rejection.clone());
    for reason in [VerdictReason::RejectedByBuyer, VerdictReason::AppealUpheld, VerdictReason::AppealDenied] {
        assert_eq!(kinds(ruled(reason, until, false, None)), [CheckKind::RejectionMatches], "{reason:?} without one");
        assert_eq!(kinds(ruled(reason, until, true, rejection.clone())), []);
    }
    let early = ruled(VerdictReason::RejectedByBuyer, until.minus(1), true, rejection);
    assert_eq!(kinds(early), [CheckKind::RejectionMatches], "before the time for an appeal was over");
}

/// What the receipt of reversed money must say together.
#[test]
fn a_reversal_belongs_to_its_verdict_and_its_end_to_it() {
    let good = fixture::reversal::reversed_receipt();
    let kinds = |receipt: Receipt| -> Vec<CheckKind> {
        let checks = receipt.checks(&coordinator().public());
        checks.into_iter().filter(|c| c.error.is_some()).map(|c| c.kind).collect()
    };
    assert_eq!(kinds(good.clone()), []);
    let open = Receipt { appeal: None, reversal_end: None, ..good.clone() };
    assert_eq!(kinds(open.clone()), [], "before anything has come of it");
    let own = fixture::reversal::reversal(Hash::of(&good.result), Hash::of(&good.verdict));
    let with = |reversal: Reversal, key: &lull_protocol::SigningKey| Receipt {
        reversal: Some(Signed::sign(reversal, key).bytes().to_vec()),
        ..open.clone()
    };
    for other in [
        Reversal { result: Hash([1; 32]), ..own.clone() },
        Reversal { worker: PublicKey([9; 32]), ..own.clone() },
        Reversal { verdict: Hash([1; 32]), ..own.clone() },
        Reversal { amount: fixture::amount(3_999), ..own.clone() },
    ] {
        assert_eq!(kinds(with(other, &coordinator())), [CheckKind::ReversalMatches]);
    }
    assert_eq!(kinds(with(own.clone(), &worker())), [CheckKind::ReversalSigned]);
    let twice = Receipt { reversal: good.reversal.clone(), ..fixture::appealed_receipt() };
    assert!(kinds(twice).contains(&CheckKind::ReversalMatches), "what was contested before");
    let reversal = Hash::of(good.part(Part::Reversal));
    let ended = |end: ReversalEnd, is_appealed: bool| Receipt {
        reversal_end: Some(Signed::sign(end, &coordinator()).bytes().to_vec()),
        appeal: good.appeal.clone().filter(|_| is_appealed),
        ..good.clone()
    };
    for ending in [Ending::Unopposed, Ending::Denied, Ending::Upheld, Ending::Undecided, Ending::TakenBack] {
        let end = fixture::reversal::reversal_end(reversal, ending);
        assert_eq!(kinds(ended(end, ending.follows_appeal())), [], "{ending:?}");
        assert_eq!(kinds(ended(end, !ending.follows_appeal())), [CheckKind::ReversalEndMatches], "{ending:?}");
    }
    let early = ReversalEnd {
        decided_at: own.appeal_until.minus(1),
        ..fixture::reversal::reversal_end(reversal, Ending::Unopposed)
    };
    assert_eq!(kinds(ended(early, false)), [CheckKind::ReversalEndMatches], "before the time for an appeal was over");
    let of_another = fixture::reversal::reversal_end(Hash([1; 32]), Ending::Denied);
    assert_eq!(kinds(ended(of_another, true)), [CheckKind::ReversalEndMatches]);
}

#[test]
fn prices_round_down() {
    let price = |per_item, per_mib| Price { per_item: fixture::amount(per_item), per_mib: fixture::amount(per_mib) };
    let total = |price: Price, bytes| price.total(fixture::bytes(bytes)).map(Amount::get);
    assert_eq!(total(price(4_000, 24_000), 0), Some(4_000));
    assert_eq!(total(price(4_000, 24_000), 43), Some(4_000));
    assert_eq!(total(price(4_000, 24_000), 44), Some(4_001));
    assert_eq!(total(price(4_000, 24_000), 1 << 20), Some(28_000));
    assert_eq!(total(price(1, lull_protocol::limits::AMOUNT_MAX), 1 << 20), None);
}

#[test]
fn the_practice_that_an_item_names_has_its_name() {
    for (_, practice) in fixture::practices() {
        let bytes = fixture::practised_item(practice.items[0].task.clone(), &practice).to_bytes();
        let names: Vec<_> = (0..bytes.len()).map(|at| field_at(Part::Item, &bytes, at)).collect();
        assert!(names.iter().all(Option::is_some));
        assert_eq!(names.last(), Some(&Some("practice")));
    }
}
