//! Receipts and exports of them: files that a person keeps and anyone may read.

use data_encoding::BASE64;
use lull_cli::verify::{Inputs, verify};
use lull_protocol::cose::{Signed, Statement};
use lull_protocol::receipt::{CheckKind, Part, RECEIPT_BYTES_MAX, Receipt, field_at};
use lull_protocol::statement::{Offer, Outcome, Report, Verdict, WorkResult};
use lull_protocol::{Hash, Item, PublicKey, cose};
use serde_json::json;

use crate::feed::Feed;
use crate::make::{self, COORDINATOR, WORKER};
use crate::{edit, oracle};

/// Offsets of a part whose field is asked for.
const OFFSETS_MAX: usize = 16;

/// A receipt holds if and only if each part is signed by the one who must have and names the one before it;
/// a changed byte is seen, and its field has a name.
pub(crate) fn receipts(bytes: &[u8]) {
    if let Ok(read) = Receipt::from_bytes(bytes) {
        assert_eq!(read.to_bytes(), bytes, "written again as other bytes");
        assert!(oracle::is_deterministic(bytes), "not deterministic");
        look(&read);
    }
    let mut feed = Feed::new(bytes);
    let mut receipt = one(&mut feed, true);
    let holds = look(&receipt);
    let whole = receipt.to_bytes();
    let read_again = Receipt::from_bytes(&whole).ok();
    assert_eq!(read_again.is_some(), whole.len() <= RECEIPT_BYTES_MAX);
    assert!(read_again.is_none_or(|again| again == receipt), "read again it is another");
    let there = Part::ALL.map(|part| (part, receipt.part(part).is_empty()));
    let there: Vec<Part> = there.into_iter().filter(|(_, is_empty)| !is_empty).map(|(part, _)| part).collect();
    let part = *feed.pick(&there);
    let before = receipt.part(part).to_vec();
    if feed.one_in(2) {
        let at = feed.below(before.len());
        let field = field_at(part, &before, at);
        assert!(!holds || field.is_some(), "a byte of a good {part:?} has no field: {at}");
        receipt.part_mut(part).iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1);
    } else {
        edit::any(&mut feed, receipt.part_mut(part));
    }
    let still_holds = look(&receipt);
    assert!(!(holds && still_holds) || receipt.part(part) == before, "a changed {part:?} holds");
}

/// Whether it holds, by every check and by this crate's own reading of it.
fn look(receipt: &Receipt) -> bool {
    let coordinator = make::key(COORDINATOR).public();
    let checks = receipt.checks(&coordinator);
    let contested = [&receipt.rejection, &receipt.appeal, &receipt.reversal, &receipt.reversal_end];
    let more = 2 * contested.into_iter().flatten().count();
    // A verdict may name a rejection that is missing.
    assert!(checks.len() == 7 + more || (checks.len() == 8 + more && receipt.rejection.is_none()));
    let failed = |kind: CheckKind| checks.iter().any(|check| check.kind == kind && check.error.is_some());
    let is_signed = Signed::<Offer>::verify(&receipt.offer, &coordinator).is_ok();
    assert_eq!(failed(CheckKind::OfferSigned), !is_signed);
    let verified = receipt.verify(&coordinator);
    assert_eq!(verified.is_ok(), checks.iter().all(|check| check.error.is_none()));
    for part in Part::ALL {
        let bytes = receipt.part(part);
        assert_eq!(field_at(part, bytes, bytes.len()), None);
        for at in (0..bytes.len()).step_by(bytes.len() / OFFSETS_MAX + 1) {
            assert!(field_at(part, bytes, at).is_some() || verified.is_err());
        }
    }
    let Ok(held) = verified else { return false };
    let (offer, result, verdict) = (held.offer.payload(), held.result.payload(), held.verdict.payload());
    assert_eq!((offer.item, result.offer), (Hash::of(&receipt.item), Hash::of(&receipt.offer)));
    assert!(verdict.place.is_none_or(|place| place.worker == offer.worker), "another worker's verdict holds");
    assert_eq!((verdict.result, held.item.to_bytes()), (Hash::of(&receipt.result), receipt.item.clone()));
    assert_eq!(
        (*held.result.signer(), *held.offer.signer(), *held.verdict.signer()),
        (offer.worker, coordinator, coordinator)
    );
    assert_eq!(verdict.rejection, receipt.rejection.as_deref().map(Hash::of), "a verdict of another rejection");
    let rejection = held.rejection.as_ref().map(|rejection| (rejection.payload().clone(), rejection.hash()));
    assert!(rejection.as_ref().is_none_or(|(said, _)| said.result == Hash::of(&receipt.result)));
    assert!(held.appeal.is_none_or(|appeal| {
        let reversal = held.reversal.as_ref().map(Signed::hash);
        let about = [rejection.as_ref().map(|(_, hash)| *hash), reversal];
        *appeal.signer() == offer.worker && about.contains(&Some(appeal.payload().rejection))
    }));
    let bytes = match &result.report {
        Report::Fetch(fetch) => fetch.body_bytes.get(),
        _ => 0,
    };
    let by_size = u128::from(offer.price.per_mib.get()) * u128::from(bytes) / 1_048_576;
    assert!(u128::from(verdict.amount.get()) <= by_size + u128::from(offer.price.per_item.get()), "paid too much");
    true
}

/// A receipt that mostly holds.
fn one(feed: &mut Feed<'_>, is_odd: bool) -> Receipt {
    let worker = make::key(WORKER).public();
    let mut seed = |right: u8| if is_odd && feed.one_in(16) { 3 } else { right };
    let (by_offer, by_result, by_verdict) = (seed(COORDINATOR), seed(WORKER), seed(COORDINATOR));
    let item = make::item(feed);
    let offer = sign(make::offer(feed, &item, worker), by_offer);
    let result = sign(make::result(feed, Hash::of(&offer)), by_result);
    let is_rejected = feed.one_in(3);
    let rejection = is_rejected.then(|| sign(make::rejection(feed, Hash::of(&result), worker), by_verdict));
    let hash = rejection.as_deref().map(Hash::of);
    let appeal = hash.filter(|_| feed.one_in(2)).map(|hash| sign(make::appeal(feed, hash), by_result));
    let mut verdict = make::verdict(feed, Hash::of(&result), worker);
    if !feed.one_in(8) {
        verdict.rejection = hash;
    }
    let paid = verdict.amount;
    let (item, verdict) = (item.to_bytes(), sign(verdict, by_verdict));
    let of = ((Hash::of(&result), worker), (Hash::of(&verdict), paid));
    let reversal = (!is_rejected && feed.one_in(3)).then(|| sign(make::reversal(feed, of.0, of.1), by_verdict));
    let end = reversal.as_deref().map(Hash::of).filter(|_| feed.one_in(2));
    let reversal_end = end.map(|reversal| sign(make::reversal_end(feed, reversal, worker), by_verdict));
    Receipt { item, offer, result, verdict, rejection, appeal, reversal, reversal_end }
}

fn sign<T: Statement>(payload: T, seed: u8) -> Vec<u8> {
    Signed::sign(payload, &make::key(seed)).bytes().to_vec()
}

/// `lull verify` reads any file without a panic, and what it finds no fault with is what the receipts say.
pub(crate) fn exports(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let feed = &mut feed;
    let whole = feed.one_in(2);
    let mut texts = if whole { built(feed) } else { std::array::from_fn(|_| feed.text(400)) };
    for _ in 0..feed.below(4) {
        let mut changed = texts.clone();
        let which = feed.below(changed.len());
        if let Some(text) = changed.get_mut(which) {
            let mut raw = std::mem::take(text).into_bytes();
            edit::bytes(feed, &mut raw);
            *text = String::from_utf8_lossy(&raw).into_owned();
        }
        texts = changed;
    }
    let [receipts, ledger, site_log] = &texts;
    let given = |feed: &mut Feed<'_>| !feed.one_in(3);
    let inputs = Inputs {
        receipts,
        coordinator: given(feed).then(|| make::key(COORDINATOR).public()),
        ledger: given(feed).then_some(ledger.as_str()),
        site_log: given(feed).then_some(site_log.as_str()),
    };
    let Ok(report) = verify(&inputs) else { return };
    assert_eq!(report.judgments + report.fetches, report.verified + report.waiting);
    assert!((report.verified + report.waiting) < receipts.lines().count().max(1) as u64);
    assert!(serde_json::to_string(&report).is_ok());
    if report.disagreements.is_empty() {
        let coordinator = PublicKey::from_hex(&report.coordinator).expect("it was a key");
        let held: Vec<u64> = receipts.lines().skip(1).filter_map(|line| amount(line, &coordinator)).collect();
        assert_eq!((held.len() as u64, held.iter().sum()), (report.verified, report.earned));
        assert!(inputs.ledger.is_none() || report.ledger_earned == Some(report.earned));
    }
}

/// What a line's verdict pays, if the line is a receipt that holds.
fn amount(line: &str, coordinator: &PublicKey) -> Option<u64> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let part = |name: &str| BASE64.decode(line.get(name)?.as_str()?.as_bytes()).ok();
    let (item, offer, result, verdict) = (part("item")?, part("offer")?, part("result")?, part("verdict")?);
    let (rejection, appeal) = (part("rejection"), part("appeal"));
    let (reversal, reversal_end) = (part("reversal"), part("reversal_end"));
    let receipt = Receipt { item, offer, result, verdict, rejection, appeal, reversal, reversal_end };
    Some(receipt.verify(coordinator).ok()?.verdict.payload().amount.get())
}

/// An export, its ledger and its site's log that mostly agree.
fn built(feed: &mut Feed<'_>) -> [String; 3] {
    let (worker, coordinator) = (make::key(WORKER).public(), make::key(COORDINATOR).public());
    let head =
        json!({"format": "lull-receipts-1", "coordinator": coordinator.to_string(), "worker": worker.to_string()});
    let (mut receipts, mut ledger, mut log) = (vec![head], Vec::new(), Vec::new());
    for number in 0..feed.below(5) {
        let receipt = one(feed, false);
        let mut line = json!({});
        let names = ["item", "offer", "result", "verdict", "rejection", "appeal"];
        let parts = Part::ALL.into_iter().zip(names).filter(|(part, _)| !receipt.part(*part).is_empty());
        for (part, name) in parts {
            if let Some(place) = line.as_object_mut().filter(|_| part != Part::Verdict || !feed.one_in(4)) {
                place.insert(name.to_owned(), BASE64.encode(receipt.part(part)).into());
            }
        }
        receipts.push(line);
        if let Ok(verdict) = cose::peek::<Verdict>(&receipt.verdict) {
            let paid = if feed.one_in(8) { feed.number() as i64 } else { verdict.amount.get() as i64 };
            let about = Hash::of(&receipt.verdict).to_string();
            let postings = json!([
                {"account": "held:03", "delta": paid.saturating_neg()},
                {"account": format!("pending:{worker}"), "delta": paid},
            ]);
            let cause = if feed.one_in(8) { "settled" } else { "verdict" };
            ledger.push(json!({"number": number, "at": 5, "cause": cause, "about": about, "postings": postings}));
        }
        let (Ok(Item::Fetch(item)), Ok(result)) =
            (Item::from_bytes(&receipt.item), cose::peek::<WorkResult>(&receipt.result))
        else {
            continue;
        };
        let Report::Fetch(fetch) = &result.report else { continue };
        let is_paid = matches!(fetch.outcome, Outcome::Ok | Outcome::NotFound);
        for hop in &fetch.hops {
            let rest = hop.url.split_once("://").map_or("", |(_, rest)| rest);
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            log.push(json!({
                "method": if item.method == lull_protocol::Method::Head { "HEAD" } else { "GET" },
                "host": host, "path": path, "status": hop.status,
                "body_sha256": is_paid.then(|| fetch.body_hash.to_string()), "body_bytes": fetch.body_bytes.get(),
                "had_cookie": feed.one_in(16), "had_origin": false, "had_referer": false,
            }));
        }
    }
    [receipts, ledger, log].map(|lines| lines.iter().map(|line| format!("{line}\n")).collect())
}
