//! What the person commands and what the shell saw.

use lull_policy::caps::Caps;
use lull_protocol::Timestamp;
use lull_view::{BandwidthWhen, Command, Settings};

use crate::caps::{PauseRecord, caps_of};
use crate::records::Key;
use crate::storage::After;
use crate::{Effect, Surroundings, Worker};

/// Whether less is permitted than before.
fn takes_consent(before: &Settings, after: &Settings) -> bool {
    let is_always = |settings: &Settings| settings.bandwidth_when == BandwidthWhen::Always;
    (before.judgments && !after.judgments)
        || (before.bandwidth && !after.bandwidth)
        || (!before.paused && after.paused)
        || (is_always(before) && !is_always(after))
}

/// Whether nothing of a judgment leaves the browser after it. What was answered before was answered in good faith.
fn ends_judging(command: &Command) -> bool {
    matches!(command, Command::SetPaused { on: true } | Command::PauseFor { .. } | Command::SetJudgments { on: false })
}

impl Worker {
    /// Carries a command out, unless something speaks against it.
    pub(crate) fn command(&mut self, command: Command, now: Timestamp) {
        if self.objection(&command).is_some() {
            return;
        }
        if ends_judging(&command) {
            self.send_held(now);
        }
        match command {
            Command::SetJudgments { on } => self.set(|s| s.judgments = on),
            Command::SetBandwidth { on: true } => self.set(|s| s.bandwidth = true),
            Command::SetBandwidth { on: false } => {
                self.switch_bandwidth_off();
            }
            Command::Agree { .. } => self.agree(now),
            Command::TakeConsentBack => self.take_consent_back(),
            Command::SetBandwidthWhen { when } => self.set(|s| s.bandwidth_when = when),
            Command::SetPaused { on } => self.set_paused(on, None),
            Command::PauseFor { pause } => self.pause_for(pause, now),
            Command::SetCaps { caps } => self.set_caps(caps_of(caps), now),
            Command::ResetCaps => self.set_caps(Caps::default(), now),
            Command::CardSeen => self.set(|s| s.card_seen = true),
            Command::FirstRunDone => self.set(|s| s.first_run_done = true),
            Command::Answer { offer, answer, input, shown_at } => self.answer(&offer, answer, input, shown_at, now),
            Command::Flag { offer, reason, note, input, shown_at } => {
                self.flag(&offer, reason, &note, input, shown_at, now);
            }
            Command::Seen { offer } => self.seen(&offer, now),
            Command::Skip { offer, shown_at } => self.skip(&offer, shown_at, now),
            Command::Broken { offer } => self.is_unshowable(&offer),
            Command::Extend { offer } => self.extend(&offer),
            Command::SetWishes { wishes } => self.set_wishes(wishes),
            Command::TakeBack { offer } => self.take_back(&offer),
            Command::Appeal { offer, words } => self.appeal(&offer, &words, now),
            Command::Never(what) => self.never(what),
            Command::RemoveNever(what) => self.remove_never(what),
            Command::SetPops { pops } => self.set_pops(pops),
            Command::Practised { practice } => self.practise(&practice),
            Command::SetWarnings { chosen, day_max } => self.set_warnings(chosen, day_max),
            Command::Uncover { offer } => self.uncover(&offer, now),
            Command::DismissNotice => self.dismiss_notice(),
            Command::ConnectNow => self.connect_now(now),
            Command::LookAtWallet { .. }
            | Command::ConnectWallet { .. }
            | Command::WalletYes { .. }
            | Command::WalletNo
            | Command::WalletVeto { .. }
            | Command::WalletNewsKnown { .. }
            | Command::PayWhen { .. }
            | Command::PayNow
            | Command::FindPayouts { .. }
            | Command::WalletTroubleRead => self.wallet_command(&command, now),
            // A machine can't be another one: the shell makes it.
            Command::AdoptKey | Command::EraseAll => {}
            // These only ask: `Worker::query` and `Worker::reading_of` answer them.
            Command::OpenReceipt { .. }
            | Command::Export
            | Command::ExportKept { .. }
            | Command::FindActivities(_)
            | Command::OpenActivity { .. }
            | Command::ListDays
            | Command::ShowYou
            | Command::ShowWallet
            | Command::JudgeUrl { .. } => {}
        }
    }

    /// Pauses, perhaps until a time, or goes on.
    pub(crate) fn set_paused(&mut self, on: bool, pause: Option<PauseRecord>) {
        let is_other_pause = self.metering.pause != pause;
        if is_other_pause {
            self.metering.pause = pause;
            // In one batch with the settings, if they change.
            self.persist_lazily(Key::Pause);
            self.changed();
        }
        if self.settings.paused != on {
            self.set(|s| s.paused = on);
        } else if is_other_pause {
            self.persist([], After::Nothing);
        }
    }

    pub(crate) fn set(&mut self, change: impl FnOnce(&mut Settings)) {
        let before = self.settings.clone();
        change(&mut self.settings);
        if takes_consent(&before, &self.settings) {
            self.storage.must_keep_settings();
        }
        if self.settings != before {
            // A fetch stops before anything else is done about the change.
            if !self.may_fetch() {
                self.abort_run();
            }
            self.persist([Key::Settings], After::Nothing);
            self.changed();
        }
    }

    /// What the browser knows. If the background was killed between the word that took bandwidth back and
    /// the release of its permission, the first look after the start makes up for it. Who manages the browser
    /// takes bandwidth back as the person does.
    pub(crate) fn look_around(&mut self, surroundings: Surroundings) {
        let before = self.surroundings.replace(surroundings);
        let is_first = before.is_none();
        if before.is_some_and(|before| before.looks) && !surroundings.looks {
            // The last page is closed: nobody can take anything back.
            self.let_go();
            self.purse.let_be();
        }
        let was_on = self.barrier().is_some() && self.switch_bandwidth_off();
        if is_first && surroundings.host_permission && !self.settings.bandwidth && !was_on {
            self.effects.push_back(Effect::ReleasePermission);
        }
    }

    /// Request events that the shell saw. A foreign one must never happen, so it is written at once.
    pub(crate) fn request_events(&mut self, own: u64, foreign: u64) {
        self.counters.events_own = self.counters.events_own.saturating_add(own);
        self.counters.events_foreign = self.counters.events_foreign.saturating_add(foreign);
        if foreign > 0 {
            self.persist([Key::Counters], After::Nothing);
        } else {
            self.persist_lazily(Key::Counters);
        }
        self.changed();
    }

    pub(crate) fn alarm(&mut self) {
        self.counters.alarms = self.counters.alarms.saturating_add(1);
        self.persist_lazily(Key::Counters);
        self.changed();
    }
}
