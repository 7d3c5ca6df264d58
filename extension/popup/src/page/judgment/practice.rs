//! Practice: the same card, and at once whether it is right and why. Nothing of it leaves the page but that it is over.

use lull_view::{AnswerInput, Command, Draft, JudgmentTask, Practice, SolvedTask, TaskAnswer, Touch, Touched};
use yew::{
    Callback, Html, MouseEvent, NodeRef, Properties, classes, component, hook, html, use_callback, use_effect_with,
    use_memo, use_node_ref, use_state_eq,
};

use super::content::judged;
use super::keys::{Keys, keys_list, use_keys};
use super::more_time::{Lease, MoreTime};
use super::options::{options, texts};
use super::spoken::in_order;
use super::{
    Act, GUIDELINE, KEYS, Panel, Said, UNSEEN_MS, UNTOUCHED_MS, head, input_of, is_seen, question, use_focus_on_mark,
    use_focus_on_next, use_guideline, use_panel_focus,
};
use crate::format;
use crate::icons::Icon;
use crate::look::Look;
use crate::model::Lull;
use crate::parts::{Countdown, Until, focus};
use crate::single_keys::{self, shortcut, storage};
use crate::text;
use crate::words::judgment as card_words;
use crate::words::practice as words;

/// How far the last practice is, as remembered in the browser: its hash, and the item's number from 0.
const PLACE_KEY: &str = "practice-place";

#[derive(PartialEq, Properties)]
pub(crate) struct PracticeProps {
    pub(crate) lull: Lull,
    pub(crate) practice: Practice,
}

/// One item after the other, then what comes next.
#[component]
pub(crate) fn PracticeCard(props: &PracticeProps) -> Html {
    let PracticeProps { lull, practice } = props;
    let at = use_state_eq(|| remembered(&practice.practice));
    let (setter, wire) = (at.setter(), lull.wire.clone());
    let next = use_callback((practice.practice.clone(), *at), move |(), (practice, at)| {
        remember(practice, at + 1);
        setter.set(at + 1);
    });
    let over = use_callback(practice.practice.clone(), move |(), practice: &String| {
        wire.send(Command::Practised { practice: practice.clone() });
    });
    let time = html! {
        <>
            <MoreTime wire={lull.wire.clone()} lease={Lease::behind(practice)} />
            <p class="quiet" role="timer" aria-live="off">
                <Countdown at_ms={practice.deadline} until={Until::PaidDeadline} />
            </p>
        </>
    };
    if *at < practice.items.len() {
        html! { <Item key={*at} practice={practice.clone()} at={*at} {next} skip={over} {time} /> }
    } else {
        html! { <Over price={format::amount_of(practice.price, lull.asset())} {over} {time} /> }
    }
}

/// Where this practice was left. Without storage it begins anew.
fn remembered(practice: &str) -> usize {
    let place = storage().and_then(|storage| storage.get_item(PLACE_KEY).ok().flatten()).unwrap_or_default();
    let at = place.split_once(' ').filter(|(of, _)| *of == practice).and_then(|(_, at)| at.parse().ok());
    at.unwrap_or_default()
}

fn remember(practice: &str, at: usize) {
    // See above.
    let _ = storage().map(|storage| storage.set_item(PLACE_KEY, &format!("{practice} {at}")));
}

#[derive(PartialEq, Properties)]
struct ItemProps {
    practice: Practice,
    at: usize,
    next: Callback<()>,
    skip: Callback<()>,
    /// What is left for the paid one.
    time: Html,
}

/// An item: its task, and what is said once it is answered.
#[component]
fn Item(props: &ItemProps) -> Html {
    let ItemProps { practice, at, next, skip, time } = props;
    let (card, verdict) = (use_node_ref(), use_node_ref());
    let draft = use_state_eq(Draft::default);
    let given = use_state_eq(|| None::<TaskAnswer>);
    let keys_panel = use_state_eq(Panel::default);
    let look = *use_memo(*given, |_| Look::begin());
    let id = format!("{} {at}", practice.practice);
    let Some(item) = practice.items.get(*at) else { unreachable!("a card is made for an item") };
    let Practice { requester, title, guideline, question: asked, .. } = practice;
    let said = Said { requester, title, guideline, question: asked };
    let (guideline, toggle_guideline) = use_guideline(&said, &practice.practice);
    let (drafts, gives, shows) = (draft.setter(), given.setter(), keys_panel.setter());
    let ways = (toggle_guideline, next.clone(), skip.clone());
    let deps = (item.task.clone(), *draft, *given, *keys_panel, ways);
    let act = use_callback(deps, move |act, (task, draft, given, keys_panel, (guideline, next, skip))| match act {
        Act::Keys(by) => shows.set(keys_panel.toggled(by)),
        Act::Guideline(by) => guideline.emit(by),
        // There is nobody to tell.
        Act::Flag | Act::Uncover => {}
        _ if !is_meant(act, draft, *given, look) => {}
        Act::Skip => skip.emit(()),
        Act::Touch { touch: Touch::Done, .. } if given.is_some() => next.emit(()),
        Act::Touch { .. } if given.is_some() => {}
        Act::Touch { touch, .. } => match draft.touch(task, touch) {
            Touched::Answer(answer) => gives.set(Some(answer)),
            Touched::Draft(draft) => drafts.set(draft),
            Touched::Nothing => {}
        },
    });
    use_keys(Some(act.clone()), if given.is_some() { Keys::GO_ON } else { Keys::of_task(&item.task) });
    use_focus_on_next(&card, &id);
    use_focus_on_mark(&card, &id, draft.sentence);
    use_focus_on_verdict(&verdict, given.is_some());
    use_panel_focus(&card, GUIDELINE, guideline);
    use_panel_focus(&card, KEYS, *keys_panel);
    let click_guideline = act.reform(|_: MouseEvent| Act::Guideline(AnswerInput::Pointer));
    let place = words::place(at + 1, practice.items.len());
    let spoken = in_order(vec![place.clone()], asked, &item.task, single_keys::are_on());
    html! {
        <section class="judgment practice" ref={card} tabindex="-1" aria-label={text::practice_page()}
            data-testid="practice" data-practice={practice.practice.clone()}>
            { head(&said, guideline.is_open, click_guideline) }
            <p class="practice-place" data-testid="practice-place">{ Icon::Question.draw() }{ &place }</p>
            { question(&said) }
            <fieldset class="practice-task" disabled={given.is_some()}>
                <div class="subject">{ judged(&item.task, &draft, &act) }</div>
                { options(&item.task, &draft, *given, &act) }
            </fieldset>
            { verdict_on(item, *given, &verdict, &act) }
            { time.clone() }
            { foot(&item.task, keys_panel.is_open, &act) }
            <p class="unseen" aria-live="polite" dir="auto" data-testid="next-question">{ spoken }</p>
        </section>
    }
}

/// Whether what is on screen has been there long enough: the task for this, or the verdict to be seen at all.
fn is_meant(act: Act, draft: &Draft, given: Option<TaskAnswer>, look: Look) -> bool {
    match given {
        None => is_seen(act, draft, look),
        Some(_) => look.has_lasted(UNSEEN_MS),
    }
}

/// Whether it was right, why, and the way on.
fn verdict_on(item: &SolvedTask, given: Option<TaskAnswer>, node: &NodeRef, act: &Callback<Act>) -> Html {
    let is_right = given.is_some_and(|given| given.agrees(&item.answer));
    let (icon, class) = if is_right { (Icon::Check, "right") } else { (Icon::Next, "other") };
    let act = act.clone();
    let go_on = move |event: MouseEvent| act.emit(Act::Touch { touch: Touch::Done, input: input_of(&event) });
    html! {
        <>
            <div role="status">
                if given.is_some() {
                    <div class={classes!("practice-verdict", class)} ref={node} tabindex="-1"
                        data-testid="practice-verdict" data-right={is_right.to_string()}>
                        <span class="practice-icon">{ icon.draw() }</span>
                        <div>
                            <p class="practice-word" dir="auto">
                                if is_right { { text::practice_right() } } else {
                                    { text::practice_better(&in_words(&item.task, &item.answer)) }
                                }
                            </p>
                            <p dir="auto">{ &item.explanation }</p>
                        </div>
                    </div>
                }
            </div>
            if given.is_some() {
                <button class="button primary" data-testid="go-on" aria-keyshortcuts="Enter" onclick={go_on}>
                    { text::practice_go_on() }<kbd aria-hidden="true">{ "↵" }</kbd>
                </button>
            }
        </>
    }
}

fn foot(task: &JudgmentTask, keys_shown: bool, act: &Callback<Act>) -> Html {
    let (skip, keys) =
        (act.reform(|_: MouseEvent| Act::Skip), act.reform(|_: MouseEvent| Act::Keys(AnswerInput::Pointer)));
    html! {
        <>
            <div class="judgment-foot">
                <button class="button small" data-testid="skip-practice" aria-keyshortcuts={shortcut("s")} onclick={skip}>
                    { text::practice_skip() }<kbd aria-hidden="true">{ "S" }</kbd>
                </button>
                <button class="button small" aria-expanded={keys_shown.to_string()} aria-controls="keys"
                    aria-keyshortcuts={shortcut("?")} onclick={keys}>{ text::judgment_keys() }<kbd aria-hidden="true">{ "?" }</kbd></button>
            </div>
            { keys_list(card_words::task_keys(task), &words::KEYS, keys_shown) }
        </>
    }
}

/// The right answer, as a person would say it.
fn in_words(task: &JudgmentTask, answer: &TaskAnswer) -> String {
    let texts = texts(task);
    let text = |option: u8| texts.get(usize::from(option)).map(|text| text.to_string()).unwrap_or_default();
    match answer {
        TaskAnswer::Choice(option) => text(*option),
        TaskAnswer::Multi(chosen) if chosen.count() == 0 => text::judgment_none_of_these().to_owned(),
        TaskAnswer::Multi(chosen) => chosen.iter().map(text).collect::<Vec<_>>().join(" · "),
        TaskAnswer::Compare(preference) => words::preference(*preference).to_owned(),
        TaskAnswer::Rating(step) => format::count((*step).into()),
        TaskAnswer::Verify(finding) => words::finding(*finding),
    }
}

/// What was said of the answer takes the focus: it is in view, and a screen reader says it.
#[hook]
fn use_focus_on_verdict(verdict: &NodeRef, is_given: bool) {
    let verdict = verdict.clone();
    use_effect_with(is_given, move |is_given| {
        if *is_given {
            focus(&verdict);
        }
    });
}

#[derive(PartialEq, Properties)]
struct OverProps {
    price: String,
    over: Callback<()>,
    time: Html,
}

/// The end: from here on it is paid, so nothing goes on by itself.
#[component]
fn Over(props: &OverProps) -> Html {
    let OverProps { price, over, time } = props;
    let start = use_node_ref();
    let look = *use_memo((), |()| Look::begin());
    use_focus_on_verdict(&start, true);
    let click = use_callback(over.clone(), move |_: MouseEvent, over| {
        // Whoever still holds Enter down has not read this.
        if look.has_lasted(UNTOUCHED_MS) {
            over.emit(());
        }
    });
    html! {
        <section class="judgment practice practice-over" aria-label={text::practice_page()} data-testid="practice-over">
            <h2 class="question">{ text::practice_over() }</h2>
            <p>{ text::practice_paid_now(price) }</p>
            { time.clone() }
            <button class="button primary" ref={start} data-testid="start-paid" onclick={click}>
                { text::practice_start() }<kbd aria-hidden="true">{ "↵" }</kbd>
            </button>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use lull_view::{Finding, JudgmentContent, OptionSet, Preference};

    use super::*;

    #[test]
    fn a_right_answer_is_said_as_a_person_would() {
        let content = JudgmentContent::Text { text: "a".to_owned() };
        let options = vec!["red".to_owned(), "small".to_owned(), "sings".to_owned()];
        let choice = JudgmentTask::Choice { content: content.clone(), options: options.clone() };
        assert_eq!(in_words(&choice, &TaskAnswer::Choice(1)), "small");
        let multi = JudgmentTask::Multi { content: content.clone(), options, least: 0, most: 3 };
        let set = |bits| TaskAnswer::Multi(OptionSet::from_bits(bits).expect("three options"));
        assert_eq!(in_words(&multi, &set(0b101)), "red · sings");
        assert_eq!(in_words(&multi, &set(0)), "None of these");
        let compare = JudgmentTask::Compare { left: content.clone(), right: content };
        let said = text::practice_better(&in_words(&compare, &TaskAnswer::Compare(Preference::Right)));
        assert_eq!(said, "Better: B");
        let verify = JudgmentTask::Verify { claim: "it froze".to_owned(), source: vec!["cold".to_owned(); 2] };
        let found = TaskAnswer::Verify(Finding::Contradicted { sentence: 1 });
        assert_eq!(in_words(&verify, &found), "Contradicted, by sentence 2");
    }
}
