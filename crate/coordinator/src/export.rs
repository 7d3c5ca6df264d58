//! `export` and `check`: what an auditor reads, from the database itself, while the server runs or not.

use std::io::{self, Write};
use std::path::Path;

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
    /// Appeals without a decision, those that came first.
    Appeals,
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

/// Writes the appeals that wait for a decision, or the projects that are paused, one JSON object per line.
pub fn waiting(database: &Path, what: Waiting, out: &mut impl Write) -> Result<(), ExportError> {
    let reader = Reader::open(database)?;
    let lines: Vec<Value> = match what {
        Waiting::Appeals => reader.appeals(APPEALS_SHOWN_MAX)?.iter().map(lines::appeal).collect(),
        Waiting::Paused => reader.paused()?.iter().map(lines::paused).collect(),
    };
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

/// Recomputes the ledger.
pub fn check(database: &Path) -> Result<LedgerCheck, StoreError> {
    Reader::open(database)?.check_ledger()
}
