//! A worker's own books: what it may let go, and what they say at the end.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE64;
use lull_protocol::{Hash, PublicKey, Timestamp};
use lull_view::{ActivityPage, Link, View};
use lull_worker::Write;

use super::rules::{CLOCK_SKEW_MS_MAX, RECEIPTS_LOADED_MAX, ROOM_RECORDS_MAX};
use super::{Holds, Model, must};

/// What is sent until it is answered, and then kept as a receipt.
const ANSWERED: &str = "a result is sent until it is answered";
const LOG: &str = "the log tells of each piece of work";
const BOOKS: &str = "the worker's books are the ledger's";

impl Model {
    /// A result leaves storage as a receipt. Without one a few go only with settings that storage has just not
    /// taken, to make room for them; settled receipts are moved once there are too many.
    pub(super) fn worker_deletes(
        &mut self,
        me: PublicKey,
        batch: u64,
        writes: &[Write],
        (fails, at): (bool, Timestamp),
        durable: &dyn Fn(&str) -> bool,
    ) -> Holds {
        let keeps = |key: &str| writes.iter().any(|write| write.value.is_some() && write.key == key);
        let deleted = |kind: &str| -> BTreeSet<Hash> {
            let gone = writes.iter().filter(|write| write.value.is_none() && durable(&write.key));
            gone.filter_map(|write| Hash::from_hex(write.key.strip_prefix(kind)?)).collect()
        };
        let mut results = deleted("outbox/");
        results.retain(|offer| !keeps(&format!("receipt/{offer}")));
        let receipts = deleted("receipt/");
        let worker = self.worker(me);
        results.retain(|offer| !worker.taken_back.contains_key(offer));
        let jumped_at = worker.clock_jumped_at;
        // What storage, as far as is known, has not taken by the end of its lease is let go, and its record is deleted
        // in case it was taken.
        let is_late = |offer: &Hash| {
            let lease = self.leases.get(offer);
            lease.is_none_or(|lease| lease.deadline <= at.plus(CLOCK_SKEW_MS_MAX) && !lease.was_acknowledged)
        };
        results.retain(|offer| !(fails && (jumped_at.is_some() || is_late(offer))));
        let worker = self.worker(me);
        if (results.is_empty() && receipts.is_empty()) || worker.was_damaged {
            return Ok(());
        }
        let gone: Vec<Hash> = results.union(&receipts).copied().collect();
        if fails && keeps("settings") && gone.len() <= ROOM_RECORDS_MAX {
            worker.makes_room.insert(batch, gone);
            return Ok(());
        }
        must(results.is_empty(), ANSWERED, || {
            let keys: Vec<(&str, bool)> =
                writes.iter().map(|write| (write.key.as_str(), write.value.is_some())).collect();
            format!("{me} deletes {results:?} without a receipt, by {keys:?}, failing: {fails}")
        })?;
        // A settled receipt leaves what is loaded; in the same batch it goes to those that are kept.
        let kept = writes.iter().filter(|write| write.value.is_some() && write.key.starts_with("log-kept/")).count();
        let are_many = worker.signed.len() > RECEIPTS_LOADED_MAX;
        must(are_many && kept == receipts.len(), BOOKS, || {
            format!("{me} deletes receipts {receipts:?} of {} and keeps {kept}", worker.signed.len())
        })
    }

    /// In the calm at the end a worker's books are those of the ledger, and nothing waits any more. `held`: leases
    /// and results in its storage.
    pub(crate) fn worker_ends(&self, me: PublicKey, view: &View, export: &str, held: (usize, usize)) -> Holds {
        let ((pending, settled), payable) = (self.account(&me), self.payable(&me));
        let seen = (view.account.earned, view.account.pending, view.account.payable);
        must(view.link == Link::Connected, "progress", || format!("{me} is not connected: {:?}", view.link))?;
        must(view.outbox == 0, "progress", || format!("{me} still has {} results to send", view.outbox))?;
        must(held == (0, 0), "each lease ends", || format!("{me} stores {held:?} leases and results for ever"))?;
        must(seen == (pending + settled, pending, payable), BOOKS, || {
            format!("{me} shows {seen:?}, the ledger has {:?}", (pending + settled, pending, payable))
        })?;
        let Some(worker) = self.workers.get(&me) else { return Ok(()) };
        if !self.is_unharmed(&me) {
            return Ok(());
        }
        let is_kept = |offer: &Hash| !worker.let_go.contains(offer);
        let unheard = worker.signed.keys().find(|offer| is_kept(offer) && !worker.heard.contains(*offer));
        must(unheard.is_none(), ANSWERED, || format!("{me} gave up on {unheard:?}"))?;
        self.receipts_are_verdicts(me, export, is_kept)
    }

    /// In the calm at the end a worker's log tells of each result that it signed, once, and of each verdict what it
    /// paid.
    pub(crate) fn log_ends(&self, me: PublicKey, log: ActivityPage) -> Holds {
        let (pending, settled) = self.account(&me);
        let Some(worker) = self.workers.get(&me).filter(|_| self.is_unharmed(&me)) else { return Ok(()) };
        must(log.unreadable == 0, LOG, || format!("{me} can't read {} entries", log.unreadable))?;
        let mut offers: BTreeMap<String, u64> = BTreeMap::new();
        for entry in &log.entries {
            *offers.entry(entry.activity.offer.clone()).or_default() += 1;
        }
        let untold = worker.signed.keys().find(|offer| {
            let count = offers.remove(&offer.to_string());
            count != Some(1) && !worker.let_go.contains(*offer)
        });
        must(untold.is_none(), LOG, || format!("{me} tells of {untold:?} not once"))?;
        let earned: u64 = log.entries.iter().map(|entry| entry.activity.amount).sum();
        let is_all = worker.let_go.is_empty();
        must(!is_all || earned == pending + settled, LOG, || {
            format!("{me} logged {earned}, the ledger has {}", pending + settled)
        })
    }

    /// The receipts that must be kept are, with the ledger's verdicts and no others.
    fn receipts_are_verdicts(&self, me: PublicKey, export: &str, is_kept: impl Fn(&Hash) -> bool) -> Holds {
        let row = self.verdicts.get(&me).map(Vec::as_slice).unwrap_or_default();
        let stored = self.leases.iter().filter(|(_, lease)| lease.worker == me);
        let offers: BTreeMap<Hash, Hash> =
            stored.filter_map(|(offer, lease)| Some((lease.stored.as_ref()?.0, *offer))).collect();
        let mut found: BTreeSet<&str> =
            export.lines().filter_map(|line| line.split("\"verdict\":\"").nth(1)?.split('"').next()).collect();
        for (ruled, number) in row.iter().zip(1..) {
            let is_there = found.remove(BASE64.encode(&ruled.statement).as_str());
            let must_be = offers.get(&ruled.verdict.result).is_none_or(&is_kept);
            must(is_there || !must_be, BOOKS, || format!("{me} has no verdict {number}"))?;
        }
        must(found.is_empty(), BOOKS, || format!("{me} has verdicts that the ledger has not: {found:?}"))
    }
}
