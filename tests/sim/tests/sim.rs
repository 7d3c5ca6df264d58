//! The simulator about itself: the same seed is the same run, runs hold, plans shrink.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use lull_sim::{HOUR, Outcome, Plan, run};

    /// Short enough for a build without optimisation.
    const CHAOS_MS: u64 = HOUR / 2;

    #[test]
    fn the_same_seed_is_the_same_run_bit_for_bit() {
        for seed in [3, 11] {
            let plan = Plan::new(seed, Some(CHAOS_MS));
            let (first, second) = (run(&plan), run(&plan));
            assert_eq!(first.hash, second.hash, "seed {seed}");
            assert_eq!((first.tally, first.counts), (second.tally, second.counts), "seed {seed}");
        }
        let other = run(&Plan::new(4, Some(CHAOS_MS)));
        assert_ne!(other.hash, run(&Plan::new(3, Some(CHAOS_MS))).hash);
    }

    #[test]
    fn a_few_short_runs_hold() {
        for seed in 1..=4 {
            let report = run(&Plan::new(seed, Some(CHAOS_MS)));
            assert_eq!(report.outcome, Outcome::Held, "seed {seed}");
            assert!(report.tally.commits > 0 && report.tally.audits > 0);
        }
    }

    #[test]
    fn calm_that_comes_early_changes_nothing_before_it() {
        let plan = Plan::new(5, Some(CHAOS_MS));
        let mut early = plan.clone();
        early.calm_ms = CHAOS_MS / 2;
        let (whole, cut) = (run(&plan), run(&early));
        assert_eq!((&whole.outcome, &cut.outcome), (&Outcome::Held, &Outcome::Held));
        assert!(cut.simulated_ms < whole.simulated_ms);
        let elements = |plan: &Plan| plan.describe().lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(elements(&plan), elements(&early), "a failure that was made small can be replayed");
    }

    #[test]
    fn an_element_can_be_left_out() {
        let mut plan = Plan::new(5, Some(CHAOS_MS));
        let all = plan.describe();
        let left = plan.kept.pop_first();
        assert!(left.is_some());
        let fewer = plan.describe();
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
        assert!(lines(&fewer).is_subset(&lines(&all)), "the others are what they were");
        assert_eq!(run(&plan).outcome, Outcome::Held);
    }
}
