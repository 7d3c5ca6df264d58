//! Everything that this browser keeps about its person, as one file that is read without Lull (`docs/activity.md`
//! describes it): what to ask the background for, one piece after the other, and the JSON that comes of it.
//!
//! The secret key is in no answer of the background, so it can't be in the file.

mod parts;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use lull_protocol::Hash;

use crate::activity::{ActivityPage, Find, PAGE_MAX, json_line, json_text};
use crate::{ActivityState, Command, Reply, View, WalletPage, iso_8601};
use parts::{Object, list};

/// The file's format.
pub const EVERYTHING_FORMAT: &str = "lull-everything-1";
/// What isn't in it, in the file's own words.
const LEFT_OUT: [&str; 4] = [
    "The secret key: who has it can work as you. It is in a backup, which a passphrase opens.",
    "Work under way that has no result yet, and bodies of pages on their way to the coordinator: they are others' content.",
    "Which practices you have done: kept as hashes of theirs.",
    "Payouts older than the newest ones: the coordinator keeps them, and the page of the wallet saves them.",
];

/// What the page knows that saves it.
#[derive(Clone, Debug)]
pub struct About {
    /// When it was saved, milliseconds since 1970.
    pub saved_at: u64,
    /// Lull's version.
    pub version: String,
    /// What the pages themselves keep: names and values.
    pub pages: Vec<(String, String)>,
    /// The local date of a time, `2026-10-05`.
    pub local_date: fn(u64) -> String,
}

/// The file in the making.
#[derive(Debug)]
pub struct Everything {
    about: About,
    clock_ahead_ms: i64,
    /// All that was in the view.
    head: String,
    you: String,
    days: String,
    wallet: String,
    log: Vec<String>,
    unreadable: u64,
    answers: Vec<String>,
    receipts: Vec<String>,
    /// Offers in the log of which the last word isn't said; then their lines.
    open: Vec<String>,
    waiting: Vec<String>,
    /// Offers of the receipts that are in it: one may move to where it is kept while the file is made.
    seen: BTreeSet<Hash>,
}

impl Everything {
    /// Begins with what is on screen. The first question to the background follows.
    pub fn begin(view: &View, about: About) -> (Self, Command) {
        let everything = Self {
            head: parts::head(view, &about),
            clock_ahead_ms: view.diagnostics.clock_ahead_ms,
            about,
            you: String::new(),
            days: String::new(),
            wallet: String::new(),
            log: Vec::new(),
            unreadable: 0,
            answers: Vec::new(),
            receipts: Vec::new(),
            open: Vec::new(),
            waiting: Vec::new(),
            seen: BTreeSet::new(),
        };
        (everything, Command::ShowYou)
    }

    /// Takes an answer. What to ask next; `None`: it is whole. An error in the background's words, or none, if it
    /// answered something else.
    pub fn take(&mut self, reply: &Reply) -> Result<Option<Command>, String> {
        Ok(Some(match reply {
            Reply::You { you } => {
                self.you = parts::you(you);
                Command::ListDays
            }
            Reply::Days { days } => {
                self.days = list(days.iter().map(parts::day));
                Command::ShowWallet
            }
            Reply::Wallet { page } => {
                let page: WalletPage = crate::cbor::read(page).map_err(|error| error.to_string())?;
                self.wallet = parts::wallet(&page, self.clock_ahead_ms, self.about.local_date);
                find(None)
            }
            Reply::Activities { page } => {
                self.take_log(page);
                page.next.map_or(Command::Export, |next| find(Some(next)))
            }
            Reply::Export { jsonl } => {
                self.take_receipts(jsonl);
                Command::ExportKept { before: None }
            }
            Reply::ExportKept { jsonl, next } => {
                self.take_receipts(jsonl);
                match *next {
                    Some(next) => Command::ExportKept { before: Some(next) },
                    None => return Ok(self.next_open()),
                }
            }
            Reply::Receipt { receipt } => {
                if let Some(receipt) = receipt {
                    self.take_waiting(&parts::line(receipt));
                }
                return Ok(self.next_open());
            }
            Reply::Failed { error } => return Err(error.clone()),
            _ => return Err(String::new()),
        }))
    }

    /// Lines of the log so far.
    pub fn entries(&self) -> u64 {
        self.log.len() as u64
    }

    /// Receipts so far.
    pub fn receipts(&self) -> u64 {
        self.seen.len() as u64
    }

    /// Its name, by the local date.
    pub fn name(&self) -> String {
        format!("lull-everything-{}.json", (self.about.local_date)(self.about.saved_at))
    }

    /// Its text, in pieces.
    pub fn finish(self) -> Vec<String> {
        let mut out = vec![self.head];
        for (name, value) in [("how_you_fare", self.you), ("days", self.days), ("wallet", self.wallet)] {
            out.push(format!(",\n\"{name}\":{value}"));
        }
        out.push(format!(",\n\"log_unreadable\":{}", self.unreadable));
        for (name, lines) in
            [("log", self.log), ("answers", self.answers), ("receipts", self.receipts), ("waiting", self.waiting)]
        {
            out.push(format!(",\n\"{name}\":["));
            for (index, line) in lines.into_iter().enumerate() {
                out.push(format!("{}{line}", if index == 0 { "\n" } else { ",\n" }));
            }
            out.push("\n]".to_owned());
        }
        out.push("\n}\n".to_owned());
        out
    }

    /// What has no verdict is in no export, but it can be opened.
    fn next_open(&mut self) -> Option<Command> {
        let offer = self.open.pop()?;
        Some(Command::OpenReceipt { offer, change: None })
    }

    fn take_waiting(&mut self, line: &str) {
        if let Some(signed) = parts::Signed::read(line)
            && self.seen.insert(signed.offer_hash())
        {
            self.answers.extend(signed.in_words());
            self.waiting.push(line.to_owned());
        }
    }

    fn take_log(&mut self, page: &ActivityPage) {
        let is_open = |state| {
            use ActivityState::{Appealed, Contested, Sending, Waiting};
            matches!(state, Sending | Waiting | Contested | Appealed)
        };
        let open = page.entries.iter().filter(|entry| is_open(entry.activity.state));
        self.open.extend(open.map(|entry| entry.activity.offer.clone()));
        self.unreadable = self.unreadable.saturating_add(page.unreadable);
        self.log.extend(page.entries.iter().map(|entry| json_line(entry, &iso_8601(entry.activity.at))));
    }

    /// Lines as they are in the file of receipts, so that whoever checks that one can check this one.
    fn take_receipts(&mut self, jsonl: &str) {
        for line in jsonl.lines() {
            match parts::Signed::read(line) {
                Some(signed) if self.seen.insert(signed.offer_hash()) => {
                    self.answers.extend(signed.in_words());
                    self.receipts.push(line.to_owned());
                }
                // It came before.
                Some(_) => {}
                // The first line, which says whose they are.
                None => self.receipts.push(line.to_owned()),
            }
        }
    }
}

fn find(before: Option<u64>) -> Command {
    Command::FindActivities(Find { before, limit: PAGE_MAX, ..Find::default() })
}

/// Texts as a list of JSON.
fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    list(texts.map(|text| {
        let mut out = String::new();
        json_text(text, &mut out);
        out
    }))
}

/// The names and values of the pages' own store.
fn pages(about: &About) -> String {
    about.pages.iter().fold(Object::default(), |object, (name, value)| object.text(name, value)).end()
}
