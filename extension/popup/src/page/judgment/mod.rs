//! The judgment to answer: one look, one key, the next one.

mod content;
mod keys;
mod options;
mod take_back;

use std::cell::Cell;
use std::hash::{DefaultHasher, Hash, Hasher};

use lull_view::{AnswerInput, Command, Draft, Judgment, Touch, Touched};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};
use yew::{
    Callback, Html, MouseEvent, NodeRef, Properties, UseStateSetter, component, hook, html, use_callback,
    use_effect_with, use_memo, use_mut_ref, use_node_ref, use_ref, use_state_eq,
};

use self::content::{judged, sentence_id};
use self::keys::{Keys, keys_list, use_keys};
use self::options::options;
pub(crate) use self::take_back::TakeBack;
use crate::format;
use crate::model::{Action, Lull, Progress};
use crate::parts::{Countdown, Until, focus_in_place};
use crate::single_keys::{shortcut, storage};
use crate::words::judgment as words;
use crate::words::review;

/// A question that has been on screen for less was not seen: a double click must not answer it.
const UNSEEN_MS: u64 = 150;
/// Nothing may be what the person means by *done*, but not of a question that came this short a time ago, milliseconds.
const UNTOUCHED_MS: u64 = 700;
/// Guidelines that were seen, as remembered in the browser.
const SEEN_KEY: &str = "guidelines-seen";
const SEEN_MAX: usize = 100;

/// What a key or a click means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Touch { touch: Touch, input: AnswerInput },
    Skip,
    Keys,
}

/// How a click was made: Enter or Space on a button also arrives as one, but without a count.
fn input_of(click: &MouseEvent) -> AnswerInput {
    if click.detail() == 0 { AnswerInput::Keyboard } else { AnswerInput::Pointer }
}

#[derive(PartialEq, Properties)]
pub(crate) struct JudgmentProps {
    pub(crate) lull: Lull,
    pub(crate) judgment: Judgment,
    pub(crate) waiting: u32,
}

/// The card.
#[component]
pub(crate) fn JudgmentCard(props: &JudgmentProps) -> Html {
    let judgment = &props.judgment;
    let card = use_node_ref();
    let keys_shown = use_state_eq(|| false);
    let shown_at = *use_memo(judgment.offer.clone(), |_| format::now_ms());
    let progress = &props.lull.model.progress;
    let draft = if progress.offer == judgment.offer { progress.draft } else { Draft::default() };
    let is_this = progress.offer == judgment.offer && progress.shown_at == shown_at;
    let answered = progress.answered.filter(|_| is_this);
    let act = use_act(&props.lull, judgment, shown_at, draft, keys_shown.setter());
    use_keys(act.clone(), Keys::of(&judgment.task));
    use_focus_on_next(&card, &judgment.offer);
    use_focus_on_mark(&card, &judgment.offer, draft.sentence);
    let (guideline_open, toggle_guideline) = use_guideline(judgment);
    let skip = use_callback(act.clone(), |_, act: &Callback<Act>| act.emit(Act::Skip));
    let keys = use_callback(act.clone(), |_, act: &Callback<Act>| act.emit(Act::Keys));
    html! {
        <section class="judgment" ref={card} tabindex="-1" aria-label={words::JUDGMENT} data-testid="judgment"
            data-offer={judgment.offer.clone()}>
            <div class="judgment-head">
                <p>
                    <span class="judgment-title" dir="auto">{ &judgment.title }</span>
                    <span class="quiet">{ words::buyer(&judgment.requester) }</span>
                </p>
                <button class="link-button" aria-expanded={guideline_open.to_string()} aria-controls="guideline"
                    data-testid="guideline" onclick={toggle_guideline}>{ words::GUIDELINE }</button>
            </div>
            <p class="guideline" id="guideline" dir="auto" hidden={!guideline_open}>{ &judgment.guideline }</p>
            <h2 class="question" data-testid="question" id="question" dir="auto">{ &judgment.question }</h2>
            <div class="subject" key={judgment.offer.clone()}>{ judged(&judgment.task, &draft, &act) }</div>
            { options(&judgment.task, &draft, answered, &act) }
            <div class="judgment-foot">
                <button class="button small" data-testid="skip" aria-keyshortcuts={shortcut("s")} onclick={skip}>
                    { words::SKIP }<kbd>{ "S" }</kbd>
                </button>
                <button class="button small" aria-expanded={keys_shown.to_string()} aria-controls="keys"
                    aria-keyshortcuts={shortcut("?")} onclick={keys}>{ words::KEYS }<kbd>{ "?" }</kbd></button>
                { terms(judgment, props.waiting, props.lull.asset()) }
            </div>
            { keys_list(&judgment.task, *keys_shown) }
            <p class="quiet rule">
                if judgment.is_reviewed {
                    { review::rule(judgment.people, judgment.agree) }{ " " }
                    <span data-testid="record">{ record(judgment) }</span>{ " " }
                } else {
                    { words::rule(judgment.people, judgment.agree, props.lull.is_demo()) }{ " " }
                }
                { words::approved(&format::moment(judgment.approved_at)) }
            </p>
            <p class="unseen" aria-live="polite" data-testid="next-question">{ spoken(judgment) }</p>
        </section>
    }
}

/// Answers, skips and shows keys; never twice for one offer, and not before it could be seen.
#[hook]
fn use_act(
    lull: &Lull,
    judgment: &Judgment,
    shown_at: u64,
    draft: Draft,
    show_keys: UseStateSetter<bool>,
) -> Callback<Act> {
    let (wire, model) = (lull.wire.clone(), lull.model.dispatcher());
    let done = use_mut_ref(|| (String::new(), 0));
    let keys_shown = use_ref(|| Cell::new(false));
    let (offer, task) = (judgment.offer.clone(), judgment.task.clone());
    use_callback((offer, task, shown_at, draft), move |act, (offer, task, shown_at, draft)| {
        if act == Act::Keys {
            keys_shown.set(!keys_shown.get());
            show_keys.set(keys_shown.get());
            return;
        }
        let is_untouched = matches!(act, Act::Touch { touch: Touch::Done, .. }) && *draft == Draft::default();
        let look_ms = if is_untouched { UNTOUCHED_MS } else { UNSEEN_MS };
        let seen = format::now_ms() >= shown_at.saturating_add(look_ms);
        let this = (offer.clone(), *shown_at);
        if !seen || *done.borrow() == this {
            return;
        }
        let (offer, shown_at) = this.clone();
        let chosen = |draft, answered| {
            let offer = offer.clone();
            model.dispatch(Action::Chosen(Progress { offer, shown_at, draft, answered }));
        };
        match act {
            Act::Touch { touch, input } => match draft.touch(task, touch) {
                Touched::Answer(answer) => {
                    *done.borrow_mut() = this;
                    // Taken back, it waits for another word: no touch may answer by what was found before.
                    chosen(Draft { found: None, ..*draft }, Some(answer));
                    wire.send(Command::Answer { offer, answer, input, shown_at });
                }
                Touched::Draft(draft) => chosen(draft, None),
                Touched::Nothing => {}
            },
            Act::Skip | Act::Keys => {
                *done.borrow_mut() = this;
                wire.send(Command::Skip { offer });
            }
        }
    })
}

/// A sentence that is marked takes the focus from within the card, and from nothing else: a screen reader says it, and
/// it is in view.
#[hook]
fn use_focus_on_mark(card: &NodeRef, offer: &str, sentence: Option<u8>) {
    let card = card.clone();
    use_effect_with((offer.to_owned(), sentence), move |(_, sentence)| {
        let document = web_sys::window().and_then(|window| window.document()).filter(|_| may_take_focus(&card));
        let marked = sentence.and_then(|at| document?.get_element_by_id(&sentence_id(at)));
        if let Some(marked) = marked.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            // An element that can't take the focus leaves it where it is.
            let _ = marked.focus();
        }
    });
}

/// The next judgment takes the focus from the one that went, and from nothing else.
#[hook]
fn use_focus_on_next(card: &NodeRef, offer: &str) {
    let card = card.clone();
    use_effect_with(offer.to_owned(), move |_| {
        if may_take_focus(&card) {
            // The money and the way to pause stay on screen.
            focus_in_place(&card);
        }
    });
}

/// Whether nothing has the focus, or something within the card.
fn may_take_focus(card: &NodeRef) -> bool {
    let active = web_sys::window().and_then(|window| window.document()).and_then(|document| document.active_element());
    let is_nowhere = active.as_ref().is_none_or(|element| matches!(element.tag_name().as_str(), "BODY" | "MAIN"));
    is_nowhere || card.cast::<Element>().is_some_and(|card| card.contains(active.as_deref()))
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

/// How the buyer reviewed so far.
fn record(judgment: &Judgment) -> String {
    judgment.record.as_ref().map_or_else(|| review::RECORD_UNKNOWN.to_owned(), review::record)
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

/// The question as a screen reader says it when it comes.
fn spoken(judgment: &Judgment) -> String {
    format!("{} {}{}", judgment.question, content::spoken(&judgment.task), options::spoken(&judgment.task))
}
