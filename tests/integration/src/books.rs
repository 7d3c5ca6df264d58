//! Two sets of books, held against each other: what the coordinator exports, and what each worker wrote down
//! itself of what it sent and heard. Pure: texts in, what doesn't agree out.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use data_encoding::BASE64;
use lull_native::Line;
use lull_protocol::receipt::Receipt;
use lull_protocol::{Hash, PublicKey};
use serde::Deserialize;

/// What does not agree, in one line each, by what it means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Acknowledgements that were compared.
    pub(crate) acknowledged: u64,
    /// Acknowledged, and the coordinator's books have it no more.
    pub(crate) lost: Vec<String>,
    /// More than one result for an offer, or more than one credit for a result.
    pub(crate) twice: Vec<String>,
    /// Everything else that differs.
    pub(crate) wrong: Vec<String>,
}

impl Findings {
    /// Every line.
    pub(crate) fn all(&self) -> impl Iterator<Item = &String> {
        self.lost.iter().chain(&self.twice).chain(&self.wrong)
    }
}

/// The coordinator's exports.
#[derive(Clone, Debug)]
pub(crate) struct Books {
    /// Its key.
    pub(crate) coordinator: PublicKey,
    /// In the order of their verdicts.
    pub(crate) receipts: Vec<Row>,
    /// The ledger.
    pub(crate) entries: Vec<Entry>,
}

/// One exported receipt.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    worker: String,
    number: u64,
    /// As it was signed.
    pub(crate) receipt: Receipt,
}

/// One entry of the ledger.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Entry {
    number: u64,
    /// Why.
    pub(crate) cause: String,
    about: String,
    /// They sum to zero.
    pub(crate) postings: Vec<Posting>,
}

/// One line of an entry.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Posting {
    account: String,
    /// Base units.
    pub(crate) delta: i64,
}

/// What one worker has.
#[derive(Clone, Debug)]
pub(crate) struct WorkerBooks {
    /// Its name in this run.
    pub(crate) name: String,
    /// What it sent and heard, all its lives long.
    pub(crate) journal: Vec<Line>,
    /// Its key, and the receipts it holds.
    pub(crate) key: String,
    /// By offer: result and verdict as they were signed.
    pub(crate) receipts: BTreeMap<Hash, (Vec<u8>, Option<Vec<u8>>)>,
}

#[derive(Deserialize)]
struct RowText {
    worker: String,
    worker_number: u64,
    item: String,
    offer: String,
    result: String,
    verdict: String,
    rejection: Option<String>,
    appeal: Option<String>,
    reversal: Option<String>,
    reversal_end: Option<String>,
}

impl Books {
    /// From `lull-coordinator export receipts` and `… export ledger`.
    pub(crate) fn read(coordinator: PublicKey, receipts: &str, ledger: &str) -> Result<Self> {
        let row = |line| -> Result<Row> {
            let row: RowText = serde_json::from_str(line)?;
            let (item, offer) = (base64(&row.item)?, base64(&row.offer)?);
            let (result, verdict) = (base64(&row.result)?, base64(&row.verdict)?);
            let perhaps = |part: &Option<String>| part.as_deref().map(base64).transpose();
            let (rejection, appeal) = (perhaps(&row.rejection)?, perhaps(&row.appeal)?);
            let (reversal, reversal_end) = (perhaps(&row.reversal)?, perhaps(&row.reversal_end)?);
            let receipt = Receipt { item, offer, result, verdict, rejection, appeal, reversal, reversal_end };
            Ok(Row { worker: row.worker, number: row.worker_number, receipt })
        };
        let receipts = receipts.lines().map(row).collect::<Result<_>>().context("the exported receipts")?;
        let entries = ledger.lines().map(|line| Ok(serde_json::from_str(line)?)).collect::<Result<_>>();
        Ok(Self { coordinator, receipts, entries: entries.context("the exported ledger")? })
    }
}

impl WorkerBooks {
    /// From a journal and the worker's own export of its receipts. A line of the journal that a kill cut short
    /// says nothing.
    pub(crate) fn read(name: &str, journal: &str, receipts: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            worker: String,
        }
        #[derive(Deserialize)]
        struct Own {
            offer: String,
            result: String,
            verdict: Option<String>,
        }
        let journal = journal.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let mut lines = receipts.lines();
        let head: Head = serde_json::from_str(lines.next().context("an empty export")?)?;
        let mut held = BTreeMap::new();
        for line in lines {
            let own: Own = serde_json::from_str(line).with_context(|| format!("{name}: its receipts"))?;
            let verdict = own.verdict.as_deref().map(base64).transpose()?;
            held.insert(Hash::of(&base64(&own.offer)?), (base64(&own.result)?, verdict));
        }
        Ok(Self { name: name.to_owned(), journal, key: head.worker, receipts: held })
    }
}

/// The part of the books that is about one worker.
pub(crate) fn about(books: &Books, worker: &WorkerBooks) -> Books {
    let mut books = books.clone();
    books.receipts.retain(|row| row.worker == worker.key);
    let mine = |entry: &Entry| entry.postings.iter().any(|posting| posting.account.ends_with(&worker.key));
    // What was paid in comes first, so that no balance is negative for what is left out.
    books.entries.retain(|entry| mine(entry) || ["deposit", "order"].contains(&entry.cause.as_str()));
    books
}

fn base64(text: &str) -> Result<Vec<u8>> {
    BASE64.decode(text.as_bytes()).context("not base64")
}

/// Compares everything with everything.
pub(crate) fn compare(books: &Books, workers: &[WorkerBooks]) -> Findings {
    let mut findings = Findings::default();
    let amounts = check_receipts(books, workers, &mut findings);
    check_ledger(books, &amounts, &mut findings);
    for worker in workers {
        check_worker(books, worker, &mut findings);
    }
    findings
}

/// Each exported receipt holds by itself, one per offer, and is of a result that its worker sent. Gives what
/// each pays, in their order.
fn check_receipts(books: &Books, workers: &[WorkerBooks], findings: &mut Findings) -> Vec<u64> {
    let mut sent: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
    for worker in workers {
        let mut first: BTreeMap<&str, &str> = BTreeMap::new();
        for line in &worker.journal {
            let Line::Sent { offer, result } = line else { continue };
            sent.insert((&worker.key, offer, result));
            if *first.entry(offer).or_insert(result) != result {
                findings.wrong.push(format!("{}: two different results were signed for offer {offer}", worker.name));
            }
        }
    }
    let (mut offers, mut amounts) = (BTreeSet::new(), Vec::new());
    for row in &books.receipts {
        let (offer, result) = (Hash::of(&row.receipt.offer), Hash::of(&row.receipt.result));
        let verified = row.receipt.verify(&books.coordinator);
        if let Err(failed) = &verified {
            findings.wrong.push(format!("the receipt of offer {offer} does not hold: {failed:?}"));
        }
        amounts.push(verified.map(|verified| verified.verdict.payload().amount.get()).unwrap_or(0));
        if !offers.insert(offer) {
            findings.twice.push(format!("offer {offer} has more than one result"));
        }
        if !sent.contains(&(row.worker.as_str(), offer.to_string().as_str(), result.to_string().as_str())) {
            findings.wrong.push(format!("result {result} has a verdict, and its worker never sent it"));
        }
    }
    amounts
}

/// Every entry sums to zero; each verdict that pays was credited once, with its amount; nothing is negative.
fn check_ledger(books: &Books, amounts: &[u64], findings: &mut Findings) {
    let mut balances: BTreeMap<&str, i64> = BTreeMap::new();
    let mut credits: BTreeMap<&str, Vec<(&str, i64)>> = BTreeMap::new();
    for entry in &books.entries {
        if entry.postings.iter().map(|posting| posting.delta).sum::<i64>() != 0 {
            findings.wrong.push(format!("ledger entry {} does not sum to zero", entry.number));
        }
        for posting in &entry.postings {
            let balance = balances.entry(&posting.account).or_default();
            *balance += posting.delta;
            if *balance < 0 && posting.account != "deposits" {
                findings.wrong.push(format!("{} is negative after entry {}", posting.account, entry.number));
            }
            if entry.cause == "verdict" && posting.account.starts_with("pending:") {
                credits.entry(&entry.about).or_default().push((&posting.account, posting.delta));
            }
        }
    }
    for (row, amount) in books.receipts.iter().zip(amounts.iter().copied()) {
        let verdict = Hash::of(&row.receipt.verdict).to_string();
        let paid = credits.remove(verdict.as_str()).unwrap_or_default();
        let expected = i64::try_from(amount).unwrap_or(i64::MAX);
        match paid.as_slice() {
            [] if amount == 0 => {}
            [(account, delta)] if *delta == expected && account.ends_with(&row.worker) => {}
            [] => findings.lost.push(format!("verdict {verdict} of {amount} was never credited")),
            [_] => findings.wrong.push(format!("verdict {verdict} of {amount} was credited as {paid:?}")),
            _ => findings.twice.push(format!("verdict {verdict} of {amount} was credited {} times", paid.len())),
        }
    }
    for (verdict, paid) in credits {
        findings.wrong.push(format!("a credit without a receipt: verdict {verdict}, {paid:?}"));
    }
}

/// What a worker heard and holds is what the coordinator has.
fn check_worker(books: &Books, worker: &WorkerBooks, findings: &mut Findings) {
    let name = &worker.name;
    let mine: Vec<&Row> = books.receipts.iter().filter(|row| row.worker == worker.key).collect();
    let by_offer: BTreeMap<String, &Row> =
        mine.iter().map(|row| (Hash::of(&row.receipt.offer).to_string(), *row)).collect();
    let by_number: BTreeMap<u64, &Row> = mine.iter().map(|row| (row.number, *row)).collect();
    if by_number.len() != mine.len() || by_number.keys().copied().ne(1..=mine.len() as u64) {
        findings.wrong.push(format!("{name}: the numbers of its verdicts are not 1 to {}", mine.len()));
    }
    let (mut acked, mut account) = (BTreeMap::new(), None);
    for line in &worker.journal {
        match line {
            Line::Acked { offer, result } => {
                if acked.insert(offer.clone(), result.clone()).is_some_and(|before| before != *result) {
                    findings.wrong.push(format!("{name}: two different results of offer {offer} were acknowledged"));
                }
            }
            Line::Verdict { number, statement } => {
                let here = by_number.get(number).map(|row| BASE64.encode(&row.receipt.verdict));
                if here.as_ref() != Some(statement) {
                    findings.lost.push(format!("{name}: verdict {number} that it was given is not in the books"));
                }
            }
            Line::Account { earned, pending, payable } => account = Some((*earned, *pending, *payable)),
            Line::Sent { .. } | Line::Refused { .. } | Line::State { .. } => {}
        }
    }
    findings.acknowledged += acked.len() as u64;
    for (offer, result) in &acked {
        match by_offer.get(offer).map(|row| Hash::of(&row.receipt.result).to_string()) {
            None => findings.lost.push(format!("{name}: the acknowledged result of offer {offer} is not in the books")),
            Some(stored) if stored != *result => {
                findings
                    .lost
                    .push(format!("{name}: offer {offer}: {result} was acknowledged, the books have {stored}"));
            }
            Some(_) => {}
        }
    }
    check_account(books, worker, account, findings);
    check_held(worker, &by_offer, findings);
}

/// The last account that a worker was told is the ledger's.
fn check_account(books: &Books, worker: &WorkerBooks, told: Option<(u64, u64, u64)>, findings: &mut Findings) {
    let balance = |kind: &str| -> i64 {
        let account = format!("{kind}:{}", worker.key);
        let postings = books.entries.iter().flat_map(|entry| &entry.postings);
        postings.filter(|posting| posting.account == account).map(|posting| posting.delta).sum()
    };
    let (pending, payable) = (balance("pending"), balance("payable"));
    let told = told.map(|(earned, pending, payable)| (i128::from(earned), i128::from(pending), i128::from(payable)));
    let here = (i128::from(pending) + i128::from(payable), i128::from(pending), i128::from(payable));
    if told.is_none_or(|told| told != here) {
        let name = &worker.name;
        findings
            .wrong
            .push(format!("{name}: it was told (earned, pending, payable) {told:?}, the ledger says {here:?}"));
    }
}

/// The worker's own receipts are the coordinator's, every one.
fn check_held(worker: &WorkerBooks, by_offer: &BTreeMap<String, &Row>, findings: &mut Findings) {
    let name = &worker.name;
    for (offer, (result, verdict)) in &worker.receipts {
        match by_offer.get(&offer.to_string()) {
            Some(row) if row.receipt.result == *result && Some(&row.receipt.verdict) == verdict.as_ref() => {}
            Some(_) => findings.wrong.push(format!("{name}: its receipt of offer {offer} is not the coordinator's")),
            None => findings.lost.push(format!("{name}: its receipt of offer {offer} is not in the books")),
        }
    }
    for (offer, row) in by_offer {
        if !worker.receipts.contains_key(&Hash::of(&row.receipt.offer)) {
            findings.wrong.push(format!("{name}: it does not hold the receipt of offer {offer}"));
        }
    }
}

#[cfg(test)]
#[path = "books_tests.rs"]
mod tests;
