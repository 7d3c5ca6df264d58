//! What a judgment asks, as it is shown, and its answers in words.

use lull_protocol::FlagReport;
use lull_protocol::statement::Report;
use lull_protocol::task::{Answer, Finding, Preference, Task};
use lull_protocol::variants;

/// What is judged, and between what: the protocol's [`Task`] with pictures in place of their hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JudgmentTask {
    /// One of n options; key 1 is the first.
    Choice {
        /// What is judged.
        content: JudgmentContent,
        /// The answers, in order.
        options: Vec<String>,
    },
    /// Several of n options.
    Multi {
        /// What is judged.
        content: JudgmentContent,
        /// The answers, in order.
        options: Vec<String>,
        /// How many are chosen at least.
        least: u8,
        /// How many are chosen at most.
        most: u8,
    },
    /// Which of two is better.
    Compare {
        /// The one.
        left: JudgmentContent,
        /// The other.
        right: JudgmentContent,
    },
    /// A step of a scale.
    Rating {
        /// What is judged.
        content: JudgmentContent,
        /// How many steps it has.
        steps: u8,
        /// What step 1 means.
        lowest: String,
        /// What the last step means.
        highest: String,
    },
    /// Whether a source supports a claim.
    Verify {
        /// What is claimed.
        claim: String,
        /// The source, sentence by sentence.
        source: Vec<String>,
    },
}
variants!(JudgmentTask {
    0 Choice { 0 content, 1 options },
    1 Multi { 0 content, 1 options, 2 least, 3 most },
    2 Compare { 0 left, 1 right },
    3 Rating { 0 content, 1 steps, 2 lowest, 3 highest },
    4 Verify { 0 claim, 1 source },
});

/// What a judgment shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JudgmentContent {
    /// Plain text.
    Text {
        /// It.
        text: String,
    },
    /// A picture whose bytes were checked against the item's hash.
    Picture {
        /// A `data:` URL.
        data_url: String,
        /// The description.
        alt: String,
    },
    /// Plain text, shown as code.
    Code {
        /// It.
        text: String,
    },
    /// Text in Markdown.
    Markdown {
        /// It.
        text: String,
    },
}
variants!(JudgmentContent {
    0 Text { 0 text },
    1 Picture { 0 data_url, 1 alt },
    2 Code { 0 text },
    3 Markdown { 0 text },
});

/// What a person gave to a task, in words; `None` if it is nothing that can be given to it.
pub fn report_in_words(task: &Task, report: &Report) -> Option<String> {
    match report {
        Report::Judgment(report) => answer_in_words(task, &report.answer),
        Report::Flag(flag) => Some(flag_in_words(flag)),
        Report::Withdrawn => Some("taken back while on screen".to_owned()),
        Report::Fetch(_) => None,
    }
}

/// A flag in words.
pub fn flag_in_words(FlagReport { reason, note, .. }: &FlagReport) -> String {
    let reason = reason.as_str().replace('_', " ");
    note.as_ref().map_or_else(|| format!("flagged: {reason}"), |note| format!("flagged: {reason} (“{note}”)"))
}

/// An answer in words; `None` if it is none to this task.
pub fn answer_in_words(task: &Task, answer: &Answer) -> Option<String> {
    task.takes(answer).ok()?;
    Some(match (task, answer) {
        (Task::Choice(task), Answer::Choice(option)) => task.options.get(usize::from(*option))?.clone(),
        (Task::Multi(task), Answer::Multi(chosen)) => {
            let options = chosen.iter().filter_map(|option| task.options.get(usize::from(option)));
            let words = options.map(String::as_str).collect::<Vec<_>>().join(" · ");
            if words.is_empty() { "none of them".to_owned() } else { words }
        }
        (_, Answer::Compare(preference)) => match preference {
            Preference::Left => "A is better",
            Preference::Right => "B is better",
            Preference::Tie => "both are as good",
            Preference::BothBad => "both are bad",
        }
        .to_owned(),
        (Task::Rating(task), Answer::Rating(step)) => format!("{step} of {}", task.steps),
        (_, Answer::Verify(finding)) => match finding {
            Finding::Supported { sentence } => format!("supported by sentence {}", u16::from(*sentence) + 1),
            Finding::Contradicted { sentence } => format!("contradicted by sentence {}", u16::from(*sentence) + 1),
            Finding::NotEnough => "not enough information".to_owned(),
        },
        _ => return None,
    })
}
