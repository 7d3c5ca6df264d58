//! What goes wrong, when its time comes, and how it ends.

use lull_disk::Weather;

use super::browser::{Browser, BrowserEvent};
use super::net::{Line, Peer};
use super::person::Person;
use super::storage::Storage;
use super::{Event, World};
use crate::mix::stream;
use crate::plan::{Element, Fault, FaultKind, HOUR, MINUTE, Ms};
use crate::table::{FaultName, Mark, Situation};

/// Batches that fail so that a fault can fall into that.
const BATCHES_REFUSED: u32 = 4;
/// How long something that was to happen in the middle of something waits for that.
const ARMED_MS_MAX: Ms = 10 * MINUTE;
/// After this long every lease that an attack could touch is over.
const ATTACK_FORGOTTEN_MS: Ms = HOUR;

impl World {
    fn fault_kind(&self, number: usize) -> Option<FaultKind> {
        match self.plan.elements.get(number)? {
            Element::Fault(fault) => Some(fault.kind.clone()),
            _ => None,
        }
    }

    /// The browser that a fault hits.
    fn hit(&self, who: usize) -> Option<usize> {
        let honest = self.browsers.iter().filter(|browser| browser.twin_of.is_none()).count();
        if honest == 0 { None } else { Some(who % honest) }
    }

    /// A fault's time has come; it may still wait for its situation.
    pub(crate) fn call_fault(&mut self, number: usize) {
        match self.plan.elements.get(number) {
            Some(Element::Fault(Fault { waits_for: Some(situation), kind, .. })) => {
                let (situation, who) = (*situation, target(kind).and_then(|who| self.hit(who)));
                self.waiting.push((number, situation, self.queue.now() + ARMED_MS_MAX));
                if let (Situation::Failing, Some(who)) = (situation, who) {
                    // Storage hardly ever fails by itself.
                    self.browser(who).storage.batches_refused = BATCHES_REFUSED;
                }
            }
            _ => self.begin_fault(number, None),
        }
    }

    /// Begins the faults whose situation is here; one that has waited too long never begins.
    pub(crate) fn look_for_situations(&mut self) {
        let now = self.queue.now();
        self.waiting.retain(|(_, _, until)| now <= *until);
        let mut here = Vec::new();
        for (number, situation, _) in &self.waiting {
            let Some(Element::Fault(fault)) = self.plan.elements.get(*number) else { continue };
            let is_here = match target(&fault.kind).and_then(|who| self.hit(who)) {
                Some(who) => {
                    let state = self.browsers.get(who).map(Browser::state);
                    state.map(Situation::of_worker) == Some(*situation)
                }
                None => self.house_situations().contains(situation),
            };
            if is_here {
                here.push((*number, *situation));
            }
        }
        for (number, situation) in here {
            self.waiting.retain(|(waiting, _, _)| *waiting != number);
            self.begin_fault(number, Some(situation));
        }
    }

    fn begin_fault(&mut self, number: usize, situation: Option<Situation>) {
        let Some(kind) = self.fault_kind(number) else { return };
        if target(&kind).is_some_and(|who| self.hit(who).is_none()) {
            return;
        }
        self.tally.faults += 1;
        self.mark_fault(&kind, situation);
        match kind {
            // None more to wait for: at this very moment, e.g. between a commit and its answer.
            FaultKind::KillHouse { outputs: 0, down_ms } if self.house.process.is_some() => {
                self.kill_house(false, down_ms);
            }
            FaultKind::KillHouse { outputs, down_ms } => self.house.kill_after = Some((outputs, down_ms)),
            FaultKind::StopDisk { changes, power, down_ms } => {
                self.house.armed = Some((power, down_ms));
                self.house.disk.stop_after(changes);
            }
            FaultKind::Restart { down_ms } => self.stop_house(down_ms),
            FaultKind::DiskErrors { read, write, sync, .. } => {
                self.set_weather(Weather { read, write, sync, ..self.house.weather });
            }
            FaultKind::DiskFull { room, .. } => {
                let bytes_max = self.house.disk.bytes() + room;
                self.set_weather(Weather { bytes_max, ..self.house.weather });
            }
            FaultKind::DiskSlow { commit_ms, .. } => self.house.commit_ms = commit_ms,
            FaultKind::HouseClock { by_ms } => self.house.clock_step_ms += by_ms,
            FaultKind::SitesDown { .. } => self.sites_down = true,
            of_browser => self.begin_fault_of_browser(of_browser),
        }
        self.queue.after(self.lasts(number), Event::FaultEnds(number));
    }

    fn begin_fault_of_browser(&mut self, kind: FaultKind) {
        let Some(who) = target(&kind).and_then(|who| self.hit(who)) else { return };
        let now = self.queue.now();
        let peer = Peer::Browser(who);
        match kind {
            FaultKind::KillBrowser { effects: 0, down_ms, silent, .. } => self.kill_and_reopen(who, down_ms, silent),
            FaultKind::KillBrowser { effects, down_ms, silent, .. } => {
                self.browser(who).kill_after = Some((effects, down_ms, silent));
                self.queue_browser(who, ARMED_MS_MAX, BrowserEvent::Kill);
            }
            FaultKind::Cut { silent, .. } => {
                for conn in self.net.of(peer) {
                    self.net.cut(&mut self.queue, conn, silent);
                }
            }
            FaultKind::Partition { for_ms, .. } => self.net.line(peer).parted_until = now + for_ms,
            FaultKind::Slow { latency_ms, bytes_per_ms, .. } => {
                let line = self.net.line(peer);
                (line.latency_ms, line.bytes_per_ms) = (latency_ms, bytes_per_ms);
            }
            FaultKind::Attack { of_thousand, .. } => {
                let me = self.browser(who).me;
                self.model.attacked(me);
                self.browser(who).attacks += 1;
                self.net.line(peer).attacked = of_thousand;
            }
            FaultKind::StorageErrors { of_thousand, .. } => self.browser(who).storage.errors = of_thousand,
            FaultKind::StorageFull { room, .. } => {
                let storage = &mut self.browser(who).storage;
                storage.bytes_max = Some(storage.bytes() + room);
            }
            FaultKind::ResultUnstored { batches, .. } => self.browser(who).storage.results_refused = batches,
            FaultKind::StorageSlow { latency_ms, .. } => self.browser(who).storage.latency_ms = latency_ms,
            FaultKind::ClockJump { by_ms, .. } => {
                let (me, at) = (self.browser(who).me, self.house_wall());
                self.browser(who).ahead_ms += by_ms;
                self.model.clock_jumped(me, at);
            }
            FaultKind::Twin { .. } => self.make_twin(who),
            FaultKind::DamagedRecord { .. } => self.damage_record(who),
            _ => {}
        }
    }

    /// How long a fault lasts; what only waits for its moment has so long.
    fn lasts(&self, number: usize) -> Ms {
        match self.fault_kind(number) {
            Some(
                FaultKind::DiskErrors { for_ms, .. }
                | FaultKind::DiskFull { for_ms, .. }
                | FaultKind::DiskSlow { for_ms, .. }
                | FaultKind::Slow { for_ms, .. }
                | FaultKind::Attack { for_ms, .. }
                | FaultKind::StorageErrors { for_ms, .. }
                | FaultKind::StorageFull { for_ms, .. }
                | FaultKind::StorageSlow { for_ms, .. }
                | FaultKind::Twin { for_ms, .. }
                | FaultKind::SitesDown { for_ms },
            ) => for_ms,
            _ => ARMED_MS_MAX,
        }
    }

    pub(crate) fn end_fault(&mut self, number: usize) {
        let Some(kind) = self.fault_kind(number) else { return };
        let who = target(&kind).and_then(|who| self.hit(who));
        match (kind, who) {
            (FaultKind::KillHouse { .. }, _) => {
                if let Some((_, down_ms)) = self.house.kill_after.filter(|_| self.house.process.is_some()) {
                    self.kill_house(false, down_ms);
                }
            }
            (FaultKind::StopDisk { .. }, _) => {
                if let Some((power, down_ms)) = self.house.armed.filter(|_| self.house.process.is_some()) {
                    self.kill_house(power, down_ms);
                }
            }
            (FaultKind::DiskErrors { .. }, _) => {
                self.set_weather(Weather { bytes_max: self.house.weather.bytes_max, ..Weather::FAIR });
            }
            (FaultKind::DiskFull { .. }, _) => {
                self.set_weather(Weather { bytes_max: u64::MAX, ..self.house.weather });
            }
            (FaultKind::DiskSlow { .. }, _) => self.house.commit_ms = self.plan.commit_ms,
            (FaultKind::SitesDown { .. }, _) => self.sites_down = false,
            (FaultKind::Slow { .. }, Some(who)) => {
                let fair = self.fair_line(who);
                let line = self.net.line(Peer::Browser(who));
                (line.latency_ms, line.bytes_per_ms) = (fair.latency_ms, fair.bytes_per_ms);
            }
            (FaultKind::Attack { .. }, Some(who)) => self.end_attack(who),
            (FaultKind::StorageErrors { .. }, Some(who)) => self.browser(who).storage.errors = 0,
            (FaultKind::StorageFull { .. }, Some(who)) => self.browser(who).storage.bytes_max = None,
            (FaultKind::StorageSlow { .. }, Some(who)) => self.browser(who).storage.latency_ms = 5,
            (FaultKind::Twin { .. }, Some(who)) => self.end_twins(Some(who)),
            _ => {}
        }
    }

    /// Whoever was between goes, and the connections through them with it: so a frame that was taken out is
    /// missed until then at most. Without such a one a connection loses nothing but its end.
    fn end_attack(&mut self, who: usize) {
        let peer = Peer::Browser(who);
        if std::mem::take(&mut self.net.line(peer).attacked) > 0 {
            for conn in self.net.of(peer) {
                self.net.cut(&mut self.queue, conn, false);
            }
            let attacks = self.browser(who).attacks;
            self.queue.after(ATTACK_FORGOTTEN_MS, Event::AttackForgotten { who, attacks });
        }
    }

    /// Nothing is left of an attack, unless another one came.
    pub(crate) fn forget_attack(&mut self, who: usize, attacks: u32) {
        let browser = self.browser(who);
        let me = browser.me;
        if browser.attacks == attacks {
            self.model.forget_attack(me);
        }
    }

    fn set_weather(&mut self, weather: Weather) {
        self.house.weather = weather;
        self.house.disk.set_weather(weather);
    }

    pub(crate) fn fair_line(&mut self, who: usize) -> Line {
        let plan = &self.browser(who).plan;
        Line { latency_ms: plan.latency_ms, bytes_per_ms: plan.bytes_per_ms, parted_until: 0, attacked: 0 }
    }

    /// A second browser with the first one's key and records, as a copied profile makes it.
    fn make_twin(&mut self, who: usize) {
        let number = self.browsers.len();
        let browser = self.browser(who);
        let twin = Browser {
            plan: browser.plan.clone(),
            key: browser.key.clone(),
            me: browser.me,
            era: 0,
            background: None,
            storage: Storage::with(browser.storage.load()),
            person: Person::new(stream(number as u64, "twin", who as u64)),
            surroundings: browser.surroundings,
            ahead_ms: browser.ahead_ms,
            kill_after: None,
            attacks: 0,
            twin_of: Some(who),
            hello: Vec::new(),
        };
        self.model.twinned(twin.me);
        self.browsers.push(twin);
        let line = self.fair_line(number);
        self.net.set_line(Peer::Browser(number), line);
        self.start_browser(number);
    }

    fn end_twins(&mut self, of: Option<usize>) {
        for number in 0..self.browsers.len() {
            let twin_of = self.browser(number).twin_of;
            if twin_of.is_some() && (of.is_none() || of == twin_of) {
                self.kill_browser(number, false);
            }
        }
    }

    /// The browser ends, and one of its records is damaged when it starts again.
    fn damage_record(&mut self, who: usize) {
        self.kill_browser(who, false);
        let mut rng = self.rng.fork();
        let browser = self.browser(who);
        let me = browser.me;
        if let Some(key) = browser.storage.damage(&mut rng) {
            self.model.damaged(me, &key);
        }
        self.queue.after(1, Event::BrowserStarts { who });
    }

    /// All faults stop: the sky is clear, everybody is there and wants to work, the coordinator too.
    pub(crate) fn calm(&mut self) {
        self.is_calm = true;
        self.set_weather(Weather::FAIR);
        self.house.commit_ms = self.plan.commit_ms;
        self.house.kill_after = None;
        if self.house.armed.take().is_some() {
            self.house.disk.stop_after(u64::MAX / 2);
        }
        match &mut self.house.process {
            Some(process) => process.stopping = process.stopping.map(|_| 0),
            None => self.queue.after(0, Event::HouseStarts),
        }
        self.sites_down = false;
        self.calm_paying();
        self.end_twins(None);
        let now = self.queue.now();
        for liar in &mut self.liars {
            liar.plan.until = now;
        }
        for who in 0..self.browsers.len() {
            if self.browser(who).twin_of.is_some() {
                continue;
            }
            self.end_attack(who);
            let line = self.fair_line(who);
            self.net.set_line(Peer::Browser(who), line);
            let browser = self.browser(who);
            browser.kill_after = None;
            browser.storage.calm();
            self.make_diligent(who);
        }
    }

    fn mark_fault(&mut self, kind: &FaultKind, waited_for: Option<Situation>) {
        let situation = match (waited_for, target(kind).and_then(|who| self.hit(who))) {
            (Some(situation), _) => situation,
            (None, Some(who)) => Situation::of_worker(self.browser(who).state()),
            (None, None) => self.house_situations().into_iter().max().unwrap_or(Situation::Down),
        };
        self.mark(Mark::Fault(FaultName::of(kind), situation));
        if self.pay.is_some() && target(kind).is_none() {
            self.mark(Mark::Paying(FaultName::of(kind), self.pay_state()));
        }
    }

    /// All that goes on in the coordinator.
    fn house_situations(&self) -> Vec<Situation> {
        let Some(process) = &self.house.process else { return vec![Situation::Down] };
        let mut all = vec![Situation::Quiet];
        if !process.sessions.is_empty() {
            all = process.sessions.values().map(|serving| Situation::of_house(serving.state())).collect();
        }
        if process.committing.is_some() || !process.commands.is_empty() {
            all.push(Situation::Committing);
        }
        all
    }
}

/// Whom a fault hits, if it is a browser.
fn target(kind: &FaultKind) -> Option<usize> {
    match kind {
        FaultKind::KillBrowser { who, .. }
        | FaultKind::Cut { who, .. }
        | FaultKind::Partition { who, .. }
        | FaultKind::Slow { who, .. }
        | FaultKind::Attack { who, .. }
        | FaultKind::StorageErrors { who, .. }
        | FaultKind::StorageFull { who, .. }
        | FaultKind::StorageSlow { who, .. }
        | FaultKind::ResultUnstored { who, .. }
        | FaultKind::ClockJump { who, .. }
        | FaultKind::Twin { who, .. }
        | FaultKind::DamagedRecord { who } => Some(*who),
        FaultKind::KillHouse { .. }
        | FaultKind::StopDisk { .. }
        | FaultKind::Restart { .. }
        | FaultKind::DiskErrors { .. }
        | FaultKind::DiskFull { .. }
        | FaultKind::DiskSlow { .. }
        | FaultKind::HouseClock { .. }
        | FaultKind::SitesDown { .. } => None,
    }
}
