//! Frames, items and payloads: every value has one encoding, and no other bytes are read.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::panic, clippy::indexing_slicing, reason = "in tests a panic is a failure")]

#[allow(dead_code, reason = "other tests use the rest")]
mod fixture;
mod strategy;

use std::fmt::Debug;

use lull_protocol::cbor::{self, ByteVec, Cbor, CborError};
use lull_protocol::connect::{Purpose, WalletState, WalletVeto, WalletYes};
use lull_protocol::cose::{self, Statement};
use lull_protocol::flag::{FlagReason, FlagReport, note_of};
use lull_protocol::limits::*;
use lull_protocol::message::{Message, RefusedCode, ReturnReason};
use lull_protocol::payout::{self, PayoutStage, Schedule, Weekday};
use lull_protocol::receipt::{Part, Receipt, field_at};
use lull_protocol::rejection::{Appeal, BuyerRecord, Rejection};
use lull_protocol::reversal::{Ending, Reversal, ReversalEnd};
use lull_protocol::siws::SignIn;
use lull_protocol::statement::*;
use lull_protocol::units::{self, Challenge, Nonce};
use lull_protocol::{
    Amount, BlobRef, ByteCount, DurationMs, FetchItem, Filter, Hash, Item, JudgmentItem, Method, OrderId, Pace,
    PublicKey, Signed, TaskKind, TaskSet, Timestamp, ToCoordinator, ToWorker, Wallet, WarningSet,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use strategy::label;

// ---------------------------------------------------------------- generated values

fn num() -> impl Strategy<Value = u64> {
    prop_oneof![0..300u64, any::<u64>().prop_map(|n| n & AMOUNT_MAX), Just(AMOUNT_MAX)]
}
fn amount() -> impl Strategy<Value = Amount> {
    num().prop_map(fixture::amount)
}
fn bytes() -> impl Strategy<Value = ByteCount> {
    num().prop_map(fixture::bytes)
}
fn time() -> impl Strategy<Value = Timestamp> {
    num().prop_map(fixture::time)
}
fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}
fn key() -> impl Strategy<Value = PublicKey> {
    any::<[u8; 32]>().prop_map(PublicKey)
}
fn challenge() -> impl Strategy<Value = Challenge> {
    any::<[u8; 32]>().prop_map(Challenge)
}
fn blob() -> impl Strategy<Value = ByteVec> {
    vec(any::<u8>(), 0..300).prop_map(ByteVec::from)
}
fn text() -> impl Strategy<Value = String> {
    "\\PC{0,40}"
}

fn to_coordinator() -> impl Strategy<Value = ToCoordinator> {
    use ReturnReason::{Broken, Filtered, RanOut, Skipped, SwitchedOff, TooMany, Unwanted, Withdrawn};
    use ToCoordinator::*;
    let reason = select(&[Skipped, SwitchedOff, Broken, TooMany, Withdrawn, Filtered, Unwanted, RanOut]);
    let shown_ms = option::of(num().prop_map(|ms| DurationMs::new(ms).expect("at most 2^53 - 1")));
    prop_oneof![
        (any::<(u16, u16)>(), key(), challenge(), text()).prop_map(|(versions, worker, challenge, origin)| Hello {
            versions,
            worker,
            challenge,
            origin
        }),
        (blob(), any::<u64>(), time()).prop_map(|(statement, verdicts_seen, day_start)| Proof {
            statement,
            verdicts_seen,
            day_start
        }),
        (any::<(u8, u8)>(), subsequence(TaskKind::ALL.to_vec(), 0..=5), filter(), warnings()).prop_map(
            |((fetch, judgment), kinds, filter, warnings)| Want {
                fetch,
                judgment,
                tasks: TaskSet::of(&kinds),
                filter,
                warnings
            }
        ),
        blob().prop_map(|statement| Result { statement }),
        (hash(), bytes(), blob()).prop_map(|(offer, offset, bytes)| BodyChunk { offer, offset, bytes }),
        (hash(), reason, shown_ms).prop_map(|(offer, reason, shown_ms)| Return { offer, reason, shown_ms }),
        (hash(), bytes()).prop_map(|(hash, offset)| GetBlob { hash, offset }),
        (time(), any::<u64>()).prop_map(|(day_start, verdicts_seen)| Ping { day_start, verdicts_seen }),
        hash().prop_map(|offer| Extend { offer }),
        blob().prop_map(|statement| Appeal { statement }),
        about_wallets_to_coordinator(),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    (amount(), any::<bool>(), vec(label(), 0..3)).prop_map(|(hourly_min, text_only, never)| Filter {
        hourly_min,
        text_only,
        never,
    })
}

fn pace() -> impl Strategy<Value = Pace> {
    (PACE_OUTCOMES_MIN.., any::<u32>(), amount()).prop_map(|(outcomes, median_s, hourly)| Pace {
        outcomes,
        median_s,
        hourly,
    })
}

fn code() -> impl Strategy<Value = RefusedCode> {
    (0..20u8).prop_map(|n| cbor::decode(&cbor::encode(&n), 2).expect("codes are 0 to 19"))
}

fn to_worker() -> impl Strategy<Value = ToWorker> {
    use ToWorker::*;
    prop_oneof![
        (any::<u16>(), key(), challenge(), blob(), blob()).prop_map(
            |(version, coordinator, challenge, proof, card)| { Hello { version, coordinator, challenge, proof, card } }
        ),
        time().prop_map(|now| Welcome { now }),
        (blob(), blob(), option::of(blob()), option::of(pace()), option::of(record()), option::of(any::<u32>()))
            .prop_map(|(offer, item, extension, pace, record, skips_left)| {
                Assign { offer, item, extension, pace, record, skips_left }
            }),
        blob().prop_map(|statement| Extended { statement }),
        (any::<[u8; 16]>(), any::<u32>()).prop_map(|(order, left)| SkipsLeft { order: OrderId(order), left }),
        (hash(), bytes(), bytes()).prop_map(|(offer, offset, bytes)| BodyWanted { offer, offset, bytes }),
        (hash(), hash()).prop_map(|(offer, result)| Ack { offer, result }),
        (any::<u64>(), blob()).prop_map(|(number, statement)| Verdict { number, statement }),
        (amount(), amount(), amount(), amount(), time(), option::of(amount())).prop_map(
            |(earned, pending, payable, earned_today, day_start, reversed)| Account {
                earned,
                pending,
                payable,
                earned_today,
                day_start,
                reversed
            }
        ),
        (hash(), code()).prop_map(|(offer, reason)| Withdraw { offer, reason }),
        (hash(), bytes(), bytes(), blob()).prop_map(|(hash, total, offset, bytes)| BlobChunk {
            hash,
            total,
            offset,
            bytes
        }),
        (option::of(hash()), code()).prop_map(|(about, code)| Refused { about, code }),
        time().prop_map(|now| Pong { now }),
        code().prop_map(|code| Bye { code }),
        blob().prop_map(|statement| Rejected { statement }),
        hash().prop_map(|rejection| Appealed { rejection }),
        blob().prop_map(|receipt| Reversal { receipt }),
        about_wallets_to_worker(),
    ]
}

fn about_wallets_to_coordinator() -> impl Strategy<Value = ToCoordinator> {
    use ToCoordinator::*;
    let schedule = prop_oneof![
        Just(Schedule::Now),
        amount().prop_map(Schedule::At),
        select(&Weekday::ALL).prop_map(Schedule::Weekly),
    ];
    prop_oneof![
        select(&Purpose::ALL).prop_map(|purpose| OpenTicket { purpose }),
        blob().prop_map(|statement| WalletYes { statement }),
        hash().prop_map(|ticket| WalletNo { ticket }),
        blob().prop_map(|statement| WalletVeto { statement }),
        any::<u64>().prop_map(|number| WalletNewsKnown { number }),
        (schedule, amount()).prop_map(|(schedule, account_agreed)| PayWhen { schedule, account_agreed }),
        Just(PayNow),
        Just(WalletBrowsers),
        any::<u64>().prop_map(|number| PayoutsBefore { number }),
    ]
}

/// Those of the fixtures, in other numbers.
fn about_wallets_to_worker() -> impl Strategy<Value = ToWorker> {
    use ToWorker::*;
    let ticket = (any::<[u8; 32]>(), select(&Purpose::ALL), time());
    let refused = (option::of(hash()), 0..21_u8);
    prop_oneof![
        ticket.prop_map(|(ticket, purpose, expires_at)| Ticket { ticket: units::Ticket(ticket), purpose, expires_at }),
        (refused).prop_map(|(about, why)| WalletRefused {
            about,
            why: cbor::decode(&cbor::encode(&why), 2).expect("refusals are 0 to 20")
        }),
        (0..=10_usize, option::of(time())).prop_map(|(news, held_until)| {
            let (state, put_out) = (fixture::payout::wallet_state(), fixture::payout::put_out_state());
            let news = put_out.news.into_iter().chain(state.news).take(news).collect();
            Wallet(Box::new(WalletState { news, held_until, ..state }))
        }),
        (0..=2_usize).prop_map(|count| WalletBrowsers {
            browsers: fixture::payout::browsers().into_iter().take(count).collect()
        }),
        (0..=5_usize, amount(), any::<bool>()).prop_map(|(count, paid, has_older)| {
            let payouts = fixture::payout::payouts();
            let newest = payouts.newest.into_iter().take(count).collect();
            Payouts(Box::new(payout::Payouts { newest, paid, has_older, ..payouts }))
        }),
        (any::<u64>(), 0..=PAYOUTS_TOLD_MAX, any::<bool>()).prop_map(|(number, count, has_older)| PayoutsBefore {
            number,
            payouts: vec![fixture::payout::payout(1, PayoutStage::Paid); count],
            has_older
        }),
    ]
}

fn blob_ref() -> impl Strategy<Value = BlobRef> {
    (hash(), 1..=BLOB_BYTES_MAX).prop_map(|(hash, size)| BlobRef { hash, bytes: fixture::bytes(size) })
}

fn warnings() -> impl Strategy<Value = WarningSet> {
    (0..=WarningSet::ALL.bits()).prop_map(|bits| WarningSet::from_bits(bits).expect("bits of classes"))
}

fn record() -> impl Strategy<Value = BuyerRecord> {
    any::<[u32; 3]>().prop_map(|[reviewed, rejected, overturned]| BuyerRecord { reviewed, rejected, overturned })
}

fn rejection() -> impl Strategy<Value = Rejection> {
    (hash(), key(), "\\PC{0,40}[a-z]", time(), any::<u32>()).prop_map(|(result, worker, evidence, decided_at, more)| {
        let appeal_until = decided_at.plus(more.into());
        let reason = VerdictReason::RejectedByBuyer;
        Rejection { result, worker, reason, evidence, decided_at, appeal_until }
    })
}

fn reversal() -> impl Strategy<Value = Reversal> {
    ((hash(), key(), hash()), 1..1_000_000_u64, "\\PC{0,40}[a-z]", time(), any::<u16>()).prop_map(
        |((result, worker, verdict), amount, evidence, decided_at, more)| {
            let (amount, appeal_until) = (fixture::amount(amount), decided_at.plus(more.into()));
            Reversal { result, worker, verdict, amount, evidence, decided_at, appeal_until }
        },
    )
}

fn reversal_end() -> impl Strategy<Value = ReversalEnd> {
    use Ending::{Denied, TakenBack, Undecided, Unopposed, Upheld};
    let ending = select(&[Unopposed, Denied, Upheld, Undecided, TakenBack]);
    (hash(), key(), ending, time()).prop_map(|(reversal, worker, ending, decided_at)| ReversalEnd {
        reversal,
        worker,
        ending,
        decided_at,
    })
}

fn appeal() -> impl Strategy<Value = Appeal> {
    (hash(), option::of("\\PC{0,40}[a-z]"), time()).prop_map(|(rejection, words, at)| Appeal { rejection, words, at })
}

fn wallet_yes() -> impl Strategy<Value = WalletYes> {
    let wallet = any::<[u8; 32]>().prop_map(|seed| Wallet::new(fixture::key(seed).public()).expect("a key's"));
    (key(), select(&Purpose::ALL), hash(), wallet, key(), time()).prop_map(
        |(coordinator, purpose, ticket, wallet, lost, at)| {
            let lost = purpose.names_another().then_some(lost);
            WalletYes { coordinator, purpose, ticket, wallet, lost, at }
        },
    )
}

fn wallet_veto() -> impl Strategy<Value = WalletVeto> {
    (key(), hash(), time()).prop_map(|(coordinator, yes, at)| WalletVeto { coordinator, yes, at })
}

fn item() -> impl Strategy<Value = Item> {
    let order = || any::<[u8; 16]>().prop_map(OrderId);
    let method = select(&[Method::Get, Method::Head]);
    let fetch = (order(), label(), label(), "[!-~]{0,200}", method, 0..=BODY_BYTES_MAX, any::<bool>()).prop_map(
        |(order, requester, purpose, url, method, max, http_allowed)| {
            let bytes_max = fixture::bytes(max);
            Item::Fetch(FetchItem { order, requester, purpose, url, method, bytes_max, http_allowed })
        },
    );
    let own = (warnings(), option::of(blob_ref()));
    let judgment = (order(), [label(), label(), label(), label()], any::<u32>(), strategy::task(), own).prop_map(
        |(order, [requester, title, guideline, question], guideline_version, task, (warnings, practice))| {
            let practice = practice.filter(|_| warnings.is_empty());
            Item::Judgment(JudgmentItem {
                order,
                requester,
                title,
                guideline_version,
                guideline,
                question,
                task,
                warnings,
                practice,
            })
        },
    );
    prop_oneof![fetch, judgment]
}

fn offer() -> impl Strategy<Value = Offer> {
    let rule = prop_oneof![
        bytes().prop_map(|bytes_max| (JobClass::Fetch, AcceptanceRule::FetchChecks { bytes_max })),
        (1..=255u8, any::<u8>(), any::<bool>()).prop_map(|(agree, more, is_reviewed)| {
            let people = agree.saturating_add(more);
            let rule = match is_reviewed {
                true => AcceptanceRule::Review { agree, people },
                false => AcceptanceRule::Agreement { agree, people },
            };
            (JobClass::Judgment, rule)
        }),
    ];
    let times = [time(), time(), time()].prop_map(|mut t| {
        t.sort();
        t
    });
    (key(), hash(), any::<[u8; 16]>(), (amount(), amount()), label(), rule, times).prop_map(
        |(worker, item, nonce, (per_item, per_mib), asset, (class, rule), [issued_at, deadline, approved_at])| Offer {
            worker,
            item,
            class,
            nonce: Nonce(nonce),
            price: Price { per_item, per_mib },
            asset,
            rule,
            issued_at,
            deadline,
            approved_at,
        },
    )
}

fn result() -> impl Strategy<Value = WorkResult> {
    let input = select(&[Input::Keyboard, Input::Pointer, Input::Replay]);
    let flag = (select(&FlagReason::ALL), option::of(text()), input.clone()).prop_map(|(reason, note, input)| {
        let note = note.as_deref().and_then(note_of);
        Report::Flag(FlagReport { reason, note, input })
    });
    let answered =
        (strategy::answer(), input).prop_map(|(answer, input)| Report::Judgment(JudgmentReport { answer, input }));
    let outcome = (0..7u8).prop_map(|n| cbor::decode(&cbor::encode(&n), 2).expect("outcomes are 0 to 6"));
    let header = ("[a-z-]{0,64}", text()).prop_map(|(name, value)| Header { name, value });
    let hop = ("[!-~]{0,90}", "[0-9a-f:.]{0,64}", any::<u16>());
    let hop = hop.prop_map(|(url, address, status)| Hop { url, address, status });
    let head = (outcome, any::<u16>(), vec(header, 0..=HEADERS_MAX), hash(), bytes(), vec(hop, 0..=HOPS_MAX));
    let fetch = (head, (bytes(), bytes()), any::<u64>(), option::of("[a-z_]{0,64}")).prop_map(
        |((outcome, status, headers, body_hash, body_bytes, hops), (received, sent), head_ms, reason)| {
            Report::Fetch(FetchReport {
                outcome,
                status,
                headers,
                body_hash,
                body_bytes,
                hops,
                traffic: Traffic { received, sent },
                head_ms,
                reason,
            })
        },
    );
    (hash(), prop_oneof![answered, fetch, flag, Just(Report::Withdrawn)], time(), any::<u32>()).prop_map(
        |(offer, report, started_at, more)| WorkResult {
            offer,
            report,
            started_at,
            finished_at: started_at.plus(more.into()),
        },
    )
}

fn verdict() -> impl Strategy<Value = Verdict> {
    let decision = select(&[Decision::Accepted, Decision::Rejected, Decision::Ambiguous]);
    let reason = (0..18u8).prop_map(|n| cbor::decode(&cbor::encode(&n), 2).expect("reasons are 0 to 17"));
    let place = option::of((any::<[u8; 32]>(), any::<u64>()))
        .prop_map(|place| place.map(|(worker, number)| VerdictPlace { worker: PublicKey(worker), number }));
    (hash(), decision, reason, amount(), time(), place, option::of(hash())).prop_map(
        |(result, decision, reason, amount, decided_at, place, rejection)| {
            let amount = if decision == Decision::Rejected { Amount::ZERO } else { amount };
            Verdict { result, decision, reason, amount, decided_at, place, rejection }
        },
    )
}

fn transcript() -> impl Strategy<Value = Transcript> {
    (text(), [key(), key()], [challenge(), challenge()], any::<(u16, u16)>(), any::<u16>()).prop_map(
        |(origin, [worker, coordinator], [worker_challenge, coordinator_challenge], (a, b), pick)| {
            let (low, high) = (a.min(b), a.max(b));
            Transcript {
                origin,
                worker,
                coordinator,
                worker_challenge,
                coordinator_challenge,
                offered: (low, high),
                version: pick.clamp(low, high),
            }
        },
    )
}

fn card() -> impl Strategy<Value = OperatorCard> {
    (label(), "[A-Z]{2}", label(), 0..=10_000u16, label(), any::<bool>(), time()).prop_map(
        |(name, country, contact, fee_bp, asset, demo, signed_at)| OperatorCard {
            name,
            country,
            contact,
            fee_bp,
            asset,
            demo,
            signed_at,
        },
    )
}

// ---------------------------------------------------------------- round trips

fn signs_and_verifies<T: Statement + Clone + PartialEq + Debug>(payload: T) {
    let signed = Signed::sign(payload.clone(), &fixture::worker());
    let read = Signed::<T>::verify(signed.bytes(), &fixture::worker().public()).expect("just signed");
    assert_eq!((read.payload(), read.bytes()), (&payload, signed.bytes()));
    assert_eq!(cose::peek::<T>(signed.bytes()), Ok(payload));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn frames_round_trip(up in to_coordinator(), down in to_worker()) {
        prop_assert_eq!(ToCoordinator::from_frame(&up.to_frame()), Ok(up));
        prop_assert_eq!(ToWorker::from_frame(&down.to_frame()), Ok(down));
    }

    #[test]
    fn items_round_trip(item in item()) {
        prop_assert_eq!(Item::from_bytes(&item.to_bytes()), Ok(item));
    }

    #[test]
    fn statements_round_trip(o in offer(), r in result(), v in verdict(), t in transcript(), c in card(), j in rejection(),
        a in appeal(), y in wallet_yes(), n in wallet_veto(), m in reversal(), e in reversal_end()) {
        signs_and_verifies(m);
        signs_and_verifies(e);
        signs_and_verifies(o);
        signs_and_verifies(r);
        signs_and_verifies(v);
        signs_and_verifies(j);
        signs_and_verifies(a);
        signs_and_verifies(y);
        signs_and_verifies(n);
        signs_and_verifies(CoordinatorProof(t.clone()));
        signs_and_verifies(WorkerProof(t));
        signs_and_verifies(c);
    }

    /// Bits flipped anywhere: refused, or another value whose one encoding these bytes are.
    #[test]
    fn changed_frames_never_read_as_the_same(up in to_coordinator(), down in to_worker(), at: usize, bits in 1..=255u8) {
        let change = |mut frame: Vec<u8>| {
            let at = at % frame.len();
            frame[at] ^= bits;
            frame
        };
        let (up_changed, down_changed) = (change(up.to_frame()), change(down.to_frame()));
        if let Ok(read) = ToCoordinator::from_frame(&up_changed) {
            prop_assert!(read != up && read.to_frame() == up_changed);
        }
        if let Ok(read) = ToWorker::from_frame(&down_changed) {
            prop_assert!(read != down && read.to_frame() == down_changed);
        }
    }

    #[test]
    fn anything_is_read_without_panic(bytes in vec(any::<u8>(), 0..400), at: usize) {
        read_all(&bytes);
        // The same behind a right beginning, so that the depths are reached too.
        for start in [&fixture::fetch_receipt().to_bytes(), &fixture::fetch_item().to_bytes()] {
            read_all(&[&start[..at % start.len()], &bytes].concat());
        }
    }

    #[test]
    fn amounts_never_overflow(a: u64, b: u64, per_mib in num(), per_item in num(), body in num()) {
        prop_assert_eq!(Amount::new(a).is_some(), a <= AMOUNT_MAX);
        prop_assert_eq!(ByteCount::new(a).is_some(), a <= AMOUNT_MAX);
        prop_assert_eq!(DurationMs::new(a).is_some(), a <= AMOUNT_MAX);
        let within = |exact: u128| u64::try_from(exact).ok().and_then(Amount::new);
        let (x, y) = (fixture::amount(per_item), fixture::amount(per_mib));
        prop_assert_eq!(x.checked_add(y), within(u128::from(per_item) + u128::from(per_mib)));
        prop_assert_eq!(x.checked_sub(y).map(Amount::get), per_item.checked_sub(per_mib));
        prop_assert_eq!(x.checked_mul(b), within(u128::from(per_item) * u128::from(b)));
        let price = Price { per_item: x, per_mib: y };
        let exact = u128::from(per_item) + ((u128::from(per_mib) * u128::from(body)) >> 20);
        prop_assert_eq!(price.total(fixture::bytes(body)), within(exact));
        let t = fixture::time(per_item);
        prop_assert!(t.plus(a).get() <= AMOUNT_MAX && t.minus(a) <= t && t.plus(a) >= t);
    }
}

fn read_all(bytes: &[u8]) {
    let _ = (ToCoordinator::from_frame(bytes), ToWorker::from_frame(bytes), Item::from_bytes(bytes));
    let _ = (cose::peek::<Offer>(bytes), cose::peek::<WorkResult>(bytes), cose::peek::<Verdict>(bytes));
    let _ = (cose::peek::<CoordinatorProof>(bytes), cose::peek::<OperatorCard>(bytes));
    let _ = (cbor::decode::<WorkResult>(bytes, 1 << 16), cbor::decode::<Offer>(bytes, 1 << 16));
    if let Ok(receipt) = Receipt::from_bytes(bytes) {
        let _ = receipt.checks(&fixture::coordinator().public());
    }
    let _ = (cose::peek::<Rejection>(bytes), cose::peek::<Appeal>(bytes));
    let _ = (cose::peek::<WalletYes>(bytes), cose::peek::<WalletVeto>(bytes), SignIn::from_bytes(bytes));
    for part in Part::ALL {
        for at in 0..bytes.len() {
            let _ = field_at(part, bytes, at);
        }
    }
}

// ---------------------------------------------------------------- one encoding only

/// A CBOR item taken apart, to be written in ways that RFC 8949 §4.2 forbids.
struct Node {
    major: u8,
    argument: u64,
    content: Vec<u8>,
    inside: Vec<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    /// The argument one size wider (§4.2.1 "preferred serialization").
    Wide,
    /// Indefinite length (§4.2.1).
    Indefinite,
    /// Two map keys exchanged (§4.2.1).
    Reordered,
    /// A map key twice (§5.6).
    Twice,
    /// A key that no version knows.
    Unknown,
}

impl Node {
    fn read(bytes: &mut &[u8]) -> Self {
        let (major, info) = (bytes[0] >> 5, bytes[0] & 31);
        let size = [0, 1, 2, 4, 8][usize::from(info.saturating_sub(23))];
        let wide = bytes[1..=size].iter().fold(0, |n, b| n << 8 | u64::from(*b));
        let argument = if size == 0 { info.into() } else { wide };
        *bytes = &bytes[1 + size..];
        let mut node = Self { major, argument, content: Vec::new(), inside: Vec::new() };
        let count = usize::try_from(argument).unwrap_or(0);
        match major {
            2 | 3 => {
                node.content = bytes[..count].to_vec();
                *bytes = &bytes[count..];
            }
            4 | 5 => node.inside = (0..count * usize::from(major - 3)).map(|_| Self::read(bytes)).collect(),
            _ => {}
        }
        node
    }

    /// Writes it with the `left`-th node wrong; whether such a wrong exists is whether `left` reaches `None`.
    fn write(&self, wrong: Wrong, left: &mut Option<usize>, out: &mut Vec<u8>) {
        let able = match wrong {
            Wrong::Wide => self.major < 7 && self.argument <= u32::MAX.into(),
            Wrong::Indefinite => (2..=5).contains(&self.major),
            Wrong::Reordered => self.major == 5 && self.argument >= 2,
            Wrong::Twice => self.major == 5 && self.argument >= 1,
            Wrong::Unknown => self.major == 5,
        };
        let here = able && *left == Some(0);
        *left = match (*left, able) {
            (Some(0), true) | (None, _) => None,
            (Some(n), true) => Some(n - 1),
            (Some(n), false) => Some(n),
        };
        let mut argument = self.argument;
        if here && matches!(wrong, Wrong::Twice | Wrong::Unknown) {
            argument += 1;
        }
        match here.then_some(wrong) {
            Some(Wrong::Indefinite) => out.push(self.major << 5 | 31),
            Some(Wrong::Wide) => head(self.major, argument, true, out),
            _ => head(self.major, argument, false, out),
        }
        if here && wrong == Wrong::Indefinite && self.major < 4 {
            head(self.major, argument, false, out);
        }
        out.extend(&self.content);
        let mut order: Vec<usize> = (0..self.inside.len()).collect();
        match here.then_some(wrong) {
            Some(Wrong::Reordered) => order.rotate_left(2),
            Some(Wrong::Twice) => order.splice(0..0, [0, 1]).for_each(drop),
            _ => {}
        }
        for i in order {
            self.inside[i].write(wrong, left, out);
        }
        match here.then_some(wrong) {
            Some(Wrong::Indefinite) => out.push(0xff),
            Some(Wrong::Unknown) => out.extend([0x17, 0xf6]),
            _ => {}
        }
    }
}

fn head(major: u8, argument: u64, wider: bool, out: &mut Vec<u8>) {
    let least = match argument {
        0..=23 => 0,
        24..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 3,
        _ => 4,
    };
    let step = least + usize::from(wider);
    let big = argument.to_be_bytes();
    match step {
        0 => out.push(major << 5 | argument as u8),
        _ => {
            out.push(major << 5 | (23 + step as u8));
            out.extend(&big[8 - (1 << (step - 1))..]);
        }
    }
}

/// RFC 8949 appendix A, those of the types that travel here.
#[test]
fn the_rfc_s_examples_are_written_and_read() {
    fn check<T: Cbor + PartialEq + Debug>(value: T, hex: &str) {
        assert_eq!(fixture::hex(&cbor::encode(&value)), hex);
        assert_eq!(cbor::decode(&fixture::unhex(hex), 64), Ok(value));
    }
    check(0u64, "00");
    check(23u64, "17");
    check(24u64, "1818");
    check(100u64, "1864");
    check(1_000u64, "1903e8");
    check(1_000_000u64, "1a000f4240");
    check(1_000_000_000_000u64, "1b000000e8d4a51000");
    check(u64::MAX, "1bffffffffffffffff");
    check(-1i64, "20");
    check(-10i64, "29");
    check(-100i64, "3863");
    check(-1_000i64, "3903e7");
    check(false, "f4");
    check(true, "f5");
    check(ByteVec::default(), "40");
    check(ByteVec::from(vec![1, 2, 3, 4]), "4401020304");
    check(String::new(), "60");
    check("IETF".to_owned(), "6449455446");
    check("\"\\".to_owned(), "62225c");
    check("\u{fc}".to_owned(), "62c3bc");
    check("\u{10151}".to_owned(), "64f0908591");
    check(Vec::<u64>::new(), "80");
    check((1..=25u64).collect::<Vec<_>>(), "98190102030405060708090a0b0c0d0e0f101112131415161718181819");
    check(vec![vec![1u64], vec![2, 3], vec![4, 5]], "838101820203820405");
    // And the edges of what a type holds.
    check(i64::MIN, "3b7fffffffffffffff");
    check(i64::MAX, "1b7fffffffffffffff");
    assert!(cbor::decode::<i64>(&fixture::unhex("3b8000000000000000"), 64).is_err());
    assert!(cbor::decode::<i64>(&fixture::unhex("1b8000000000000000"), 64).is_err());
    assert!(cbor::decode::<u8>(&fixture::unhex("190100"), 64).is_err());
    assert!(cbor::decode::<u64>(&fixture::unhex("f97c00"), 64).is_err(), "no floating point");
}

/// Every wrong way of writing `good`: none may be read.
fn only_one_encoding<T: Debug>(good: &[u8], read: impl Fn(&[u8]) -> Result<T, CborError>) -> usize {
    assert!(read(good).is_ok());
    let node = Node::read(&mut &*good);
    let mut tried = 0;
    for wrong in [Wrong::Wide, Wrong::Indefinite, Wrong::Reordered, Wrong::Twice, Wrong::Unknown] {
        for n in 0.. {
            let (mut left, mut bytes) = (Some(n), Vec::new());
            node.write(wrong, &mut left, &mut bytes);
            if left.is_some() {
                assert_eq!(bytes, good, "without a wrong it is the same");
                break;
            }
            tried += 1;
            assert_ne!(bytes, good);
            let error = read(&bytes).expect_err("another encoding was read");
            assert!(matches!(error, CborError::NotDeterministic | CborError::Malformed(_)), "{wrong:?} {n}: {error}");
        }
    }
    for end in 0..good.len() {
        read(&good[..end]).expect_err("truncated");
    }
    for extra in [0x00, 0xf6, 0xff] {
        read(&[good, &[extra]].concat()).expect_err("extra byte");
    }
    tried
}

fn payload<T: Statement + Debug>(payload: &T) -> usize {
    only_one_encoding(&cbor::encode(payload), |b| cbor::decode::<T>(b, STATEMENT_BYTES_MAX))
}

#[test]
fn every_value_has_one_encoding() {
    let mut tried = 0;
    for (_, message) in fixture::to_coordinator() {
        tried += only_one_encoding(&message.to_frame(), ToCoordinator::from_frame);
    }
    for (_, message) in fixture::to_worker() {
        tried += only_one_encoding(&message.to_frame(), ToWorker::from_frame);
    }
    for (_, item) in fixture::items() {
        tried += only_one_encoding(&item.to_bytes(), Item::from_bytes);
    }
    tried += only_one_encoding(&fixture::fetch_receipt().to_bytes(), Receipt::from_bytes);
    tried += only_one_encoding(&fixture::appealed_receipt().to_bytes(), Receipt::from_bytes);
    tried += only_one_encoding(&fixture::reversal::reversed_receipt().to_bytes(), Receipt::from_bytes);
    tried += payload(&fixture::rejection(Hash([1; 32]))) + payload(&fixture::appeal(Hash([1; 32])));
    tried += payload(&fixture::fetch_offer()) + payload(&fixture::judgment_offer());
    tried += payload(&fixture::fetch_result(Hash([1; 32]))) + payload(&fixture::choice_result(Hash([1; 32])));
    tried += payload(&fixture::refused_fetch_result(Hash([1; 32]))) + payload(&fixture::card());
    tried += payload(&CoordinatorProof(fixture::transcript())) + payload(&WorkerProof(fixture::transcript()));
    tried += payload(&fixture::verdict(Hash([1; 32]), Decision::Accepted, VerdictReason::Agreed, 1));
    assert!(tried > 500, "{tried} wrong encodings tried");
}

#[test]
fn fields_left_out_are_never_null() {
    let refused = ToWorker::Refused { about: None, code: RefusedCode::Busy };
    assert_eq!(fixture::hex(&refused.to_frame()), "8209a10110");
    assert_eq!(ToWorker::from_frame(&fixture::unhex("8209a200f60110")), Err(CborError::NotDeterministic));
    // A filter that filters nothing is left out.
    let empty = fixture::unhex("8202a30002010403a3000001f40280");
    assert_eq!(ToCoordinator::from_frame(&empty), Err(CborError::NotDeterministic));
}

#[test]
fn limits_are_held_to_the_byte() {
    let too_long = |max: usize| Some(CborError::TooLong { len: max + 1, max });
    assert_eq!(ToWorker::from_frame(&vec![0; FRAME_BYTES_MAX + 1]).err(), too_long(FRAME_BYTES_MAX));
    assert_eq!(Item::from_bytes(&vec![0; ITEM_BYTES_MAX + 1]).err(), too_long(ITEM_BYTES_MAX));
    let chunk = |n: usize| {
        let (offer, offset) = (Hash([0; 32]), ByteCount::ZERO);
        ToCoordinator::from_frame(&ToCoordinator::BodyChunk { offer, offset, bytes: vec![0; n].into() }.to_frame())
    };
    assert!(chunk(CHUNK_BYTES_MAX).is_ok() && chunk(CHUNK_BYTES_MAX + 1).is_err());
    let statement =
        |n: usize| ToCoordinator::from_frame(&ToCoordinator::Result { statement: vec![0; n].into() }.to_frame());
    assert!(statement(STATEMENT_BYTES_MAX).is_ok() && statement(STATEMENT_BYTES_MAX + 1).is_err());
    let record = Some(BuyerRecord { reviewed: u32::MAX, rejected: u32::MAX, overturned: u32::MAX });
    let assign = |offer: usize, item: usize| {
        let (offer, item) = (vec![0; offer].into(), vec![0; item].into());
        ToWorker::from_frame(
            &ToWorker::Assign { offer, item, extension: None, pace: None, record, skips_left: None }.to_frame(),
        )
    };
    assert!(assign(STATEMENT_BYTES_MAX, ITEM_BYTES_MAX).is_ok(), "the largest assignment fits a frame");
    assert!(assign(STATEMENT_BYTES_MAX + 1, 0).is_err() && assign(0, ITEM_BYTES_MAX + 1).is_err());
    let hello = |n: usize| {
        let (worker, challenge) = (PublicKey([0; 32]), Challenge([0; 32]));
        let hello = ToCoordinator::Hello { versions: (1, 1), worker, challenge, origin: "a".repeat(n) };
        ToCoordinator::from_frame(&hello.to_frame())
    };
    assert!(hello(ORIGIN_BYTES_MAX).is_ok() && hello(ORIGIN_BYTES_MAX + 1).is_err());
    let label = |n: usize| {
        let Item::Fetch(fetch) = fixture::fetch_item() else { panic!("a fetch") };
        Item::from_bytes(&Item::Fetch(FetchItem { purpose: "a".repeat(n), ..fetch }).to_bytes())
    };
    assert!(label(1).is_ok() && label(LABEL_BYTES_MAX).is_ok());
    assert!(label(0).is_err() && label(LABEL_BYTES_MAX + 1).is_err());
}

/// A head that claims 2^64 elements or a depth of thousands costs an error, not memory or the stack.
#[test]
fn claims_are_not_believed() {
    for start in ["9b", "bb", "5b", "7b"] {
        let claim = fixture::unhex(&format!("{start}ffffffffffffffff"));
        read_all(&claim);
        read_all(&[&fixture::unhex("8209a2"), &claim[..]].concat());
    }
    for nest in [0x81, 0xa1, 0xc1, 0x9f, 0xbf] {
        assert!(ToWorker::from_frame(&vec![nest; FRAME_BYTES_MAX]).is_err());
        assert!(ToWorker::from_frame(&[&fixture::unhex("8209a217")[..], &vec![nest; 100_000]].concat()).is_err());
    }
}
