//! What becomes of an answer that its requester rejects: notice, appeal, a human's word, and what time decides.

use lull_market::review::REVIEWS_MAX;
use lull_market::{
    Command, Lease, NumberedVerdict, Project, Refusal, Rejected, Reply, RequesterId, ReviewProblem, Reviewed,
};
use lull_protocol::message::RefusedCode;
use lull_protocol::rejection::{Appeal, BuyerRecord, Rejection};
use lull_protocol::statement::{AcceptanceRule, Decision, Verdict, VerdictReason, WorkResult};
use lull_protocol::{Hash, OrderId, Signed, SigningKey, Timestamp};

use crate::bench::{BUYER, Bench, key, order_id, project, refused, said};

const APPEAL_MS: u64 = 604_800_000;
const APPEAL_DECISION_MS: u64 = 1_209_600_000;

const BY_BUYER: (Decision, VerdictReason, u64) = (Decision::Accepted, VerdictReason::ApprovedByBuyer, 4_000);
const BY_TIME: (Decision, VerdictReason, u64) = (Decision::Accepted, VerdictReason::ApprovedByTime, 4_000);
const REJECTED: (Decision, VerdictReason, u64) = (Decision::Rejected, VerdictReason::RejectedByBuyer, 0);
const UPHELD: (Decision, VerdictReason, u64) = (Decision::Accepted, VerdictReason::AppealUpheld, 4_000);
const DENIED: (Decision, VerdictReason, u64) = (Decision::Rejected, VerdictReason::AppealDenied, 0);

fn reviewed(contents: usize, agree: u8, people: u8) -> Project {
    Project { rule: AcceptanceRule::Review { agree, people }, ..project(1, contents, agree, people) }
}

/// A market in which these people have given these answers to one item that waits for its requester.
fn answered(agree: u8, options: &[u8]) -> (Bench, Vec<Lease>) {
    let mut bench = Bench::new();
    bench.ask(reviewed(1, agree, options.len() as u8));
    let mut leases = vec![];
    for (seed, option) in (1..).zip(options) {
        let lease = bench.lease(&key(seed), 0, 1);
        assert!(bench.answers(&key(seed), &lease, *option).is_empty(), "nothing is decided before the requester");
        leases.push(lease);
    }
    (bench, leases)
}

impl Bench {
    fn review(&mut self, accept: &[&Lease], reject: &[(&Lease, &str)]) -> Result<Reviewed, Refusal> {
        self.review_of(BUYER, order_id(1), accept, reject)
    }

    fn review_of(
        &mut self,
        requester: RequesterId,
        order: OrderId,
        accept: &[&Lease],
        reject: &[(&Lease, &str)],
    ) -> Result<Reviewed, Refusal> {
        let accept = accept.iter().map(|lease| Hash::of(&lease.offer)).collect();
        let rejected = |(lease, evidence): &(&Lease, &str)| {
            let (offer, evidence) = (Hash::of(&lease.offer), (*evidence).to_owned());
            Rejected { offer, evidence }
        };
        let reject = reject.iter().map(rejected).collect();
        match self.one(Command::Review { requester, order, accept, reject })? {
            Reply::Reviewed(reviewed) => Ok(reviewed),
            other => panic!("{other:?}"),
        }
    }

    /// Rejects one answer; what its worker is told.
    fn rejects(&mut self, lease: &Lease, worker: &SigningKey) -> Signed<Rejection> {
        let reviewed = self.review(&[], &[(lease, "It is a give-way sign.")]).unwrap();
        let [open] = &reviewed.rejections[..] else { panic!("{reviewed:?}") };
        assert_eq!((open.worker, open.is_appealed), (worker.public(), false));
        assert!(reviewed.verdicts.is_empty() && !reviewed.freed, "no verdict, and the place stays taken");
        Signed::verify(&open.statement, &self.cx.key.public()).unwrap()
    }

    fn appeals(&mut self, rejection: Hash, worker: &SigningKey) -> Result<Reply, Refusal> {
        let appeal = Appeal { rejection, words: Some("It is red.".into()), at: self.cx.now };
        self.one(Command::Appeal { appeal: Box::new(Signed::sign(appeal, worker)) })
    }

    fn decides(&mut self, rejection: Hash, is_upheld: bool) -> Result<Reviewed, Refusal> {
        match self.one(Command::DecideAppeal { rejection, is_upheld })? {
            Reply::Reviewed(reviewed) => Ok(reviewed),
            other => panic!("{other:?}"),
        }
    }

    /// The verdicts of a sweep, and whether it freed a place.
    fn time_decides(&mut self) -> (Vec<NumberedVerdict>, bool) {
        match self.does(Command::Sweep) {
            Reply::Swept { verdicts, freed, .. } => (verdicts, freed),
            other => panic!("{other:?}"),
        }
    }

    fn record(&self) -> BuyerRecord {
        let mut found = self.reader.open_leases(&key(99).public(), self.cx.now).unwrap();
        found.pop().and_then(|lease| lease.record).expect("a lease of a project that reviews")
    }
}

fn verdict_of(verdict: &NumberedVerdict) -> Verdict {
    lull_protocol::cose::peek(&verdict.statement).unwrap()
}

fn problem(result: Result<Reviewed, Refusal>) -> (String, ReviewProblem) {
    match result {
        Err(Refusal::Review { field, problem }) => (field, problem),
        other => panic!("{other:?}"),
    }
}

#[test]
fn accepted_answers_are_paid_at_once_and_decide_their_item_together() {
    let (mut bench, leases) = answered(2, &[1, 0, 1]);
    let given = bench.review(&[&leases[0], &leases[1]], &[]).unwrap();
    assert_eq!(given.verdicts.iter().map(said).collect::<Vec<_>>(), [BY_BUYER; 2]);
    assert_eq!((given.rejections.len(), given.freed), (0, false));
    assert_eq!(bench.money(&key(2)), (4_000, 4_000, 0), "also who answered otherwise than the others");
    assert_eq!(bench.reader.order(&order_id(1)).unwrap().unwrap().items.open, 1);
    let last = bench.review(&[&leases[2]], &[]).unwrap();
    assert_eq!(last.verdicts.iter().map(said).collect::<Vec<_>>(), [BY_BUYER]);
    let order = bench.reader.order(&order_id(1)).unwrap().unwrap();
    assert_eq!((order.items.done, order.held.get(), order.spent.get()), (1, 0, 3 * 4_400));
    assert_eq!(bench.reader.results(&order_id(1), 0, 9).unwrap()[0].decided.map(|key| key.0), Some(1));
    let again = bench.review(&[&leases[0], &leases[1], &leases[2]], &[]);
    assert_eq!(again, Ok(Reviewed::default()), "asking again changes nothing");
    assert_eq!((order.review.reviewed, order.review.rejected), (3, 0));
    bench.checks_out();
}

#[test]
fn what_the_requester_leaves_alone_is_approved_by_time_and_decides() {
    let (mut bench, leases) = answered(2, &[1, 0]);
    bench.review(&[&leases[0]], &[]).unwrap();
    bench.later(300_000 + 3_600_000 - 1);
    assert!(bench.time_decides().0.is_empty());
    bench.later(1);
    assert_eq!(bench.time_decides().0.iter().map(said).collect::<Vec<_>>(), [BY_TIME]);
    let order = bench.reader.order(&order_id(1)).unwrap().unwrap();
    assert_eq!((order.items.ambiguous, order.review.reviewed), (1, 2));
    bench.checks_out();
}

#[test]
fn a_rejection_without_appeal_stands_when_its_time_is_over_and_frees_the_place() {
    let (mut bench, leases) = answered(1, &[1]);
    let rejection = bench.rejects(&leases[0], &key(1));
    let said_so = rejection.payload().clone();
    assert_eq!((said_so.decided_at, said_so.appeal_until), (bench.cx.now, bench.cx.now.plus(APPEAL_MS)));
    assert_eq!((said_so.worker, said_so.reason), (key(1).public(), VerdictReason::RejectedByBuyer));
    let open = bench.reader.open_rejections(&key(1).public(), None).unwrap();
    assert_eq!(open.len(), 1, "told again after a reconnect");
    let after = open.first().map(|open| Hash::of(&open.statement));
    assert_eq!(bench.reader.open_rejections(&key(1).public(), after).unwrap(), open[1..]);
    assert!(bench.reader.open_rejections(&key(2).public(), None).unwrap().is_empty());
    assert_eq!(bench.claim(&key(2), 0, 1).len(), 0, "the place is not free yet");
    assert_eq!(bench.reader.order(&order_id(1)).unwrap().unwrap().held.get(), 4_400, "its money is still held");
    bench.later(APPEAL_MS - 1);
    assert!(bench.time_decides().0.is_empty(), "one millisecond early");
    bench.later(1);
    let (verdicts, freed) = bench.time_decides();
    assert_eq!((verdicts.iter().map(said).collect::<Vec<_>>(), freed), (vec![REJECTED], true));
    assert_eq!(verdict_of(&verdicts[0]).rejection, Some(rejection.hash()));
    assert_eq!(verdicts[0].rejection.as_deref(), Some(rejection.bytes()));
    assert_eq!(bench.reader.verdicts_after(&key(1).public(), 0, 9).unwrap(), verdicts, "with its evidence");
    assert_eq!(bench.money(&key(1)), (0, 0, 0));
    assert!(bench.reader.open_rejections(&key(1).public(), None).unwrap().is_empty());
    let receipt = bench.reader.results(&order_id(1), 0, 9).unwrap().pop().unwrap().receipt;
    assert!(receipt.verify(&bench.cx.key.public()).unwrap().rejection.is_some());
    assert_eq!(bench.claim(&key(1), 0, 1).len(), 0, "never the same item twice");
    let lease = bench.lease(&key(2), 0, 1);
    assert!(bench.answers(&key(2), &lease, 0).is_empty());
    bench.review(&[&lease], &[]).unwrap();
    let order = bench.reader.order(&order_id(1)).unwrap().unwrap();
    assert_eq!((order.items.done, order.held.get(), order.spent.get()), (1, 0, 4_400));
    bench.checks_out();
}

#[test]
fn an_appeal_that_nobody_decides_about_is_won_by_the_worker() {
    let (mut bench, leases) = answered(1, &[1]);
    let rejection = bench.rejects(&leases[0], &key(1)).hash();
    bench.later(APPEAL_MS - 1);
    assert_eq!(bench.appeals(rejection, &key(1)), Ok(Reply::Appealed(rejection)));
    bench.later(1);
    assert!(bench.time_decides().0.is_empty(), "the appeal gives a human time");
    bench.later(APPEAL_DECISION_MS - 2);
    assert!(bench.time_decides().0.is_empty());
    bench.later(1);
    let (verdicts, freed) = bench.time_decides();
    assert_eq!((verdicts.iter().map(said).collect::<Vec<_>>(), freed), (vec![UPHELD], false));
    assert_eq!(verdict_of(&verdicts[0]).rejection, Some(rejection));
    assert_eq!(bench.money(&key(1)), (4_000, 4_000, 0));
    assert_eq!(bench.reader.order(&order_id(1)).unwrap().unwrap().items.done, 1);
    bench.checks_out();
}

#[test]
fn an_appeal_is_the_workers_own_counts_once_and_comes_before_the_verdict() {
    let (mut bench, leases) = answered(1, &[1]);
    let rejection = bench.rejects(&leases[0], &key(1)).hash();
    assert_eq!(refused(bench.appeals(Hash([9; 32]), &key(1))), RefusedCode::UnknownOffer);
    assert_eq!(refused(bench.appeals(rejection, &key(2))), RefusedCode::NotYours);
    bench.later(APPEAL_MS + 5_000);
    assert_eq!(bench.appeals(rejection, &key(1)), Ok(Reply::Appealed(rejection)), "no verdict yet, so in time");
    let waits = bench.reader.appeals(9).unwrap();
    let [row] = &waits[..] else { panic!("{waits:?}") };
    assert_eq!(
        (row.decides_at, row.appeal.as_ref().map(|(at, _)| *at)),
        (bench.cx.now.plus(APPEAL_DECISION_MS), Some(bench.cx.now))
    );
    bench.later(1_000);
    assert_eq!(bench.appeals(rejection, &key(1)), Ok(Reply::Appealed(rejection)), "again");
    assert_eq!(bench.reader.appeals(9).unwrap(), waits, "and nothing is put off by it");
    bench.decides(rejection, false).unwrap();
    assert!(bench.reader.appeals(9).unwrap().is_empty());
    let (mut bench, leases) = answered(1, &[1]);
    let rejection = bench.rejects(&leases[0], &key(1)).hash();
    bench.later(APPEAL_MS);
    bench.sweep();
    assert_eq!(refused(bench.appeals(rejection, &key(1))), RefusedCode::LeaseEnded, "its verdict is final");
}

#[test]
fn the_operator_decides_about_an_appeal_once() {
    for (is_upheld, verdict) in [(true, UPHELD), (false, DENIED)] {
        let (mut bench, leases) = answered(1, &[1]);
        let rejection = bench.rejects(&leases[0], &key(1)).hash();
        let named = |problem| ("rejection".to_owned(), problem);
        assert_eq!(problem(bench.decides(Hash([9; 32]), is_upheld)), named(ReviewProblem::UnknownRejection));
        assert_eq!(problem(bench.decides(rejection, is_upheld)), named(ReviewProblem::NotAppealed));
        bench.appeals(rejection, &key(1)).unwrap();
        let reviewed = bench.decides(rejection, is_upheld).unwrap();
        assert_eq!(reviewed.verdicts.iter().map(said).collect::<Vec<_>>(), [verdict]);
        assert_eq!((reviewed.freed, bench.money(&key(1)).0), (!is_upheld, verdict.2));
        assert_eq!(bench.decides(rejection, is_upheld), Ok(Reviewed::default()), "again changes nothing");
        assert_eq!(problem(bench.decides(rejection, !is_upheld)), named(ReviewProblem::Judged));
        let receipt = bench.reader.results(&order_id(1), 0, 9).unwrap().pop().unwrap().receipt;
        assert!(receipt.verify(&bench.cx.key.public()).unwrap().appeal.is_some());
        bench.checks_out();
    }
}

#[test]
fn a_requester_may_take_a_rejection_back_and_concede_an_appeal() {
    for (is_appealed, verdict) in [(false, BY_BUYER), (true, UPHELD)] {
        let (mut bench, leases) = answered(1, &[1]);
        let rejection = bench.rejects(&leases[0], &key(1)).hash();
        if is_appealed {
            bench.appeals(rejection, &key(1)).unwrap();
        }
        let given = bench.review(&[&leases[0]], &[]).unwrap();
        assert_eq!(given.verdicts.iter().map(said).collect::<Vec<_>>(), [verdict]);
        assert_eq!(verdict_of(&given.verdicts[0]).rejection, Some(rejection));
        bench.ask(Project { order: order_id(2), ..reviewed(1, 1, 1) });
        bench.claim(&key(99), 0, 1);
        assert_eq!(bench.record(), BuyerRecord { reviewed: 1, rejected: 1, overturned: 1 });
        bench.checks_out();
    }
}

#[test]
fn each_refusal_of_a_review_says_what_is_wrong() {
    let (mut bench, leases) = answered(2, &[1, 1, 0]);
    let [ann, bob, cy] = &leases[..] else { panic!() };
    let named = |field: &str, problem| (field.to_owned(), problem);
    let unknown = Lease {
        offer: vec![1],
        item: vec![],
        extension: None,
        pace: None,
        record: None,
        skips_left: None,
        is_withdrawn: false,
    };
    assert_eq!(problem(bench.review(&[ann, &unknown], &[])), named("accept[1]", ReviewProblem::UnknownAnswer));
    assert_eq!(bench.money(&key(1)).0, 0, "all of them are decided, or none");
    let others = bench.review_of(RequesterId([2; 16]), order_id(1), &[ann], &[]);
    assert_eq!(problem(others), named("accept[0]", ReviewProblem::UnknownAnswer));
    let elsewhere = bench.review_of(BUYER, order_id(2), &[], &[(ann, "No.")]);
    assert_eq!(problem(elsewhere), named("reject[0]", ReviewProblem::UnknownAnswer));
    for evidence in ["", " \n", &"e".repeat(2_049)] {
        match bench.review(&[], &[(bob, "No."), (ann, evidence)]) {
            Err(Refusal::Field { field, .. }) => assert_eq!(field, "reject[1].evidence"),
            other => panic!("{other:?}"),
        }
    }
    for (accept, reject) in [(0, 0), (REVIEWS_MAX + 1, 0), (REVIEWS_MAX, 1)] {
        match bench.review(&vec![ann; accept], &vec![(ann, "No."); reject]) {
            Err(Refusal::Field { field, .. }) => assert_eq!(field, "accept"),
            other => panic!("{other:?}"),
        }
    }
    assert!(bench.review(&vec![ann; REVIEWS_MAX], &[]).is_ok(), "the same one is accepted once");
    assert_eq!(problem(bench.review(&[], &[(ann, "No.")])), named("reject[0]", ReviewProblem::Judged));
    bench.review(&[], &[(bob, "No.")]).unwrap();
    assert_eq!(bench.review(&[], &[(bob, "No.")]), Ok(Reviewed::default()), "again changes nothing");
    assert_eq!(problem(bench.review(&[], &[(bob, "Never.")])), named("reject[0]", ReviewProblem::OtherEvidence));
    assert_eq!(problem(bench.review(&[cy], &[(cy, "No.")])), named("reject[0]", ReviewProblem::Judged));
    bench.later(APPEAL_MS);
    bench.sweep();
    assert_eq!(problem(bench.review(&[bob], &[])), named("accept[0]", ReviewProblem::Judged));
    assert_eq!(bench.review(&[], &[(bob, "No.")]), Ok(Reviewed::default()), "as it was asked for");
    bench.checks_out();

    let mut bench = Bench::new();
    bench.ask(project(1, 1, 2, 2));
    let lease = bench.lease(&key(1), 0, 1);
    assert_eq!(lease.record, None, "nobody can reject here");
    bench.answers(&key(1), &lease, 0);
    assert_eq!(problem(bench.review(&[&lease], &[])), named("accept[0]", ReviewProblem::NotReviewed));
}

#[test]
fn a_flag_may_be_due_in_the_sweep_that_decides_its_item() {
    let mut bench = Bench::new();
    bench.ask(reviewed(1, 2, 3));
    let first = [2, 3].map(|seed| (key(seed), bench.lease(&key(seed), 0, 1)));
    bench.later(1);
    let flagged = bench.lease(&key(1), 0, 1);
    let flag = bench.flag(&flagged, lull_protocol::FlagReason::Broken, 0);
    assert!(bench.stores(&key(1), &flag, &[]).is_empty());
    for (worker, lease) in &first {
        assert!(bench.answers(worker, lease, 1).is_empty());
    }
    let last = bench.lease(&key(4), 0, 1);
    assert!(bench.answers(&key(4), &last, 1).is_empty());
    bench.review(&[&last], &[]).unwrap();
    bench.later(bench.cx.terms.judgment_lease_ms + bench.cx.terms.approval_ms);
    let mut verdicts: Vec<_> = bench.sweep().1.iter().map(said).collect();
    verdicts.sort_by_key(|(_, _, paid)| *paid);
    assert_eq!(verdicts, [(Decision::Accepted, VerdictReason::FlagNotShared, 0), BY_TIME, BY_TIME]);
    bench.checks_out();
}

#[test]
fn small_projects_are_no_way_around_the_pause() {
    let mut bench = Bench::new();
    let paused = |bench: &Bench, number| bench.reader.order(&order_id(number)).unwrap().unwrap().review.paused_at;
    for (number, is_paused) in [(1, false), (2, true)] {
        bench.ask(Project { order: order_id(number), ..reviewed(1, 1, 1) });
        let leases = bench.claim(&key(1), 0, 4);
        assert_eq!(leases.len(), 1);
        for lease in &leases {
            bench.answers(&key(1), lease, 0);
        }
        let reject: Vec<_> = leases.iter().map(|lease| (lease, "No.")).collect();
        bench.review_of(BUYER, order_id(number), &[], &reject).unwrap();
        assert_eq!(paused(&bench, number).is_some(), is_paused, "{number}");
    }
    bench.checks_out();
}

#[test]
fn too_many_rejections_pause_a_project_until_the_operator_resumes_it() {
    let mut bench = Bench::new();
    bench.ask(reviewed(100, 1, 1));
    let mut leases = vec![];
    for _ in 0..16 {
        for lease in bench.claim(&key(1), 0, 4) {
            bench.answers(&key(1), &lease, 0);
            leases.push(lease);
        }
    }
    let held = bench.lease(&key(2), 0, 1);
    assert_eq!(leases.len(), 64);
    let paused = |bench: &Bench| bench.reader.order(&order_id(1)).unwrap().unwrap().review.paused_at;
    // Three of sixty are a twentieth; accepted and rejected ones count together.
    let accept: Vec<&Lease> = leases[..57].iter().collect();
    let reject: Vec<_> = leases[57..60].iter().map(|lease| (lease, "No.")).collect();
    bench.review(&accept, &reject).unwrap();
    assert_eq!(paused(&bench), None);
    assert_eq!(bench.claim(&key(99), 0, 1).len(), 1);
    assert_eq!(bench.record(), BuyerRecord { reviewed: 60, rejected: 3, overturned: 0 });
    bench.review(&[], &[(&leases[60], "No.")]).unwrap();
    assert_eq!(paused(&bench), Some(bench.cx.now));
    let row = bench.reader.paused().unwrap().pop().unwrap();
    assert_eq!(
        (row.order, row.requester.as_str(), row.review.reviewed, row.review.rejected),
        (order_id(1), "Buyer", 61, 4)
    );
    assert_eq!(bench.claim(&key(3), 0, 4).len(), 0, "nothing more of it is leased");
    assert!(bench.answers(&key(2), &held, 0).is_empty(), "what is leased goes on");
    bench.checks_out();
    // What becomes free again while it is paused stays where it is.
    bench.later(APPEAL_MS);
    assert!(bench.time_decides().1);
    assert_eq!(bench.claim(&key(3), 0, 4).len(), 0);
    bench.checks_out();
    assert_eq!(bench.does(Command::Resume { order: order_id(1) }), Reply::Freed { skips_left: None });
    assert_eq!(bench.does(Command::Resume { order: order_id(1) }), Reply::Done, "again changes nothing");
    assert_eq!((paused(&bench), bench.claim(&key(3), 0, 4).len()), (None, 4));
    let review = bench.reader.order(&order_id(1)).unwrap().unwrap().review;
    assert_eq!((review.reviewed, review.rejected), (0, 0), "its count begins anew");
    let unknown = bench.one(Command::Resume { order: order_id(9) });
    assert!(matches!(unknown, Err(Refusal::Review { problem: ReviewProblem::UnknownProject, .. })));
    bench.checks_out();
}

/// A late answer is looked at like one in time.
#[test]
fn an_answer_after_its_time_of_approval_still_waits_for_its_buyer() {
    let mut bench = Bench::new();
    bench.ask(reviewed(1, 1, 1));
    let ann = key(1);
    let lease = bench.lease(&ann, 0, 1);
    let offer = lull_protocol::cose::peek::<lull_protocol::statement::Offer>(&lease.offer).unwrap();
    bench.later(offer.approved_at.since(bench.cx.now) + 1);
    assert!(bench.answers(&ann, &lease, 1).is_empty());
    assert!(bench.sweep().1.is_empty(), "time has not decided yet");
    bench.later(bench.cx.terms.approval_ms - 1);
    assert!(bench.sweep().1.is_empty());
    bench.later(1);
    let verdicts: Vec<_> = bench.sweep().1.iter().map(said).collect();
    assert_eq!(verdicts, [(Decision::Accepted, VerdictReason::ApprovedByTime, 4_000)]);
    bench.checks_out();
}

/// Its own clock is held against no judgment: what counts is bounded by ours.
#[test]
fn the_times_of_an_answer_are_not_judged() {
    let mut bench = Bench::new();
    bench.ask(project(1, 1, 1, 1));
    let lease = bench.lease(&key(1), 0, 1);
    let odd = WorkResult { started_at: Timestamp::ZERO, ..bench.choice(&lease, 1) };
    let verdicts: Vec<_> = bench.stores(&key(1), &odd, &[]).iter().map(said).collect();
    assert_eq!(verdicts, [(Decision::Accepted, VerdictReason::Agreed, 4_000)]);
    bench.checks_out();
}

#[test]
fn waiting_answers_are_listed_page_by_page() {
    let mut bench = Bench::new();
    bench.ask(reviewed(3, 2, 2));
    for seed in 1..=2 {
        for lease in bench.claim(&key(seed), 0, 4).into_iter().rev() {
            bench.answers(&key(seed), &lease, seed);
        }
    }
    let rows = bench.reader.waiting_answers(&order_id(1), 0, 100).unwrap();
    assert_eq!(rows.iter().map(|row| row.item_number).collect::<Vec<_>>(), [0, 0, 1, 1, 2, 2]);
    let mut paged = vec![];
    while let Some(row) = bench
        .reader
        .waiting_answers(&order_id(1), paged.last().map_or(0, |r: &lull_store::WaitingRow| r.number), 1)
        .unwrap()
        .pop()
    {
        paged.push(row);
    }
    assert_eq!(paged, rows);
    assert!(rows.iter().all(|row| row.rejection.is_none() && row.appeal.is_none()));
    assert!(bench.reader.waiting_answers(&order_id(2), 0, 9).unwrap().is_empty());
    let of = rows[0].offer;
    let rejected = vec![Rejected { offer: of, evidence: "No.".into() }];
    let accept = vec![rows[1].offer];
    bench.does(Command::Review { requester: BUYER, order: order_id(1), accept, reject: rejected });
    let rows = bench.reader.waiting_answers(&order_id(1), 0, 100).unwrap();
    assert_eq!(rows.len(), 5);
    let (_, rejection) = rows[0].rejection.as_ref().unwrap();
    assert_eq!((rows[0].decides_at, rejection.evidence.as_str()), (rejection.appeal_until, "No."));
    assert_eq!(rows[1].decides_at, bench.cx.now.plus(300_000 + 3_600_000));
}
