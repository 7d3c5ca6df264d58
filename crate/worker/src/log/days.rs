//! How far the log goes back, and what each day came to.

use std::ops::Range;

use lull_protocol::{Timestamp, fields};
use lull_view::DayTotals;

use crate::limits;

/// The record `days`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DaysRecord {
    /// The lowest number that the log may hold.
    pub(crate) first: u64,
    /// Above the highest.
    pub(crate) next: u64,
    /// What has a lower number is to go.
    goal: u64,
    /// The oldest first; what has a lower number than the first row's is of unknown age and goes with it.
    rows: Vec<DayRow>,
}
fields!(DaysRecord { 0 first, 1 next, 2 goal, 3 rows });

/// One day.
#[derive(Clone, Debug, PartialEq, Eq)]
struct DayRow {
    /// When it began, coordinator's clock.
    start: Timestamp,
    /// The first number of the day.
    from: u64,
    fetches: u64,
    judgments: u64,
    received: u64,
    sent: u64,
    earned: u64,
    /// What the log and the kept receipts of this day take, about.
    stored: u64,
}
fields!(DayRow { 0 start, 1 from, 2 fetches, 3 judgments, 4 received, 5 sent, 6 earned, 7 stored });

/// What a piece of work adds to its day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) fetches: u64,
    pub(crate) judgments: u64,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

impl DaysRecord {
    /// Whether rows are in order, as this machine writes them.
    pub(crate) fn is_sound(&self) -> bool {
        let pairs = self.rows.iter().zip(self.rows.iter().skip(1));
        let is_ordered = pairs.into_iter().all(|(a, b)| a.start < b.start && a.from <= b.from);
        is_ordered && self.rows.len() <= limits::DAY_ROWS_MAX && self.first <= self.next && self.goal <= self.next
    }

    /// The day that begins at `start` is today: a new row, unless the last one is the same day, seen from another
    /// time zone or by a clock that was set.
    pub(crate) fn begin(&mut self, start: Timestamp, seq: u64) {
        self.next = self.next.max(seq.saturating_add(1));
        let before = self.rows.len().checked_sub(2).and_then(|place| self.rows.get(place)).map(|row| row.start);
        match self.rows.last_mut() {
            Some(last) if start < last.start.plus(limits::DAY_TOLERANCE_MS) => {
                // A day that lies ahead was begun by a clock that was wrong.
                if start < last.start {
                    last.start = start.max(before.map_or(Timestamp::ZERO, |before| before.plus(1)));
                }
            }
            _ => self.rows.push(DayRow {
                start,
                from: seq,
                fetches: 0,
                judgments: 0,
                received: 0,
                sent: 0,
                earned: 0,
                stored: 0,
            }),
        }
        if self.rows.len() > limits::DAY_ROWS_MAX {
            self.rows.remove(0);
        }
    }

    pub(crate) fn count(&mut self, seq: u64, work: Work, stored: u64) {
        let Some(row) = self.row(seq) else { return };
        row.fetches = row.fetches.saturating_add(work.fetches);
        row.judgments = row.judgments.saturating_add(work.judgments);
        row.received = row.received.saturating_add(work.received);
        row.sent = row.sent.saturating_add(work.sent);
        row.stored = row.stored.saturating_add(stored);
    }

    pub(crate) fn uncount(&mut self, seq: u64, work: Work) {
        let Some(row) = self.row(seq) else { return };
        row.fetches = row.fetches.saturating_sub(work.fetches);
        row.judgments = row.judgments.saturating_sub(work.judgments);
        row.received = row.received.saturating_sub(work.received);
        row.sent = row.sent.saturating_sub(work.sent);
    }

    pub(crate) fn earn(&mut self, earned: u64) {
        if let Some(row) = self.rows.last_mut() {
            row.earned = row.earned.saturating_add(earned);
        }
    }

    /// The day that a number belongs to.
    fn row(&mut self, seq: u64) -> Option<&mut DayRow> {
        let after = self.rows.partition_point(|row| row.from <= seq);
        self.rows.get_mut(after.checked_sub(1)?)
    }

    /// Forgets days that began before this.
    pub(crate) fn forget_before(&mut self, earliest: Timestamp) {
        let old = self.rows.iter().take_while(|row| row.start < earliest).count();
        if old > 0 {
            self.rows.drain(..old);
            self.goal = self.rows.first().map_or(self.next, |row| row.from);
        }
    }

    /// The next numbers to let go of; they count as gone.
    pub(crate) fn prune(&mut self) -> Option<Range<u64>> {
        let stored: u64 = self.rows.iter().fold(0, |sum, row| sum.saturating_add(row.stored));
        let mut goal = self.goal;
        if stored > limits::LOG_BYTES_MAX {
            goal = goal.max(self.end_of_oldest());
        }
        if self.first >= goal {
            return None;
        }
        // Numbers that far back can't be in a log of this size: only a damaged record names them.
        self.first = self.first.max(goal.saturating_sub(limits::LOG_SPAN_MAX));
        let piece = self.first..goal.min(self.first.saturating_add(limits::PRUNED_MAX));
        let (first, next) = (self.first, self.next);
        let after = self.rows.partition_point(|row| row.from <= first);
        let end = self.rows.get(after).map_or(next, |row| row.from);
        if let Some(row) = after.checked_sub(1).and_then(|place| self.rows.get_mut(place)) {
            let (gone, left) = (piece.end - piece.start, end.saturating_sub(first).max(1));
            let freed = row.stored.saturating_mul(gone) / left;
            row.stored = if piece.end >= end { 0 } else { row.stored.saturating_sub(freed) };
        }
        self.first = piece.end;
        Some(piece)
    }

    /// Where the oldest day ends of which the log still holds something.
    fn end_of_oldest(&self) -> u64 {
        self.rows.iter().skip(1).map(|row| row.from).find(|from| *from > self.first).unwrap_or(self.next)
    }

    /// The days as the UI shows them; `local` puts a time on the browser's clock.
    pub(crate) fn totals(&self, local: impl Fn(Timestamp) -> Timestamp) -> Vec<DayTotals> {
        let day = |row: &DayRow| DayTotals {
            start: local(row.start).get(),
            fetches: row.fetches,
            judgments: row.judgments,
            received: row.received,
            sent: row.sent,
            earned: row.earned,
        };
        self.rows.iter().map(day).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::new(ms).unwrap()
    }

    fn day(n: u64) -> Timestamp {
        at(n * limits::DAY_MS)
    }

    const ONE: Work = Work { fetches: 1, judgments: 0, received: 10, sent: 1 };

    /// `per_day` pieces of work of `stored` bytes on each of these days.
    fn worked(days: Range<u64>, per_day: u64, stored: u64) -> DaysRecord {
        let mut record = DaysRecord::default();
        for n in days {
            for _ in 0..per_day {
                let seq = record.next;
                record.begin(day(n), seq);
                record.count(seq, ONE, stored);
            }
        }
        record
    }

    fn pruned(record: &mut DaysRecord) -> u64 {
        let mut gone = 0;
        while let Some(piece) = record.prune() {
            assert!(piece.end - piece.start <= limits::PRUNED_MAX);
            gone += piece.end - piece.start;
        }
        gone
    }

    #[test]
    fn what_is_older_than_its_days_goes_and_nothing_else() {
        let mut record = worked(0..100, 700, 100);
        assert_eq!(record.rows.len(), limits::DAY_ROWS_MAX);
        record.forget_before(day(10));
        assert_eq!((record.rows.len(), pruned(&mut record)), (90, 10 * 700));
        assert_eq!((record.first, record.prune()), (7_000, None));
        assert!(record.is_sound());
    }

    #[test]
    fn above_the_limit_the_oldest_goes_first_and_totals_stay() {
        let mut record = worked(0..5, 1_000, limits::LOG_BYTES_MAX / 4_000);
        pruned(&mut record);
        let stored: u64 = record.rows.iter().map(|row| row.stored).sum();
        assert!(stored <= limits::LOG_BYTES_MAX && stored > limits::LOG_BYTES_MAX * 7 / 10, "{stored}");
        assert!(record.first >= 1_000 && record.first < 1_600, "{}", record.first);
        assert!(record.rows.iter().all(|row| row.fetches == 1_000), "what a day came to is not forgotten");
    }

    #[test]
    fn a_clock_that_is_set_makes_no_days_and_loses_none() {
        let mut record = worked(10..12, 1, 1);
        for (start, seq) in [(day(11).plus(3_600_000), 5), (day(11).minus(7_200_000), 6), (day(2), 7)] {
            record.begin(start, seq);
            record.count(seq, ONE, 1);
        }
        assert_eq!(record.rows.iter().map(|row| row.fetches).collect::<Vec<_>>(), [1, 4]);
        assert!(record.is_sound(), "{record:?}");
        record.begin(day(12), 8);
        assert_eq!(record.rows.len(), 3);
    }

    #[test]
    fn numbers_from_a_damaged_record_end_soon() {
        let mut record = DaysRecord { first: 0, next: u64::MAX, goal: u64::MAX, rows: Vec::new() };
        assert!(pruned(&mut record) <= limits::LOG_SPAN_MAX);
        assert_eq!(record.first, u64::MAX);
    }
}
