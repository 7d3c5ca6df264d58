//! What a screen reader says when the next judgment comes: one message, in the order in which it is needed.

use std::borrow::Cow;

use lull_view::{Judgment, JudgmentContent, JudgmentTask, View, markdown, markdown_words};

use super::options::{step_in_words, texts};
use super::take_back::given;
use crate::words::offer::spoken_price;
use crate::words::{content as content_words, judgment as words};
use crate::{format, text};

/// What came before it.
pub(super) struct Before<'a> {
    /// The title of the judgment before; one of the same project isn't introduced again.
    pub(super) title: &'a str,
    /// It was answered or skipped, and is here again.
    pub(super) is_taken_back: bool,
    /// The guideline is open already, and so it is said.
    pub(super) is_guideline_open: bool,
    /// What its price is in.
    pub(super) asset: &'a str,
    /// Single keys do something, so they are named.
    pub(super) has_keys: bool,
}

/// All of it.
pub(super) fn spoken(judgment: &Judgment, view: Option<&View>, before: &Before<'_>) -> String {
    let mut parts = Vec::new();
    let held = view.and_then(|view| Some((view, view.take_back.as_ref()?)));
    match held.filter(|(_, held)| held.offer != judgment.offer) {
        _ if before.is_taken_back => parts.push(text::spoken_taken_back().to_owned()),
        Some((view, held)) => {
            let said: fn(&str) -> String =
                if before.has_keys { text::spoken_answered } else { text::spoken_answered_button };
            parts.push(said(&given(view, held)));
        }
        None => {}
    }
    if before.title != judgment.title {
        parts.push(judgment.title.clone());
        parts.push(spoken_price(&format::amount_of(judgment.price, before.asset), judgment.pace.as_ref()));
        if before.is_guideline_open {
            parts.push(markdown_words(&markdown(&judgment.guideline)));
        } else if before.has_keys {
            parts.push(text::spoken_guideline().to_owned());
        }
    }
    if judgment.is_covered {
        parts.extend([judgment.question.clone(), content_words::may_show(judgment.warnings)]);
        return told(parts.into_iter());
    }
    in_order(parts, &judgment.question, &judgment.task, before.has_keys)
}

/// A question and all that belongs to it, after what comes first.
pub(super) fn in_order(first: Vec<String>, question: &str, task: &JudgmentTask, has_keys: bool) -> String {
    let rest = [question.to_owned(), judged(task)].into_iter().chain(answers(task, has_keys));
    told(first.into_iter().chain(rest))
}

fn told(parts: impl Iterator<Item = String>) -> String {
    parts.map(|part| ended(&part)).collect::<Vec<_>>().join(" ")
}

/// With an end that is heard: what has none of its own gets one.
fn ended(part: &str) -> String {
    let part = part.trim_end();
    let last = part.trim_end_matches(['”', '’', '"', '\'', '»', ')']).chars().last();
    let has_end = last.is_some_and(|last| ".!?:;…。！？؟".contains(last));
    if has_end || part.is_empty() { part.to_owned() } else { text::sentence(part) }
}

fn judged(task: &JudgmentTask) -> String {
    match task {
        JudgmentTask::Choice { content, .. }
        | JudgmentTask::Multi { content, .. }
        | JudgmentTask::Rating { content, .. } => in_words(content).into_owned(),
        JudgmentTask::Compare { left, right } => text::spoken_sides(&ended(&in_words(left)), &ended(&in_words(right))),
        JudgmentTask::Verify { claim, source } => text::spoken_claim(&ended(claim), &numbered(source)),
    }
}

/// A source's sentences, each with the number by which an answer names it.
fn numbered(source: &[String]) -> String {
    if let [sentence] = source {
        return sentence.clone();
    }
    let numbers = (1_u64..).map(format::count);
    numbers.zip(source).map(|(number, sentence)| text::spoken_option(&number, sentence)).collect::<Vec<_>>().join(" ")
}

fn in_words(content: &JudgmentContent) -> Cow<'_, str> {
    match content {
        JudgmentContent::Text { text } | JudgmentContent::Code { text } => text.into(),
        JudgmentContent::Markdown { text } => markdown_words(&markdown(text)).into(),
        JudgmentContent::Picture { alt, .. } => alt.into(),
    }
}

/// What can be answered, and how it becomes whole.
fn answers(task: &JudgmentTask, has_keys: bool) -> Vec<String> {
    let mut parts = Vec::new();
    for (text, number) in texts(task).iter().zip(1u8..) {
        match (task, step_in_words(task, number)) {
            (JudgmentTask::Rating { .. }, None) => {}
            (_, Some(step)) => parts.push(step),
            (_, None) if !has_keys => parts.push(text.to_string()),
            (_, None) => parts.push(text::spoken_option(&format::count(number.into()), text)),
        }
    }
    match task {
        JudgmentTask::Multi { least, most, options, .. } => {
            parts.push(words::how_many(*least, *most, options.len(), 0));
            parts.push(if *least == 0 { text::spoken_done_or_none() } else { text::spoken_done() }.to_owned());
        }
        JudgmentTask::Verify { .. } => parts.push(text::spoken_mark().to_owned()),
        JudgmentTask::Choice { .. } | JudgmentTask::Compare { .. } | JudgmentTask::Rating { .. } => {}
    }
    parts
}

#[cfg(test)]
mod tests {
    use lull_view::{Pace, WarningSet};

    use super::*;

    fn multi() -> Judgment {
        let options = vec!["Gluten".to_owned(), "Milk".to_owned()];
        let content = JudgmentContent::Text { text: "It says “bread.”".to_owned() };
        Judgment {
            offer: "aa".to_owned(),
            requester: "Buyer".to_owned(),
            title: "Dishes".to_owned(),
            guideline: "Read *all* of it".to_owned(),
            question: "What is in it".to_owned(),
            task: JudgmentTask::Multi { content, options, least: 0, most: 2 },
            price: 6_000,
            people: 1,
            agree: 1,
            deadline: 0,
            approved_at: 0,
            warnings: WarningSet::NONE,
            is_covered: false,
            extensions_left: 0,
            pace: None,
            skips_left: None,
            is_reviewed: false,
            record: None,
        }
    }

    #[test]
    fn it_is_said_in_the_order_it_is_needed_and_each_part_ends_once() {
        let before = |title, is_taken_back| Before {
            title,
            is_taken_back,
            is_guideline_open: false,
            asset: "demo credits",
            has_keys: true,
        };
        let said = |title, is_taken_back| spoken(&multi(), None, &before(title, is_taken_back));
        let rest = "What is in it. It says “bread.” 1: Gluten. 2: Milk. Choose all that fit. Enter when you're done, or if \
                    none fits.";
        assert_eq!(said("Dishes", false), rest);
        assert_eq!(said("Mails", false), format!("Dishes. 0.006 demo credits each. G: how to decide. {rest}"));
        assert_eq!(said("Dishes", true), format!("Taken back. {rest}"));
        let open = Before { is_guideline_open: true, ..before("Mails", false) };
        assert_eq!(spoken(&multi(), None, &open), format!("Dishes. 0.006 demo credits each. Read all of it. {rest}"));
        // Keys that do nothing aren't named, and what an hour brings is, once it is known.
        let no_keys = Before { has_keys: false, ..before("Mails", false) };
        let pace = Some(Pace { outcomes: 9, median_s: 8, hourly: Default::default() });
        let known = Judgment { pace, ..multi() };
        let rest = "What is in it. It says “bread.” Gluten. Milk. Choose all that fit. Enter when you're done, or if none \
                    fits.";
        let expected = format!("Dishes. 0.006 demo credits, about 0.00 an hour. {rest}");
        assert_eq!(spoken(&known, None, &no_keys), expected);
    }
}
