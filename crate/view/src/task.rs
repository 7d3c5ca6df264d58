//! What a judgment asks, as it is shown, and its answers in words.

use lull_protocol::statement::Report;
use lull_protocol::task::{Answer, Finding, Preference, Task};
use lull_protocol::variants;
use lull_protocol::{FlagReason, FlagReport};

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

const TAKEN_BACK: &str = "taken back while on screen";
const NONE: &str = "none of them";
const PREFERENCES: [(Preference, &str); 4] = [
    (Preference::Left, "A is better"),
    (Preference::Right, "B is better"),
    (Preference::Tie, "both are as good"),
    (Preference::BothBad, "both are bad"),
];
const OF: &str = " of ";
const SUPPORTED: &str = "supported by sentence ";
const CONTRADICTED: &str = "contradicted by sentence ";
const NOT_ENOUGH: &str = "not enough information";
const FLAGGED: &str = "flagged: ";
const NOTE: &str = " (“";
const NOTE_END: &str = "”)";

/// What a person gave to a task, in words; `None` if it is nothing that can be given to it.
pub fn report_in_words(task: &Task, report: &Report) -> Option<String> {
    match report {
        Report::Judgment(report) => answer_in_words(task, &report.answer),
        Report::Flag(flag) => Some(flag_in_words(flag)),
        Report::Withdrawn => Some(TAKEN_BACK.to_owned()),
        Report::Fetch(_) => None,
    }
}

/// A flag in words.
pub fn flag_in_words(FlagReport { reason, note, .. }: &FlagReport) -> String {
    let reason = reason.as_str().replace('_', " ");
    note.as_ref()
        .map_or_else(|| format!("{FLAGGED}{reason}"), |note| format!("{FLAGGED}{reason}{NOTE}{note}{NOTE_END}"))
}

/// An answer in words; `None` if it is none to this task.
pub fn answer_in_words(task: &Task, answer: &Answer) -> Option<String> {
    task.takes(answer).ok()?;
    Some(match (task, answer) {
        (Task::Choice(task), Answer::Choice(option)) => task.options.get(usize::from(*option))?.clone(),
        (Task::Multi(task), Answer::Multi(chosen)) => {
            let options = chosen.iter().filter_map(|option| task.options.get(usize::from(option)));
            let words = options.map(String::as_str).collect::<Vec<_>>().join(" · ");
            if words.is_empty() { NONE.to_owned() } else { words }
        }
        (_, Answer::Compare(preference)) => {
            PREFERENCES.iter().find(|(other, _)| other == preference).map(|(_, words)| (*words).to_owned())?
        }
        (Task::Rating(task), Answer::Rating(step)) => format!("{step}{OF}{}", task.steps),
        (_, Answer::Verify(finding)) => match finding {
            Finding::Supported { sentence } => format!("{SUPPORTED}{}", u16::from(*sentence) + 1),
            Finding::Contradicted { sentence } => format!("{CONTRADICTED}{}", u16::from(*sentence) + 1),
            Finding::NotEnough => NOT_ENOUGH.to_owned(),
        },
        _ => return None,
    })
}

/// What of an answer isn't the buyer's words. The log keeps it in English; a UI says it in its own language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// No option fits.
    None,
    /// Which of two is better.
    Preference(Preference),
    /// A step of so many.
    Rating(u8, u8),
    /// What a source says of a claim.
    Finding(Finding),
    /// What is wrong with it, and the note.
    Flag(FlagReason, Option<&'a str>),
    /// It was taken back while on screen.
    TakenBack,
}

impl<'a> Said<'a> {
    /// Reads what [`report_in_words`] wrote; `None`: the buyer's own words, or cut off.
    pub fn read(words: &'a str) -> Option<Self> {
        let sentence = |start| words.strip_prefix(start)?.parse::<u16>().ok()?.checked_sub(1)?.try_into().ok();
        let supported = sentence(SUPPORTED).map(|sentence| Finding::Supported { sentence });
        let contradicted = sentence(CONTRADICTED).map(|sentence| Finding::Contradicted { sentence });
        if let Some(finding) = supported.or(contradicted) {
            return Some(Self::Finding(finding));
        }
        if let Some((preference, _)) = PREFERENCES.iter().find(|(_, other)| *other == words) {
            return Some(Self::Preference(*preference));
        }
        match words {
            TAKEN_BACK => Some(Self::TakenBack),
            NONE => Some(Self::None),
            NOT_ENOUGH => Some(Self::Finding(Finding::NotEnough)),
            _ => flag(words).or_else(|| {
                let (step, steps) = words.split_once(OF)?;
                Some(Self::Rating(step.parse().ok()?, steps.parse().ok()?))
            }),
        }
    }
}

fn flag(words: &str) -> Option<Said<'_>> {
    let words = words.strip_prefix(FLAGGED)?;
    let (reason, note) = match words.split_once(NOTE) {
        Some((reason, note)) => (reason, Some(note.strip_suffix(NOTE_END)?)),
        None => (words, None),
    };
    let is_it = |other: &FlagReason| other.as_str().replace('_', " ") == reason;
    FlagReason::ALL.into_iter().find(is_it).map(|reason| Said::Flag(reason, note))
}

#[cfg(test)]
mod tests {
    use lull_protocol::item::Content;
    use lull_protocol::statement::Input;
    use lull_protocol::task::{Compare, Verify};

    use super::*;

    #[test]
    fn what_is_not_the_buyers_is_read_back() {
        let flags = FlagReason::ALL.into_iter().flat_map(|reason| [(reason, None), (reason, Some("(“so”) it is"))]);
        for (reason, note) in flags {
            let flag = FlagReport { reason, note: note.map(str::to_owned), input: Input::Keyboard };
            assert_eq!(Said::read(&flag_in_words(&flag)), Some(Said::Flag(reason, note)));
        }
        let (content, source) = (Content::Text("a".to_owned()), vec!["b".to_owned(); 256]);
        let compare = Task::Compare(Compare { left: content.clone(), right: content.clone() });
        for (preference, _) in PREFERENCES {
            let words = answer_in_words(&compare, &Answer::Compare(preference)).unwrap_or_default();
            assert_eq!(Said::read(&words), Some(Said::Preference(preference)));
        }
        let verify = Task::Verify(Verify { claim: "c".to_owned(), source });
        let [first, last] = [Finding::Supported { sentence: 0 }, Finding::Contradicted { sentence: 9 }];
        for finding in [first, last, Finding::NotEnough] {
            let words = answer_in_words(&verify, &Answer::Verify(finding)).unwrap_or_default();
            assert_eq!(Said::read(&words), Some(Said::Finding(finding)));
        }
        assert_eq!(Said::read("4 of 5"), Some(Said::Rating(4, 5)));
        for words in ["", "Harbour", "flagged: no such reason", "flagged: captcha (“it is a lo…", "four of 5"] {
            assert_eq!(Said::read(words), None, "{words}");
        }
    }
}
