//! Bodies under grants: the shell reads as much as it was allowed and waits for more, so a cap, a pause or
//! the end of an hour stops a stream wherever it is.

use lull_policy::caps::BUFFERED_BYTES_MAX;
use lull_policy::{Refusal, registrable_domain};
use lull_protocol::statement::{Outcome, Traffic};
use lull_protocol::{Method, Timestamp};

use crate::answer::is_short;
use crate::fetch::{End, Run, outcome_of, site_of};
use crate::traffic::{count, framing_bytes, traffic};
use crate::{Effect, FetchId, HopHead, Worker, limits};

/// A body that is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Bytes that were told and are counted.
    bytes: u64,
    /// The grant under way; zero: none.
    granted_bytes: u64,
    granted_at: Timestamp,
    /// Time left for reading, without the waits between grants, milliseconds.
    left_ms: u64,
}

impl Reading {
    pub(crate) fn new() -> Self {
        let granted_at = Timestamp::ZERO;
        Self { bytes: 0, granted_bytes: 0, granted_at, left_ms: limits::BODY_TIMEOUT_MS }
    }
}

/// What a browser may have taken in of an open response beyond what was read of it, bytes.
pub(crate) fn unread_bytes(head: &HopHead, method: Method, read_bytes: u64, most: u64) -> u64 {
    if method == Method::Head || matches!(head.status, 204 | 304) {
        return 0;
    }
    let length = head.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|(_, value)| value.trim().parse::<u64>().ok());
    // An encoded body is shorter than what is read of it, and says its encoded length: it is held to it all the same.
    length.map_or(most, |length| length.saturating_sub(read_bytes).min(most))
}

impl Worker {
    /// Sends a request that had to wait, or allows the body to be read on.
    pub(crate) fn go_on_fetching(&mut self, now: Timestamp) {
        if !self.may_fetch() {
            return;
        }
        self.send_next(now);
        let Some(run) = &self.run else { return };
        let ceiling_bytes = run.item.bytes_max.get();
        let Some(reading) = run.reading.filter(|r| r.granted_bytes == 0) else { return };
        // One byte more than allowed tells a body that is too large from one that just fits.
        let wanted = ceiling_bytes.saturating_add(1).saturating_sub(reading.bytes).max(1);
        let Some(granted_bytes) = self.take_grant(wanted) else {
            // A browser takes in what nobody reads: a response that storage has no mark for is not left open for as
            // long as storage fails. Its lease stays.
            if self.storage.is_failing() {
                self.abort_run();
            }
            return;
        };
        let Some(mut run) = self.run.take() else { return };
        let timeout_ms = self.time_left_ms(&run, reading.left_ms, now);
        run.reading = Some(Reading { granted_bytes, granted_at: now, ..reading });
        self.effects.push_back(Effect::ReadBody {
            fetch: run.id,
            allowance_bytes: granted_bytes,
            bytes_max: ceiling_bytes,
            timeout_ms,
        });
        self.run = Some(run);
    }

    pub(crate) fn body_progress(&mut self, id: FetchId, bytes: u64, now: Timestamp) {
        let Some(mut run) = self.take_run(id, true) else { return };
        let Some(reading) = run.reading.filter(|r| r.granted_bytes > 0) else {
            self.run = Some(run);
            return;
        };
        self.count_granted(reading.granted_bytes, bytes.saturating_sub(reading.bytes));
        run.reading = Some(Reading {
            bytes: bytes.max(reading.bytes),
            granted_bytes: 0,
            left_ms: reading.left_ms.saturating_sub(now.since(reading.granted_at)).max(1),
            ..reading
        });
        if bytes > run.item.bytes_max.get() {
            return self.close(run, End { encoded_bytes: bytes, ..End::refused(Refusal::TooLarge) }, now);
        }
        self.run = Some(run);
    }

    pub(crate) fn body_read(&mut self, id: FetchId, body: Vec<u8>, encoded_bytes: u64, now: Timestamp) {
        let Some(run) = self.take_run(id, true) else { return };
        if body.len() as u64 > run.item.bytes_max.get() {
            return self.finish(run, End { encoded_bytes, ..End::refused(Refusal::TooLarge) }, now);
        }
        let outcome = run.head.as_ref().map_or(Outcome::Network, outcome_of);
        if run.head.as_ref().is_some_and(|head| is_short(head, &body)) {
            return self.finish(run, End { encoded_bytes, ..End::without_body(Outcome::Network) }, now);
        }
        self.finish(run, End { outcome, refusal: None, body, encoded_bytes }, now);
    }

    /// Counts a body that has ended, and gives what it counts as; what was counted while it was read is part of it.
    pub(crate) fn count_body(&mut self, run: &Run, encoded_bytes: u64) -> Traffic {
        let framing = run.head.as_ref().map_or(0, |head| framing_bytes(head, encoded_bytes));
        let all = encoded_bytes.saturating_add(framing);
        let (counted, granted) = run.reading.map_or((0, 0), |r| (r.bytes, r.granted_bytes));
        self.count_granted(granted, all.saturating_sub(counted));
        self.uncount_bytes(counted.saturating_sub(all));
        Traffic { received: count(all), ..Traffic::default() }
    }

    /// Counts what an open response may have brought beyond what was read of it: nobody will tell.
    pub(crate) fn count_unread(&mut self, run: &Run) {
        let Some(head) = run.head.as_ref() else { return };
        let most = if run.reading.is_some() { BUFFERED_BYTES_MAX } else { limits::UNREAD_BYTES_MAX };
        let read_bytes = run.reading.map_or(0, |r| r.bytes);
        self.count_bytes(unread_bytes(head, run.item.method, read_bytes, most));
    }

    /// Counts a fetch that is given up without a result.
    pub(crate) fn count_given_up(&mut self, run: &Run) {
        // What came of earlier hops is counted.
        if !run.is_open() {
            return;
        }
        if let Some(reading) = run.reading {
            self.count_granted(reading.granted_bytes, 0);
        }
        match (&run.head, run.last_url()) {
            (Some(_), _) => self.count_unread(run),
            (None, Some(url)) => {
                let asked = traffic(run.item.method, url, None, 0);
                self.count_bytes(asked.sent.get().saturating_add(asked.received.get()));
            }
            _ => {}
        }
    }
}

/// The domain that a request counts for.
pub(crate) fn domain_of_url(url: &str) -> &str {
    registrable_domain(site_of(url))
}
