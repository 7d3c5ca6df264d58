//! The table at the end: what happened how often, and what it cost.

use std::fmt::Write as _;

use crate::fault::Outcome;

/// One line per fault; what the books say stands on the first line of a world.
pub(crate) fn table(outcomes: &[Outcome]) -> String {
    let mut text = format!(
        "{:<36} {:>6} {:>13} {:>8} {:>5} {:>11} {:>15}\n",
        "fault", "times", "acknowledged", "results", "lost", "paid twice", "longest outage"
    );
    for outcome in outcomes {
        for (index, row) in outcome.rows.iter().enumerate() {
            let outage = row.outage.map_or("–".to_owned(), |outage| format!("{:.1} s", outage.as_secs_f64()));
            let findings = &outcome.ending.findings;
            let counts = [
                findings.acknowledged,
                outcome.ending.results,
                findings.lost.len() as u64,
                findings.twice.len() as u64,
            ];
            let [acknowledged, results, lost, twice] =
                counts.map(|count| if index == 0 { count.to_string() } else { String::new() });
            // Writing to a string can't fail.
            let _ = writeln!(
                text,
                "{:<36} {:>6} {acknowledged:>13} {results:>8} {lost:>5} {twice:>11} {outage:>15}",
                row.fault, row.times
            );
        }
    }
    text
}
