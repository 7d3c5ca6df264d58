//! What each record holds, both ways: from storage into the machine and back.

use std::collections::VecDeque;
use std::sync::Arc;

use litemap::LiteMap;
use lull_policy::caps::{Caps, Usage};
use lull_protocol::cbor::ByteVec;
use lull_protocol::cose::{self, Signed};
use lull_protocol::limits::SEEN_MS_MIN;
use lull_protocol::statement::{Offer, OperatorCard, Report, WorkResult};
use lull_protocol::{Hash, Item, PublicKey, SigningKey, Timestamp};
use lull_view::{Notice, Settings, Wishes};

use crate::blob::Blobs;
use crate::caps::{Metering, PauseRecord};
use crate::clock::Clock;
use crate::consent::Agreed;
use crate::extension::Extended;
use crate::lease::{Lease, class_of};
use crate::link::{Link, Phase};
use crate::log::DaysRecord;
use crate::never::{NeverRecord, Nevers};
use crate::outbox::Entry;
use crate::pop::Calls;
use crate::practice::Practised;
use crate::receipt::Receipts;
use crate::records::{
    ASIDE, AccountRecord, CoordinatorRecord, Counters, Key, LeaseRecord, Loading, OutboxRecord, PLAIN, ReceiptRecord,
    ReturnedRecord, SettingsRecord, StoppedRecord, seal,
};
use crate::reversal::Reversals;
use crate::row::Row;
use crate::storage::{After, Storage};
use crate::view::Shown;
use crate::wallet::{Purse, SaidRecord};
use crate::you::YouRecord;
use crate::{Bytes, Config, Coordinator, Worker, Write, limits};

pub(crate) fn restore(config: Config, key: SigningKey, seed: u64, records: Vec<(String, Vec<u8>)>) -> Worker {
    let me = key.public();
    let pinned = *config.trust.fingerprint();
    let mut loading = Loading::new(records);
    let mut settings = loading.take(Key::Settings, |r: SettingsRecord| Some(Settings::from(r))).unwrap_or_default();
    let mut counters: Counters = loading.take(Key::Counters, Some).unwrap_or_default();
    counters.wakes = counters.wakes.saturating_add(1);
    let consent = loading.take(Key::Consent, |r| Some(Agreed::new(r)));
    let stopped = loading.take(Key::Stopped, |r: StoppedRecord| Some(r)).filter(|s| s.pinned == pinned);
    let of_another = loading.read(Key::Coordinator).is_some_and(|r: CoordinatorRecord| r.key.fingerprint() != pinned);
    if of_another {
        // The build trusts another coordinator now; what was between us and the old one is not for the new one.
        loading.set_aside(Key::is_of_a_coordinator);
        settings.card_seen = false;
    }
    let coordinator = loading.take(Key::Coordinator, read_coordinator);
    let account = loading.take(Key::Account, |r: AccountRecord| Some(r)).unwrap_or_default();
    let never = loading.take(Key::Never, |r: NeverRecord| Some(r.0)).unwrap_or_default();
    let (days, last_logged) = restore_days(&mut loading);
    let is_new_to_days = days.is_none();
    let days = days.unwrap_or_default();
    let receipts = restore_receipts(&mut loading);
    let reversals = Reversals::restore(&mut loading);
    let outbox = restore_outbox(&mut loading, &me, &receipts);
    let leases = restore_leases(&mut loading, &me, coordinator.as_ref(), &outbox, &receipts);
    let returned = restore_returned(&mut loading);
    let calls = Calls::new(loading.take(Key::Pops, Some));
    let practised = Practised::new(loading.take(Key::Practised, Some).unwrap_or_default());
    let warnings = loading.take(Key::Warnings, Some).unwrap_or_default();
    let wishes = loading.take(Key::Wishes, |wishes: Wishes| Some(wishes)).unwrap_or_default();
    let you = loading.take(Key::You, |you: YouRecord| you.is_sound().then_some(you)).unwrap_or_default();
    let mut purse = loading.take(Key::WalletSaid, |said: SaidRecord| Purse::read(said, &me)).unwrap_or_default();
    (purse.state, purse.payouts) = (loading.take(Key::Wallet, Some), loading.take(Key::Payouts, Some));
    let metering = restore_metering(&mut loading, settings.paused);
    let mut worker = Worker {
        metering,
        clock: Clock { ahead_ms: coordinator.as_ref().map_or(0, |c| c.ahead_ms_stored) },
        next_seq: [receipts.next_seq(), outbox.next_seq(), leases.next_seq(), days.next, last_logged]
            .into_iter()
            .fold(0, u64::max),
        nevers: Nevers::new(never),
        wishes,
        you,
        days,
        link: Link::new(stopped),
        rng: fastrand::Rng::with_seed(seed),
        effects: VecDeque::new(),
        surroundings: None,
        counters_written: Timestamp::ZERO,
        blobs: Blobs::default(),
        run: None,
        next_fetch: 0,
        looks_up_first: false,
        storage: Storage::default(),
        notices: Vec::new(),
        current: None,
        on_screen: None,
        calls,
        purse,
        practised,
        warnings,
        shown: Shown::default(),
        config,
        key,
        me,
        settings,
        consent,
        coordinator,
        account,
        counters,
        leases,
        returned,
        outbox,
        held: None,
        receipts,
        reversals,
    };
    worker.notice_other_key();
    if is_new_to_days {
        worker.log_what_is_there();
    }
    worker.give_back_too_many();
    worker.give_back_unshown();
    worker.pause_where_a_limit_is_lost(&loading);
    if of_another {
        // In one batch with what is set aside: afterwards nothing tells that it was another one.
        worker.persist_lazily(Key::Settings);
    }
    worker.set_aside(&loading);
    worker
}

fn restore_metering(loading: &mut Loading, is_paused: bool) -> Metering {
    let caps = loading.take(Key::Caps, |caps: Caps| Some(caps.held())).unwrap_or_default();
    let usage = loading.take(Key::Usage, |usage: Usage| Some(usage.restored())).unwrap_or_default();
    let pause = loading.take(Key::Pause, |pause: PauseRecord| Some(pause)).filter(|_| is_paused);
    Metering::new(caps, usage, pause)
}

fn read_coordinator(record: CoordinatorRecord) -> Option<Coordinator> {
    let card = Signed::<OperatorCard>::verify(&record.card, &record.key).ok()?;
    Some(Coordinator { key: record.key, card, ahead_ms_stored: record.ahead_ms })
}

/// How far the log goes back, and the number behind the last one that storage showed.
fn restore_days(loading: &mut Loading) -> (Option<DaysRecord>, u64) {
    let numbers = [loading.keys("log/"), loading.keys("log-kept/")].into_iter().flatten();
    let last = numbers.filter_map(|key| match key {
        Key::Log(number) | Key::Kept(number) => Some(number.saturating_add(1)),
        _ => None,
    });
    let last = last.max().unwrap_or(0);
    (loading.take(Key::Days, |r: DaysRecord| r.is_sound().then_some(r)), last)
}

fn restore_receipts(loading: &mut Loading) -> Receipts {
    let mut receipts = Receipts::default();
    for key in loading.keys("receipt/") {
        let Key::Receipt(offer) = key else { continue };
        if let Some(record) = loading.take(key, |r: ReceiptRecord| (Hash::of(&r.offer) == offer).then_some(r)) {
            receipts.insert(offer, record);
        }
    }
    let seen = loading.take(Key::Verdicts, |number: u64| Some(number)).unwrap_or(0);
    (receipts.seen, receipts.received) = (seen, seen);
    receipts
}

fn restore_outbox(loading: &mut Loading, me: &PublicKey, receipts: &Receipts) -> Row<Entry> {
    let mut outbox = Row::default();
    for key in loading.keys("outbox/") {
        let Key::Outbox(offer) = key else { continue };
        let body = loading.body(offer);
        let has_receipt = receipts.by_offer(&offer).is_some();
        let read = |r: OutboxRecord| if has_receipt { None } else { read_entry(r, offer, me, body) };
        if let Some(entry) = loading.take(key, read) {
            loading.forget_body(offer, entry.body.len());
            outbox.insert(offer, entry);
        }
    }
    loading.set_aside(|key| matches!(key, Key::Body(..)));
    outbox
}

fn read_entry(record: OutboxRecord, key: Hash, me: &PublicKey, body: Vec<u8>) -> Option<Entry> {
    let (offer, _) = read_offer(&record.offer, &record.item, key, me, None)?;
    let result = Signed::<WorkResult>::verify(&record.result, me).ok()?;
    if result.payload().offer != key {
        return None;
    }
    if let Report::Fetch(report) = &result.payload().report
        && (report.body_hash != Hash::of(&body) || report.body_bytes.get() != body.len() as u64)
    {
        return None;
    }
    let extended = record.extension.as_ref().and_then(|bytes| Extended::read(bytes, &key, None));
    Some(Entry {
        seq: record.seq,
        class: offer.class,
        deadline: extended.as_ref().map_or(offer.deadline, |extended| extended.deadline),
        extended,
        offer: record.offer.into(),
        item: record.item.into(),
        result,
        body: Arc::new(body),
        is_durable: true,
        is_sent: false,
        sent_to: 0,
        attempts: 0,
        retry_at: None,
    })
}

fn restore_leases(
    loading: &mut Loading,
    me: &PublicKey,
    coordinator: Option<&Coordinator>,
    outbox: &Row<Entry>,
    receipts: &Receipts,
) -> Row<Lease> {
    let mut leases = Row::default();
    for key in loading.keys("lease/") {
        let Key::Lease(hash) = key else { continue };
        let read = |r: LeaseRecord| {
            if outbox.contains(&hash) || receipts.by_offer(&hash).is_some() {
                return None;
            }
            let (offer, item) = read_offer(&r.offer, &r.item, hash, me, coordinator)?;
            let of_lease = |bytes: ByteVec| Extended::read(&bytes, &hash, coordinator.map(|c| &c.key));
            Some(Lease {
                seq: r.seq,
                offer,
                offer_bytes: r.offer.into(),
                item,
                item_bytes: r.item.into(),
                pace: r.pace,
                record: r.record,
                skips: r.skips,
                extended: r.extension.and_then(of_lease),
                asked_for_time: false,
                is_done: false,
                held_since: None,
                seen_at: r.seen_at,
                // What came after that was not written.
                shown_ms: r.seen_at.map_or(0, |_| SEEN_MS_MIN),
                shown_since: None,
                was_taken_back: false,
            })
        };
        if let Some(lease) = loading.take(key, read) {
            leases.insert(hash, lease);
        }
    }
    leases
}

/// Reads an offer and its item. They were verified before they were stored; the key, which is the
/// offer's hash, tells whether they are still the same.
fn read_offer(
    offer: &[u8],
    item: &[u8],
    key: Hash,
    me: &PublicKey,
    coordinator: Option<&Coordinator>,
) -> Option<(Offer, Item)> {
    if Hash::of(offer) != key {
        return None;
    }
    let read = match coordinator {
        Some(coordinator) => Signed::<Offer>::verify(offer, &coordinator.key).map(|o| o.payload().clone()),
        None => cose::peek::<Offer>(offer),
    };
    let offer = read.ok()?;
    let is_same = offer.worker == *me && offer.item == Hash::of(item);
    let item = Item::from_bytes(item).ok()?;
    (is_same && class_of(&item) == offer.class).then_some((offer, item))
}

fn restore_returned(loading: &mut Loading) -> LiteMap<Hash, ReturnedRecord> {
    let mut returned = LiteMap::new();
    for key in loading.keys("returned/") {
        if let (Key::Returned(offer), Some(record)) = (key, loading.take(key, Some)) {
            returned.insert(offer, record);
        }
    }
    returned
}

impl Worker {
    /// What the person set to hold bandwidth back, or what was used of it, can't be read: nothing is fetched on guesses.
    /// The pause is stored in one batch with what is set aside.
    fn pause_where_a_limit_is_lost(&mut self, loading: &Loading) {
        let limits = [Key::Caps, Key::Usage, Key::Never];
        let is_lost = limits.iter().any(|key| loading.aside.iter().any(|(name, _)| *name == key.to_string()));
        if is_lost && self.settings.bandwidth {
            (self.settings.paused, self.metering.pause) = (true, None);
            self.persist_lazily(Key::Settings);
            self.persist_lazily(Key::Pause);
        }
    }

    /// Moves what can't be read out of the way and counts this start, in one batch. In the place of what was moved is
    /// whatever is true when the batch is written: a later try must not delete what was stored since.
    fn set_aside(&mut self, loading: &Loading) {
        let mut writes = Vec::new();
        for (name, bytes) in &loading.aside {
            writes.push(Write { key: loading.aside_key(name), value: Some(bytes.clone().into()) });
            self.notice(Notice::SetAside { record: name.clone() });
        }
        let before = loading.names(ASIDE);
        let over = (before.len() + loading.aside.len()).saturating_sub(limits::ASIDE_RECORDS_MAX);
        writes.extend(before.into_iter().take(over).map(|key| Write { key, value: None }));
        self.persist_lazily(Key::Counters);
        self.persist_lazily(Key::Usage);
        let moved: Vec<Key> = loading.aside.iter().filter_map(|(name, _)| Key::parse(name)).collect();
        self.persist_with(moved, writes, After::Nothing);
    }

    /// A record's bytes as they are to be stored now; `None`: there is no such record.
    pub(crate) fn value_of(&self, key: Key) -> Option<Bytes> {
        let record = match key {
            Key::Settings => Some(seal(&SettingsRecord::from(&self.settings))),
            Key::Counters => Some(seal(&self.counters)),
            Key::Coordinator => self.coordinator.as_ref().map(|c| {
                let card = c.card.bytes().to_vec().into();
                seal(&CoordinatorRecord { key: c.key, card, ahead_ms: c.ahead_ms_stored })
            }),
            Key::Account => Some(seal(&self.account)),
            Key::Verdicts => Some(seal(&self.receipts.received)),
            Key::Stopped => match &self.link.phase {
                Phase::Stopped { found } => {
                    Some(seal(&StoppedRecord { pinned: *self.config.trust.fingerprint(), found: *found }))
                }
                _ => None,
            },
            Key::Consent => self.consent.as_ref().map(|agreed| seal(agreed.record())),
            // What is as at first needs no record.
            Key::Caps => (self.metering.caps != Caps::default()).then(|| seal(&self.metering.caps)),
            Key::Usage => Some(seal(&self.metering.stored())),
            Key::Pause => self.metering.pause.as_ref().map(seal),
            Key::Lease(offer) => self.leases.get(&offer).filter(|l| self.is_open(&offer, l)).map(|l| seal(&l.record())),
            Key::Returned(offer) => self.returned.get(&offer).map(seal),
            Key::Outbox(offer) => self.outbox.get(&offer).map(|entry| seal(&entry.record())),
            Key::Body(offer, piece) => {
                let from = usize::from(piece) * limits::BODY_PIECE_BYTES;
                return Bytes::piece(&self.outbox.get(&offer)?.body, from, limits::BODY_PIECE_BYTES);
            }
            Key::Receipt(offer) => self.receipts.loaded(&offer).map(seal),
            Key::Reversal(offer) => return self.reversals.value(&offer),
            Key::Never => Some(seal(&NeverRecord(self.nevers.list.clone()))),
            Key::Days => Some(seal(&self.days)),
            Key::Wishes => (self.wishes != Wishes::default()).then(|| seal(&self.wishes)),
            Key::You => (self.you != YouRecord::default()).then(|| seal(&self.you)),
            Key::Wallet => self.purse.state.as_ref().map(seal),
            Key::Payouts => self.purse.payouts.as_ref().map(seal),
            Key::WalletSaid => self.purse.said().as_ref().map(seal),
            Key::Pops => self.calls.is_stored().then(|| seal(&self.calls.record)),
            Key::Practised => self.practised.record().map(seal),
            Key::Warnings => (self.warnings.is_stored()).then(|| seal(&self.warnings)),
            Key::Log(number) => self.log_record(number).as_ref().map(seal),
            Key::Kept(number) => self.receipts.leaving(number).map(seal),
        };
        record.map(Bytes::from)
    }

    /// Every key that a record exists for, but for the log and the receipts that are kept.
    pub(crate) fn live_keys(&self) -> Vec<Key> {
        let mut keys = PLAIN.to_vec();
        keys.extend(self.leases.offers().map(Key::Lease));
        keys.extend(self.returned.keys().copied().map(Key::Returned));
        for (offer, entry) in self.outbox.iter() {
            keys.push(Key::Outbox(*offer));
            keys.extend(Key::bodies(*offer, entry.body.len()));
        }
        keys.extend(self.receipts.in_row().map(|(offer, _)| Key::Receipt(*offer)));
        keys.extend(self.reversals.keys());
        keys
    }
}
