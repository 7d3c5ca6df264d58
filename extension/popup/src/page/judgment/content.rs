//! What is judged: text, code, pictures; of a comparison two of them; of a claim its source.

use lull_view::{Draft, JudgmentContent, JudgmentTask, Touch};
use yew::{Callback, Html, MouseEvent, classes, html};

use super::{Act, formatted, input_of};
use crate::text;
use crate::words::judgment as words;

/// Texts of this many characters at most are set very large, and large.
const WORD_CHARS_MAX: usize = 24;
const SENTENCE_CHARS_MAX: usize = 160;

/// All that is judged.
pub(super) fn judged(task: &JudgmentTask, draft: &Draft, act: &Callback<Act>) -> Html {
    match task {
        JudgmentTask::Choice { content, .. }
        | JudgmentTask::Multi { content, .. }
        | JudgmentTask::Rating { content, .. } => html! { <div class="content">{ shown(content) }</div> },
        JudgmentTask::Compare { left, right } => {
            let pictures = [left, right].into_iter().all(|side| matches!(side, JudgmentContent::Picture { .. }));
            html! {
                <div class={classes!("compared", pictures.then_some("pictures"))}>
                    { for words::sides().into_iter().zip([left, right]).map(|(name, side)| html! {
                        <figure class="compared-side" aria-label={name}>
                            <figcaption aria-hidden="true">{ name }</figcaption>
                            <div class="content">{ shown(side) }</div>
                        </figure>
                    }) }
                </div>
            }
        }
        JudgmentTask::Verify { claim, source } => html! {
            <>
                <blockquote class="claim" dir="auto" aria-label={text::judgment_claim()}>{ claim }</blockquote>
                <div class="source" role="radiogroup" aria-label={text::judgment_source()}>
                    { for source.iter().enumerate().map(|(at, text)| sentence(at, text, draft, act)) }
                </div>
            </>
        },
    }
}

/// A sentence of a source, to be marked.
fn sentence(at: usize, text: &str, draft: &Draft, act: &Callback<Act>) -> Html {
    let Ok(at) = u8::try_from(at) else { return html! {} };
    let is_marked = draft.sentence == Some(at);
    // The group is one stop of the Tab key, at the mark or at its first sentence.
    let tabindex = if draft.sentence.unwrap_or_default() == at { "0" } else { "-1" };
    let act = act.clone();
    let mark = move |event: MouseEvent| act.emit(Act::Touch { touch: Touch::Sentence(at), input: input_of(&event) });
    html! {
        <button class="sentence" role="radio" id={sentence_id(at)} aria-checked={is_marked.to_string()} {tabindex}
            dir="auto" data-testid={format!("sentence-{}", u16::from(at) + 1)} onclick={mark}>{ text }</button>
    }
}

/// The id of a sentence's element.
pub(super) fn sentence_id(at: u8) -> String {
    format!("sentence-{at}")
}

fn shown(content: &JudgmentContent) -> Html {
    match content {
        JudgmentContent::Text { text } => {
            let size = match text.chars().count() {
                n if n <= WORD_CHARS_MAX => "word",
                n if n <= SENTENCE_CHARS_MAX => "sentence",
                _ => "passage",
            };
            // A long text scrolls, so the keyboard must reach it.
            let tabindex = (size == "passage").then_some("0");
            html! { <blockquote class={classes!("content-text", size)} dir="auto" {tabindex}>{ text }</blockquote> }
        }
        JudgmentContent::Code { text } => {
            html! { <pre class="content-text passage" dir="ltr" tabindex="0">{ text }</pre> }
        }
        JudgmentContent::Markdown { text } => html! {
            <div class="content-text passage markdown" tabindex="0">{ formatted(text, 2) }</div>
        },
        JudgmentContent::Picture { data_url, alt } => {
            html! { <img class="content-picture" src={data_url.clone()} alt={alt.clone()} /> }
        }
    }
}
