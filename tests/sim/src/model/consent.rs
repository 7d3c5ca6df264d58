//! Consent: what each person allows, and what of it was durable when the background ended.

use std::collections::{BTreeMap, BTreeSet};

use lull_protocol::statement::{JobClass, Report, WorkResult};
use lull_protocol::{Hash, PublicKey, Timestamp, ToCoordinator, WarningSet, cose};
use lull_view::{BandwidthWhen, Command, Never, NeverWhat, Pause, Settings, Statement};
use lull_worker::Surroundings;

use super::{Holds, broken, must};
use crate::world::{may_be_asked, shows};

const CONSENT: &str = "nothing before consent";
const HOUR_MS: u64 = 3_600_000;

/// What all persons allow.
#[derive(Debug, Default)]
pub(crate) struct Consents(BTreeMap<PublicKey, Consent>);

#[derive(Debug, Default)]
struct Consent {
    /// As commanded.
    wanted: Settings,
    /// As surely stored.
    stored: Settings,
    /// Batches under way that hold settings, and what they were.
    under_way: Vec<(u64, Settings)>,
    surroundings: Surroundings,
    /// To bandwidth: as commanded, and whether it was at any time.
    is_agreed: bool,
    was_agreed: bool,
    /// When the pause ends by itself, and how long it may last.
    pause: Option<(Timestamp, u64)>,
    /// Whom the person never wants to serve, since the last start.
    never: Never,
    /// Domains that were ever on that list, in whichever browser has this key.
    was_never: BTreeSet<String>,
    /// The record was damaged: nobody knows what it says.
    is_lost: bool,
    /// What held bandwidth back is lost: where bandwidth is on, it must start paused.
    must_pause: bool,
    /// The answer that may still be sent while the command is carried out that pauses or switches judgments off.
    last_word: Option<Hash>,
    /// Which sensitive content the person wants, since the last start.
    warnings: WarningSet,
}

impl Consent {
    /// Whether who manages the browser forbids bandwidth.
    fn is_barred(&self) -> bool {
        let managed = self.surroundings.managed;
        !managed.allows_bandwidth.unwrap_or(!managed.is_installed_by_policy)
    }

    /// Who manages the browser switches bandwidth off.
    fn obey(&mut self) {
        self.wanted.bandwidth &= !self.is_barred();
    }
}

impl Consents {
    fn of(&mut self, worker: PublicKey) -> &mut Consent {
        self.0.entry(worker).or_default()
    }

    /// The background started with these settings: they must be what was stored, or was about to be. Consent
    /// to bandwidth is there only if it was given once; if its record is gone, nothing happens without it.
    pub(crate) fn started(
        &mut self,
        worker: PublicKey,
        found: Settings,
        is_agreed: bool,
        paused_until: Option<u64>,
        never: Never,
        warnings: WarningSet,
    ) -> Holds {
        let consent = self.of(worker);
        let until = paused_until.map(|until| Timestamp::ZERO.plus(until));
        consent.pause = until.map(|until| (until, consent.pause.map_or(u64::MAX, |(_, length_ms)| length_ms)));
        let must_pause = std::mem::take(&mut consent.must_pause);
        let starts_as = |settings: &Settings| {
            let paused = settings.paused || (must_pause && settings.bandwidth);
            found == Settings { paused, ..settings.clone() }
        };
        let is_known = consent.is_lost
            || starts_as(&consent.stored)
            || consent.under_way.iter().any(|(_, settings)| starts_as(settings));
        let detail = || format!("{found:?} after a start; stored was {:?}", consent.stored);
        must(is_known, "settings survive", detail)?;
        consent.under_way.clear();
        (consent.never, consent.warnings) = (never, warnings);
        consent.is_lost = false;
        must(!is_agreed || consent.was_agreed, CONSENT, || "consent that nobody gave".to_owned())?;
        consent.is_agreed = is_agreed;
        (consent.wanted, consent.stored) = (found.clone(), found);
        consent.obey();
        Ok(())
    }

    pub(super) fn lost(&mut self, worker: PublicKey) {
        self.of(worker).is_lost = true;
    }

    pub(super) fn limit_lost(&mut self, worker: PublicKey) {
        self.of(worker).must_pause = true;
    }

    pub(super) fn writes(&mut self, worker: PublicKey, batch: u64) {
        let consent = self.of(worker);
        let settings = consent.wanted.clone();
        consent.under_way.push((batch, settings));
    }

    pub(super) fn wrote(&mut self, worker: PublicKey, batch: u64, is_taken: bool) {
        let consent = self.of(worker);
        let Some(at) = consent.under_way.iter().position(|(number, _)| *number == batch) else { return };
        let (_, settings) = consent.under_way.remove(at);
        if is_taken {
            consent.stored = settings;
        }
    }

    pub(crate) fn surroundings(&mut self, worker: PublicKey, surroundings: Surroundings) {
        let consent = self.of(worker);
        consent.surroundings = surroundings;
        consent.obey();
    }

    /// The browser's clock tells: a pause whose time has come is over; a clock set back makes none longer.
    pub(crate) fn tell(&mut self, worker: PublicKey, now: Timestamp) {
        let consent = self.of(worker);
        let Some((until, length_ms)) = consent.pause else { return };
        let until = until.min(now.plus(length_ms));
        consent.pause = (now < until).then_some((until, length_ms));
        if now >= until {
            consent.wanted.paused = false;
        }
    }

    pub(crate) fn command(&mut self, worker: PublicKey, command: &Command, now: Timestamp, until: Option<u64>) {
        let consent = self.of(worker);
        let may_be_on = consent.is_agreed && !consent.is_barred();
        let wanted = &mut consent.wanted;
        match command {
            Command::SetJudgments { on } => wanted.judgments = *on,
            Command::SetBandwidth { on: true } => wanted.bandwidth |= may_be_on,
            Command::SetBandwidth { on: false } => wanted.bandwidth = false,
            Command::Agree { statements } => {
                if Statement::ALL.iter().all(|needed| statements.contains(needed)) {
                    (consent.is_agreed, consent.was_agreed) = (true, true);
                }
            }
            Command::TakeConsentBack => (consent.is_agreed, wanted.bandwidth) = (false, false),
            Command::SetBandwidthWhen { when } => wanted.bandwidth_when = *when,
            Command::SetPaused { on } => {
                wanted.paused = *on;
                self.of(worker).pause = None;
            }
            Command::PauseFor { pause } => {
                wanted.paused = true;
                self.of(worker).pause = match pause {
                    Pause::Hour => Some((now.plus(HOUR_MS), HOUR_MS)),
                    // The worker's own word on when morning is; the model only asks that it ends then.
                    Pause::Tomorrow => until.map(|until| (Timestamp::ZERO.plus(until), 2 * 24 * HOUR_MS)),
                    Pause::Open => None,
                };
            }
            Command::CardSeen => wanted.card_seen = true,
            Command::FirstRunDone => wanted.first_run_done = true,
            // Whom never to serve is known by the names that the list itself uses.
            Command::Never(NeverWhat::Domain(domain)) => consent.never.domains.push(domain.clone()),
            Command::Never(NeverWhat::Requester(name)) => consent.never.requesters.push(name.clone()),
            Command::RemoveNever(what) => {
                consent.never.domains.retain(|domain| *what != NeverWhat::Domain(domain.clone()));
                consent.never.requesters.retain(|name| *what != NeverWhat::Requester(name.clone()));
            }
            Command::SetWarnings { chosen, .. } => consent.warnings = *chosen,
            Command::SetPops { .. }
            | Command::Practised { .. }
            | Command::Uncover { .. }
            | Command::SetWishes { .. }
            | Command::Extend { .. }
            | Command::ShowYou
            | Command::LookAtWallet { .. }
            | Command::ShowWallet
            | Command::ConnectWallet { .. }
            | Command::WalletYes { .. }
            | Command::WalletNo
            | Command::WalletVeto { .. }
            | Command::WalletNewsKnown { .. }
            | Command::PayWhen { .. }
            | Command::PayNow
            | Command::FindPayouts { .. }
            | Command::WalletTroubleRead
            | Command::AdoptKey
            | Command::EraseAll
            | Command::Answer { .. }
            | Command::Flag { .. }
            | Command::Seen { .. }
            | Command::Skip { .. }
            | Command::Broken { .. }
            | Command::TakeBack { .. }
            | Command::Appeal { .. }
            | Command::OpenReceipt { .. }
            | Command::Export
            | Command::ExportKept { .. }
            | Command::FindActivities(_)
            | Command::OpenActivity { .. }
            | Command::ListDays
            | Command::JudgeUrl { .. }
            | Command::SetCaps { .. }
            | Command::ResetCaps
            | Command::DismissNotice
            | Command::ConnectNow => {}
        }
    }

    /// The person names somebody in a browser with this key, a copied profile included.
    pub(crate) fn names(&mut self, worker: PublicKey, command: &Command) {
        if let Command::Never(NeverWhat::Domain(domain)) = command {
            self.of(worker).was_never.insert(domain.clone());
        }
    }

    /// Whether a result may say that this URL's domain is never served. It may be sent long after the list was
    /// changed again.
    pub(super) fn was_never(&self, worker: &PublicKey, url: &str) -> bool {
        let listed = self.0.get(worker).map(|consent| &consent.was_never);
        listed.is_some_and(|listed| listed.iter().any(|domain| is_of(host(url), domain)))
    }

    /// The browser dials.
    pub(crate) fn connects(&mut self, worker: PublicKey) -> Holds {
        let lends = self.keeps(worker, JobClass::Fetch);
        let wanted = &self.of(worker).wanted;
        let is_on = !wanted.paused && (wanted.judgments || lends);
        must(is_on, CONSENT, || format!("connects with {wanted:?}"))
    }

    /// The browser sends a request for a buyer.
    pub(crate) fn fetches(&mut self, worker: PublicKey, url: &str) -> Holds {
        self.may_fetch(worker, url)?;
        let never = &self.of(worker).never.domains;
        let refused = never.iter().find(|domain| is_of(host(url), domain));
        must(refused.is_none(), "never again", || format!("{url} although {refused:?}"))?;
        // Whether plain http is allowed is in the item; the verdict looks at that.
        must(may_be_asked(url, true), "policy on every hop", || url.to_owned())
    }

    /// A request of the browser is open.
    pub(crate) fn may_fetch(&mut self, worker: PublicKey, url: &str) -> Holds {
        let lends = self.keeps(worker, JobClass::Fetch);
        let Consent { wanted, surroundings, .. } = self.of(worker);
        let is_time = surroundings.away || wanted.bandwidth_when == BandwidthWhen::Always;
        let may = lends && !wanted.paused && wanted.card_seen && is_time;
        let can = surroundings.host_permission && !surroundings.data_saver;
        must(may && can, CONSENT, || format!("{url} with {wanted:?}, {surroundings:?}"))
    }

    /// A judgment is shown, or wanted.
    pub(crate) fn may_judge(&mut self, worker: PublicKey, what: &str) -> Holds {
        let Consent { wanted, .. } = self.of(worker);
        let may = wanted.judgments && !wanted.paused && wanted.card_seen;
        must(may, CONSENT, || format!("{what} with {wanted:?}"))
    }

    /// Sensitive content is on screen, or wanted.
    pub(crate) fn may_show(&mut self, worker: PublicKey, warnings: WarningSet, what: &str) -> Holds {
        let chosen = self.of(worker).warnings;
        must(warnings.is_within(chosen), CONSENT, || format!("{what} of {warnings:?} with {chosen:?}"))
    }

    /// The browser sends a message: nothing of a class that is off, and no wish for it.
    pub(super) fn sends(&mut self, worker: PublicKey, message: &ToCoordinator) -> Holds {
        match message {
            ToCoordinator::Want { fetch, judgment, tasks, warnings, .. } => {
                self.may_show(worker, *warnings, "a wish")?;
                let can_be_shown = tasks.iter().all(|kind| shows(&worker).contains(kind));
                must(can_be_shown, "types that can be shown", || format!("{worker} wants {tasks:?}"))?;
                if *fetch > 0 {
                    self.may_fetch(worker, "a wish")?;
                }
                if *judgment > 0 { self.may_judge(worker, "a wish") } else { Ok(()) }
            }
            ToCoordinator::Result { statement } => {
                let result =
                    cose::peek::<WorkResult>(statement).map_err(|error| broken("frames", error.to_string()))?;
                match result.report {
                    Report::Fetch(_) => self.is_on(worker, JobClass::Fetch, "a result"),
                    // What was answered before the person paused may go first.
                    _ if self.of(worker).last_word == Some(result.offer) => Ok(()),
                    Report::Judgment(_) | Report::Flag(_) | Report::Withdrawn => {
                        self.is_on(worker, JobClass::Judgment, "a result")
                    }
                }
            }
            ToCoordinator::BodyChunk { .. } => self.is_on(worker, JobClass::Fetch, "a body"),
            ToCoordinator::GetBlob { .. } => self.is_on(worker, JobClass::Judgment, "a picture or practice"),
            ToCoordinator::Extend { .. } => self.is_on(worker, JobClass::Judgment, "more time"),
            ToCoordinator::Appeal { .. } => self.is_on(worker, JobClass::Judgment, "an appeal"),
            ToCoordinator::OpenTicket { .. }
            | ToCoordinator::WalletYes { .. }
            | ToCoordinator::WalletNo { .. }
            | ToCoordinator::WalletVeto { .. }
            | ToCoordinator::WalletNewsKnown { .. }
            | ToCoordinator::PayWhen { .. }
            | ToCoordinator::PayNow
            | ToCoordinator::PayoutsBefore { .. }
            | ToCoordinator::WalletBrowsers => Err(broken("frames", "it asks a coordinator that pays nobody")),
            // Work goes back when its class is switched off.
            ToCoordinator::Return { .. } => Ok(()),
            ToCoordinator::Hello { .. } | ToCoordinator::Proof { .. } | ToCoordinator::Ping { .. } => {
                self.connects(worker)
            }
        }
    }

    /// The command that comes now may let this answer go first; `None`: it was carried out.
    pub(crate) fn last_word(&mut self, worker: PublicKey, offer: Option<Hash>) {
        self.of(worker).last_word = offer;
    }

    fn is_on(&mut self, worker: PublicKey, class: JobClass, what: &str) -> Holds {
        let may = self.keeps(worker, class) && !self.of(worker).wanted.paused;
        must(may, CONSENT, || format!("{what} of {class:?} was sent with {:?}", self.of(worker).wanted))
    }

    /// Whether the worker may take work of a class in.
    pub(super) fn keeps(&mut self, worker: PublicKey, class: JobClass) -> bool {
        let consent = self.of(worker);
        match class {
            JobClass::Fetch => consent.wanted.bandwidth && consent.is_agreed && !consent.is_barred(),
            JobClass::Judgment => consent.wanted.judgments,
        }
    }
}

fn host(url: &str) -> &str {
    url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default()
}

fn is_of(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
