//! Signed statements, and the handshake made of them.

use std::fmt::Debug;

use lull_protocol::PublicKey;
use lull_protocol::cbor;
use lull_protocol::cose::{Signed, Statement, peek};
use lull_protocol::handshake::{CoordinatorHello, HandshakeError, WorkerHello, admit, answer, common_version, confirm};
use lull_protocol::limits::{STATEMENT_BYTES_MAX, VERSIONS};
use lull_protocol::statement::{CoordinatorProof, Offer, OperatorCard, Transcript, Verdict, WorkResult, WorkerProof};
use lull_protocol::units::Challenge;

use crate::feed::Feed;
use crate::make::{self, COORDINATOR, WORKER};
use crate::{edit, oracle};

/// A statement has one form: what was signed is read, every changed byte, another type and another key are
/// refused, and a signer that writes its payload any other way is refused too.
pub(crate) fn statements(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let feed = &mut feed;
    match feed.below(8) {
        0 => {
            let item = make::item(feed);
            let offer = make::offer(feed, &item, make::key(WORKER).public());
            signed(offer, feed);
        }
        1 => {
            let offer = make::hash(feed);
            signed(make::result(feed, offer), feed);
        }
        2 => {
            let result = make::hash(feed);
            signed(make::verdict(feed, result, make::key(WORKER).public()), feed);
        }
        3 => signed(CoordinatorProof(make::transcript(feed)), feed),
        6 => {
            let result = make::hash(feed);
            signed(make::rejection(feed, result, make::key(WORKER).public()), feed);
        }
        7 => {
            let rejection = make::hash(feed);
            signed(make::appeal(feed, rejection), feed);
        }
        4 => signed(WorkerProof(make::transcript(feed)), feed),
        _ => signed(make::card(feed), feed),
    }
}

fn signed<T: Statement + Clone + PartialEq + Debug>(payload: T, feed: &mut Feed<'_>) {
    let key = make::key(WORKER);
    let right = Signed::sign(payload.clone(), &key);
    let is_right = payload.check().is_ok() && right.bytes().len() <= STATEMENT_BYTES_MAX;
    assert_eq!(verify::<T>(right.bytes(), &key.public()), is_right.then(|| payload.clone()), "{payload:?}");
    assert!(verify::<T>(right.bytes(), &make::key(COORDINATOR).public()).is_none(), "another key verifies it");
    let others =
        [Offer::TYP, WorkResult::TYP, Verdict::TYP, CoordinatorProof::TYP, WorkerProof::TYP, OperatorCard::TYP];
    let mut changed = right.bytes().to_vec();
    match feed.below(4) {
        // The bytes on their way.
        0 => {
            edit::any(feed, &mut changed);
            let passes = verify::<T>(&changed, &key.public()).is_some();
            assert!(!passes || changed == right.bytes(), "a changed statement verifies");
        }
        // A key that is none, or a weak one.
        1 => {
            let mut other = key.public();
            other.0.iter_mut().zip(feed.array::<32>()).for_each(|(byte, change)| *byte ^= change);
            let passes = verify::<T>(&changed, &other).is_some();
            assert!(!passes || other == key.public(), "a statement verifies under two keys");
        }
        // A signer that signs what it likes.
        2 => {
            let mut body = cbor::encode(&payload);
            edit::any(feed, &mut body);
            freely_signed::<T>(&body);
        }
        _ => {
            let typ = feed.pick(&others);
            let statement = oracle::sign(typ, &cbor::encode(&payload), WORKER);
            let passes = verify::<T>(&statement, &key.public()).is_some();
            assert_eq!(passes, is_right && *typ == T::TYP, "it passes for another type");
            let body = feed.bytes(300);
            freely_signed::<T>(&body);
        }
    }
}

fn freely_signed<T: Statement + Clone + PartialEq + Debug>(body: &[u8]) {
    let statement = oracle::sign(T::TYP, body, WORKER);
    if let Some(payload) = verify::<T>(&statement, &make::key(WORKER).public()) {
        assert!(oracle::is_deterministic(body), "the payload is not deterministic");
        assert_eq!(Signed::sign(payload, &make::key(WORKER)).bytes(), statement, "signed again it is another");
    }
}

/// The payload, with what must hold of every statement that verifies.
fn verify<T: Statement + Clone + PartialEq + Debug>(bytes: &[u8], signer: &PublicKey) -> Option<T> {
    let read = Signed::<T>::verify(bytes, signer).ok()?;
    assert!(bytes.len() <= STATEMENT_BYTES_MAX);
    assert!(oracle::is_deterministic(bytes), "not deterministic");
    assert_eq!((read.bytes(), read.signer()), (bytes, signer));
    assert_eq!(peek::<T>(bytes).as_ref(), Ok(read.payload()), "read without its signature it is another");
    assert!(read.payload().check().is_ok(), "a field is out of its bounds");
    Some(read.payload().clone())
}

/// Both sides of a handshake agree on what was said, or it fails: whatever lies between them, and whichever
/// of them lies.
pub(crate) fn handshake(bytes: &[u8]) {
    let feed = &mut Feed::new(bytes);
    let (worker, coordinator) = (make::key(WORKER), make::key(COORDINATOR));
    let said = make::transcript(feed);
    let hello = WorkerHello {
        versions: if feed.one_in(2) { said.offered } else { VERSIONS },
        worker: worker.public(),
        challenge: said.worker_challenge,
        origin: said.origin.clone(),
    };
    // What the coordinator hears, and where it thinks it is.
    let mut heard = hello.clone();
    match feed.below(8) {
        0 => heard.versions = (feed.number() as u16, feed.number() as u16),
        1 => heard.worker = make::public(feed),
        2 => heard.challenge = Challenge([feed.byte(); 32]),
        3 => heard.origin = make::label(feed),
        _ => {}
    }
    let origin = if feed.one_in(4) { make::label(feed) } else { heard.origin.clone() };
    let answered = answer(heard.clone(), &origin, said.coordinator_challenge, &coordinator);
    let version = common_version(VERSIONS, heard.versions);
    match &answered {
        Err(HandshakeError::Origin) => assert_ne!(heard.origin, origin),
        Err(_) => assert_eq!(version, None),
        Ok((transcript, _)) => {
            assert_eq!((&transcript.origin, Some(transcript.version)), (&origin, version));
            assert!((heard.versions.0..=heard.versions.1).contains(&transcript.version));
        }
    }
    let Ok((transcript, proof)) = answered else { return };
    greet(&hello, transcript, proof.bytes(), feed);
}

fn greet(hello: &WorkerHello, transcript: Transcript, proof: &[u8], feed: &mut Feed<'_>) {
    let (worker, coordinator) = (make::key(WORKER), make::key(COORDINATOR));
    let card = Signed::sign(make::card(feed), &coordinator);
    let (mut version, mut named, mut challenge) =
        (transcript.version, coordinator.public(), transcript.coordinator_challenge);
    let (mut proof_bytes, mut card_bytes) = (proof.to_vec(), card.bytes().to_vec());
    let pinned = if feed.one_in(8) { make::public(feed) } else { coordinator.public() };
    match feed.below(8) {
        0 => version = feed.number() as u16,
        1 => named = make::public(feed),
        2 => challenge = Challenge([feed.byte(); 32]),
        3 => edit::any(feed, &mut proof_bytes),
        4 => edit::any(feed, &mut card_bytes),
        5 => proof_bytes = oracle::sign(CoordinatorProof::TYP, &cbor::encode(&make::transcript(feed)), COORDINATOR),
        _ => {}
    }
    let theirs = CoordinatorHello { version, coordinator: named, challenge, proof: &proof_bytes, card: &card_bytes };
    let confirmed = confirm(hello.clone(), &theirs, &pinned.fingerprint(), &worker);
    let expected = Transcript {
        origin: hello.origin.clone(),
        worker: hello.worker,
        coordinator: coordinator.public(),
        worker_challenge: hello.challenge,
        coordinator_challenge: challenge,
        offered: hello.versions,
        version,
    };
    // Whoever holds the coordinator's key may sign anything: what counts is that it signed this.
    let is_signed = Signed::<CoordinatorProof>::verify(&proof_bytes, &named).is_ok_and(|p| p.payload().0 == expected)
        && Signed::<OperatorCard>::verify(&card_bytes, &named).is_ok();
    let is_right = (named, pinned) == (coordinator.public(), coordinator.public()) && version == VERSIONS.0;
    assert_eq!(confirmed.is_ok(), is_signed && is_right, "{confirmed:?}");
    let Ok((confirmed, _)) = confirmed else { return };
    assert_eq!(admit(&transcript, confirmed.bytes()).is_ok(), expected == transcript);
    if expected != transcript {
        return;
    }
    let mut changed = confirmed.bytes().to_vec();
    edit::any(feed, &mut changed);
    assert!(changed == confirmed.bytes() || admit(&transcript, &changed).is_err(), "a changed proof is admitted");
    let mut other = transcript;
    other.coordinator_challenge = Challenge(feed.array());
    let is_fresh = other.coordinator_challenge != challenge;
    assert_eq!(admit(&other, confirmed.bytes()).is_err(), is_fresh, "a proof of another connection is admitted");
}
