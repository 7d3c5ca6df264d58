//! The judgment to answer: one look, one key, the next one.

mod ahead;
mod content;
mod covered;
mod flag;
mod half_done;
mod keys;
mod markdown;
mod more_time;
mod options;
mod panel;
mod practice;
mod spoken;
mod take_back;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use lull_view::{AnswerInput, Command, Draft, Judgment, NeverWhat, Touch, Touched};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};
use yew::{
    Callback, Html, MouseEvent, NodeRef, Properties, UseStateSetter, component, hook, html, use_callback,
    use_effect_with, use_memo, use_mut_ref, use_node_ref, use_state_eq,
};

use self::ahead::use_decoded;
use self::content::{judged, sentence_id};
use self::covered::covered;
use self::flag::{FlagSheet, use_seen};
use self::keys::{Keys, keys_list, use_keys};
use self::markdown::formatted;
use self::more_time::{Lease, MoreTime};
use self::options::options;
use self::panel::{Panel, use_panel_focus};
pub(crate) use self::practice::PracticeCard;
use self::spoken::Before;
pub(crate) use self::take_back::TakeBack;
use crate::format;
use crate::look::Look;
use crate::model::{Action, Lull, Progress};
use crate::parts::{Countdown, Until, focus_in_place};
use crate::single_keys::{self, shortcut, storage};
use crate::text;
use crate::words::{content as content_words, judgment as words, offer, review};

/// A question that has been on screen for less was not seen: a double click must not answer it.
const UNSEEN_MS: u32 = 150;
/// Nothing may be what the person means by *done*, but not of a question that came this short a time ago, milliseconds.
const UNTOUCHED_MS: u32 = 700;
/// Guidelines that were seen, as remembered in the browser.
const SEEN_KEY: &str = "guidelines-seen";
const SEEN_MAX: usize = 100;
/// The ids of what can be opened in the card.
const GUIDELINE: &str = "guideline";
const KEYS: &str = "keys";

/// What a key or a click means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Touch { touch: Touch, input: AnswerInput },
    Skip,
    Keys(AnswerInput),
    Guideline(AnswerInput),
    Flag,
    Uncover,
}

/// What opens something in the card.
#[derive(Clone, PartialEq)]
struct Opens {
    keys: Callback<AnswerInput>,
    guideline: Callback<AnswerInput>,
    flag: UseStateSetter<Option<String>>,
}

/// How a click was made: Enter or Space on a button also arrives as one, but without a count.
fn input_of(click: &MouseEvent) -> AnswerInput {
    if click.detail() == 0 { AnswerInput::Keyboard } else { AnswerInput::Pointer }
}

/// What a project says of itself on each of its cards.
struct Said<'a> {
    requester: &'a str,
    title: &'a str,
    guideline: &'a str,
    question: &'a str,
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
    let keys_panel = use_state_eq(Panel::default);
    // What is covered is not shown yet.
    let look = *use_memo((judgment.offer.clone(), judgment.is_covered), |_| Look::begin());
    let shown_at = look.shown_at;
    let progress = &props.lull.model.progress;
    let kept = half_done::use_kept_draft(&judgment.offer, &judgment.task);
    let draft = if progress.offer == judgment.offer { progress.draft } else { kept };
    half_done::use_only(&judgment.offer, next_offer(&props.lull));
    let is_this = progress.offer == judgment.offer && progress.shown_at == shown_at;
    let answered = progress.answered.filter(|_| is_this);
    let Judgment { requester, title, guideline, question: asked, .. } = judgment;
    let said = Said { requester, title, guideline, question: asked };
    let (guideline, toggle_guideline) = use_guideline(&said, &judgment.offer);
    let show_keys = use_callback(*keys_panel, {
        let setter = keys_panel.setter();
        move |by, panel: &Panel| setter.set(panel.toggled(by))
    });
    // Whether the sheet is open, for this judgment.
    let flagged = use_state_eq(|| None::<String>);
    let is_flagging = flagged.as_ref() == Some(&judgment.offer);
    let opens = Opens { keys: show_keys, guideline: toggle_guideline, flag: flagged.setter() };
    let act = use_act(&props.lull, judgment, look, draft, opens);
    use_keys((!is_flagging).then(|| act.clone()), Keys::of(judgment));
    use_decoded(&props.lull);
    use_seen(&props.lull.wire, &judgment.offer, !judgment.is_covered);
    use_focus_on_next(&card, &format!("{} {}", judgment.offer, judgment.is_covered));
    use_focus_on_mark(&card, &judgment.offer, draft.sentence);
    use_panel_focus(&card, GUIDELINE, guideline);
    use_panel_focus(&card, KEYS, *keys_panel);
    let spoken = use_spoken(&props.lull, judgment, shown_at, guideline.is_open);
    let click_guideline = act.reform(|_: MouseEvent| Act::Guideline(AnswerInput::Pointer));
    let skip = use_callback(act.clone(), |_, act: &Callback<Act>| act.emit(Act::Skip));
    let keys = use_callback(act.clone(), |_, act: &Callback<Act>| act.emit(Act::Keys(AnswerInput::Pointer)));
    let flag = use_node_ref();
    let close = use_close_flag(&flag, flagged.setter());
    let toggle = use_callback((act.clone(), close.clone(), is_flagging), |_, (act, close, is_flagging)| {
        if *is_flagging { close.emit(true) } else { act.emit(Act::Flag) }
    });
    html! {
        <section class="judgment" ref={card} tabindex="-1" aria-label={text::judgment_page()} data-testid="judgment"
            data-offer={judgment.offer.clone()}>
            { head(&said, guideline.is_open, click_guideline) }
            { pay(judgment, props.lull.asset()) }
            { question(&said) }
            if judgment.is_covered {
                { covered(judgment, &act) }
            } else {
                <div class="subject" key={judgment.offer.clone()}>{ judged(&judgment.task, &draft, &act) }</div>
                { options(&judgment.task, &draft, answered, &act) }
            }
            <MoreTime wire={props.lull.wire.clone()} lease={Lease::of(judgment)} />
            <div class="judgment-foot">
                <button class="button small" data-testid="skip" aria-keyshortcuts={shortcut("s")} onclick={skip}>
                    { text::judgment_skip() }<kbd aria-hidden="true">{ "S" }</kbd>
                </button>
                <button class="button small" data-testid="flag" ref={flag} aria-expanded={is_flagging.to_string()}
                    aria-controls="flag-sheet" aria-keyshortcuts={shortcut("f")} onclick={toggle}>
                    { text::flag() }<kbd aria-hidden="true">{ "F" }</kbd>
                </button>
                <button class="button small only-key" aria-expanded={keys_panel.is_open.to_string()} aria-controls={KEYS}
                    aria-label={text::judgment_keys()} title={text::judgment_keys()} aria-keyshortcuts={shortcut("?")}
                    onclick={keys}>{ "?" }</button>
                { time(judgment, props.waiting) }
            </div>
            if is_flagging {
                <FlagSheet wire={props.lull.wire.clone()} offer={judgment.offer.clone()} {shown_at} {close} />
            }
            { keys_list(answering_keys(judgment), &words::KEYS, keys_panel.is_open) }
            { skips(judgment) }
            <p class="quiet rule">
                if judgment.is_reviewed {
                    { review::rule(judgment) }{ " " }<span data-testid="record">{ review::record(judgment) }</span>
                } else {
                    { words::rule(judgment, props.lull.is_demo()) }
                }
            </p>
            { more(&props.lull, judgment) }
            <p class="unseen" aria-live="polite" dir="auto" data-testid="next-question">{ spoken }</p>
        </section>
    }
}

/// The judgment behind the one on screen.
fn next_offer(lull: &Lull) -> Option<&str> {
    lull.model.view.as_ref()?.next.as_ref().map(|next| next.offer.as_str())
}

/// Whose it is, and how to decide.
fn head(said: &Said<'_>, is_open: bool, toggle: Callback<MouseEvent>) -> Html {
    html! {
        <>
            <div class="judgment-head">
                <p>
                    <span class="judgment-title" dir="auto">{ said.title }</span>
                    <span class="quiet">{ text::judgment_buyer(said.requester) }</span>
                </p>
                <button class="link-button" aria-expanded={is_open.to_string()} aria-controls={GUIDELINE}
                    aria-keyshortcuts={shortcut("g")} data-testid="guideline" onclick={toggle}>
                    { text::judgment_guideline() }<kbd aria-hidden="true">{ "G" }</kbd>
                </button>
            </div>
            <div class="guideline markdown" id={GUIDELINE} role="group" aria-label={text::judgment_guideline()} tabindex="-1" hidden={!is_open}>
                { formatted(said.guideline, 1) }
            </div>
        </>
    }
}

fn question(said: &Said<'_>) -> Html {
    html! { <h2 class="question" data-testid="question" id="question" dir="auto">{ said.question }</h2> }
}

/// The keys that do something with what is judged.
fn answering_keys(judgment: &Judgment) -> Vec<words::Key> {
    if judgment.is_covered { vec![content_words::UNCOVER_KEY] } else { words::task_keys(&judgment.task) }
}

/// Whether the task has been on screen long enough for this to be meant.
fn is_seen(act: Act, draft: &Draft, look: Look) -> bool {
    let is_untouched = matches!(act, Act::Touch { touch: Touch::Done, .. }) && *draft == Draft::default();
    look.has_lasted(if is_untouched { UNTOUCHED_MS } else { UNSEEN_MS })
}

/// Closes the sheet; the focus goes back to its button, if it is asked to.
#[hook]
fn use_close_flag(button: &NodeRef, flagged: UseStateSetter<Option<String>>) -> Callback<bool> {
    let button = button.clone();
    use_callback((), move |goes_back, ()| {
        flagged.set(None);
        if goes_back {
            focus_in_place(&button);
        }
    })
}

/// Answers, skips, opens the sheet and shows keys; never twice for one offer, and not before it could be seen.
#[hook]
fn use_act(lull: &Lull, judgment: &Judgment, look: Look, draft: Draft, opens: Opens) -> Callback<Act> {
    let (wire, model) = (lull.wire.clone(), lull.model.dispatcher());
    let done = use_mut_ref(|| (String::new(), 0));
    let (offer, task, is_covered) = (judgment.offer.clone(), judgment.task.clone(), judgment.is_covered);
    let deps = (offer, task, is_covered, look, draft, opens);
    use_callback(deps, move |act, (offer, task, is_covered, look, draft, opens)| {
        match act {
            Act::Keys(by) => return opens.keys.emit(by),
            Act::Guideline(by) => return opens.guideline.emit(by),
            Act::Flag => return opens.flag.set(Some(offer.clone())),
            Act::Touch { .. } | Act::Skip | Act::Uncover => {}
        }
        let this = (offer.clone(), look.shown_at);
        if !is_seen(act, draft, *look) || *done.borrow() == this {
            return;
        }
        let (offer, shown_at) = this.clone();
        let chosen = |draft, answered, is_skipped| {
            let offer = offer.clone();
            model.dispatch(Action::Chosen(Progress { offer, shown_at, draft, answered, is_skipped }));
        };
        match act {
            Act::Uncover => wire.send(Command::Uncover { offer }),
            // There is nothing to touch.
            Act::Touch { .. } if *is_covered => {}
            Act::Touch { touch, input } => match draft.touch(task, touch) {
                Touched::Answer(answer) => {
                    *done.borrow_mut() = this;
                    half_done::forget(&offer);
                    // Taken back, it waits for another word: no touch may answer by what was found before.
                    chosen(Draft { found: None, ..*draft }, Some(answer), false);
                    let number = wire.send_numbered(Command::Answer { offer, answer, input, shown_at });
                    model.dispatch(Action::Left(number));
                }
                Touched::Draft(draft) => {
                    half_done::keep_draft(&offer, draft);
                    chosen(draft, None, false);
                }
                Touched::Nothing => {}
            },
            Act::Skip | Act::Keys(_) | Act::Guideline(_) | Act::Flag => {
                *done.borrow_mut() = this;
                half_done::forget(&offer);
                chosen(*draft, None, true);
                let number = wire.send_numbered(Command::Skip { offer, shown_at: Some(shown_at) });
                model.dispatch(Action::Left(number));
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

/// Whether the guideline is open on this card, and what toggles it. It starts open on the first card that carries it.
#[hook]
fn use_guideline(said: &Said<'_>, card: &str) -> (Panel, Callback<AnswerInput>) {
    let mut hasher = DefaultHasher::new();
    (said.requester, said.title, said.guideline).hash(&mut hasher);
    let mark = format!("{:016x}", hasher.finish());
    let first = *use_memo((mark, card.to_owned()), |(mark, _)| first_time(mark));
    // The person's own choice, for this card.
    let chosen = use_state_eq(|| None::<(String, Panel)>);
    let this = chosen.as_ref().filter(|(of, _)| of == card);
    let panel = this.map_or(Panel { is_open: first, by_key: false }, |(_, panel)| *panel);
    let setter = chosen.setter();
    let toggle = use_callback((card.to_owned(), panel), move |by, (card, panel)| {
        setter.set(Some((card.clone(), panel.toggled(by))));
    });
    (panel, toggle)
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

/// What it pays and how its project has gone so far: it is read before the question.
fn pay(judgment: &Judgment, asset: &str) -> Html {
    let outcomes = judgment.pace.map_or(0, |pace| pace.outcomes);
    let said = judgment.pace.map_or_else(|| text::pace_unknown().to_owned(), |pace| offer::pace(&pace));
    html! {
        <p class="pay">
            <strong class="price">{ format::amount_of(judgment.price, asset) }</strong>
            <span class="quiet" data-testid="pace" data-outcomes={outcomes.to_string()}>{ said }</span>
        </p>
    }
}

/// How long it is the person's.
fn time(judgment: &Judgment, waiting: u32) -> Html {
    html! {
        <p class="terms">
            <span class="quiet" role="timer" aria-live="off">
                <Countdown at_ms={judgment.deadline} until={Until::Deadline} />
                if waiting > 0 { { " · " }{ text::waiting_behind(waiting.into()) } }
            </span>
        </p>
    }
}

/// What skips do to the pay, and how many are left.
fn skips(judgment: &Judgment) -> Html {
    html! {
        <>
            if judgment.pace.is_some() {
                <p class="quiet">{ text::pace_counts() }</p>
            }
            if let Some(left) = judgment.skips_left {
                <p class="quiet" data-testid="skips-left" data-value={left.to_string()}>{ offer::skips_left(left) }</p>
            }
        </>
    }
}

/// What is wanted more seldom.
fn more(lull: &Lull, judgment: &Judgment) -> Html {
    let requester = judgment.requester.clone();
    let label = text::never_buyer(&requester);
    let never = lull.on_click(Command::Never(NeverWhat::Requester(requester)));
    html! {
        <details class="judgment-more" key={format!("more {}", judgment.offer)}>
            <summary data-testid="judgment-more">{ text::judgment_more() }</summary>
            <button class="button small danger" data-testid="never-buyer" onclick={never}>{ label }</button>
        </details>
    }
}

/// What a screen reader says of this judgment, once: when the background has said what became of the answer before, which
/// is in it.
#[hook]
fn use_spoken(lull: &Lull, judgment: &Judgment, shown_at: u64, is_guideline_open: bool) -> Rc<String> {
    let title = use_mut_ref(String::new);
    let last = use_mut_ref(Rc::<String>::default);
    let progress = &lull.model.progress;
    let is_same = progress.offer == judgment.offer && (progress.answered.is_some() || progress.is_skipped);
    let is_taken_back = is_same && progress.shown_at != shown_at;
    let is_ahead = lull.model.is_ahead();
    let spoken = use_memo((judgment.offer.clone(), judgment.is_covered, is_taken_back, is_ahead), |_| {
        if is_ahead {
            return last.borrow().clone();
        }
        let before = title.replace(judgment.title.clone());
        let before = Before {
            title: &before,
            is_taken_back,
            is_guideline_open,
            asset: lull.asset(),
            has_keys: single_keys::are_on(),
        };
        let spoken = Rc::new(spoken::spoken(judgment, lull.model.view.as_deref(), &before));
        last.replace(spoken.clone());
        spoken
    });
    (*spoken).clone()
}
