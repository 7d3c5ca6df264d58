//! What the log says while commits fail: the first failure at once and in words, then a count now and then,
//! and a word when it is over. A disk that is full fails a commit for every worker that tries; a log on the
//! same disk must not grow by each.

use std::time::{Duration, Instant};

use lull_store::StoreError;

use crate::limits::{TROUBLE_CALM_MS, TROUBLE_SAID_MS};

/// Commits that fail.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Option<Spell>);

#[derive(Debug)]
struct Spell {
    said: Instant,
    last: Instant,
    failed: u64,
}

/// What to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Nothing,
    Failed(u64),
    Over(u64),
}

impl Trouble {
    /// A commit failed.
    pub(crate) fn failed(&mut self, error: &StoreError) {
        if let Word::Failed(failed) = self.note(false, Instant::now()) {
            let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, cause, failed, "a commit failed; results wait with their workers, buyers get 503");
        }
    }

    /// A commit succeeded.
    pub(crate) fn passed(&mut self) {
        if let Word::Over(failed) = self.note(true, Instant::now()) {
            tracing::info!(failed, "commits succeed again");
        }
    }

    fn note(&mut self, passed: bool, now: Instant) -> Word {
        let since = |at: Instant| now.saturating_duration_since(at);
        match (&mut self.0, passed) {
            (None, true) => Word::Nothing,
            (None, false) => {
                self.0 = Some(Spell { said: now, last: now, failed: 1 });
                Word::Failed(1)
            }
            // Small commits may still find room while large ones don't: one success is not the end.
            (Some(spell), true) if since(spell.last) < Duration::from_millis(TROUBLE_CALM_MS) => Word::Nothing,
            (Some(spell), true) => {
                let failed = spell.failed;
                self.0 = None;
                Word::Over(failed)
            }
            (Some(spell), false) => {
                spell.failed += 1;
                spell.last = now;
                if since(spell.said) < Duration::from_millis(TROUBLE_SAID_MS) {
                    return Word::Nothing;
                }
                spell.said = now;
                Word::Failed(spell.failed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_failures_are_a_few_lines_and_the_end_is_one() {
        let mut trouble = Trouble::default();
        let began = Instant::now();
        let mut said = Vec::new();
        let mut note = |ms: u64, passed: bool| {
            let word = trouble.note(passed, began + Duration::from_millis(ms));
            if word != Word::Nothing {
                said.push((ms, word));
            }
        };
        note(0, true);
        for ms in 1..=1_000 {
            note(ms * 100, ms % 3 == 0);
        }
        let calm = 100_000 + TROUBLE_CALM_MS;
        note(calm, true);
        note(calm + 1, true);
        note(calm + 2, false);
        let failed = |ms: u64| ms / 100 - ms / 300;
        let expected = [
            (100, Word::Failed(1)),
            (100 + TROUBLE_SAID_MS, Word::Failed(failed(100 + TROUBLE_SAID_MS))),
            (calm, Word::Over(failed(100_000))),
            (calm + 2, Word::Failed(1)),
        ];
        assert_eq!(said, expected);
    }
}
