//! Figures of the benchmarks: a row of their table, and the statistics behind it.

use serde::Serialize;

/// One line of the table, printed as a JSON object.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    name: String,
    value: f64,
    unit: &'static str,
    peer: Option<Peer>,
    /// The value by the peer's.
    ratio: Option<f64>,
    goal: Option<Goal>,
    note: Option<String>,
}

/// What the value stands beside.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Peer {
    name: String,
    value: f64,
}

/// What the value should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Row {
    /// A value with neither peer nor goal.
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value: round(value), unit, peer: None, ratio: None, goal: None, note: None }
    }

    /// Beside the same of something else, from the same run.
    pub fn beside(mut self, name: impl Into<String>, value: f64) -> Self {
        self.ratio = (value > 0.0).then(|| round(self.value / value));
        self.peer = Some(Peer { name: name.into(), value: round(value) });
        self
    }

    /// Aims at no more than this.
    pub fn at_most(mut self, goal: f64) -> Self {
        self.goal = Some(Goal::AtMost(goal));
        self
    }

    /// Aims at no less than this.
    pub fn at_least(mut self, goal: f64) -> Self {
        self.goal = Some(Goal::AtLeast(goal));
        self
    }

    /// Says what is measured.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Prints it.
    pub fn print(&self) -> anyhow::Result<()> {
        println!("{}", serde_json::to_string(self)?);
        Ok(())
    }
}

/// Three digits after the point say all that is known.
fn round(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// Measurements of one thing.
#[derive(Clone, Debug, Default)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// One more.
    pub fn push(&mut self, value: f64) {
        let at = self.0.partition_point(|&other| other < value);
        self.0.insert(at, value);
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The value that this share (0 to 1) of all does not exceed: the nearest rank, never between two.
    pub fn quantile(&self, share: f64) -> f64 {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.max(1) - 1).or(self.0.last()).copied().unwrap_or(f64::NAN)
    }

    /// The rows of median and 95th percentile, beside those of `peer`. The goal is the latter's.
    pub fn rows(&self, name: &str, peer: Option<(&str, &Sample)>, goal_ms: Option<f64>, note: &str) -> [Row; 2] {
        [("p50", 0.5, None), ("p95", 0.95, goal_ms)].map(|(word, share, goal_ms)| {
            let row = Row::new(format!("{name}, {word}"), self.quantile(share), "ms");
            let row = row.note(format!("{note}; {} times", self.count()));
            let row = peer.map_or(row.clone(), |(name, peer)| row.beside(name, peer.quantile(share)));
            goal_ms.map_or(row.clone(), |goal| row.at_most(goal))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let mut sample = Sample::default();
        for value in [5.0, 1.0, 4.0, 2.0, 3.0] {
            sample.push(value);
        }
        assert_eq!(sample.quantile(0.0), 1.0);
        assert_eq!(sample.quantile(0.5), 3.0);
        assert_eq!(sample.quantile(0.95), 5.0);
        assert_eq!(sample.quantile(1.0), 5.0);
        assert!(Sample::default().quantile(0.5).is_nan());
    }

    #[test]
    fn a_row_reads_as_the_contract_says() {
        let row = Row::new("relay", 2.2, "ms").beside("plain fetch", 2.0).at_most(1.1).note("n");
        let expected = r#"{"name":"relay","value":2.2,"unit":"ms","peer":{"name":"plain fetch","value":2.0},"ratio":1.1,"goal":{"at_most":1.1},"note":"n"}"#;
        assert_eq!(serde_json::to_string(&row).unwrap(), expected);
        let bare = r#"{"name":"x","value":1.0,"unit":"KB","peer":null,"ratio":null,"goal":null,"note":null}"#;
        assert_eq!(serde_json::to_string(&Row::new("x", 1.0, "KB")).unwrap(), bare);
    }
}
