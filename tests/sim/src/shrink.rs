//! A failing run made small: elements are left out for as long as the same invariant still breaks
//! (Zeller, "Simplifying and Isolating Failure-Inducing Input", 2002).

use crate::plan::Plan;
use crate::run::{Outcome, Report, run};

/// Leaves out what a failure does not need, in at most so many runs. The smallest plan that still breaks the
/// same invariant, and its report. `tell` hears of each success.
pub fn shrink(plan: &Plan, report: Report, runs_max: usize, tell: &mut dyn FnMut(usize)) -> (Plan, Report) {
    let Outcome::Broke { broken, at_ms } = &report.outcome else { return (plan.clone(), report) };
    let invariant = broken.invariant;
    let (mut best, mut seen, mut runs) = (plan.clone(), report.clone(), 0);
    let mut try_plan = |candidate: Plan, best: &mut Plan, seen: &mut Report| {
        runs += 1;
        let report = run(&candidate);
        let is_same = matches!(&report.outcome, Outcome::Broke { broken, .. } if broken.invariant == invariant);
        if is_same {
            tell(candidate.kept.len());
            (*best, *seen) = (candidate, report);
        }
        (is_same, runs < runs_max)
    };
    // First the time after the failure, then the elements.
    let cut = Plan { calm_ms: plan.calm_ms.min(at_ms + 1), ..plan.clone() };
    try_plan(cut, &mut best, &mut seen);
    let mut parts = 2;
    loop {
        let kept: Vec<usize> = best.kept.iter().copied().collect();
        let size = kept.len().div_ceil(parts).max(1);
        let mut is_smaller = false;
        for part in kept.chunks(size) {
            let mut candidate = best.clone();
            part.iter().for_each(|number| {
                candidate.kept.remove(number);
            });
            let (is_same, goes_on) = try_plan(candidate, &mut best, &mut seen);
            is_smaller |= is_same;
            if !goes_on {
                return (best, seen);
            }
        }
        if !is_smaller && size == 1 {
            return (best, seen);
        }
        parts = if is_smaller { parts.max(2) } else { (parts * 2).min(kept.len().max(2)) };
    }
}
