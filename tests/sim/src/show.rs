//! What the command prints.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lull_sim::{Counts, HOUR, Marks, Ms, Outcome, Plan, Report, Tally};

/// Time between two lines of progress.
const TELL: Duration = Duration::from_secs(5);

/// What all runs came to.
pub(crate) struct Totals {
    begun: Instant,
    told: Instant,
    runs: u64,
    simulated_ms: Ms,
    marks: Marks,
    tally: Tally,
    counts: Counts,
}

impl Totals {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        let (marks, tally, counts) = (Marks::default(), Tally::default(), Counts::default());
        Self { begun: now, told: now, runs: 0, simulated_ms: 0, marks, tally, counts }
    }

    pub(crate) fn runs(&self) -> u64 {
        self.runs
    }

    pub(crate) fn simulated_ms(&self) -> Ms {
        self.simulated_ms
    }

    pub(crate) fn add(&mut self, seed: u64, report: &Report) {
        self.runs += 1;
        self.simulated_ms += report.simulated_ms;
        self.marks.add(&report.marks);
        self.tally += report.tally;
        self.counts += report.counts;
        if self.told.elapsed() >= TELL {
            self.told = Instant::now();
            println!("seed {seed}: {}", self.line());
        }
    }

    fn line(&self) -> String {
        let (reached, possible) = self.marks.reached();
        let simulated = Duration::from_millis(self.simulated_ms);
        let ratio = simulated.as_secs_f64() / self.begun.elapsed().as_secs_f64().max(0.001);
        format!(
            "{} runs, {:.0} hours simulated in {:.0} s ({ratio:.0} times real time), {reached} of {possible} pairs",
            self.runs,
            hours(self.simulated_ms),
            self.begun.elapsed().as_secs_f64(),
        )
    }

    pub(crate) fn report(&self) -> String {
        let Counts { acknowledged, verdicts, adopted, forgotten, earned } = self.counts;
        let Tally { steps, faults, commits, starts, house_kills, restarts, browser_starts, browser_kills, .. } =
            self.tally;
        let Tally { batches_failed, requests, audits, payments, paid, restored, reconciled, .. } = self.tally;
        format!(
            "{}\n\n\
             {steps} events, {faults} faults; {commits} commits, {audits} audits\n\
             coordinator: {starts} starts, {house_kills} kills, {restarts} restarts; of what was under way then, {adopted} \
             commands were committed, {forgotten} were not\n\
             browsers: {browser_starts} starts, {browser_kills} kills, {batches_failed} batches failed, {requests} requests\n\
             {acknowledged} results acknowledged, {verdicts} verdicts, {earned} units earned\n\
             {payments} commits of paying, {paid} payouts final; {restored} databases restored, {reconciled} times read \
             back from the chain\n\n{}",
            self.line(),
            self.marks.report()
        )
    }
}

pub(crate) fn one(report: &Report, took: Duration) -> String {
    format!(
        "{:.1} hours in {:.2} s, {} events, {} results: {}",
        hours(report.simulated_ms),
        took.as_secs_f64(),
        report.tally.steps,
        report.counts.acknowledged,
        outcome(&report.outcome)
    )
}

pub(crate) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Held => "everything held".to_owned(),
        Outcome::Broke { broken, at_ms } => {
            format!("«{}» at {:.1} s: {}", broken.invariant, *at_ms as f64 / 1_000.0, broken.detail)
        }
    }
}

/// The arguments that run a plan again.
pub(crate) fn replay(plan: &Plan) -> String {
    let keep: Vec<String> = plan.kept.iter().map(usize::to_string).collect();
    format!("--seed {} --chaos-ms {} --calm-ms {} --keep {}", plan.seed, plan.chaos_ms(), plan.calm_ms, keep.join(","))
}

fn hours(ms: Ms) -> f64 {
    ms as f64 / HOUR as f64
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
