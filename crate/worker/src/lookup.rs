//! A look-up before each hop, for browsers that can't refuse a private address by themselves (Firefox: `fetch`
//! has no `targetAddressSpace` there). Every address of the name is judged before the request is sent; the
//! one that then answers is judged again, as in every browser.

use lull_policy::judge_addresses;
use lull_protocol::Timestamp;

use crate::fetch::{Run, site_of};
use crate::{Effect, FetchId, Worker, limits};

impl Worker {
    /// Looks every hop's name up before its request.
    pub fn looking_up_first(mut self) -> Self {
        self.looks_up_first = true;
        self
    }

    /// Asks for the addresses of the next hop's name.
    pub(crate) fn look_up(&mut self, mut run: Run, url: String, now: Timestamp) {
        let timeout_ms = self.time_left_ms(&run, limits::LOOKUP_TIMEOUT_MS, now);
        // A URL that policy lets pass has neither port nor credentials around it.
        let host = site_of(&url).to_owned();
        self.effects.push_back(Effect::LookUp { fetch: run.id, host, timeout_ms });
        run.looking_up = Some(url);
        self.run = Some(run);
        self.changed();
    }

    /// The name's addresses are known: one that isn't public, or none at all, and nothing is sent.
    pub(crate) fn looked_up(&mut self, id: FetchId, addresses: &[String], now: Timestamp) {
        let Some((mut run, url)) = self.take_looking_up(id) else { return };
        if !self.may_fetch() {
            // It is about to be aborted: nothing is sent meanwhile.
            run.looking_up = Some(url);
            self.run = Some(run);
            return;
        }
        match judge_addresses(addresses.iter().map(String::as_str)) {
            Ok(()) => self.send_hop(run, url, now),
            Err(refusal) => self.refuse_hop(run, refusal, now),
        }
    }
}
