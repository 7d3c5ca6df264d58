//! The person's own clock and calendar: hours of the week, days and months.

use lull_protocol::Timestamp;
use lull_protocol::calendar::{civil_from_days, days_from_civil};
use lull_protocol::cbor::{Cbor, Reader, Writer};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// No place on Earth is further from UTC, minutes.
const UTC_OFFSET_MIN_MAX: i32 = 16 * 60;

/// A moment where the person is. The offset is told by the browser, and changes with summer time and travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalClock {
    /// The browser's clock.
    pub now: Timestamp,
    /// Local time minus UTC, minutes.
    pub utc_offset_min: i32,
}

impl LocalClock {
    fn offset_ms(self) -> i64 {
        i64::from(self.utc_offset_min.clamp(-UTC_OFFSET_MIN_MAX, UTC_OFFSET_MIN_MAX)) * 60_000
    }
    /// Milliseconds since 1970-01-01T00:00 local time, at least zero.
    fn local_ms(self) -> u64 {
        self.now.get().saturating_add_signed(self.offset_ms())
    }
    /// A local time as a moment.
    fn moment(self, local_ms: u64) -> Timestamp {
        Timestamp::ZERO.plus(local_ms.saturating_add_signed(self.offset_ms().saturating_neg()))
    }
    /// The local day, counted from 1970-01-01.
    pub fn day(self) -> u64 {
        self.local_ms() / DAY_MS
    }
    /// When a local day begins, by the offset of now; on a day on which clocks change it may be off by as much
    /// as they do, and is looked at again when it comes.
    pub fn day_starts(self, day: u64) -> Timestamp {
        self.moment(day.saturating_mul(DAY_MS))
    }
    /// A local day's hour.
    pub fn hour_starts(self, day: u64, hour: u64) -> Timestamp {
        self.moment(day.saturating_mul(DAY_MS).saturating_add(hour.min(23) * HOUR_MS))
    }
    /// The month, counted from year 0, that a day belongs to if months begin on `month_day`.
    pub fn month(self, month_day: u64) -> u64 {
        let (year, month, day) = civil_from_days(self.day());
        let months = year * 12 + month - 1;
        if day >= month_day { months } else { months.saturating_sub(1) }
    }
    /// When such a month begins.
    pub fn month_starts(self, month: u64, month_day: u64) -> Timestamp {
        self.day_starts(days_from_civil(month / 12, month % 12 + 1, month_day))
    }
    /// Day of the week, Monday is 0, and hour.
    fn hour_of_week(self) -> (usize, u64) {
        // 1970-01-01 was a Thursday.
        let day = (self.day() + 3) % 7;
        (usize::try_from(day).unwrap_or(0), self.local_ms() % DAY_MS / HOUR_MS)
    }
}

/// A set of hours of the week: for each day from Monday on, bit `h` is the hour from `h` to `h + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours(pub [u32; 7]);

impl Hours {
    /// All of them.
    pub const ALL: Self = Self([DAY_MASK; 7]);

    /// Bits beyond a day's hours removed.
    pub fn held(self) -> Self {
        Self(self.0.map(|day| day & DAY_MASK))
    }
    /// Whether this hour is in the set.
    pub fn has(&self, day: usize, hour: u64) -> bool {
        self.0.get(day).is_some_and(|hours| hours >> (hour % 24) & 1 == 1)
    }
    /// Now, if now is in the set; else when the next hour of it begins. `None`: the set is empty.
    pub fn next_open(&self, clock: LocalClock) -> Option<Timestamp> {
        let (day, hour) = clock.hour_of_week();
        if self.has(day, hour) {
            return Some(clock.now);
        }
        let hour_began = clock.local_ms() / HOUR_MS;
        let next = (1..=7 * 24).find(|n| {
            let hours = hour + n;
            let day = (day + usize::try_from(hours / 24).unwrap_or(0)) % 7;
            self.has(day, hours % 24)
        })?;
        Some(clock.moment((hour_began + next) * HOUR_MS))
    }
}

const DAY_MASK: u32 = 0x00ff_ffff;

impl Cbor for Hours {
    fn write(&self, to: &mut Writer) {
        self.0.map(u64::from).to_vec().write(to);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        let days = Vec::<u64>::read(from);
        let read: Option<Vec<u32>> = days.into_iter().map(|day| u32::try_from(day).ok()).collect();
        read.and_then(|days| days.try_into().ok()).map_or_else(
            || {
                from.refuse("not the hours of seven days");
                Self::ALL
            },
            Self,
        )
    }
}
