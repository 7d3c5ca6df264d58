//! The published vectors: today's code writes the same bytes, and `docs/lull.cddl` describes them, by
//! the judgment of an independent CDDL implementation.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::panic, clippy::indexing_slicing, reason = "in tests a panic is a failure")]

#[allow(dead_code, reason = "other tests use the rest")]
mod fixture;

use cddl::validator::Validator;
use cddl::validator::cbor::{CBORValidator, Error};
use cddl::validator::cbor_value::decode_cbor;
use fixture::{Vector, unhex};
use lull_protocol::connect::{WalletVeto, WalletYes};
use lull_protocol::cose::{self, Statement};
use lull_protocol::limits::*;
use lull_protocol::message::Message;
use lull_protocol::receipt::Receipt;
use lull_protocol::rejection::{Appeal, Rejection};
use lull_protocol::reversal::{Reversal, ReversalEnd};
use lull_protocol::siws::SignIn;
use lull_protocol::statement::*;
use lull_protocol::task::*;
use lull_protocol::{
    Amount, BlobRef, ByteCount, Content, Filter, FlagReason, Hash, Item, JudgmentItem, Pace, Practice, PracticeItem,
    Signed, ToCoordinator, ToWorker, WarningSet,
};

const FILE: &str = include_str!("../../../tests/vectors/v1.json");
const CDDL: &str = include_str!("../../../docs/lull.cddl");

const KINDS: [&str; 19] = [
    "item",
    "practice",
    "to_coordinator",
    "to_worker",
    "receipt",
    "offer",
    "extension",
    "result",
    "verdict",
    "rejection",
    "reversal",
    "reversal-end",
    "appeal",
    "wallet-yes",
    "wallet-veto",
    "sign-in",
    "coordinator-proof",
    "worker-proof",
    "operator-card",
];

fn lines() -> Vec<Vector> {
    serde_json::from_str(FILE).expect("the vectors are JSON")
}

#[test]
fn vectors_hold() {
    fixture::check(FILE);
}

#[test]
fn todays_code_writes_every_byte() {
    let (published, today) = (lines(), fixture::vectors());
    for (published, today) in published.iter().zip(&today) {
        assert_eq!(published, today);
    }
    assert_eq!(
        published.len(),
        today.len(),
        "print the file again with `cargo run -p lull-protocol --example vectors`"
    );
}

#[test]
fn cddl_describes_every_vector() {
    for kind in KINDS {
        let wanted: Vec<Vector> = lines().into_iter().filter(|l| l.kind == kind && l.refused.is_none()).collect();
        assert!(!wanted.is_empty(), "no vector of kind {kind}");
        with_cddl(kind, |judge| {
            for line in &wanted {
                judge(&unhex(&line.hex)).unwrap_or_else(|e| panic!("{}: {e}", line.name));
            }
        });
    }
}

/// Whatever bytes the crate reads, the CDDL allows: each single-byte change of each vector that is still read.
#[test]
fn cddl_allows_whatever_is_read() {
    let mut read = 0;
    for kind in KINDS {
        with_cddl(kind, |judge| {
            for line in lines().iter().filter(|l| l.kind == kind && l.refused.is_none()) {
                let good = unhex(&line.hex);
                for at in 0..good.len() {
                    for bits in [0x01, 0x20] {
                        let mut bytes = good.clone();
                        bytes[at] ^= bits;
                        if is_read(kind, &bytes) && structure_is_whole(kind, &bytes) {
                            read += 1;
                            judge(&bytes).unwrap_or_else(|e| panic!("{} with byte {at} ^ {bits:#x}: {e}", line.name));
                        }
                    }
                }
            }
        });
    }
    assert!(read > 4_000, "only {read} changed vectors were read at all");
}

/// And what neither allows.
#[test]
fn cddl_and_crate_refuse_the_same() {
    for kind in KINDS {
        with_cddl(kind, |judge| {
            for (_, bytes, why) in wrong().iter().filter(|(k, ..)| *k == kind) {
                assert!(judge(bytes).is_err(), "the CDDL allows: {why}");
                assert!(!is_read(kind, bytes), "the crate reads: {why}");
            }
        });
    }
}

/// The largest values the crate reads, and the next larger ones.
#[test]
fn cddl_has_the_same_limits() {
    let hash = Hash::of(b"x");
    let fetch = |hops: usize, headers: usize, text: usize| {
        let mut result = fixture::fetch_result(hash);
        let Report::Fetch(report) = &mut result.report else { panic!("a fetch") };
        report.hops = vec![report.hops[0].clone(); hops];
        report.headers = vec![Header { name: "n".into(), value: "v".repeat(text) }; headers];
        Signed::sign(result, &fixture::worker()).bytes().to_vec()
    };
    let options = |count: usize, bytes: usize| (0..count).map(|i| i.to_string().repeat(bytes)).collect::<Vec<_>>();
    let text = |bytes: usize| Content::Text("t".repeat(bytes));
    let item = |task: Task| fixture::judgment(task).to_bytes();
    let markdown = |bytes: usize| {
        item(Task::Choice(Choice { content: Content::Markdown("#".repeat(bytes)), options: options(2, 1) }))
    };
    let choice = |count: usize, option: usize, bytes: usize| {
        item(Task::Choice(Choice { content: text(bytes), options: options(count, option) }))
    };
    let multi = |least: u8, most: u8| {
        item(Task::Multi(Multi { content: text(1), options: options(OPTIONS_COUNT.1, 1), least, most }))
    };
    let compare = |bytes: usize| {
        item(Task::Compare(Compare { left: Content::Code("t".repeat(bytes)), right: Content::Code("t".into()) }))
    };
    let rating = |steps: u8, end: usize| {
        item(Task::Rating(Rating { content: text(1), steps, lowest: "l".into(), highest: "h".repeat(end) }))
    };
    let verify = |sentences: usize, bytes: usize| {
        item(Task::Verify(Verify { claim: "c".repeat(bytes), source: vec!["s".into(); sentences] }))
    };
    let practice = |count: usize, explanation: usize| {
        let task = |i: usize| Task::Choice(Choice { content: text(i + 1), options: options(2, 1) });
        let (answer, explanation) = (Answer::Choice(1), "e".repeat(explanation));
        let item = |i| PracticeItem { task: task(i), answer, explanation: explanation.clone() };
        Practice { items: (0..count).map(item).collect() }.to_bytes()
    };
    let after_blob = |size: u64| {
        let Item::Judgment(item) = fixture::text_item() else { panic!("a choice") };
        let practice = Some(BlobRef { hash, bytes: ByteCount::new(size).expect("in range") });
        Item::Judgment(JudgmentItem { practice, ..item }).to_bytes()
    };
    let answered = |answer: Answer| Signed::sign(fixture::answered(hash, answer), &fixture::worker()).bytes().to_vec();
    let found = |sentence: u8| answered(Answer::Verify(Finding::Supported { sentence }));
    let flag = |bytes: usize| {
        let flag = fixture::flagged(hash, FlagReason::Broken, Some(&"n".repeat(bytes)));
        Signed::sign(flag, &fixture::worker()).bytes().to_vec()
    };
    let chunk = |n: usize| {
        let (offset, bytes) = (ByteCount::ZERO, vec![0; n].into());
        ToCoordinator::BodyChunk { offer: hash, offset, bytes }.to_frame()
    };
    let card = |name: usize, fee_bp: u16| {
        let card = OperatorCard { name: "n".repeat(name), fee_bp, ..fixture::card() };
        Signed::sign(card, &fixture::coordinator()).bytes().to_vec()
    };
    let want = |names: usize, bytes: usize| {
        let filter = Filter { never: vec!["n".repeat(bytes); names], ..Filter::default() };
        ToCoordinator::Want { fetch: 0, judgment: 1, tasks: TaskSet::CHOICE, filter, warnings: WarningSet::NONE }
            .to_frame()
    };
    let assign = |outcomes: u64| {
        let (offer, item) = (fixture::choice_receipt().offer.into(), fixture::choice_receipt().item.into());
        let pace = Some(Pace { outcomes, median_s: 1, hourly: Amount::MAX });
        ToWorker::Assign { offer, item, extension: None, pace, record: None, skips_left: None }.to_frame()
    };
    let extension = |number: u8| {
        let extension = Extension { number, ..fixture::extension() };
        Signed::sign(extension, &fixture::coordinator()).bytes().to_vec()
    };
    let proof = |origin: usize| {
        let transcript = Transcript { origin: "o".repeat(origin), ..fixture::transcript() };
        Signed::sign(WorkerProof(transcript), &fixture::worker()).bytes().to_vec()
    };
    let rejected = |bytes: usize| {
        let rejection = Rejection { evidence: "e".repeat(bytes), ..fixture::rejection(hash) };
        Signed::sign(rejection, &fixture::coordinator()).bytes().to_vec()
    };
    let appealed = |bytes: usize| {
        let appeal = Appeal { words: Some("w".repeat(bytes)), ..fixture::appeal(hash) };
        Signed::sign(appeal, &fixture::worker()).bytes().to_vec()
    };
    let rows = [
        ("result", fetch(HOPS_MAX, 0, 0), fetch(HOPS_MAX + 1, 0, 0)),
        ("result", fetch(0, HEADERS_MAX, 0), fetch(0, HEADERS_MAX + 1, 0)),
        ("result", fetch(0, 1, HEADER_VALUE_BYTES_MAX), fetch(0, 1, HEADER_VALUE_BYTES_MAX + 1)),
        ("item", choice(OPTIONS_COUNT.0, 1, 1), choice(OPTIONS_COUNT.0 - 1, 1, 1)),
        ("item", choice(OPTIONS_COUNT.1, 1, 1), choice(OPTIONS_COUNT.1 + 1, 1, 1)),
        ("item", choice(2, OPTION_BYTES_MAX, 1), choice(2, OPTION_BYTES_MAX + 1, 1)),
        ("item", choice(2, 1, CONTENT_TEXT_BYTES_MAX), choice(2, 1, CONTENT_TEXT_BYTES_MAX + 1)),
        ("item", markdown(CONTENT_TEXT_BYTES_MAX), markdown(CONTENT_TEXT_BYTES_MAX + 1)),
        ("item", multi(0, 9), multi(0, 10)),
        ("item", multi(1, 1), multi(0, 0)),
        ("item", compare(COMPARED_TEXT_BYTES_MAX), compare(COMPARED_TEXT_BYTES_MAX + 1)),
        ("item", rating(RATING_STEPS.0, 1), rating(RATING_STEPS.0 - 1, 1)),
        ("item", rating(RATING_STEPS.1, 1), rating(RATING_STEPS.1 + 1, 1)),
        ("item", rating(2, OPTION_BYTES_MAX), rating(2, OPTION_BYTES_MAX + 1)),
        ("item", verify(1, 1), verify(0, 1)),
        ("item", verify(SENTENCES_MAX, 1), verify(SENTENCES_MAX + 1, 1)),
        ("item", verify(1, LABEL_BYTES_MAX), verify(1, LABEL_BYTES_MAX + 1)),
        ("item", after_blob(1), after_blob(0)),
        ("item", after_blob(BLOB_BYTES_MAX), after_blob(BLOB_BYTES_MAX + 1)),
        ("practice", practice(1, 1), practice(0, 1)),
        ("practice", practice(PRACTICE_ITEMS_MAX, 1), practice(PRACTICE_ITEMS_MAX + 1, 1)),
        ("practice", practice(1, LABEL_BYTES_MAX), practice(1, LABEL_BYTES_MAX + 1)),
        ("practice", practice(1, 1), practice(1, 0)),
        ("result", answered(Answer::Rating(1)), answered(Answer::Rating(0))),
        ("result", answered(Answer::Rating(RATING_STEPS.1)), answered(Answer::Rating(RATING_STEPS.1 + 1))),
        ("result", found(199), found(200)),
        ("result", flag(FLAG_NOTE_BYTES_MAX), flag(FLAG_NOTE_BYTES_MAX + 1)),
        ("result", flag(1), flag(0)),
        ("to_coordinator", chunk(CHUNK_BYTES_MAX), chunk(CHUNK_BYTES_MAX + 1)),
        ("to_coordinator", want(FILTER_NEVER_MAX, 1), want(FILTER_NEVER_MAX + 1, 1)),
        ("to_coordinator", want(1, LABEL_BYTES_MAX), want(1, LABEL_BYTES_MAX + 1)),
        ("to_coordinator", want(1, 1), want(1, 0)),
        ("to_worker", assign(PACE_OUTCOMES_MIN), assign(PACE_OUTCOMES_MIN - 1)),
        ("extension", extension(1), extension(0)),
        ("extension", extension(EXTENSIONS_MAX), extension(EXTENSIONS_MAX + 1)),
        ("operator-card", card(LABEL_BYTES_MAX, 10_000), card(LABEL_BYTES_MAX + 1, 10_000)),
        ("operator-card", card(1, 10_000), card(0, 10_000)),
        ("operator-card", card(1, 0), card(1, 10_001)),
        ("worker-proof", proof(ORIGIN_BYTES_MAX), proof(ORIGIN_BYTES_MAX + 1)),
        ("rejection", rejected(REJECTION_EVIDENCE_BYTES_MAX), rejected(REJECTION_EVIDENCE_BYTES_MAX + 1)),
        ("rejection", rejected(1), rejected(0)),
        ("appeal", appealed(APPEAL_BYTES_MAX), appealed(APPEAL_BYTES_MAX + 1)),
        ("appeal", appealed(1), appealed(0)),
    ];
    for (i, (kind, most, more)) in rows.into_iter().enumerate() {
        with_cddl(kind, |judge| {
            assert!(is_read(kind, &most) && !is_read(kind, &more), "the crate, row {i}");
            judge(&most).unwrap_or_else(|e| panic!("the CDDL refuses row {i}: {e}"));
            assert!(judge(&more).is_err(), "the CDDL allows more, row {i}");
        });
    }
}

fn wrong() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let line = |name: &str| lines().into_iter().find(|l| l.name == name).map(|l| l.hex).expect("a vector's name");
    let edit = |name: &str, from: &str, to: &str| {
        let (hex, from) = (unhex(&line(name)), unhex(from));
        let places: Vec<usize> = (0..hex.len()).filter(|&at| hex[at..].starts_with(&from)).collect();
        let [at] = places[..] else { panic!("{name}: {from:x?} at {places:?}") };
        [&hex[..at], &unhex(to), &hex[at + from.len()..]].concat()
    };
    let raw = unhex;
    vec![
        ("to_coordinator", raw("8202a10002"), "a key is missing"),
        ("to_coordinator", raw("8202a3000201040201"), "choices alone, which are left out"),
        ("to_coordinator", raw("8202a300020104021820"), "a type that can't be"),
        ("to_coordinator", raw("8202a3000201040400"), "an unknown key"),
        ("to_coordinator", raw("8202a20002016134"), "text for a number"),
        ("to_coordinator", raw("8202a200020120"), "a negative number"),
        ("to_coordinator", raw("8202a2000201190100"), "above u8"),
        ("to_coordinator", raw("8202820204"), "an array for a map"),
        ("to_coordinator", raw("8302a20002010400"), "three elements"),
        ("to_coordinator", raw("8108"), "no fields"),
        ("to_coordinator", raw("8209a10000"), "no such message"),
        ("to_coordinator", edit("worker says return", "0100", "0108"), "no such reason"),
        ("to_coordinator", raw("8202a3000201040500"), "no class of content, which is left out"),
        ("to_coordinator", raw("8202a300020104051840"), "a class of content that can't be"),
        ("item", edit("item choice sensitive", "091821", "0900"), "no class of content, which is left out"),
        ("to_coordinator", edit("worker says get blob", "005820", "00581f"), "a hash of 31 bytes"),
        ("to_coordinator", raw("8207a2001b00200000000000000100"), "a timestamp of 2^53"),
        ("to_worker", raw("8209a10115"), "no such code"),
        ("to_worker", raw("8209a200f60100"), "null for a field left out"),
        ("to_worker", raw("820ba10114"), "the wrong key"),
        ("to_worker", raw("820aa1001b0020000000000000"), "a timestamp of 2^53"),
        ("to_worker", raw("820aa100c100"), "a tag"),
        (
            "to_worker",
            edit("coordinator says account", "1b001fffffffffffff", "1b0020000000000000"),
            "an amount of 2^53",
        ),
        ("to_worker", edit("coordinator says wallet refused", "0109", "0115"), "no such refusal"),
        ("to_worker", edit("coordinator says payouts of one without", "000301000200", "000401000200"), "no such chain"),
        ("to_coordinator", edit("worker says pay when it is Friday", "8202a10004", "8202a10007"), "an eighth day"),
        ("to_coordinator", edit("worker says open ticket", "a10000", "a10005"), "no such purpose"),
        ("item", edit("item choice picture", "696d6167652f706e67", "696d6167652f676966"), "image/gif"),
        ("item", edit("item fetch", "0400", "0402"), "no such method"),
        ("item", edit("item fetch", "051a00100000", "051a00a00001"), "bytes_max above BODY_BYTES_MAX"),
        ("item", edit("item choice text", "0783", "0781"), "one option, and bytes behind it"),
        ("item", edit("item multi", "088201", "088205"), "no such type"),
        ("item", edit("item multi", "088201", "088200"), "a choice that is written as other types are"),
        ("item", edit("item multi", "088201", "0a8201"), "an unknown key"),
        ("item", edit("item compare texts", "01820081", "01820481"), "no such content"),
        ("item", edit("item compare pictures", "617669", "676966"), "image/gif"),
        ("item", edit("item choice after practice", "0aa2", "09a2"), "an unknown key"),
        ("practice", edit("practice choice", "018200", "018201"), "an answer of another type"),
        ("practice", raw("a10080"), "no items"),
        ("operator-card", edit("operator card", "d284", "d184"), "tag 17"),
        ("operator-card", edit("operator card", "d284", "84"), "no tag"),
        ("operator-card", edit("operator card", "0127", "0126"), "alg ES256"),
        ("operator-card", edit("operator card", "2b63626f72a0", "2b63626f72a10000"), "a header unprotected"),
        ("operator-card", edit("operator card", "624e4c", "626e6c"), "a country in small letters"),
        ("operator-card", edit("operator card", "031901f4", "03192711"), "a fee above 100 %"),
        ("offer", raw(&line("result choice")), "a result for an offer"),
        ("worker-proof", raw(&line("coordinator proof")), "the coordinator's proof for the worker's"),
        ("verdict", edit("verdict accepted", "0100", "0103"), "no such decision"),
        ("result", edit("result flag", "82182081a20001", "82182081a20006"), "no such flag"),
        ("result", edit("result withdrawn", "01821821", "01821822"), "no such report"),
        ("receipt", raw("a0"), "an empty receipt"),
        ("verdict", edit("verdict appeal denied", "0211", "0212"), "a reason that no version has"),
        ("rejection", edit("rejection by the buyer", "020f", "0201"), "a rejection for agreeing"),
        ("wallet-yes", edit("wallet yes to link", "5b9437adea", "5b9437ad"), "a key of 31 bytes"),
        ("wallet-yes", edit("wallet yes to link", "0100025820", "0105025820"), "no such purpose"),
        ("wallet-yes", edit("wallet yes to put out", "0104025820", "0103025820"), "unlinking that names another"),
        ("wallet-yes", edit("wallet yes to link", "0100025820", "0102025820"), "rebinding without the lost key"),
        ("wallet-yes", edit("wallet yes to rebind", "0102025820", "0101025820"), "a lost key, and no rebinding"),
        ("sign-in", edit("sign-in to link", "010202000358", "010204000358"), "no such chain"),
        ("sign-in", edit("sign-in to link", "020003", "020303"), "unlinking, which no wallet signs"),
        ("offer", edit("offer judgment to be reviewed", "0682028202", "0682038202"), "no such rule"),
    ]
}

fn with_cddl(kind: &str, run: impl FnOnce(&dyn Fn(&[u8]) -> Result<(), String>)) {
    // The judge takes the first rule for the whole.
    let document = format!("root = {}\n{CDDL}", kind.replace('_', "-"));
    let cddl = cddl::cddl_from_str(&document, true).expect("docs/lull.cddl is CDDL");
    run(&|bytes| {
        let value = decode_cbor(bytes).map_err(|e| e.to_string())?;
        CBORValidator::new(&cddl, value, None).validate().map_err(|e: Error<std::io::Error>| e.to_string())
    });
}

/// Whether the crate reads it, signatures aside.
fn is_read(kind: &str, bytes: &[u8]) -> bool {
    match kind {
        "item" => Item::from_bytes(bytes).is_ok(),
        "practice" => Practice::from_bytes(bytes).is_ok(),
        "to_coordinator" => ToCoordinator::from_frame(bytes).is_ok(),
        "to_worker" => ToWorker::from_frame(bytes).is_ok(),
        "receipt" => Receipt::from_bytes(bytes).is_ok(),
        "offer" => is_statement::<Offer>(bytes),
        "result" => is_statement::<WorkResult>(bytes),
        "extension" => is_statement::<Extension>(bytes),
        "verdict" => is_statement::<Verdict>(bytes),
        "rejection" => is_statement::<Rejection>(bytes),
        "reversal" => is_statement::<Reversal>(bytes),
        "reversal-end" => is_statement::<ReversalEnd>(bytes),
        "appeal" => is_statement::<Appeal>(bytes),
        "wallet-yes" => is_statement::<WalletYes>(bytes),
        "wallet-veto" => is_statement::<WalletVeto>(bytes),
        "sign-in" => SignIn::from_bytes(bytes).is_ok(),
        "coordinator-proof" => is_statement::<CoordinatorProof>(bytes),
        "worker-proof" => is_statement::<WorkerProof>(bytes),
        "operator-card" => is_statement::<OperatorCard>(bytes),
        other => panic!("no such kind: {other}"),
    }
}

fn is_statement<T: Statement>(bytes: &[u8]) -> bool {
    cose::peek::<T>(bytes).is_ok()
}

/// The CDDL looks into byte strings that hold statements and items; the crate reads those in a step of
/// their own. So a change there must also pass that step.
fn structure_is_whole(kind: &str, bytes: &[u8]) -> bool {
    match kind {
        "to_coordinator" => match ToCoordinator::from_frame(bytes) {
            Ok(ToCoordinator::Proof { statement, .. }) => is_statement::<WorkerProof>(&statement),
            Ok(ToCoordinator::Result { statement }) => is_statement::<WorkResult>(&statement),
            Ok(ToCoordinator::Appeal { statement }) => is_statement::<Appeal>(&statement),
            Ok(ToCoordinator::WalletYes { statement }) => is_statement::<WalletYes>(&statement),
            Ok(ToCoordinator::WalletVeto { statement }) => is_statement::<WalletVeto>(&statement),
            _ => true,
        },
        "to_worker" => match ToWorker::from_frame(bytes) {
            Ok(ToWorker::Hello { proof, card, .. }) => {
                is_statement::<CoordinatorProof>(&proof) && is_statement::<OperatorCard>(&card)
            }
            Ok(ToWorker::Assign { offer, item, extension, .. }) => {
                let is_extension = extension.is_none_or(|extension| is_statement::<Extension>(&extension));
                is_statement::<Offer>(&offer) && Item::from_bytes(&item).is_ok() && is_extension
            }
            Ok(ToWorker::Extended { statement }) => is_statement::<Extension>(&statement),
            Ok(ToWorker::Verdict { statement, .. }) => is_statement::<Verdict>(&statement),
            Ok(ToWorker::Rejected { statement }) => is_statement::<Rejection>(&statement),
            Ok(ToWorker::Reversal { receipt }) => structure_is_whole("receipt", &receipt),
            _ => true,
        },
        "receipt" => Receipt::from_bytes(bytes).is_ok_and(|r| {
            Item::from_bytes(&r.item).is_ok()
                && is_statement::<Offer>(&r.offer)
                && is_statement::<WorkResult>(&r.result)
                && is_statement::<Verdict>(&r.verdict)
                && r.rejection.is_none_or(|rejection| is_statement::<Rejection>(&rejection))
                && r.appeal.is_none_or(|appeal| is_statement::<Appeal>(&appeal))
                && r.reversal.is_none_or(|reversal| is_statement::<Reversal>(&reversal))
                && r.reversal_end.is_none_or(|end| is_statement::<ReversalEnd>(&end))
        }),
        _ => true,
    }
}
