//! A witness: what one worker sent and heard, in its own words on its own disk. It reads frames at the
//! socket and knows nothing of the worker machine or its storage, so it can be held against both.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use data_encoding::BASE64;
use lull_protocol::message::Message as _;
use lull_protocol::statement::WorkResult;
use lull_protocol::{Hash, ToCoordinator, ToWorker, cose};
use lull_view::{Link, Notice};
use serde::{Deserialize, Serialize};

/// One line: hashes in hexadecimal, statements in base64, amounts in base units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// A signed result went out.
    Sent {
        /// Its offer.
        offer: String,
        /// Its hash.
        result: String,
    },
    /// The coordinator said that this result is durable.
    Acked {
        /// Its offer.
        offer: String,
        /// Its hash.
        result: String,
    },
    /// The coordinator refused something.
    Refused {
        /// The offer.
        offer: String,
        /// Why.
        code: String,
    },
    /// A verdict came.
    Verdict {
        /// Its number in this worker's row.
        number: u64,
        /// As it was signed.
        statement: String,
    },
    /// The account, as the coordinator told it.
    Account {
        /// All that was ever earned.
        earned: u64,
        /// Still open to dispute.
        pending: u64,
        /// Final.
        payable: u64,
    },
    /// How the worker stands; for whoever waits for it.
    State {
        /// The connection's state.
        link: Link,
        /// Results that are not acknowledged.
        outbox: u32,
        /// The notice that the person sees.
        notice: Option<Notice>,
    },
}

/// The file, and the same lines on stdout for whoever watches.
pub struct Journal {
    file: File,
    sent: BTreeMap<Hash, Hash>,
}

impl Journal {
    /// Goes on with a file, or makes it. A line that a kill cut short stays behind as one that ends nowhere.
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let mut file = file.with_context(|| path.display().to_string())?;
        if std::fs::read(path)?.last().is_some_and(|byte| *byte != b'\n') {
            file.write_all(b"\n")?;
        }
        Ok(Self { file, sent: BTreeMap::new() })
    }

    /// A frame came; called before the machine sees it.
    pub fn heard(&mut self, frame: &[u8]) -> Result<()> {
        let Ok(message) = ToWorker::from_frame(frame) else { return Ok(()) };
        let (line, must_last) = match message {
            ToWorker::Ack { offer, result } => {
                (Line::Acked { offer: offer.to_string(), result: result.to_string() }, true)
            }
            ToWorker::Verdict { number, statement } => {
                (Line::Verdict { number, statement: BASE64.encode(&statement) }, true)
            }
            ToWorker::Account { earned, pending, payable, .. } => {
                (Line::Account { earned: earned.get(), pending: pending.get(), payable: payable.get() }, false)
            }
            ToWorker::Refused { about: Some(offer), code } => {
                (Line::Refused { offer: offer.to_string(), code: format!("{code:?}") }, false)
            }
            _ => return Ok(()),
        };
        self.write(&line, must_last)
    }

    /// A frame goes out; called before the socket has it. A result that is sent again is not written again.
    pub fn says(&mut self, frame: &[u8]) -> Result<()> {
        let Ok(ToCoordinator::Result { statement }) = ToCoordinator::from_frame(frame) else { return Ok(()) };
        let offer = cose::peek::<WorkResult>(&statement).context("a result of our own")?.offer;
        let result = Hash::of(&statement);
        if self.sent.insert(offer, result) == Some(result) {
            return Ok(());
        }
        self.write(&Line::Sent { offer: offer.to_string(), result: result.to_string() }, true)
    }

    /// Writes a line; one that must last is on the disk when this returns.
    pub fn write(&mut self, line: &Line, must_last: bool) -> Result<()> {
        let text = serde_json::to_string(line)?;
        self.file.write_all(format!("{text}\n").as_bytes()).context("the journal")?;
        if must_last {
            self.file.sync_data().context("the journal")?;
        }
        println!("{text}");
        Ok(())
    }
}
