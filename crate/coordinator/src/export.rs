//! `export` and `check`: what an auditor reads, from the database itself, while the server runs or not.

use std::io::{self, Write};
use std::path::Path;

use lull_protocol::OrderId;
use lull_store::{LedgerCheck, Reader, StoreError};
use serde_json::Value;
use thiserror::Error;

use crate::limits::{APPEALS_SHOWN_MAX, PAGE_LINES_MAX};
use crate::lines;

/// What can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// Every entry of the ledger.
    Ledger,
    /// Every receipt.
    Receipts,
    /// Every flag that the operator must look at: harmful, personal data, CAPTCHA, illegal.
    Flags,
}

/// What waits for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Appeals without a decision, those that came first, after one of them.
    Appeals {
        /// The number of the last one that was shown.
        after: u64,
    },
    /// Answers of a project that are rejected and have no verdict, by their items.
    Rejected(OrderId),
    /// Money that is contested, that first which was contested first.
    Reversals,
    /// Projects that lease nothing more.
    Paused,
}

/// Why an export stopped.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output.
    #[error("writing the lines")]
    Output(#[from] io::Error),
}

/// Writes all there is, one JSON object per line, oldest first.
pub fn export(database: &Path, what: What, out: &mut impl Write) -> Result<(), ExportError> {
    let reader = Reader::open(database)?;
    let mut after = 0;
    loop {
        let page: Vec<(u64, Value)> = match what {
            What::Ledger => {
                reader.ledger(after, PAGE_LINES_MAX)?.iter().map(|row| (row.id, lines::entry(row))).collect()
            }
            What::Receipts => {
                reader.receipts(after, PAGE_LINES_MAX)?.iter().map(|row| (row.number, lines::receipt(row))).collect()
            }
            What::Flags => {
                let rows = reader.flags_for_the_operator(after, PAGE_LINES_MAX)?;
                rows.iter().map(|row| (row.number, lines::flag_of_any(row))).collect()
            }
        };
        let Some((last, _)) = page.last() else {
            return Ok(out.flush()?);
        };
        after = *last;
        for (_, line) in &page {
            writeln!(out, "{line}")?;
        }
    }
}

/// Writes what waits, one JSON object per line. If more appeals do than are shown at once: how many, and the number
/// after which they come.
pub fn waiting(database: &Path, what: Waiting, out: &mut impl Write) -> Result<Option<(u64, u64)>, ExportError> {
    let reader = Reader::open(database)?;
    let mut left = None;
    let lines: Vec<Value> = match what {
        Waiting::Appeals { after } => {
            let rows = reader.appeals_after(after, APPEALS_SHOWN_MAX)?;
            if let Some(last) = rows.last() {
                left = Some((reader.appeals_left(last.number)?, last.number)).filter(|(count, _)| *count > 0);
            }
            // Appeals about money are few, and are shown with the first page.
            let contested = if after == 0 { reader.open_reversals(APPEALS_SHOWN_MAX)? } else { vec![] };
            let contested = contested.iter().filter(|row| row.appeal.is_some()).map(lines::reversal);
            contested.chain(rows.iter().map(lines::rejected)).collect()
        }
        Waiting::Rejected(order) => rejected(&reader, &order)?,
        Waiting::Reversals => reader.open_reversals(APPEALS_SHOWN_MAX)?.iter().map(lines::reversal).collect(),
        Waiting::Paused => reader.paused()?.iter().map(lines::paused).collect(),
    };
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(left)
}

fn rejected(reader: &Reader, order: &OrderId) -> Result<Vec<Value>, StoreError> {
    let (mut lines, mut after) = (Vec::new(), 0);
    loop {
        let page = reader.waiting_answers(order, after, PAGE_LINES_MAX)?;
        let Some(last) = page.last() else { return Ok(lines) };
        after = last.number;
        lines.extend(page.iter().filter(|row| row.rejection.is_some()).map(lines::rejected));
    }
}

/// Recomputes the ledger.
pub fn check(database: &Path) -> Result<LedgerCheck, StoreError> {
    Reader::open(database)?.check_ledger()
}
