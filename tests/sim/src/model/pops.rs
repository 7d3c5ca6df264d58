//! Calls to the person: only as they chose, while they are there, outside of quiet hours, once for a judgment, and never
//! more often.

use std::collections::BTreeMap;

use lull_protocol::{PublicKey, Timestamp};
use lull_view::{POP_MINUTES, Pops};
use lull_worker::Surroundings;

use super::{Holds, must};

const CALLS: &str = "called as the person chose";
const MINUTE_MS: u64 = 60_000;

/// What each worker's person chose.
#[derive(Debug, Default)]
pub(crate) struct AllPops(BTreeMap<PublicKey, Of>);

#[derive(Debug, Default)]
struct Of {
    /// As it was last told, and all that were ever chosen.
    chosen: Pops,
    ever: Vec<Pops>,
    surroundings: Surroundings,
    called_at: Option<u64>,
    /// The judgment on screen when they were called last.
    called_for: Option<String>,
    /// The record was damaged: nobody knows what it says.
    is_lost: bool,
}

impl AllPops {
    fn of(&mut self, worker: PublicKey) -> &mut Of {
        self.0.entry(worker).or_default()
    }

    pub(super) fn lost(&mut self, worker: PublicKey) {
        self.of(worker).is_lost = true;
    }

    pub(crate) fn surroundings(&mut self, worker: PublicKey, surroundings: Surroundings) {
        self.of(worker).surroundings = surroundings;
    }

    /// The person chose; what is shown then is what there is to choose from.
    pub(crate) fn chose(&mut self, worker: PublicKey, shown: &Pops) -> Holds {
        let of = self.of(worker);
        of.chosen = shown.clone();
        of.ever.push(shown.clone());
        let Pops { minutes, quiet_from, quiet_to, .. } = *shown;
        must(POP_MINUTES.contains(&minutes) && quiet_from < 24 && quiet_to < 24, CALLS, || format!("{shown:?}"))
    }

    /// The background started with these choices: some that the person has made, if any.
    pub(crate) fn started(&mut self, worker: PublicKey, found: &Pops) -> Holds {
        let of = self.of(worker);
        let is_known = *found == Pops::default() || of.ever.contains(found);
        if std::mem::take(&mut of.is_lost) {
            (of.called_at, of.called_for) = (None, None);
        } else {
            must(is_known, "settings survive", || format!("{found:?} after a start; chosen was {:?}", of.chosen))?;
        }
        of.chosen = found.clone();
        Ok(())
    }

    /// The person is called, and notices it or doesn't.
    pub(crate) fn called(
        &mut self,
        worker: PublicKey,
        (open, notify): (bool, bool),
        judgment: Option<String>,
        is_shown: bool,
        now: Timestamp,
    ) -> Holds {
        let of = self.of(worker);
        let Pops { minutes, quiet_from, quiet_to, .. } = of.chosen;
        must((open, notify) == (of.chosen.open, of.chosen.notify) && (open || notify), CALLS, || {
            format!("called by {open} {notify}, chosen was {:?}", of.chosen)
        })?;
        must(!of.surroundings.away && !of.surroundings.looks, CALLS, || "nobody is there, or they look".to_owned())?;
        let local = now.get().saturating_add_signed(i64::from(of.surroundings.utc_offset_min) * 60_000);
        let mut hour = quiet_from;
        while hour != quiet_to {
            must(local / 3_600_000 % 24 != hour, CALLS, || format!("called in the quiet hour {hour}"))?;
            hour = (hour + 1) % 24;
        }
        // Whoever sets a clock back is not called too often by it: what lies ahead of it counts as now.
        let since = of.called_at.filter(|at| *at <= now.get()).map_or(u64::MAX, |at| now.get() - at);
        must(since >= minutes * MINUTE_MS, CALLS, || {
            format!("called again after {since} ms, {minutes} min were chosen")
        })?;
        must(judgment.is_some(), CALLS, || "there is nothing to answer".to_owned())?;
        must(of.called_for != judgment, CALLS, || format!("called again for {judgment:?}, which they let be"))?;
        if is_shown {
            (of.called_at, of.called_for) = (Some(now.get()), judgment);
        }
        Ok(())
    }
}
