//! `lull verify`: does what a browser kept agree with what a site and a ledger say? Pure: texts in, a
//! report out. It trusts nothing but the coordinator's public key; where that isn't given, it takes the
//! export's own word and says so.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE64;
use lull_protocol::item::Item;
use lull_protocol::receipt::{Part, Receipt};
use lull_protocol::reversal::ReversalEnd;
use lull_protocol::statement::{FetchReport, Offer, Report as Work, Verdict, WorkResult};
use lull_protocol::{Hash, Method, PublicKey, cose};
use serde::{Deserialize, Serialize};

/// The first line of an export names this.
const FORMAT: &str = "lull-receipts-1";
/// The file of everything names this, and has the lines of an export as a list.
const EVERYTHING_FORMAT: &str = "lull-everything-1";

/// What was counted, and each disagreement in one line.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Results that answer a question.
    pub judgments: u64,
    /// Results that fetched a page.
    pub fetches: u64,
    /// Decoded body bytes of the paid fetches.
    pub bytes: u64,
    /// The sum of all verdicts, base units.
    pub earned: u64,
    /// The coordinator's public key that all was checked against.
    pub coordinator: String,
    /// Whether only the export itself names that key.
    pub coordinator_by_export: bool,
    /// The asset of all amounts.
    pub asset: String,
    /// Receipts that hold in every part.
    pub verified: u64,
    /// Results that hold and still wait for their verdict.
    pub waiting: u64,
    /// Requests found in the site's access log, one line each.
    pub requests: Option<u64>,
    /// What the ledger says was earned, base units.
    pub ledger_earned: Option<u64>,
    /// What of that was reversed while it was pending, by the receipts, base units.
    pub reversed: u64,
    /// What does not agree.
    pub disagreements: Vec<String>,
}

/// The texts to compare.
#[derive(Debug, Default)]
pub struct Inputs<'a> {
    /// The browser's export, or its file of everything.
    pub receipts: &'a str,
    /// The key that must have signed; else the export's own word is taken.
    pub coordinator: Option<PublicKey>,
    /// The coordinator's ledger export.
    pub ledger: Option<&'a str>,
    /// The site's access log.
    pub site_log: Option<&'a str>,
}

#[derive(Deserialize)]
struct Head {
    format: String,
    coordinator: String,
    worker: String,
}

/// What is read of the file of everything.
#[derive(Deserialize)]
struct Everything {
    format: String,
    receipts: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    item: String,
    offer: String,
    result: String,
    verdict: Option<String>,
    rejection: Option<String>,
    appeal: Option<String>,
    reversal: Option<String>,
    reversal_end: Option<String>,
}

/// One request as the site saw it.
#[derive(Clone, Debug, Deserialize)]
struct Request {
    method: String,
    host: String,
    path: String,
    status: u16,
    body_sha256: Option<String>,
    body_bytes: u64,
    had_cookie: bool,
    had_origin: bool,
    had_referer: bool,
}

/// One entry of the ledger.
#[derive(Clone, Debug, Deserialize)]
struct Entry {
    number: u64,
    cause: String,
    about: String,
    postings: Vec<Posting>,
}

#[derive(Clone, Debug, Deserialize)]
struct Posting {
    account: String,
    delta: i64,
}

/// What a receipt says, as far as its signatures hold.
struct Kept {
    line: usize,
    item: Item,
    result: WorkResult,
    verdict: Option<(Hash, Verdict)>,
    /// What it paid was reversed.
    is_reversed: bool,
}

/// Compares. An error means that an input can't be read at all.
pub fn verify(inputs: &Inputs<'_>) -> Result<Report, String> {
    let mut report = Report::default();
    let (coordinator, worker, receipts) = read_receipts(inputs, &mut report)?;
    report.coordinator = coordinator.to_string();
    report.coordinator_by_export = inputs.coordinator.is_none();
    let mut offers = BTreeSet::new();
    let mut kept = Vec::new();
    for (line, receipt, has_verdict) in receipts {
        if !offers.insert(Hash::of(&receipt.offer)) {
            report.disagreements.push(format!("receipts line {line}: this offer's receipt is there twice"));
        } else if let Some(one) = check(line, &receipt, has_verdict, &coordinator, &worker, &mut report) {
            kept.push(one);
        }
    }
    count(&kept, &mut report);
    if let Some(text) = inputs.site_log {
        compare_site(&kept, &read_lines(text, "site log")?, &mut report);
    }
    if let Some(text) = inputs.ledger {
        compare_ledger(&kept, &worker, &read_lines(text, "ledger")?, &mut report);
    }
    Ok(report)
}

type Read = (PublicKey, PublicKey, Vec<(usize, Receipt, bool)>);

fn read_receipts(inputs: &Inputs<'_>, report: &mut Report) -> Result<Read, String> {
    // An export is no single object, but for one without receipts, which has no list.
    let everything = serde_json::from_str::<Everything>(inputs.receipts).ok();
    let listed = everything.filter(|everything| everything.format == EVERYTHING_FORMAT).map(|everything| {
        let lines: Vec<String> = everything.receipts.iter().map(ToString::to_string).collect();
        lines.join("\n")
    });
    let mut lines = numbered(listed.as_deref().unwrap_or(inputs.receipts));
    let (_, first) = lines.next().ok_or("receipts: the file is empty")?;
    let head: Head = serde_json::from_str(first).map_err(|e| format!("receipts line 1: {e}"))?;
    if head.format != FORMAT {
        return Err(format!("receipts line 1: format {:?} is not {FORMAT:?}", head.format));
    }
    let key = |name: &str, hex: &str| {
        PublicKey::from_hex(hex).ok_or_else(|| format!("receipts line 1: {name} is not a key in hexadecimal"))
    };
    let (claimed, worker) = (key("coordinator", &head.coordinator)?, key("worker", &head.worker)?);
    let coordinator = inputs.coordinator.unwrap_or(claimed);
    if coordinator != claimed {
        report.disagreements.push("receipts line 1: the export names another coordinator than the one given".into());
    }
    let mut receipts = Vec::new();
    for (number, text) in lines {
        let line: Line = serde_json::from_str(text).map_err(|e| format!("receipts line {number}: {e}"))?;
        let decode = |name: &str, base64: &str| {
            BASE64.decode(base64.as_bytes()).map_err(|_| format!("receipts line {number}: {name} is not base64"))
        };
        let perhaps = |name, text: &Option<String>| text.as_deref().map(|text| decode(name, text)).transpose();
        let verdict = perhaps("verdict", &line.verdict)?;
        let has_verdict = verdict.is_some();
        let receipt = Receipt {
            item: decode("item", &line.item)?,
            offer: decode("offer", &line.offer)?,
            result: decode("result", &line.result)?,
            verdict: verdict.unwrap_or_default(),
            rejection: perhaps("rejection", &line.rejection)?,
            appeal: perhaps("appeal", &line.appeal)?,
            reversal: perhaps("reversal", &line.reversal)?,
            reversal_end: perhaps("reversal_end", &line.reversal_end)?,
        };
        receipts.push((number, receipt, has_verdict));
    }
    Ok((coordinator, worker, receipts))
}

/// Every check of one receipt; `None` and one line per failed check if it does not hold.
fn check(
    line: usize,
    receipt: &Receipt,
    has_verdict: bool,
    coordinator: &PublicKey,
    worker: &PublicKey,
    report: &mut Report,
) -> Option<Kept> {
    let before = report.disagreements.len();
    for check in receipt.checks(coordinator) {
        // Without a verdict yet there is nothing to check of it.
        if (has_verdict || check.part != Part::Verdict)
            && let Some(error) = check.error
        {
            report.disagreements.push(format!("receipts line {line}: {:?}: {error}", check.kind));
        }
    }
    let read = || -> Result<_, cose::StatementError> {
        let offer = cose::peek::<Offer>(&receipt.offer)?;
        let result = cose::peek::<WorkResult>(&receipt.result)?;
        let verdict = has_verdict.then(|| cose::peek::<Verdict>(&receipt.verdict)).transpose()?;
        Ok((offer, Item::from_bytes(&receipt.item)?, result, verdict))
    };
    // A part that can't be read has failed its check above.
    let (offer, item, result, verdict) = read().ok()?;
    if offer.worker != *worker {
        report.disagreements.push(format!("receipts line {line}: the offer was made to another worker"));
    }
    if report.asset.is_empty() {
        report.asset = offer.asset;
    } else if report.asset != offer.asset {
        report.disagreements.push(format!("receipts line {line}: another asset than the lines before"));
    }
    let verdict = verdict.map(|verdict| (Hash::of(&receipt.verdict), verdict));
    let end = receipt.reversal_end.as_deref().and_then(|bytes| cose::peek::<ReversalEnd>(bytes).ok());
    let is_reversed = end.is_some_and(|end| end.ending.is_reversed());
    (report.disagreements.len() == before).then_some(Kept { line, item, result, verdict, is_reversed })
}

fn count(kept: &[Kept], report: &mut Report) {
    for one in kept {
        match &one.result.report {
            Work::Judgment(_) | Work::Flag(_) | Work::Withdrawn => report.judgments += 1,
            Work::Fetch(fetch) => {
                report.fetches += 1;
                let bytes = if fetch.outcome.is_paid() { fetch.body_bytes.get() } else { 0 };
                report.bytes = report.bytes.saturating_add(bytes);
            }
        }
        match &one.verdict {
            Some((_, verdict)) => {
                report.verified += 1;
                // Amounts are below 2^53: two thousand of them fit.
                report.earned = report.earned.saturating_add(verdict.amount.get());
                if one.is_reversed {
                    report.reversed = report.reversed.saturating_add(verdict.amount.get());
                }
            }
            None => report.waiting += 1,
        }
    }
}

fn compare_site(kept: &[Kept], log: &[(usize, Request)], report: &mut Report) {
    for (line, request) in log {
        for (there, name) in
            [(request.had_cookie, "Cookie"), (request.had_origin, "Origin"), (request.had_referer, "Referer")]
        {
            if there {
                report.disagreements.push(format!("site log line {line}: the request carried {name}"));
            }
        }
    }
    let mut unclaimed: BTreeMap<usize, &Request> = log.iter().map(|(line, request)| (*line, request)).collect();
    for one in kept {
        let (Item::Fetch(item), Work::Fetch(fetch)) = (&one.item, &one.result.report) else {
            continue;
        };
        for index in 0..fetch.hops.len() {
            let found = find_hop(item.method, fetch, index, &unclaimed);
            match found {
                Ok(line) => drop(unclaimed.remove(&line)),
                // Nobody answered: the browser may have stopped it before anything was sent.
                Err(_) if fetch.hops.get(index).is_some_and(|hop| hop.status == 0) => {}
                Err(why) => {
                    let receipt = one.line;
                    report.disagreements.push(format!("receipts line {receipt}: hop {}: {why}", index + 1));
                }
            }
        }
    }
    report.requests = Some((log.len() - unclaimed.len()) as u64);
    for line in unclaimed.keys() {
        report.disagreements.push(format!("site log line {line}: the request belongs to no receipt"));
    }
}

/// The access log's line of one hop, or why there is none.
fn find_hop(
    method: Method,
    fetch: &FetchReport,
    index: usize,
    unclaimed: &BTreeMap<usize, &Request>,
) -> Result<usize, &'static str> {
    let hop = fetch.hops.get(index).ok_or("no such hop")?;
    let (host, path) = host_and_path(&hop.url).ok_or("its URL can't be read")?;
    let method_name = match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
    };
    let same_request = |r: &Request| r.method == method_name && r.host == host && r.path == path;
    let mut candidates =
        unclaimed.iter().filter(|(_, r)| same_request(r) && (r.status == hop.status || hop.status == 0)).peekable();
    candidates.peek().ok_or("the site's access log has no such request")?;
    let is_last = index + 1 == fetch.hops.len();
    if !(is_last && fetch.outcome.is_paid() && method == Method::Get) {
        return candidates.next().map(|(line, _)| *line).ok_or("the site's access log has no such request");
    }
    let hash = fetch.body_hash.to_string();
    let same_body =
        |r: &Request| r.body_sha256.as_deref() == Some(hash.as_str()) && r.body_bytes == fetch.body_bytes.get();
    candidates.find(|(_, r)| same_body(r)).map(|(line, _)| *line).ok_or("the site sent another body")
}

/// Host (with its port, if there is one) and path with query of a WHATWG-serialised URL.
fn host_and_path(url: &str) -> Option<(&str, &str)> {
    let (_, rest) = url.split_once("://")?;
    let slash = rest.find('/')?;
    Some(rest.split_at(slash))
}

fn compare_ledger(kept: &[Kept], worker: &PublicKey, ledger: &[(usize, Entry)], report: &mut Report) {
    let accounts = ["pending", "payable", "in_payout", "paid", "reversed"].map(|kind| format!("{kind}:{worker}"));
    let reversed = format!("reversed:{worker}");
    let mut owed: BTreeMap<String, (usize, u64)> = BTreeMap::new();
    for one in kept {
        if let Some((hash, verdict)) = one.verdict.as_ref().filter(|(_, verdict)| verdict.amount.get() > 0) {
            owed.insert(hash.to_string(), (one.line, verdict.amount.get()));
        }
    }
    let (mut earned, mut taken) = (0_i128, 0_i128);
    let mut contested: BTreeMap<String, usize> = kept
        .iter()
        .filter(|one| one.is_reversed)
        .filter_map(|one| Some((one.verdict.as_ref()?.0.to_string(), one.line)))
        .collect();
    for (line, entry) in ledger {
        let of_reversed = entry.postings.iter().filter(|p| p.account == reversed);
        let here: i128 = of_reversed.map(|p| i128::from(p.delta)).sum();
        taken += here;
        if here != 0 && (entry.cause != "reversed" || contested.remove(&entry.about).is_none()) {
            report.disagreements.push(format!(
                "ledger line {line}: entry {} reverses {here} of this worker's without a receipt that says so",
                entry.number
            ));
        }
        if entry.postings.iter().map(|p| i128::from(p.delta)).sum::<i128>() != 0 {
            report.disagreements.push(format!("ledger line {line}: entry {} does not sum to zero", entry.number));
        }
        let mine = entry.postings.iter().filter(|p| accounts.contains(&p.account));
        let change: i128 = mine.map(|p| i128::from(p.delta)).sum();
        if change == 0 {
            continue;
        }
        earned += change;
        let receipt = if entry.cause == "verdict" { owed.remove(&entry.about) } else { None };
        match receipt {
            None => report.disagreements.push(format!(
                "ledger line {line}: entry {} moves {change} for this worker without a receipt, or a second time",
                entry.number
            )),
            Some((receipt, amount)) if i128::from(amount) != change => report.disagreements.push(format!(
                "ledger line {line}: entry {} credits {change}, but the verdict on receipts line {receipt} says {amount}",
                entry.number
            )),
            Some(_) => {}
        }
    }
    for (line, amount) in owed.values() {
        report.disagreements.push(format!("receipts line {line}: the ledger never credited its {amount}"));
    }
    for line in contested.values() {
        report.disagreements.push(format!("receipts line {line}: the ledger never reversed what its verdict paid"));
    }
    if taken != i128::from(report.reversed) {
        let line = format!("the receipts say that {} was reversed, the ledger {taken}", report.reversed);
        report.disagreements.push(line);
    }
    if earned != i128::from(report.earned) {
        let line = format!("the receipts add up to {}, the ledger to {earned}", report.earned);
        report.disagreements.push(line);
    }
    report.ledger_earned = u64::try_from(earned).ok();
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(i, line)| (i + 1, line)).filter(|(_, line)| !line.trim().is_empty())
}

fn read_lines<'t, T: Deserialize<'t>>(text: &'t str, what: &str) -> Result<Vec<(usize, T)>, String> {
    numbered(text)
        .map(|(number, line)| {
            serde_json::from_str(line).map(|read| (number, read)).map_err(|e| format!("{what} line {number}: {e}"))
        })
        .collect()
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
