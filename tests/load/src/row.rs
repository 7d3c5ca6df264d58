//! One line of the benchmark's output.

use anyhow::Result;
use serde::Serialize;

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    name: String,
    value: f64,
    unit: &'static str,
    peer: Option<Peer>,
    ratio: Option<f64>,
    goal: Option<Goal>,
    note: Option<String>,
}

/// What it is held against, measured in the same run.
#[derive(Debug, Serialize)]
struct Peer {
    name: &'static str,
    value: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Row {
    /// A figure without anything beside it.
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        let value = rounded(value);
        Self { name: name.into(), value, unit, peer: None, ratio: None, goal: None, note: None }
    }
    /// Beside a peer; the ratio is this value to the peer's.
    pub(crate) fn beside(mut self, name: &'static str, value: f64) -> Self {
        self.ratio = (value > 0.0).then(|| rounded(self.value / value));
        self.peer = Some(Peer { name, value: rounded(value) });
        self
    }
    /// A goal that is met at or below this.
    pub(crate) fn at_most(mut self, goal: f64) -> Self {
        self.goal = Some(Goal::AtMost(goal));
        self
    }
    /// A goal that is met at or above this.
    pub(crate) fn at_least(mut self, goal: f64) -> Self {
        self.goal = Some(Goal::AtLeast(goal));
        self
    }
    /// How it was measured.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
    /// Writes the line.
    pub(crate) fn print(&self) -> Result<()> {
        println!("{}", serde_json::to_string(self)?);
        Ok(())
    }
}

/// Three decimals below a hundred, none above: no figure here is more exact.
fn rounded(value: f64) -> f64 {
    if value.abs() < 100.0 { (value * 1_000.0).round() / 1_000.0 } else { value.round() }
}
