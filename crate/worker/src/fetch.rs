//! Fetches: one at a time, one request per hop; policy judges each URL before its request, and the
//! address that answered before a redirect is followed or a body byte is read. Where the browser needs it,
//! the name's addresses are judged before the request as well (`lookup.rs`).
//!
//! Outcomes by status: 2xx `ok` (206 is a part nobody asked for: `network`), 404 and 410 `not_found`,
//! any other 4xx `blocked` (the site refused; 408 is `timeout`), 5xx and everything that should not
//! end a fetch (1xx, 304, …) `network`. A published challenge signal makes it `challenge` whatever the
//! status. A redirect that policy refuses is `policy`, with the refusal's code and the hops so far.

use lull_policy::caps::Ask;
use lull_policy::{HEADERS_KEPT, Refusal, judge_address, judge_url};
use lull_protocol::limits::{HEADER_VALUE_BYTES_MAX, HEADERS_MAX, HOPS_MAX};
use lull_protocol::message::ReturnReason;
use lull_protocol::statement::{FetchReport, Header, Hop, Outcome, Report, Traffic};
use lull_protocol::{FetchItem, Hash, Item, Method, Timestamp};
use lull_view::{BandwidthState, BandwidthWhen};

use crate::answer::{judge_content, location};
use crate::body::{Reading, domain_of_url};
use crate::caps::Turn;
use crate::records::Key;
use crate::traffic::{add, count, traffic};
use crate::{Effect, FetchFailure, FetchId, HopHead, Worker, limits};

/// The fetch under way.
#[derive(Debug)]
pub(crate) struct Run {
    /// The request under way; a new number for each hop.
    pub(crate) id: FetchId,
    offer: Hash,
    pub(crate) item: FetchItem,
    /// Coordinator's clock.
    started_at: Timestamp,
    deadline: Timestamp,
    hops: Vec<Hop>,
    /// The next hop's URL while its name is looked up: nothing was sent to it yet.
    pub(crate) looking_up: Option<String>,
    /// The last hop's, once it answered.
    pub(crate) head: Option<HopHead>,
    head_ms: u64,
    /// Of all hops that answered.
    pub(crate) traffic: Traffic,
    /// The body that is being read.
    pub(crate) reading: Option<Reading>,
    /// The next request, as long as it waits for its turn; none is under way then.
    next: Option<Next>,
}

/// A request that policy lets pass and that waits until the caps let it, too, and storage has counted it.
#[derive(Debug)]
struct Next {
    url: String,
    /// Its number once it is counted.
    number: Option<u64>,
}

/// How a fetch ended.
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) body: Vec<u8>,
    pub(crate) encoded_bytes: u64,
}

impl End {
    pub(crate) fn without_body(outcome: Outcome) -> Self {
        Self { outcome, refusal: None, body: Vec::new(), encoded_bytes: 0 }
    }
    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self { refusal: Some(refusal), ..Self::without_body(Outcome::Policy) }
    }
}

impl Run {
    pub(crate) fn last_url(&self) -> Option<&str> {
        self.hops.last().map(|hop| hop.url.as_str())
    }

    /// Whether the shell has a response of it that may still bring bytes.
    pub(crate) fn is_open(&self) -> bool {
        self.next.is_none() && self.looking_up.is_none()
    }

    /// The site of the hop under way, or of the one that is about to be.
    pub(crate) fn site(&self) -> &str {
        let next = self.next.as_ref().map(|next| next.url.as_str());
        site_of(next.or(self.looking_up.as_deref()).or(self.last_url()).unwrap_or(&self.item.url))
    }
}

/// The host of a URL, for the person's eyes; not judged.
pub(crate) fn site_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

/// How a final answer counts.
pub(crate) fn outcome_of(head: &HopHead) -> Outcome {
    if is_challenge(head) {
        return Outcome::Challenge;
    }
    match head.status {
        206 => Outcome::Network,
        200..=299 => Outcome::Ok,
        404 | 410 => Outcome::NotFound,
        408 => Outcome::Timeout,
        400..=499 => Outcome::Blocked,
        _ => Outcome::Network,
    }
}

/// The signals by which services say that they ask for proof of a human: Cloudflare's `cf-mitigated`
/// and AWS WAF's `x-amzn-waf-action`, both documented by them. Nothing is guessed from bodies.
fn is_challenge(head: &HopHead) -> bool {
    head.headers.iter().any(|(name, value)| {
        let value = value.trim().to_ascii_lowercase();
        (name.eq_ignore_ascii_case("cf-mitigated") && value == "challenge")
            || (name.eq_ignore_ascii_case("x-amzn-waf-action") && (value == "challenge" || value == "captcha"))
    })
}

/// The headers a result carries. A value that is too long is left out: a cut one would say something else.
fn headers_kept(head: &HopHead) -> Vec<Header> {
    let kept = head.headers.iter().filter_map(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let is_kept = HEADERS_KEPT.contains(&name.as_str()) && value.len() <= HEADER_VALUE_BYTES_MAX;
        is_kept.then(|| Header { name, value: value.clone() })
    });
    kept.take(HEADERS_MAX).collect()
}

/// Whether the head alone says that the body, sent as it is, is over the ceiling.
fn announces_too_much(head: &HopHead, bytes_max: u64) -> bool {
    let find = |wanted: &str| head.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let is_plain = find("content-encoding").is_none_or(|(_, value)| value.eq_ignore_ascii_case("identity"));
    let length = find("content-length").and_then(|(_, value)| value.trim().parse::<u64>().ok());
    is_plain && length.is_some_and(|length| length > bytes_max)
}

impl Worker {
    /// What bandwidth does now, or why it does nothing.
    pub(crate) fn bandwidth_state(&self) -> BandwidthState {
        let ready = || if self.run.is_some() { BandwidthState::Fetching } else { BandwidthState::Idle };
        let state = || self.waiting_for().unwrap_or_else(ready);
        self.in_the_way().unwrap_or_else(state)
    }

    /// What keeps every fetch from being sent.
    fn in_the_way(&self) -> Option<BandwidthState> {
        if let Some(barrier) = self.barrier() {
            return Some(barrier);
        }
        if !self.settings.bandwidth {
            return Some(BandwidthState::Off);
        }
        if !self.has_consent() {
            return Some(BandwidthState::NeedsConsent);
        }
        // Before the operator's card was seen it stands still as in a pause.
        if self.settings.paused || !self.settings.card_seen {
            return Some(BandwidthState::Paused);
        }
        let Some(surroundings) = self.surroundings else { return Some(BandwidthState::WaitingForAway) };
        if !surroundings.host_permission {
            Some(BandwidthState::NoPermission)
        } else if surroundings.data_saver {
            Some(BandwidthState::DataSaver)
        } else if let Some(limited) = self.limited() {
            Some(limited)
        } else if !surroundings.away && self.settings.bandwidth_when != BandwidthWhen::Always {
            Some(BandwidthState::WaitingForAway)
        } else {
            None
        }
    }

    /// Whether a request may be sent now.
    pub(crate) fn may_fetch(&self) -> bool {
        self.in_the_way().is_none()
    }

    /// Stops the fetch under way; its lease stays.
    pub(crate) fn abort_run(&mut self) {
        if let Some(run) = self.run.take() {
            if run.next.is_none() {
                self.effects.push_back(Effect::AbortFetch { fetch: run.id });
            }
            self.count_given_up(&run);
            self.changed();
        }
    }

    pub(crate) fn abort_run_of(&mut self, offer: &Hash) {
        if self.run.as_ref().is_some_and(|run| run.offer == *offer) {
            self.abort_run();
        }
    }

    /// Begins the next fetch. One that policy refuses is over at once, so another may begin.
    pub(crate) fn begin_fetches(&mut self, now: Timestamp) {
        while let Some(run) = self.next_run(now) {
            let url = run.item.url.clone();
            self.request(run, url, now);
        }
    }

    /// Chooses and counts the next fetch: the lease or result that is about to be written takes the count along.
    pub(crate) fn count_next_fetch(&mut self, now: Timestamp) {
        let Some(mut run) = self.next_run(now) else { return };
        let url = run.item.url.clone();
        if self.judge_next(&run, &url).is_ok() {
            let number = Some(self.count_request(domain_of_url(&url), now));
            run.next = Some(Next { url, number });
            self.run = Some(run);
        }
    }

    /// The fetch whose turn it is, if none is under way.
    fn next_run(&mut self, now: Timestamp) -> Option<Run> {
        if self.run.is_some() || !self.may_fetch() || self.storage.is_failing() {
            return None;
        }
        let offer = self.next_to_fetch(now)?;
        let lease = self.leases.get(&offer)?;
        let Item::Fetch(item) = lease.item.clone() else { return None };
        Some(Run {
            id: FetchId(0),
            offer,
            deadline: lease.offer.deadline,
            started_at: self.coordinator_now(now).max(lease.offer.issued_at),
            hops: Vec::new(),
            looking_up: None,
            head: None,
            head_ms: 0,
            traffic: Traffic::default(),
            reading: None,
            next: None,
            item,
        })
    }

    /// The first lease whose turn it is. One that the caps don't let pass in time goes back.
    fn next_to_fetch(&mut self, now: Timestamp) -> Option<Hash> {
        let room_bytes = limits::BODIES_BYTES_MAX.saturating_sub(self.bodies_bytes());
        let open = self.leases.iter().filter(|(_, lease)| !lease.is_done);
        let fetches = open.filter_map(|(offer, lease)| match &lease.item {
            Item::Fetch(item) => {
                let domain = domain_of_url(&item.url).to_owned();
                Some((*offer, domain, item.bytes_max.get(), self.clock.to_local(lease.offer.deadline)))
            }
            Item::Judgment(_) => None,
        });
        let fetches: Vec<_> = fetches.filter(|(_, _, bytes_max, _)| *bytes_max <= room_bytes).collect();
        for (offer, domain, bytes_max, deadline) in fetches {
            match self.turn(Ask::Begin { domain: &domain, bytes_max }, deadline.max(now)) {
                Turn::Now => return Some(offer),
                Turn::Later => {}
                Turn::TooLate => self.give_back(offer, ReturnReason::SwitchedOff, None),
            }
        }
        None
    }

    /// Makes ready the next request, if policy lets its URL pass.
    fn request(&mut self, mut run: Run, url: String, now: Timestamp) {
        if let Err(refusal) = self.judge_next(&run, &url) {
            return self.finish(run, End::refused(refusal), now);
        }
        run.next = Some(Next { url, number: None });
        self.run = Some(run);
        self.changed();
        self.send_next(now);
    }

    fn judge_next(&self, run: &Run, url: &str) -> Result<(), Refusal> {
        judge_url(url, run.item.http_allowed)?;
        self.nevers.judge_host(site_of(url))?;
        if run.hops.len() >= HOPS_MAX { Err(Refusal::TooManyHops) } else { Ok(()) }
    }

    /// Sends the request that waits, once the caps let it and storage has counted it.
    pub(crate) fn send_next(&mut self, now: Timestamp) {
        if !self.may_fetch() {
            return;
        }
        let Some(mut run) = self.run.take() else { return };
        let Some(mut next) = run.next.take() else {
            self.run = Some(run);
            return;
        };
        // A first request has had its turn when it was chosen.
        if next.number.is_none() && !run.hops.is_empty() {
            let deadline = self.clock.to_local(run.deadline).max(now);
            match self.turn(Ask::Hop { domain: domain_of_url(&next.url) }, deadline) {
                Turn::Now => {}
                Turn::Later => {
                    run.next = Some(next);
                    self.run = Some(run);
                    return;
                }
                Turn::TooLate => return self.give_back(run.offer, ReturnReason::SwitchedOff, None),
            }
        }
        let number = next.number.unwrap_or_else(|| self.count_request(domain_of_url(&next.url), now));
        next.number = Some(number);
        if !self.is_request_durable(number) || !self.is_covered(0) {
            run.next = Some(next);
            self.run = Some(run);
            return;
        }
        if run.hops.is_empty() {
            // It has waited for storage: what it takes is counted from here.
            run.started_at = run.started_at.max(self.coordinator_now(now));
        }
        self.next_fetch += 1;
        run.id = FetchId(self.next_fetch);
        if self.looks_up_first {
            self.look_up(run, next.url, now);
        } else {
            self.send_hop(run, next.url, now);
        }
    }

    /// Sends the request of a hop that policy lets pass.
    pub(crate) fn send_hop(&mut self, mut run: Run, url: String, now: Timestamp) {
        self.request_goes(domain_of_url(&url), now);
        run.hops.push(Hop { url: url.clone(), address: String::new(), status: 0 });
        run.head = None;
        let timeout_ms = self.time_left_ms(&run, limits::HEAD_TIMEOUT_MS, now);
        self.effects.push_back(Effect::Fetch { fetch: run.id, url, method: run.item.method, timeout_ms });
        self.run = Some(run);
        self.changed();
    }

    pub(crate) fn time_left_ms(&self, run: &Run, most_ms: u64, now: Timestamp) -> u64 {
        run.deadline.since(self.coordinator_now(now)).clamp(1, most_ms)
    }

    /// Takes the run out if the event is about the request under way and in this state.
    pub(crate) fn take_run(&mut self, id: FetchId, has_head: bool) -> Option<Run> {
        let is_sent = |run: &Run| run.is_open() && run.head.is_some() == has_head;
        self.run.take_if(|run| run.id == id && is_sent(run))
    }

    /// Takes the run out if the event is about the look-up under way; with the URL that it is for.
    pub(crate) fn take_looking_up(&mut self, id: FetchId) -> Option<(Run, String)> {
        let mut run = self.run.take_if(|run| run.id == id && run.looking_up.is_some())?;
        let url = run.looking_up.take()?;
        Some((run, url))
    }

    /// Ends a fetch whose next hop policy refuses; nothing was sent to it.
    pub(crate) fn refuse_hop(&mut self, run: Run, refusal: Refusal, now: Timestamp) {
        self.finish(run, End::refused(refusal), now);
    }

    pub(crate) fn hop_answered(&mut self, id: FetchId, head: HopHead, now: Timestamp) {
        let Some(mut run) = self.take_run(id, false) else { return };
        run.head_ms = self.coordinator_now(now).since(run.started_at);
        let judged = judge_address(head.address.as_deref());
        if let Some(hop) = run.hops.last_mut() {
            let heads = traffic(run.item.method, &hop.url, Some(&head), 0);
            run.traffic = add(run.traffic, heads);
            self.count_bytes(heads.sent.get().saturating_add(heads.received.get()));
        }
        if let Err(refusal) = judged {
            self.effects.push_back(Effect::AbortFetch { fetch: run.id });
            run.head = Some(head);
            self.count_unread(&run);
            // Whoever answered from inside has said nothing to a buyer: neither where, nor with what.
            run.head = None;
            return self.finish(run, End::refused(refusal), now);
        }
        if let Some(hop) = run.hops.last_mut() {
            hop.address = head.address.clone().unwrap_or_default();
            hop.status = head.status;
        }
        run.head = Some(head.clone());
        if matches!(head.status, 301 | 302 | 303 | 307 | 308) {
            return self.redirected(run, location(&head), now);
        }
        let outcome = outcome_of(&head);
        let ceiling_bytes = run.item.bytes_max.get();
        if !outcome.is_paid() || run.item.method == Method::Head {
            self.close(run, End::without_body(outcome), now);
        } else if announces_too_much(&head, ceiling_bytes) {
            self.close(run, End::refused(Refusal::TooLarge), now);
        } else if let Err(refusal) = judge_content(&head) {
            self.close(run, End::refused(refusal), now);
        } else {
            run.reading = Some(Reading::new());
            self.run = Some(run);
        }
    }

    fn redirected(&mut self, run: Run, location: Option<String>, now: Timestamp) {
        let Some(url) = location else { return self.close(run, End::refused(Refusal::BadRedirect), now) };
        // The redirect's own body is nobody's.
        self.effects.push_back(Effect::AbortFetch { fetch: run.id });
        self.count_unread(&run);
        self.request(run, url, now);
    }

    /// Ends a fetch whose response is still open in the shell.
    pub(crate) fn close(&mut self, run: Run, end: End, now: Timestamp) {
        self.effects.push_back(Effect::AbortFetch { fetch: run.id });
        self.count_unread(&run);
        self.finish(run, end, now);
    }

    pub(crate) fn fetch_failed(&mut self, id: FetchId, failure: FetchFailure, encoded_bytes: u64, now: Timestamp) {
        let Some(mut run) = self.run.take_if(|run| run.id == id && run.next.is_none()) else { return };
        if let (None, None, Some(hop)) = (&run.looking_up, &run.head, run.hops.last()) {
            let asked = traffic(run.item.method, &hop.url, None, 0);
            run.traffic = add(run.traffic, asked);
            self.count_bytes(asked.sent.get().saturating_add(asked.received.get()));
        }
        if run.is_open() {
            self.count_unread(&run);
        }
        let end = match failure {
            FetchFailure::Network => End::without_body(Outcome::Network),
            FetchFailure::Timeout => End::without_body(Outcome::Timeout),
            FetchFailure::TooLarge => End::refused(Refusal::TooLarge),
        };
        self.finish(run, End { encoded_bytes, ..end }, now);
    }

    /// Ends the fetch under way because policy has changed.
    pub(crate) fn refuse_run(&mut self, refusal: Refusal, now: Timestamp) {
        let Some(run) = self.run.take() else { return };
        if run.is_open() {
            return self.close(run, End::refused(refusal), now);
        }
        // What came before is counted, and nothing was sent to the next hop.
        if run.looking_up.is_some() {
            self.effects.push_back(Effect::AbortFetch { fetch: run.id });
        }
        self.finish(run, End::refused(refusal), now);
    }

    pub(crate) fn finish(&mut self, run: Run, end: End, now: Timestamp) {
        let body_traffic = self.count_body(&run, end.encoded_bytes);
        let all = add(run.traffic, body_traffic);
        let report = FetchReport {
            outcome: end.outcome,
            status: run.head.as_ref().map_or(0, |head| head.status),
            headers: run.head.as_ref().map(headers_kept).unwrap_or_default(),
            body_hash: Hash::of(&end.body),
            body_bytes: count(end.body.len() as u64),
            hops: run.hops,
            traffic: all,
            head_ms: run.head_ms,
            reason: end.refusal.map(|refusal| refusal.code().to_owned()),
        };
        self.counters.fetches = self.counters.fetches.saturating_add(1);
        let bytes = all.sent.get().saturating_add(all.received.get());
        self.counters.bytes = self.counters.bytes.saturating_add(bytes);
        // In one batch with the result.
        self.persist_lazily(Key::Counters);
        self.complete(run.offer, Report::Fetch(report), run.started_at, end.body, now);
    }
}
