//! What a waiting person sees: numbered steps with their time, and the table of stages at the end.

use std::io::{IsTerminal, Write, stdout};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

/// A known number of steps, shown as `[2/7] wasm-pack 0.15.1 … installed, 3m41s`.
pub(crate) struct Steps {
    done: usize,
    total: usize,
}

impl Steps {
    /// Nothing done yet of `total` steps.
    pub(crate) fn new(total: usize) -> Self {
        Self { done: 0, total }
    }

    /// Does one step: its name is shown at once, the note it returns and its time afterwards. On a
    /// terminal the seconds count up meanwhile.
    pub(crate) fn step(&mut self, label: &str, work: impl FnOnce() -> Result<String>) -> Result<()> {
        self.done += 1;
        let head = format!("[{}/{}] {label} …", self.done, self.total);
        let begun = Instant::now();
        let live = stdout().is_terminal();
        print(&head);
        let (stop, stopped) = mpsc::channel::<()>();
        let result = thread::scope(|scope| {
            scope.spawn(|| {
                // `stopped` moves into the thread, so that dropping `stop` is what ends it.
                let stopped = stopped;
                let tick = Duration::from_secs(1);
                while live && stopped.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
                    print(&format!("\r{head} {}", clock(begun.elapsed())));
                }
            });
            let result = work();
            drop(stop);
            result
        });
        let seconds = begun.elapsed();
        let time = if seconds.as_secs() > 0 { format!(", {}", clock(seconds)) } else { String::new() };
        let again = if live { format!("\r{head}") } else { String::new() };
        match &result {
            Ok(note) => print(&format!("{again} {note}{time}\n")),
            Err(_) => print(&format!("{again} failed{time}\n")),
        }
        result.map(drop)
    }
}

fn print(text: &str) {
    let mut out = stdout().lock();
    // A closed pipe takes the picture away, not the work.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A duration as a person says it: `8s`, `3m41s`, `1h02m`.
pub(crate) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s:02}s"),
        (h, m, _) => format!("{h}h{m:02}m"),
    }
}

/// How a stage ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It ran and found nothing wrong.
    Passed,
    /// It ran and failed.
    Failed(String),
    /// Something it stands on failed or is missing, so it could not run. It counts as failed.
    NotRun(String),
}

/// One line of the table of stages.
pub(crate) struct Row {
    /// The stage's name.
    pub(crate) name: String,
    /// Its time.
    pub(crate) time: Duration,
    /// Its end.
    pub(crate) ended: Ended,
}

/// The table of stages with their minutes. Its last line is `N passed, N failed`, alone.
pub(crate) fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max("stage".len());
    let mut text = format!("{:width$}  minutes  result\n", "stage");
    for row in rows {
        let minutes = row.time.as_secs_f64() / 60.0;
        let result = match &row.ended {
            Ended::Passed => "passed".to_owned(),
            Ended::Failed(why) => format!("FAILED: {why}"),
            Ended::NotRun(why) => format!("NOT RUN: {why}"),
        };
        text.push_str(&format!("{:width$}  {minutes:7.2}  {result}\n", row.name));
    }
    let passed = rows.iter().filter(|row| row.ended == Ended::Passed).count();
    text.push_str(&format!("\n{passed} passed, {} failed", rows.len() - passed));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn clock_reads_as_spoken() {
        let at = |seconds| clock(Duration::from_secs(seconds));
        assert_eq!(at(8), "8s");
        assert_eq!(at(221), "3m41s");
        assert_eq!(at(3720), "1h02m");
    }

    #[test]
    fn a_stage_that_could_not_run_counts_as_failed() {
        let row = |name: &str, ended| Row { name: name.into(), time: Duration::from_secs(90), ended };
        let text = table(&[
            row("tidy", Ended::Passed),
            row("native", Ended::Failed("exit status: 1".into())),
            row("e2e", Ended::NotRun("package failed".into())),
        ]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "tidy       1.50  passed");
        assert_eq!(lines[3], "e2e        1.50  NOT RUN: package failed");
        assert_eq!(lines.last(), Some(&"1 passed, 2 failed"));
    }

    #[test]
    fn a_failed_step_keeps_its_error_and_the_count_goes_on() {
        let mut steps = Steps::new(2);
        assert!(steps.step("one", || bail!("no")).is_err());
        assert!(steps.step("two", || Ok("there".into())).is_ok());
        assert_eq!(steps.done, 2);
    }
}
