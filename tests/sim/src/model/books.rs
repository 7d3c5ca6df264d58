//! What a worker's own books say at the end.

use std::collections::BTreeSet;

use data_encoding::BASE64;
use lull_protocol::PublicKey;
use lull_view::{Link, View};

use super::{Holds, Model, must};

/// Receipts that a worker keeps.
const RECEIPTS_KEPT: usize = 1_900;

impl Model {
    /// In the calm at the end a worker's books are those of the ledger, and nothing waits any more.
    pub(crate) fn worker_ends(&self, me: PublicKey, view: &View, export: &str) -> Holds {
        let (pending, payable) = self.account(&me);
        let seen = (view.account.earned, view.account.pending, view.account.payable);
        must(view.link == Link::Connected, "progress", || format!("{me} is not connected: {:?}", view.link))?;
        must(view.outbox == 0, "progress", || format!("{me} still has {} results to send", view.outbox))?;
        must(seen == (pending + payable, pending, payable), "the worker's books are the ledger's", || {
            format!("{me} shows {seen:?}, the ledger has {:?}", (pending + payable, pending, payable))
        })?;
        let Some(worker) = self.workers.get(&me) else { return Ok(()) };
        let row = self.verdicts.get(&me).map(Vec::as_slice).unwrap_or_default();
        if worker.made_room || !self.is_unharmed(&me) || row.len() > RECEIPTS_KEPT {
            return Ok(());
        }
        let kept: BTreeSet<&str> =
            export.lines().filter_map(|line| line.split("\"verdict\":\"").nth(1)?.split('"').next()).collect();
        for (at, ruled) in row.iter().enumerate() {
            let is_kept = kept.contains(BASE64.encode(&ruled.statement).as_str());
            must(is_kept, "the worker's books are the ledger's", || format!("{me} has no verdict {}", at + 1))?;
        }
        must(kept.len() == row.len(), "the worker's books are the ledger's", || {
            format!("{me} has {} verdicts of {}", kept.len(), row.len())
        })
    }
}
