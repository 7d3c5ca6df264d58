//! Caps as a person understands them: counted anew from what crossed the line, by the browser's own clock.
//!
//! Independent of policy's rules: a day's count, a list of requests, the hours as they were set. A kill
//! costs neither a request nor a byte.

use std::collections::BTreeMap;

use lull_policy::caps::Usage;
use lull_protocol::{PublicKey, Timestamp, cbor};
use lull_view::{Caps, Command};
use lull_worker::Write;

use super::{Holds, must};

const CAPS: &str = "never above a cap";
const COUNTED: &str = "every request is counted before it is sent";
/// One record, bytes.
const RECORD_BYTES_MAX: usize = 1024 * 1024;
const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;
/// A clock that goes back further than this was wrong before, days.
const DAYS_BACK: u64 = 2;

/// What all persons set, and what was used.
#[derive(Debug, Default)]
pub(crate) struct AllCaps(BTreeMap<PublicKey, Of>);

#[derive(Debug, Default)]
struct Of {
    /// As commanded; `None` until the worker first told its defaults.
    wanted: Option<Caps>,
    stored: Option<Caps>,
    under_way: Vec<(u64, Option<Caps>)>,
    /// The furthest day that was reached, and bytes of bodies since it began.
    day: u64,
    bytes: u64,
    requests: Vec<Request>,
    /// What storage holds of the worker's own count, and what batches under way tell of it.
    counted: Option<Usage>,
    told: Vec<(u64, Usage)>,
    offset_min: i32,
    /// A record was damaged: what it counted is nobody's to know.
    is_lost: bool,
}

#[derive(Debug)]
struct Request {
    at: u64,
    day: u64,
    domain: String,
}

impl Of {
    fn local_ms(&self, now: Timestamp) -> u64 {
        now.get().saturating_add_signed(i64::from(self.offset_min) * 60_000)
    }

    /// Goes on to the day it is. What lies ahead of a clock that was set back was sent now at the latest.
    fn tell(&mut self, now: Timestamp) {
        self.requests.iter_mut().for_each(|request| request.at = request.at.min(now.get()));
        let day = self.local_ms(now) / DAY_MS;
        if day > self.day {
            (self.day, self.bytes) = (day, 0);
        } else if self.day - day > DAYS_BACK {
            let of_day = self.day;
            self.day = day;
            self.requests.iter_mut().filter(|r| r.day == of_day).for_each(|r| r.day = day);
        }
    }

    /// Whether the hour is one of those that were set, and the connection is not metered.
    fn is_open(&self, now: Timestamp) -> bool {
        let Some(caps) = &self.wanted else { return true };
        let local = self.local_ms(now);
        // 1970-01-01 was a Thursday.
        let (day, hour) = ((local / DAY_MS + 3) % 7, local % DAY_MS / HOUR_MS);
        let bits = usize::try_from(day).ok().and_then(|day| caps.hours.get(day)).copied().unwrap_or_default();
        !caps.metered && bits >> hour & 1 == 1
    }
}

fn domain(url: &str) -> &str {
    url.split('/').nth(2).and_then(|host| host.strip_prefix("www.")).unwrap_or(url)
}

impl AllCaps {
    fn of(&mut self, worker: PublicKey) -> &mut Of {
        self.0.entry(worker).or_default()
    }

    /// So much was used before the story begins.
    pub(crate) fn used_before(&mut self, worker: PublicKey, bytes: u64, offset_min: i32, now: Timestamp) {
        let of = self.of(worker);
        of.offset_min = offset_min;
        // A browser may start sooner than planned: without a count of that day it is nothing to the machine.
        if bytes > 0 {
            of.tell(now);
            of.bytes = bytes;
        }
    }

    /// The machine is told the time: a day may begin, and stays begun for who travels back before it.
    pub(crate) fn time(&mut self, worker: PublicKey, now: Timestamp) {
        self.of(worker).tell(now);
    }

    pub(crate) fn moved(&mut self, worker: PublicKey, offset_min: i32) {
        self.of(worker).offset_min = offset_min;
    }

    /// The background started with these caps: they must be what was stored, or was about to be.
    pub(crate) fn started(&mut self, worker: PublicKey, found: &Caps) -> Holds {
        let of = self.of(worker);
        let same = |caps: &Option<Caps>| caps.as_ref().is_none_or(|caps| caps == found);
        let is_known = of.is_lost || same(&of.stored) || of.under_way.iter().any(|(_, caps)| same(caps));
        let detail = || format!("{found:?} after a start; stored was {:?}", of.stored);
        must(is_known, "settings survive", detail)?;
        of.under_way.clear();
        of.told.clear();
        if std::mem::take(&mut of.is_lost) {
            // Nor is which day it had reached.
            (of.day, of.bytes, of.requests) = (0, 0, Vec::new());
        }
        (of.wanted, of.stored) = (Some(found.clone()), Some(found.clone()));
        Ok(())
    }

    pub(super) fn lost(&mut self, worker: PublicKey) {
        self.of(worker).is_lost = true;
    }

    /// The person commands: a stop holds at once.
    pub(crate) fn wants(&mut self, worker: PublicKey, command: &Command) {
        if let (Command::SetCaps { caps }, Some(wanted)) = (command, &mut self.of(worker).wanted) {
            wanted.clone_from(caps);
            wanted.day_bytes = wanted.day_bytes.max(20_000_000);
        } else if *command == Command::ResetCaps {
            self.of(worker).wanted = None;
        }
    }

    /// What the worker shows after a command is what it goes by: held to the ranges.
    pub(crate) fn commanded(&mut self, worker: PublicKey, command: &Command, shown: &Caps) -> Holds {
        let Command::SetCaps { caps } = command else {
            if *command == Command::ResetCaps {
                self.of(worker).wanted = Some(shown.clone());
            }
            return Ok(());
        };
        let hours = caps.hours.map(|day| day & 0x00ff_ffff);
        let taken =
            shown.metered == caps.metered && shown.hours == hours && shown.day_bytes >= caps.day_bytes.min(20_000_000);
        self.of(worker).wanted = Some(shown.clone());
        must(taken, "settings survive", || format!("{caps:?} became {shown:?}"))
    }

    pub(super) fn writes(&mut self, worker: PublicKey, batch: u64, writes: &[Write]) {
        let of = self.of(worker);
        for write in writes {
            let usage = || cbor::decode::<(u64, Usage)>(write.value.as_deref()?, RECORD_BYTES_MAX).ok();
            match write.key.as_str() {
                "caps" => of.under_way.push((batch, of.wanted.clone())),
                "usage" => of.told.extend(usage().map(|(_, usage)| (batch, usage))),
                _ => {}
            }
        }
    }

    pub(super) fn wrote(&mut self, worker: PublicKey, batch: u64, is_taken: bool) {
        let of = self.of(worker);
        if let Some(at) = of.under_way.iter().position(|(number, _)| *number == batch) {
            let (_, caps) = of.under_way.remove(at);
            if is_taken {
                of.stored = caps;
            }
        }
        if let Some(at) = of.told.iter().position(|(number, _)| *number == batch) {
            let (_, usage) = of.told.remove(at);
            if is_taken {
                of.counted = Some(usage);
            }
        }
    }

    /// A request leaves, or is open.
    pub(crate) fn is_open(&mut self, worker: PublicKey, url: &str, now: Timestamp) -> Holds {
        let of = self.of(worker);
        must(of.is_open(now), CAPS, || {
            format!("{url} at {now:?}, {} minutes from UTC, with {:?}", of.offset_min, of.wanted)
        })
    }

    /// A request leaves.
    pub(crate) fn requests(&mut self, worker: PublicKey, url: &str, now: Timestamp) -> Holds {
        self.is_open(worker, url, now)?;
        let of = self.of(worker);
        of.tell(now);
        let (at, day, name) = (now.get(), of.day, domain(url));
        let of_domain = || of.requests.iter().filter(|request| request.domain == name);
        let minute =
            of_domain().filter(|request| at.saturating_sub(request.at) < 60_000 && request.at <= at).count() as u64;
        let today = of_domain().filter(|request| request.day == day).count() as u64;
        let most = of.wanted.as_ref().map_or((u64::MAX, u64::MAX), |caps| (caps.domain_minute, caps.domain_day));
        let detail = || {
            format!("{minute} requests to {name} in a minute and {today} in a day before one more; at most {most:?}")
        };
        must(minute < most.0 && today < most.1, CAPS, detail)?;
        of.requests.push(Request { at, day, domain: name.to_owned() });
        let counted = of.counted.as_ref().and_then(|usage| usage.domain(name)).map_or(0, |used| used.day);
        must(counted > today, COUNTED, || {
            format!("storage knows of {counted} requests to {name} today, {today} were sent before")
        })
    }

    /// So much may be read.
    pub(crate) fn grants(&mut self, worker: PublicKey, bytes: u64, now: Timestamp) -> Holds {
        let of = self.of(worker);
        of.tell(now);
        let most = of.wanted.as_ref().map_or(u64::MAX, |caps| caps.day_bytes);
        must(of.bytes + bytes <= most, CAPS, || format!("{bytes} bytes more than {}; at most {most} a day", of.bytes))
    }

    /// So much was read.
    pub(crate) fn reads(&mut self, worker: PublicKey, bytes: u64, now: Timestamp) {
        let of = self.of(worker);
        of.tell(now);
        of.bytes += bytes;
    }

    /// What the person is shown is not less than what crossed the line.
    pub(crate) fn shows(&mut self, worker: PublicKey, shown: u64, now: Timestamp) -> Holds {
        let of = self.of(worker);
        of.tell(now);
        must(of.is_lost || shown >= of.bytes, "every byte is counted", || {
            format!("{shown} shown, {} read today", of.bytes)
        })
    }
}
