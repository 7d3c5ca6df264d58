//! What the popup knows: the background's view, and what changed between two of them.

use std::rc::Rc;

use lull_view::{Activity, ActivityState, ActivityWork, Command, Draft, Judgment, TaskAnswer, View};
use yew::{Callback, MouseEvent, Reducible, UseReducerHandle};

use crate::link::{Heard, Wire};

/// The state of the whole popup.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Model {
    /// The newest view; `None` until the background first speaks.
    pub(crate) view: Option<Rc<View>>,
    /// The newest judgment that was paid while the popup was open.
    pub(crate) credit: Option<Credit>,
    /// A command that failed, in words.
    pub(crate) failure: Option<String>,
    /// The first view was painted: what lies below the fold may follow.
    pub(crate) is_painted: bool,
    /// The answer in the making, or the last one.
    pub(crate) progress: Progress,
    /// The judgment that is on screen before the background has said so.
    ahead: Option<Ahead>,
}

/// A judgment was answered or skipped, and the background has not told what came of it.
#[derive(Clone, Debug, PartialEq)]
struct Ahead {
    /// The number of that command.
    command: u32,
    /// The offer of the one that was left.
    left: String,
    /// The one that came in its place.
    judgment: Judgment,
    /// What the background said last: shown again if the command fails.
    said: Rc<View>,
}

/// What was chosen of the answer to one judgment. It outlives the judgment's card, for an answer or a
/// skip can be taken back.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    /// The judgment's offer.
    pub(crate) offer: String,
    /// When it was shown: a judgment that was taken back is shown again, with what was chosen.
    pub(crate) shown_at: u64,
    /// What was chosen so far.
    pub(crate) draft: Draft,
    /// The whole answer.
    pub(crate) answered: Option<TaskAnswer>,
    /// It was skipped.
    pub(crate) is_skipped: bool,
}

/// Money that came in for one judgment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credit {
    /// Opens the receipt.
    pub(crate) offer: String,
    /// Base units.
    pub(crate) amount: u64,
}

/// What happens to the model.
pub(crate) enum Action {
    /// The background spoke.
    Heard(Heard),
    /// The failure was read.
    FailureRead,
    /// The first view was painted.
    Painted,
    /// Something was chosen.
    Chosen(Progress),
    /// The judgment on screen was answered or skipped, by the command of this number.
    Left(u32),
}

impl Reducible for Model {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let mut next = (*self).clone();
        match action {
            Action::Heard(Heard::View { of, view }) => {
                if let Some(credit) = self.view.as_ref().and_then(|before| credit_between(before, &view)) {
                    next.credit = Some(credit);
                }
                let said = Rc::from(view);
                // What was said before the background knew is no word about the judgment.
                next.ahead = next.ahead.filter(|ahead| of != Some(ahead.command) && ahead.is_left_in(&said));
                next.view = Some(match &mut next.ahead {
                    Some(ahead) => {
                        ahead.said = said;
                        ahead.view()
                    }
                    None => said,
                });
            }
            Action::Heard(Heard::Begun) => next.ahead = None,
            Action::Heard(Heard::Failed { of, error }) => {
                if let Some(ahead) = next.ahead.take_if(|ahead| of == Some(ahead.command)) {
                    next.view = Some(ahead.said);
                }
                next.failure = Some(error);
            }
            Action::Left(command) => {
                if let Some(said) = self.view.clone()
                    && let (Some(left), Some(judgment)) = (&said.judgment, said.next.clone())
                {
                    let left = left.offer.clone();
                    let ahead = Ahead { command, left, judgment, said };
                    next.view = Some(ahead.view());
                    next.ahead = Some(ahead);
                }
            }
            Action::FailureRead => next.failure = None,
            Action::Painted => next.is_painted = true,
            Action::Chosen(progress) => next.progress = progress,
        }
        Rc::new(next)
    }
}

impl Model {
    /// Whether the judgment on screen has come before the background has said so.
    pub(crate) fn is_ahead(&self) -> bool {
        self.ahead.is_some()
    }
}

impl Ahead {
    /// Whether this view still has the judgment that was left.
    fn is_left_in(&self, view: &View) -> bool {
        view.judgment.as_ref().is_some_and(|judgment| judgment.offer == self.left)
    }

    /// What the background said last, with the judgment that came in place of the one that was left.
    fn view(&self) -> Rc<View> {
        let mut view = (*self.said).clone();
        view.judgment = Some(self.judgment.clone());
        view.next = None;
        view.judgments_waiting = view.judgments_waiting.saturating_sub(1);
        Rc::new(view)
    }
}

/// The newest judgment that is paid in `now` and was not in `before`.
fn credit_between(before: &View, now: &View) -> Option<Credit> {
    let was_paid = |offer: &str| before.activities.iter().any(|a| a.offer == offer && is_paid(a));
    let fresh = |a: &&Activity| matches!(a.work, ActivityWork::Judgment { .. }) && is_paid(a) && !was_paid(&a.offer);
    let paid = now.activities.iter().find(fresh)?;
    Some(Credit { offer: paid.offer.clone(), amount: paid.amount })
}

fn is_paid(activity: &Activity) -> bool {
    matches!(activity.state, ActivityState::Accepted | ActivityState::Ambiguous) && activity.amount > 0
}

/// What every page gets: the model and the line.
#[derive(Clone, PartialEq)]
pub(crate) struct Lull {
    /// The state.
    pub(crate) model: UseReducerHandle<Model>,
    /// The line to the background.
    pub(crate) wire: Wire,
}

impl Lull {
    /// What a click sends.
    pub(crate) fn on_click(&self, command: Command) -> Callback<MouseEvent> {
        let wire = self.wire.clone();
        Callback::from(move |_| wire.send(command.clone()))
    }

    /// The name of the money.
    pub(crate) fn asset(&self) -> &str {
        let operator = self.model.view.as_ref().and_then(|view| view.operator.as_ref());
        operator.map_or("", |operator| operator.asset.as_str())
    }

    /// Whether the others who answer are the demonstration's crowd.
    pub(crate) fn is_demo(&self) -> bool {
        let operator = self.model.view.as_ref().and_then(|view| view.operator.as_ref());
        operator.is_some_and(|operator| operator.demo)
    }
}

#[cfg(test)]
mod tests {
    use lull_view::{
        Account, Bandwidth, BandwidthState, Consent, Diagnostics, JudgmentTask, Limits, Link, Settings, WarningSet,
    };

    use super::*;

    fn judgment(offer: &str, state: ActivityState, amount: u64) -> Activity {
        let work = ActivityWork::Judgment { title: "words".to_owned(), answer: "yes".to_owned() };
        Activity { offer: offer.to_owned(), at: 0, requester: "lab".to_owned(), work, state, amount }
    }

    fn view(activities: Vec<Activity>) -> View {
        View {
            link: Link::Connected,
            settings: Settings::default(),
            operator: None,
            worker: String::new(),
            account: Account::default(),
            judgment: None,
            judgments_waiting: 0,
            bandwidth: Bandwidth { state: BandwidthState::Off, site: None, bytes: 0, fetches: 0 },
            consent: Consent::default(),
            limits: Limits::default(),
            activities,
            outbox: 0,
            diagnostics: Diagnostics::default(),
            notice: None,
            never: lull_view::Never::default(),
            take_back: None,
            pops: lull_view::Pops::default(),
            practice: None,
            warnings: lull_view::Warnings::default(),
            wishes: lull_view::Wishes::default(),
            contested: None,
            reviews: 0,
            wallet: lull_view::WalletGlance::default(),
            next: None,
        }
    }

    fn heard(model: Model, activities: Vec<Activity>) -> Model {
        let action = Action::Heard(Heard::View { of: None, view: Box::new(view(activities)) });
        (*Rc::new(model).reduce(action)).clone()
    }

    #[test]
    fn a_credit_is_what_was_paid_between_two_views() {
        let waiting = judgment("a", ActivityState::Waiting, 0);
        let paid = judgment("a", ActivityState::Accepted, 4_000);
        let first = heard(Model::default(), vec![paid.clone()]);
        assert_eq!(first.credit, None, "paid before the popup opened");
        let model = heard(heard(Model::default(), vec![waiting]), vec![paid.clone()]);
        assert_eq!(model.credit, Some(Credit { offer: "a".to_owned(), amount: 4_000 }));
        let next = judgment("b", ActivityState::Ambiguous, 5_000);
        let model = heard(model, vec![next, paid]);
        assert_eq!(model.credit, Some(Credit { offer: "b".to_owned(), amount: 5_000 }));
    }

    #[test]
    fn neither_a_rejection_nor_a_fetch_is_a_credit() {
        let work = ActivityWork::Fetch {
            site: "example.org".to_owned(),
            purpose: "archive".to_owned(),
            outcome: "ok".to_owned(),
            reason: None,
            bytes: 1,
        };
        let fetch = Activity { work, ..judgment("f", ActivityState::Accepted, 600) };
        let rejected = judgment("r", ActivityState::Rejected, 0);
        let model = heard(heard(Model::default(), Vec::new()), vec![fetch, rejected]);
        assert_eq!(model.credit, None);
    }

    fn asked(offer: &str) -> Judgment {
        Judgment {
            offer: offer.to_owned(),
            requester: String::new(),
            title: String::new(),
            guideline: String::new(),
            question: String::new(),
            task: JudgmentTask::Verify { claim: String::new(), source: vec![] },
            price: 0,
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

    fn asking(judgment: &str, next: Option<&str>) -> Box<View> {
        let (judgment, next) = (Some(asked(judgment)), next.map(asked));
        Box::new(View { judgments_waiting: u32::from(next.is_some()), judgment, next, ..view(vec![]) })
    }

    fn on_screen(model: &Model) -> (&str, u32) {
        let view = model.view.as_ref().expect("it has a view");
        (view.judgment.as_ref().expect("there is a judgment").offer.as_str(), view.judgments_waiting)
    }

    #[test]
    fn the_next_judgment_waits_for_nobody() {
        let says = |model: Model, of, view| (*Rc::new(model).reduce(Action::Heard(Heard::View { of, view }))).clone();
        let left = |model: Model, command| (*Rc::new(model).reduce(Action::Left(command))).clone();
        let model = left(says(Model::default(), None, asking("a", Some("b"))), 7);
        assert_eq!(on_screen(&model), ("b", 0));
        // What was on its way when the answer was given, and the answers to what was asked before.
        let model = says(says(model, None, asking("a", Some("b"))), Some(6), asking("a", Some("b")));
        assert_eq!(on_screen(&model), ("b", 0));
        // The answer was not taken: the background has the last word.
        assert_eq!(on_screen(&says(model.clone(), Some(7), asking("a", Some("b")))), ("a", 1));
        let model = says(model, Some(7), asking("b", Some("c")));
        assert_eq!(on_screen(&model), ("b", 1));
        assert_eq!(on_screen(&says(model, None, asking("a", Some("b")))), ("a", 1), "it was taken back");
    }

    #[test]
    fn a_new_line_and_another_judgment_have_the_last_word() {
        let model = Rc::new(Model { view: Some(Rc::from(asking("a", Some("b")))), ..Model::default() });
        let left = model.reduce(Action::Left(7));
        let says = |model: &Rc<Model>, view| model.clone().reduce(Action::Heard(Heard::View { of: None, view }));
        assert_eq!(on_screen(&says(&left, asking("c", None))), ("c", 0), "both were withdrawn");
        let again = left.reduce(Action::Heard(Heard::Begun));
        assert_eq!(on_screen(&says(&again, asking("a", None))), ("a", 0), "the answer was lost with the background");
    }

    #[test]
    fn a_command_that_failed_brings_its_judgment_back() {
        let model = Rc::new(Model { view: Some(Rc::from(asking("a", Some("b")))), ..Model::default() });
        let left = model.reduce(Action::Left(7));
        let fails = |of| left.clone().reduce(Action::Heard(Heard::Failed { of, error: "no".to_owned() }));
        assert_eq!(on_screen(&fails(Some(6))), ("b", 0), "another one");
        let back = fails(Some(7));
        assert_eq!((on_screen(&back), back.failure.as_deref()), (("a", 1), Some("no")));
        let newer = left.reduce(Action::Heard(Heard::View { of: Some(6), view: asking("a", Some("c")) }));
        let back = newer.reduce(Action::Heard(Heard::Failed { of: Some(7), error: "no".to_owned() }));
        let next = back.view.as_ref().and_then(|view| view.next.as_ref()).expect("one more waits");
        assert_eq!((on_screen(&back), next.offer.as_str()), (("a", 1), "c"), "as the background said last");
        let again = back.reduce(Action::Heard(Heard::View { of: None, view: asking("a", Some("c")) }));
        assert_eq!(on_screen(&again), ("a", 1), "nothing is ahead any more");
    }

    #[test]
    fn the_last_judgment_stays_until_the_background_knows() {
        let model = Rc::new(Model { view: Some(Rc::from(asking("a", None))), ..Model::default() });
        assert_eq!(on_screen(&model.reduce(Action::Left(7))), ("a", 0));
    }

    #[test]
    fn a_failure_stays_until_it_is_read() {
        let failed =
            Rc::new(Model::default()).reduce(Action::Heard(Heard::Failed { of: None, error: "no".to_owned() }));
        assert_eq!(failed.failure.as_deref(), Some("no"));
        assert_eq!(failed.reduce(Action::FailureRead).failure, None);
    }
}
