//! Consent to bandwidth: two statements, three questions that check understanding, then the browser's own
//! question. A wrong answer is explained, and another one can be given at once.

use lull_view::{Command, Statement, View};
use web_sys::HtmlInputElement;
use yew::events::Event;
use yew::{Callback, Html, Properties, TargetCast, classes, component, html, use_state_eq};

use super::bandwidth::{Asked, ask_browser};
use super::home::open_tab;
use crate::icons::Icon;
use crate::link::Wire;
use crate::model::Lull;
use crate::parts::title_bar;
use crate::route::{Route, is_tab};
use crate::text;
use crate::words::consent::{self as words, Message, QUESTIONS, Question};

/// The page.
pub(crate) fn consent(lull: &Lull, view: &View) -> Html {
    html! {
        <div class="page consent">
            { title_bar(text::consent_page()) }
            if view.consent.given_at.is_some() && !view.consent.is_current {
                <p class="denied" data-testid="consent-again">{ text::consent_again() }</p>
            }
            <p class="lead">{ text::consent_lead() }</p>
            <Form wire={lull.wire.clone()} />
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct FormProps {
    wire: Wire,
}

/// What has been said so far: each statement, and the answer chosen for each question.
#[derive(Clone, Default, PartialEq)]
struct Said {
    adult: bool,
    may_share: bool,
    chosen: [Option<usize>; QUESTIONS.len()],
}

impl Said {
    fn open(&self) -> usize {
        let statements = [self.adult, self.may_share].into_iter().filter(|said| !said).count();
        let is_open = |(question, chosen): &(&Question, &Option<usize>)| **chosen != Some(question.right);
        statements + QUESTIONS.iter().zip(&self.chosen).filter(is_open).count()
    }
}

#[component]
fn Form(props: &FormProps) -> Html {
    let said = use_state_eq(Said::default);
    let asked = use_state_eq(|| Asked::NotYet);
    let change = |change: fn(&mut Said, bool)| {
        let said = said.clone();
        Callback::from(move |on| {
            let mut next = (*said).clone();
            change(&mut next, on);
            said.set(next);
        })
    };
    let questions = QUESTIONS.iter().enumerate().map(|(n, asks)| {
        let said = said.clone();
        let chosen = said.chosen.get(n).copied().flatten();
        let choose = Callback::from(move |place| {
            let mut next = (*said).clone();
            if let Some(chosen) = next.chosen.get_mut(n) {
                *chosen = Some(place);
            }
            said.set(next);
        });
        question(n, asks, chosen, &choose)
    });
    let (wire, setter) = (props.wire.clone(), asked.setter());
    let agree = move |_| {
        let understood = QUESTIONS.iter().map(|question| question.statement);
        let statements = [Statement::Adult, Statement::MayShare].into_iter().chain(understood).collect();
        wire.send(Command::Agree { statements });
        ask_browser(&wire, &setter, true);
    };
    let open = said.open();
    html! {
        <>
            <fieldset class="card say">
                <legend><h2>{ text::consent_say() }</h2></legend>
                { statement("adult", text::consent_adult(), text::consent_adult_more(), said.adult, change(|said, on| said.adult = on)) }
                { statement("may-share", text::consent_may_share(), text::consent_may_share_more(), said.may_share,
                    change(|said, on| said.may_share = on)) }
            </fieldset>
            <div class="know">
                <h2>{ text::consent_know() }</h2>
                <p class="quiet">{ text::consent_know_more() }</p>
            </div>
            { for questions }
            <section class="card agree">
                <p role="status" data-testid="consent-open" data-open={open.to_string()}>{ words::still_open(open) }</p>
                if is_tab() {
                    <button class="button primary wide" data-testid="agree" onclick={agree}
                        disabled={open > 0 || *asked == Asked::Asking}>
                        { if *asked == Asked::Asking { text::lend_asking() } else { text::consent_agree() } }
                    </button>
                    <p class="quiet">{ text::consent_agree_more() }</p>
                } else {
                    <button class="button primary wide" onclick={|_| open_tab(Route::Consent)}>{ text::lend_tab() }</button>
                    <p class="quiet">{ text::consent_agree_tab() }</p>
                }
                if *asked == Asked::Denied {
                    <p class="denied" role="alert">{ text::lend_denied() }</p>
                }
            </section>
        </>
    }
}

/// One statement to tick.
fn statement(id: &'static str, label: &'static str, more: &'static str, on: bool, change: Callback<bool>) -> Html {
    let changed = move |event: Event| {
        let field: Option<HtmlInputElement> = event.target_dyn_into();
        change.emit(field.is_some_and(|field| field.checked()));
    };
    let more_id = format!("{id}-more");
    html! {
        <label class="choice statement">
            <input type="checkbox" data-testid={id} checked={on} onchange={changed} aria-describedby={more_id.clone()} />
            <span><strong>{ label }</strong><span class="quiet" id={more_id}>{ more }</span></span>
        </label>
    }
}

/// One question. What is said about the chosen answer is announced, and any other can be chosen.
fn question(n: usize, asks: &Question, chosen: Option<usize>, choose: &Callback<usize>) -> Html {
    let name = format!("question-{n}");
    let answer = |(place, (answer, _)): (usize, &(Message, Message))| {
        let choose = choose.clone();
        let id = format!("answer-{n}-{place}");
        let class = match chosen == Some(place) {
            true if place == asks.right => "right",
            true => "not-quite",
            false => "",
        };
        html! {
            <label class={classes!("choice", "reply", class)}>
                <input type="radio" name={name.clone()} data-testid={id} checked={chosen == Some(place)}
                    onchange={move |_: Event| choose.emit(place)} />
                <span>{ answer() }</span>
            </label>
        }
    };
    let said = chosen.and_then(|place| asks.answers.get(place)).map(|(_, said)| said());
    let is_right = chosen == Some(asks.right);
    html! {
        <fieldset class="card quiz" data-testid={name.clone()} data-done={is_right.to_string()}>
            <legend><h3>{ (asks.question)() }</h3></legend>
            { for asks.answers.iter().enumerate().map(answer) }
            <p class={classes!("feedback", if is_right { "right" } else { "not-quite" })} role="status">
                if let Some(said) = said {
                    if is_right { { Icon::Check.draw() } }
                    <span>{ said }</span>
                }
            </p>
        </fieldset>
    }
}
