//! Judgment projects: tasks of one type, each asked of several people.

use std::collections::{BTreeMap, BTreeSet};

use lull_protocol::limits::{
    COMPARED_TEXT_BYTES_MAX, CONTENT_TEXT_BYTES_MAX, ITEM_BYTES_MAX, LABEL_BYTES_MAX, OPTION_BYTES_MAX, OPTIONS_COUNT,
    PRACTICE_ITEMS_MAX, PRACTICE_PICTURES_BYTES_MAX, RATING_STEPS, SENTENCES_MAX, SOURCE_BYTES_MAX,
};
use lull_protocol::practice::pictures_bytes;
use lull_protocol::statement::{AcceptanceRule, Price};
use lull_protocol::task::{Choice, Compare, Multi, Rating, Verify, look};
use lull_protocol::{
    Amount, Answer, ByteCount, Content, Hash, Item, JudgmentItem, Practice, PracticeItem, Task, TaskKind,
};
use unicode_segmentation::UnicodeSegmentation;

use crate::command::{Context, Project, Refusal};
use crate::facts::{Decided, Write};
use crate::requester::{NAME_BYTES_MAX, NewOrder, NewOrderFacts, count, field, text};

/// People asked about one item of a project.
pub const PEOPLE_MAX: u8 = 25;

/// The longest item: all texts as long as they may be, ids and CBOR's own bytes. Each text is checked alone.
const LONGEST_ITEM_BYTES: usize =
    NAME_BYTES_MAX + 3 * LABEL_BYTES_MAX + CONTENT_TEXT_BYTES_MAX + OPTIONS_COUNT.1 * OPTION_BYTES_MAX + 256;
const _: () = assert!(LONGEST_ITEM_BYTES <= ITEM_BYTES_MAX);
// Those without options have no more to show, the heads of their texts included.
const _: () = assert!(2 * COMPARED_TEXT_BYTES_MAX <= CONTENT_TEXT_BYTES_MAX);
const _: () = assert!(LABEL_BYTES_MAX + SOURCE_BYTES_MAX + 3 * SENTENCES_MAX <= CONTENT_TEXT_BYTES_MAX);

/// What a project asks: any number of tasks, all of one type. Its contents are `C`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tasks<C = Content> {
    /// One of n options.
    Choice {
        /// The answers to choose from.
        options: Vec<String>,
        /// What is judged.
        contents: Vec<C>,
    },
    /// Several of n options.
    Multi {
        /// The answers to choose from.
        options: Vec<String>,
        /// How many are chosen at least.
        least: u8,
        /// How many are chosen at most.
        most: u8,
        /// What is judged.
        contents: Vec<C>,
    },
    /// Which of two is better.
    Compare {
        /// Left and right.
        pairs: Vec<(C, C)>,
    },
    /// A step of a scale.
    Rating {
        /// How many steps it has.
        steps: u8,
        /// What step 1 means.
        lowest: String,
        /// What the last step means.
        highest: String,
        /// What is judged.
        contents: Vec<C>,
    },
    /// Whether a source supports a claim.
    Verify {
        /// Each with its source.
        claims: Vec<Verify>,
    },
}

impl<C> Tasks<C> {
    /// Their type.
    pub fn kind(&self) -> TaskKind {
        match self {
            Self::Choice { .. } => TaskKind::Choice,
            Self::Multi { .. } => TaskKind::Multi,
            Self::Compare { .. } => TaskKind::Compare,
            Self::Rating { .. } => TaskKind::Rating,
            Self::Verify { .. } => TaskKind::Verify,
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Choice { contents, .. } | Self::Multi { contents, .. } | Self::Rating { contents, .. } => {
                contents.len()
            }
            Self::Compare { pairs } => pairs.len(),
            Self::Verify { claims } => claims.len(),
        }
    }

    /// What is judged, each with its name in the API, where they are called `list`.
    pub fn contents(&self, list: &str) -> Vec<(String, &C)> {
        match self {
            Self::Choice { contents, .. } | Self::Multi { contents, .. } | Self::Rating { contents, .. } => {
                contents.iter().enumerate().map(|(i, content)| (place(list, i), content)).collect()
            }
            Self::Compare { pairs } => {
                let names = |i| (format!("{}.left", place(list, i)), format!("{}.right", place(list, i)));
                let named = pairs.iter().enumerate().map(|(i, pair)| (names(i), pair));
                named.flat_map(|(names, pair)| [(names.0, &pair.0), (names.1, &pair.1)]).collect()
            }
            Self::Verify { .. } => Vec::new(),
        }
    }

    /// The same with other contents.
    pub fn map<D>(self, mut other: impl FnMut(C) -> D) -> Tasks<D> {
        let mut all = |contents: Vec<C>| contents.into_iter().map(&mut other).collect();
        match self {
            Self::Choice { options, contents } => Tasks::Choice { options, contents: all(contents) },
            Self::Multi { options, least, most, contents } => {
                Tasks::Multi { options, least, most, contents: all(contents) }
            }
            Self::Rating { steps, lowest, highest, contents } => {
                Tasks::Rating { steps, lowest, highest, contents: all(contents) }
            }
            Self::Compare { pairs } => {
                Tasks::Compare { pairs: pairs.into_iter().map(|(left, right)| (other(left), other(right))).collect() }
            }
            Self::Verify { claims } => Tasks::Verify { claims },
        }
    }
}

impl Tasks {
    /// Each of them, as an item has it.
    pub fn each(&self) -> Vec<Task> {
        match self {
            Self::Choice { options, contents } => {
                let one =
                    |content: &Content| Task::Choice(Choice { content: content.clone(), options: options.clone() });
                contents.iter().map(one).collect()
            }
            Self::Multi { options, least, most, contents } => {
                let one = |content: &Content| {
                    let (content, options) = (content.clone(), options.clone());
                    Task::Multi(Multi { content, options, least: *least, most: *most })
                };
                contents.iter().map(one).collect()
            }
            Self::Compare { pairs } => {
                let one = |(left, right): &(Content, Content)| Compare { left: left.clone(), right: right.clone() };
                pairs.iter().map(one).map(Task::Compare).collect()
            }
            Self::Rating { steps, lowest, highest, contents } => {
                let one = |content: &Content| {
                    let (lowest, highest) = (lowest.clone(), highest.clone());
                    Task::Rating(Rating { content: content.clone(), steps: *steps, lowest, highest })
                };
                contents.iter().map(one).collect()
            }
            Self::Verify { claims } => claims.iter().cloned().map(Task::Verify).collect(),
        }
    }
}

/// What a project lets people practise: tasks with its own terms, each with its answer and why. Their contents are `C`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lessons<C = Content> {
    /// What is asked.
    pub tasks: Tasks<C>,
    /// The answer to each, in their order.
    pub solutions: Vec<Solution>,
}

/// The right answer to a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solution {
    /// It.
    pub answer: Answer,
    /// Why it is right.
    pub explanation: String,
}

impl Lessons {
    /// As a worker gets them.
    pub fn practice(&self) -> Practice {
        let solved = self.tasks.each().into_iter().zip(&self.solutions);
        let item = |(task, Solution { answer, explanation }): (Task, &Solution)| {
            let (answer, explanation) = (*answer, explanation.clone());
            PracticeItem { task, answer, explanation }
        };
        Practice { items: solved.map(item).collect() }
    }
}

/// The sentences of a source that came as one text: Unicode's sentence boundaries (UAX #29), without the white
/// space around them.
pub fn sentences(source: &str) -> Vec<String> {
    let trimmed = source.split_sentence_bounds().map(str::trim);
    trimmed.filter(|sentence| !sentence.is_empty()).map(str::to_owned).collect()
}

/// Decides [`Command::CreateProject`](crate::Command::CreateProject).
pub fn create_project(facts: &NewOrderFacts, project: &Project, cx: &Context) -> Result<Decided, Refusal> {
    let requester_name = facts.requester_name.as_ref().ok_or(Refusal::UnknownRequester)?;
    text("title", &project.title, LABEL_BYTES_MAX)?;
    text("guideline", &project.guideline, LABEL_BYTES_MAX)?;
    text("question", &project.question, LABEL_BYTES_MAX)?;
    check_terms(&project.tasks)?;
    count("contents", project.tasks.count())?;
    let people = check_rule(project.rule)?;
    if project.price == Amount::ZERO {
        return Err(field("price", "must be at least 1"));
    }
    check_contents(CONTENTS, &project.tasks, &facts.blobs)?;
    let practice = project.lessons.as_deref().map(Lessons::practice);
    if let (Some(lessons), Some(practice)) = (&project.lessons, &practice) {
        check_lessons(lessons, practice, project, &facts.blobs)?;
    }
    let blob = practice.as_ref().map(Practice::blob);
    let mut seen = BTreeSet::new();
    let mut items = Vec::with_capacity(project.tasks.count());
    for (i, task) in project.tasks.each().into_iter().enumerate() {
        let item = Item::Judgment(JudgmentItem {
            order: project.order,
            requester: requester_name.clone(),
            title: project.title.clone(),
            guideline_version: project.guideline_version,
            guideline: project.guideline.clone(),
            question: project.question.clone(),
            task,
            warnings: project.warnings,
            practice: blob,
        });
        if !seen.insert(item.hash()) {
            return Err(field(place(CONTENTS, i), "is in the project already"));
        }
        items.push(item);
    }
    let new = NewOrder {
        id: project.order,
        requester: project.requester,
        title: &project.title,
        price: Price { per_item: project.price, per_mib: Amount::ZERO },
        rule: project.rule,
        task: Some(project.tasks.kind()),
        warnings: project.warnings,
        per_result_max: project.price,
        needed: people,
        items: &items,
    };
    let mut decided = new.decide(facts, cx)?;
    // An order that is there already has its practice, and so may another project.
    if let Some(practice) = practice.filter(|_| !decided.writes.is_empty()) {
        let (requester, media_type, bytes) = (project.requester, PRACTICE_TYPE.to_owned(), practice.to_bytes());
        let hash = practice.blob().hash;
        if !facts.blobs.contains_key(&hash) {
            decided.writes.insert(0, Write::AddBlob { requester, hash, media_type, bytes });
        }
    }
    Ok(decided)
}

/// The media type under which a practice is stored.
const PRACTICE_TYPE: &str = "application/cbor";
/// What the API calls the tasks that are paid, and those that are practised.
const CONTENTS: &str = "contents";
const PRACTICE: &str = "practice";

fn place(list: &str, i: usize) -> String {
    format!("{list}[{i}]")
}

/// What all tasks of the project share.
fn check_terms(tasks: &Tasks) -> Result<(), Refusal> {
    match tasks {
        Tasks::Choice { options, .. } => check_options(options),
        Tasks::Multi { options, least, most, .. } => {
            check_options(options)?;
            if *most == 0 || usize::from(*most) > options.len() {
                return Err(field("most", format!("must be 1 to {}, the number of options", options.len())));
            }
            if least > most {
                return Err(field("least", format!("must be at most {most}, which is `most`")));
            }
            Ok(())
        }
        Tasks::Rating { steps, lowest, highest, .. } => {
            let (fewest, most) = RATING_STEPS;
            if !(fewest..=most).contains(steps) {
                return Err(field("steps", format!("must be {fewest} to {most} (RATING_STEPS)")));
            }
            text("lowest", lowest, OPTION_BYTES_MAX)?;
            text("highest", highest, OPTION_BYTES_MAX)
        }
        Tasks::Compare { .. } | Tasks::Verify { .. } => Ok(()),
    }
}

fn check_options(options: &[String]) -> Result<(), Refusal> {
    let (least, most) = OPTIONS_COUNT;
    if options.len() < least || options.len() > most {
        return Err(field("options", format!("must be {least} to {most}")));
    }
    for (i, option) in options.iter().enumerate() {
        let name = format!("options[{i}]");
        text(&name, option, OPTION_BYTES_MAX)?;
        if options.iter().take(i).any(|other| look(other).eq(look(option))) {
            return Err(field(name, "looks like another one"));
        }
    }
    Ok(())
}

/// More than half must agree, so that no two answers can both be the item's.
fn check_rule(rule: AcceptanceRule) -> Result<u8, Refusal> {
    let (AcceptanceRule::Agreement { agree, people } | AcceptanceRule::Review { agree, people }) = rule else {
        return Err(field("rule", "must be an agreement of people"));
    };
    if people == 0 || people > PEOPLE_MAX {
        return Err(field("rule.people", format!("must be 1 to {PEOPLE_MAX} (PEOPLE_MAX)")));
    }
    if agree > people || agree <= people / 2 {
        return Err(field("rule.agree", "must be more than half of the people, and not more than all"));
    }
    Ok(people)
}

/// What is practised is solved, fits the project, and gives away no answer that is paid.
fn check_lessons(lessons: &Lessons, practice: &Practice, project: &Project, blobs: &Blobs) -> Result<(), Refusal> {
    let count = lessons.tasks.count();
    if !(1..=PRACTICE_ITEMS_MAX).contains(&count) || lessons.solutions.len() != count {
        let problem = format!("must be 1 to {PRACTICE_ITEMS_MAX} (PRACTICE_ITEMS_MAX), not {count}");
        return Err(field(PRACTICE, problem));
    }
    if lessons.tasks.kind() != project.tasks.kind() {
        return Err(field(PRACTICE, "must be of the project's type"));
    }
    if !project.warnings.is_empty() {
        return Err(field(PRACTICE, "can't be of a project with warnings: what is practised isn't covered"));
    }
    check_terms(&lessons.tasks)?;
    check_contents(PRACTICE, &lessons.tasks, blobs)?;
    let paid = project.tasks.each();
    for (i, PracticeItem { task, answer, explanation }) in practice.items.iter().enumerate() {
        let name = place(PRACTICE, i);
        if let Err(problem) = task.takes(answer) {
            return Err(field(format!("{name}.answer"), problem));
        }
        text(&format!("{name}.explanation"), explanation, LABEL_BYTES_MAX)?;
        if practice.items.iter().take(i).any(|other| other.task == *task) {
            return Err(field(name, "is in the practice already"));
        }
        if paid.contains(task) {
            return Err(field(name, "is one of the contents: people would be shown its answer"));
        }
    }
    if pictures_bytes(practice.contents()) > PRACTICE_PICTURES_BYTES_MAX {
        let problem =
            format!("has pictures of more than {PRACTICE_PICTURES_BYTES_MAX} bytes (PRACTICE_PICTURES_BYTES_MAX)");
        return Err(field(PRACTICE, problem));
    }
    let has_pictures =
        |tasks: &Tasks| tasks.contents(PRACTICE).iter().any(|(_, content)| matches!(content, Content::Picture(_)));
    if has_pictures(&lessons.tasks) && !has_pictures(&project.tasks) {
        return Err(field(PRACTICE, "has pictures though the contents have none: some people get texts only"));
    }
    Ok(())
}

type Blobs = BTreeMap<Hash, (String, ByteCount)>;

/// What is each task's own.
fn check_contents(list: &str, tasks: &Tasks, blobs: &Blobs) -> Result<(), Refusal> {
    let bytes_max = match tasks {
        Tasks::Compare { .. } => COMPARED_TEXT_BYTES_MAX,
        _ => CONTENT_TEXT_BYTES_MAX,
    };
    for (name, content) in tasks.contents(list) {
        check_content(&name, content, bytes_max, blobs)?;
    }
    match tasks {
        Tasks::Compare { pairs } => match pairs.iter().position(|(left, right)| left == right) {
            Some(i) => Err(field(format!("{}.right", place(list, i)), "is the same as the left one")),
            None => Ok(()),
        },
        Tasks::Verify { claims } => {
            claims.iter().enumerate().try_for_each(|(i, claim)| check_claim(&place(list, i), claim))
        }
        Tasks::Choice { .. } | Tasks::Multi { .. } | Tasks::Rating { .. } => Ok(()),
    }
}

fn check_content(name: &str, content: &Content, bytes_max: usize, blobs: &Blobs) -> Result<(), Refusal> {
    let picture = match content {
        Content::Text(words) | Content::Code(words) | Content::Markdown(words) => return text(name, words, bytes_max),
        Content::Picture(picture) => picture,
    };
    text(&format!("{name}.alt"), &picture.alt, LABEL_BYTES_MAX)?;
    match blobs.get(&picture.hash) {
        None => Err(field(format!("{name}.hash"), "no such blob: put it first")),
        Some((media_type, _)) if media_type == PRACTICE_TYPE => Err(field(format!("{name}.hash"), "is no picture's")),
        Some((media_type, _)) if *media_type != picture.media_type => {
            Err(field(format!("{name}.media_type"), format!("the blob is {media_type}")))
        }
        Some((_, bytes)) if *bytes != picture.bytes => {
            Err(field(format!("{name}.bytes"), format!("the blob has {}", bytes.get())))
        }
        Some(_) => Ok(()),
    }
}

fn check_claim(name: &str, Verify { claim, source }: &Verify) -> Result<(), Refusal> {
    text(&format!("{name}.claim"), claim, LABEL_BYTES_MAX)?;
    let name = format!("{name}.source");
    if source.is_empty() || source.len() > SENTENCES_MAX {
        return Err(field(name, format!("must be 1 to {SENTENCES_MAX} sentences (SENTENCES_MAX)")));
    }
    for (i, sentence) in source.iter().enumerate() {
        text(&format!("{name}[{i}]"), sentence, LABEL_BYTES_MAX)?;
    }
    if source.iter().map(String::len).sum::<usize>() > SOURCE_BYTES_MAX {
        return Err(field(name, format!("is longer than {SOURCE_BYTES_MAX} bytes (SOURCE_BYTES_MAX)")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_split_into_its_sentences() {
        let text = "The harbour froze in 1891. “Was it closed?” It was!\n\nBoats of 3.5 tons stayed in.  ";
        let split = ["The harbour froze in 1891.", "“Was it closed?”", "It was!", "Boats of 3.5 tons stayed in."];
        assert_eq!(sentences(text), split);
        assert_eq!(sentences("港は凍った。船は残った。"), ["港は凍った。", "船は残った。"]);
        assert_eq!(sentences("no end"), ["no end"]);
        assert_eq!(sentences(" \n "), Vec::<String>::new());
    }
}
