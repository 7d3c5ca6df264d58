//! What a person is asked, and what can be answered: five types of judgment.
//!
//! A [`Task`] holds all that is judged and all that can be said about it; an [`Answer`] is what one person says.
//! [`Task::takes`] tells whether an answer is one to this task, [`Answer::key`] what of it must be equal for two
//! people to agree.

use crate::cbor::{Cbor, Reader, Writer};
use crate::item::{Content, is_label};
use crate::limits::{
    COMPARED_TEXT_BYTES_MAX, CONTENT_TEXT_BYTES_MAX, OPTION_BYTES_MAX, OPTIONS_COUNT, RATING_STEPS, SENTENCES_MAX,
    SOURCE_BYTES_MAX,
};
use crate::{choices, codes, fields, variants};

/// The types there are. Their order is that of [`Task`] and [`Answer`] on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskKind {
    /// One of n options.
    Choice,
    /// Several of n options.
    Multi,
    /// Which of two is better.
    Compare,
    /// A step of a scale.
    Rating,
    /// Whether a source supports a claim.
    Verify,
}
codes!(TaskKind { 0 Choice, 1 Multi, 2 Compare, 3 Rating, 4 Verify });

impl TaskKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Choice, Self::Multi, Self::Compare, Self::Rating, Self::Verify];

    /// The word in requests, exports and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Choice => "choice",
            Self::Multi => "multi",
            Self::Compare => "compare",
            Self::Rating => "rating",
            Self::Verify => "verify",
        }
    }

    /// The type of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Types that a worker can show. A message leaves out the set of choices alone, which is all there was at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskSet(u8);

impl TaskSet {
    /// Choices alone.
    pub const CHOICE: Self = Self::of(&[TaskKind::Choice]);
    /// Every type.
    pub const ALL: Self = Self::of(&TaskKind::ALL);

    /// These types.
    pub const fn of(kinds: &[TaskKind]) -> Self {
        let (mut set, mut rest) = (0, kinds);
        while let [kind, others @ ..] = rest {
            set |= 1 << *kind as u8;
            rest = others;
        }
        Self(set)
    }
    /// Whether a type is in it.
    pub fn contains(self, kind: TaskKind) -> bool {
        self.0 >> kind as u8 & 1 == 1
    }
    /// The types in it.
    pub fn iter(self) -> impl Iterator<Item = TaskKind> {
        TaskKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

/// Bit i stands for the type of number i.
impl Cbor for TaskSet {
    fn write(&self, to: &mut Writer) {
        self.0.write(to);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        let set = Self(Cbor::read(from));
        if set.0 > Self::ALL.0 {
            from.refuse("a type that can't be");
        }
        set
    }
    fn is_left_out(&self) -> bool {
        *self == Self::CHOICE
    }
    fn left_out() -> Option<Self> {
        Some(Self::CHOICE)
    }
}

/// What is judged, and between what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// One of n options.
    Choice(Choice),
    /// Several of n options.
    Multi(Multi),
    /// Which of two is better.
    Compare(Compare),
    /// A step of a scale.
    Rating(Rating),
    /// Whether a source supports a claim.
    Verify(Verify),
}
choices!(Task { 0 Choice, 1 Multi, 2 Compare, 3 Rating, 4 Verify });

/// One of n options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What is judged.
    pub content: Content,
    /// The answers to choose from.
    pub options: Vec<String>,
}
fields!(Choice { 0 content, 1 options });

/// Several of n options, or none if `least` is 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multi {
    /// What is judged.
    pub content: Content,
    /// The answers to choose from.
    pub options: Vec<String>,
    /// How many are chosen at least.
    pub least: u8,
    /// How many are chosen at most.
    pub most: u8,
}
fields!(Multi { 0 content, 1 options, 2 least, 3 most });

/// Which of two is better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compare {
    /// The one.
    pub left: Content,
    /// The other.
    pub right: Content,
}
fields!(Compare { 0 left, 1 right });

/// A step of a scale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rating {
    /// What is judged.
    pub content: Content,
    /// How many steps the scale has.
    pub steps: u8,
    /// What step 1 means.
    pub lowest: String,
    /// What the last step means.
    pub highest: String,
}
fields!(Rating { 0 content, 1 steps, 2 lowest, 3 highest });

/// Whether a source supports a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verify {
    /// What is claimed.
    pub claim: String,
    /// The source, sentence by sentence.
    pub source: Vec<String>,
}
fields!(Verify { 0 claim, 1 source });

impl Task {
    /// Its type.
    pub fn kind(&self) -> TaskKind {
        match self {
            Self::Choice(_) => TaskKind::Choice,
            Self::Multi(_) => TaskKind::Multi,
            Self::Compare(_) => TaskKind::Compare,
            Self::Rating(_) => TaskKind::Rating,
            Self::Verify(_) => TaskKind::Verify,
        }
    }

    /// The texts and pictures that are judged; of a claim and its source, which are texts of their own, none.
    pub fn contents(&self) -> impl Iterator<Item = &Content> {
        let (first, second) = match self {
            Self::Choice(Choice { content, .. })
            | Self::Multi(Multi { content, .. })
            | Self::Rating(Rating { content, .. }) => (Some(content), None),
            Self::Compare(Compare { left, right }) => (Some(left), Some(right)),
            Self::Verify(_) => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// Checks each field's bounds.
    pub fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Choice(Choice { content, options }) => {
                content.check(CONTENT_TEXT_BYTES_MAX)?;
                check_options(options)
            }
            Self::Multi(Multi { content, options, least, most }) => {
                content.check(CONTENT_TEXT_BYTES_MAX)?;
                check_options(options)?;
                let fits = least <= most && *most > 0 && usize::from(*most) <= options.len();
                if fits { Ok(()) } else { Err("least and most don't fit the options") }
            }
            Self::Compare(Compare { left, right }) => {
                left.check(COMPARED_TEXT_BYTES_MAX)?;
                right.check(COMPARED_TEXT_BYTES_MAX)?;
                if left == right { Err("what is compared is equal") } else { Ok(()) }
            }
            Self::Rating(Rating { content, steps, lowest, highest }) => {
                content.check(CONTENT_TEXT_BYTES_MAX)?;
                let (fewest, most) = RATING_STEPS;
                if *steps < fewest || *steps > most {
                    return Err("a scale has between two and ten steps");
                }
                check_option(lowest)?;
                check_option(highest)
            }
            Self::Verify(Verify { claim, source }) => {
                is_label(claim)?;
                check_source(source)
            }
        }
    }

    /// Whether this is an answer to this task.
    pub fn takes(&self, answer: &Answer) -> Result<(), &'static str> {
        match (self, answer) {
            (Self::Choice(task), Answer::Choice(option)) => {
                within(usize::from(*option) < task.options.len(), "an option that does not exist")
            }
            (Self::Multi(task), Answer::Multi(chosen)) => {
                let exist = chosen.iter().all(|option| usize::from(option) < task.options.len());
                within(exist, "an option that does not exist")?;
                within((task.least..=task.most).contains(&chosen.count()), "too few or too many options")
            }
            (Self::Compare(_), Answer::Compare(_)) => Ok(()),
            (Self::Rating(task), Answer::Rating(step)) => {
                within((1..=task.steps).contains(step), "a step that does not exist")
            }
            (Self::Verify(task), Answer::Verify(finding)) => {
                let exists = finding.sentence().is_none_or(|at| usize::from(at) < task.source.len());
                within(exists, "a sentence that does not exist")
            }
            _ => Err("an answer of another type"),
        }
    }
}

fn within(holds: bool, error: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(error) }
}

fn check_options(options: &[String]) -> Result<(), &'static str> {
    let (least, most) = OPTIONS_COUNT;
    if options.len() < least || options.len() > most {
        return Err("there are between two and nine options");
    }
    for (i, option) in options.iter().enumerate() {
        check_option(option)?;
        if options.iter().skip(i + 1).any(|other| look(other).eq(look(option))) {
            return Err("two options look equal");
        }
    }
    Ok(())
}

/// What can be seen of a text: without the characters that show nothing (spaces around it, joiners, marks of direction),
/// by which two options could differ and look the same.
pub fn look(text: &str) -> impl Iterator<Item = char> {
    text.trim().chars().filter(|c| {
        !matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    })
}

fn check_option(option: &str) -> Result<(), &'static str> {
    if look(option).all(char::is_whitespace) || option.len() > OPTION_BYTES_MAX {
        return Err("an option is empty or longer than OPTION_BYTES_MAX");
    }
    Ok(())
}

fn check_source(sentences: &[String]) -> Result<(), &'static str> {
    if sentences.is_empty() || sentences.len() > SENTENCES_MAX {
        return Err("a source has between one and SENTENCES_MAX sentences");
    }
    sentences.iter().try_for_each(|sentence| is_label(sentence))?;
    let bytes: usize = sentences.iter().map(String::len).sum();
    within(bytes <= SOURCE_BYTES_MAX, "the source is longer than SOURCE_BYTES_MAX")
}

/// What one person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// The option's index, from 0.
    Choice(u8),
    /// Which options.
    Multi(OptionSet),
    /// Which is better.
    Compare(Preference),
    /// The step, from 1.
    Rating(u8),
    /// What the source says of the claim.
    Verify(Finding),
}
choices!(Answer { 0 Choice, 1 Multi, 2 Compare, 3 Rating, 4 Verify });

impl Answer {
    /// The type of the task that it answers.
    pub fn kind(&self) -> TaskKind {
        match self {
            Self::Choice(_) => TaskKind::Choice,
            Self::Multi(_) => TaskKind::Multi,
            Self::Compare(_) => TaskKind::Compare,
            Self::Rating(_) => TaskKind::Rating,
            Self::Verify(_) => TaskKind::Verify,
        }
    }

    /// Checks what can be known without the task.
    pub fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Rating(step) => within((1..=RATING_STEPS.1).contains(step), "no scale has that step"),
            Self::Verify(finding) => {
                let exists = finding.sentence().is_none_or(|at| usize::from(at) < SENTENCES_MAX);
                within(exists, "no source has that sentence")
            }
            Self::Choice(_) | Self::Multi(_) | Self::Compare(_) => Ok(()),
        }
    }

    /// What must be equal for two people to agree. The sentence that someone marked is evidence: others may have
    /// found the same in another one.
    pub fn key(&self) -> AgreementKey {
        AgreementKey(match self {
            Self::Choice(option) => (*option).into(),
            Self::Multi(chosen) => chosen.0,
            Self::Compare(preference) => *preference as u16,
            Self::Rating(step) => (*step).into(),
            Self::Verify(Finding::Supported { .. }) => 0,
            Self::Verify(Finding::Contradicted { .. }) => 1,
            Self::Verify(Finding::NotEnough) => 2,
        })
    }

    /// Whether two people who answer so agree.
    pub fn agrees(&self, other: &Self) -> bool {
        self.kind() == other.kind() && self.key() == other.key()
    }
}

/// What of an answer must be equal for two people to agree, among answers to one task. It is stored: a number never
/// changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgreementKey(pub u16);

/// Some of a task's options; bit i stands for option i, so that there is one form of each set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct OptionSet(u16);

impl OptionSet {
    /// From its bits; `None` if one is of no option.
    pub fn from_bits(bits: u16) -> Option<Self> {
        (bits >> OPTIONS_COUNT.1 == 0).then_some(Self(bits))
    }
    /// Its bits.
    pub fn bits(self) -> u16 {
        self.0
    }
    /// With this option as well; `None` if there can be no such option.
    pub fn with(self, option: u8) -> Option<Self> {
        (usize::from(option) < OPTIONS_COUNT.1).then(|| Self(self.0 | 1 << option))
    }
    /// With this option if it was without, and without it if it was with; `None` if there can be no such option.
    pub fn toggled(self, option: u8) -> Option<Self> {
        (usize::from(option) < OPTIONS_COUNT.1).then(|| Self(self.0 ^ 1 << option))
    }
    /// Whether an option is in it.
    pub fn contains(self, option: u8) -> bool {
        usize::from(option) < OPTIONS_COUNT.1 && self.0 >> option & 1 == 1
    }
    /// How many options are in it.
    pub fn count(self) -> u8 {
        self.iter().zip(1..).last().map_or(0, |(_, count)| count)
    }
    /// The options' indices, from 0, ascending.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..u16::BITS as u8).filter(move |option| self.contains(*option))
    }
}

impl Cbor for OptionSet {
    fn write(&self, to: &mut Writer) {
        self.0.write(to);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        Self::from_bits(Cbor::read(from)).unwrap_or_else(|| {
            from.refuse("an option that can't be");
            Self::default()
        })
    }
}

/// Which of two is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Preference {
    /// The left one.
    Left,
    /// The right one.
    Right,
    /// Neither: both are as good.
    Tie,
    /// Neither: both are bad.
    BothBad,
}
codes!(Preference { 0 Left, 1 Right, 2 Tie, 3 BothBad });

impl Preference {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Left, Self::Right, Self::Tie, Self::BothBad];

    /// The word in exports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Tie => "tie",
            Self::BothBad => "both_bad",
        }
    }
}

/// What a source says of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// It supports it.
    Supported {
        /// The index of the sentence that does, from 0.
        sentence: u8,
    },
    /// It contradicts it.
    Contradicted {
        /// The index of the sentence that does, from 0.
        sentence: u8,
    },
    /// It doesn't tell.
    NotEnough,
}
variants!(Finding { 0 Supported { 0 sentence }, 1 Contradicted { 0 sentence }, 2 NotEnough {} });

impl Finding {
    /// The words in exports, in the order of their agreement keys.
    pub const WORDS: [&str; 3] = ["supported", "contradicted", "not_enough"];

    /// The word in exports.
    pub fn as_str(&self) -> &'static str {
        let [supported, contradicted, not_enough] = Self::WORDS;
        match self {
            Self::Supported { .. } => supported,
            Self::Contradicted { .. } => contradicted,
            Self::NotEnough => not_enough,
        }
    }
    /// The sentence that was marked.
    pub fn sentence(&self) -> Option<u8> {
        match self {
            Self::Supported { sentence } | Self::Contradicted { sentence } => Some(*sentence),
            Self::NotEnough => None,
        }
    }
}
