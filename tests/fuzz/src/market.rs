//! A real market on a real database in memory's own folder, and a worked day of it: what the targets of the
//! coordinator's side stand on.

use std::path::PathBuf;
use std::sync::OnceLock;

use lull_market::{Command, Context, FetchOrder, Lease, Project, Reply, RequesterId, Tasks, Terms};
use lull_protocol::statement::{
    AcceptanceRule, FetchReport, Hop, Input, JobClass, JudgmentReport, Offer, Outcome, Price, Report, Traffic,
    WorkResult,
};
use lull_protocol::task::Verify;
use lull_protocol::units::Nonce;
use lull_protocol::{Content, Filter, Hash, Item, Method, OrderId, Signed, TaskSet, Timestamp, cose};
use lull_store::{Reader, Store};
use tempfile::TempDir;

use crate::make::{self, COORDINATOR, START_MS, WORKER, amount, count};

pub(crate) const BUYER: RequesterId = RequesterId([1; 16]);
pub(crate) const API_KEY: &str = "lull_key";
pub(crate) const ADDRESS: &str = "93.184.215.14";
pub(crate) const FETCHES: OrderId = OrderId([2; 16]);
/// One of each type.
pub(crate) const QUESTIONS: [OrderId; 5] =
    [OrderId([3; 16]), OrderId([4; 16]), OrderId([5; 16]), OrderId([6; 16]), OrderId([7; 16])];

/// The bodies of fetches are this many bytes: small, or several windows.
pub(crate) const BODY_BYTES: [usize; 3] = [0, 5, 600_000];

/// A market in a folder that goes with it.
pub(crate) struct Market {
    pub(crate) store: Store,
    pub(crate) reader: Reader,
    pub(crate) cx: Context,
    _folder: TempDir,
}

pub(crate) fn context() -> Context {
    let terms = Terms {
        asset: "demo credits".into(),
        fee_bp: 1_000,
        fetch_lease_ms: 60_000,
        judgment_lease_ms: 300_000,
        approval_ms: 3_600_000,
        dispute_ms: 86_400_000,
        appeal_ms: 604_800_000,
        appeal_decision_ms: 1_209_600_000,
    };
    Context { now: make::time(START_MS), key: make::key(COORDINATOR), terms, listed: Default::default() }
}

/// A folder with these bytes as its database.
pub(crate) fn folder_of(database: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("lull.sqlite");
    std::fs::write(&path, database).expect("a temporary file");
    (folder, path)
}

impl Market {
    /// A market in which work waits.
    pub(crate) fn open() -> Self {
        static DATABASE: OnceLock<Vec<u8>> = OnceLock::new();
        Self::on(DATABASE.get_or_init(|| made(|_, _| {})))
    }

    fn on(database: &[u8]) -> Self {
        let (folder, path) = folder_of(database);
        let store = Store::open(&path).expect("a good database");
        let reader = Reader::open(&path).expect("a good database");
        Self { store, reader, cx: context(), _folder: folder }
    }
}

/// A database with a worked day in it: leases of every state, bodies, verdicts, receipts.
pub(crate) fn worked_day() -> &'static [u8] {
    static DATABASE: OnceLock<Vec<u8>> = OnceLock::new();
    DATABASE.get_or_init(|| made(work))
}

/// A new database after these commands, as one file.
fn made(then: impl FnOnce(&mut Store, &mut Context)) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("lull.sqlite");
    let (mut store, mut cx) = (Store::open(&path).expect("a new database"), context());
    for command in stock() {
        done(&mut store, &cx, command);
    }
    then(&mut store, &mut cx);
    // The last connection that closes leaves one file.
    drop(store);
    std::fs::read(&path).expect("the database just made")
}

fn done(store: &mut Store, cx: &Context, command: Command) -> Reply {
    let replies = store.apply(cx, &[command]).expect("a disk that works");
    replies.into_iter().next().expect("a reply per command").expect("a command that is right")
}

/// A requester with money and orders of both kinds.
fn stock() -> Vec<Command> {
    let price = Price { per_item: amount(1_000), per_mib: amount(4_000) };
    let picture =
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\x01IDAT and more".to_vec();
    let fetches = FetchOrder {
        order: FETCHES,
        requester: BUYER,
        purpose: "a test".into(),
        urls: (0..6).map(|i| format!("https://www.rust-lang.org/{i}")).collect(),
        method: Method::Get,
        bytes_max: count(2 << 20),
        http_allowed: false,
        price,
    };
    let mut commands = vec![
        Command::AddRequester { requester: BUYER, name: "Buyer".into(), key_hash: Hash::of(API_KEY.as_bytes()) },
        Command::Deposit { requester: BUYER, amount: amount(100_000_000), reference: "first".into() },
        Command::PutBlob { requester: BUYER, media_type: "image/png".into(), bytes: picture },
        Command::CreateFetchOrder(fetches),
    ];
    let projects = QUESTIONS.into_iter().zip(tasks());
    commands.extend(projects.map(|(order, tasks)| Command::CreateProject(project(order, tasks))));
    commands
}

fn project(order: OrderId, tasks: Tasks) -> Project {
    Project {
        order,
        requester: BUYER,
        title: "Signs".into(),
        guideline_version: 1,
        warnings: lull_protocol::WarningSet::NONE,
        guideline: "Look closely.".into(),
        question: "Is it a stop sign?".into(),
        tasks,
        lessons: None,
        price: amount(4_000),
        rule: AcceptanceRule::Agreement { agree: 2, people: 3 },
    }
}

/// What is asked in each project: two choices, and one of each other type.
fn tasks() -> [Tasks; 5] {
    let options = vec!["yes".to_owned(), "no".to_owned(), "unclear".to_owned()];
    let sign = |i: u8| Content::Text(format!("sign {i}"));
    let (lowest, highest) = ("dull".to_owned(), "bright".to_owned());
    let source = vec!["It was cold.".to_owned(), "It froze.".to_owned()];
    [
        Tasks::Choice { options: options.clone(), contents: vec![sign(0), sign(1)] },
        Tasks::Multi { options, least: 0, most: 2, contents: vec![sign(2)] },
        Tasks::Compare { pairs: vec![(sign(3), Content::Code("stop()".into()))] },
        Tasks::Rating { steps: 5, lowest, highest, contents: vec![sign(4)] },
        Tasks::Verify { claims: vec![Verify { claim: "The harbour froze.".into(), source }] },
    ]
}

fn work(store: &mut Store, cx: &mut Context) {
    for (round, seed) in [WORKER, 3, WORKER].into_iter().enumerate() {
        let worker = make::key(seed).public();
        let nonces = (0..6).map(|i| Nonce([10 * round as u8 + i; 16])).collect();
        let Reply::Leases(leases) = done(
            store,
            cx,
            Command::Claim {
                worker,
                fetch: 2,
                judgment: 4,
                tasks: TaskSet::ALL,
                warnings: lull_protocol::WarningSet::ALL,
                filter: Filter::default(),
                nonces,
            },
        ) else {
            return;
        };
        for (i, lease) in leases.iter().enumerate() {
            match i {
                0 => {
                    let (offer, reason) = (Hash::of(&lease.offer), lull_protocol::message::ReturnReason::Skipped);
                    done(store, cx, Command::Return { worker, offer, reason, shown_ms: None });
                }
                1..=4 => {
                    let body = vec![seed; *BODY_BYTES.get(i % 2).unwrap_or(&0)];
                    let (result, body) = result(lease, i as u8 % 3, body, cx.now);
                    let result = Box::new(Signed::sign(result, &make::key(seed)));
                    done(store, cx, Command::Submit { result, body });
                }
                // One is left to its deadline.
                _ => {}
            }
        }
        cx.now = cx.now.plus(400_000);
        done(store, cx, Command::Sweep);
    }
    cx.now = cx.now.plus(86_400_000);
    done(store, cx, Command::Sweep);
}

/// A good result of a lease, with the body that belongs to it; the number tells which answer it is.
pub(crate) fn result(lease: &Lease, number: u8, body: Vec<u8>, now: Timestamp) -> (WorkResult, Vec<u8>) {
    let offer = Hash::of(&lease.offer);
    let (report, body) = match Item::from_bytes(&lease.item).expect("an item of the market's own") {
        Item::Judgment(item) => {
            let answer = make::answer_to(&item.task, number);
            (Report::Judgment(JudgmentReport { answer, input: Input::Pointer }), Vec::new())
        }
        Item::Fetch(item) => {
            let report = FetchReport {
                outcome: Outcome::Ok,
                status: 200,
                headers: vec![],
                body_hash: Hash::of(&body),
                body_bytes: count(body.len() as u64),
                hops: vec![Hop { url: item.url, address: ADDRESS.into(), status: 200 }],
                traffic: Traffic::default(),
                head_ms: 1,
                reason: None,
            };
            (Report::Fetch(report), body)
        }
    };
    (WorkResult { offer, report, started_at: now, finished_at: now }, body)
}

/// What no command may leave behind.
pub(crate) fn check(reader: &Reader) {
    let check = reader.check_ledger().expect("a disk that works");
    assert_eq!(check.problems, Vec::<String>::new(), "the ledger contradicts itself");
    let statistics = reader.statistics().expect("a disk that works");
    assert_eq!(statistics.deposited, amount(100_000_000));
    assert!(statistics.earned.checked_add(statistics.fees) <= Some(statistics.deposited));
}

/// The job class of a lease.
pub(crate) fn class_of(lease: &Lease) -> JobClass {
    cose::peek::<Offer>(&lease.offer).expect("an offer of the market's own").class
}
