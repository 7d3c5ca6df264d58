//! The market that is measured: a buyer, projects with questions as the demonstration has them.

use std::path::Path;

use anyhow::{Context, Result, bail};
use lull_coordinator::folder::Folder;
use lull_market::{Command, Context as House, ITEMS_MAX, Project, RequesterId, Tasks, Terms};
use lull_protocol::statement::{AcceptanceRule, Input, JudgmentReport, Report, WorkResult};
use lull_protocol::{Amount, Answer, Content, Hash, OrderId, Signed, SigningKey};
use lull_store::{Reader, Store};

use crate::swarm::now;

/// The fee of the operator, basis points: so that every verdict posts to three accounts.
pub(crate) const FEE_BP: u16 = 1_000;
const BUYER: RequesterId = RequesterId([1; 16]);
/// How many people answer each question, and how many must agree.
pub(crate) const PEOPLE: usize = 3;
const AGREE: u8 = 2;

/// Fills a data folder's database with so many places for answers.
pub(crate) fn stock(data: &Path, places: usize) -> Result<()> {
    let (mut store, house) = open(data)?;
    let deposit = Amount::new(1 << 50).context("an amount")?;
    let mut commands = vec![
        Command::AddRequester { requester: BUYER, name: "Harbour Library".into(), key_hash: Hash::of(b"key") },
        Command::Deposit { requester: BUYER, amount: deposit, reference: "load".into() },
    ];
    let questions = places.div_ceil(PEOPLE);
    for (number, first) in (0_u8..).zip((0..questions).step_by(ITEMS_MAX)) {
        commands.push(Command::CreateProject(project(number, first..questions.min(first + ITEMS_MAX))?));
    }
    for command in commands {
        for reply in store.apply(&house, &[command])? {
            reply?;
        }
    }
    Ok(())
}

/// A data folder's store, and what decisions in it look at.
pub(crate) fn open(data: &Path) -> Result<(Store, House)> {
    let folder = Folder::open(data)?;
    // The key comes first: a folder with a database and no key has lost it.
    let key = folder.key()?;
    let store = Store::open(&folder.database())?;
    let terms = Terms {
        asset: "demo credits".into(),
        fee_bp: FEE_BP,
        fetch_lease_ms: 120_000,
        judgment_lease_ms: 600_000,
        approval_ms: 86_400_000,
        dispute_ms: 86_400_000,
        appeal_ms: 604_800_000,
        appeal_decision_ms: 1_209_600_000,
    };
    Ok((store, House { now: now(), key, terms, listed: Default::default() }))
}

fn project(number: u8, questions: std::ops::Range<usize>) -> Result<Project> {
    Ok(Project {
        order: OrderId([number; 16]),
        requester: BUYER,
        title: "Is the source enough?".into(),
        guideline_version: 1,
        warnings: lull_protocol::WarningSet::NONE,
        guideline: "Read the claim and the source. Answer yes only if the source alone says that the claim is true.".into(),
        question: "Does the source support the claim?".into(),
        tasks: Tasks::Choice {
        options: vec!["yes".into(), "no".into(), "unclear".into()],
        contents: questions.map(|i| Content::Text(format!("Claim {i}: the harbour was dredged. Source: the annual report names a budget for dredging, not its end."))).collect(),
        },
        lessons: None,
        price: Amount::new(4_000).context("an amount")?,
        rule: AcceptanceRule::Agreement { agree: AGREE, people: PEOPLE as u8 },
    })
}

/// A worker's answer to a lease, signed now.
pub(crate) fn answer(offer: Hash, key: &SigningKey) -> Signed<WorkResult> {
    let report = Report::Judgment(JudgmentReport { answer: Answer::Choice(1), input: Input::Keyboard });
    let at = now();
    Signed::sign(WorkResult { offer, report, started_at: at, finished_at: at }, key)
}

/// Every acknowledged result must be in the database, and the ledger must agree with itself.
pub(crate) fn audit(data: &Path, acknowledged: usize) -> Result<()> {
    let reader = Reader::open(&Folder::open(data)?.database())?;
    let stored = reader.statistics()?.judgments;
    if stored != acknowledged as u64 {
        bail!("{acknowledged} results were acknowledged, {stored} are stored");
    }
    let problems = reader.check_ledger()?.problems;
    if problems.is_empty() { Ok(()) } else { bail!("the ledger is wrong: {}", problems.join("; ")) }
}
