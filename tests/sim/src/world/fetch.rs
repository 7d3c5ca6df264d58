//! What a browser asks of the web, and what comes back.

use lull_worker::{Event as Happened, FetchFailure, FetchId};

use super::World;
use super::browser::{BrowserEvent, Hop};
use super::web::{self, Answer, Names};
use crate::mix::chance;
use crate::model::broken;
use crate::plan::{Ms, SECOND};

impl World {
    /// The browser asks its resolver; nothing leaves for the site.
    pub(crate) fn look_up(&mut self, who: usize, fetch: FetchId, host: String, timeout_ms: Ms) {
        let (me, is_twin) = (self.browser(who).me, self.browser(who).twin_of.is_some());
        self.mix.bytes(host.as_bytes());
        let url = format!("https://{host}/");
        if !web::looks_up(&me) {
            return self.check(Err(broken("policy on every hop", format!("{host} is looked up for nothing"))));
        }
        if !is_twin {
            let checked = self.model.consent.may_fetch(me, &url);
            self.check(checked);
        }
        self.person_may_interrupt(who);
        let failed = |failure| Happened::FetchFailed { fetch, failure, encoded_bytes: 0 };
        let (after_ms, happened) = match web::names(self.plan.seed, &url) {
            Names::Are { after_ms, addresses } => (after_ms, Happened::LookedUp { fetch, addresses }),
            Names::Fails { after_ms } => (after_ms, failed(FetchFailure::Network)),
            Names::Silence => (timeout_ms, failed(FetchFailure::Timeout)),
        };
        if let Some(background) = &mut self.browser(who).background {
            background.hops.insert(fetch, Hop { url, body: None, is_public: false, read: 0, came: 0 });
        }
        self.queue_browser(who, after_ms.min(timeout_ms), BrowserEvent::Fetched(fetch, Box::new(happened)));
    }

    /// One request leaves the browser: the model looks at each.
    pub(crate) fn request(&mut self, who: usize, fetch: FetchId, url: String, timeout_ms: Ms) {
        let (me, is_twin) = (self.browser(who).me, self.browser(who).twin_of.is_some());
        self.tally.requests += 1;
        self.mix.bytes(url.as_bytes());
        if web::is_lure(&url) {
            let what = format!("{url} was asked for although only a private address leads there");
            return self.check(Err(broken("no private address", what)));
        }
        if web::looks_up(&me) && !web::is_name_public(self.plan.seed, &url) {
            let what = format!("{url} was asked for although its name leads to more than public addresses");
            return self.check(Err(broken("no private address", what)));
        }
        if !is_twin {
            let checked = self.model.consent.fetches(me, &url);
            self.check(checked);
            let now = self.browser_wall(who);
            let checked = self.model.caps.requests(me, &url, now);
            self.check(checked);
        }
        self.person_may_interrupt(who);
        let answer = if self.sites_down { Answer::Silence } else { web::answer(self.plan.seed, &url) };
        let (after_ms, happened, body, is_public) = match answer {
            Answer::Head { after_ms, head, body } => {
                let is_public = web::is_public(head.address.as_deref());
                (after_ms, Happened::HopAnswered { fetch, head }, Some(body), is_public)
            }
            Answer::Fails { after_ms, failure } => {
                (after_ms, Happened::FetchFailed { fetch, failure, encoded_bytes: 0 }, None, true)
            }
            Answer::Silence => (Ms::MAX, Happened::Tick, None, true),
        };
        let timeout = Happened::FetchFailed { fetch, failure: FetchFailure::Timeout, encoded_bytes: 0 };
        let (after_ms, happened) = if after_ms <= timeout_ms { (after_ms, happened) } else { (timeout_ms, timeout) };
        if let Some(background) = &mut self.browser(who).background {
            background.hops.insert(fetch, Hop { url, body, is_public, read: 0, came: 0 });
        }
        self.queue_browser(who, after_ms, BrowserEvent::Fetched(fetch, Box::new(happened)));
    }

    /// Reads on in a body, as far as it is allowed.
    pub(crate) fn read_body(
        &mut self,
        who: usize,
        fetch: FetchId,
        allowance_bytes: u64,
        (bytes_max, timeout_ms): (u64, Ms),
    ) {
        let now = self.browser_wall(who);
        let (me, is_twin) = (self.browser(who).me, self.browser(who).twin_of.is_some());
        if !is_twin {
            let checked = self.model.caps.grants(me, allowance_bytes, now);
            self.check(checked);
        }
        let Some(background) = &mut self.browser(who).background else { return };
        let Some(hop) = background.hops.get_mut(&fetch) else { return };
        let (url, is_public) = (hop.url.clone(), hop.is_public);
        let Some(body) = hop.body else { return };
        if !is_public {
            let what = format!("the body of {url} was read although a private address answered");
            return self.check(Err(broken("no private address", what)));
        }
        let (bytes, shell_counts) = (body.size(bytes_max), body.seed % 2 == 0);
        let ends_at = body.breaks_at.unwrap_or(bytes).min(bytes) as u64;
        let until = hop.read.saturating_add(allowance_bytes);
        let came = ends_at.min(until).saturating_sub(hop.read);
        hop.read = until;
        hop.came = came;
        if ends_at >= until && until <= bytes_max {
            let told = Happened::BodyProgress { fetch, bytes: until };
            return self.queue_browser(who, 1 + body.after_ms / 4, BrowserEvent::Fetched(fetch, Box::new(told)));
        }
        let failed = |failure, bytes: usize| Happened::FetchFailed { fetch, failure, encoded_bytes: bytes as u64 };
        let (after_ms, happened) = if body.after_ms > timeout_ms {
            (timeout_ms, failed(FetchFailure::Timeout, 0))
        } else if let Some(at) = body.breaks_at.filter(|at| *at < bytes) {
            (body.after_ms, failed(FetchFailure::Network, at))
        } else if bytes as u64 > bytes_max && (shell_counts || body.beyond.is_none()) {
            (body.after_ms, failed(FetchFailure::TooLarge, usize::try_from(bytes_max).unwrap_or(bytes)))
        } else {
            // One byte too many may slip through a shell that counts what is encoded: the machine counts again.
            let read = body.read(bytes_max);
            (body.after_ms, Happened::BodyRead { fetch, encoded_bytes: read.len() as u64, body: read })
        };
        self.queue_browser(who, after_ms, BrowserEvent::Fetched(fetch, Box::new(happened)));
    }

    /// Now and then the person comes back, or changes their mind, in the middle of a fetch.
    fn person_may_interrupt(&mut self, who: usize) {
        let mut rng = self.rng.fork();
        if chance(&mut rng, 40) {
            self.queue_browser(who, rng.u64(..2 * SECOND), BrowserEvent::Interrupt);
        }
    }

    /// An answer reaches the background, unless it gave the request up.
    pub(crate) fn fetched(&mut self, who: usize, fetch: FetchId, happened: Happened) {
        let Some(background) = &mut self.browser(who).background else { return };
        if !background.hops.contains_key(&fetch) {
            return;
        }
        let is_lookup = matches!(happened, Happened::LookedUp { .. });
        let came = background.hops.get_mut(&fetch).map_or(0, |hop| std::mem::take(&mut hop.came));
        if is_lookup || matches!(happened, Happened::BodyRead { .. } | Happened::FetchFailed { .. }) {
            background.hops.remove(&fetch);
        }
        let (me, is_twin, now) = (self.browser(who).me, self.browser(who).twin_of.is_some(), self.browser_wall(who));
        if !is_twin {
            self.model.caps.reads(me, came, now);
        }
        if !is_lookup {
            self.feed(who, Happened::RequestEvents { own: 1, foreign: 0 });
        }
        self.feed(who, happened);
    }
}
