//! A market on a database in a folder of its own, and short words for what requesters and workers do.

use std::path::PathBuf;

use lull_market::{
    Command, Context, FetchOrder, Lease, Lessons, NumberedVerdict, Project, Refusal, Reply, RequesterId, Solution,
    Tasks, Terms,
};
use lull_protocol::cose;
use lull_protocol::message::RefusedCode;
use lull_protocol::statement::{
    AcceptanceRule, Decision, FetchReport, Hop, Input, JudgmentReport, Offer, Outcome, Price, Report, Traffic, Verdict,
    VerdictReason, WorkResult,
};
use lull_protocol::task::{Finding, OptionSet, Preference, Verify};
use lull_protocol::units::Nonce;
use lull_protocol::{
    Amount, Answer, ByteCount, Content, Filter, FlagReason, FlagReport, Hash, Method, OrderId, PublicKey, Signed,
    SigningKey, TaskKind, TaskSet, Timestamp,
};
use lull_store::{Reader, Store};
use tempfile::TempDir;
use zeroize::Zeroizing;

pub(crate) const BUYER: RequesterId = RequesterId([1; 16]);
pub(crate) const URL: &str = "https://www.rust-lang.org/page";
pub(crate) const ADDRESS: &str = "93.184.215.14";
pub(crate) const START: u64 = 1_700_000_000_000;

pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) reader: Reader,
    pub(crate) cx: Context,
    nonces: u64,
    pub(crate) folder: TempDir,
}

pub(crate) fn amount(value: u64) -> Amount {
    Amount::new(value).unwrap()
}

pub(crate) fn bytes(count: u64) -> ByteCount {
    ByteCount::new(count).unwrap()
}

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([seed; 32]))
}

pub(crate) fn order_id(number: u8) -> OrderId {
    OrderId([number; 16])
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
    Context { now: Timestamp::new(START).unwrap(), key: key(200), terms, listed: Default::default() }
}

pub(crate) fn fetch_order(number: u8, urls: &[&str]) -> FetchOrder {
    FetchOrder {
        order: order_id(number),
        requester: BUYER,
        purpose: "a test".into(),
        urls: urls.iter().map(|url| (*url).to_owned()).collect(),
        method: Method::Get,
        bytes_max: bytes(2 << 20),
        http_allowed: false,
        price: Price { per_item: amount(1_000), per_mib: amount(4_000) },
    }
}

pub(crate) fn project(number: u8, contents: usize, agree: u8, people: u8) -> Project {
    Project {
        order: order_id(number),
        requester: BUYER,
        title: "Signs".into(),
        guideline_version: 1,
        warnings: lull_protocol::WarningSet::NONE,
        guideline: "Look closely.".into(),
        question: "Is it a stop sign?".into(),
        tasks: tasks(TaskKind::Choice, contents),
        lessons: None,
        price: amount(4_000),
        rule: AcceptanceRule::Agreement { agree, people },
    }
}

/// So many tasks of a type.
pub(crate) fn tasks(kind: TaskKind, count: usize) -> Tasks {
    let options = vec!["yes".into(), "no".into(), "unclear".into()];
    let contents = (0..count).map(|i| Content::Text(format!("sign {i}"))).collect();
    match kind {
        TaskKind::Choice => Tasks::Choice { options, contents },
        TaskKind::Multi => Tasks::Multi { options, least: 0, most: 2, contents },
        TaskKind::Compare => {
            let other = |left: Content| (left, Content::Code("stop()".into()));
            Tasks::Compare { pairs: contents.into_iter().map(other).collect() }
        }
        TaskKind::Rating => Tasks::Rating { steps: 5, lowest: "dull".into(), highest: "bright".into(), contents },
        TaskKind::Verify => {
            let source = vec!["It is red.".to_owned(), "It has eight corners.".to_owned()];
            let claim = |i| Verify { claim: format!("sign {i} is red"), source: source.clone() };
            Tasks::Verify { claims: (0..count).map(claim).collect() }
        }
    }
}

/// So many lessons of a type, none of them about what [`tasks`] asks.
pub(crate) fn lessons(kind: TaskKind, count: usize) -> Lessons {
    let answer = match kind {
        TaskKind::Choice => Answer::Choice(1),
        TaskKind::Multi => Answer::Multi(OptionSet::default()),
        TaskKind::Compare => Answer::Compare(Preference::Tie),
        TaskKind::Rating => Answer::Rating(5),
        TaskKind::Verify => Answer::Verify(Finding::Supported { sentence: 1 }),
    };
    let solution = Solution { answer, explanation: "It is.".into() };
    let tasks = match tasks(kind, count) {
        Tasks::Verify { mut claims } => {
            claims.iter_mut().for_each(|claim| claim.claim.insert_str(0, "Practice: "));
            Tasks::Verify { claims }
        }
        tasks => tasks.map(|content| match content {
            Content::Text(text) => Content::Text(format!("Practice: {text}")),
            other => other,
        }),
    };
    Lessons { tasks, solutions: vec![solution; count] }
}

impl Bench {
    /// An empty market.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lull.sqlite");
        let store = Store::open(&path).unwrap();
        let reader = Reader::open(&path).unwrap();
        Self { store, reader, cx: context(), nonces: 0, folder }
    }

    /// A market with one buyer who paid in 100 million.
    pub(crate) fn new() -> Self {
        let mut bench = Self::empty();
        bench.does(Command::AddRequester { requester: BUYER, name: "Buyer".into(), key_hash: Hash::of(b"key") });
        bench.does(Command::Deposit { requester: BUYER, amount: amount(100_000_000), reference: "first".into() });
        bench
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("lull.sqlite")
    }

    pub(crate) fn later(&mut self, ms: u64) {
        self.cx.now = self.cx.now.plus(ms);
    }

    pub(crate) fn one(&mut self, command: Command) -> Result<Reply, Refusal> {
        self.store.apply(&self.cx, &[command]).unwrap().pop().unwrap()
    }

    /// A command that must not be refused.
    pub(crate) fn does(&mut self, command: Command) -> Reply {
        self.one(command).unwrap()
    }

    pub(crate) fn buy(&mut self, order: FetchOrder) {
        self.does(Command::CreateFetchOrder(order));
    }

    pub(crate) fn ask(&mut self, project: Project) {
        self.does(Command::CreateProject(project));
    }

    pub(crate) fn nonces(&mut self, count: usize) -> Vec<Nonce> {
        (0..count)
            .map(|_| {
                self.nonces += 1;
                let mut nonce = [0; 16];
                nonce[..8].copy_from_slice(&self.nonces.to_be_bytes());
                Nonce(nonce)
            })
            .collect()
    }

    pub(crate) fn claim(&mut self, worker: &SigningKey, fetch: u8, judgment: u8) -> Vec<Lease> {
        let nonces = self.nonces(usize::from(fetch) + usize::from(judgment));
        match self.does(Command::Claim {
            worker: worker.public(),
            fetch,
            judgment,
            tasks: TaskSet::ALL,
            warnings: lull_protocol::WarningSet::ALL,
            filter: Filter::default(),
            nonces,
        }) {
            Reply::Leases(leases) => leases,
            other => panic!("{other:?}"),
        }
    }

    /// The only lease that a claim gives.
    pub(crate) fn lease(&mut self, worker: &SigningKey, fetch: u8, judgment: u8) -> Lease {
        let mut leases = self.claim(worker, fetch, judgment);
        assert_eq!(leases.len(), 1);
        leases.pop().unwrap()
    }

    pub(crate) fn submit(&mut self, worker: &SigningKey, statement: &[u8], body: &[u8]) -> Result<Reply, Refusal> {
        // As a connection does it, which verifies before it asks.
        let verified = Signed::verify(statement, &worker.public());
        let result = Box::new(verified.map_err(|_| Refusal::Worker(RefusedCode::Signature))?);
        self.one(Command::Submit { result, body: body.to_vec() })
    }

    /// Submits a result that must be stored; the verdicts it caused.
    pub(crate) fn stores(&mut self, worker: &SigningKey, result: &WorkResult, body: &[u8]) -> Vec<NumberedVerdict> {
        let statement = Signed::sign(result.clone(), worker);
        match self.submit(worker, statement.bytes(), body).unwrap() {
            Reply::Stored { result, verdicts, .. } => {
                assert_eq!(result, statement.hash());
                verdicts
            }
            other => panic!("{other:?}"),
        }
    }

    /// Answers a lease with an option.
    pub(crate) fn answers(&mut self, worker: &SigningKey, lease: &Lease, option: u8) -> Vec<NumberedVerdict> {
        let result = self.choice(lease, option);
        self.stores(worker, &result, &[])
    }

    pub(crate) fn choice(&self, lease: &Lease, option: u8) -> WorkResult {
        self.judged(lease, Answer::Choice(option))
    }

    pub(crate) fn judged(&self, lease: &Lease, answer: Answer) -> WorkResult {
        self.result(lease, Report::Judgment(JudgmentReport { answer, input: Input::Keyboard }))
    }

    /// A result of a lease, at this moment.
    pub(crate) fn result(&self, lease: &Lease, report: Report) -> WorkResult {
        WorkResult { offer: Hash::of(&lease.offer), report, started_at: self.cx.now, finished_at: self.cx.now }
    }

    /// A flag of an item that was on screen for so long.
    pub(crate) fn flag(&self, lease: &Lease, reason: FlagReason, seen_ms: u64) -> WorkResult {
        let report = Report::Flag(FlagReport { reason, note: None, input: Input::Keyboard });
        self.looked(lease, report, seen_ms)
    }

    /// A result of an item that was on screen for so long.
    pub(crate) fn looked(&self, lease: &Lease, report: Report, seen_ms: u64) -> WorkResult {
        WorkResult { started_at: self.cx.now.minus(seen_ms), ..self.result(lease, report) }
    }

    pub(crate) fn page(&self, lease: &Lease, body: &[u8]) -> WorkResult {
        self.result(lease, Report::Fetch(report(Outcome::Ok, 200, body)))
    }

    pub(crate) fn sweep(&mut self) -> (Vec<(PublicKey, Hash)>, Vec<NumberedVerdict>, Vec<PublicKey>) {
        match self.does(Command::Sweep) {
            Reply::Swept { expired, verdicts, settled, .. } => (expired, verdicts, settled),
            other => panic!("{other:?}"),
        }
    }

    /// What a worker earned, is pending and payable.
    pub(crate) fn money(&self, worker: &SigningKey) -> (u64, u64, u64) {
        let account = self.reader.account(&worker.public(), Timestamp::ZERO).unwrap();
        assert_eq!(account.earned_today, account.earned, "a day that began in 1970 holds it all");
        (account.earned.get(), account.pending.get(), account.payable.get())
    }

    pub(crate) fn checks_out(&self) {
        assert_eq!(self.reader.check_ledger().unwrap().problems, Vec::<String>::new());
    }
}

/// A report of one hop to the page.
pub(crate) fn report(outcome: Outcome, status: u16, body: &[u8]) -> FetchReport {
    FetchReport {
        outcome,
        status,
        headers: vec![],
        body_hash: Hash::of(body),
        body_bytes: bytes(body.len() as u64),
        hops: vec![hop(URL, status)],
        traffic: Traffic::default(),
        head_ms: 12,
        reason: None,
    }
}

pub(crate) fn hop(url: &str, status: u16) -> Hop {
    Hop { url: url.into(), address: ADDRESS.into(), status }
}

pub(crate) fn offer(lease: &Lease) -> Offer {
    cose::peek(&lease.offer).unwrap()
}

/// Decision, reason and amount of a verdict that the coordinator signed.
pub(crate) fn said(verdict: &NumberedVerdict) -> (Decision, VerdictReason, u64) {
    let signed = Signed::<Verdict>::verify(&verdict.statement, &context().key.public()).unwrap();
    let verdict = signed.payload();
    (verdict.decision, verdict.reason, verdict.amount.get())
}

pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Refusal>) -> RefusedCode {
    match result {
        Err(Refusal::Worker(code)) => code,
        other => panic!("not refused to the worker: {other:?}"),
    }
}
