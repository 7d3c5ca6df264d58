//! What an honest worker reports of a fetch is what the web answered: the model asks the web once more.

use lull_protocol::statement::{FetchReport, Outcome};
use lull_protocol::{FetchItem, Hash, Item, Method};
use lull_worker::HopHead;

use super::{Holds, Model, must};
use crate::world::{Answer, Body, answer, is_name_public, is_public, is_readable, looks_up, may_be_asked, said_bytes};

impl Model {
    /// Every hop as it was answered; the body that was sent, if it fits; a refusal only where there is a reason.
    pub(super) fn report_is_true(&self, offer: &Hash, report: &FetchReport) -> Holds {
        let work = self.leases.get(offer).and_then(|lease| self.items.get(&lease.item));
        let Some(Item::Fetch(item)) = work.map(|work| &work.item) else { return Ok(()) };
        let worker = self.leases.get(offer).map(|lease| lease.worker);
        let looks_up = worker.is_some_and(|worker| looks_up(&worker));
        let is_never = |url: &str| worker.is_some_and(|worker| self.consent.was_never(&worker, url));
        must(self.is_true(item, report, looks_up, &is_never), "reports are true", || {
            format!("{item:?} was reported as {report:?}")
        })
    }

    /// `is_never`: whether the person may have put this URL's domain on the list of whom never to serve.
    fn is_true(&self, item: &FetchItem, report: &FetchReport, looks_up: bool, is_never: &dyn Fn(&str) -> bool) -> bool {
        let web = |url: &str| match answer(self.seed, url) {
            Answer::Head { head, body, .. } => Some((head, body)),
            Answer::Fails { .. } | Answer::Silence => None,
        };
        let mut expected = Some(item.url.clone());
        let mut last = None;
        for hop in &report.hops {
            if expected.as_ref() != Some(&hop.url) {
                return false;
            }
            if looks_up && !is_name_public(self.seed, &hop.url) {
                return false;
            }
            let answered = web(&hop.url);
            // Without a status nothing came, or nothing that may be told.
            let is_inside = answered.as_ref().is_some_and(|(head, _)| !is_public(head.address.as_deref()));
            last = answered.filter(|_| hop.status != 0 || is_inside);
            let head = last.as_ref().map(|(head, _)| head).filter(|_| hop.status != 0);
            if is_inside && hop.status != 0 {
                return false;
            }
            let is_as_seen = |head: &HopHead| {
                let is_told = head.address.as_deref() == Some(hop.address.as_str()) || hop.address.is_empty();
                head.status == hop.status && is_told
            };
            if (hop.status != 0 || !hop.address.is_empty()) && !head.is_some_and(is_as_seen) {
                return false;
            }
            let leads_on = head.filter(|head| is_public(head.address.as_deref()) && head.status / 100 == 3);
            expected = leads_on.and_then(|head| head.location.clone());
        }
        // Nothing was sent to a name that leads elsewhere, too.
        let stops = expected.as_ref().is_some_and(|next| looks_up && !is_name_public(self.seed, next));
        let by_name = ["private_address", "no_address"].map(Some).contains(&report.reason.as_deref());
        if stops && report.outcome == Outcome::Policy && by_name {
            return report.body_bytes.get() == 0;
        }
        // A redirect there isn't followed; one that was followed already is given up.
        if report.reason.as_deref() == Some("never_domain") && report.outcome == Outcome::Policy {
            let under_way = report.hops.last().is_some_and(|hop| report.hops.len() > 1 && is_never(&hop.url));
            return (under_way || expected.is_some_and(|next| is_never(&next))) && report.body_bytes.get() == 0;
        }
        let is_silent = report.headers.iter().all(|header| header.name != "set-cookie");
        is_silent && ends_truly(item, report, last.as_ref(), expected.as_deref())
    }
}

/// Whether the outcome fits the last answer; `next`: where it redirects to.
fn ends_truly(item: &FetchItem, report: &FetchReport, last: Option<&(HopHead, Body)>, next: Option<&str>) -> bool {
    let is_public = last.is_some_and(|(head, _)| is_public(head.address.as_deref()));
    let status = last.map_or(0, |(head, _)| head.status);
    let most = item.bytes_max.get();
    match (report.outcome, report.reason.as_deref()) {
        (Outcome::Ok | Outcome::NotFound, None) => {
            let is_paid = if report.outcome == Outcome::Ok { status / 100 == 2 } else { [404, 410].contains(&status) };
            is_public && is_paid && last.is_some_and(|(head, body)| is_whole(item, report, head, body))
        }
        (Outcome::Policy, Some("too_large")) => last.is_some_and(|(head, body)| {
            said_bytes(head).is_some_and(|said| said > most) || body.size(most) as u64 > most
        }),
        (Outcome::Policy, Some("private_address" | "no_address")) => last.is_some() && !is_public,
        (Outcome::Policy, Some("media_type")) => {
            is_public && item.method == Method::Get && last.is_some_and(|(head, _)| !is_readable(head))
        }
        (Outcome::Policy, Some("bad_redirect")) => status / 100 == 3 && next.is_none(),
        (Outcome::Policy, Some("too_many_hops")) => report.hops.len() >= HOPS_MAX && next.is_some(),
        (Outcome::Policy, Some(_)) => next.is_some_and(|next| !may_be_asked(next, item.http_allowed)),
        (Outcome::Challenge | Outcome::Blocked, None) => is_public && status / 100 == 4,
        (Outcome::Network | Outcome::Timeout, None) => true,
        _ => false,
    }
}

/// Requests of one fetch, as the rules promise.
const HOPS_MAX: usize = 6;

/// A body of a kind that is read, as long as its head said at least, as it was sent.
fn is_whole(item: &FetchItem, report: &FetchReport, head: &HopHead, body: &Body) -> bool {
    let most = item.bytes_max.get();
    let is_read = item.method == Method::Get;
    let bytes = if is_read { body.read(most) } else { vec![] };
    let size = bytes.len() as u64;
    let is_as_said = is_readable(head) && said_bytes(head).is_none_or(|said| said <= size);
    (is_as_said || !is_read) && (report.body_bytes.get(), report.body_hash) == (size, Hash::of(&bytes)) && size <= most
}
