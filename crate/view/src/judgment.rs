//! A judgment as it is shown, and the practice before it.

use lull_protocol::fields;
use lull_protocol::rejection::BuyerRecord;
use lull_protocol::terms::Pace;
use lull_protocol::warning::WarningSet;

use crate::{JudgmentTask, TaskAnswer};

/// A judgment with all that is shown before and while it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgment {
    /// The offer's hash.
    pub offer: String,
    /// The requester's name.
    pub requester: String,
    /// The project's title.
    pub title: String,
    /// How to decide, in Markdown.
    pub guideline: String,
    /// The question.
    pub question: String,
    /// What is judged, and between what.
    pub task: JudgmentTask,
    /// What it pays, base units.
    pub price: u64,
    /// How many people are asked, and how many must agree.
    pub people: u8,
    /// How many of them must agree.
    pub agree: u8,
    /// When the lease ends (the browser's own clock).
    pub deadline: u64,
    /// When it is approved automatically at the latest.
    pub approved_at: u64,
    /// What it may show that some would rather not see.
    pub warnings: WarningSet,
    /// It is covered until the person asks to see it, and can't be answered.
    pub is_covered: bool,
    /// How often more time can still be had.
    pub extensions_left: u8,
    /// How its project has gone so far, if that is known.
    pub pace: Option<Pace>,
    /// Free skips left of its project today, if that was told today.
    pub skips_left: Option<u32>,
    /// Whether the requester accepts or rejects each answer.
    pub is_reviewed: bool,
    /// How it did that so far, where it was told.
    pub record: Option<BuyerRecord>,
}
fields!(Judgment { 0 offer, 1 requester, 2 title, 3 guideline, 4 question, 5 task, 6 price, 7 people, 8 agree, 9 deadline, 10 approved_at, 11 warnings, 12 is_covered, 14 extensions_left, 15 pace, 16 skips_left, 17 is_reviewed, 18 record });

/// What may be tried before a project's judgments. It pays nothing, and what is answered stays in the UI; whether it
/// is right is [`TaskAnswer::agrees`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Practice {
    /// Its hash.
    pub practice: String,
    /// The requester's name.
    pub requester: String,
    /// The project's title.
    pub title: String,
    /// How to decide.
    pub guideline: String,
    /// The question.
    pub question: String,
    /// What each of the judgments behind it pays, base units.
    pub price: u64,
    /// What is asked, in order.
    pub items: Vec<SolvedTask>,
    /// The offer of the first judgment behind it, whose time runs.
    pub offer: String,
    /// When its lease ends (the browser's own clock).
    pub deadline: u64,
    /// How often it can still have more time.
    pub extensions_left: u8,
}
fields!(Practice { 0 practice, 1 requester, 2 title, 3 guideline, 4 question, 5 price, 6 items, 7 offer, 8 deadline, 9 extensions_left });

/// A task with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SolvedTask {
    /// What is asked.
    pub task: JudgmentTask,
    /// The right answer.
    pub answer: TaskAnswer,
    /// Why it is right.
    pub explanation: String,
}
fields!(SolvedTask { 0 task, 1 answer, 2 explanation });
