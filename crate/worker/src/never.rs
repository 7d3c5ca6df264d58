//! Whom the person never wants to serve again: domains and requesters.
//!
//! A fetch for them goes back as *skipped*: the coordinator asks somebody else, never offers that item here again,
//! and is not told why. A judgment goes back as *filtered* (`wishes`), and the coordinator knows whom not to ask for. A redirect to such a domain is not followed, with a reason that the person can read. An
//! order that has nothing else would come back and go again and again: after [`NEVER_RETURNS_MAX`] in a row the
//! worker takes no fetches for [`NEVER_REST_MS`], so that it stays a quiet peer and other orders are reached.

use lull_policy::{Refusal, judge_never, registrable_domain};
use lull_protocol::cbor::{Cbor, Reader, Writer};
use lull_protocol::fields;
use lull_protocol::limits::LABEL_BYTES_MAX;
use lull_protocol::message::ReturnReason;
use lull_protocol::{Hash, Item, Timestamp};
use lull_view::{Never, NeverWhat, Notice};

use crate::Worker;
use crate::fetch::site_of;
use crate::limits::{NEVER_DOMAINS_MAX, NEVER_REQUESTERS_MAX, NEVER_REST_MS, NEVER_RETURNS_MAX};
use crate::records::Key;
use crate::storage::After;

/// A host name's longest, bytes (RFC 1035 §2.3.4).
const HOST_BYTES_MAX: usize = 253;

/// The record `never`.
pub(crate) struct NeverRecord(pub(crate) Never);

struct Lists {
    domains: Vec<String>,
    requesters: Vec<String>,
}
fields!(Lists { 0 domains, 1 requesters });

impl Cbor for NeverRecord {
    fn write(&self, to: &mut Writer) {
        Lists { domains: self.0.domains.clone(), requesters: self.0.requesters.clone() }.write(to);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        let Lists { domains, requesters } = Cbor::read(from);
        Self(Never { domains, requesters })
    }
}

/// The list, and how much went back because of it.
#[derive(Debug, Default)]
pub(crate) struct Nevers {
    pub(crate) list: Never,
    returns_in_row: u32,
    rest_until: Option<Timestamp>,
}

impl Nevers {
    pub(crate) fn new(list: Never) -> Self {
        Self { list, ..Self::default() }
    }

    /// Whether an item is for somebody on the list, or to somewhere on it.
    pub(crate) fn refuses(&self, item: &Item) -> bool {
        let is_to = |item: &Item| match item {
            Item::Fetch(fetch) => self.judge_host(site_of(&fetch.url)).is_err(),
            Item::Judgment(_) => false,
        };
        self.list.requesters.iter().any(|name| name == item.requester()) || is_to(item)
    }

    pub(crate) fn judge_host(&self, host: &str) -> Result<(), Refusal> {
        judge_never(host, &self.list.domains)
    }

    /// Something went back.
    pub(crate) fn returned(&mut self, now: Timestamp) {
        self.returns_in_row += 1;
        if self.returns_in_row >= NEVER_RETURNS_MAX {
            (self.returns_in_row, self.rest_until) = (0, Some(now.plus(NEVER_REST_MS)));
        }
    }

    /// Something was taken.
    pub(crate) fn taken(&mut self) {
        self.returns_in_row = 0;
    }

    /// Until when no work is wanted. A clock that was set back must not make it long.
    pub(crate) fn rest_until(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.rest_until = self.rest_until.map(|at| at.min(now.plus(NEVER_REST_MS))).filter(|at| *at > now);
        self.rest_until
    }

    pub(crate) fn rests(&self) -> Option<Timestamp> {
        self.rest_until
    }
}

/// What a command names, as the list holds it; `None` if that can't be anything.
fn listed(what: NeverWhat) -> Option<NeverWhat> {
    match what {
        NeverWhat::Domain(host) => {
            let host = host.trim().trim_end_matches('.').to_ascii_lowercase();
            let is_host = (1..=HOST_BYTES_MAX).contains(&host.len()) && host.contains('.') && host.is_ascii();
            is_host.then(|| NeverWhat::Domain(registrable_domain(&host).to_owned()))
        }
        NeverWhat::Requester(name) => (1..=LABEL_BYTES_MAX).contains(&name.len()).then_some(NeverWhat::Requester(name)),
    }
}

impl Worker {
    pub(crate) fn never(&mut self, what: NeverWhat) {
        let Some(what) = listed(what) else { return };
        if self.nevers.list.has(&what) {
            return;
        }
        let (list, text, most) = match what {
            NeverWhat::Domain(domain) => (&mut self.nevers.list.domains, domain, NEVER_DOMAINS_MAX),
            NeverWhat::Requester(name) => (&mut self.nevers.list.requesters, name, NEVER_REQUESTERS_MAX),
        };
        if list.len() >= most {
            return self.notice(Notice::NeverFull);
        }
        list.push(text);
        self.storage.must_keep_settings();
        self.never_changed();
    }

    pub(crate) fn remove_never(&mut self, what: NeverWhat) {
        // By the list's spelling first: what stands there can always be taken back.
        let named = if self.nevers.list.has(&what) { Some(what) } else { listed(what) };
        let Some(what) = named.filter(|what| self.nevers.list.has(what)) else { return };
        match what {
            NeverWhat::Domain(domain) => self.nevers.list.domains.retain(|other| *other != domain),
            NeverWhat::Requester(name) => self.nevers.list.requesters.retain(|other| *other != name),
        }
        self.never_changed();
    }

    fn never_changed(&mut self) {
        self.persist([Key::Never], After::Nothing);
        self.changed();
    }

    /// Hands back what is held for whom nothing is done any more. What is signed already goes its way.
    pub(crate) fn stop_what_is_never(&mut self, now: Timestamp) {
        if self.nevers.list == Never::default() {
            return;
        }
        let refused = self.leases.iter().filter(|(_, lease)| !lease.is_done && self.nevers.refuses(&lease.item));
        let refused: Vec<Hash> = refused.map(|(offer, _)| *offer).collect();
        for offer in refused {
            self.give_back(offer, ReturnReason::Skipped, None);
        }
        // A redirect may have led there before it was on the list.
        let is_there = self.run.as_ref().is_some_and(|run| self.nevers.judge_host(run.site()).is_err());
        if is_there {
            self.refuse_run(Refusal::NeverDomain, now);
        }
    }
}
