//! The judgment to answer: one look, one key, the next one.

use std::cell::Cell;
use std::hash::{DefaultHasher, Hash, Hasher};

use gloo::events::EventListener;
use lull_view::{AnswerInput, Command, Judgment, JudgmentContent, TaskAnswer};
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent, Storage};
use yew::{
    Callback, Html, MouseEvent, NodeRef, Properties, classes, component, hook, html, use_callback, use_effect_with,
    use_memo, use_mut_ref, use_node_ref, use_ref, use_state_eq,
};

use crate::format;
use crate::link::Wire;
use crate::model::Lull;
use crate::parts::{Countdown, Until, focus_in_place};
use crate::words;

/// A question that has been on screen for less was not seen: a double click must not answer it.
const UNSEEN_MS: u64 = 150;
/// Options of this many characters at most stand in a grid of keys, three in a row.
const TINY_CHARS_MAX: usize = 3;
/// Options of this many characters at most stand two in a row, if there are more than four.
const SHORT_CHARS_MAX: usize = 16;
/// Texts of this many characters at most are set very large, and large.
const WORD_CHARS_MAX: usize = 24;
const SENTENCE_CHARS_MAX: usize = 160;
/// Guidelines that were seen, as remembered in the browser.
const SEEN_KEY: &str = "guidelines-seen";
const SEEN_MAX: usize = 100;

/// What a key or a click means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Answer { option: u8, input: AnswerInput },
    Skip,
    Keys,
}

#[derive(PartialEq, Properties)]
pub(crate) struct JudgmentProps {
    pub(crate) lull: Lull,
    pub(crate) judgment: Judgment,
    pub(crate) content: JudgmentContent,
    pub(crate) options: Vec<String>,
    pub(crate) waiting: u32,
}

/// The card.
#[component]
pub(crate) fn JudgmentCard(props: &JudgmentProps) -> Html {
    let judgment = &props.judgment;
    let card = use_node_ref();
    let keys_shown = use_state_eq(|| false);
    let chosen = use_state_eq(|| None::<(String, u8)>);
    let act = use_act(&props.lull.wire, judgment, chosen.setter(), keys_shown.setter());
    use_keys(act.clone(), props.options.len());
    use_focus_on_next(&card, &judgment.offer);
    let (guideline_open, toggle_guideline) = use_guideline(judgment);
    let chosen = chosen.as_ref().filter(|(offer, _)| *offer == judgment.offer).map(|(_, option)| *option);
    let skip = use_callback(act.clone(), |_, act: &Callback<Act>| act.emit(Act::Skip));
    let keys = use_callback(act.clone(), |_, act: &Callback<Act>| act.emit(Act::Keys));
    html! {
        <section class="judgment" ref={card} tabindex="-1" aria-label={words::JUDGMENT} data-testid="judgment"
            data-offer={judgment.offer.clone()}>
            <div class="judgment-head">
                <p>
                    <span class="judgment-title">{ &judgment.title }</span>
                    <span class="quiet">{ words::buyer(&judgment.requester) }</span>
                </p>
                <button class="link-button" aria-expanded={guideline_open.to_string()} aria-controls="guideline"
                    data-testid="guideline" onclick={toggle_guideline}>{ words::GUIDELINE }</button>
            </div>
            <p class="guideline" id="guideline" hidden={!guideline_open}>{ &judgment.guideline }</p>
            <h2 class="question" data-testid="question" id="question">{ &judgment.question }</h2>
            <div class="content" key={judgment.offer.clone()}>{ content(&props.content) }</div>
            <div class={classes!("options", options_layout(&props.options))} role="group" aria-labelledby="question">
                { for props.options.iter().enumerate().map(|(at, text)| option(at, text, chosen, &act)) }
            </div>
            <div class="judgment-foot">
                <button class="button small" data-testid="skip" aria-keyshortcuts="s" onclick={skip}>
                    { words::SKIP }<kbd>{ "S" }</kbd>
                </button>
                <button class="button small" aria-expanded={keys_shown.to_string()} aria-controls="keys"
                    aria-keyshortcuts="?" onclick={keys}>{ words::KEYS }<kbd>{ "?" }</kbd></button>
                { terms(judgment, props.waiting, props.lull.asset()) }
            </div>
            { keys_list(*keys_shown) }
            <p class="quiet rule">
                { words::rule(judgment.people, judgment.agree, props.lull.is_demo()) }{ " " }
                { words::approved(&format::moment(judgment.approved_at)) }
            </p>
            <p class="unseen" aria-live="polite" data-testid="next-question">{ spoken(judgment, &props.content, &props.options) }</p>
        </section>
    }
}

/// Answers, skips and shows keys; never twice for one offer, and not before it could be seen.
#[hook]
fn use_act(
    wire: &Wire,
    judgment: &Judgment,
    choose: yew::UseStateSetter<Option<(String, u8)>>,
    show_keys: yew::UseStateSetter<bool>,
) -> Callback<Act> {
    let wire = wire.clone();
    let shown_at = use_memo(judgment.offer.clone(), |_| format::now_ms());
    let done = use_mut_ref(String::new);
    let keys_shown = use_ref(|| Cell::new(false));
    let offer = judgment.offer.clone();
    use_callback((offer, *shown_at), move |act, (offer, shown_at)| {
        if act == Act::Keys {
            keys_shown.set(!keys_shown.get());
            show_keys.set(keys_shown.get());
            return;
        }
        let seen = format::now_ms() >= shown_at.saturating_add(UNSEEN_MS);
        if !seen || *done.borrow() == *offer {
            return;
        }
        done.borrow_mut().clone_from(offer);
        let offer = offer.clone();
        match act {
            Act::Answer { option, input } => {
                choose.set(Some((offer.clone(), option)));
                wire.send(Command::Answer { offer, answer: TaskAnswer::Choice(option), input, shown_at: *shown_at });
            }
            Act::Skip | Act::Keys => wire.send(Command::Skip { offer }),
        }
    })
}

/// Listens to the keyboard while the card is on screen.
#[hook]
fn use_keys(act: Callback<Act>, options: usize) {
    use_effect_with((act, options), move |(act, options)| {
        let (act, options) = (act.clone(), *options);
        let listener = web_sys::window().map(|window| {
            EventListener::new_with_options(
                &window,
                "keydown",
                gloo::events::EventListenerOptions::enable_prevent_default(),
                move |event| {
                    let Some(event) = event.dyn_ref::<KeyboardEvent>() else {
                        return;
                    };
                    if let Some(meant) = meaning(event, options) {
                        event.prevent_default();
                        act.emit(meant);
                    }
                },
            )
        });
        move || drop(listener)
    });
}

/// What a key means here, if anything. A key that is held down, or belongs to a shortcut or to a control
/// outside of the card, means nothing (WCAG 2.1.4).
fn meaning(event: &KeyboardEvent, options: usize) -> Option<Act> {
    if event.repeat() || event.ctrl_key() || event.alt_key() || event.meta_key() || event.is_composing() {
        return None;
    }
    let focused = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let within = |selector: &str| focused.as_ref().is_some_and(|e| e.closest(selector).ok().flatten().is_some());
    let in_card = within(".judgment");
    let nowhere = focused.as_ref().is_none_or(|e| matches!(e.tag_name().as_str(), "BODY" | "MAIN" | "HTML"));
    if !in_card && !nowhere {
        return None;
    }
    match event.key().as_str() {
        // Space scrolls the page, scrolls the text that has the focus, or presses its control.
        " " if nowhere || within("button, a, [tabindex='0']") => None,
        " " | "s" | "S" => Some(Act::Skip),
        "?" => Some(Act::Keys),
        key => {
            let digit = key.parse::<u8>().ok().filter(|digit| key.len() == 1 && *digit >= 1)?;
            (usize::from(digit) <= options).then_some(Act::Answer { option: digit - 1, input: AnswerInput::Keyboard })
        }
    }
}

/// The next judgment takes the focus from the one that went, and from nothing else.
#[hook]
fn use_focus_on_next(card: &NodeRef, offer: &str) {
    let card = card.clone();
    use_effect_with(offer.to_owned(), move |_| {
        let active = web_sys::window().and_then(|w| w.document()).and_then(|document| document.active_element());
        let nowhere =
            active.as_ref().is_none_or(|element| element.tag_name() == "BODY" || element.tag_name() == "MAIN");
        let inside = card.cast::<Element>().is_some_and(|card| card.contains(active.as_deref()));
        if nowhere || inside {
            // The money and the way to pause stay on screen.
            focus_in_place(&card);
        }
    });
}

/// Whether the guideline is open, and what toggles it. It starts open on the first judgment that carries it.
#[hook]
fn use_guideline(judgment: &Judgment) -> (bool, Callback<MouseEvent>) {
    let mut hasher = DefaultHasher::new();
    (&judgment.requester, &judgment.title, &judgment.guideline).hash(&mut hasher);
    let mark = format!("{:016x}", hasher.finish());
    let first = *use_memo((mark, judgment.offer.clone()), |(mark, _)| first_time(mark));
    // The person's own choice, for this judgment.
    let chosen = use_state_eq(|| None::<(String, bool)>);
    let open = chosen.as_ref().filter(|(offer, _)| *offer == judgment.offer).map_or(first, |(_, open)| *open);
    let setter = chosen.setter();
    let toggle = use_callback((judgment.offer.clone(), open), move |_, (offer, open)| {
        setter.set(Some((offer.clone(), !open)));
    });
    (open, toggle)
}

/// Whether this mark is new; remembers it. Without storage every guideline is new, which costs one click.
fn first_time(mark: &str) -> bool {
    let Some(storage) = storage() else {
        return true;
    };
    let seen = storage.get_item(SEEN_KEY).ok().flatten().unwrap_or_default();
    if seen.split(' ').any(|known| known == mark) {
        return false;
    }
    let kept = seen.split(' ').filter(|known| !known.is_empty()).take(SEEN_MAX - 1);
    let all: Vec<&str> = std::iter::once(mark).chain(kept).collect();
    // Storage that is full forgets; see above.
    let _ = storage.set_item(SEEN_KEY, &all.join(" "));
    true
}

fn storage() -> Option<Storage> {
    web_sys::window().and_then(|window| window.local_storage().ok().flatten())
}

fn content(content: &JudgmentContent) -> Html {
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
        JudgmentContent::Picture { data_url, alt } => {
            html! { <img class="content-picture" src={data_url.clone()} alt={alt.clone()} /> }
        }
    }
}

fn options_layout(options: &[String]) -> &'static str {
    let longest = options.iter().map(|text| text.chars().count()).max().unwrap_or_default();
    match options.len() {
        n if n > 3 && longest <= TINY_CHARS_MAX => "in-threes",
        n if n > 4 && longest <= SHORT_CHARS_MAX => "in-twos",
        _ => "in-rows",
    }
}

fn option(at: usize, text: &str, chosen: Option<u8>, act: &Callback<Act>) -> Html {
    let number = at + 1;
    let Ok(option) = u8::try_from(at) else {
        return html! {};
    };
    let act = act.clone();
    let click = move |event: MouseEvent| {
        // Enter or Space on the button also arrives as a click, one without a count.
        let input = if event.detail() == 0 { AnswerInput::Keyboard } else { AnswerInput::Pointer };
        act.emit(Act::Answer { option, input });
    };
    html! {
        <button class={classes!("option", (chosen == Some(option)).then_some("chosen"))}
            data-testid={format!("option-{number}")} aria-keyshortcuts={number.to_string()} onclick={click}>
            if number <= 9 { <kbd aria-hidden="true">{ number }</kbd> }
            <span>{ text }</span>
        </button>
    }
}

/// What it pays and how long it is yours.
fn terms(judgment: &Judgment, waiting: u32, asset: &str) -> Html {
    html! {
        <p class="terms">
            <strong class="price">{ format::amount_of(judgment.price, asset) }</strong>
            <span class="quiet" role="timer" aria-live="off">
                <Countdown at_ms={judgment.deadline} until={Until::Deadline} />
                if waiting > 0 { { " · " }{ words::waiting_behind(waiting) } }
            </span>
        </p>
    }
}

fn keys_list(shown: bool) -> Html {
    html! {
        <dl class="keys" id="keys" hidden={!shown}>
            { for words::KEYS_LIST.iter().map(|(key, does)| html! { <div><dt><kbd>{ *key }</kbd></dt><dd>{ *does }</dd></div> }) }
        </dl>
    }
}

/// The question as a screen reader says it when it comes.
fn spoken(judgment: &Judgment, content: &JudgmentContent, options: &[String]) -> String {
    let content = match content {
        JudgmentContent::Text { text } | JudgmentContent::Code { text } => text,
        JudgmentContent::Picture { alt, .. } => alt,
    };
    let mut spoken = format!("{} {content}.", judgment.question);
    for (at, text) in options.iter().enumerate() {
        spoken.push_str(&format!(" {}: {text}.", at + 1));
    }
    spoken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(options: &[&str]) -> &'static str {
        options_layout(&options.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_stand_as_their_length_allows() {
        assert_eq!(layout(&["1", "2", "3", "4", "5", "6", "7", "8", "9"]), "in-threes");
        assert_eq!(layout(&["Yes", "No"]), "in-rows");
        assert_eq!(layout(&["one bird", "two birds", "three birds", "many birds", "none"]), "in-twos");
        assert_eq!(layout(&["A person or an animal", "Something to drink", "Ground", "Stars", "None"]), "in-rows");
    }
}
