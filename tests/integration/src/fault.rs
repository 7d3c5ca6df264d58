//! The faults, one world for each kind.

mod disk;
mod freeze;
mod kill;
mod line;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::buyer::Appetite;
use crate::process::Programs;
use crate::world::{Ending, Plan};

/// What a run is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// All of it, not a slice.
    pub(crate) long: bool,
    /// What everything is drawn from.
    pub(crate) seed: u64,
}

impl Run {
    /// One number for a slice, another for the whole.
    fn pick<T>(self, slice: T, whole: T) -> T {
        if self.long { whole } else { slice }
    }

    /// A world of some workers under load.
    fn plan(self) -> Plan {
        Plan {
            workers: self.pick(5, 8),
            appetite: Appetite { pages: 10, questions: 10, page_bytes_max: 150_000 },
            lease_ms: self.pick(8_000, 20_000),
            disk_bytes: None,
            worker_disk_bytes: None,
            proxied: false,
            seed: self.seed,
        }
    }
}

/// How often one kind of fault happened, and what followed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    /// In words.
    pub(crate) fault: String,
    /// How often.
    pub(crate) times: u64,
    /// The longest time from the end of the fault to the next acknowledgement; `None` where service went on.
    pub(crate) outage: Option<Duration>,
}

impl Row {
    fn new(fault: &str) -> Self {
        Self { fault: fault.to_owned(), ..Self::default() }
    }

    /// Once more, with the time until service was back.
    fn count(&mut self, outage: Duration) {
        self.times += 1;
        self.outage = self.outage.max(Some(outage));
    }
}

/// What a world of faults came to.
pub(crate) struct Outcome {
    /// Per kind.
    pub(crate) rows: Vec<Row>,
    /// Books and logs.
    pub(crate) ending: Ending,
    /// What a line of level ERROR may say here.
    pub(crate) errors_allowed: &'static [&'static str],
}

/// One world of faults.
pub(crate) enum Kind {
    Kill,
    Disk,
    Freeze,
    Line,
}

impl Kind {
    /// Each, by its name.
    pub(crate) const ALL: [(&'static str, Self); 4] =
        [("kill", Self::Kill), ("disk", Self::Disk), ("freeze", Self::Freeze), ("line", Self::Line)];

    /// Runs it.
    pub(crate) async fn run(&self, programs: &Programs, folder: &Path, run: Run) -> Result<Outcome> {
        match self {
            Self::Kill => kill::run(programs, folder, run).await,
            Self::Disk => disk::run(programs, folder, run).await,
            Self::Freeze => freeze::run(programs, folder, run).await,
            Self::Line => line::run(programs, folder, run).await,
        }
    }
}

/// One line of progress.
fn say(line: &str) {
    println!("· {line}");
}
